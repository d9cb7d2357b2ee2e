//! Files of which a part is damaged: what is whole is read, what needs the whole file is refused.

#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::{ImageSpec, images, mixed, open};
use nf_fits::pack::{Method, PackOptions, compare, pack, unpack, verify};
use nf_fits::{Error, FitsFile, Limits, Pixels, Section, Target};
use std::io::Cursor;

fn packed(bytes: &[u8], options: &PackOptions) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    pack(&open(bytes.to_vec()), &mut out, options, &mut |_| {}).unwrap();
    out.into_inner()
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    unpack(&open(bytes.to_vec()), &mut out, &mut |_| {}).unwrap();
    out
}

fn pixels(bytes: &[u8], hdu: usize) -> Pixels {
    let file = open(bytes.to_vec());
    let image = file.image(hdu).unwrap();
    image.read_section(&Section::whole(image.axes())).unwrap()
}

/// Replaces the first card of `keyword`; sums stay as they are.
fn with_card(mut bytes: Vec<u8>, keyword: &str, line: &str) -> Vec<u8> {
    let wanted = format!("{keyword:<8}= ");
    let card = bytes.chunks_exact_mut(80).find(|card| card.starts_with(wanted.as_bytes()));
    card.unwrap().copy_from_slice(format!("{line:<80}").as_bytes());
    bytes
}

/// A table with the cards of an image that damage keeps from being read as one is no mere table.
#[test]
fn images_that_damage_hides_are_refused() {
    let good = packed(&images(&[ImageSpec::noisy(16, &[20, 12], 1)]), &PackOptions::new(Method::Rice));
    let options = PackOptions::new(Method::Gzip2);
    for (keyword, line) in
        [("ZIMAGE", "ZIMAGE  = F"), ("ZIMAGE", "ZIMAGD  = T"), ("ZNAXIS1", "ZNAXIS1 = '20 \"'")]
    {
        let hidden = with_card(good.clone(), keyword, line);
        let file = open(hidden.clone());
        assert!(file.image(1).is_err(), "{line}");
        assert!(unpack(&file, &mut std::io::sink(), &mut |_| {}).is_err(), "{line}");
        let error = pack(&file, &mut Cursor::new(Vec::new()), &options, &mut |_| {}).unwrap_err();
        assert!(matches!(error, Error::Damaged { hdu: 1, .. }), "{line}: {error}");
        let salvaged = open(hidden).salvaged();
        assert!(pack(&salvaged, &mut Cursor::new(Vec::new()), &options, &mut |_| {}).is_ok(), "{line}");
    }
    // Other damaged tables come through as they stand: nothing of theirs is decoded.
    let table = with_card(mixed(&[ImageSpec::noisy(16, &[20, 12], 1)]), "TTYPE1", "DATASUM = '1'");
    assert_eq!(unpacked(&packed(&table, &PackOptions::new(Method::Rice))), table);
}

/// What stands before a damaged HDU can be read; what needs the whole file is refused.
#[test]
fn one_damaged_header_does_not_cost_the_hdus_before_it() {
    let three: Vec<ImageSpec> = (1..4).map(|seed| ImageSpec::noisy(16, &[60, 50], seed)).collect();
    let good = mixed(&three);
    let whole = open(good.clone());
    let last = whole.hdus().last().unwrap();
    let (index, start) = (last.index(), last.range().start as usize);
    let changed = |keyword: &str, line: &str| {
        [&good[..start], &with_card(good[start..].to_vec(), keyword, line)].concat()
    };
    for (bytes, words) in [
        (good[..good.len() - 4000].to_vec(), "the data is cut short"),
        (good[..start + 900].to_vec(), "the header is cut short"),
        (changed("BITPIX", "BITPIX  = 24"), "BITPIX is 24"),
        (changed("PCOUNT", "PCOUNT  = -5"), "PCOUNT is -5"),
        (changed("NAXIS1", "NAXIS1  = 'x'"), "NAXIS1 is 'x'"),
    ] {
        assert!(FitsFile::from_bytes(bytes.clone()).unwrap_err().to_string().contains(words), "{words}");
        let file = FitsFile::readable_from_bytes(bytes.clone(), Limits::default()).unwrap();
        assert_eq!(file.hdus().len(), index);
        assert!(file.fault().unwrap().to_string().starts_with(&format!("HDU {index}: {words}")));
        let image = file.image(1).unwrap();
        assert_eq!(image.read_section(&Section::whole(image.axes())).unwrap(), pixels(&good, 1));
        for hdu in [index, index + 1] {
            let error = file.image(hdu).err().unwrap().to_string();
            assert!(error.starts_with(&format!("HDU {hdu}: ")) && error.contains(words), "{error}");
        }
        let error = Target::parse("f[NONE]").image(&file).err().unwrap().to_string();
        assert!(error.contains("no HDU is named 'NONE'") && error.contains(words), "{error}");
        let options = PackOptions::new(Method::Rice);
        let refusals = [
            pack(&file, &mut Cursor::new(Vec::new()), &options, &mut |_| {}).err(),
            unpack(&file, &mut std::io::sink(), &mut |_| {}).err(),
            compare(&file, &whole, &mut |_| {}).err(),
            compare(&whole, &file, &mut |_| {}).err(),
            verify(&file).err(),
        ];
        for error in refusals.map(|error| error.unwrap().to_string()) {
            assert!(error.starts_with(&format!("HDU {index}: {words}")), "{error}");
        }
    }
    assert!(FitsFile::readable_from_bytes(good, Limits::default()).unwrap().fault().is_none());
    // Without a first HDU there is nothing.
    let first = with_card(images(&three), "BITPIX", "BITPIX  = 24");
    assert!(FitsFile::readable_from_bytes(first, Limits::default()).is_err());
}
