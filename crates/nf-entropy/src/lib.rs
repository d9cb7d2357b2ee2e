//! Integers only: probabilities to bits and back.
//!
//! The nouns:
//! - [`Interval`] and [`Distribution`]: a law over an integer alphabet on a fixed scale `2^S`.
//!
//! The fast path, for laws known beforehand:
//! - [`Frequencies`]: a law over at most 256 symbols; normalised from counts, written compactly.
//! - [`table`]: interleaved table rANS where every symbol names its table.
//! - [`bits`]: raw bits for low bits and escapes.
#![forbid(unsafe_code)]

pub mod bits;
mod distribution;
mod error;
mod frequencies;
pub mod table;

pub use distribution::{Distribution, Interval, MAX_SCALE_BITS};
pub use error::{Error, Result};
pub use frequencies::Frequencies;
