//! FITS files for tests, made byte by byte, independently of the library's own writer.
#![allow(dead_code, reason = "every test program uses a part")]

pub(crate) mod draw;
pub(crate) mod tables;

pub(crate) use draw::Random;

use nf_fits::tiled::TileCodec;
use nf_fits::{FitsFile, npy};
use nf_image::{Image16, Shape};
use std::sync::Arc;

/// Stands in for the codecs of the binary: the bytes of an `.npy` file, and the spec in front.
pub(crate) struct Stored;

impl TileCodec for Stored {
    fn encode(&self, spec: &str, tile: &Image16) -> Result<Vec<u8>, String> {
        Ok([spec.as_bytes(), &npy::write(tile)].concat())
    }

    fn decode(&self, spec: &str, bytes: &[u8], shape: Shape) -> Result<Image16, String> {
        let bytes = bytes.strip_prefix(spec.as_bytes()).ok_or("another spec")?;
        let tile = npy::read(bytes, &nf_fits::Limits::default()).map_err(|error| error.to_string())?;
        Image16::new(shape, tile.into_samples()).map_err(|error| error.to_string())
    }

    fn creator(&self) -> Option<String> {
        Some("a test, version 1; its tiles are described nowhere, at a length that takes two cards".into())
    }
}

/// The file of these bytes, with that codec.
pub(crate) fn open(bytes: Vec<u8>) -> FitsFile {
    FitsFile::from_bytes(bytes).expect("it is FITS").with_codec(Arc::new(Stored))
}

/// A header of these lines, padded to whole blocks.
pub(crate) fn header(lines: &[String]) -> Vec<u8> {
    let mut bytes: Vec<u8> = lines
        .iter()
        .flat_map(|line| {
            assert!(line.len() <= 80, "{line}");
            format!("{line:<80}").into_bytes()
        })
        .collect();
    bytes.extend(format!("{:<80}", "END").into_bytes());
    pad(bytes, b' ')
}

pub(crate) fn pad(mut bytes: Vec<u8>, with: u8) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(2880), with);
    bytes
}

/// An image HDU to be made.
#[derive(Clone)]
pub(crate) struct ImageSpec {
    pub(crate) bitpix: i64,
    pub(crate) axes: Vec<usize>,
    pub(crate) cards: Vec<String>,
    /// Big-endian pixels.
    pub(crate) data: Vec<u8>,
}

impl ImageSpec {
    /// Noise on a slope, with a few outliers; never negative.
    pub(crate) fn noisy(bitpix: i64, axes: &[usize], seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let pixels: usize = axes.iter().product();
        let mut data = Vec::new();
        for i in 0..pixels {
            let mut value = 100.0 + (i % axes[0]) as f64 * 0.25 + 5.0 * random.gaussian();
            if random.below(50) == 0 {
                value += random.below(150) as f64 * if bitpix.abs() > 8 { 100.0 } else { 0.5 };
            }
            let value = value.max(0.0);
            match bitpix {
                8 => data.push(value.min(255.0) as u8),
                16 => data.extend((value as i16).to_be_bytes()),
                32 => data.extend((value as i32 * 7).to_be_bytes()),
                64 => data.extend((value as i64 * 1_000_003).to_be_bytes()),
                -32 => data.extend((value as f32).to_be_bytes()),
                -64 => data.extend(value.to_be_bytes()),
                _ => unreachable!("a BITPIX of the standard"),
            }
        }
        Self { bitpix, axes: axes.to_vec(), cards: Vec::new(), data }
    }

    pub(crate) fn with_card(mut self, card: &str) -> Self {
        self.cards.push(card.to_owned());
        self
    }

    fn bytes(&self, primary: bool) -> Vec<u8> {
        let first = if primary {
            "SIMPLE  =                    T / a file"
        } else {
            "XTENSION= 'IMAGE   '           / an image"
        };
        let mut lines = vec![first.to_owned(), format!("BITPIX  = {:>20} / bits", self.bitpix)];
        lines.push(format!("NAXIS   = {:>20}", self.axes.len()));
        for (n, axis) in (1..).zip(&self.axes) {
            lines.push(format!("{:<8}= {axis:>20} / length {n}", format!("NAXIS{n}")));
        }
        if primary {
            lines.push(format!("EXTEND  = {:>20}", "T"));
        } else {
            lines.push(format!("PCOUNT  = {:>20}", 0));
            lines.push(format!("GCOUNT  = {:>20}", 1));
        }
        lines.extend(self.cards.iter().cloned());
        let mut bytes = header(&lines);
        bytes.extend(pad(self.data.clone(), 0));
        bytes
    }
}

/// A file of images only, the first one primary.
pub(crate) fn images(specs: &[ImageSpec]) -> Vec<u8> {
    specs.iter().enumerate().flat_map(|(n, spec)| spec.bytes(n == 0)).collect()
}

/// A file with an empty primary HDU, images, a table, and an empty image between them.
pub(crate) fn mixed(specs: &[ImageSpec]) -> Vec<u8> {
    let line = |keyword: &str, value: &str| format!("{keyword:<8}= {value:>20}");
    let mut bytes = header(&[
        line("SIMPLE", "T"),
        line("BITPIX", "8"),
        line("NAXIS", "0"),
        line("EXTEND", "T"),
        "OBJECT  = 'nothing'".to_owned(),
    ]);
    for (n, spec) in specs.iter().enumerate() {
        bytes.extend(spec.bytes(false));
        if n == 0 {
            bytes.extend(header(&[
                "XTENSION= 'BINTABLE'".to_owned(),
                line("BITPIX", "8"),
                line("NAXIS", "2"),
                line("NAXIS1", "4"),
                line("NAXIS2", "3"),
                line("PCOUNT", "5"),
                line("GCOUNT", "1"),
                line("TFIELDS", "1"),
                "TTYPE1  = 'a'".to_owned(),
                "TFORM1  = '1J'".to_owned(),
            ]));
            bytes.extend(pad((0..17).collect(), 0));
            bytes.extend(header(&[
                "XTENSION= 'IMAGE'".to_owned(),
                line("BITPIX", "16"),
                line("NAXIS", "0"),
                line("PCOUNT", "0"),
                line("GCOUNT", "1"),
            ]));
        }
    }
    bytes
}
