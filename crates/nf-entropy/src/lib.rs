//! Integers only: probabilities to bits and back.
//!
//! Words of this crate:
//! - [`Interval`] and [`Distribution`]: probabilities of an integer alphabet on a fixed scale
//!   `2^S`.
//! - [`SymbolCoder`]: *code this symbol under this distribution*. [`Writer`] and [`Reader`] are
//!   rANS for any distribution; [`Meter`] gives the ideal size.
//! - [`distributions`]: what a model can say: tables, uniform, mixtures over 16-bit samples.
//!
//! The fast path, for distributions known beforehand:
//! - [`Frequencies`]: a distribution over at most 256 symbols; normalised from counts, written
//!   compactly.
//! - [`table`]: interleaved table rANS where every symbol names its table.
//! - [`bits`]: raw bits for low bits and escapes.
//!
//! For models that adapt while they code:
//! - [`rans16`]: rANS in sixteen lanes, for sixteen pixels modelled side by side.
//! - [`binary`]: binary decisions by arithmetic coding.
//!
//! For bits-back coding:
//! - [`Stack`]: symbols that are popped before anybody has pushed them.
#![forbid(unsafe_code)]

pub mod ans;
pub mod binary;
pub mod bits;
mod coder;
mod distribution;
pub mod distributions;
mod error;
mod frequencies;
mod meter;
mod normalise;
pub mod rans16;
mod stack;
pub mod table;

pub use ans::{Reader, Writer};
pub use coder::SymbolCoder;
pub use distribution::{Distribution, Interval, MAX_SCALE_BITS};
pub use error::{Error, Result};
pub use frequencies::Frequencies;
pub use meter::Meter;
pub use stack::Stack;

// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
