//! Compressed tables that lie: an error that names the place, nothing allocated on the lie's word,
//! never a panic.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::tables::{FORMS, FORMS_BEYOND_FUNPACK, TableSpec};
use files::{Random, open};
use nf_fits::pack::{Method, PackOptions, Tables, compare, original_hdus, pack, unpack, verify};
use nf_fits::tiled::gzip::{Deflater, Inflater};
use nf_fits::{FitsFile, Limits};
use std::io::Cursor;

fn packed(original: &[u8]) -> Vec<u8> {
    let options = PackOptions { tables: Tables::Pack, ..PackOptions::new(Method::Rice) };
    let mut out = Cursor::new(Vec::new());
    let report = pack(&open(original.to_vec()), &mut out, &options, &mut |_| {}).unwrap();
    assert!(report[1].algorithm.is_some(), "{report:?}");
    out.into_inner()
}

/// A packed table of arrays of `QI` and of numbers of `J`, in one tile of 900 rows.
struct Packed {
    bytes: Vec<u8>,
    /// Where the table's data begin.
    data: usize,
}

impl Packed {
    fn new() -> Self {
        let bytes = packed(&TableSpec::new(&["QI", "J"], 900, 11).file());
        let data = open(bytes.clone()).hdus()[1].data_range().start as usize;
        Self { bytes, data }
    }

    fn card(mut self, keyword: &str, value: &str) -> Self {
        let wanted = format!("{keyword:<8}= ");
        let card = self.bytes[2880..].chunks_exact_mut(80).find(|card| card.starts_with(wanted.as_bytes()));
        card.unwrap()[10..].copy_from_slice(format!("{value:>20}{:50}", "").as_bytes());
        self
    }

    /// Number of bytes and place in the file of what a column's tile is.
    fn stream(&self, column: usize) -> (usize, usize) {
        let word = |at: usize| u64::from_be_bytes(self.bytes[at..at + 8].try_into().unwrap()) as usize;
        let at = self.data + 16 * column;
        (word(at), self.data + 32 + word(at + 8))
    }

    fn set_descriptor(mut self, column: usize, words: [u64; 2]) -> Self {
        self.bytes[self.data + 16 * column..][..16].copy_from_slice(&words.map(u64::to_be_bytes).concat());
        self
    }

    /// Changes the descriptors of arrays: first those of the table, then those of the heap.
    fn lists(mut self, change: impl Fn(&mut Vec<u8>)) -> Self {
        let (len, at) = self.stream(0);
        let mut lists = Inflater::default().inflate(&self.bytes[at..at + len], 32 * 900).unwrap();
        change(&mut lists);
        // It goes behind all else; the sums are not looked at, and PCOUNT says where that is.
        let again = Deflater::default().gzip(&lists, 9);
        let heap = self.bytes.len() - self.data - 32;
        self.bytes.extend(&again);
        self.bytes.resize(self.bytes.len().next_multiple_of(2880), 0);
        let pcount = heap + again.len();
        self.set_descriptor(0, [again.len() as u64, heap as u64]).card("PCOUNT", &pcount.to_string())
    }

    fn error(&self) -> String {
        let limits = Limits { max_inflated_bytes: 1 << 30, ..Limits::default() };
        let file = match FitsFile::from_bytes_with(self.bytes.clone(), limits) {
            Ok(file) => file.salvaged(),
            Err(error) => return error.to_string(),
        };
        let error = unpack(&file, &mut std::io::sink(), &mut |_| {}).expect_err("a lie is found").to_string();
        assert!(!error.contains('\n'));
        error
    }

    fn fails_with(&self, words: &str) {
        let error = self.error();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn descriptors_of_tiles_that_point_outside_the_heap() {
    for words in [[5, 1 << 40], [1 << 40, 0], [u64::MAX, 0], [5, u64::MAX], [1, 100_000]] {
        Packed::new().set_descriptor(1, words).fails_with("outside the heap of");
    }
    Packed::new().set_descriptor(1, [0, 0]).fails_with("HDU 1, tile 0: column 2: 3600 bytes need at least");
}

#[test]
fn numbers_that_are_too_large() {
    Packed::new().card("ZNAXIS2", "9000000000000000000").fails_with("more data than can exist");
    Packed::new().card("ZPCOUNT", "9000000000000000000").fails_with("more data than can exist");
    Packed::new().card("ZPCOUNT", "4000000000000000").fails_with("bytes behind its rows: 4000000000000000");
    let rows = Packed::new().card("ZNAXIS2", "3000000000").card("ZTILELEN", "3000000000");
    rows.fails_with("bytes of a tile: 60000000000");
    // Below the limit, but more than the bytes of the tile can mean.
    let rows = Packed::new().card("ZNAXIS2", "50000000").card("ZTILELEN", "50000000");
    rows.fails_with("need at least");
}

#[test]
fn descriptors_of_arrays_that_lie() {
    let own = |row: usize, words: [u64; 2]| {
        Packed::new()
            .lists(|lists| lists[16 * row..][..16].copy_from_slice(&words.map(u64::to_be_bytes).concat()))
    };
    let stored = |row: usize, words: [u64; 2]| own(900 + row, words);
    own(5, [1 << 40, 0])
        .fails_with("column 1: row 5: 1099511627776 elements at 0 are outside the table's heap");
    own(5, [u64::MAX, 0]).fails_with("row 5: a descriptor holds a negative number");
    own(5, [3, u64::MAX / 2]).fails_with("outside the table's heap");
    stored(5, [1 << 40, 0]).fails_with("row 5: 1099511627776 compressed bytes at 0 are outside the heap");
    stored(5, [9, 1 << 40]).fails_with("outside the heap");
    // Arrays that share some bytes only.
    let overlapping = Packed::new().lists(|lists| {
        for row in 0..3 {
            let words = [20, row as u64].map(u64::to_be_bytes).concat();
            lists[16 * row..][..16].copy_from_slice(&words);
            lists[16 * (900 + row)..][..16].copy_from_slice(&[12, 0].map(u64::to_be_bytes).concat());
        }
    });
    overlapping.fails_with("begins inside another and ends behind it");
    Packed::new().lists(|lists| lists.truncate(1000)).fails_with("length is not that of the tile");
}

#[test]
fn damaged_tiles_are_refused_unless_told_otherwise() {
    let packed = Packed::new();
    for column in 0..2 {
        let (len, at) = packed.stream(column);
        for place in [at, at + len / 2, at + len - 1] {
            let mut bytes = packed.bytes.clone();
            bytes[place] ^= 0x10;
            let error = unpack(&open(bytes), &mut std::io::sink(), &mut |_| {}).unwrap_err().to_string();
            assert!(error.contains("DATASUM is not the sum of its data"), "{error}");
        }
    }
    let mut gzip = Packed::new();
    let (_, at) = gzip.stream(0);
    gzip.bytes[at + 100] ^= 0x10;
    gzip.fails_with("HDU 1, tile 0: column 1: GZIP: the stream");
    let cut = Packed { bytes: packed.bytes[..packed.data + 4000].to_vec(), ..packed };
    cut.fails_with("HDU 1: the data is cut short");
}

#[test]
fn changes_anywhere_give_an_error_or_a_table() {
    let forms: Vec<&str> = FORMS.into_iter().chain(FORMS_BEYOND_FUNPACK).collect();
    let original = TableSpec::new(&forms, 40, 3).with_card("FZTILELN=                   13").file();
    let whole = packed(&original);
    let header = open(whole.clone()).hdus()[1].data_range().start;
    let mut random = Random::seeded(2026);
    let (mut read, mut refused) = (0, 0);
    for case in 0..4_000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + random.below(3) {
            let (start, len) =
                if case % 2 == 0 { (2880, header - 2880) } else { (header, bytes.len() as u64 - header) };
            let at = (start + random.below(len)) as usize;
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = random.next() as u8,
                2 => bytes[at..].iter_mut().take(8).for_each(|byte| *byte = 0xff),
                _ => {
                    if let Some(digit) = bytes[at..].iter_mut().take(200).find(|byte| byte.is_ascii_digit()) {
                        *digit = b'0' + random.below(10) as u8;
                    }
                }
            }
        }
        let limits = Limits { max_pixels: 1 << 20, max_inflated_bytes: 1 << 22 };
        let Ok(file) = FitsFile::from_bytes_with(bytes, limits) else { continue };
        file.hdus().iter().for_each(|hdu| drop(hdu.describe().content.to_string()));
        let _ = verify(&file);
        let file = file.salvaged();
        let small = original_hdus(&file).iter().all(|hdu| hdu.len_bytes() < 1 << 24);
        if small && unpack(&file, &mut std::io::sink(), &mut |_| {}).is_ok() {
            let verdicts = compare(&file, &file, &mut |_| {}).unwrap();
            assert!(verdicts.iter().all(|verdict| *verdict == nf_fits::pack::Verdict::Identical));
            read += 1;
        } else {
            refused += 1;
        }
    }
    assert!(read > 150 && refused > 150, "{read} read, {refused} refused");
}

#[test]
fn plain_tables_with_changes_are_packed_or_stay() {
    let forms: Vec<&str> = FORMS.into_iter().chain(FORMS_BEYOND_FUNPACK).collect();
    let whole = TableSpec::new(&forms, 40, 3).file();
    let mut random = Random::seeded(77);
    let options = PackOptions { tables: Tables::Pack, ..PackOptions::new(Method::Rice) };
    let mut compressed = 0;
    for _ in 0..1500 {
        let mut bytes = whole.clone();
        let at = 2880 + random.below(bytes.len() as u64 - 2880) as usize;
        bytes[at] = *random.choose(&[0, 0xff, b'1', b'9', random.0 as u8]);
        let Ok(file) = FitsFile::from_bytes(bytes.clone()) else { continue };
        let mut out = Cursor::new(Vec::new());
        let report = pack(&file, &mut out, &options, &mut |_| {}).unwrap();
        compressed += usize::from(report.last().unwrap().algorithm.is_some());
        let mut back = Vec::new();
        unpack(&open(out.into_inner()), &mut back, &mut |_| {}).unwrap();
        assert!(back == bytes);
    }
    assert!(compressed > 250, "{compressed}");
}
