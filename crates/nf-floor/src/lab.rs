//! Internals for the benchmarks, examples and tests of this crate; not part of its interface.

pub use crate::models::{TileView, mixing, split_rows, wavefront};
pub use crate::predict::terms::MAX_REFERENCES;
pub use crate::stream::inter_plane::{self, CodedTile};
pub use crate::stream::mode::Mode;
pub use crate::stream::{decode, dithered as dithered_tile, encode, tile};
