//! Files that break a rule which nothing depends on, and are read as cfitsio and astropy read them.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::{ImageSpec, images};
use nf_fits::describe::Content;
use nf_fits::pack::{Method, PackOptions, TileSize, Verdict, compare, pack, unpack};
use nf_fits::tiled::Quantise;
use nf_fits::tiled::quantise::Dither;
use nf_fits::{FitsFile, Pixels, Section};
use std::io::{Cursor, Write};

fn open(bytes: &[u8]) -> FitsFile {
    FitsFile::from_bytes(bytes.to_vec()).unwrap()
}

fn packed(bytes: &[u8], options: &PackOptions) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    pack(&open(bytes), &mut out, options, &mut |_| {}).unwrap();
    out.into_inner()
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    unpack(&open(bytes), &mut out, &mut |_| {}).unwrap();
    out
}

/// The pixels of an HDU, as stored.
fn pixels(bytes: &[u8], hdu: usize) -> Pixels {
    let file = open(bytes);
    let image = file.image(hdu).unwrap();
    image.read_section(&Section::whole(image.axes())).unwrap()
}

/// Replaces the card of `keyword` in the header of HDU 1, which follows a primary header of one
/// block, and takes out the sums, which would speak of the header before.
fn with_card(mut bytes: Vec<u8>, keyword: &str, line: &str) -> Vec<u8> {
    let wanted = format!("{keyword:<8}= ");
    let card = bytes[2880..].chunks_exact_mut(80).find(|card| card.starts_with(wanted.as_bytes()));
    card.unwrap().copy_from_slice(format!("{line:<80}").as_bytes());
    for sum in bytes[2880..].chunks_exact_mut(80) {
        if sum.starts_with(b"CHECKSUM=") || sum.starts_with(b"DATASUM =") {
            sum[..10].copy_from_slice(b"COMMENT   ");
        }
    }
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn cards_of_scale_that_hold_no_number() {
    let plain = ImageSpec::noisy(16, &[20, 12], 4);
    let expected = pixels(&images(std::slice::from_ref(&plain)), 0);
    for value in ["'N/A'", "", "NaN", "1E999", "T", "'32768   '", "-32768.", "0.5"] {
        for keyword in ["BZERO", "BSCALE", "BLANK"] {
            let original = images(&[plain.clone().with_card(&format!("{keyword:<8}= {value}"))]);
            let odd = !value.ends_with(['.', '5']) || (keyword, value) == ("BLANK", "0.5");
            assert_eq!(open(&original).hdus()[0].remarks().len(), usize::from(odd), "{keyword} {value}");
            assert_eq!(open(&original).image(0).unwrap().read().unwrap().samples().len(), 240);
            for method in [Method::Rice, Method::Plio, Method::Hcompress { scale: 0.0, smooth: false }] {
                let packed = packed(&original, &PackOptions::new(method));
                assert_eq!(pixels(&packed, 1), expected, "{keyword} {value}");
                assert_eq!(unpacked(&packed), original, "{keyword} {value}");
            }
        }
    }
}

/// cfitsio takes a string with a number for the number, and adds it to the pixels of PLIO_1.
#[test]
fn the_offset_of_unsigned_plio_tiles_may_stand_in_a_string() {
    let spec = ImageSpec::noisy(16, &[20, 12], 4);
    let number = images(&[spec.clone().with_card("BZERO   =                32768")]);
    let string = images(&[spec.with_card("BZERO   = '32768   '")]);
    let tiles = |bytes: &[u8]| {
        let packed = packed(bytes, &PackOptions::new(Method::Plio));
        let file = open(&packed);
        file.read_bytes(file.hdus()[1].data_range()).unwrap()
    };
    assert_eq!(tiles(&number), tiles(&string));
}

#[test]
fn headers_filled_up_with_nul() {
    let original = images(&[ImageSpec::noisy(16, &[20, 12], 4).with_card("OBJECT  = 'M 31'")]);
    let end = original.chunks(80).position(|card| card.starts_with(b"END ")).unwrap() * 80;
    let expected = open(&original).image(0).unwrap().read().unwrap();
    let nul_from = |from: usize| {
        let mut bytes = original.clone();
        bytes[from..2880].iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = 0);
        bytes
    };
    // The rest of the block, the END card with it, and every card to its end.
    let mut every_card = nul_from(end);
    for card in every_card[..end].chunks_mut(80) {
        let last = card.iter().rposition(|&byte| byte != b' ').unwrap();
        card[last + 1..].fill(0);
    }
    for bytes in [nul_from(end + 80), nul_from(end), every_card] {
        let file = open(&bytes);
        assert_eq!(file.image(0).unwrap().read().unwrap(), expected);
        assert_eq!(file.hdus()[0].header().text("OBJECT").as_deref(), Some("M 31"));
        assert_eq!(file.hdus()[0].header().bytes(), &bytes[..2880]);
        // Whether it is packed or left as it is, unpacking gives the same bytes.
        assert_eq!(unpacked(&packed(&bytes, &PackOptions::new(Method::Rice))), bytes);
    }
}

#[test]
fn gzipped_files_with_bytes_behind_them() {
    let original = images(&[ImageSpec::noisy(16, &[20, 12], 4)]);
    let (one, two) = original.split_at(3000);
    for tail in [&b""[..], &[0; 1000], b"junk"] {
        for stream in [gzip(&original), [gzip(one), gzip(two)].concat()] {
            let file = open(&[&stream, tail].concat());
            assert_eq!(file.read_bytes(0..file.len_bytes()).unwrap(), original);
        }
    }
    // What is cut short or damaged is not read.
    let good = gzip(&original);
    assert!(FitsFile::from_bytes(good[..good.len() - 1].to_vec()).is_err());
    let mut damaged = good.clone();
    *damaged.iter_mut().rev().nth(6).unwrap() ^= 1;
    assert!(FitsFile::from_bytes(damaged).is_err());
}

#[test]
fn one_broken_compressed_image_does_not_cost_the_others() {
    let three: Vec<ImageSpec> = (1..4).map(|seed| ImageSpec::noisy(16, &[20, 12], seed)).collect();
    let good = packed(&images(&three), &PackOptions::new(Method::Rice));
    let broken = with_card(good.clone(), "ZTILE1", "ZTILE1  = 0");
    let file = open(&broken);
    assert_eq!(file.image_hdus().map(|image| image.index()).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(pixels(&broken, 2), pixels(&good, 2));
    let words = "ZTILE1 is 0, expected at least 1";
    assert!(file.image(1).err().unwrap().to_string().contains(words));
    assert_eq!(file.hdus()[1].describe().content, Content::UnreadableImage);
    assert!(file.hdus()[1].remarks()[0].contains(words));
    // Unpacked, it would still be compressed.
    assert!(unpack(&file, &mut std::io::sink(), &mut |_| {}).unwrap_err().to_string().contains(words));
    // Packed anew, it stays as it is, and the report says so.
    let mut out = Cursor::new(Vec::new());
    let report = pack(&file, &mut out, &PackOptions::new(Method::Gzip2), &mut |_| {}).unwrap();
    assert!(report.iter().any(|hdu| hdu.remark.as_ref().is_some_and(|remark| remark.contains(words))));
}

/// An optional keyword is looked at where a tile needs it, and only there.
#[test]
fn parameters_that_no_tile_needs() {
    let floats = images(&[ImageSpec::noisy(-32, &[20, 12], 4)]);
    let expected = pixels(&floats, 0);
    let mut options = PackOptions::new(Method::Gzip2);
    // A level so fine that no tile can be quantised: all are kept exactly.
    options.quantise = Some(Quantise { level: -1e-30, dither: Dither::Subtractive1, seed: Some(3) });
    let exact = packed(&floats, &options);
    options.quantise = Some(Quantise { level: 4.0, dither: Dither::Subtractive1, seed: Some(3) });
    let quantised = packed(&floats, &options);
    for (keyword, line, words) in [
        ("ZDITHER0", "ZDITHER0= 0", "ZDITHER0 is 0, expected 1 to 10000"),
        ("ZDITHER0", "ZDITHER0= 10001", "ZDITHER0 is 10001"),
        ("ZDITHER0", "ZDITHER0= 'now'", "ZDITHER0 is 'now'"),
        ("ZQUANTIZ", "ZQUANTIZ= 'DITHER_9'", "ZQUANTIZ is 'DITHER_9'"),
        ("ZBLANK", "ZBLANK  = 'x'", "ZBLANK is 'x', expected a number"),
    ] {
        assert_eq!(pixels(&with_card(exact.clone(), keyword, line), 1), expected, "{line}");
        let file = open(&with_card(quantised.clone(), keyword, line));
        let image = file.image(1).unwrap();
        let error = image.read_section(&Section::whole(image.axes())).unwrap_err().to_string();
        assert!(error.starts_with("HDU 1, tile 0: ") && error.contains(words), "{error}");
    }
    // Parameters of the algorithm: here all tiles need them.
    let rice = packed(&images(&[ImageSpec::noisy(16, &[20, 12], 4)]), &PackOptions::new(Method::Rice));
    for (line, words) in [
        ("ZVAL1   = 0", "BLOCKSIZE is 0"),
        ("ZVAL1   = 'x'", "ZVAL1 is 'x'"),
        ("ZNAME1  = 'BYTEPIX'", "BYTEPIX is 32"),
    ] {
        let file = open(&with_card(rice.clone(), line[..8].trim(), line));
        let error = file.image(1).unwrap().read().unwrap_err().to_string();
        assert!(error.starts_with("HDU 1, tile 0: ") && error.contains(words), "{error}");
    }
}

/// `fpack -d` of floats writes a seed of 0 and ZSCALE columns beside pixels that it left alone.
#[test]
fn uncompressed_tiles_with_cards_of_quantising() {
    let original = images(&[ImageSpec::noisy(-32, &[20, 12], 4)]);
    let good = packed(&original, &PackOptions::new(Method::None));
    let odd = with_card(good, "ZQUANTIZ", "ZQUANTIZ= 'SUBTRACTIVE_DITHER_1'");
    let odd = with_card(odd, "ZTILE2", "ZDITHER0= 0");
    let file = open(&odd);
    assert_eq!(pixels(&odd, 1), pixels(&original, 0));
    assert!(!file.image(1).unwrap().tiling().unwrap().is_lossy());
    assert_eq!(compare(&file, &open(&original), &mut |_| {}).unwrap(), [Verdict::Identical]);
}

/// Dithering is taken off where something was scaled, and nowhere else.
#[test]
fn dithering_without_a_scale() {
    let values: Vec<i32> = (0..240).map(|i| 1000 + 3 * i).collect();
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    let spec = ImageSpec { bitpix: 32, axes: vec![20, 12], cards: Vec::new(), data };
    let integers = packed(&images(&[spec]), &PackOptions::new(Method::Rice));
    // The same table as that of a floating-point image, its first parameter's card turned into one
    // of dithering.
    let floats = with_card(integers, "ZBITPIX", "ZBITPIX = -32");
    for method in ["NO_DITHER", "SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2"] {
        let dithered = with_card(floats.clone(), "ZTILE2", &format!("ZQUANTIZ= '{method}'"));
        let expected = values.iter().map(|&value| value as f32).collect();
        assert_eq!(pixels(&dithered, 1), Pixels::F32(expected), "{method}");
    }
}

/// Lossy HCOMPRESS_1 overshoots at the ends of a type's range.
#[test]
fn saturated_pixels_under_lossy_hcompress() {
    for (bitpix, least, most) in [(8, 0, 255), (16, i64::from(i16::MIN), i64::from(i16::MAX))] {
        let mut spec = ImageSpec::noisy(bitpix, &[32, 32], 4);
        let width = bitpix as usize / 8;
        for (at, value) in [(5, least), (100, most), (101, most), (133, least), (700, most)] {
            let bytes = value.to_be_bytes();
            spec.data[at * width..(at + 1) * width].copy_from_slice(&bytes[8 - width..]);
        }
        let original = images(&[spec]);
        for scale in [-10.0, 1.0, 10.0, 30.0] {
            let options = PackOptions {
                tile: TileSize::Whole,
                ..PackOptions::new(Method::Hcompress { scale, smooth: false })
            };
            let mut out = Cursor::new(Vec::new());
            let report = pack(&open(&original), &mut out, &options, &mut |_| {}).unwrap();
            let verdict = compare(&open(out.get_ref()), &open(&original), &mut |_| {}).unwrap().remove(0);
            // A tile that the loss would take beyond the range is kept exactly, since readers
            // disagree on what such pixels are.
            let loss = report[0].loss.unwrap();
            let expected = match loss.exact_tiles {
                0 => Verdict::Lossy { largest_error: loss.largest_error },
                _ => Verdict::Identical,
            };
            assert_eq!(verdict, expected, "{bitpix} {scale}");
        }
    }
}

/// Lossy tiles never turn a valid pixel into the value that stands for null.
#[test]
fn valid_pixels_are_never_restored_as_null() {
    for (bitpix, blank) in [(16, 105), (16, i64::from(i16::MAX)), (16, i64::from(i16::MIN)), (8, 0), (8, 255)]
    {
        let mut spec = ImageSpec::noisy(bitpix, &[32, 32], 4).with_card(&format!("BLANK   = {blank}"));
        let width = bitpix as usize / 8;
        // Values all around the null value, and a few nulls.
        for (at, pixel) in spec.data.chunks_exact_mut(width).enumerate() {
            let near = [blank + 1 + (at % 5) as i64, blank - 1 - (at % 5) as i64];
            let range = if bitpix == 8 { 0..256 } else { i64::from(i16::MIN)..1 << 15 };
            let valid = near.into_iter().rfind(|value| range.contains(value)).unwrap();
            let value = if at % 97 == 0 { blank } else { valid };
            pixel.copy_from_slice(&value.to_be_bytes()[8 - width..]);
        }
        let original = images(&[spec]);
        let options = PackOptions::new(Method::Hcompress { scale: -6.0, smooth: false });
        let (before, after) = (pixels(&original, 0), pixels(&packed(&original, &options), 1));
        let nulls = |pixels: &Pixels| -> Vec<bool> {
            match pixels {
                Pixels::U8(values) => values.iter().map(|&value| i64::from(value) == blank).collect(),
                Pixels::I16(values) => values.iter().map(|&value| i64::from(value) == blank).collect(),
                _ => unreachable!("types of this test"),
            }
        };
        assert_eq!(nulls(&before), nulls(&after), "BITPIX {bitpix}, BLANK {blank}");
    }
}

#[test]
fn images_of_very_many_axes() {
    for naxis in [100, 999] {
        let mut axes = vec![1; naxis];
        (axes[0], axes[1], axes[naxis - 1]) = (4, 3, 2);
        let original = images(&[ImageSpec::noisy(16, &axes, 4)]);
        let file = open(&original);
        let image = file.image(0).unwrap();
        assert_eq!(image.shape(), nf_image::Shape::new(2, 3, 4));
        assert_eq!(image.read().unwrap().samples().len(), 24);
        assert_eq!(image.read_rows(1, 1..2).unwrap().samples().len(), 4);
        let mut section = Section::whole(image.axes());
        section.0[0] = 1..3;
        let mut cut = Vec::new();
        nf_fits::cutout(&image, &section, &mut cut).unwrap();
        assert_eq!(open(&cut).image(0).unwrap().pixels(), 12);
        assert_eq!(open(&cut).hdus()[0].header().integer(&format!("NAXIS{naxis}")).unwrap(), Some(2));
        assert!(file.hdus()[0].describe().content.to_string().starts_with("image of int16, 4 x 3 x 1"));
    }
}
