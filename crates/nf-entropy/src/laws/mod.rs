//! Laws: what a model can say about the next symbol.
//!
//! - [`Categorical`]: any widths over at most 65536 symbols.
//! - [`Uniform`]: every symbol alike; raw bits through a [`SymbolCoder`](crate::SymbolCoder).
//! - [`code_gamma`]: an unbounded number, for what no other law expects.
//! - [`Mixture`]: logistics or Gaussians over all 16-bit samples, with integer parameters.

mod categorical;
mod gamma;
mod mixture;
mod shape;
mod uniform;

pub use categorical::Categorical;
pub use gamma::code_gamma;
pub use mixture::{Component, MEAN_UNIT_BITS, Mixture, SAMPLES};
pub use shape::{Gaussian, Logistic, SCALE_ONE, SCALE_STEPS_PER_OCTAVE, SCALES, Shape};
pub use uniform::Uniform;
