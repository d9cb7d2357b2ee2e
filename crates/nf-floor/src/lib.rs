//! `floor`: a lossless codec for raw 16-bit frames whose cost is the detector's noise.
//!
//! A frame is cut into tiles; every tile is coded alone by the first of several modes that is worth it, and
//! decodes alone. Everything that a decoder computes is integer arithmetic, or IEEE arithmetic in one fixed order.
//!
//! - [`codec`]: [`Floor`], the codec as the registry knows it: `floor:level=fast|default|high|max`.
//! - [`context`]: half rows with fewer taps, for an experiment.
//! - [`stream`]: a stack as tiles with an index and a checksum each; regions; threads.
//! - [`stack`]: a tile with the help of earlier planes.
//! - [`tile`]: one tile's bytes: a mode byte and its payload; the fallbacks raw and constant.
//! - [`halves`]: levels `fast` and `default`, half rows at a time, with a model fitted to the tile and sent with it.
//! - [`wave`]: level `high`, sixteen rows at a time, with a model that learns from what was coded.
//! - [`max`]: level `max`, adaptive mixing.
//!
//! The bytes are described in `docs/format-floor.md`.
#![deny(unsafe_code)] // one exception: calling what was compiled for the machine at hand (`machine`, `max`, `wave`)

pub mod codec;
pub mod context;
pub mod halves;
mod machine;
pub mod max;
mod numbers;
#[cfg(test)]
mod scenes;
pub mod stack;
pub mod stream;
pub mod tile;
pub mod wave;
mod weights;

pub use codec::{ENTRY, Floor, Level};
pub use stream::decode_region;

// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
