//! The tiled-table convention (FITS 4.0 section 10.3): a binary table cut into tiles of rows, each
//! column of a tile compressed on its own and kept in a row of another binary table.
//!
//! - [`TableTiling`]: what the header says of such a table; [`ColumnAlgorithm`]: how a column is
//!   compressed.
//! - [`TableReader`]: the bytes of the table inside, in order.
//! - [`restore`]: its header, both ways.
//!
//! A column of arrays of variable length is kept as `fpack` does it: every array is compressed on
//! its own into the heap, and the tile of the column is one GZIP_1 stream of the descriptors of the
//! original followed by as many 64-bit descriptors of the compressed arrays. The standard puts
//! these two lists in the other order; both are read.

mod algorithm;
mod arrays;
mod read;
pub(crate) mod restore;
mod tiling;

pub use algorithm::ColumnAlgorithm;
pub(crate) use algorithm::Values;
pub(crate) use read::{Pieces, TableReader};
pub use tiling::TableTiling;
pub(crate) use tiling::{Layout, TableColumn};
