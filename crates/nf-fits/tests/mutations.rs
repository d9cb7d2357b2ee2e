//! Damaged files by the hundred thousand: an error or pixels, never a panic, never memory on a
//! lie's word.
//!
//! Deterministic, so that a finding can be repeated; findings become named tests in `bad_input.rs`.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::tables::TableSpec;
use files::{ImageSpec, Random, images, mixed};
use nf_fits::pack::{Method, PackOptions, Tables, TileSize, original_hdus, pack, unpack, verify};
use nf_fits::tiled::quantise::Dither;
use nf_fits::tiled::{Quantise, gzip, hcompress, plio, rice};
use nf_fits::{FitsFile, ImageHdu, Limits, Section, cutout, npy};
use std::io::Cursor;

/// Small enough that a lie which gets through is noticed by the clock.
const LIMITS: Limits = Limits { max_pixels: 1 << 20, max_inflated_bytes: 1 << 22 };

fn packed(options: &PackOptions, bitpix: i64) -> Vec<u8> {
    let axes = if options.tile == TileSize::Whole { vec![12, 9] } else { vec![10, 4, 3] };
    let file = FitsFile::from_bytes(images(&[ImageSpec::noisy(bitpix, &axes, 3)])).unwrap();
    let mut out = Cursor::new(Vec::new());
    pack(&file, &mut out, options, &mut |_| {}).unwrap();
    out.into_inner()
}

fn read_all(bytes: Vec<u8>) {
    let Ok(file) = FitsFile::from_bytes_with(bytes, LIMITS) else { return };
    for hdu in file.hdus() {
        let _ = hdu.describe().content.to_string();
    }
    read(&file);
    read(&file.salvaged());
}

fn read(file: &FitsFile) {
    for image in file.image_hdus() {
        if let Ok(stack) = image.read() {
            assert_eq!(stack.shape(), image.shape());
        }
        cut(&image);
    }
    let small = file.image_hdus().all(|image| image.pixels() <= LIMITS.max_pixels)
        && original_hdus(file).iter().all(|hdu| hdu.len_bytes() < 1 << 24);
    if small {
        let _ = unpack(file, &mut std::io::sink(), &mut |_| {});
        let _ = verify(file);
    }
}

/// A section of the image, which must be a file again.
fn cut(image: &ImageHdu<'_>) {
    let section = Section(image.axes().iter().map(|&n| n / 3..n.div_ceil(2)).collect());
    let mut bytes = Vec::new();
    if section.pixels() > 0 && section.pixels() < 1000 && cutout(image, &section, &mut bytes).is_ok() {
        let again = FitsFile::from_bytes(bytes).unwrap();
        assert_eq!(again.image(0).unwrap().axes(), section.axes());
    }
}

/// One to three changes: bits, bytes, digits of a header, cuts.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(3) {
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
            3 => {
                // Another digit in a card: the numbers are what lies.
                if let Some(digit) = bytes[at..].iter_mut().take(200).find(|byte| byte.is_ascii_digit()) {
                    *digit = b'0' + random.below(10) as u8;
                }
            }
            4 => {
                if let Some(blank) = bytes[at..].windows(12).position(|w| w == b"            ") {
                    let text = b"999999999999";
                    bytes[at + blank..][..1 + random.below(12) as usize]
                        .iter_mut()
                        .zip(text)
                        .for_each(|(b, t)| *b = *t);
                }
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
}

/// Small files of every algorithm, plain and packed.
fn originals() -> Vec<Vec<u8>> {
    let methods = [
        Method::Rice,
        Method::Gzip1,
        Method::Gzip2,
        Method::Plio,
        Method::Hcompress { scale: 0.0, smooth: false },
        Method::Hcompress { scale: -5.0, smooth: true },
        Method::None,
    ];
    let mut originals =
        vec![images(&[ImageSpec::noisy(16, &[9, 5], 1)]), mixed(&[ImageSpec::noisy(8, &[9, 5], 1)])];
    for method in methods {
        for tile in [TileSize::Suitable, TileSize::Whole] {
            let mut options = PackOptions { tile, ..PackOptions::new(method.clone()) };
            originals.push(packed(&options, 16));
            if method != Method::Plio {
                options.quantise = Some(Quantise { level: 4.0, dither: Dither::Subtractive2, seed: Some(3) });
                originals.push(packed(&options, -32));
            }
        }
    }
    let table = TableSpec::new(&["J", "2E", "PI(9)", "3A"], 500, 3).file();
    let mut out = Cursor::new(Vec::new());
    let options = PackOptions { tables: Tables::Pack, ..PackOptions::new(Method::Rice) };
    pack(&FitsFile::from_bytes(table).unwrap(), &mut out, &options, &mut |_| {}).unwrap();
    originals.push(out.into_inner());
    originals
}

#[test]
#[ignore = "writes the undamaged files into the folder NOISEFLOOR_SEEDS, where fuzzing begins (scripts/fuzz.sh)"]
fn seeds() {
    let folder = std::path::PathBuf::from(std::env::var_os("NOISEFLOOR_SEEDS").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    for (n, original) in originals().iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{n}")), original).unwrap();
    }
}

#[test]
fn files_with_changes_anywhere() {
    let mut random = Random(2026);
    let originals = originals();
    let cases = 40_000 / originals.len();
    for original in &originals {
        for _ in 0..cases {
            let mut bytes = original.clone();
            mutate(&mut bytes, &mut random);
            read_all(bytes);
        }
    }
}

#[test]
fn headers_with_changed_cards() {
    let mut random = Random(7);
    let original = packed(&PackOptions::new(Method::Rice), 16);
    let cards: Vec<usize> = (2880..5760).step_by(80).collect();
    let values = [
        "'32768   '",
        "(1, 2)",
        "T \0\0\0",
        "'[1:5,9:2]'",
        "0",
        "-1",
        "1",
        "7",
        "2147483647",
        "4294967296",
        "9223372036854775807",
        "99999999999999999999",
        "1E308",
        "'x'",
        "T",
        "",
        "NaN",
    ];
    for _ in 0..20_000 {
        let mut bytes = original.clone();
        for _ in 0..1 + random.below(2) {
            let card = cards[random.below(cards.len() as u64) as usize];
            let value = format!("{:<70}", values[random.below(values.len() as u64) as usize]);
            bytes[card + 10..card + 80].copy_from_slice(value.as_bytes());
        }
        read_all(bytes);
    }
}

/// Odd cards in plain images: those that speak of scale and of places, with any value, blanks or
/// NULs between.
#[test]
fn plain_headers_with_odd_cards() {
    let mut random = Random(19);
    let keywords = [
        "BZERO",
        "BSCALE",
        "BLANK",
        "CRPIX1",
        "CRPIX2A",
        "LTV1",
        "DATASEC",
        "BIASSEC",
        "DETSEC",
        "CCDSEC",
        "DSEC11",
        "CSEC11",
        "CPDIS1",
        "DP1",
        "CTYPE1",
        "EXTEND",
        "EXTNAME",
        "EXTVER",
        "PCOUNT",
        "GCOUNT",
        "SIMPLE",
        "CONTINUE",
        "HIERARCH A",
        "",
        "END-X",
        "GROUPS",
    ];
    let values = [
        "0",
        "-1.5",
        "2147483648",
        "9223372036854775808",
        "-9223372036854775808",
        "1E400",
        "NaN",
        "T",
        "",
        "'x'",
        "'32768'",
        "'[1:5,9:2]'",
        "'[0:0]'",
        "'[-2147483648:2147483647,1:9]'",
        "'[9:1,1:5,3:3]'",
        "'WAVE-TAB'",
        "'Lookup'",
        "'a long string &'",
        "/ comment only",
        "'no end",
    ];
    let mut pick = |list: &[&str]| list[random.below(list.len() as u64) as usize].to_owned();
    let mut more = Random(23);
    for _ in 0..20_000 {
        let bitpix = [8, 16, 32, 64, -32][more.below(5) as usize];
        let mut spec = ImageSpec::noisy(bitpix, &[9, 5], 1 + more.below(3));
        for _ in 0..more.below(6) {
            spec = spec.with_card(&format!("{:<8}= {}", pick(&keywords), pick(&values)));
        }
        let mut bytes = images(&[spec]);
        if more.below(4) == 0 {
            bytes[..2880]
                .iter_mut()
                .skip(more.below(2880) as usize)
                .filter(|b| **b == b' ')
                .for_each(|b| *b = 0);
        }
        read_all(bytes);
    }
}

#[test]
fn npy_files_with_changes_anywhere() {
    let mut random = Random(29);
    let headers = [
        "{'descr': '<u2', 'fortran_order': False, 'shape': (4, 5), }",
        "{'descr': '>i2', 'fortran_order': True, 'shape': (2L, 5L, 2L), }",
        "{'descr': '|i1', 'fortran_order': True, 'shape': (8, 5), }",
    ];
    for n in 0..60_000 {
        let header = headers[n % headers.len()];
        let mut bytes = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..]].concat();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend((0..40).map(|_| random.next() as u8));
        mutate(&mut bytes, &mut random);
        if let Ok(image) = npy::read(&bytes, &LIMITS) {
            assert_eq!(image.shape().pixels(), image.samples().len());
        }
    }
}

#[test]
fn gzipped_files_with_changes_anywhere() {
    use std::io::Write;
    let mut random = Random(31);
    let gzip = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    let original = images(&[ImageSpec::noisy(16, &[9, 5], 1)]);
    let (one, two) = original.split_at(3000);
    let good = [gzip(one), gzip(two), b"\0\0\0".to_vec()].concat();
    for _ in 0..10_000 {
        let mut bytes = good.clone();
        mutate(&mut bytes, &mut random);
        if let Ok(file) = FitsFile::from_bytes_with(bytes, LIMITS) {
            // Whatever was let through had its checksums right, or lost its last member whole.
            let found = file.read_bytes(0..file.len_bytes()).unwrap();
            assert!(found == original || found == one);
        }
    }
}

#[test]
fn streams_of_every_algorithm() {
    let mut random = Random(11);
    let pixels: Vec<i32> = (0..144).map(|_| (random.gaussian() * 20.0) as i32 + 200).collect();
    let short: Vec<i16> = pixels.iter().map(|&value| value as i16).collect();
    let mut rice_stream = Vec::new();
    rice::encode(&short, 32, &mut rice_stream);
    let bytes: Vec<u8> = pixels.iter().flat_map(|value| value.to_be_bytes()).collect();
    let streams = [
        rice_stream,
        plio::encode(&pixels).unwrap(),
        hcompress::encode(&pixels, 12, 0).unwrap(),
        hcompress::encode(&pixels, 12, 9).unwrap(),
        gzip::Deflater::default().gzip(&bytes, 6),
    ];
    let mut inflater = gzip::Inflater::default();
    for _ in 0..12_000 {
        for (which, stream) in streams.iter().enumerate() {
            let mut stream = stream.clone();
            mutate(&mut stream, &mut random);
            match which {
                0 => drop(rice::decode::<i16>(&stream, 144, 32)),
                1 => drop(plio::decode(&stream, 144)),
                2 | 3 => drop(hcompress::decode(&stream, 144, 12, random.below(2) == 0)),
                _ => drop(inflater.inflate(&stream, 144)),
            }
        }
    }
}
