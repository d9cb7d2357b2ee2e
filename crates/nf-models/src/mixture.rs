//! Mixtures of logistics over integer samples: the integer distributions of the coder, and the
//! loss.
//!
//! This is the one place where the numbers of a network become integer probabilities.

#[cfg(feature = "train")]
pub(crate) mod loss;

use crate::tile_model::TileCoder;
use nf_engine::math::{exp, sigmoid};
use nf_entropy::distributions::{Component, Mixture, Restricted, SCALE_ONE, SCALE_STEPS_PER_OCTAVE, SCALES};
use nf_entropy::{Distribution, Interval, Result};
use nf_simd::{InstructionSet, kernel};

/// Least natural logarithm of a scale, in samples: the finest step of the coder's scales, 2^-5.
const MIN_LOG_SCALE: f64 = -5.0 * std::f64::consts::LN_2;

/// Largest natural logarithm of a scale, in samples: 2^15.
const MAX_LOG_SCALE: f64 = 15.0 * std::f64::consts::LN_2;

/// Base-2 logarithm of the points of a distribution of samples.
const SCALE_BITS: u32 = 30;

/// Width that every sample keeps.
const FLOOR_WIDTH: u32 = 1;

/// Base-2 logarithm of the points of a distribution of levels.
const LEVEL_SCALE_BITS: u32 = 22;

/// Most components that a mixture can have.
pub(crate) const MAX_COMPONENTS: usize = 12;

/// Most levels of a quantiser.
pub(crate) const MAX_LEVELS: usize = 256;

/// One logistic as a network gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LogisticParams {
    /// Weight before normalisation, natural logarithm.
    pub(crate) logit: f32,
    /// Centre, in samples.
    pub(crate) mean: f32,
    /// Scale in samples, natural logarithm.
    pub(crate) log_scale: f32,
}

/// The components of one mixture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MixtureParams {
    components: [LogisticParams; MAX_COMPONENTS],
    count: usize,
}

impl MixtureParams {
    /// The mixture of components 0 to `count - 1`.
    ///
    /// # Panics
    /// If there are more than [`MAX_COMPONENTS`].
    #[inline]
    pub(crate) fn from_fn(count: usize, mut component: impl FnMut(usize) -> LogisticParams) -> Self {
        let mut components = [LogisticParams::default(); MAX_COMPONENTS];
        for (index, to) in components[..count].iter_mut().enumerate() {
            *to = component(index);
        }
        Self { components, count }
    }

    fn components(&self) -> &[LogisticParams] {
        &self.components[..self.count]
    }

    /// Codes a sample of `0..=65535`.
    ///
    /// # Errors
    /// What the coder says.
    pub(crate) fn code_sample(&self, coder: &mut dyn TileCoder, sample: &mut u32) -> Result<()> {
        match self.count {
            ..=4 => coder.code(sample, &integer_mixture::<4>(self.components())),
            5..=8 => coder.code(sample, &integer_mixture::<8>(self.components())),
            _ => coder.code(sample, &integer_mixture::<MAX_COMPONENTS>(self.components())),
        }
    }

    /// Codes a cell of `2^cell_bits` samples of the interval of `2^interval_bits` from `low` on.
    ///
    /// # Errors
    /// What the coder says.
    pub(crate) fn code_cell(
        &self,
        coder: &mut dyn TileCoder,
        cell: &mut u32,
        (low, interval_bits): (u16, u8),
        cell_bits: u8,
    ) -> Result<()> {
        let interval = (u32::from(low), u32::from(interval_bits), u32::from(cell_bits));
        match self.count {
            ..=4 => restricted::<4>(self.components(), coder, cell, interval),
            5..=8 => restricted::<8>(self.components(), coder, cell, interval),
            _ => restricted::<MAX_COMPONENTS>(self.components(), coder, cell, interval),
        }
    }

    /// Codes a cell of `2^cell_bits` samples of all, which are moved down by `offset`.
    ///
    /// # Errors
    /// What the coder says.
    pub(crate) fn code_shifted_cell(
        &self,
        coder: &mut dyn TileCoder,
        cell: &mut u32,
        offset: u32,
        cell_bits: u8,
    ) -> Result<()> {
        let cells = (offset, u32::from(cell_bits));
        match self.count {
            ..=4 => shifted::<4>(self.components(), coder, cell, cells),
            5..=8 => shifted::<8>(self.components(), coder, cell, cells),
            _ => shifted::<MAX_COMPONENTS>(self.components(), coder, cell, cells),
        }
    }

    /// Codes a level of `0..levels`; the outermost levels take the tails.
    ///
    /// # Errors
    /// What the coder says.
    pub(crate) fn code_level(&self, coder: &mut dyn TileCoder, level: &mut u32, levels: usize) -> Result<()> {
        coder.code(level, &LevelDistribution::new(self.components(), levels))
    }
}

/// Numbers that are not finite count as zero.
fn finite(value: f32) -> f32 {
    if value.is_finite() { value } else { 0.0 }
}

/// The integer mixture of at most `K` logistics: means to 1/256 sample, scales to 1/32 octave,
/// weights to 2^-16.
///
/// Multiplications, additions and roundings of single numbers in a fixed order, so that equal
/// parameters give equal distributions on every machine.
fn integer_mixture<const K: usize>(params: &[LogisticParams]) -> Mixture<K> {
    let largest = params.iter().map(|own| finite(own.logit)).fold(f32::MIN, f32::max);
    let mut components = [Component { mean: 0, scale: SCALE_ONE, weight: 0 }; K];
    for (component, own) in components.iter_mut().zip(params) {
        let steps = f32::from(SCALE_STEPS_PER_OCTAVE) * std::f32::consts::LOG2_E;
        let scale = (finite(own.log_scale) * steps).round() + f32::from(SCALE_ONE);
        *component = Component {
            mean: (finite(own.mean) * 256.0).round() as i32,
            scale: scale.clamp(0.0, f32::from(SCALES - 1)) as u16,
            weight: (exp(finite(own.logit) - largest) * 65_535.0) as u16,
        };
    }
    Mixture::new(&components, SCALE_BITS, FLOOR_WIDTH)
        .expect("the largest weight is 65535, the scales are clamped")
}

/// Codes a cell of an interval: its first sample, its size and that of a cell.
fn restricted<const K: usize>(
    params: &[LogisticParams],
    coder: &mut dyn TileCoder,
    cell: &mut u32,
    (low, interval_bits, cell_bits): (u32, u32, u32),
) -> Result<()> {
    let mixture = integer_mixture::<K>(params);
    coder.code(cell, &Restricted::new(&mixture, low, interval_bits, cell_bits)?)
}

/// Codes a cell of all samples: by what cells are moved, and their size.
fn shifted<const K: usize>(
    params: &[LogisticParams],
    coder: &mut dyn TileCoder,
    cell: &mut u32,
    (offset, cell_bits): (u32, u32),
) -> Result<()> {
    let mixture = integer_mixture::<K>(params);
    coder.code(cell, &Restricted::shifted(&mixture, offset, cell_bits)?)
}

/// A mixture of logistics over levels, in 2^22 points.
#[derive(Debug)]
struct LevelDistribution {
    /// Start of every level's interval, and the end of the last.
    starts: [u32; MAX_LEVELS + 1],
    levels: usize,
}

impl LevelDistribution {
    /// Every level keeps one point; the others are shared by the mixture's cumulative distribution.
    fn new(params: &[LogisticParams], levels: usize) -> Self {
        let largest = params.iter().map(|own| finite(own.logit)).fold(f32::MIN, f32::max);
        let mut parts = [(0.0, 0.0, 0.0); MAX_COMPONENTS];
        let parts = &mut parts[..params.len()];
        for (part, own) in parts.iter_mut().zip(params) {
            let weight = exp(finite(own.logit) - largest);
            let log_scale = finite(own.log_scale).clamp(MIN_LOG_SCALE as f32, MAX_LOG_SCALE as f32);
            *part = (weight, finite(own.mean), exp(-log_scale));
        }
        let total: f32 = parts.iter().map(|part| part.0).sum();
        let points = (1 << LEVEL_SCALE_BITS) - levels as u32;
        let mut shares = [0.0; MAX_LEVELS];
        let shares = &mut shares[..levels.saturating_sub(1)];
        cumulative(InstructionSet::best(), parts, total, points as f32, shares);
        let mut starts = [0; MAX_LEVELS + 1];
        let mut below = 0;
        for (level, (start, &share)) in (1..).zip(starts[1..].iter_mut().zip(&*shares)) {
            below = (share as u32).clamp(below, points);
            *start = below + level;
        }
        starts[levels] = 1 << LEVEL_SCALE_BITS;
        Self { starts, levels }
    }
}

kernel! {
    /// The cumulative distribution of a mixture (weight, mean, inverse scale) in `points`, halfway
    /// between one level and the next; terms are added in the order of the components.
    fn cumulative<'a>(parts: &'a [(f32, f32, f32)], total: f32, points: f32, shares: &'a mut [f32]) -> () {
        for &(weight, mean, inverse) in parts {
            for (level, share) in shares.iter_mut().enumerate() {
                let edge = level as i32 as f32 + 0.5;
                *share += weight * sigmoid((edge - mean) * inverse);
            }
        }
        for share in shares {
            *share = *share / total * points;
        }
    }
}

impl Distribution for LevelDistribution {
    fn scale_bits(&self) -> u32 {
        LEVEL_SCALE_BITS
    }

    fn interval(&self, symbol: u32) -> Option<Interval> {
        let level = usize::try_from(symbol).ok().filter(|&level| level < self.levels)?;
        let start = self.starts[level];
        Some(Interval { start, width: self.starts[level + 1] - start })
    }

    fn locate(&self, point: u32) -> (u32, Interval) {
        let level = self.starts[1..self.levels].partition_point(|&start| start <= point);
        let start = self.starts[level];
        (level as u32, Interval { start, width: self.starts[level + 1] - start })
    }
}

#[cfg(all(test, feature = "train"))]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;

#[cfg(test)]
mod instruction_sets {
    use super::*;

    #[test]
    fn all_find_the_same_levels() {
        let parts = [(1.0, 3.3, 0.7), (0.4, -20.5, 1e-3), (0.01, 13.0, 40.0), (0.3, f32::MAX, 1e30)];
        for levels in [1, 7, 24, 255] {
            let shares = |isa| {
                let mut shares = vec![0.0; levels];
                cumulative(isa, &parts, 1.71, 4_194_279.0, &mut shares);
                shares.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let plain = shares(InstructionSet::Baseline);
            assert!(InstructionSet::available().all(|isa| shares(isa) == plain), "{levels}");
        }
    }
}
