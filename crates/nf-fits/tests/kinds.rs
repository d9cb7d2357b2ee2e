//! Kinds of files that other programs write, and what packing, unpacking and proving make of them:
//! one test per kind.

#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::{ImageSpec, header, images, mixed, open};
use nf_fits::pack::{
    Method, PackOptions, PackedHdu, UnpackedHdu, Verdict, compare, original_hdus, pack, pack_proven, unpack,
    verify,
};
use nf_fits::tiled::Quantise;
use nf_fits::tiled::quantise::Dither;
use nf_fits::{Checksums, Error, FitsFile, Header};
use std::io::Cursor;

fn packed(bytes: &[u8], method: Method) -> (Vec<u8>, Vec<PackedHdu>) {
    packed_with(bytes, &PackOptions::new(method))
}

fn packed_with(bytes: &[u8], options: &PackOptions) -> (Vec<u8>, Vec<PackedHdu>) {
    let mut out = Cursor::new(Vec::new());
    let report = pack(&open(bytes.to_vec()), &mut out, options, &mut |_| {}).unwrap();
    (out.into_inner(), report)
}

fn unpacked(file: &FitsFile) -> (Vec<u8>, Vec<UnpackedHdu>) {
    let mut out = Vec::new();
    let report = unpack(file, &mut out, &mut |_| {}).unwrap();
    (out, report)
}

fn remark(report: &[PackedHdu], hdu: usize) -> &str {
    report[hdu].remark.as_deref().unwrap_or_default()
}

fn line(keyword: &str, value: &str) -> String {
    format!("{keyword:<8}= {value:>20}")
}

/// Puts one text in the place of another of the same length.
fn replace(bytes: &mut [u8], from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
}

fn words(header: &Header) -> Vec<String> {
    header.cards().map(|card| String::from_utf8_lossy(card.bytes()).trim_end().to_owned()).collect()
}

/// An empty primary HDU and an image extension with data behind its pixels.
fn long_data_unit(pcount: usize, gcount: usize) -> Vec<u8> {
    let mut bytes =
        header(&[line("SIMPLE", "T"), line("BITPIX", "8"), line("NAXIS", "0"), line("EXTEND", "T")]);
    bytes.extend(header(&[
        "XTENSION= 'IMAGE   '".to_owned(),
        line("BITPIX", "8"),
        line("NAXIS", "1"),
        line("NAXIS1", "2"),
        line("PCOUNT", &pcount.to_string()),
        line("GCOUNT", &gcount.to_string()),
    ]));
    bytes.extend((0..gcount * (pcount + 2)).map(|at| b'A' + (at % 26) as u8));
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    bytes
}

#[test]
fn data_behind_the_pixels_are_kept_and_compared() {
    for (pcount, gcount) in [(4, 1), (0, 3), (1, 3), (0, 2000)] {
        let original = long_data_unit(pcount, gcount);
        for method in [Method::Rice, Method::Gzip1, Method::None] {
            let (bytes, report) = packed(&original, method);
            assert!(remark(&report, 1).contains("bytes longer than its pixels"), "{report:?}");
            assert!(unpacked(&open(bytes)).0 == original, "{pcount} {gcount}");
        }
        let mut other = original.clone();
        other[5760 + 3] ^= 1;
        let verdicts = compare(&open(original.clone()), &open(other), &mut |_| {}).unwrap();
        assert_eq!(verdicts[1], Verdict::Different("the bytes behind the pixels differ".into()));
    }
    // No group, no pixels: what follows is not read as an image.
    let none = open(long_data_unit(0, 0));
    assert!(none.image(1).is_err());
}

#[test]
fn every_byte_is_compared() {
    let mut original = mixed(&[ImageSpec::noisy(16, &[30, 20], 1), ImageSpec::noisy(-32, &[9, 7], 2)]);
    original.extend([7; 2880]);
    let file = open(original.clone());
    let (bytes, _) = packed(&original, Method::Gzip2);
    for at in (0..original.len()).step_by(61).chain([original.len() - 1]) {
        let mut other = original.clone();
        other[at] ^= 4;
        let Ok(other) = FitsFile::from_bytes(other) else { continue };
        for one in [&file, &open(bytes.clone())] {
            let verdicts = compare(one, &other, &mut |_| {}).unwrap();
            assert!(verdicts.iter().any(|verdict| matches!(verdict, Verdict::Different(_))), "byte {at}");
        }
    }
}

#[test]
fn padding_that_is_not_zeros_is_kept() {
    let whole = images(&[ImageSpec::noisy(16, &[30, 20], 1), ImageSpec::noisy(16, &[30, 20], 2)]);
    let data_end = whole.len() - (2880 - 1200);
    let dirty = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] = 0xff;
        bytes
    };
    let cases = [
        (dirty(2880 + 1200), 0, "is not zero"),
        (dirty(whole.len() - 1), 1, "is not zero"),
        (whole[..data_end].to_vec(), 1, "is missing"),
        (whole[..whole.len() - 5].to_vec(), 1, "is missing"),
    ];
    for (original, hdu, words) in cases {
        let out = tempfile::tempfile().unwrap();
        let done = pack_proven(&open(original.clone()), &out, &PackOptions::new(Method::Rice), &mut |_| {});
        let report = done.unwrap().hdus;
        assert!(remark(&report, hdu).contains(words), "{report:?}");
        assert_eq!(report[1 - hdu].algorithm.as_deref(), Some("RICE_1"), "the other image is packed");
        let (bytes, _) = packed(&original, Method::Rice);
        assert!(unpacked(&open(bytes)).0 == original);
        let itself = compare(&open(original.clone()), &open(original), &mut |_| {}).unwrap();
        assert_eq!(itself, vec![Verdict::Identical; 2]);
    }
    assert_eq!(open(whole[..data_end].to_vec()).missing_bytes(), 2880 - 1200);
    assert_eq!(open(whole).missing_bytes(), 0);
}

/// A packed primary image with other cards before and in it, as astropy and observatories write
/// them.
fn with_stand_in(cards: &[&str], edit: impl Fn(&mut Vec<u8>)) -> FitsFile {
    let (bytes, _) = packed(&images(&[ImageSpec::noisy(16, &[20, 12], 1)]), Method::Rice);
    let mut lines = vec![line("SIMPLE", "T"), line("BITPIX", "8"), line("NAXIS", "0"), line("EXTEND", "T")];
    lines.extend(cards.iter().map(|&card| card.to_owned()));
    let mut file = header(&lines);
    file.extend(&bytes[2880..]);
    edit(&mut file);
    open(file).salvaged()
}

#[test]
fn cards_of_the_stand_in_primary_come_back_in_the_image() {
    let plain = words(original_hdus(&with_stand_in(&[], |_| {}))[0].header());
    let file = with_stand_in(
        &[
            "COMMENT   FITS (Flexible Image Transport System) format is defined in 'Astronomy",
            "COMMENT   and Astrophysics', volume 376, page 359; bibcode: 2001A&A...376..359H",
            "SITEID  = 'ogg     '",
            "COMMENT primary words",
            "LONG    = 'one &'",
            "CONTINUE  'two'",
            "",
            "EXTNAME = 'PRIMARY '",
            "CHECKSUM= 'abcdefghijklmnop'",
            &format!("{:<8}= {:>20}", "EXTEND", "T"),
        ],
        |_| {},
    );
    let own = ["SITEID  = 'ogg     '", "COMMENT primary words", "LONG    = 'one &'", "CONTINUE  'two'"];
    let expected: Vec<String> = plain.into_iter().chain(own.map(str::to_owned)).collect();
    let (bytes, _) = unpacked(&file);
    let restored = FitsFile::from_bytes(bytes).unwrap();
    assert_eq!(restored.hdus().len(), 1);
    assert_eq!(words(restored.hdus()[0].header()), expected);
}

#[test]
fn simple_wins_where_both_kinds_of_mandatory_cards_stand() {
    let file = with_stand_in(&[], |bytes| {
        // The card that the test's own writer puts behind the axes.
        replace(bytes, "ZEXTEND =                    T", "ZTENSION= 'IMAGE   '          ");
    });
    let (bytes, _) = unpacked(&file);
    let restored = FitsFile::from_bytes(bytes).unwrap();
    let header = restored.hdus()[0].header();
    assert!(header.is_true("SIMPLE") && restored.hdus().len() == 1);
    for keyword in ["XTENSION", "PCOUNT", "GCOUNT"] {
        assert!(header.card(keyword).is_none(), "{keyword}");
    }
    let plain = open(images(&[ImageSpec::noisy(16, &[20, 12], 1)]));
    assert_eq!(restored.image(0).unwrap().read().unwrap(), plain.image(0).unwrap().read().unwrap());
}

#[test]
fn a_former_primary_image_later_in_a_file_is_an_extension() {
    let (bytes, _) = packed(&images(&[ImageSpec::noisy(16, &[20, 12], 1)]), Method::Rice);
    let mut twice = bytes.clone();
    twice.extend(&bytes[2880..]);
    let (bytes, _) = unpacked(&open(twice));
    let restored = FitsFile::from_bytes(bytes).unwrap();
    let first: Vec<String> = restored.hdus().iter().map(|hdu| words(hdu.header())[0].clone()).collect();
    assert!(first[0].starts_with("SIMPLE") && first[1].starts_with("XTENSION= 'IMAGE"), "{first:?}");
    let [one, other] = [0, 1].map(|index| restored.image(index).unwrap().read().unwrap());
    assert_eq!(one, other);
}

#[test]
fn parameters_and_groups_that_no_tile_holds_are_not_announced() {
    let (mut bytes, _) = packed(
        &mixed(&[ImageSpec::noisy(16, &[20, 12], 1), ImageSpec::noisy(16, &[20, 12], 2)]),
        Method::Rice,
    );
    replace(&mut bytes, &line("ZGCOUNT", "1"), &line("ZGCOUNT", "999999999"));
    let (bytes, _) = unpacked(&open(bytes).salvaged());
    let restored = FitsFile::from_bytes(bytes).unwrap();
    assert_eq!(restored.hdus()[1].header().integer("GCOUNT").unwrap(), Some(1));
    assert_eq!(restored.hdus().len(), 5);
}

#[test]
fn sums_are_checked_before_pixels_are_believed() {
    let original = images(&[ImageSpec::noisy(16, &[40, 30], 1)]);
    for method in [Method::Rice, Method::Plio, Method::Hcompress { scale: 0.0, smooth: false }, Method::None]
    {
        let (good, _) = packed(&original, method.clone());
        let data = open(good.clone()).hdus()[1].data_range();
        let mut bad = good.clone();
        bad[data.end as usize - 3] ^= 0x10;
        let file = open(bad.clone());
        let image = file.image(1).unwrap();
        let mut out = Cursor::new(Vec::new());
        for error in [
            image.check_sums().unwrap_err(),
            image.read().unwrap_err(),
            image.read_rows(0, 0..1).unwrap_err(),
            unpack(&file, &mut std::io::sink(), &mut |_| {}).unwrap_err(),
            pack(&file, &mut out, &PackOptions::new(Method::Gzip2), &mut |_| {}).unwrap_err(),
            compare(&file, &file, &mut |_| {}).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Damaged { hdu: 1, .. }), "{method:?}: {error}");
        }
        assert!(verify(&file).unwrap()[1].is_damaged());
        // What can still be decoded can be had.
        let salvaged = open(bad).salvaged();
        if let Ok(pixels) = salvaged.image(1).unwrap().read() {
            assert_ne!(pixels, open(good).image(1).unwrap().read().unwrap());
        }
    }
}

#[test]
fn without_sums_of_the_table_the_sum_of_the_image_has_to_hold() {
    let sums = |right: bool| {
        let plain = ImageSpec::noisy(16, &[40, 30], 1);
        // The sum of big-endian words, carries added back in.
        let words = plain.data.chunks(4).map(|w| u64::from(u32::from_be_bytes(w.try_into().unwrap())));
        let sum = words.fold(0, |sum, word| (sum + word) % u64::from(u32::MAX));
        let stated = if right { sum } else { sum ^ 8 };
        let original = images(&[plain.with_card(&format!("DATASUM = '{stated:<10}'"))]);
        let (mut bytes, _) = packed(&original, Method::Rice);
        let with_sums = open(bytes.clone());
        let unpacked = unpacked(&with_sums);
        assert!(unpacked.0 == original, "the table's sums vouch for it");
        assert_eq!(unpacked.1[0].checksums == Checksums::Good, right);
        // Blank sums are no sums.
        for keyword in ["CHECKSUM= '", "DATASUM = '"] {
            let at = bytes.windows(11).rposition(|window| window == keyword.as_bytes()).unwrap();
            let end = at + 11 + bytes[at + 11..].iter().position(|&byte| byte == b'\'').unwrap();
            bytes[at + 11..end].fill(b' ');
        }
        open(bytes)
    };
    assert!(unpack(&sums(true), &mut std::io::sink(), &mut |_| {}).is_ok());
    let wrong = sums(false);
    for error in [
        unpack(&wrong, &mut std::io::sink(), &mut |_| {}).unwrap_err(),
        pack(&wrong, &mut Cursor::new(Vec::new()), &PackOptions::new(Method::Gzip1), &mut |_| {})
            .unwrap_err(),
        original_hdus(&wrong)[0].check_sums().unwrap_err(),
    ] {
        assert!(error.to_string().contains("it is damaged"), "{error}");
    }
    assert!(verify(&wrong).unwrap()[1].is_damaged());
    assert!(unpack(&wrong.salvaged(), &mut std::io::sink(), &mut |_| {}).is_ok());
}

#[test]
fn sums_of_a_lossy_file_are_those_of_the_pixels_that_are_left() {
    let sums = "DATASUM = '12345   '           / stale";
    let float = images(&[ImageSpec::noisy(-32, &[50, 12], 8)
        .with_card("CHECKSUM= 'abcdefghijklmnop'   / stale")
        .with_card(sums)]);
    let quantise = Some(Quantise { level: 4.0, dither: Dither::Subtractive1, seed: Some(5) });
    let (lossy, _) = packed_with(&float, &PackOptions { quantise, ..PackOptions::new(Method::Rice) });
    let integers = images(&[ImageSpec::noisy(16, &[64, 32], 3).with_card(sums)]);
    let (scaled, _) = packed(&integers, Method::Hcompress { scale: -9.0, smooth: false });
    for lossy in [lossy, scaled] {
        let plain = unpacked(&open(lossy.clone())).0;
        assert_eq!(verify(&open(plain.clone())).unwrap()[0].stored, Checksums::Good);
        for method in [Method::Gzip1, Method::Gzip2, Method::Rice] {
            let (again, _) = packed(&lossy, method);
            assert!(unpacked(&open(again.clone())).0 == plain);
            let verdicts = compare(&open(again.clone()), &open(lossy.clone()), &mut |_| {}).unwrap();
            assert_eq!(verdicts, [Verdict::Identical]);
            assert_eq!(verify(&open(again)).unwrap()[1].original, Some(Checksums::Good));
        }
    }
}

#[test]
fn compressed_tables_that_cannot_be_read_are_told() {
    let mut bytes = mixed(&[ImageSpec::noisy(16, &[20, 12], 1)]);
    replace(&mut bytes, "TFORM1  = '1J'      ", "ZTABLE  = T         ");
    let at = bytes.windows(7).position(|window| window == b"TTYPE1 ").unwrap();
    bytes[at..at + 14].copy_from_slice(b"TFORM1  = '1J'");
    let file = open(bytes.clone());
    assert_eq!(file.hdus()[2].describe().content.to_string(), "compressed table that cannot be read");
    assert_eq!(file.hdus()[2].remarks(), ["the compressed table cannot be read: ZNAXIS1 is missing"]);
    let mut out = std::io::Cursor::new(Vec::new());
    let report = pack(&file, &mut out, &PackOptions::new(Method::Rice), &mut |_| {}).unwrap();
    assert_eq!(remark(&report, 2), "left as it is: ZNAXIS1 is missing");
    let error = unpack(&open(out.into_inner()), &mut std::io::sink(), &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "HDU 2: ZNAXIS1 is missing");
}

#[test]
fn keywords_that_are_too_long_for_a_table_leave_the_image_as_it_is() {
    let many = images(&[ImageSpec::noisy(16, &[1; 100], 1), ImageSpec::noisy(16, &[9, 9], 2)]);
    let one = images(&[
        ImageSpec::noisy(16, &[9, 9], 1).with_card("NAXIS100= 5"),
        ImageSpec::noisy(16, &[9, 9], 2),
    ]);
    for original in [many, one] {
        let (bytes, report) = packed(&original, Method::Rice);
        assert!(remark(&report, 0).contains("could not be restored exactly"), "{report:?}");
        assert!(report[1].algorithm.is_some());
        assert!(unpacked(&open(bytes)).0 == original);
    }
}

#[test]
fn algorithms_that_refuse_pixels_get_another_in_their_place() {
    let mut negative = ImageSpec::noisy(16, &[30, 20], 1);
    negative.data[..2].copy_from_slice(&(-5i16).to_be_bytes());
    let mut wide = ImageSpec::noisy(32, &[30, 20], 2);
    wide.data[..8].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0]);
    let original = images(&[negative, ImageSpec::noisy(16, &[30, 20], 3), wide]);
    let (bytes, report) = packed(&original, Method::Plio);
    let algorithms: Vec<_> = report.iter().map(|hdu| hdu.algorithm.as_deref().unwrap()).collect();
    assert_eq!(algorithms, ["RICE_1", "PLIO_1", "RICE_1"]);
    assert!(remark(&report, 0).contains("RICE_1 instead of PLIO_1 (tile 0: "), "{report:?}");
    assert!(unpacked(&open(bytes)).0 == original);
    let (bytes, _) = packed(&original, Method::Hcompress { scale: 0.0, smooth: false });
    assert!(unpacked(&open(bytes)).0 == original);
    // Quantised pixels with nulls are far below zero.
    let floats = images(&[ImageSpec::noisy(-32, &[50, 12], 8)]);
    let quantise = Some(Quantise { level: 4.0, dither: Dither::None, seed: None });
    packed_with(&floats, &PackOptions { quantise, ..PackOptions::new(Method::Plio) });
}

#[test]
fn what_peers_cannot_read_is_remarked() {
    let (_, report) = packed(&images(&[ImageSpec::noisy(64, &[30, 20], 1)]), Method::Gzip1);
    assert!(remark(&report, 0).starts_with("cfitsio and funpack cannot read"), "{report:?}");
    let mut foreign = images(&[ImageSpec::noisy(16, &[30, 20], 1)]);
    foreign.extend(header(&[
        "XTENSION= 'HDRLET  '".into(),
        line("BITPIX", "8"),
        line("NAXIS", "1"),
        line("NAXIS1", "2880"),
    ]));
    foreign.extend([b'x'; 2880]);
    let (_, report) = packed(&foreign, Method::Rice);
    assert_eq!(
        remark(&report, 1),
        "funpack drops extensions of type 'HDRLET' that follow a compressed image"
    );
    let quantise = Some(Quantise { level: 4.0, dither: Dither::None, seed: None });
    let options = PackOptions { quantise, ..PackOptions::new(Method::Rice) };
    let (_, report) = packed_with(&images(&[ImageSpec::noisy(16, &[30, 20], 1)]), &options);
    assert!(remark(&report, 0).starts_with("not quantised, because"), "{report:?}");
    assert!(remark(&report, 0).contains("larger than before: "), "{report:?}");
}

#[test]
fn floor_tiles_say_what_they_are_and_the_first_form_is_read() {
    let original = images(&[ImageSpec::noisy(16, &[30, 20], 1).with_card("COMMENT the image's own")]);
    let long = format!("stored:name={}", "x'y".repeat(40));
    for spec in ["stored", &long] {
        let (bytes, _) = packed(&original, Method::Floor { spec: spec.to_owned() });
        let file = open(bytes.clone());
        let header = file.hdus()[1].header();
        for n in 1..=3 {
            assert!(header.integer(&format!("ZVAL{n}")).unwrap().is_some(), "other readers want a number");
        }
        assert_eq!(header.text("ZNAME4").as_deref(), Some("CODEC"));
        assert_eq!(header.text("ZVAL4").as_deref(), Some(spec));
        assert!(words(header).iter().any(|card| card.starts_with("COMMENT a test, version 1;")));
        assert!(unpacked(&file).0 == original);
        // A newer version is not guessed at.
        let mut newer = bytes;
        replace(&mut newer, "ZVAL1   =                    2", "ZVAL1   =                    9");
        let opened = FitsFile::from_bytes(newer);
        let error = match opened {
            Err(error) => error.to_string(),
            Ok(file) => file.salvaged().image_hdus().next().unwrap().read().unwrap_err().to_string(),
        };
        assert!(error.contains("VERSION is 9"), "{error}");
    }
    // The first form: the parameter CODEC alone.
    let (bytes, _) = packed(&original, Method::Floor { spec: "stored".into() });
    let cards: Vec<&[u8]> = bytes[2880..5760].chunks(80).collect();
    let from = cards.iter().position(|card| card.starts_with(b"ZNAME1")).unwrap();
    let codec = cards.iter().position(|card| card.starts_with(b"ZNAME4")).unwrap();
    let image = cards.iter().position(|card| card.starts_with(b"ZSIMPLE")).unwrap();
    let kept = [&cards[..from], &cards[codec..codec + 2], &cards[image..]].concat();
    let mut first = bytes[..2880].to_vec();
    first.extend(kept.concat());
    first.resize(5760, b' ');
    first.extend(&bytes[5760..]);
    replace(&mut first, "ZNAME4  = 'CODEC   '", "ZNAME1  = 'CODEC   '");
    replace(&mut first, "ZVAL4   = 'stored  '", "ZVAL1   = 'stored  '");
    assert!(unpacked(&open(first).salvaged()).0 == original);
}
