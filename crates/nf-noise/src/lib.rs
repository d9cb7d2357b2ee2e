//! Noise of raw frames, and what it must cost: numbers from pixels, without a codec or a page.
//!
//! - [`sigma`]: standard deviation of the noise of a frame, by four estimators.
//! - [`entropy`]: entropy of normal noise rounded to integers.
//! - [`estimate`]: an [`Estimate`] of the bits per pixel of a frame, and what kind of figure it is;
//!   [`frame_estimates`] collects all that apply to a frame.
//! - [`unexposed`]: overscan, prescan and reference pixels; [`photon_transfer`]: pairs of
//!   exposures;
//!   [`ramp`]: groups of a ramp.
//! - [`calibration`], [`sampled_frame`]: a model's predictive distributions held against the
//!   pixels.
//! - [`median`]: the order statistic that they share.
#![forbid(unsafe_code)]

pub mod calibration;
pub mod entropy;
pub mod estimate;
mod frame;
pub mod median;
pub mod photon_transfer;
pub mod ramp;
pub mod sampled_frame;
pub mod sigma;
pub mod unexposed;

#[cfg(test)]
mod testdata;

pub use estimate::{Estimate, Estimator, Kind};
pub use frame::frame_estimates;
pub use sigma::SigmaEstimator;
