//! Adaptive mixing, the strongest model of single frames: level `max`.
//!
//! Everything adapts backward, pixel by pixel; the decoder repeats the encoder's arithmetic, which
//! is IEEE f32 and f64 in one fixed order (no fused operations, no mathematics library), so that
//! streams decode on every machine.
//!
//! - `traverse`: the loop over the pixels, the same for both directions.
//! - [`inputs`]: neighbours, clipped, and running means; [`rows`]: the memory that holds them.
//! - [`reference_planes`]: earlier planes of a stack.
//! - [`location`]: least squares with five memories; [`refine`]: long filters, and the combination
//!   of all.
//! - [`scale`], [`noise_model`]: the scale of the residuals.
//! - [`experts`]: distributions of means, scales and shapes ([`tails`]).
//! - [`density`]: experts and biases ([`contexts`]) mixed ([`mixer`]) at every binary decision.
//! - `trace`: the predictive distribution of every pixel.
//!
//! A payload is the median and the 0.5 % quantile of the samples (u16, low byte first), then the
//! bytes of the binary arithmetic coder. With reference planes, their weights (i16 each, latest
//! plane first) come before, and the median is that of the samples less the weighted sum, rounded
//! (i16).

mod contexts;
mod density;
mod experts;
mod inputs;
mod location;
mod mixer;
mod noise_model;
mod reference_planes;
mod refine;
mod rows;
mod scale;
mod tails;
mod trace;
mod traverse;

use super::TileView;
use crate::predict::terms::{Terms, Weights};
use density::{Density, Pixel};
use inputs::{ALONE, WITH_REFERENCES};
use nf_codec::{Error, Result};
use nf_entropy::binary::{BinaryDecoder, BinaryEncoder};
use nf_simd::InstructionSet;
use reference_planes::ReferencePlanes;
pub(crate) use trace::trace;
use traverse::{Given, Warmup, traverse};

/// What the encoder measures of a tile beforehand, and stores.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Header {
    /// Median of the samples (less the sum of reference planes): the past of the first pixels.
    median: f32,
    /// About the darkest level: the 0.5 % quantile.
    floor: f32,
}

impl Header {
    const BYTES: usize = 4;

    /// Of samples without reference planes; `None` if there are none.
    fn of(samples: &[u16]) -> Option<Self> {
        let mut samples = samples.to_vec();
        samples.sort_unstable();
        let [median, floor] = [samples.len() / 2, samples.len() / 200];
        Some(Self { median: f32::from(*samples.get(median)?), floor: f32::from(samples[floor]) })
    }

    /// Of samples less the sum of reference planes.
    fn with_references(samples: &[u16], references: &ReferencePlanes) -> Option<Self> {
        let mut left: Vec<i16> = samples
            .iter()
            .enumerate()
            .map(|(i, &sample)| (f32::from(sample) - references.offset(i)) as i16)
            .collect();
        left.sort_unstable();
        Some(Self { median: f32::from(*left.get(left.len() / 2)?), ..Self::of(samples)? })
    }

    fn bytes(self) -> [u8; Self::BYTES] {
        // The median of a plane with reference planes may be negative: its bits are those of an
        // i16.
        let [[a, b], [c, d]] = [self.median as i32 as u16, self.floor as u16].map(u16::to_le_bytes);
        [a, b, c, d]
    }
}

/// Codes one pixel, in the encoder, the decoder or the trace: takes its sample (which a decoder
/// ignores) and returns it.
type CodePixel<'a> = &'a mut dyn FnMut(&mut Density, &Pixel, u16) -> u16;

/// What a tile is coded with beside its own pixels.
#[derive(Clone, Copy)]
pub(crate) struct Extras<'a> {
    /// Maps and planes.
    pub(crate) terms: &'a Terms<'a>,
    /// Whether they are inputs of the predictors, beside their weighted sum.
    pub(crate) helps: bool,
    /// Whether their weighted sum says where the lattice of a pixel lies, in steps: biases of the
    /// values are then learnt for every position of it.
    pub(crate) by_position: bool,
    /// Tiles of the same detector that the model has seen before.
    pub(crate) warmup: &'a [(TileView<'a>, Terms<'a>)],
}

impl<'a> Extras<'a> {
    /// Terms that help.
    pub(crate) fn of_terms(terms: &'a Terms<'a>) -> Self {
        Self { terms, helps: true, by_position: false, warmup: &[] }
    }

    fn references(&self, height: usize, width: usize, weights: &Weights) -> Option<ReferencePlanes> {
        references(self.terms, height, width, weights)
    }
}

fn references(terms: &Terms, height: usize, width: usize, weights: &Weights) -> Option<ReferencePlanes> {
    (!terms.is_empty()).then(|| ReferencePlanes::new(height, width, terms, weights))
}

/// What is measured of samples with these terms.
fn header(samples: &[u16], references: Option<&ReferencePlanes>) -> Option<Header> {
    match references {
        None => Header::of(samples),
        Some(references) => Header::with_references(samples, references),
    }
}

/// Codes a tile in place.
fn run(
    isa: InstructionSet,
    code_pixel: CodePixel,
    given: Given,
    width: usize,
    samples: &mut [u16],
    (extras, weights): (Extras, &Weights),
) {
    let seen: Vec<_> = extras
        .warmup
        .iter()
        .filter_map(|(tile, terms)| {
            let references = references(terms, tile.height, tile.width, weights);
            Some((*tile, header(tile.samples, references.as_ref())?, references))
        })
        .collect();
    let warmup: Vec<Warmup> = seen
        .iter()
        .map(|(tile, header, references)| Warmup {
            given: Given {
                header: *header,
                references: references.as_ref(),
                by_position: extras.by_position,
            },
            width: tile.width,
            samples: tile.samples,
        })
        .collect();
    match given.references {
        Some(_) if extras.helps => {
            traverse::<WITH_REFERENCES>(isa, code_pixel, given, width, samples, &warmup);
        }
        _ => traverse::<ALONE>(isa, code_pixel, given, width, samples, &warmup),
    }
}

/// The payload of a tile, or `None` if the model cannot take it: no pixel.
pub fn encode(tile: TileView) -> Option<Vec<u8>> {
    encode_with_extras(tile, Extras::of_terms(&Terms::default()), &Weights::default())
}

/// The payload of a plane with these extras; weights are those of their terms.
pub(crate) fn encode_with_extras(tile: TileView, extras: Extras, weights: &Weights) -> Option<Vec<u8>> {
    encode_with(InstructionSet::best(), tile, extras, weights)
}

fn encode_with(isa: InstructionSet, tile: TileView, extras: Extras, weights: &Weights) -> Option<Vec<u8>> {
    if tile.samples.is_empty() {
        return None;
    }
    let references = extras.references(tile.height, tile.width, weights);
    let header = header(tile.samples, references.as_ref())?;
    let mut bytes = weights.bytes(extras.terms);
    bytes.extend_from_slice(&header.bytes());
    let mut encoder = BinaryEncoder::new(bytes);
    let mut code =
        |density: &mut Density, pixel: &Pixel, sample: u16| density.code(&mut encoder, pixel, sample);
    let given = Given { header, references: references.as_ref(), by_position: extras.by_position };
    run(isa, &mut code, given, tile.width, &mut tile.samples.to_vec(), (extras, weights));
    Some(encoder.finish())
}

/// The samples of a tile; `what` names it in errors.
///
/// # Errors
/// If the payload is not what [`encode`] writes for a tile of that extent.
pub fn decode(what: &str, payload: &[u8], height: usize, width: usize) -> Result<Vec<u16>> {
    decode_with_extras(what, payload, height, width, Extras::of_terms(&Terms::default()))
}

/// The samples of a plane with these extras.
///
/// # Errors
/// If the payload is not what [`encode_with_extras`] writes for such a plane.
pub(crate) fn decode_with_extras(
    what: &str,
    payload: &[u8],
    height: usize,
    width: usize,
    extras: Extras,
) -> Result<Vec<u16>> {
    decode_with(InstructionSet::best(), what, payload, height, width, extras)
}

fn decode_with(
    isa: InstructionSet,
    what: &str,
    payload: &[u8],
    height: usize,
    width: usize,
    extras: Extras,
) -> Result<Vec<u16>> {
    let (weights, payload) = Weights::split(what, payload, extras.terms)?;
    let Some((&[m0, m1, f0, f1], coded)) = payload.split_first_chunk::<{ Header::BYTES }>() else {
        return Err(Error::truncated(what));
    };
    if height * width == 0 {
        return Err(Error::corrupt(what, "this mode codes at least one pixel"));
    }
    let median = match extras.terms.is_empty() {
        true => f32::from(u16::from_le_bytes([m0, m1])),
        false => f32::from(i16::from_le_bytes([m0, m1])),
    };
    let header = Header { median, floor: f32::from(u16::from_le_bytes([f0, f1])) };
    let references = extras.references(height, width, &weights);
    let mut samples = vec![0; height * width];
    let mut decoder = BinaryDecoder::new(coded);
    let mut code =
        |density: &mut Density, pixel: &Pixel, sample: u16| density.code(&mut decoder, pixel, sample);
    let given = Given { header, references: references.as_ref(), by_position: extras.by_position };
    run(isa, &mut code, given, width, &mut samples, (extras, &weights));
    decoder.finish().map_err(|error| Error::corrupt(what, error.to_string()))?;
    Ok(samples)
}

#[cfg(test)]
mod tests;
