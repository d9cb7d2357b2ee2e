//! `floor`: a lossless codec for raw 16-bit frames whose cost is the detector's noise.
//!
//! A frame is cut into tiles. Every tile is coded by the smallest of several modes and decodes
//! alone, or with the same tile of the planes right before. All arithmetic of a decoder is integer,
//! or IEEE in one fixed order.
//!
//! ```
//! use nf_codec::{Codec, Limits};
//! use nf_floor::{Floor, Level};
//! use nf_image::{Image16, Shape};
//!
//! let image = Image16::from_fn(Shape::frame(40, 60), |_, y, x| (1000 + 7 * (x * y % 5)) as u16);
//! let bytes = Floor { level: Level::Default }.encode(&image)?;
//! let decoded = Floor::default().decode(&bytes, image.shape(), &Limits::default())?;
//! assert_eq!(decoded.samples(), image.samples());
//! # Ok::<(), nf_codec::Error>(())
//! ```
//!
//! - `codec`: [`Floor`], the codec, and [`FloorWithProfile`], which knows the detector; `entry`:
//!   how the registry builds it, `floor:level=fast|default|high|max`.
//! - `stream`: a stack as tiles with an index and a checksum each; the modes of a tile.
//! - `models`: the three models of a tile.
//! - `predict`: least squares and neighbourhoods, which models share; `maths`: elementary
//!   functions.
//!
//! The bytes are described in `docs/format-floor.md`.
#![forbid(unsafe_code)]

mod codec;
mod entry;
#[cfg(feature = "experiments")]
mod experiments;
mod golomb;
#[doc(hidden)]
pub mod lab;
mod level;
mod maths;
mod models;
mod predict;
mod stream;
#[cfg(test)]
mod testdata;

pub use codec::{Floor, FloorWithProfile, PROFILE_CODEC, read_profile};
pub use entry::ENTRY;
#[cfg(feature = "experiments")]
pub use experiments::FLOOR_CONTEXT;
pub use level::Level;
pub use stream::decode_region;

// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
