//! Compressed tables: packed, unpacked, verified.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::tables::{FORMS, FORMS_BEYOND_FUNPACK, TableSpec, file};
use files::{ImageSpec, Random, mixed, open};
use nf_fits::pack::{Method, PackOptions, PackedHdu, Tables, Verdict, compare, pack, unpack, verify};
use nf_fits::{Checksums, FitsFile};
use std::io::Cursor;

fn with_tables() -> PackOptions {
    PackOptions { tables: Tables::Pack, ..PackOptions::new(Method::Rice) }
}

fn packed_with(bytes: &[u8], options: &PackOptions) -> (Vec<u8>, Vec<PackedHdu>) {
    let mut out = Cursor::new(Vec::new());
    let report = pack(&open(bytes.to_vec()), &mut out, options, &mut |_| {}).unwrap();
    (out.into_inner(), report)
}

fn packed(bytes: &[u8]) -> (Vec<u8>, Vec<PackedHdu>) {
    packed_with(bytes, &with_tables())
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, nf_fits::Error> {
    let mut out = Vec::new();
    unpack(&FitsFile::from_bytes(bytes.to_vec())?, &mut out, &mut |_| {})?;
    Ok(out)
}

/// Packs, unpacks, compares, verifies; the report on the last HDU.
fn round_trip(original: &[u8], name: &str) -> PackedHdu {
    let (bytes, mut report) = packed(original);
    assert!(unpacked(&bytes).unwrap() == original, "{name}");
    let (ours, plain) = (open(bytes.clone()), open(original.to_vec()));
    for (a, b) in [(&ours, &plain), (&plain, &ours), (&ours, &ours)] {
        let verdicts = compare(a, b, &mut |_| {}).unwrap();
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Identical), "{name}: {verdicts:?}");
    }
    for (sums, hdu) in verify(&ours).unwrap().iter().zip(&report) {
        assert!(sums.stored == Checksums::Good || hdu.algorithm.is_none(), "{name}: {hdu:?}");
    }
    report.pop().unwrap()
}

#[test]
fn tables_of_every_column_come_back() {
    for form in FORMS.into_iter().chain(FORMS_BEYOND_FUNPACK) {
        // So many rows that the table is long enough to be compressed.
        let done = round_trip(&TableSpec::new(&[form, "I"], 4000, 7).file(), form);
        assert!(done.algorithm.is_some(), "{form}: {done:?}");
    }
}

#[test]
fn tables_drawn_at_random_come_back() {
    let mut compressed = 0;
    for seed in 0..400 {
        let mut random = Random::seeded(seed);
        let all: Vec<&str> = FORMS.into_iter().chain(FORMS_BEYOND_FUNPACK).collect();
        let forms: Vec<&str> = (0..1 + random.below(9)).map(|_| *random.choose(&all)).collect();
        let rows = *random.choose(&[0, 1, 2, 77, 1000]);
        let mut table = TableSpec::new(&forms, rows, seed);
        table.gap = random.one_in(3).then(|| random.below(50) as usize);
        if random.one_in(2) {
            table = table.with_card(&format!("FZTILELN= {:>20}", 1 + random.below(300)));
        }
        if random.one_in(2) {
            table = table.with_card(&format!(
                "FZALGOR = '{}'",
                random.choose(&["GZIP_1", "GZIP_2", "RICE_1", "PLIO_1"])
            ));
        }
        if random.one_in(2) {
            table = table.with_card(&format!(
                "FZALG1  = '{}'",
                random.choose(&["GZIP_1", "GZIP_2", "RICE_1", "NONE"])
            ));
        }
        for card in
            ["COMMENT words", "TZERO1  =                32768", "TDIM1   = '(1)'", "DATASUM = '0'", ""]
        {
            if random.one_in(2) {
                table = table.with_card(card);
            }
        }
        let done = round_trip(&table.file(), &format!("seed {seed}"));
        compressed += usize::from(done.algorithm.is_some());
    }
    assert!(compressed > 100, "{compressed}");
}

#[test]
fn algorithms_suit_the_columns_and_directives_are_heeded() {
    let forms = ["L", "X", "B", "A", "I", "J", "K", "E", "D", "C", "M", "PI", "PE", "PA", "PC"];
    let names = |table: &TableSpec| {
        let (bytes, report) = packed(&table.file());
        let header = open(bytes).hdus()[1].header().clone();
        let names = (1..=forms.len()).map(|n| header.text(&format!("ZCTYP{n}")).unwrap());
        (names.collect::<Vec<_>>().join(" ").replace("_", ""), report[1].remark.clone().unwrap_or_default())
    };
    let table = TableSpec::new(&forms, 400, 3);
    let (found, _) = names(&table);
    assert_eq!(
        found,
        "GZIP1 GZIP1 RICE1 GZIP1 RICE1 RICE1 GZIP2 GZIP2 GZIP2 GZIP1 GZIP1 RICE1 GZIP2 GZIP1 GZIP2"
    );
    let directed =
        table.with_card("FZALGOR = 'GZIP_2'").with_card("FZALG5  = 'RICE_1'").with_card("FZALG8  = 'RICE_1'");
    let (found, remark) = names(&directed);
    assert_eq!(
        found,
        "GZIP1 GZIP1 GZIP1 GZIP1 RICE1 GZIP2 GZIP2 GZIP2 GZIP2 GZIP1 GZIP1 GZIP2 GZIP2 GZIP1 GZIP2"
    );
    assert!(remark.contains("column 8: GZIP_2 instead of RICE_1"), "{remark}");
    let none = TableSpec::new(&forms, 400, 3).with_card("FZALGOR = 'NONE'").file();
    let (bytes, report) = packed(&none);
    assert!(bytes == none);
    assert_eq!(report[1].remark.as_deref(), Some("left as it is: its FZALGOR is NONE"));
}

#[test]
fn what_would_not_come_back_stays_as_it_is() {
    let table = TableSpec::new(&["PI", "3J"], 900, 5);
    let original = table.file();
    let header_end = open(original.clone()).hdus()[1].data_range().start as usize;
    let data_end = open(original.clone()).hdus()[1].data_range().end as usize;
    let stays = |bytes: Vec<u8>, words: &str| {
        let (packed, report) = packed(&bytes);
        assert!(packed == bytes, "{words}");
        assert!(report[1].remark.as_deref().unwrap().contains(words), "{report:?}");
    };
    let with = |at: usize, value: &[u8]| {
        let mut bytes = original.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    stays(with(header_end, &[0, 1, 0, 0]), "an array lies outside its heap");
    stays(with(header_end, &[0xff, 0, 0, 0]), "an array lies outside its heap");
    stays(with(data_end, &[1]), "the padding behind its data is not zero");
    stays(original[..data_end].to_vec(), "the padding behind its data is missing");
    // Bytes of no array: the last descriptors take back what they named.
    let row = |n: usize| header_end + 20 * n;
    let mut orphaned = original.clone();
    (0..900).for_each(|n| orphaned[row(n)..row(n) + 4].fill(0));
    stays(orphaned, "bytes in its heap that belong to no array");
    let mut overlapping = original.clone();
    (0..900).for_each(|n| overlapping[row(n)..row(n) + 8].copy_from_slice(&[0, 0, 0, 9, 0, 0, 0, n as u8]));
    stays(overlapping, "arrays in its heap overlap");
    stays(
        TableSpec::new(&["PI"], 900, 5).with_card("ZFORM1  = '1I'").file(),
        "could not be restored exactly",
    );
    stays(TableSpec::new(&["PI"], 9, 5).file(), "shorter than 5760 bytes");
}

#[test]
fn images_and_tables_are_packed_as_asked() {
    let mut original = mixed(&[ImageSpec::noisy(16, &[20, 12], 1)]);
    original.extend(TableSpec::new(&["J"], 4000, 5).bytes());
    for (tables, expected) in
        [(Tables::Keep, [true, false]), (Tables::Pack, [true, true]), (Tables::Only, [false, true])]
    {
        let (bytes, report) = packed_with(&original, &PackOptions { tables, ..with_tables() });
        assert_eq!([&report[1], report.last().unwrap()].map(|hdu| hdu.algorithm.is_some()), expected);
        assert!(unpacked(&bytes).unwrap() == original);
        // Compressed tables stay compressed when a file is packed again.
        for again in [Tables::Keep, Tables::Pack] {
            let (again, _) = packed_with(&bytes, &PackOptions { tables: again, ..with_tables() });
            assert!(again.len() <= bytes.len() || tables == Tables::Only);
            assert!(unpacked(&again).unwrap() == original);
        }
    }
}

/// A table that `fpack` 1.7 (cfitsio 4.2) compressed, in tiles of 70 rows, and the same by this
/// program: files that were written once are read for good.
#[test]
fn files_that_were_written_before_are_read() {
    let forms = ["L", "11X", "3I", "J", "K", "12A", "2E", "D", "C", "PB(20)", "1PI(9)", "QJ", "PE", "0I"];
    let original = TableSpec::new(&forms, 160, 21).with_card("FZTILELN=                   70").file();
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let data = |bytes: Vec<u8>| {
        let file = open(bytes);
        let cards =
            file.hdus()[1].header().cards().filter(|card| !card.is("CHECKSUM") && !card.is("DATASUM"));
        let cards: Vec<_> = cards.map(|card| card.bytes().to_vec()).collect();
        (cards, file.read_bytes(file.hdus()[1].data_range()).unwrap())
    };
    for name in ["table-fpack.fits.fz", "table-1.fits.fz"] {
        let bytes = std::fs::read(golden.join(name)).unwrap();
        assert_eq!(
            open(bytes.clone()).hdus()[1].describe().content.to_string().split(", ").next(),
            Some("binary table")
        );
        // fpack adds sums to headers.
        assert!(data(unpacked(&bytes).unwrap()) == data(original.clone()), "{name}");
    }
}

/// The standard has the descriptors of the compressed arrays first, `fpack` has them last.
#[test]
fn both_orders_of_descriptors_are_read() {
    use nf_fits::tiled::gzip::{Deflater, Inflater};
    for form in ["1PI(9)", "QJ", "QI"] {
        // All in one tile, whose descriptors are the last thing in the heap.
        let original = TableSpec::new(&[form], 900, 11).file();
        let (mut bytes, _) = packed(&original);
        let data = open(bytes.clone()).hdus()[1].data_range();
        let word = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        let at = data.start as usize;
        let (len, heap) = (word(at), at + 16 + word(at + 8));
        assert_eq!(heap + len, data.end as usize, "the descriptors come last");
        let own = if form.starts_with('Q') { 16 } else { 8 } * 900;
        let mut lists = Inflater::default().inflate(&bytes[heap..heap + len], own + 16 * 900).unwrap();
        lists.rotate_left(own);
        let again = Deflater::default().gzip(&lists, 9);
        bytes.truncate(heap);
        bytes.extend(&again);
        bytes[at..at + 8].copy_from_slice(&(again.len() as u64).to_be_bytes());
        let pcount = heap + again.len() - at - 16;
        let card = bytes.chunks_exact_mut(80).find(|card| card.starts_with(b"PCOUNT  =")).unwrap();
        card[10..30].copy_from_slice(format!("{pcount:>20}").as_bytes());
        bytes.resize(bytes.len().next_multiple_of(2880), 0);
        let file = open(bytes).salvaged();
        let mut out = Vec::new();
        unpack(&file, &mut out, &mut |_| {}).unwrap();
        assert!(out == original, "{form}");
    }
}

#[test]
fn several_tables_of_a_file_do_not_disturb_each_other() {
    let tables =
        [TableSpec::new(&["PI", "J"], 500, 1), TableSpec::new(&["E"], 1, 2), TableSpec::new(&FORMS, 300, 3)];
    round_trip(&file(&tables), "three tables");
}
