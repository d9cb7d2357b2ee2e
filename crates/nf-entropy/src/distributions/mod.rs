//! Distributions: what a model can predict of the next symbol.
//!
//! - [`Categorical`]: any widths over at most 65536 symbols.
//! - [`Uniform`]: every symbol alike; raw bits through a [`SymbolCoder`](crate::SymbolCoder).
//! - [`Mixture`]: logistics over all 16-bit samples, with integer parameters.

mod categorical;
mod mixture;
mod shape;
mod uniform;

pub use categorical::Categorical;
pub use mixture::{Component, MEAN_UNIT_BITS, Mixture, SAMPLES};
pub use shape::{Logistic, SCALE_ONE, SCALE_STEPS_PER_OCTAVE, SCALES, Shape};
pub use uniform::Uniform;
