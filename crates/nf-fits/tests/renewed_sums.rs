//! CHECKSUM of headers that restoring changes: right where it was right, wrong where it was wrong.

#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

mod files;

use files::{ImageSpec, header, images, open};
use nf_fits::pack::{Method, PackOptions, pack, unpack, verify};
use nf_fits::{Checksums, FitsWriter, Header};
use std::io::Cursor;

fn packed(bytes: &[u8], method: Method) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    pack(&open(bytes.to_vec()), &mut out, &PackOptions::new(method), &mut |_| {}).unwrap();
    out.into_inner()
}

/// The unpacked file, and what was found of its HDUs.
fn unpacked(bytes: &[u8]) -> (Vec<u8>, Vec<Checksums>) {
    let mut out = Vec::new();
    let report = unpack(&open(bytes.to_vec()), &mut out, &mut |_| {}).unwrap();
    (out, report.into_iter().map(|hdu| hdu.checksums).collect())
}

fn sums(bytes: &[u8]) -> Vec<Checksums> {
    verify(&open(bytes.to_vec())).unwrap().into_iter().map(|found| found.stored).collect()
}

/// The sum of 32-bit words of whole blocks, as the standard defines it.
fn sum(bytes: &[u8]) -> u64 {
    bytes.chunks(4).fold(0, |total, word| {
        let total = total + u64::from(u32::from_be_bytes(word.try_into().unwrap()));
        (total & 0xffff_ffff) + (total >> 32)
    })
}

fn replace(bytes: &mut [u8], from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
}

/// A primary image with sums of its own, in a table without any: the table's HDU alone.
fn table_of_a_summed_image() -> Vec<u8> {
    let spec = ImageSpec::noisy(16, &[23, 11], 5)
        .with_card("DATASUM = '0       '")
        .with_card("CHECKSUM= '0000000000000000' / of the image");
    let plain = images(&[spec]);
    let data_sum = sum(&plain[2880..]);
    let mut plain = plain;
    replace(&mut plain, "DATASUM = '0       '  ", &format!("DATASUM = {:<12}", format!("'{data_sum}'")));
    // Whatever the writer's encoding: the sum of the whole is all ones.
    let rest = sum(&plain);
    replace(&mut plain, "0000000000000000", &encoded(rest));
    assert_eq!(sums(&plain), [Checksums::Good]);
    let mut table = packed(&plain, Method::Rice)[2880..].to_vec();
    // Those of the image stand under other keywords; cards of parameters go with the table.
    replace(&mut table, "CHECKSUM= '", "ZNAME8  = '");
    replace(&mut table, "DATASUM = '", "ZNAME9  = '");
    table
}

/// Appendix J of the standard, without the care for punctuation.
fn encoded(sum: u64) -> String {
    let complement = !(sum as u32);
    let mut text = [0u8; 16];
    for place in 0..4 {
        let byte = complement.to_be_bytes()[place];
        for part in 0..4 {
            text[4 * part + place] = b'0' + byte / 4 + if part == 0 { byte % 4 } else { 0 };
        }
    }
    text.rotate_right(1);
    // A quote would end the string.
    assert!(!text.contains(&b'\''));
    String::from_utf8(text.to_vec()).unwrap()
}

fn primary(cards: &[&str]) -> Vec<u8> {
    let mut lines: Vec<String> = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
    ]
    .map(String::from)
    .to_vec();
    lines.extend(cards.iter().map(|card| (*card).to_owned()));
    header(&lines)
}

fn variants() -> Vec<(&'static str, Vec<u8>, usize)> {
    let table = table_of_a_summed_image();
    let data = images(&[ImageSpec::noisy(16, &[5, 5], 1)]);
    vec![
        ("unchanged", [primary(&[]), table.clone()].concat(), 0),
        ("a card of the stand-in", [primary(&["SITEID  = 'ogg'"]), table.clone()].concat(), 0),
        ("a later ZSIMPLE", [primary(&[]), table.clone(), table.clone()].concat(), 1),
        ("behind a primary with data", [data, table].concat(), 1),
    ]
}

#[test]
fn sums_of_a_header_that_changes_are_renewed() {
    for (name, file, hdu) in variants() {
        let (plain, found) = unpacked(&file);
        assert_eq!(found[hdu], Checksums::Good, "{name}");
        assert_eq!(sums(&plain)[hdu], Checksums::Good, "{name}");
        for method in [Method::Gzip2, Method::Rice] {
            let again = packed(&file, method);
            assert!(
                verify(&open(again.clone()))
                    .unwrap()
                    .iter()
                    .all(|hdu| !hdu.stored.is_wrong() && !hdu.original.is_some_and(Checksums::is_wrong)),
                "{name}"
            );
            assert_eq!(unpacked(&again).0, plain, "{name}");
        }
    }
}

#[test]
fn sums_that_were_wrong_stay_wrong() {
    for (name, mut file, hdu) in variants() {
        let at = file.windows(9).rposition(|window| window == b"ZHECKSUM=").unwrap();
        file[at + 40] ^= 1;
        let last = open(file.clone()).hdus().len() - 1;
        let (plain, found) = unpacked(&file);
        assert_eq!(*found.last().unwrap(), Checksums::BadHdu, "{name}");
        assert_eq!(*sums(&plain).last().unwrap(), Checksums::BadHdu, "{name}");
        assert!(last >= hdu);
    }
}

#[test]
fn headers_that_lack_mandatory_cards_are_completed_with_their_sums() {
    // An extension whose writer left out the counts; the sums are those of another header.
    let complete = table_of_a_summed_image();
    for datasum in [true, false] {
        let mut table = complete.clone();
        replace(&mut table, "ZSIMPLE =                    T", "ZTENSION= 'IMAGE   '          ");
        if !datasum {
            replace(&mut table, "ZDATASUM", "ZVAL9   ");
        }
        let (plain, found) = unpacked(&[primary(&[]), table].concat());
        let expected = if datasum { Checksums::Good } else { Checksums::None };
        assert_eq!(found[1], expected);
        assert_eq!(sums(&plain)[1], expected);
    }
}

#[test]
fn primary_images_that_are_written_as_extensions_keep_right_sums() {
    let spec = ImageSpec::noisy(16, &[6, 4], 3).with_card("CHECKSUM= '0000000000000000'");
    let mut plain = images(&[spec]);
    let rest = sum(&plain);
    replace(&mut plain, "0000000000000000", &encoded(rest));
    let original = Header::from_bytes(plain[..2880].to_vec()).unwrap();
    let frame = open(plain).image(0).unwrap().read().unwrap();
    let mut writer = FitsWriter::new(Vec::new());
    writer.image(&frame, Some(original.bytes())).unwrap();
    writer.image(&frame, Some(original.bytes())).unwrap();
    assert_eq!(sums(&writer.into_inner()), [Checksums::Good; 2]);
}
