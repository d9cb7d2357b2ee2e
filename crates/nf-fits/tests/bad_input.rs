//! Files that lie, are cut short, or are of another kind: one clear error each, nothing allocated
//! on their word.

use nf_fits::{FitsFile, write_image};
use nf_image::{Image16, Shape};

fn header(lines: &[&str]) -> Vec<u8> {
    let mut bytes: Vec<u8> = lines.iter().flat_map(|line| format!("{line:<80}").into_bytes()).collect();
    bytes.extend(format!("{:<80}", "END").into_bytes());
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes
}

/// The error of opening the file and reading all its images.
fn error(bytes: Vec<u8>) -> String {
    match FitsFile::from_bytes(bytes) {
        Err(error) => error.to_string(),
        Ok(file) => {
            let read = |index: usize| file.image(index).and_then(|image| image.read()).err();
            let errors = (0..file.hdus().len()).filter_map(read).map(|error| error.to_string());
            let mut errors = errors.filter(|error| !error.contains("holds no image"));
            errors.next().expect("opening or reading fails")
        }
    }
}

fn image(bitpix: &str, naxis1: &str, naxis2: &str) -> Vec<u8> {
    let (naxis1, naxis2) = (format!("NAXIS1  = {naxis1}"), format!("NAXIS2  = {naxis2}"));
    header(&["SIMPLE  = T", &format!("BITPIX  = {bitpix}"), "NAXIS   = 2", &naxis1, &naxis2])
}

#[test]
fn headers_that_lie_are_named() {
    for (bytes, words) in [
        (image("16", "40000", "40000"), "HDU 0: the data is cut short: 3200000000 bytes announced, 0 found"),
        (image("16", "-5", "4"), "NAXIS1 is -5"),
        (image("16", "9223372036854775807", "9223372036854775807"), "more data than can exist"),
        (image("64", "0", "9223372036854775807"), "more data than can exist"),
        (image("12", "4", "4"), "BITPIX is 12"),
        (image("'x'", "4", "4"), "BITPIX is 'x', expected a whole number"),
        (image("16", "4.5", "4"), "NAXIS1 is 4.5"),
        (header(&["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 4"]), "NAXIS2 is missing"),
        (header(&["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 1000"]), "NAXIS is 1000"),
        (header(&["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = -1"]), "NAXIS is -1"),
        (vec![], "not a FITS file"),
        (b"GIF89a".to_vec(), "it begins with \"GIF89a\""),
        (b"\x89NFL\r\n\x1a\n\x02\0".to_vec(), "it is a noisefloor container, which `noisefloor decompress`"),
        (b"\x89NFB\r\n\x1a\n\x03\0".to_vec(), "it is a bounded noisefloor container"),
        (b"NFPROF1\n\0\0".to_vec(), "it is a detector profile"),
        (b"\x93NUMPY\x01\0v\0".to_vec(), "it is an .npy file"),
        (image("16", "4", "4")[..2000].to_vec(), "the header is cut short"),
        (vec![b' '; 2880], "not a FITS file"),
    ] {
        let error = error(bytes);
        assert!(error.contains(words), "{error}");
        assert!(!error.contains('\n'));
    }
}

#[test]
fn a_missing_end_is_an_error() {
    let mut bytes = image("16", "4", "4");
    let end = bytes.chunks(80).position(|card| card.starts_with(b"END ")).unwrap() * 80;
    bytes[end..end + 3].copy_from_slice(b"FIN");
    assert!(error(bytes).contains("header is cut short"));
}

#[test]
fn values_that_are_not_u16_are_refused() {
    let mut floats = image("-32", "2", "2");
    floats.resize(5760, 0);
    assert_eq!(error(floats), "HDU 0 does not fit 16 bits: its pixels are float32");
    let mut wide = image("32", "2", "2");
    wide.extend([0, 1, 0, 0].repeat(4));
    assert!(error(wide).contains("a pixel of 65536 with BZERO 0"));
    let mut scaled = header(&["SIMPLE  = T", "BITPIX  = 32", "NAXIS   = 1", "NAXIS1  = 1", "BSCALE  = 2.0"]);
    scaled.extend([0; 4]);
    assert!(error(scaled).contains("BSCALE 2"));
}

#[test]
fn every_truncation_of_a_plain_file_is_an_error_or_lacks_padding_only() {
    let frame = Image16::from_fn(Shape::frame(3, 5), |_, r, c| (r * 5 + c) as u16);
    let bytes = write_image(&frame, None).unwrap();
    for len in 0..bytes.len() {
        match FitsFile::from_bytes(bytes[..len].to_vec()) {
            Ok(file) => {
                assert!(len >= 2880 + 30, "{len}");
                assert_eq!(file.image(0).unwrap().read().unwrap(), frame);
            }
            Err(error) => assert!(len < 2880 + 30, "{len}: {error}"),
        }
    }
}

#[test]
fn compressed_images_that_claim_too_much_are_refused_before_allocation() {
    let table = |naxis1: &str, tile1: &str, algorithm: &str, descriptor: [u32; 2]| {
        let mut bytes = header(&["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0", "EXTEND  = T"]);
        bytes.extend(header(&[
            "XTENSION= 'BINTABLE'",
            "BITPIX  = 8",
            "NAXIS   = 2",
            "NAXIS1  = 8",
            "NAXIS2  = 1",
            "PCOUNT  = 16",
            "GCOUNT  = 1",
            "TFIELDS = 1",
            "TTYPE1  = 'COMPRESSED_DATA'",
            "TFORM1  = '1PB(16)'",
            "ZIMAGE  = T",
            "ZBITPIX = 16",
            "ZNAXIS  = 1",
            &format!("ZNAXIS1 = {naxis1}"),
            &format!("ZTILE1  = {tile1}"),
            &format!("ZCMPTYPE= '{algorithm}'"),
            "ZNAME1  = 'BYTEPIX'",
            "ZVAL1   = 2",
        ]));
        bytes.extend(descriptor.iter().flat_map(|word| word.to_be_bytes()));
        bytes.extend([0xff; 16]);
        bytes
    };
    for (bytes, words) in [
        (table("4000000000", "4000000000", "RICE_1", [16, 0]), "pixels need at least"),
        (table("4000000000", "4000000000", "GZIP_1", [16, 0]), "pixels need at least"),
        (table("9223372036854775807", "9223372036854775807", "RICE_1", [16, 0]), "ZNAXISn"),
        (table("8", "0", "RICE_1", [16, 0]), "ZTILE1 is 0"),
        (table("8", "4", "RICE_1", [16, 0]), "make 2 tiles"),
        (table("8", "8", "RICE_1", [17, 0]), "outside the heap of 16 bytes"),
        (table("8", "8", "RICE_1", [1, 16]), "outside the heap of 16 bytes"),
        (table("8", "8", "RICE_1", [u32::MAX, 0]), "outside the heap of 16 bytes"),
        (table("8", "8", "RICE_1", [0, 0]), "no column holds data"),
        (table("8", "8", "RICE_1", [3, 0]), "HDU 1, tile 0: "),
        (table("8", "8", "GZIP_1", [16, 0]), "need at least 18 bytes"),
        (table("8", "8", "FOO_7", [16, 0]), "'FOO_7'"),
        (table("-8", "8", "RICE_1", [16, 0]), "ZNAXIS1 is -8"),
    ] {
        let error = error(bytes);
        assert!(error.contains(words), "{error}");
    }
}
