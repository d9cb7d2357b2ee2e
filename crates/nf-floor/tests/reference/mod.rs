//! A second decoder of `floor`, slow and obvious, written from `docs/format-floor.md` alone.
//!
//! It shares no code with the engine: numbers are wide, bits are read one at a time, every row is a
//! vector of its own and every input of a model is looked up where the text says it is. Where it
//! and the engine differ, one of the two or the text is wrong.
#![allow(clippy::needless_range_loop, reason = "indices as the text has them")]

mod bits;
mod half_rows;
mod max;
mod planes;
mod rans;
mod stream;
mod tile;
mod wavefront;

pub(crate) use stream::decode;

/// Why bytes are no stream.
pub(crate) type Wrong = String;
