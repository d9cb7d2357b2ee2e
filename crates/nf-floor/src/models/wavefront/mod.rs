//! A 16-row skewed wavefront with a fully backward-adaptive model: level `high`, and small tiles
//! from level `default` on.
//!
//! Nothing but the pixels is coded. Sixteen rows go forward together, each three columns behind the
//! one above, one per lane of a wide register ([`lanes`]). A pixel's location is a least-squares
//! sum of 34 neighbours and some means ([`location`]), its scale a regression ([`scale`]), its
//! distribution an adaptive mixture ([`distributions`]). It is coded as a block of eight values and
//! as the value within it, where values have weights ([`value_weights`]), by rANS with one state
//! per lane ([`coder`]). Arithmetic is IEEE 754 in a fixed order: additions, multiplications,
//! divisions, square roots and comparisons, so that every machine computes the same numbers.
// Loops over several arrays at one index are what compilers turn into wide registers.
#![allow(clippy::needless_range_loop)]

mod coder;
mod distributions;
mod lanes;
mod location;
mod products;
mod regression;
mod scale;
mod traverse;
mod value_weights;

use super::TileView;
use lanes::LANES;
use nf_codec::{Error, Result};
use nf_entropy::rans16::{Decoder, Encoder};
use nf_simd::InstructionSet;
use traverse::traverse;

/// What the encoder measures of a tile beforehand, and stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    /// Median of the samples: the past of the first pixels.
    median: u16,
    /// About the darkest level.
    floor: u16,
    /// Clips assume at least this range of the nearest pixels.
    least_range: u16,
}

impl Header {
    const BYTES: usize = 6;

    /// Of a tile with at least one pixel.
    fn of(samples: &[u16]) -> Self {
        let step = samples.len() / 8192 + 1;
        let mut some: Vec<u16> = samples.iter().step_by(step).copied().collect();
        some.sort_unstable();
        let mut differences: Vec<u16> =
            samples.windows(2).step_by(step).map(|pair| pair[0].abs_diff(pair[1])).collect();
        differences.sort_unstable();
        let difference = differences.get(differences.len() / 2).copied().unwrap_or(0);
        Self {
            median: some[some.len() / 2],
            floor: some[some.len() / 200],
            // One and a half of the median difference.
            least_range: difference.saturating_add(difference / 2).saturating_add(1),
        }
    }

    /// Of a tile that the model sees before the one with this header: its own levels.
    fn of_seen(self, samples: &[u16]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
        Self { median: at(sorted.len() / 2), floor: at(sorted.len() / 200), ..self }
    }

    fn bytes(self) -> [u8; Self::BYTES] {
        let [[a, b], [c, d], [e, f]] = [self.median, self.floor, self.least_range].map(u16::to_le_bytes);
        [a, b, c, d, e, f]
    }

    fn of_bytes([a, b, c, d, e, f]: [u8; Self::BYTES]) -> Self {
        let [median, floor, least_range] = [[a, b], [c, d], [e, f]].map(u16::from_le_bytes);
        Self { median, floor, least_range }
    }
}

/// What a tile is coded with beside its own pixels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// What the lattices of a dithered quantiser add to its samples, which are indices; of others
    /// there are none.
    pub shifts: &'a [f32],
    /// Tiles of the same detector that the model has seen before.
    pub seen: &'a [TileView<'a>],
}

impl<'a> Beside<'a> {
    /// Shifts alone.
    pub fn shifts(shifts: &'a [f32]) -> Self {
        Self { shifts, seen: &[] }
    }
}

/// Lanes that may stand idle for every pixel, and the pixels up to which it does not matter.
const IDLE_LANES: usize = 3;
const FEW_PX: usize = 4096;

/// Whether a tile has enough rows and columns to keep the lanes busy: time goes by steps, and
/// sixteen rows of two columns take 47 of them.
pub(crate) fn keeps_lanes_busy(height: usize, width: usize) -> bool {
    let group = |rows: usize| if rows == 0 { 0 } else { lanes::steps(width, rows) };
    let steps = height / LANES * group(LANES) + group(height % LANES);
    steps * LANES <= (1 + IDLE_LANES) * (height * width).max(FEW_PX)
}

/// The payload of a tile, or `None` if the model does not take it: no pixel, or a long narrow one,
/// whose pixels would take many times as long as others.
pub fn encode(tile: TileView, beside: Beside) -> Option<Vec<u8>> {
    (!tile.samples.is_empty() && keeps_lanes_busy(tile.height, tile.width))
        .then(|| encode_with(InstructionSet::best(), tile, beside))
}

fn encode_with(isa: InstructionSet, tile: TileView, beside: Beside) -> Vec<u8> {
    let header = Header::of(tile.samples);
    // Two symbols a pixel.
    let mut encoder = Encoder::with_capacity(2 * tile.samples.len());
    traverse(isa, &mut encoder, header, tile.width, beside, &mut tile.samples.to_vec());
    let mut payload = header.bytes().to_vec();
    encoder.finish(&mut payload);
    payload
}

/// The samples of a tile; `what` names it in errors.
///
/// # Errors
/// If the payload is not what [`encode`] writes for a tile of that extent with the same beside it.
pub fn decode(what: &str, payload: &[u8], height: usize, width: usize, beside: Beside) -> Result<Vec<u16>> {
    if height * width == 0 {
        return Err(Error::corrupt(what, "this mode codes at least one pixel"));
    }
    decode_with(InstructionSet::best(), what, payload, height, width, beside)
}

fn decode_with(
    isa: InstructionSet,
    what: &str,
    payload: &[u8],
    height: usize,
    width: usize,
    beside: Beside,
) -> Result<Vec<u16>> {
    let wrong = |error: nf_entropy::Error| Error::corrupt(what, error.to_string());
    let (header, coded) = payload.split_first_chunk().ok_or_else(|| Error::truncated(what))?;
    let mut decoder = Decoder::new(coded).map_err(wrong)?;
    let mut samples = vec![0; height * width];
    traverse(isa, &mut decoder, Header::of_bytes(*header), width, beside, &mut samples);
    decoder.finish().map_err(wrong)?;
    Ok(samples)
}

#[cfg(test)]
mod tests;
