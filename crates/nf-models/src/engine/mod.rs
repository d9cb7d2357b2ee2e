//! Nets for the coder: the same signal flow as in training, evaluated in fixed-order arithmetic.
//!
//! A decoder must compute, bit for bit, what the encoder computed. Tensor libraries promise no such thing across
//! machines, so streams never depend on one: a net's [`Flow`](crate::Flow) is recorded as a [`Graph`], and the graph is
//! evaluated here by single IEEE additions and multiplications in an order that nothing changes, neither the number of
//! tiles in a batch, nor threads, nor the width of vector registers, nor whether pixels are known all at once ([`whole`])
//! or one by one ([`rows`]).

mod graph;
mod kernel;
pub(crate) mod rows;
pub(crate) mod whole;
mod width;

pub(crate) use graph::{Graph, Recorded};
#[cfg(test)]
pub(crate) use width::plainly;
