//! Network graphs evaluated in fixed-order arithmetic: the same bits on every machine.
//!
//! A decoder must compute, bit for bit, what the encoder computed. Tensor libraries promise no
//! such thing across machines, so streams never depend on one. A network's forward pass is
//! recorded as a [`Graph`], which is evaluated here by single IEEE additions and multiplications
//! in an order that nothing changes: neither the number of tiles in a batch, nor threads, nor the
//! width of vector registers, nor whether pixels are known all at once ([`Graph::evaluate`]) or one
//! by one ([`CausalEvaluator`]).
//!
//! ```
//! use nf_engine::{ConvLayer, FeatureMap, Geometry, Graph};
//! use std::sync::Arc;
//!
//! // One 3x3 layer that adds up each pixel's neighbourhood.
//! let layer = ConvLayer::new(Geometry::centred(3), [1, 1], &[1.0; 9], None, vec![0.0]);
//! let graph = Graph::record(&[1], |maps| vec![maps[0].conv(&Arc::new(layer)).relu()]);
//! let ones = FeatureMap { height: 2, width: 3, channels: 1, values: vec![1.0; 6] };
//! assert_eq!(graph.evaluate(vec![ones])[0].values, [4.0, 6.0, 4.0, 4.0, 6.0, 4.0]);
//! ```
#![forbid(unsafe_code)]

mod causal;
mod geometry;
mod graph;
pub mod integer;
mod kernel;
mod layer;
mod map;
pub mod math;
mod simd;
mod tokens;
mod whole;

pub use causal::CausalEvaluator;
pub use geometry::Geometry;
pub use graph::{Graph, SymbolicMap};
pub use layer::ConvLayer;
pub use map::FeatureMap;
#[cfg(any(test, feature = "testing"))]
pub use simd::scalar_only;
pub use tokens::{NORM_FLOOR, Windows};

#[cfg(test)]
mod tests;
