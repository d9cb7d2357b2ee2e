//! The tiled-image convention (FITS 4.0 section 10): images cut into tiles, each compressed on its
//! own and kept in a row of a binary table.
//!
//! - [`Tiling`]: what the header says of such an image; [`Algorithm`]: how its tiles are
//!   compressed.
//! - [`rice`], [`gzip`], [`plio`], [`hcompress`]: the algorithms, from slices to bytes and back.
//! - [`quantise`], [`dither`]: floating-point pixels as integers.
//! - [`TileCodec`]: tiles coded by codecs from outside this crate.

mod algorithm;
mod codec;
mod decode;
pub mod dither;
mod encode;
mod grid;
pub mod gzip;
pub mod hcompress;
mod heap;
mod noise;
pub mod plio;
pub mod quantise;
pub(crate) mod restore;
pub mod rice;
mod table;
mod tiling;

pub use algorithm::Algorithm;
pub(crate) use codec::NoCodec;
pub use codec::{FLOOR_1, TileCodec};
pub(crate) use decode::{Scratch, TileReader};
pub use encode::Quantise;
pub(crate) use encode::{Column, EncodedTile, TilePlan};
pub(crate) use grid::Grid;
pub(crate) use table::{Table, fields, form};
pub use tiling::Tiling;
