//! Deflated records, with a dictionary since version 2.
//!
//! A small frame has a header of FITS or `.npy` that is nearly as long as its stream. Most of it is
//! text that such headers share, which the dictionary holds (RFC 1951; preset dictionaries as in
//! RFC 1950, section 2.2, but without its checksums).

use super::version::Version;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use flate2::{Compress, Compression, Decompress};
use std::io::Read;
use std::sync::LazyLock;

/// Cards of FITS headers, one in a line, without the blanks at their ends.
const CARDS: &str = include_str!("dictionary.txt");
const CARD_BYTES: usize = 80;
/// Headers of `.npy` files: type and shape.
const NPY: [(&str, &str); 3] = [("|u1", "(8, 8)"), ("<i2", "(2, 2048, 2048)"), ("<u2", "(1024, 1024)")];

/// What the window of a stream holds at its beginning.
static DICTIONARY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes: Vec<u8> =
        CARDS.lines().flat_map(|card| format!("{card:<CARD_BYTES$}").into_bytes()).collect();
    for (descr, shape) in NPY {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        // 128 bytes with ten bytes before the text.
        bytes.extend(b"\x93NUMPY\x01\x00v\x00");
        bytes.extend(format!("{text:<117}\n").into_bytes());
    }
    bytes
});

/// The deflated bytes.
pub(super) fn deflate(plain: &[u8]) -> Vec<u8> {
    // Headers are worth the search; long tables take as long as they took.
    let level = if plain.len() <= 1 << 16 { Compression::best() } else { Compression::default() };
    let mut compress = Compress::new(level, false);
    compress.set_dictionary(&DICTIONARY).expect("a stream that has not begun takes a dictionary");
    let mut bytes = Vec::new();
    ZlibEncoder::new_with_compress(plain, compress)
        .read_to_end(&mut bytes)
        .expect("deflating from memory to memory does not fail");
    bytes
}

/// Inflates what a container of this version holds.
pub(super) fn inflate(bytes: &[u8], version: Version) -> ZlibDecoder<&[u8]> {
    if version == Version::FixedWidths {
        return ZlibDecoder::new(bytes);
    }
    let mut decompress = Decompress::new(false);
    decompress.set_dictionary(&DICTIONARY).expect("a stream that has not begun takes a dictionary");
    ZlibDecoder::new_with_decompress(bytes, decompress)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The dictionary is part of the format: the page lists it, and its digest is pinned.
    #[test]
    fn the_page_lists_the_dictionary() {
        let page = include_str!("../../../../docs/format.md");
        assert!(page.contains(&format!("```\n{CARDS}```")), "docs/format.md lists other cards");
        assert_eq!(DICTIONARY.len(), 79 * CARD_BYTES + 3 * 128);
        assert_eq!(crc32fast::hash(&DICTIONARY), PINNED_CRC);
    }

    const PINNED_CRC: u32 = 0x6c34_91b2;

    #[test]
    fn headers_become_short() {
        let head = &DICTIONARY[DICTIONARY.len() - 128..];
        let bytes = deflate(head);
        assert!(bytes.len() < 10, "{}", bytes.len());
        let mut back = Vec::new();
        inflate(&bytes, Version::Varints).read_to_end(&mut back).unwrap();
        assert_eq!(back, head);
    }
}
