//! Level `max`: adaptive mixing, the strongest model of single frames.
//!
//! Everything adapts backward, pixel by pixel; the decoder repeats the encoder's arithmetic, which is IEEE f32 and
//! f64 in one fixed order (no fused operations, no mathematics library), so that streams decode on every machine.
//!
//! - [`traverse`]: the loop over the pixels, the same for both directions.
//! - [`inputs`]: neighbours, clipped, and slow means; [`rows`]: the memory that holds them.
//! - [`given`]: earlier planes of a stack.
//! - [`location`]: least squares with five memories; [`refine`]: long filters, and the combination of all.
//! - [`scale`], [`noise_law`]: how far the pixel may be from its prediction.
//! - [`density`]: experts ([`shapes`]) and biases ([`neighbours`]) mixed ([`mixing`]) at every binary decision; [`binary`]:
//!   decisions to bytes.
//! - [`constants`]: the numbers that were chosen.
//! - [`least_squares`], [`math`]: the arithmetic.
//! - [`laws`]: what all this believed of every pixel.
//!
//! A payload is the median and the 0.5 % quantile of the samples (u16, low byte first), then the coder's bytes. Given
//! earlier planes, their weights (i16 each, latest plane first) come before, and the median is that of the samples less
//! the weighted sum, rounded (i16).

mod binary;
mod constants;
mod density;
pub(crate) mod given;
mod inputs;
mod laws;
mod least_squares;
mod location;
pub(crate) mod math;
mod mixing;
mod neighbours;
mod noise_law;
mod refine;
mod rows;
mod scale;
mod shapes;
mod traverse;

pub use constants::Constants;

use crate::tile::TileView;
use binary::{Binary, Decoder, Encoder};
use given::Given;
use inputs::{ALONE, GIVEN};
pub(crate) use laws::laws;
use nf_codec::{Error, Result};
use nf_image::Shape;
use traverse::{Header, traverse};

/// Bytes of the header.
const HEADER_BYTES: usize = 4;

/// The payload of a tile, or `None` if the mode cannot take it: more than one plane, or no pixel.
pub fn encode(tile: TileView) -> Option<Vec<u8>> {
    encode_with(tile, &Constants::COMMITTED)
}

/// [`encode`] with other constants, for experiments: only their size is of interest, since decoders know but the committed ones.
pub fn encode_with(tile: TileView, constants: &Constants) -> Option<Vec<u8>> {
    if tile.planes != 1 || tile.samples.is_empty() {
        return None;
    }
    let [median, floor] = levels(tile.samples);
    let mut bytes = median.to_le_bytes().to_vec();
    bytes.extend_from_slice(&floor.to_le_bytes());
    let header = Header { median: f32::from(median), floor: f32::from(floor) };
    let mut encoder = Encoder::new(bytes);
    run(&mut encoder, header, tile.width, &mut tile.samples.to_vec(), None, constants);
    Some(encoder.finish())
}

/// The median of samples, and their 0.5 % quantile.
fn levels(samples: &[u16]) -> [u16; 2] {
    let mut samples = samples.to_vec();
    samples.sort_unstable();
    [samples[samples.len() / 2], samples[samples.len() / 200]]
}

/// The payload of a plane given `earlier` ones of the same extent, latest first, and a weight for each.
pub(crate) fn encode_given(tile: TileView, earlier: &[&[u16]], weights: &[i16]) -> Vec<u8> {
    let given = Given::new(tile.width, earlier, weights);
    let mut left: Vec<i16> =
        (0..tile.samples.len()).map(|i| (f32::from(tile.samples[i]) - given.offset(i)) as i16).collect();
    left.sort_unstable();
    let mut samples = tile.samples.to_vec();
    samples.sort_unstable();
    let (median, floor) = (left[left.len() / 2], samples[samples.len() / 200]);
    samples.copy_from_slice(tile.samples);
    let mut bytes: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    bytes.extend_from_slice(&median.to_le_bytes());
    bytes.extend_from_slice(&floor.to_le_bytes());
    let header = Header { median: f32::from(median), floor: f32::from(floor) };
    let mut encoder = Encoder::new(bytes);
    run(&mut encoder, header, tile.width, &mut samples, Some(&given), &Constants::COMMITTED);
    encoder.finish()
}

/// The pixels of a tile of `shape`; `what` names it in errors.
///
/// # Errors
/// If the payload is not what [`encode`] writes for a tile of that shape.
pub fn decode(what: &str, payload: &[u8], shape: Shape) -> Result<Vec<u16>> {
    let Some((&[m0, m1, f0, f1], coded)) = payload.split_first_chunk::<HEADER_BYTES>() else {
        return Err(Error::truncated(what));
    };
    let header = Header {
        median: f32::from(u16::from_le_bytes([m0, m1])),
        floor: f32::from(u16::from_le_bytes([f0, f1])),
    };
    decode_with(what, header, coded, shape, None)
}

/// The pixels of a plane given `earlier` ones of the same extent, latest first; there is at least one.
///
/// # Errors
/// If the payload is not what [`encode_given`] writes for such a plane.
pub(crate) fn decode_given(what: &str, payload: &[u8], shape: Shape, earlier: &[&[u16]]) -> Result<Vec<u16>> {
    let (weights, payload) = given::split_weights(what, payload, earlier.len())?;
    let Some((&[m0, m1, f0, f1], coded)) = payload.split_first_chunk::<HEADER_BYTES>() else {
        return Err(Error::truncated(what));
    };
    let header = Header {
        median: f32::from(i16::from_le_bytes([m0, m1])),
        floor: f32::from(u16::from_le_bytes([f0, f1])),
    };
    if shape.pixels() == 0 {
        return Err(Error::corrupt(what, "no pixel is given earlier planes"));
    }
    decode_with(what, header, coded, shape, Some(&Given::new(shape.width, earlier, &weights)))
}

fn decode_with(
    what: &str,
    header: Header,
    coded: &[u8],
    shape: Shape,
    given: Option<&Given>,
) -> Result<Vec<u16>> {
    let pixels = shape.pixels();
    if shape.planes != 1 || pixels == 0 {
        return Err(Error::corrupt(what, "level max codes one plane of at least one pixel"));
    }
    let mut samples = vec![0; pixels];
    let mut decoder = Decoder::new(coded);
    run(&mut decoder, header, shape.width, &mut samples, given, &Constants::COMMITTED);
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

    /// Does the work; the variant is one of [`Self::available`].
    fn run<B: Binary>(self, work: Work<B>) {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,bmi2,lzcnt")]
        fn avx2<B: Binary>(work: Work<B>) {
            work.run();
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,bmi2,lzcnt")]
        fn avx512<B: Binary>(work: Work<B>) {
            work.run();
        }
        match self {
            Self::Plain => work.run(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the variant is available: the machine has every feature that `avx2` enables.
            #[allow(unsafe_code)]
            Self::Avx2 => unsafe { avx2(work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the variant is available: the machine has every feature that `avx512` enables.
            #[allow(unsafe_code)]
            Self::Avx512 => unsafe { avx512(work) },
        }
    }
}

/// All that [`traverse`] takes.
struct Work<'a, B> {
    coder: &'a mut B,
    header: Header,
    width: usize,
    samples: &'a mut [u16],
    given: Option<&'a Given>,
    constants: &'a Constants,
}

impl<B: Binary> Work<'_, B> {
    #[inline(always)]
    fn run(self) {
        let Self { coder, header, width, samples, given, constants } = self;
        match given {
            None => traverse::<B, ALONE>(coder, header, width, samples, None, constants),
            Some(_) => traverse::<B, GIVEN>(coder, header, width, samples, given, constants),
        }
    }
}

/// [`traverse`] with the best instructions of the machine.
fn run<B: Binary>(
    coder: &mut B,
    header: Header,
    width: usize,
    samples: &mut [u16],
    given: Option<&Given>,
    constants: &Constants,
) {
    let best = *Variant::available().last().expect("the plain variant is always available");
    best.run(Work { coder, header, width, samples, given, constants });
}

#[cfg(test)]
mod tests;
