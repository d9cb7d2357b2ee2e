//! Level `max`: adaptive mixing, the strongest model of single frames.
//!
//! Everything adapts backward, pixel by pixel; the decoder repeats the encoder's arithmetic, which is IEEE f32 and
//! f64 in one fixed order (no fused operations, no mathematics library), so that streams decode on every machine.
//!
//! - [`traverse`]: the loop over the pixels, the same for both directions.
//! - [`inputs`]: neighbours, clipped, and slow means; [`rows`]: the memory that holds them.
//! - [`location`]: least squares with five memories; [`refine`]: long filters, and the combination of all.
//! - [`scale`]: how far the pixel may be from its prediction.
//! - [`density`]: experts ([`shapes`]) and biases ([`neighbours`]) mixed at every binary decision; [`binary`]:
//!   decisions to bytes.
//! - [`least_squares`], [`math`]: the arithmetic.
//!
//! A payload is the median and the 0.5 % quantile of the samples (u16, low byte first), then the coder's bytes.

mod binary;
mod density;
mod inputs;
mod least_squares;
mod location;
mod math;
mod neighbours;
mod refine;
mod rows;
mod scale;
mod shapes;
mod traverse;

use crate::tile::TileView;
use binary::{Binary, Decoder, Encoder};
use nf_codec::{Error, Result};
use nf_image::Shape;
use traverse::{Header, traverse};

/// Bytes of the header.
const HEADER_BYTES: usize = 4;

/// The payload of a tile, or `None` if the mode cannot take it: more than one plane, or no pixel.
pub fn encode(tile: TileView) -> Option<Vec<u8>> {
    if tile.planes != 1 || tile.samples.is_empty() {
        return None;
    }
    let mut samples = tile.samples.to_vec();
    samples.sort_unstable();
    let header = Header { median: samples[samples.len() / 2], floor: samples[samples.len() / 200] };
    samples.copy_from_slice(tile.samples);
    let mut bytes = header.median.to_le_bytes().to_vec();
    bytes.extend_from_slice(&header.floor.to_le_bytes());
    let mut encoder = Encoder::new(bytes);
    run(&mut encoder, header, tile.width, &mut samples);
    Some(encoder.finish())
}

/// The pixels of a tile of `shape`; `what` names it in errors.
///
/// # Errors
/// If the payload is not what [`encode`] writes for a tile of that shape.
pub fn decode(what: &str, payload: &[u8], shape: Shape) -> Result<Vec<u16>> {
    let Some((header, coded)) = payload.split_at_checked(HEADER_BYTES) else {
        return Err(Error::truncated(what));
    };
    let pixels = shape.pixels();
    if shape.planes != 1 || pixels == 0 {
        return Err(Error::corrupt(what, "level max codes one plane of at least one pixel"));
    }
    let header = Header {
        median: u16::from_le_bytes([header[0], header[1]]),
        floor: u16::from_le_bytes([header[2], header[3]]),
    };
    let mut samples = vec![0; pixels];
    let mut decoder = Decoder::new(coded);
    run(&mut decoder, header, shape.width, &mut samples);
    if !decoder.is_at_end() {
        return Err(Error::corrupt(
            what,
            format!("{} coded bytes do not end with the last pixel", coded.len()),
        ));
    }
    Ok(samples)
}

/// Instructions that [`traverse`] is compiled for; all variants compute the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    /// What the target always has.
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Variant {
    /// Those that the machine can run, fastest last.
    fn available() -> Vec<Self> {
        let mut available = vec![Self::Plain];
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt");
            let has_avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            if has_avx2 {
                available.push(Self::Avx2);
                if has_avx512 {
                    available.push(Self::Avx512);
                }
            }
        }
        available
    }

    /// Runs [`traverse`]; the variant is one of [`Self::available`].
    fn run<B: Binary>(self, coder: &mut B, header: Header, width: usize, samples: &mut [u16]) {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,bmi2,lzcnt")]
        fn avx2<B: Binary>(coder: &mut B, header: Header, width: usize, samples: &mut [u16]) {
            traverse(coder, header, width, samples);
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,bmi2,lzcnt")]
        fn avx512<B: Binary>(coder: &mut B, header: Header, width: usize, samples: &mut [u16]) {
            traverse(coder, header, width, samples);
        }
        match self {
            Self::Plain => traverse(coder, header, width, samples),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the variant is available: the machine has every feature that `avx2` enables.
            #[allow(unsafe_code)]
            Self::Avx2 => unsafe { avx2(coder, header, width, samples) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the variant is available: the machine has every feature that `avx512` enables.
            #[allow(unsafe_code)]
            Self::Avx512 => unsafe { avx512(coder, header, width, samples) },
        }
    }
}

/// [`traverse`] with the best instructions of the machine.
fn run<B: Binary>(coder: &mut B, header: Header, width: usize, samples: &mut [u16]) {
    let best = *Variant::available().last().expect("the plain variant is always available");
    best.run(coder, header, width, samples);
}

#[cfg(test)]
mod tests;
