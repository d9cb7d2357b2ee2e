//! Mode 14: a [`wavefront`] that has seen pieces of other frames of the detector.
//!
//! Level `high` learns its model anew in every tile, which costs small tiles most. Here the model
//! first runs over a start of the profile, whose samples both sides know. What is coded is the tile
//! less the weighted sum of maps and earlier planes, as in mode 9, and so are the exposures of the
//! start; of a tile without them, its samples.
//!
//! The payload: the numbers of maps, the start and its read (a byte each, the start's index plus
//! one), the weights, then a payload of [`wavefront`].

use super::profile_maps::{MapNumbers, Placed, StartTiles};
use crate::models::TileView;
use crate::models::wavefront::{self, Beside};
use crate::predict::terms::{Terms, Weights};
use nf_codec::{Error, Result};

/// The code of a difference of zero.
const ZERO: u16 = 1 << 15;

/// A start of a profile, and which of its reads.
pub(super) type StartPlace = (u8, u8);

/// What is left of samples when the sum of terms is taken off, plus 32768, modulo 2^16.
pub(super) fn differences(samples: &[u16], terms: &Terms, weights: &Weights) -> Vec<u16> {
    let mut left = samples.to_vec();
    terms.for_each_rounded(weights, samples.len(), |i, sum| {
        left[i] = left[i].wrapping_sub(sum).wrapping_add(ZERO);
    });
    left
}

/// The reverse of [`differences`], in place.
pub(super) fn add_terms(samples: &mut [u16], terms: &Terms, weights: &Weights) {
    terms.for_each_rounded(weights, samples.len(), |i, sum| {
        samples[i] = samples[i].wrapping_add(sum).wrapping_sub(ZERO);
    });
}

/// What the model codes: [`differences`], or the samples where there are no terms.
fn coded(samples: &[u16], terms: &Terms, weights: &Weights) -> Vec<u16> {
    if terms.is_empty() { samples.to_vec() } else { differences(samples, terms, weights) }
}

/// The exposures of a start as the model sees them.
struct Seen(Vec<(usize, usize, Vec<u16>)>);

impl Seen {
    fn of(start: &StartTiles, weights: &Weights) -> Self {
        let exposures = start.warmup();
        let left = exposures
            .iter()
            .map(|(tile, terms)| (tile.height, tile.width, coded(tile.samples, terms, weights)));
        Self(left.collect())
    }

    fn tiles(&self) -> Vec<TileView<'_>> {
        self.0.iter().map(|(height, width, samples)| TileView::new(*height, *width, samples)).collect()
    }
}

/// The payload behind the numbers of maps, of a tile with these terms and weights and the start
/// that is most like it; none if no start is one for this model, or the tile is none.
pub(super) fn encode(
    tile: TileView,
    placed: &Placed,
    numbers: &MapNumbers,
    terms: &Terms,
    weights: &Weights,
) -> Option<Vec<u8>> {
    let place = placed.choose_start(tile, numbers)?;
    let start = find(placed, "the start", place, numbers).ok()?;
    let (seen, left) = (Seen::of(&start, weights), coded(tile.samples, terms, weights));
    let tile = TileView::new(tile.height, tile.width, &left);
    let payload = wavefront::encode(tile, Beside { seen: &seen.tiles(), shifts: &[] })?;
    Some([&[place.0 + 1, place.1], weights.bytes(terms).as_slice(), &payload].concat())
}

/// The samples of a tile with these terms; `what` names it in errors.
///
/// # Errors
/// If the payload is not what [`encode`] writes for such a tile.
pub(super) fn decode(
    what: &str,
    payload: &[u8],
    (height, width): (usize, usize),
    placed: &Placed,
    numbers: &MapNumbers,
    terms: &Terms,
) -> Result<Vec<u16>> {
    let [number, read, payload @ ..] = payload else { return Err(Error::truncated(what)) };
    let index = number.checked_sub(1);
    let index = index.ok_or_else(|| Error::corrupt(what, "tile mode 14 without a start of the profile"))?;
    let (weights, payload) = Weights::split(what, payload, terms)?;
    let start = find(placed, what, (index, *read), numbers)?;
    let seen = Seen::of(&start, &weights);
    let beside = Beside { seen: &seen.tiles(), shifts: &[] };
    let mut samples = wavefront::decode(what, payload, height, width, beside)?;
    if !terms.is_empty() {
        add_terms(&mut samples, terms, &weights);
    }
    Ok(samples)
}

/// A start whose exposures are tiles for this model.
///
/// # Errors
/// If there is no such start, or its exposures are too narrow, which would take many times as long
/// as others.
fn find<'a>(
    placed: &Placed<'a>,
    what: &str,
    place: StartPlace,
    numbers: &MapNumbers,
) -> Result<StartTiles<'a>> {
    let start = placed.start(what, place, numbers)?;
    let is_wide = |tile: TileView| wavefront::keeps_lanes_busy(tile.height, tile.width);
    match start.first().is_some_and(is_wide) {
        true => Ok(start),
        false => {
            Err(Error::corrupt(what, format!("start {} of the profile is too narrow for mode 14", place.0)))
        }
    }
}
