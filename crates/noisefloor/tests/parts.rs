//! Stacks and regions of containers, as files of their own: their physical values are those of the
//! whole file in the same place, whatever its pixels are and whatever is written.
#![allow(clippy::unwrap_used)]

use nf_fits::{FitsFile, Pixels, Section};
use std::fs;
use std::path::Path;
use std::process::Command;

const SHAPE: [usize; 2] = [5, 7];

fn noisefloor(args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Pixels of bytes with all kinds of values, the ends of the range among them.
fn stored(bytes: usize) -> Vec<u8> {
    let first = match bytes {
        1 => vec![0, 3, 127, 128, 255],
        _ => vec![0, 0, 0, 3, 0x7f, 0xff, 0x80, 0, 0xff, 0xff, 0xff, 0xfd],
    };
    let rest = (first.len()..SHAPE[0] * SHAPE[1] * bytes).map(|i| (i * 89) as u8);
    first.iter().copied().chain(rest).collect()
}

fn fits_hdu(first: &str, bitpix: i64, zero: Option<i64>) -> Vec<u8> {
    let mut lines = vec![first.to_owned(), format!("BITPIX  = {bitpix}"), "NAXIS   = 2".to_owned()];
    lines.extend([format!("NAXIS1  = {}", SHAPE[1]), format!("NAXIS2  = {}", SHAPE[0])]);
    if first.starts_with("XTENSION") {
        lines.extend(["PCOUNT  = 0", "GCOUNT  = 1"].map(str::to_owned));
    }
    lines.extend(zero.map(|zero| format!("BZERO   = {zero}")));
    lines.extend(["OBJECT  = 'a star'", "END"].map(str::to_owned));
    let mut bytes: Vec<u8> = lines.iter().flat_map(|line| format!("{line:<80}").into_bytes()).collect();
    bytes.resize(2880, b' ');
    bytes.extend(stored(bitpix as usize / 8));
    bytes.resize(5760, 0);
    bytes
}

fn npy_file(descr: &str) -> Vec<u8> {
    let header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}, {}), }}\n", SHAPE[0], SHAPE[1]);
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.into_bytes());
    bytes.extend(stored(if descr.ends_with('1') { 1 } else { 2 }));
    bytes
}

/// Extents and physical values of the first image with pixels of a FITS file, read without this
/// program's notion of samples.
fn fits_values(bytes: Vec<u8>) -> (Vec<usize>, Vec<f64>) {
    let file = FitsFile::from_bytes(bytes).unwrap();
    let image = file.image_hdus().next().unwrap();
    let whole = Section(image.axes().iter().map(|&length| 0..length).collect());
    let scale = image.image_header().physical_scale();
    let values: Vec<f64> = match image.read_section(&whole).unwrap() {
        Pixels::U8(values) => values.iter().map(|&value| f64::from(value)).collect(),
        Pixels::I16(values) => values.iter().map(|&value| f64::from(value)).collect(),
        other => panic!("{other:?}"),
    };
    let axes = image.axes().iter().rev().copied().collect();
    (axes, values.iter().map(|value| scale.zero + scale.scale * value).collect())
}

/// Type, extents and values of an .npy file, read without this program's reader.
fn npy_values(bytes: &[u8]) -> (String, Vec<usize>, Vec<f64>) {
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    let descr = header.split('\'').nth(3).unwrap().to_owned();
    let (_, axes) = header.split_once('(').unwrap();
    let axes = axes.split_once(')').unwrap().0.split(',').map(|n| n.trim().parse().unwrap()).collect();
    let width: usize = descr[2..].parse().unwrap();
    let value = |bytes: &[u8]| {
        let mut wide = [0; 8];
        wide[..width].copy_from_slice(bytes);
        if descr.starts_with('>') {
            wide[..width].reverse();
        }
        let unsigned = u64::from_le_bytes(wide);
        let unused = 64 - 8 * width as u32;
        match descr.as_bytes()[1] {
            b'u' => unsigned as f64,
            b'i' => ((unsigned << unused) as i64 >> unused) as f64,
            _ => f64::from_bits(unsigned),
        }
    };
    let values = bytes[10 + length..].chunks(width).map(value).collect();
    (descr, axes, values)
}

/// Writes the stack and regions of the container, as both kinds of file, and compares.
fn check_parts(folder: &Path, packed: &str, stack: &str, whole: &[f64], what: &str) -> Vec<String> {
    let mut descrs = Vec::new();
    for region in [None, Some([0, 3, 0, 3]), Some([1, 5, 2, 7]), Some([4, 5, 6, 7])] {
        let [top, bottom, left, right] = region.unwrap_or([0, SHAPE[0], 0, SHAPE[1]]);
        let expected: Vec<f64> = (top..bottom)
            .flat_map(|row| whole[row * SHAPE[1] + left..row * SHAPE[1] + right].to_vec())
            .collect();
        for kind in ["fits", "npy"] {
            let out = folder.join(format!("part.{kind}")).display().to_string();
            let text = format!("{top}:{bottom},{left}:{right}");
            let mut args = vec!["decompress", "-f", "-s", stack, packed, "-o", &out];
            if region.is_some() {
                args.extend(["--region", &text]);
            }
            noisefloor(&args);
            let bytes = fs::read(&out).unwrap();
            let (axes, values) = if kind == "fits" {
                fits_values(bytes)
            } else {
                let (descr, axes, values) = npy_values(&bytes);
                descrs.push(descr);
                (axes, values)
            };
            assert_eq!(axes, [bottom - top, right - left], "{what}, {args:?}");
            assert_eq!(values, expected, "{what}, {args:?}");
        }
    }
    descrs.dedup();
    descrs
}

#[test]
fn parts_of_fits_files_have_the_values_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let forms = [8, 16]
        .into_iter()
        .flat_map(|bitpix| [None, Some(0), Some(32768), Some(-128), Some(1000)].map(|zero| (bitpix, zero)));
    for (bitpix, zero) in forms {
        let what = format!("BITPIX {bitpix}, BZERO {zero:?}");
        let alone = fits_hdu("SIMPLE  = T", bitpix, zero);
        let (_, whole) = fits_values(alone.clone());
        // Behind an image of another form, so that the first header is not taken for all.
        let other = if bitpix == 8 { (16, Some(32768)) } else { (8, Some(-128)) };
        let mut several = fits_hdu("SIMPLE  = T", other.0, other.1);
        several.extend(fits_hdu("XTENSION= 'IMAGE'", bitpix, zero));
        for (bytes, stack) in [(alone, "0"), (several, "1")] {
            fs::write(path("in.fits"), bytes).unwrap();
            noisefloor(&["compress", "-f", "--codec", "raw", &path("in.fits"), "-o", &path("a.nfl")]);
            let descrs = check_parts(folder.path(), &path("a.nfl"), stack, &whole, &what);
            let expected = match (bitpix, zero.unwrap_or(0)) {
                (8, 0) => "|u1",
                (8, -128) => "|i1",
                (8, _) | (16, 32768) => "<u2",
                (_, 0) => "<i2",
                _ => "<i4",
            };
            assert_eq!(descrs, [expected], "{what}");
        }
        // A section of the packed file, by the other way to it.
        noisefloor(&["fits", "pack", "-f", "--to", "rice", &path("in.fits"), "-o", &path("in.fits.fz")]);
        let target = format!("{}[2][3:7,2:5]", path("in.fits.fz"));
        noisefloor(&["fits", "cutout", "-f", &target, &path("cut.fits")]);
        let expected: Vec<f64> =
            (1..5).flat_map(|row| whole[row * SHAPE[1] + 2..row * SHAPE[1] + 7].to_vec()).collect();
        assert_eq!(fits_values(fs::read(path("cut.fits")).unwrap()), (vec![4, 5], expected), "{what}");
    }
}

#[test]
fn parts_of_npy_files_have_the_values_and_the_type_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for descr in ["|u1", "|i1", "<u2", ">u2", "<i2", ">i2"] {
        let bytes = npy_file(descr);
        fs::write(path("in.npy"), &bytes).unwrap();
        noisefloor(&["compress", "-f", "--codec", "raw", &path("in.npy"), "-o", &path("a.nfl")]);
        let (_, _, whole) = npy_values(&bytes);
        assert_eq!(check_parts(folder.path(), &path("a.nfl"), "0", &whole, descr), [descr]);
        // The whole of it as the other kind of file.
        noisefloor(&["decompress", "-f", &path("a.nfl"), "-o", &path("whole.fits")]);
        assert_eq!(fits_values(fs::read(path("whole.fits")).unwrap()), (SHAPE.to_vec(), whole), "{descr}");
    }
}

#[test]
fn salvaged_pixels_are_filled_with_the_value_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("in.fits"), fits_hdu("SIMPLE  = T", 16, None)).unwrap();
    noisefloor(&["compress", "-f", "--codec", "raw", &path("in.fits"), "-o", &path("a.nfl")]);
    let mut bytes = fs::read(path("a.nfl")).unwrap();
    // Of the only tile: between the header and the trailer.
    let trailer = 32 + 12 + 4 + 8 + 8;
    let at = bytes.len() - trailer - 5;
    bytes[at] ^= 1;
    fs::write(path("a.nfl"), bytes).unwrap();
    for (fill, expected) in [("0", 0.0), ("-3", -3.0)] {
        let args = ["decompress", "-f", "--salvage", "--fill", fill, &path("a.nfl"), "-o", &path("b.fits")];
        let output = Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(&format!("their pixels are {fill}:")), "{text}");
        let values = fits_values(fs::read(path("b.fits")).unwrap()).1;
        assert!(values.iter().all(|&value| value == expected), "{values:?}");
    }
}
