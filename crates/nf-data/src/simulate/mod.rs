//! Simulated exposures whose noise entropy is known.
//!
//! - [`draw`]: samplers of Poisson and Gaussian noise on a portable generator.
//! - [`adc`]: converters, ideal and uneven.
//! - [`oracle`]: the probability of a pixel's value under its law.
//! - [`frame`]: a map of laws, a draw from it, its worth in bits.
//! - [`scene`]: sky and sources.
//! - [`ccd`]: the plain CCD.

pub mod adc;
pub mod ccd;
pub mod draw;
pub mod frame;
pub mod oracle;
pub mod scene;
mod set;

pub use set::{SimulatedSet, Simulator};
