//! The algorithms by their names in headers.

use super::codec::FLOOR_1;
use crate::card::CARD_BYTES;
use crate::card::write::{integer, long_text, real, text};
use crate::header::Header;
use crate::{Error, Result, SampleType};
use std::fmt;

/// Version of the parameters of FLOOR_1 that are written. The first had the parameter CODEC only.
const FLOOR_VERSION: i64 = 2;

/// How the tiles of an image are compressed (ZCMPTYPE and its parameters in ZNAMEn and ZVALn).
#[derive(Clone, Debug, PartialEq)]
pub enum Algorithm {
    /// RICE_1.
    Rice {
        /// BLOCKSIZE: pixels that share a parameter.
        block: usize,
        /// BYTEPIX: bytes of the pixels that were coded, 1, 2 or 4.
        bytepix: usize,
    },
    /// GZIP_1.
    Gzip1,
    /// GZIP_2.
    Gzip2,
    /// PLIO_1.
    Plio,
    /// HCOMPRESS_1.
    Hcompress {
        /// SCALE: 0 loses nothing; positive: times the noise of the tile; negative: the
        /// quantisation itself.
        scale: f32,
        /// SMOOTH: whether readers smooth.
        smooth: bool,
    },
    /// NOCOMPRESS.
    None,
    /// FLOOR_1: a codec of this project, private.
    Floor {
        /// CODEC: the codec's spec.
        spec: String,
    },
    /// Any other name; such tiles cannot be read.
    Other(String),
}

impl Algorithm {
    /// The value of ZCMPTYPE.
    pub fn name(&self) -> &str {
        match self {
            Self::Rice { .. } => "RICE_1",
            Self::Gzip1 => "GZIP_1",
            Self::Gzip2 => "GZIP_2",
            Self::Plio => "PLIO_1",
            Self::Hcompress { .. } => "HCOMPRESS_1",
            Self::None => "NOCOMPRESS",
            Self::Floor { .. } => FLOOR_1,
            Self::Other(name) => name,
        }
    }

    /// Reads ZCMPTYPE, ZNAMEn and ZVALn. With it comes what is wrong with a parameter, if anything
    /// is: that concerns tiles that the algorithm compressed, and no others.
    pub(super) fn parse(header: &Header) -> Result<(Self, Option<String>)> {
        let hdu = header.hdu();
        let name = header
            .text("ZCMPTYPE")
            .ok_or_else(|| Error::header(hdu, "ZCMPTYPE", "is missing or not a string"))?;
        let name = name.trim();
        Ok(match Self::with_parameters(name, header) {
            Ok(algorithm) => (algorithm, None),
            Err(problem) => (Self::Other(name.to_owned()), Some(problem)),
        })
    }

    fn with_parameters(name: &str, header: &Header) -> Result<Self, String> {
        let wrong = |name: &str, value: i64, expected: &str| {
            format!("ZVALn of {name} is {value}, expected {expected}")
        };
        Ok(match name {
            // The second name marks files that old readers of the first would get wrong (dithering
            // method 2).
            "RICE_1" | "RICE_ONE" => {
                let block = integer_parameter(header, "BLOCKSIZE")?.unwrap_or(32);
                let bytepix = integer_parameter(header, "BYTEPIX")?.unwrap_or(4);
                Self::Rice {
                    block: usize::try_from(block)
                        .ok()
                        .filter(|block| (1..=1 << 20).contains(block))
                        .ok_or_else(|| wrong("BLOCKSIZE", block, "1 to 1048576"))?,
                    bytepix: usize::try_from(bytepix)
                        .ok()
                        .filter(|bytes| [1, 2, 4].contains(bytes))
                        .ok_or_else(|| wrong("BYTEPIX", bytepix, "1, 2 or 4"))?,
                }
            }
            "GZIP_1" => Self::Gzip1,
            "GZIP_2" => Self::Gzip2,
            "PLIO_1" => Self::Plio,
            "HCOMPRESS_1" => Self::Hcompress {
                scale: match parameter(header, "SCALE") {
                    Some(n) => {
                        header.real(&format!("ZVAL{n}")).map_err(Error::of_card)?.unwrap_or(0.0) as f32
                    }
                    None => 0.0,
                },
                smooth: integer_parameter(header, "SMOOTH")?.unwrap_or(0) != 0,
            },
            "NOCOMPRESS" => Self::None,
            FLOOR_1 => {
                let version = integer_parameter(header, "VERSION")?.unwrap_or(1);
                if !(1..=FLOOR_VERSION).contains(&version) {
                    let expected = format!("1 to {FLOOR_VERSION}: a newer program wrote it");
                    return Err(wrong("VERSION", version, &expected));
                }
                let spec = parameter(header, "CODEC").and_then(|n| header.text(&format!("ZVAL{n}")));
                Self::Floor { spec: spec.ok_or("ZNAMEn of FLOOR_1 names no CODEC")? }
            }
            other => Self::Other(other.to_owned()),
        })
    }

    /// The cards of ZCMPTYPE, ZNAMEn and ZVALn for stored pixels of type `sample`.
    pub(crate) fn cards(&self, sample: SampleType) -> Vec<[u8; CARD_BYTES]> {
        let mut cards = vec![text("ZCMPTYPE", self.name(), "compression algorithm")];
        match self {
            Self::Rice { block, bytepix } => cards.extend([
                text("ZNAME1", "BLOCKSIZE", "compression block size"),
                integer("ZVAL1", *block as i64, "pixels per block"),
                text("ZNAME2", "BYTEPIX", "bytes per pixel"),
                integer("ZVAL2", *bytepix as i64, "bytes per pixel"),
            ]),
            Self::Hcompress { scale, smooth } => cards.extend([
                text("ZNAME1", "SCALE", "HCOMPRESS scale factor"),
                real("ZVAL1", f64::from(*scale), "HCOMPRESS scale factor"),
                text("ZNAME2", "SMOOTH", "HCOMPRESS smooth option"),
                integer("ZVAL2", i64::from(*smooth), "HCOMPRESS smooth option"),
            ]),
            Self::Floor { spec } => {
                // Other readers expect numbers in the first three before they look at the name of
                // the algorithm.
                let (bytes, offset) = if sample == SampleType::U8 { (1, 0) } else { (2, 1 << 15) };
                cards.extend([
                    text("ZNAME1", "VERSION", "version of these parameters"),
                    integer("ZVAL1", FLOOR_VERSION, "version of these parameters"),
                    text("ZNAME2", "BYTEPIX", "bytes per stored pixel"),
                    integer("ZVAL2", bytes, "bytes per stored pixel"),
                    text("ZNAME3", "OFFSET", "added to stored pixels before coding"),
                    integer("ZVAL3", offset, "added to stored pixels before coding"),
                    text("ZNAME4", "CODEC", "codec of the tiles"),
                ]);
                cards.extend(long_text("ZVAL4", spec));
            }
            _ => {}
        }
        cards
    }
}

impl fmt::Display for Algorithm {
    /// The name, and behind it in brackets what is not usual: the loss of HCOMPRESS_1, the codec of
    /// FLOOR_1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Hcompress { scale, smooth } if *scale != 0.0 => {
                write!(f, " (scale {scale}{})", if *smooth { ", smoothed" } else { "" })
            }
            Self::Floor { spec } => write!(f, " ({spec})"),
            _ => Ok(()),
        }
    }
}

/// The n whose ZNAMEn is `name`.
fn parameter(header: &Header, name: &str) -> Option<usize> {
    (1..=99)
        .map_while(|n| Some((n, header.text(&format!("ZNAME{n}"))?)))
        .find(|(_, found)| found == name)
        .map(|(n, _)| n)
}

/// The whole number ZVALn whose ZNAMEn is `name`.
fn integer_parameter(header: &Header, name: &str) -> Result<Option<i64>, String> {
    parameter(header, name).map_or(Ok(None), |n| header.integer(&format!("ZVAL{n}")).map_err(Error::of_card))
}
