//! 32-bit integers and floating-point numbers, by a lattice of values.

use super::{Indices, QuantiseOptions, Range};
use crate::bound::{Bound, Tolerance};
use crate::dither::{LATTICES, shift};
use crate::exceptions::Exceptions;
use crate::record::Map;
use crate::sample::SampleType;
use crate::within::within;
use crate::{Result, Sample};
use nf_codec::Dither;
use std::collections::BTreeMap;

/// Indices beyond this are no whole numbers that a double keeps.
const MOST_INDEX: f64 = (1u64 << 51) as f64;
/// At most one sample of so many is left to the list of exact ones to save a layer of indices.
const RARE: usize = 256;
/// With more exact samples than one of so many, other than NaN and infinities, the bound is of no
/// use.
const TOO_MANY: usize = 8;

pub(super) fn quantise<T: Sample>(
    samples: &[T],
    range: Option<Range>,
    bound: &Bound,
    tolerance: &Tolerance,
    options: &QuantiseOptions,
) -> Result<Indices> {
    let blank = options.blank;
    let dither = options.dither_seed.map(|seed| Dither { seed, phases: LATTICES });
    let typical = typical_size(samples);
    check_precision::<T>(typical, bound, tolerance, range)?;
    let map = lattice::<T>(typical, range, tolerance);
    let index = |place: usize, sample: T| {
        let shift = dither.map_or(0.0, |dither| shift(dither, place));
        index_of(sample, &map, shift, tolerance, blank)
    };
    let (base, layers) = window(samples, index);
    let most = 1i64 << (16 * layers);
    let mut low = Vec::with_capacity(samples.len());
    let mut high = Vec::with_capacity(if layers > 1 { samples.len() } else { 0 });
    let mut exceptions = Exceptions::default();
    let (mut last, mut no_index) = (0i64, 0usize);
    for (place, &sample) in samples.iter().enumerate() {
        match index(place, sample).map(|index| index - base).filter(|offset| (0..most).contains(offset)) {
            Some(offset) => last = offset,
            None => {
                exceptions.push(place, sample.bits());
                no_index += usize::from(sample.value().is_finite() && !is_blank(sample.value(), blank));
            }
        }
        // Instead of an exact sample, the index before it is coded once more.
        low.push(last as u16);
        if layers > 1 {
            high.push((last >> 16) as u16);
        }
    }
    if no_index > TOO_MANY.max(samples.len() / TOO_MANY) {
        let reason = format!(
            "{no_index} of {} {} samples cannot be kept within it otherwise than exactly; code it without a bound",
            samples.len(),
            T::TYPE
        );
        return Err(bound.refused(reason));
    }
    let layers = if layers > 1 { vec![low, high] } else { vec![low] };
    Ok(Indices { map, dither, base, layers, exceptions })
}

fn is_blank(value: f64, blank: Option<i64>) -> bool {
    blank.is_some_and(|blank| blank as f64 == value)
}

/// The size that most samples stay below: the 90 % quantile of those looked at.
fn typical_size<T: Sample>(samples: &[T]) -> f64 {
    const LOOKED_AT: usize = 1 << 16;
    let step = samples.len().div_ceil(LOOKED_AT).max(1);
    let sizes = samples.iter().step_by(step).map(|sample| sample.value().abs());
    let mut sizes: Vec<f64> = sizes.filter(|size| size.is_finite()).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.get(sizes.len() * 9 / 10).copied().unwrap_or(0.0)
}

/// The distance of a sample of this size to its smaller neighbour; the largest has no other.
fn ulp<T: Sample>(size: f64) -> f64 {
    match T::TYPE {
        SampleType::F32 => f64::from(size as f32) - f64::from((size as f32).next_down()),
        SampleType::F64 => size - size.next_down(),
        _ => 0.0,
    }
}

/// Refuses bounds that are finer than the samples.
fn check_precision<T: Sample>(
    typical: f64,
    bound: &Bound,
    tolerance: &Tolerance,
    range: Option<Range>,
) -> Result<()> {
    let (ulp, error) = (ulp::<T>(typical), tolerance.at(f64::NEG_INFINITY.max(-f64::MAX)));
    if range.is_some_and(|range| range.extent() > 0.0) && error < ulp {
        let reason = format!(
            "it is {error:.2e}, and {} samples of {typical:.2e} are {ulp:.2e} apart; code it without a bound",
            T::TYPE
        );
        return Err(bound.refused(reason));
    }
    Ok(())
}

/// The lattice: as coarse as the bound allows, less what rounding to the type may add to an error.
fn lattice<T: Sample>(typical: f64, range: Option<Range>, tolerance: &Tolerance) -> Map {
    let smallest = tolerance.at(-f64::MAX);
    if range.is_none_or(|range| range.extent() == 0.0) || smallest == 0.0 {
        return Map::Linear { origin: range.map_or(0.0, |range| range.low), step: 1.0 };
    }
    // Half of the distance between neighbours of the type, and of doubles in the arithmetic.
    let rounding = 0.5 * ulp::<T>(typical) + 2.0 * (typical.next_up() - typical);
    let share = if rounding < 0.25 * smallest { rounding / smallest } else { 0.0 };
    match tolerance {
        Tolerance::Absolute(error) if T::TYPE.is_float() => {
            Map::Linear { origin: 0.0, step: 2.0 * error * (1.0 - share) }
        }
        Tolerance::Absolute(error) => Map::Linear { origin: 0.0, step: 2.0 * error.floor() + 1.0 },
        Tolerance::Sigma { sigmas, noise } => {
            Map::NoiseLaw { step: 2.0 * sigmas * (1.0 - share), noise: *noise }
        }
    }
}

/// The index whose value is within the tolerance of a sample, if there is one.
fn index_of<T: Sample>(
    sample: T,
    map: &Map,
    shift: f64,
    tolerance: &Tolerance,
    blank: Option<i64>,
) -> Option<i64> {
    let x = sample.value();
    let real = match map {
        Map::Linear { origin, step } => (x - origin) / step,
        Map::NoiseLaw { step, noise } => {
            // Standard deviations from the offset: 2/slope (sqrt(read^2 + slope light) - read), in
            // the form that also holds for a slope of zero.
            let light = x - noise.offset_dn();
            2.0 * light / (noise.sigma(x) + noise.read_noise_dn()) / step
        }
        Map::Tables(_) | Map::Stream { .. } | Map::Tiles { .. } => return None,
    } + shift;
    // NaN and infinities fail here.
    if is_blank(x, blank) || real.abs().partial_cmp(&MOST_INDEX) != Some(std::cmp::Ordering::Less) {
        return None;
    }
    let nearest = real.round() as i64;
    let error = tolerance.at(x);
    let next = if real > nearest as f64 { nearest + 1 } else { nearest - 1 };
    [nearest, next].into_iter().find(|&index| {
        let y = T::nearest(map.value(index, shift)).value();
        within(x, y, error) && !is_blank(y, blank)
    })
}

/// The first index and the number of layers that hold nearly all indices.
fn window<T: Sample>(samples: &[T], index: impl Fn(usize, T) -> Option<i64>) -> (i64, u32) {
    let indices = || samples.iter().enumerate().filter_map(|(place, &sample)| index(place, sample));
    let Some((low, high)) = indices().fold(None, |range: Option<(i64, i64)>, index| match range {
        None => Some((index, index)),
        Some((low, high)) => Some((low.min(index), high.max(index))),
    }) else {
        return (0, 1);
    };
    if high - low < 1 << 16 {
        return (low, 1);
    }
    let wide = high - low < 1 << 32;
    let (base, outside) = fullest(indices(), 16);
    if outside <= samples.len() / RARE {
        return (base, 1);
    }
    if wide { (low, 2) } else { (fullest(indices(), 32).0, 2) }
}

/// The window of `2^bits` indices with the most samples, out of those that begin at multiples of a
/// sixteenth, and the number of samples outside of it.
fn fullest(indices: impl Iterator<Item = i64>, bits: u32) -> (i64, usize) {
    let mut blocks: BTreeMap<i64, usize> = BTreeMap::new();
    let mut all = 0;
    for index in indices {
        *blocks.entry(index >> (bits - 4)).or_default() += 1;
        all += 1;
    }
    let inside = |first: i64| blocks.range(first..first + 16).map(|(_, count)| count).sum::<usize>();
    let best =
        blocks.keys().map(|&first| (inside(first), first)).max_by_key(|&(count, first)| (count, -first));
    best.map_or((0, 0), |(count, first)| (first << (bits - 4), all - count))
}
