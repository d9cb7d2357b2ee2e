//! Patterns of new frames joined with those of an older profile.

use super::Place;
use super::group::remaining;
use super::pattern;
use crate::{Amplifier, Defects, Map, MapKind};

/// An old map is that of a new pattern if it leaves at most this share of the differences of
/// neighbours in it.
const MOST_LEFT: f64 = 0.9;
/// Frames that an old map counts for at most, so that a detector that changes is followed.
const MOST_FRAMES: u32 = 200;

/// A pattern in DN, its noise, and the frames that it is the mean of.
pub(super) struct Known {
    pub(super) values: Vec<f32>,
    pub(super) noise_dn: f32,
    pub(super) frames: u32,
}

/// The old map of the place that shares most with a pattern, if any does; `taken` ones are not
/// looked at.
pub(super) fn find(old: &[Map], taken: &[usize], place: &Place, new: &Known) -> Option<usize> {
    let left = |map: &Map| {
        let values = map.dn()?;
        Some(remaining(&new.values, place.width, |i| f64::from(values[i])))
    };
    old.iter()
        .enumerate()
        .filter(|(index, map)| map.kind == MapKind::Offset && place.is_of(map) && !taken.contains(index))
        .filter_map(|(index, map)| Some((left(map)?, index)))
        .filter(|(left, _)| *left < MOST_LEFT)
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, index)| index)
}

/// What a single plane adds to an old map: its samples, but where they stand out from those around
/// by more than noise. What noise is shows only when the map has been taken off: the plane alone
/// differs from pixel to pixel by the pattern, too.
pub(super) fn of_plane(old: &Map, place: &Place, samples: &[u16]) -> Option<Known> {
    let values = old.dn()?;
    let left: Vec<f32> = samples.iter().zip(&values).map(|(&sample, old)| f32::from(sample) - old).collect();
    let (left, noise_dn) = pattern::without_outliers(place, &left);
    Some(Known {
        values: values.iter().zip(left).map(|(old, left)| old + left).collect(),
        noise_dn,
        frames: 1,
    })
}

/// The mean of an old map and a new pattern, each with the weight of its frames, at the level of
/// the new one.
pub(super) fn joined(old: &Map, new: &Known) -> Known {
    let before = old.frames.min(MOST_FRAMES);
    let frames = before + new.frames;
    let share = new.frames as f32 / frames.max(1) as f32;
    // One that cannot be decoded was not found.
    let values = old.dn().unwrap_or_else(|| new.values.clone());
    let pairs = || new.values.iter().zip(&values);
    let shift: f64 = pairs().map(|(value, old)| f64::from(value - old)).sum::<f64>();
    let shift = (shift / new.values.len().max(1) as f64) as f32;
    let join = |(value, old): (&f32, &f32)| {
        let old = old + shift;
        old + (value - old) * share
    };
    Known {
        values: pairs().map(join).collect(),
        noise_dn: ((1.0 - share) * old.noise_dn).hypot(share * new.noise_dn),
        frames,
    }
}

/// Amplifiers of new frames, with what only older ones told of them.
pub(super) fn amplifiers(old: Vec<Amplifier>, mut new: Vec<Amplifier>) -> Vec<Amplifier> {
    for old in old {
        let is_it = |new: &&mut Amplifier| (&new.image, new.number) == (&old.image, old.number);
        match new.iter_mut().find(is_it) {
            Some(new) => {
                new.gain_electrons_per_dn = new.gain_electrons_per_dn.or(old.gain_electrons_per_dn);
                new.dark = new.dark.or(old.dark);
            }
            None => new.push(old),
        }
    }
    new
}

/// Defects of new frames, and those of which these say nothing.
pub(super) fn defects(old: Vec<Defects>, mut new: Vec<Defects>) -> Vec<Defects> {
    for old in old {
        let is_it = |new: &Defects| (new.kind, &new.image) == (old.kind, &old.image);
        if !new.iter().any(is_it) {
            new.push(old);
        }
    }
    new
}
