//! The bounded container: what was lost and how to decode it, then a container of the indices.
//! `docs/format-bounded.md` is the definition.
//!
//! - [`write()`]: quantised arrays in, container out.
//! - [`Reader`]: container in, arrays out: whole, a region, or the original file.

mod reader;
mod streams;
mod writer;

use crate::layout::Layout;
pub use reader::{Behind, Reader};
pub use writer::write;

/// First bytes of a bounded container.
pub const MAGIC: [u8; 8] = *b"\x89NFB\r\n\x1a\n";
/// The newest version that this program reads. It writes the first one that knows what the arrays
/// have, so that older programs read what they can.
pub const VERSION: u16 = 3;
const FIRST_VERSION: u16 = 1;

const ARRAY: u8 = 1;
const LAYOUT: u8 = 2;
const CREATOR: u8 = 3;
/// Tags from here on may be skipped by readers that do not know them.
const FIRST_OPTIONAL: u8 = 128;
/// Magic, version, header length.
const PREFIX_BYTES: usize = 8 + 2 + 4;
/// Longest header that a reader accepts.
const MAX_HEADER_BYTES: u64 = 1 << 31;

const WHAT: &str = "the header of the bounded container";

/// What is written beside the arrays.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// How to write the file; without it the container holds arrays only.
    pub layout: Option<Layout>,
    /// Which program wrote it; for people only.
    pub creator: String,
}

/// Why `what` could not be read.
fn failed(what: &str, source: std::io::Error) -> nf_codec::Error {
    match source.kind() {
        std::io::ErrorKind::UnexpectedEof => nf_codec::Error::truncated(what),
        _ => nf_codec::Error::Io { what: "reading the container".to_owned(), source },
    }
}
