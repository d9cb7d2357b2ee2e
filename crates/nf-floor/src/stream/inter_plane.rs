//! Inter-plane prediction: a tile with the same tile of earlier planes as a reference, where that
//! pays.
//!
//! Two modes, both with a weight for every reference plane (i16, low byte first, latest plane
//! first, in units of 1/256):
//!
//! | mode | payload | levels |
//! |---|---|---|
//! | 7 | weights; a [`tile`] of the differences from the sum, plus 32768, modulo 2^16 | from `default` on |
//! | 8 | weights; a payload of [`mixing`] with reference planes | `max` |
//!
//! How many planes a tile needs is not in its bytes but in the index of the stream.

use super::mode::Mode;
use super::{plane_weights, tile};
use crate::level::Level;
use crate::models::{TileView, mixing};
use crate::predict::plane_sum::{MAX_REFERENCES, UNIT, split_weights, weighted_sum};
use nf_codec::{Error, Result};

/// The code of a difference of zero.
const ZERO: u16 = 1 << 15;

/// Rows and columns of the crop by which level `max` decides whether reference planes are worth
/// trying.
const TRIAL_SIDE_PX: usize = 256;
/// The trial may be this much larger than alone: it learns more weights from fewer pixels than the
/// tile has.
const TRIAL_SLACK: f64 = 1.005;
/// Differences are tried where their mean absolute gradient is below this share of that of the
/// samples.
const MOST_GRADIENT: f64 = 0.97;

/// A coded tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodedTile {
    /// Mode byte and payload.
    pub bytes: Vec<u8>,
    /// How many reference planes a decoder needs: those right before this one.
    pub references: usize,
}

/// The smallest tile that `level` finds; `references` have the same extent, latest plane first.
pub fn encode(tile: TileView, references: &[&[u16]], level: Level) -> CodedTile {
    let references = &references[..references.len().min(MAX_REFERENCES)];
    let mut best = CodedTile { bytes: tile::encode(tile, level), references: 0 };
    // A constant tile has three bytes; and `fast` has no time.
    if references.is_empty() || level < Level::Default || best.bytes.len() <= 3 {
        return best;
    }
    let mut offer = |mode: Mode, payload: &[u8]| {
        if 1 + payload.len() < best.bytes.len() {
            best = CodedTile { bytes: mode.with_payload(payload), references: references.len() };
        }
    };
    let fit = plane_weights::fit(tile, references);
    let differs = fit.gradient < MOST_GRADIENT;
    if differs {
        let differences: Vec<u16> = tile
            .samples
            .iter()
            .enumerate()
            .map(|(i, sample)| sample.wrapping_sub(predicted(references, &fit.weights, i)).wrapping_add(ZERO))
            .collect();
        let mut payload: Vec<u8> = fit.weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
        payload.extend(tile::encode(TileView { samples: &differences, ..tile }, level.min(Level::High)));
        offer(Mode::Difference, &payload);
    }
    if level >= Level::Max {
        let none = vec![0; references.len()];
        let candidates = [Some(&none), differs.then_some(&fit.weights)];
        if let Some(weights) = best_weights(tile, references, candidates.into_iter().flatten())
            && let Some(payload) = mixing::encode_with_references(tile, references, weights)
        {
            offer(Mode::MixingWithReferences, &payload);
        }
    }
    best
}

/// The candidate worth coding the whole tile with, if any, by a trial on its centre.
fn best_weights<'a>(
    tile: TileView,
    references: &[&[u16]],
    candidates: impl Iterator<Item = &'a Vec<i16>>,
) -> Option<&'a Vec<i16>> {
    let (height, width) = (tile.height.min(TRIAL_SIDE_PX), tile.width.min(TRIAL_SIDE_PX));
    let (top, left) = ((tile.height - height) / 2, (tile.width - width) / 2);
    let crop = |samples: &[u16]| -> Vec<u16> {
        let rows = samples.chunks_exact(tile.width).skip(top).take(height);
        rows.flat_map(|row| &row[left..left + width]).copied().collect()
    };
    let samples = crop(tile.samples);
    let trial = TileView::new(height, width, &samples);
    let references: Vec<Vec<u16>> = references.iter().map(|plane| crop(plane)).collect();
    let references: Vec<&[u16]> = references.iter().map(Vec::as_slice).collect();
    let alone = mixing::encode(trial)?.len() as f64 * TRIAL_SLACK;
    candidates
        .filter_map(|weights| {
            Some((mixing::encode_with_references(trial, &references, weights)?.len(), weights))
        })
        .filter(|(bytes, _)| (*bytes as f64) < alone)
        .min_by_key(|(bytes, _)| *bytes)
        .map(|(_, weights)| weights)
}

/// The weighted sum of the planes at pixel `i`, rounded to a sample, modulo 2^16.
fn predicted(references: &[&[u16]], weights: &[i16], i: usize) -> u16 {
    ((weighted_sum(references, weights, i) + UNIT / 2) >> UNIT.ilog2()) as u16
}

/// The samples of a tile that needs these `references`, latest plane first; `what` names it in
/// errors.
///
/// # Errors
/// If the bytes are not those of a tile of that extent that needs as many planes.
pub fn decode(
    what: &str,
    bytes: &[u8],
    height: usize,
    width: usize,
    references: &[&[u16]],
) -> Result<Vec<u16>> {
    if references.is_empty() {
        return tile::decode(what, bytes, height, width);
    }
    match Mode::split(what, bytes)? {
        (Mode::Difference, payload) => {
            let (weights, differences) = split_weights(what, payload, references.len())?;
            let mut samples = tile::decode(what, differences, height, width)?;
            for (i, sample) in samples.iter_mut().enumerate() {
                *sample = sample.wrapping_add(predicted(references, &weights, i)).wrapping_sub(ZERO);
            }
            Ok(samples)
        }
        (Mode::MixingWithReferences, payload) => {
            mixing::decode_with_references(what, payload, height, width, references)
        }
        (mode, _) => {
            let (mode, count) = (mode as u8, references.len());
            let reason = format!("tile mode {mode} decodes alone, but the index states {count} planes");
            Err(Error::corrupt(what, reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::testing::Rng;
    use proptest::prelude::*;

    /// Planes with a strong pattern that stays, a level that rises, and a little noise.
    fn ramp(planes: usize, height: usize, width: usize) -> Vec<Vec<u16>> {
        let mut rng = Rng::new(9);
        let pattern: Vec<usize> = (0..height * width).map(|_| 9000 + rng.below(1000)).collect();
        (0..planes)
            .map(|plane| pattern.iter().map(|level| (level + plane * 30 + rng.below(8)) as u16).collect())
            .collect()
    }

    fn references(planes: &[Vec<u16>]) -> Vec<&[u16]> {
        planes.iter().rev().map(Vec::as_slice).collect()
    }

    #[test]
    fn a_fixed_pattern_is_coded_once() {
        let (height, width) = (60, 90);
        let planes = ramp(4, height, width);
        let (last, before) = planes.split_last().unwrap();
        let tile = TileView::new(height, width, last);
        let alone = encode(tile, &[], Level::Max);
        assert_eq!(alone.references, 0);
        let mut before_bytes = alone.bytes.len();
        for level in [Level::Default, Level::Max] {
            let coded = encode(tile, &references(before), level);
            assert_eq!(coded.references, 3);
            assert!(coded.bytes.len() < before_bytes * 6 / 10 || level == Level::Max);
            assert!(coded.bytes.len() <= before_bytes);
            before_bytes = coded.bytes.len();
            assert_eq!(&decode("tile", &coded.bytes, height, width, &references(before)).unwrap(), last);
        }
    }

    #[test]
    fn differences_are_added_modulo_the_range() {
        let weights = [384i16, -128].map(i16::to_le_bytes).concat();
        let differences = [32_768u16, 0, 65_535].map(u16::to_le_bytes).concat();
        let bytes = [&[Mode::Difference as u8], weights.as_slice(), &[0], &differences].concat();
        let samples = decode("tile", &bytes, 1, 3, &[&[100, 200, 65_535], &[50, 7, 9]]);
        assert_eq!(samples.unwrap(), [125, 33_065, 65_529]);
    }

    #[test]
    fn planes_that_do_not_help_are_not_needed() {
        let (height, width) = (40, 50);
        let noise = ramp(1, height, width);
        let other: Vec<u16> = noise[0].iter().rev().copied().collect();
        let tile = TileView::new(height, width, &noise[0]);
        for level in Level::ALL {
            let coded = encode(tile, &[&other], level);
            assert!(coded.bytes.len() <= encode(tile, &[], level).bytes.len());
        }
        assert_eq!(encode(tile, &[&other], Level::Fast).references, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_planes_round_trip(
            width in 1usize..20,
            samples in prop::collection::vec(any::<u16>(), 60..300),
            mask in any::<u16>(),
        ) {
            let height = samples.len() / 3 / width;
            let planes: Vec<Vec<u16>> = samples.chunks_exact(height * width).take(3)
                .map(|plane| plane.iter().map(|sample| sample & mask).collect()).collect();
            let references = references(&planes[..2]);
            let tile = TileView::new(height, width, &planes[2]);
            let coded = encode(tile, &references, Level::Max);
            let needed = &references[..coded.references];
            prop_assert_eq!(&decode("tile", &coded.bytes, height, width, needed).unwrap(), &planes[2]);
            // Mode 8 round-trips whether it pays or not.
            let payload = mixing::encode_with_references(tile, &references, &[-4095, 4095]).unwrap();
            let bytes = Mode::MixingWithReferences.with_payload(&payload);
            prop_assert_eq!(&decode("tile", &bytes, height, width, &references).unwrap(), &planes[2]);
        }

        #[test]
        fn hostile_payloads_do_not_panic(
            mode in prop::sample::select(vec![7, 8, 3, 9]),
            payload in prop::collection::vec(any::<u8>(), 0..200),
            planes in 1usize..=MAX_REFERENCES,
        ) {
            let plane = vec![7u16; 200];
            let references = vec![plane.as_slice(); planes];
            let bytes = [&[mode], payload.as_slice()].concat();
            let _ = decode("tile", &bytes, 10, 20, &references);
            // With weights within bounds.
            let bytes = [&[mode], vec![1; 2 * planes].as_slice(), payload.as_slice()].concat();
            let _ = decode("tile", &bytes, 10, 20, &references);
        }
    }
}
