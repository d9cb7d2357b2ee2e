//! Files drawn at random come back byte for byte from every algorithm.

#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::{Random, draw, open};
use nf_fits::pack::{Method, PackOptions, TileSize, Verdict, compare, pack, unpack, verify};
use nf_fits::tiled::Quantise;
use nf_fits::tiled::quantise::Dither;
use nf_fits::{Checksums, Error, FitsFile};
use rayon::prelude::*;
use std::io::Cursor;

/// Files, each packed by every algorithm.
const FILES: u64 = 10_000;

fn methods() -> [Method; 7] {
    [
        Method::Rice,
        Method::Gzip1,
        Method::Gzip2,
        Method::Plio,
        Method::Hcompress { scale: 0.0, smooth: false },
        Method::None,
        Method::Floor { spec: "stored:level=1".to_owned() },
    ]
}

fn packed(file: &FitsFile, options: &PackOptions) -> Result<Vec<u8>, Error> {
    let mut out = Cursor::new(Vec::new());
    pack(file, &mut out, options, &mut |_| {})?;
    Ok(out.into_inner())
}

fn unpacked(file: &FitsFile) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    unpack(file, &mut out, &mut |_| {})?;
    Ok(out)
}

fn tile(random: &mut Random) -> TileSize {
    match random.below(4) {
        0 => TileSize::Whole,
        1 => TileSize::Axes((0..2).map(|_| random.below(30) as usize).collect()),
        _ => TileSize::Suitable,
    }
}

/// What is wrong, if anything is, with a file's way there and back.
fn check(seed: u64) -> Result<(), String> {
    let words = |what: &str, error: &Error| format!("seed {seed}, {what}: {error}");
    let random = &mut Random::seeded(!seed);
    let original = draw::file(seed);
    let file = FitsFile::from_bytes(original.clone()).map_err(|error| words("opening", &error))?;
    let file = file.with_codec(std::sync::Arc::new(files::Stored));
    let itself = compare(&file, &file, &mut |_| {}).map_err(|error| words("comparing", &error))?;
    if itself.iter().any(|verdict| *verdict != Verdict::Identical) {
        return Err(format!("seed {seed}: the file differs from itself: {itself:?}"));
    }
    for method in methods() {
        let options = PackOptions { tile: tile(random), ..PackOptions::new(method) };
        let what = format!("{options:?}");
        let bytes = packed(&file, &options).map_err(|error| words(&what, &error))?;
        let packed = open(bytes);
        let back = unpacked(&packed).map_err(|error| words(&what, &error))?;
        if back != original {
            let at = back.iter().zip(&original).position(|(a, b)| a != b);
            let (ours, its) = (back.len(), original.len());
            return Err(format!("seed {seed}, {what}: byte {at:?} of {ours} bytes, {its} before"));
        }
        let verdicts = compare(&packed, &file, &mut |_| {}).map_err(|error| words(&what, &error))?;
        if verdicts.iter().any(|verdict| *verdict != Verdict::Identical) {
            return Err(format!("seed {seed}, {what}: {verdicts:?}"));
        }
    }
    Ok(())
}

#[test]
fn every_algorithm_gives_every_byte_back() {
    let failures: Vec<String> = (0..FILES).into_par_iter().filter_map(|seed| check(seed).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {FILES} files: {:#?}",
        failures.len(),
        &failures[..failures.len().min(10)]
    );
}

/// Packing what is packed already, with loss or without, is packing what it unpacks to.
#[test]
fn packed_files_are_packed_as_if_unpacked() {
    let failures: Vec<String> = (0..FILES / 10)
        .into_par_iter()
        .filter_map(|seed| {
            let random = &mut Random::seeded(seed ^ 0xfeed);
            let mut options =
                PackOptions { tile: tile(random), ..PackOptions::new(random.choose(&methods()).clone()) };
            if random.one_in(2) {
                let dither = *random.choose(&[Dither::None, Dither::Subtractive1, Dither::Subtractive2]);
                options.quantise = Some(Quantise { level: 4.0, dither, seed: None });
            } else if random.one_in(2) {
                options.method = Method::Hcompress { scale: -8.0, smooth: random.one_in(2) };
            }
            let first = open(packed(&open(draw::file(seed)), &options).unwrap());
            let plain = unpacked(&first).unwrap();
            let again =
                PackOptions { tile: tile(random), ..PackOptions::new(random.choose(&methods()).clone()) };
            let second = open(packed(&first, &again).unwrap());
            let verdicts = compare(&second, &first, &mut |_| {}).unwrap();
            let same = unpacked(&second).unwrap() == plain
                && verdicts.iter().all(|verdict| *verdict == Verdict::Identical);
            (!same).then(|| format!("seed {seed}: {options:?}, then {again:?}: {verdicts:?}"))
        })
        .collect();
    assert!(failures.is_empty(), "{}: {:#?}", failures.len(), &failures[..failures.len().min(10)]);
}

/// Every bit of a compressed table and of the header before it is watched over by its sums.
#[test]
fn no_flipped_bit_is_believed() {
    for seed in 0..300 {
        let random = &mut Random::seeded(seed);
        let options =
            PackOptions { tile: tile(random), ..PackOptions::new(random.choose(&methods()).clone()) };
        let bytes = packed(&open(draw::file(seed)), &options).unwrap();
        let file = open(bytes.clone());
        assert!(
            verify(&file)
                .unwrap()
                .iter()
                .all(|sums| sums.original.is_none() || sums.stored == Checksums::Good)
        );
        for hdu in
            file.hdus().iter().filter(|hdu| file.image(hdu.index()).is_ok_and(|i| i.tiling().is_some()))
        {
            for _ in 0..20 {
                let range = hdu.range();
                let at = range.start + random.below(range.end - range.start);
                // A CHECKSUM that is no longer called so is no CHECKSUM: DATASUM still guards the
                // data.
                let card = (range.start + (at - range.start) / 80 * 80) as usize;
                if bytes[card..].starts_with(b"CHECKSUM") && at as usize - card < 11 {
                    continue;
                }
                let mut damaged = bytes.clone();
                damaged[at as usize] ^= 1 << random.below(8);
                // Opening may fail as well, or take it for another kind of HDU, which is then kept
                // as it stands.
                let Ok(file) = FitsFile::from_bytes(damaged) else { continue };
                let file = file.with_codec(std::sync::Arc::new(files::Stored));
                let still_an_image = file.image(hdu.index()).is_ok_and(|image| image.tiling().is_some());
                if !still_an_image || file.hdus().len() < hdu.index() {
                    continue;
                }
                for error in [
                    unpacked(&file).err(),
                    packed(&file, &PackOptions::new(Method::Rice)).err(),
                    file.image(hdu.index()).unwrap().read().err(),
                ] {
                    let error =
                        error.unwrap_or_else(|| panic!("seed {seed}: byte {at} of {range:?} is believed"));
                    assert!(!matches!(error, Error::Write { .. }), "{error}");
                }
                let told = verify(&file).map_or(true, |sums| sums.iter().any(|sums| sums.is_damaged()));
                assert!(told, "seed {seed}");
            }
        }
    }
}

/// The files that are drawn hold what the tests above are about.
#[test]
fn drawn_files_hold_every_oddity() {
    let mut remarks = std::collections::BTreeMap::<String, usize>::new();
    let (mut images, mut compressed, mut incomplete, mut special_records) = (0, 0, 0, 0);
    for seed in 0..2000 {
        let file = open(draw::file(seed));
        incomplete += usize::from(file.missing_bytes() > 0);
        special_records += usize::from(!file.rest().is_empty());
        let mut out = Cursor::new(Vec::new());
        let report = pack(&file, &mut out, &PackOptions::new(Method::Plio), &mut |_| {}).unwrap();
        images += file.image_hdus().count();
        compressed += report.iter().filter(|hdu| hdu.algorithm.is_some()).count();
        for remark in report.iter().filter_map(|hdu| hdu.remark.as_ref()).flat_map(|text| text.split("; ")) {
            let kind: String = remark.chars().filter(|c| !c.is_ascii_digit()).take(46).collect();
            *remarks.entry(kind).or_default() += 1;
        }
    }
    assert!(images > 2500 && compressed * 5 > images * 3, "{compressed} of {images}");
    assert!(incomplete > 50 && special_records > 200, "{incomplete}, {special_records}");
    for wanted in [
        "left as it is: its header could not be restore",
        "left as it is: the padding behind its data is ",
        "left as it is: its data are  bytes longer than",
        "cfitsio and funpack cannot read tiles of -bit ",
        "funpack drops extensions of type",
        "RICE_ instead of PLIO_ (tile ",
        "GZIP_ instead of PLIO_, which does not keep im",
        "larger than before:  bytes against ",
    ] {
        let count: usize = remarks.iter().filter(|(kind, _)| kind.starts_with(wanted)).map(|(_, n)| n).sum();
        assert!(count >= 10, "'{wanted}' {count} times: {remarks:#?}");
    }
}
