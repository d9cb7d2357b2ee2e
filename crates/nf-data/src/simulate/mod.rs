//! Simulated exposures whose noise entropy is known.
//!
//! What noise is made of:
//! - [`draw`]: samplers of Poisson and Gaussian noise on a portable generator.
//! - [`adc`]: converters, ideal and uneven.
//! - [`oracle`]: the probability of a pixel's value under its distribution.
//! - [`frame`], [`ramp`]: a map of distributions, a draw from it, its worth in bits; for single
//!   frames and for ramps.
//!
//! What a frame shows:
//! - [`scene`]: sky, stars, galaxies; [`defects`]: cosmic rays, hot pixels, bleeding, trails,
//!   drifts.
//! - [`describe`]: what it costs to describe such layers.
//!
//! Instruments: [`ccd`] (plain), [`lris`], [`acs`], [`nircam`], [`sdss`], [`lco`]; the CCD ones
//! share [`camera`].

pub mod acs;
pub mod adc;
pub mod camera;
pub mod ccd;
pub mod defects;
pub mod describe;
pub mod draw;
pub mod frame;
pub mod lco;
pub mod lris;
pub mod nircam;
pub mod oracle;
pub mod ramp;
pub mod scene;
pub mod sdss;
mod set;

pub use set::{SimulatedSet, Simulator};
