//! Tile-compressed files that lie, one test per way of lying: a clear error that names the place,
//! nothing allocated on the lie's word.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::{ImageSpec, images};
use nf_fits::pack::{Method, PackOptions, TileSize, pack, unpack};
use nf_fits::{FitsFile, Limits, Section};
use std::io::{Cursor, Write};

/// A packed image of 20 x 12 pixels, one row or one box per tile.
struct Packed {
    bytes: Vec<u8>,
    /// Where the table's data begin.
    data: usize,
    tiles: usize,
}

impl Packed {
    fn new(method: Method, tile: TileSize) -> Self {
        let options = PackOptions { tile, ..PackOptions::new(method) };
        let original = FitsFile::from_bytes(images(&[ImageSpec::noisy(16, &[20, 12], 4)])).unwrap();
        let mut out = Cursor::new(Vec::new());
        pack(&original, &mut out, &options, &mut |_| {}).unwrap();
        let file = FitsFile::from_bytes(out.get_ref().clone()).unwrap();
        let tiles = file.image(1).unwrap().tiling().unwrap().tiles();
        let data = file.hdus()[1].data_range().start as usize;
        Self { bytes: out.into_inner(), data, tiles }
    }

    fn rows(method: Method) -> Self {
        Self::new(method, TileSize::Suitable)
    }

    /// Replaces the value of a card, up to its comment.
    fn card(mut self, keyword: &str, value: &str) -> Self {
        let wanted = format!("{keyword:<8}= ");
        let card = self.bytes[2880..].chunks_exact_mut(80).find(|card| card.starts_with(wanted.as_bytes()));
        card.unwrap()[10..].copy_from_slice(format!("{value:>20}{:50}", "").as_bytes());
        self
    }

    /// Number of elements and offset of a tile's bytes.
    fn descriptor(&self, tile: usize) -> (u32, u32) {
        let word = |at: usize| u32::from_be_bytes(self.bytes[at..at + 4].try_into().unwrap());
        (word(self.data + 8 * tile), word(self.data + 8 * tile + 4))
    }

    fn set_descriptor(mut self, tile: usize, count: u32, offset: u32) -> Self {
        let words = [count.to_be_bytes(), offset.to_be_bytes()].concat();
        self.bytes[self.data + 8 * tile..][..8].copy_from_slice(&words);
        self
    }

    /// The bytes of a tile.
    fn stream(&mut self, tile: usize) -> &mut [u8] {
        let (count, offset) = self.descriptor(tile);
        let start = self.data + 8 * self.tiles + offset as usize;
        &mut self.bytes[start..start + count as usize]
    }

    /// The errors of reading the image, of unpacking the file, and of reading one pixel of the
    /// first tile.
    fn errors(&self) -> [Option<String>; 3] {
        let file = match FitsFile::from_bytes(self.bytes.clone()) {
            Err(error) => return [(); 3].map(|()| Some(error.to_string())),
            // What the sums do not say, because whoever lies can make them anew.
            Ok(file) => file.salvaged(),
        };
        let unpacked = unpack(&file, &mut std::io::sink(), &mut |_| {}).err().map(|error| error.to_string());
        let image = match file.image(1) {
            Err(error) => return [Some(error.to_string()), unpacked, Some(error.to_string())],
            Ok(image) => image,
        };
        [
            image.read().err().map(|error| error.to_string()),
            unpacked,
            image.read_section(&Section(vec![0..1, 0..1])).err().map(|error| error.to_string()),
        ]
    }

    /// Reading and unpacking fail with these words.
    fn fails_with(&self, words: &str) {
        let [read, unpacked, _] = self.errors();
        for error in [read, unpacked] {
            let error = error.expect("a lie is found");
            assert!(error.contains(words), "{error}");
            assert!(!error.contains('\n'));
        }
    }
}

#[test]
fn a_truncated_heap() {
    let packed = Packed::rows(Method::Rice);
    let (count, offset) = packed.descriptor(11);
    let end = packed.data + 8 * 12 + (offset + count) as usize;
    for cut in [1, 50, (end - packed.data) / 2] {
        let cut = Packed { bytes: packed.bytes[..end - cut].to_vec(), ..packed };
        cut.fails_with("HDU 1: the data is cut short");
    }
    // A heap that its header makes too short for the last tile.
    let short = packed.card("PCOUNT", &(offset + count - 1).to_string());
    short.fails_with(&format!("outside the heap of {} bytes", offset + count - 1));
}

#[test]
fn descriptors_that_point_outside_the_heap() {
    for (count, offset) in [(5, 1 << 30), (1 << 30, 0), (u32::MAX, 0), (5, u32::MAX), (1, 100_000)] {
        let packed = Packed::rows(Method::Rice).set_descriptor(7, count, offset);
        packed.fails_with("HDU 1, tile 7: COMPRESSED_DATA points to");
        assert_eq!(packed.errors()[2], None, "another tile is none the worse");
    }
}

#[test]
fn descriptors_that_overlap() {
    let packed = Packed::rows(Method::Rice);
    let (count, offset) = packed.descriptor(3);
    for (tile, count, offset, named) in [
        (4, count, offset + 1, 4),
        (5, count + 1, offset, 5),
        (9, 2, offset + 3, 9),
        (0, count, offset - 1, 0),
    ] {
        let packed = Packed::rows(Method::Rice).set_descriptor(tile, count, offset);
        packed.fails_with(&format!("HDU 1, tile {named}: its bytes"));
        packed.fails_with("overlap the bytes");
        // Which of the two tiles is the wrong one is not known, so none is read.
        assert!(packed.errors()[2].is_some());
    }
}

#[test]
fn two_tiles_of_the_same_bytes_are_legal() {
    let packed = Packed::rows(Method::Rice);
    let (count, offset) = packed.descriptor(3);
    let packed = packed.set_descriptor(4, count, offset);
    assert_eq!(packed.errors(), [None, None, None]);
    let file = FitsFile::from_bytes(packed.bytes).unwrap().salvaged();
    let image = file.image(1).unwrap();
    assert_eq!(image.read_rows(0, 3..4).unwrap(), image.read_rows(0, 4..5).unwrap());
}

#[test]
fn tiles_in_any_order_with_gaps_are_legal() {
    // The tiles of an image of two equal halves change places, and the heap begins behind a gap.
    let packed = Packed::rows(Method::Rice);
    let expected = FitsFile::from_bytes(packed.bytes.clone()).unwrap().image(1).unwrap().read().unwrap();
    let descriptors: Vec<_> = (0..12).map(|tile| packed.descriptor(tile)).collect();
    let mut streams: Vec<Vec<u8>> = Vec::new();
    let mut packed = packed;
    (0..12).for_each(|tile| streams.push(packed.stream(tile).to_vec()));
    let mut offset = descriptors.iter().map(|(count, _)| count).sum::<u32>() + 7;
    let mut heap = vec![0xee; offset as usize];
    for tile in (0..12).rev() {
        let count = descriptors[tile].0;
        packed = packed.set_descriptor(tile, count, offset);
        heap.extend(&streams[tile]);
        heap.push(0xee);
        offset += count + 1;
    }
    packed.bytes.truncate(packed.data + 8 * 12);
    packed.bytes.extend(&heap);
    let packed = packed.card("PCOUNT", &heap.len().to_string());
    assert_eq!(packed.errors(), [None, None, None]);
    let file = FitsFile::from_bytes(packed.bytes).unwrap().salvaged();
    assert_eq!(file.image(1).unwrap().read().unwrap(), expected);
}

#[test]
fn a_tile_side_of_zero_or_less() {
    for side in ["0", "-1", "-9223372036854775808"] {
        Packed::rows(Method::Rice).card("ZTILE1", side).fails_with(&format!("HDU 1: ZTILE1 is {side}"));
        Packed::rows(Method::Rice).card("ZTILE2", side).fails_with(&format!("HDU 1: ZTILE2 is {side}"));
    }
}

#[test]
fn a_number_of_axes_that_is_not_that_of_the_axes() {
    let packed = |value| Packed::rows(Method::Rice).card("ZNAXIS", value);
    packed("3").fails_with("HDU 1: ZNAXIS3 is missing");
    packed("1").fails_with("make 1 tiles");
    packed("0").fails_with("ZNAXISn [] is not an image");
    packed("1000").fails_with("ZNAXIS is 1000, expected 0 to 999");
    let axis = |value| Packed::rows(Method::Rice).card("ZNAXIS2", value);
    axis("13").fails_with("make 13 tiles");
    axis("0").fails_with("is not an image of at least one pixel");
    axis("9223372036854775807").fails_with("HDU 1: ");
}

#[test]
fn an_absurd_heap_size() {
    for (value, words) in [
        ("9223372036854775807", "HDU 1: PCOUNT announces more data than can exist"),
        ("99999999999999999999", "PCOUNT is 100000000000000000000, expected a whole number"),
        ("2147483647", "HDU 1: the data is cut short: 2147483743 bytes announced"),
        ("-1", "PCOUNT is -1, expected no negative number"),
    ] {
        Packed::rows(Method::Rice).card("PCOUNT", value).fails_with(words);
    }
}

#[test]
fn a_heap_that_begins_outside_the_data() {
    let with_theap = |theap: i64| {
        let mut packed = Packed::rows(Method::Rice);
        // The card of THEAP takes the place of one that nothing needs.
        let extname = packed.bytes[2880..].chunks_exact_mut(80).find(|card| card.starts_with(b"EXTEND"));
        let card = match extname {
            Some(card) => card,
            None => packed.bytes[2880..].chunks_exact_mut(80).find(|c| c.starts_with(b"ZEXTEND")).unwrap(),
        };
        card.copy_from_slice(format!("{:<80}", format!("THEAP   = {theap:>20}")).as_bytes());
        packed
    };
    for theap in [0, 95, -8, 1 << 40] {
        with_theap(theap).fails_with(&format!("HDU 1: THEAP is {theap}"));
    }
    assert_eq!(with_theap(96).errors(), [None, None, None]);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn gzip_bombs_in_tiles() {
    // A stream of 64 MiB of zeros, as the only tile of an image of 20 x 12 pixels.
    let bomb = gzip(&vec![0; 64 << 20]);
    let with_tile = |stream: &[u8]| {
        let packed = Packed::new(Method::Gzip1, TileSize::Whole);
        let mut packed = packed.set_descriptor(0, stream.len() as u32, 0);
        packed.bytes.truncate(packed.data + 8);
        packed.bytes.extend(stream);
        packed.card("PCOUNT", &stream.len().to_string())
    };
    with_tile(&bomb).fails_with("GZIP: the stream's length is not that of the tile");
    // The same with a trailer that says what is expected: inflating stops where the tile is full.
    let mut liar = bomb.clone();
    let len = liar.len();
    liar[len - 4..].copy_from_slice(&480u32.to_le_bytes());
    with_tile(&liar).fails_with("GZIP: the stream is cut short or longer than it announces");
    assert_eq!(with_tile(&gzip(&[0; 480])).errors(), [None, None, None]);
}

#[test]
fn gzip_bombs_of_whole_files() {
    let mut inflated = images(&[ImageSpec::noisy(16, &[20, 12], 4)]);
    inflated.resize(64 << 20, 0);
    let limits = Limits { max_inflated_bytes: 1 << 20, ..Limits::default() };
    let error = FitsFile::from_bytes_with(gzip(&inflated), limits).unwrap_err().to_string();
    assert!(error.contains("the limit is 1048576"), "{error}");
}

#[test]
fn illegal_line_list_instructions() {
    let with_word = |at: usize, word: u16| {
        let mut packed = Packed::rows(Method::Plio);
        // Descriptors count words of 16 bits.
        let (count, offset) = packed.descriptor(0);
        assert!(at < count as usize);
        let start = packed.data + 8 * packed.tiles + offset as usize + 2 * at;
        packed.bytes[start..start + 2].copy_from_slice(&word.to_be_bytes());
        packed
    };
    for code in 8..16u16 {
        with_word(7, code << 12 | 5).fails_with("HDU 1, tile 0: PLIO_1: ");
    }
    with_word(7, 0x3fff).fails_with("PLIO_1: a value beyond 24 bits");
    with_word(3, 0x7fff).fails_with("PLIO_1: the list is shorter than its header says");
    with_word(1, 0xffff).fails_with("PLIO_1: the list is shorter than its header says");
}

#[test]
fn transforms_of_other_sides_than_their_tile() {
    let changed = |at: usize, bytes: [u8; 4]| {
        let mut packed = Packed::new(Method::Hcompress { scale: 0.0, smooth: false }, TileSize::Whole);
        packed.stream(0)[at..at + 4].copy_from_slice(&bytes);
        packed
    };
    for side in [0u32, 1, 11, 13, 65_536, i32::MAX as u32, u32::MAX] {
        changed(2, side.to_be_bytes())
            .fails_with("HCOMPRESS_1: the stream's sides are not those of the tile");
        changed(6, side.to_be_bytes())
            .fails_with("HCOMPRESS_1: the stream's sides are not those of the tile");
    }
    changed(22, [64, 64, 64, 0]).fails_with("HCOMPRESS_1: more bit planes than can be");
}

#[test]
fn a_rice_stream_that_ends_early() {
    let packed = Packed::rows(Method::Rice);
    let (count, offset) = packed.descriptor(6);
    packed.set_descriptor(6, count - 1, offset).fails_with("HDU 1, tile 6: RICE_1: the stream ends");
    let packed = Packed::rows(Method::Rice);
    packed.set_descriptor(6, 2, offset).fails_with("HDU 1, tile 6: 20 pixels need at least");
}

#[test]
fn a_missing_end() {
    let without_end = |start: usize| {
        let mut packed = Packed::rows(Method::Rice);
        let header = &mut packed.bytes[start..];
        let end = header.chunks_exact(80).position(|card| card.starts_with(b"END     ")).unwrap() * 80;
        header[end..end + 3].copy_from_slice(b"FIN");
        packed
    };
    without_end(0).fails_with("HDU 0: END is missing before the header of the next HDU");
    without_end(2880).fails_with("HDU 1: the header is cut short");
    // A header that never ends, far beyond what anyone writes.
    let mut endless = images(&[ImageSpec::noisy(16, &[4, 4], 1)]);
    let end = endless.chunks_exact(80).position(|card| card.starts_with(b"END     ")).unwrap() * 80;
    endless[end..end + 3].copy_from_slice(b"FIN");
    endless.resize(65 << 20, b' ');
    let error = FitsFile::from_bytes(endless).unwrap_err().to_string();
    assert!(error.contains("END is missing from the first 67108864 bytes"), "{error}");
}
