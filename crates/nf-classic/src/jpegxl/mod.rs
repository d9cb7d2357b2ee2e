//! `jpegxl`: JPEG XL in its lossless ("modular") mode, through libjxl 0.12.
//!
//! Every plane is one 16-bit grey frame, coded by itself into a JPEG XL file that any decoder
//! opens; several files follow one another as `plane_streams` says.
//!
//! The encoder sees the whole frame at once. Left to its default, libjxl 0.12 codes frames of more
//! than eight groups of 256 x 256 pixels group by group, each with a context tree of its own; that
//! saves memory, not time, and made a 1024 x 1024 arc spectrum 4 % (effort 7) and 6 % (effort 9)
//! larger. The price is memory: about 55 bytes a pixel while encoding at efforts 7 and 9, or 0.9 GB
//! for 4096 x 4096; effort 10 takes more (1.3 GB were seen on that frame before its end).
//!
//! `effort` is libjxl's own scale. On noisy 16-bit frames it is no ladder: 10 (which learns its
//! context tree over the whole frame) is the smallest on most of them, but each of 7, 8 and 9 wins
//! on some, so `best` codes with all four and keeps the smallest file. Effort 11 asks for minutes
//! per megapixel for a tenth of a percent and is left out. All efforts run in one thread.
//!
//! The library is built from its own sources (BSD-3-Clause) and called through [`ffi`]; the Rust
//! bindings that exist are GPL.

mod ffi;

use crate::plane_streams;
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, Result, Spec};
use nf_image::{Image16, Shape};
use std::fmt;
use std::str::FromStr;

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "jpegxl",
    summary: "JPEG XL, lossless modular mode (libjxl)",
    source: "ISO/IEC 18181-1:2024; https://github.com/libjxl/libjxl",
    options: &[OptionDoc {
        key: "effort",
        values: "1..=10, or best",
        default: "7",
        help: "how long the encoder searches; best keeps the smallest of efforts 7, 8, 9 and 10",
    }],
    build: |spec| {
        let mut options = spec.options();
        let effort = options.take("effort", DEFAULT, "1..=10 or best", |_| true)?;
        options.finish()?;
        Ok(Box::new(JpegXl { effort }))
    },
};

const DEFAULT: Effort = Effort::Fixed(7);

/// The efforts of which `best` keeps the smallest file, in the order of preference when they tie.
const BEST_OF: [u8; 4] = [7, 8, 9, 10];

/// How long the encoder searches.
#[derive(Clone, Copy, PartialEq)]
enum Effort {
    /// libjxl's effort, 1 to 10.
    Fixed(u8),
    /// The smallest of [`BEST_OF`].
    Best,
}

impl FromStr for Effort {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.parse() {
            Ok(effort @ 1..=10) => Ok(Self::Fixed(effort)),
            _ if text == "best" => Ok(Self::Best),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(effort) => effort.fmt(f),
            Self::Best => f.write_str("best"),
        }
    }
}

struct JpegXl {
    effort: Effort,
}

impl Codec for JpegXl {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("effort", self.effort, DEFAULT)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let shape = image.shape();
        let extent = |n: usize| u32::try_from(n).ok().filter(|&n| n <= MAX_EXTENT);
        let (Some(width), Some(height)) = (extent(shape.width), extent(shape.height)) else {
            let reason = format!("rows and columns must not exceed {MAX_EXTENT}");
            return Err(Error::Unsupported { codec: ENTRY.name.to_owned(), shape, reason });
        };
        let bound = plane_bound(shape);
        plane_streams::encode(ENTRY.name, image, |samples| {
            let bytes = match self.effort {
                Effort::Fixed(effort) => ffi::encode(samples, width, height, effort),
                Effort::Best => smallest(samples, width, height),
            }
            .map_err(|reason| Error::backend(ENTRY.name, reason))?;
            if bytes.len() as u64 > bound {
                return Err(Error::backend(ENTRY.name, format!("{} bytes for a plane", bytes.len())));
            }
            Ok(bytes)
        })
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        plane_streams::decode(ENTRY.name, bytes, shape, limits, |bytes, samples| {
            let corrupt = |reason| Error::corrupt("jpegxl stream", reason);
            let width =
                u32::try_from(shape.width).map_err(|_| corrupt(format!("{} columns", shape.width)))?;
            ffi::decode(bytes, width, samples, limits.max_memory_bytes).map_err(|failure| match failure {
                ffi::Failure::Truncated => Error::truncated("jpegxl stream"),
                ffi::Failure::Corrupt(reason) => corrupt(reason),
                ffi::Failure::Memory(needed) => Error::Limit {
                    what: "jpegxl stream".to_owned(),
                    needed,
                    limit: limits.max_memory_bytes,
                    unit: "bytes of memory",
                },
            })
        })
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        plane_streams::max_bytes(shape, plane_bound(shape))
    }
}

/// Most rows or columns of a frame, by the standard's level 10.
const MAX_EXTENT: u32 = 1 << 30;

/// Most bytes of one plane: a residual of 17 bits costs at most a 15-bit code and 16 plain bits,
/// and every group of 256 x 256 pixels (fewer on the rim) has an entry in the table of contents.
fn plane_bound(shape: Shape) -> u64 {
    let (height, width) = (shape.height as u64, shape.width as u64);
    let groups = height.div_ceil(128).saturating_mul(width.div_ceil(128));
    height
        .saturating_mul(width)
        .saturating_mul(4)
        .saturating_add(groups.saturating_mul(64))
        .saturating_add(4096)
}

fn smallest(samples: &[u16], width: u32, height: u32) -> Result<Vec<u8>, String> {
    let mut best: Option<Vec<u8>> = None;
    for effort in BEST_OF {
        let bytes = ffi::encode(samples, width, height, effort)?;
        if best.as_ref().is_none_or(|best| bytes.len() < best.len()) {
            best = Some(bytes);
        }
    }
    Ok(best.expect("there are efforts to try"))
}
