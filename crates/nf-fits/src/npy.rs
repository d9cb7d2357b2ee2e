//! NumPy's `.npy` files of unsigned 16-bit samples.
//!
//! The format is that of NumPy enhancement proposal 1: a magic string, a version, the length of a header, the header
//! as a Python dictionary, the data. Read: `<u2`, `>u2` and (as single bytes) `|u1`, C order, one to four axes, the
//! leading ones flattened to planes. Written: version 1.0, `<u2`, C order, two axes for one plane and three for more.

use crate::{Error, Limits, Result};
use nf_image::{Image16, Shape};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Whether the bytes begin like an `.npy` file.
pub fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The stack that the bytes of an `.npy` file hold.
///
/// # Errors
/// If they are not such a file, cut short or too long, of another type or order, or above the limits.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Image16> {
    let wrong = |reason: String| Error::Format { format: "npy", reason };
    let cut = || wrong("the header is cut short".to_owned());
    if !is_npy(bytes) {
        return Err(wrong("it does not begin with \\x93NUMPY".to_owned()));
    }
    let (header_len, start) = match bytes.get(6).copied() {
        Some(1) => (usize::from(u16::from_le_bytes(array(bytes, 8).ok_or_else(cut)?)), 10),
        Some(2 | 3) => (u32::from_le_bytes(array(bytes, 8).ok_or_else(cut)?) as usize, 12),
        Some(version) => return Err(wrong(format!("version {version} is unknown, expected 1, 2 or 3"))),
        None => return Err(cut()),
    };
    let header = bytes.get(start..).and_then(|rest| rest.get(..header_len)).ok_or_else(cut)?;
    let data = &bytes[start + header_len..];
    let header = std::str::from_utf8(header).map_err(|_| wrong("the header is not text".to_owned()))?;
    let field = |name: &str| {
        let at = header.find(&format!("'{name}'"))?;
        Some(header[at + name.len() + 2..].trim_start().strip_prefix(':')?.trim_start())
    };
    let missing = |name: &str| wrong(format!("the header has no '{name}': {header:?}"));
    let descr = field("descr").ok_or_else(|| missing("descr"))?;
    let width = match descr.get(1..4) {
        Some("<u2" | ">u2") => 2,
        Some("|u1") => 1,
        _ => {
            let found: String = descr.chars().take_while(|&c| c != ',').collect();
            return Err(wrong(format!("its type is {found}, expected '<u2', '>u2' or '|u1'")));
        }
    };
    if !field("fortran_order").ok_or_else(|| missing("fortran_order"))?.starts_with("False") {
        return Err(wrong("it is in Fortran order, expected C order".to_owned()));
    }
    let shape = parse_shape(field("shape").ok_or_else(|| missing("shape"))?)
        .ok_or_else(|| wrong(format!("its shape is not one to four lengths: {header:?}")))?;
    let pixels = shape.checked_pixels().map_or(u64::MAX, |pixels| pixels as u64);
    let pixels = limits.check_pixels(0, pixels)?;
    if pixels.checked_mul(width) != Some(data.len()) {
        return Err(wrong(format!(
            "a shape of {shape} needs {pixels} x {width} bytes, {} follow",
            data.len()
        )));
    }
    let pairs = data.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    let samples = match &descr[1..4] {
        "<u2" => pairs.map(u16::from_le_bytes).collect(),
        ">u2" => pairs.map(u16::from_be_bytes).collect(),
        _ => data.iter().map(|&byte| u16::from(byte)).collect(),
    };
    Ok(Image16::new(shape, samples).expect("the number of samples was checked"))
}

/// The bytes of an `.npy` file that holds the stack.
pub fn write(image: &Image16) -> Vec<u8> {
    let shape = image.shape();
    let axes = match shape.planes {
        1 => format!("({}, {})", shape.height, shape.width),
        planes => format!("({planes}, {}, {})", shape.height, shape.width),
    };
    let mut header = format!("{{'descr': '<u2', 'fortran_order': False, 'shape': {axes}, }}");
    // Magic, version, length and header together fill whole 64-byte lines, the last byte a line feed.
    let padded_len = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.push_str(&" ".repeat(padded_len - 1 - header.len()));
    header.push('\n');
    let mut bytes = Vec::with_capacity(10 + padded_len + shape.raw_bytes());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[1, 0]);
    bytes.extend_from_slice(&(padded_len as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend(image.samples().iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn parse_shape(text: &str) -> Option<Shape> {
    let inner = text.strip_prefix('(')?;
    let inner = &inner[..inner.find(')')?];
    let mut axes: Vec<usize> = Vec::new();
    for length in inner.split(',').map(str::trim).filter(|length| !length.is_empty()) {
        axes.push(length.parse().ok()?);
    }
    if !(1..=4).contains(&axes.len()) {
        return None;
    }
    let width = axes.pop()?;
    let height = axes.pop().unwrap_or(1);
    let planes = axes.into_iter().try_fold(1usize, |n, axis| n.checked_mul(axis))?;
    Some(Shape::new(planes, height, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_of_frames_and_stacks() {
        for shape in [Shape::frame(3, 5), Shape::new(4, 2, 7), Shape::frame(0, 3), Shape::new(0, 2, 2)] {
            let image = Image16::from_fn(shape, |p, r, c| (p * 20_000 + r * 300 + c) as u16);
            let bytes = write(&image);
            assert_eq!((bytes.len() - shape.raw_bytes()) % 64, 0);
            assert_eq!(read(&bytes, &Limits::default()).unwrap(), image);
        }
    }

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&[1, 0, header.len() as u8, 0]);
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    #[test]
    fn big_endian_files_are_read() {
        let bytes = file("{'descr': '>u2', 'fortran_order': False, 'shape': (1, 2), }", &[1, 2, 3, 4]);
        assert_eq!(read(&bytes, &Limits::default()).unwrap().samples(), [0x0102, 0x0304]);
    }

    #[test]
    fn what_is_not_u16_is_refused_with_its_type() {
        for (header, word) in [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", "'<f4'"),
            ("{'descr': '<u2', 'fortran_order': True, 'shape': (1, 2), }", "Fortran"),
            ("{'descr': '<u2', 'fortran_order': False, 'shape': (), }", "shape"),
            ("{'descr': '<u2', 'fortran_order': False, 'shape': (9, 9), }", "needs 81 x 2 bytes, 4 follow"),
            ("{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", "limit"),
            ("{'fortran_order': False, 'shape': (1, 2), }", "no 'descr'"),
        ] {
            let error = read(&file(header, &[0; 4]), &Limits::default()).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = write(&Image16::zeros(Shape::frame(2, 3)));
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len], &Limits::default()).is_err());
        }
    }
}
