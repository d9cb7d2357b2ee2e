//! Integers of at most 65536 values, by a table that is made for the array.

use super::tables::CHUNK;
use super::{Indices, QuantiseOptions, Range};
use crate::Sample;
use crate::bins::{Bin, Ordinals};
use crate::bound::Tolerance;
use crate::dither;
use crate::exceptions::Exceptions;
use crate::record::Map;
use crate::sample::SampleType;
use nf_codec::Dither;

/// Values further below the offset than this are no noise, and are kept exactly.
const DARKEST_SIGMA: f64 = 6.0;
/// Pairs of neighbours that the position of the lattice is chosen on.
const MOST_PAIRS: usize = 1 << 20;

/// The smallest value of an array, the number of values up to the largest, and the ends of their
/// type, where samples are cut off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    first: i64,
    count: usize,
    ends: (i64, i64),
}

/// The values of samples, if there are at most 65536 of them.
pub(super) fn values_of<T: Sample>(_: &[T], range: Option<Range>) -> Option<Values> {
    let ends = match T::TYPE {
        SampleType::U8 => (0, i64::from(u8::MAX)),
        SampleType::U16 => (0, i64::from(u16::MAX)),
        SampleType::I16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        SampleType::I32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        SampleType::F32 | SampleType::F64 => return None,
    };
    let Range { low, high } = range.unwrap_or(Range { low: 0.0, high: 0.0 });
    let count = (high - low) as usize + 1;
    (count <= 1 << 16).then_some(Values { first: low as i64, count, ends })
}

impl Values {
    /// With a bin more on either side, as far as the type has values: the first and the last bin
    /// would be cut, and their samples biased.
    fn padded(self, tolerance: &Tolerance) -> Self {
        let Self { first, count, ends } = self;
        let last = first + count as i64 - 1;
        let bin = |value: i64| 2 * tolerance.at(value as f64).floor().min(65_536.0) as i64 + 1;
        let (low, high) = ((first - bin(first)).max(ends.0), (last + bin(last)).min(ends.1));
        let count = (high - low + 1) as usize;
        if count <= 1 << 16 { Self { first: low, count, ends } } else { self }
    }
}

pub(super) fn quantise<T: Sample>(
    samples: &[T],
    values: Values,
    tolerance: &Tolerance,
    options: &QuantiseOptions,
    width: usize,
) -> Indices {
    let values = if options.dither_seed.is_some() { values.padded(tolerance) } else { values };
    let Values { first, count, .. } = values;
    let ordinal = |sample: T| (sample.whole() - first) as usize;
    let ordinals = ordinals(values, tolerance, options.blank);
    let mut index_of = Vec::new();
    let mut tables = Vec::new();
    let mut add = |bins: &[Bin], value: &dyn Fn(&Bin) -> usize| {
        let mut indices = vec![0u16; count];
        for (index, bin) in bins.iter().enumerate() {
            indices[bin.ordinals.clone()].fill(index as u16);
        }
        index_of.push(indices);
        tables.push(bins.iter().map(|bin| first + value(bin) as i64).collect());
    };
    match options.dither_seed {
        None => {
            let mut counts = vec![0u64; count];
            samples.iter().for_each(|&sample| counts[ordinal(sample)] += 1);
            let crossings = crossings(samples, width, count, ordinal);
            add(&ordinals.bins(&crossings, samples.len()), &|bin| bin.value(&counts));
        }
        // The mean over the lattices is what counts, not that of a bin.
        Some(_) => ordinals
            .shifted_bins(dither::tables)
            .iter()
            .enumerate()
            .for_each(|(phase, bins)| add(bins, &|bin| bin.middle(phase % 2 == 1))),
    }
    let dither = options.dither_seed.map(|seed| Dither { seed, phases: tables.len() as u8 });
    let indices = match dither {
        None => {
            let index_of = &index_of[0][..];
            samples.iter().map(|&sample| index_of[ordinal(sample)]).collect()
        }
        Some(dither) => {
            let (index_of, mut phases) = (index_of.concat(), [0; CHUNK]);
            let mut indices = Vec::with_capacity(samples.len());
            for (number, samples) in samples.chunks(CHUNK).enumerate() {
                let phases = &mut phases[..samples.len()];
                dither.phases((number * CHUNK) as u64, phases);
                let index =
                    |(&sample, &phase): (&T, &u8)| index_of[usize::from(phase) * count + ordinal(sample)];
                indices.extend(samples.iter().zip(&*phases).map(index));
            }
            indices
        }
    };
    Indices {
        map: Map::Tables(tables),
        dither,
        base: 0,
        layers: vec![indices],
        exceptions: Exceptions::default(),
    }
}

/// The tolerance of every value; the ends of the type, where samples are cut off, blank samples,
/// and values far below the offset have none.
fn ordinals(values: Values, tolerance: &Tolerance, blank: Option<i64>) -> Ordinals {
    let Values { first, count, ends } = values;
    let darkest = match tolerance {
        Tolerance::Absolute(_) => f64::NEG_INFINITY,
        Tolerance::Sigma { noise, .. } => noise.offset_dn() - DARKEST_SIGMA * noise.read_noise_dn(),
    };
    let value = |ordinal: usize| first + ordinal as i64;
    let is_exact = |ordinal: usize| {
        let value = value(ordinal);
        value == ends.0 || value == ends.1 || blank == Some(value) || (value as f64) < darkest
    };
    Ordinals {
        // Larger than any difference is large enough.
        tolerance: (0..count).map(|o| tolerance.at(value(o) as f64).floor().min(65_536.0) as u32).collect(),
        exact: (0..count).map(is_exact).collect(),
    }
}

/// How often neighbours in a row lie on either side of an ordinal: below it, and at it or above.
fn crossings<T: Sample>(samples: &[T], width: usize, count: usize, ordinal: impl Fn(T) -> usize) -> Vec<u64> {
    let mut changes = vec![0i64; count + 1];
    let step = samples.len().div_ceil(MOST_PAIRS).max(1);
    for row in samples.chunks(width.max(1)).step_by(step) {
        for pair in row.windows(2) {
            let (a, b) = (ordinal(pair[0]), ordinal(pair[1]));
            changes[a.min(b) + 1] += 1;
            changes[a.max(b) + 1] -= 1;
        }
    }
    let mut sum = 0i64;
    changes
        .iter()
        .map(|change| {
            sum += change;
            sum as u64
        })
        .collect()
}
