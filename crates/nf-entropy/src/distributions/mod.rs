//! Distributions: what a model can predict of the next symbol.
//!
//! - [`Categorical`]: any widths over at most 65536 symbols.
//! - [`Uniform`]: every symbol alike; raw bits through a [`SymbolCoder`](crate::SymbolCoder).
//! - [`Mixture`]: logistics over all 16-bit samples, with integer parameters.
//! - [`Restricted`]: a mixture on an interval of samples, in cells.

mod categorical;
mod logistic;
mod mixture;
mod restricted;
mod uniform;

pub use categorical::Categorical;
pub use logistic::{SCALE_ONE, SCALE_STEPS_PER_OCTAVE, SCALES};
pub use mixture::{Component, MEAN_UNIT_BITS, Mixture, SAMPLES};
pub use restricted::Restricted;
pub use uniform::Uniform;
