//! Tiles of a stack, coded with the help of the same tile of earlier planes where that pays.
//!
//! Two modes beside those of [`tile`](crate::tile), both with a weight for every earlier plane (i16, low byte first, latest
//! plane first, in units of 1/256):
//!
//! | mode | payload | levels |
//! |---|---|---|
//! | 7 | weights; the bytes of a [`tile`](crate::tile) of what the weighted sum of the planes leaves, modulo 2^16, around 32768 | `default` and above |
//! | 8 | weights; a payload of [`max`] for planes that are given earlier ones | `max` |
//!
//! How many planes a tile needs is not in its bytes but in the index of the stream.

use crate::max::given::{UNIT, split_weights, weighted_sum};
use crate::tile::{self, TileView};
use crate::weights;
use crate::{Level, max};
use nf_codec::{Error, Result};
use nf_image::Shape;

/// Most earlier planes that a tile may need.
pub const MAX_EARLIER: usize = 4;

/// Mode bytes.
const DIFFERENCE: u8 = 7;
const GIVEN: u8 = 8;

/// What stands for zero in a difference.
const ZERO: u16 = 1 << 15;

/// Rows and columns of the sample by which level `max` decides whether earlier planes are worth trying.
const TRIAL_SIDE_PX: usize = 256;
/// The trial may be so much larger than alone: it learns more weights from fewer pixels than the tile has.
const TRIAL_SLACK: f64 = 1.005;
/// Differences must have so much less to say than the pixels.
const LEAST_GAIN: f64 = 0.97;

/// A coded tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// Mode byte and payload.
    pub bytes: Vec<u8>,
    /// How many earlier planes a decoder needs: the ones right before this.
    pub needs: usize,
}

/// The tile with the fewest bytes that `level` finds; `earlier` planes have the same extent, latest first.
pub fn encode(tile: TileView, earlier: &[&[u16]], level: Level) -> Coded {
    let earlier = &earlier[..earlier.len().min(MAX_EARLIER)];
    let mut best = Coded { bytes: tile::encode(tile, level), needs: 0 };
    // A constant tile has three bytes; and `fast` has no time.
    if earlier.is_empty() || level < Level::Default || best.bytes.len() <= 3 {
        return best;
    }
    let mut offer = |mode: u8, weights: &[i16], payload: &[u8]| {
        let weights = weights.iter().flat_map(|weight| weight.to_le_bytes());
        let bytes: Vec<u8> = std::iter::once(mode).chain(weights).chain(payload.iter().copied()).collect();
        if bytes.len() < best.bytes.len() {
            best = Coded { bytes, needs: earlier.len() };
        }
    };
    let fit = weights::fit(tile, earlier);
    let differs = fit.gain < LEAST_GAIN;
    if differs {
        let left: Vec<u16> = tile
            .samples
            .iter()
            .enumerate()
            .map(|(i, &sample)| sample.wrapping_sub(foretold(earlier, &fit.weights, i)).wrapping_add(ZERO))
            .collect();
        let inner = tile::encode(TileView { samples: &left, ..tile }, level.min(Level::High));
        offer(DIFFERENCE, &fit.weights, &inner);
    }
    if level >= Level::Max {
        let none = vec![0; earlier.len()];
        let candidates = [Some(&none), differs.then_some(&fit.weights)];
        if let Some(weights) = best_weights(tile, earlier, candidates.into_iter().flatten()) {
            offer(GIVEN, &[], &max::encode_given(tile, earlier, weights));
        }
    }
    best
}

/// The candidate that is worth coding the whole tile with, by a trial on its centre.
fn best_weights<'a>(
    tile: TileView,
    earlier: &[&[u16]],
    candidates: impl Iterator<Item = &'a Vec<i16>>,
) -> Option<&'a Vec<i16>> {
    let (height, width) = (tile.height.min(TRIAL_SIDE_PX), tile.width.min(TRIAL_SIDE_PX));
    let (top, left) = ((tile.height - height) / 2, (tile.width - width) / 2);
    let cut = |samples: &[u16]| -> Vec<u16> {
        samples
            .chunks_exact(tile.width)
            .skip(top)
            .take(height)
            .flat_map(|row| &row[left..left + width])
            .copied()
            .collect()
    };
    let samples = cut(tile.samples);
    let trial = TileView { height, width, samples: &samples, ..tile };
    let earlier: Vec<Vec<u16>> = earlier.iter().map(|plane| cut(plane)).collect();
    let earlier: Vec<&[u16]> = earlier.iter().map(Vec::as_slice).collect();
    let alone = max::encode(trial)?.len() as f64 * TRIAL_SLACK;
    candidates
        .map(|weights| (max::encode_given(trial, &earlier, weights).len(), weights))
        .filter(|(bytes, _)| (*bytes as f64) < alone)
        .min_by_key(|(bytes, _)| *bytes)
        .map(|(_, weights)| weights)
}

/// The weighted sum of the planes at pixel `i`, to the nearest code, modulo 2^16.
#[inline]
fn foretold(earlier: &[&[u16]], weights: &[i16], i: usize) -> u16 {
    ((weighted_sum(earlier, weights, i) + UNIT / 2) >> UNIT.ilog2()) as u16
}

/// The pixels of a tile of `shape` that needs the `earlier` planes, latest first; `what` names it in errors.
///
/// # Errors
/// If the bytes are not those of a tile of that shape that needs so many planes.
pub fn decode(what: &str, bytes: &[u8], shape: Shape, earlier: &[&[u16]]) -> Result<Vec<u16>> {
    if earlier.is_empty() {
        return tile::decode(what, bytes, shape);
    }
    let Some((&mode, payload)) = bytes.split_first() else { return Err(Error::truncated(what)) };
    match mode {
        DIFFERENCE => {
            let (weights, inner) = split_weights(what, payload, earlier.len())?;
            let mut samples = tile::decode(what, inner, shape)?;
            for (i, sample) in samples.iter_mut().enumerate() {
                *sample = sample.wrapping_add(foretold(earlier, &weights, i)).wrapping_sub(ZERO);
            }
            Ok(samples)
        }
        GIVEN => max::decode_given(what, payload, shape, earlier),
        _ => Err(Error::corrupt(what, format!("tile mode {mode} does not need {} planes", earlier.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Planes with a strong pattern that stays, a level that rises, and a little noise.
    fn ramp(planes: usize, height: usize, width: usize) -> Vec<Vec<u16>> {
        let mut state = 9u32;
        let mut number = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        let pattern: Vec<u32> = (0..height * width).map(|_| 9000 + number() % 1000).collect();
        (0..planes as u32)
            .map(|plane| pattern.iter().map(|level| (level + plane * 30 + number() % 8) as u16).collect())
            .collect()
    }

    fn earlier(planes: &[Vec<u16>]) -> Vec<&[u16]> {
        planes.iter().rev().map(Vec::as_slice).collect()
    }

    #[test]
    fn a_pattern_that_stays_is_paid_once() {
        let (height, width) = (60, 90);
        let shape = Shape::frame(height, width);
        let planes = ramp(4, height, width);
        let (last, before) = planes.split_last().unwrap();
        let tile = TileView::new(shape, last);
        let alone = encode(tile, &[], Level::Max);
        assert_eq!(alone.needs, 0);
        let mut before_bytes = alone.bytes.len();
        for level in [Level::Default, Level::Max] {
            let coded = encode(tile, &earlier(before), level);
            assert_eq!(coded.needs, 3);
            assert!(coded.bytes.len() < before_bytes * 6 / 10 || level == Level::Max);
            assert!(coded.bytes.len() <= before_bytes);
            before_bytes = coded.bytes.len();
            assert_eq!(&decode("tile", &coded.bytes, shape, &earlier(before)).unwrap(), last);
        }
    }

    /// The bytes of level `max`: a change of any number anywhere in the model shows here.
    #[test]
    fn golden_payload() {
        let (height, width) = (20, 64);
        let planes = ramp(4, height, width);
        let (last, before) = planes.split_last().unwrap();
        let tile = TileView::new(Shape::frame(height, width), last);
        let coded = encode(tile, &earlier(before), Level::Max);
        let digest = crc32fast::hash(&coded.bytes);
        assert_eq!((coded.bytes[0], coded.bytes.len(), digest), (GIVEN, 596, 498_554_562));
    }

    #[test]
    fn golden_difference() {
        let weights = [384i16, -128].map(i16::to_le_bytes).concat();
        let inner = [32_768u16, 0, 65_535].map(u16::to_le_bytes).concat();
        let bytes = [&[DIFFERENCE], weights.as_slice(), &[0], inner.as_slice()].concat();
        let samples = decode("tile", &bytes, Shape::frame(1, 3), &[&[100, 200, 65_535], &[50, 7, 9]]);
        assert_eq!(samples.unwrap(), [125, 33_065, 65_529]);
    }

    #[test]
    fn planes_that_do_not_help_are_not_needed() {
        let (height, width) = (40, 50);
        let noise = ramp(1, height, width);
        let other: Vec<u16> = noise[0].iter().rev().copied().collect();
        for level in Level::ALL {
            let tile = TileView::new(Shape::frame(height, width), &noise[0]);
            let coded = encode(tile, &[&other], level);
            assert!(coded.bytes.len() <= encode(tile, &[], level).bytes.len());
            assert_eq!(encode(tile, &[&other], Level::Fast).needs, 0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_planes_return(width in 1usize..20, samples in prop::collection::vec(any::<u16>(), 60..300), mask in any::<u16>()) {
            let height = samples.len() / 3 / width;
            let planes: Vec<Vec<u16>> = samples.chunks_exact(height * width).take(3)
                .map(|plane| plane.iter().map(|sample| sample & mask).collect()).collect();
            let shape = Shape::frame(height, width);
            let coded = encode(TileView::new(shape, &planes[2]), &earlier(&planes[..2]), Level::Max);
            let needed = &earlier(&planes[..2])[..coded.needs];
            prop_assert_eq!(&decode("tile", &coded.bytes, shape, needed).unwrap(), &planes[2]);
            // Whatever pays or not, both modes return what they were given.
            let weights = [-4095, 4095];
            let tile = TileView::new(shape, &planes[2]);
            let payload = max::encode_given(tile, &earlier(&planes[..2]), &weights);
            let back = max::decode_given("tile", &payload, shape, &earlier(&planes[..2])).unwrap();
            prop_assert_eq!(&back, &planes[2]);
        }

        #[test]
        fn hostile_payloads_do_not_panic(
            mode in prop::sample::select(vec![DIFFERENCE, GIVEN, 3, 9]),
            payload in prop::collection::vec(any::<u8>(), 0..200),
            planes in 1usize..=MAX_EARLIER,
        ) {
            let plane = vec![7u16; 200];
            let earlier = vec![plane.as_slice(); planes];
            let bytes = [&[mode], payload.as_slice()].concat();
            let _ = decode("tile", &bytes, Shape::frame(10, 20), &earlier);
            // With weights that are allowed.
            let bytes = [&[mode], vec![1; 2 * planes].as_slice(), payload.as_slice()].concat();
            let _ = decode("tile", &bytes, Shape::frame(10, 20), &earlier);
        }
    }
}
