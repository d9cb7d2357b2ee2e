//! The container: coded stacks that describe themselves. `docs/format.md` is the definition.
//!
//! - [`Header`]: codec, shapes, tile extents, model, and the [`Layout`] of the original file.
//! - [`default_tile`]: how a stack is cut when nobody asks for other tiles.
//! - [`write()`]: pixels in, container out, streaming; verified tile by tile if asked for.
//!   [`shorten_header`]: without the profile that no tile needs.
//! - [`cut()`]: the first stages of a container whose codec is [`Staged`](crate::Staged).
//! - [`Reader`]: container in, pixels out: whole stacks, bands of rows, a region, or the original
//!   file. [`Reader::decode_salvaged`]: what is intact of a damaged one.

mod cut;
mod deflate;
mod header;
mod layout;
mod opening;
mod reader;
mod salvage;
mod tiling;
mod trailer;
mod version;
mod writer;

pub use cut::cut;
pub use header::{Cut, Header, ImageHeader, ModelHeader};
pub use layout::{Layout, SampleFormat, Segment};
pub use nf_image::TileBox;
pub use reader::{Reader, TileInfo};
pub use salvage::Salvaged;
pub use tiling::default_tile;
pub use writer::{Borrowed, ImageSource, WriteOptions, Written, shorten_header, write};

/// First bytes of a container.
pub const MAGIC: [u8; 8] = *b"\x89NFL\r\n\x1a\n";
/// The version that this program writes, and the newest that it reads.
pub const VERSION: u16 = 2;
/// Bytes before the length of the header: magic, version.
const PREFIX_BYTES: usize = 8 + 2;
/// Longest header that a reader accepts.
const MAX_HEADER_BYTES: u64 = 1 << 30;
/// Most bytes that a file may hold beside its coded samples.
const MAX_VERBATIM_BYTES: u64 = 1 << 30;
