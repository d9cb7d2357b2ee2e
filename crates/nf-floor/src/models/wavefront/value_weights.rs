//! Weights of the values within a block of eight: analogue-to-digital converters favour some codes
//! and miss others.
//!
//! The weight of a value is how often it occurred over how often the distributions alone expected
//! it within its block, with the same ratio of all values with these three low bits as a prior.

use super::distributions::{BLOCK, BLOCKS};
use crate::maths::sum_of_lanes;
use nf_entropy::Interval;

/// Pixels that the weight of the low bits counts for, and those that a weight of one counts for
/// there.
const PRIOR_PX: f32 = 20.0;
const LOW_PRIOR_PX: f32 = 200.0;

/// Largest weight.
const MOST: f32 = 8.0;

/// Intervals within a block are on the scale `2^VALUE_BITS`.
pub(super) const VALUE_BITS: u32 = 16;

/// Counts of one tile.
#[derive(Debug)]
pub(super) struct ValueWeights {
    counts: Vec<[f32; BLOCK]>,
    expected: Vec<[f32; BLOCK]>,
    low_counts: [f32; BLOCK],
    low_expected: [f32; BLOCK],
    low_weights: [f32; BLOCK],
}

/// The distribution of the values of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockCdf {
    /// Starts of the intervals of the values, and the end of the last, `2^VALUE_BITS`.
    starts: [u32; BLOCK + 1],
    /// The masses that the distribution alone expects, over the sum of weighted masses.
    expected: [f32; BLOCK],
}

impl BlockCdf {
    /// The interval of a value.
    #[inline(always)]
    pub(super) fn interval(&self, value: usize) -> Interval {
        Interval { start: self.starts[value], width: self.starts[value + 1] - self.starts[value] }
    }

    /// The value whose interval holds `point`.
    #[inline(always)]
    pub(super) fn locate(&self, point: u32) -> usize {
        self.starts[1..BLOCK].iter().map(|start| usize::from(*start <= point)).sum()
    }
}

impl ValueWeights {
    pub(super) fn new() -> Self {
        let blocks = || vec![[0.0; BLOCK]; BLOCKS];
        Self {
            counts: blocks(),
            expected: blocks(),
            low_counts: [0.0; BLOCK],
            low_expected: [0.0; BLOCK],
            low_weights: [1.0; BLOCK],
        }
    }

    /// Computes the weights of the low bits anew.
    #[inline(always)]
    pub(super) fn refresh(&mut self) {
        for k in 0..BLOCK {
            self.low_weights[k] = (self.low_counts[k] + LOW_PRIOR_PX) / (self.low_expected[k] + LOW_PRIOR_PX);
        }
    }

    /// The distribution within `block`, to whose values the distribution of the pixel gives these
    /// masses.
    #[inline(always)]
    pub(super) fn cdf(&self, block: usize, unweighted: &[u32; BLOCK]) -> BlockCdf {
        /// Added to a number below 2^23, rounds it to an integer, which then is in the low bits.
        const ROUND: f32 = 8_388_608.0;
        let (counts, expected) = (&self.counts[block], &self.expected[block]);
        let (mut masses, mut shares) = ([0.0; BLOCK], [0.0; BLOCK]);
        for k in 0..BLOCK {
            let weight = (counts[k] + PRIOR_PX * self.low_weights[k]) / (expected[k] + PRIOR_PX);
            masses[k] = unweighted[k] as i32 as f32 + 2.0;
            shares[k] = masses[k] * if weight < MOST { weight } else { MOST };
        }
        let inverse = 1.0 / sum_of_lanes(shares);
        // What rounding leaves of the scale goes to the last value; each has at least one point.
        let factor = inverse * ((1 << VALUE_BITS) - 2 * BLOCK) as f32;
        let mut sums = [0u32; BLOCK];
        for k in 0..BLOCK {
            sums[k] = ((shares[k] * factor + ROUND).to_bits() - ROUND.to_bits()) + 1;
            masses[k] *= inverse;
        }
        // Hides the next loop from the compiler, which would otherwise not vectorise the ones
        // before.
        let sums = std::hint::black_box(sums);
        let mut starts = [0; BLOCK + 1];
        let mut start = 0;
        for k in 0..BLOCK {
            start += sums[k];
            starts[k + 1] = start;
        }
        starts[BLOCK] = 1 << VALUE_BITS;
        BlockCdf { starts, expected: masses }
    }

    /// This value of `block` occurred.
    #[inline(always)]
    pub(super) fn update(&mut self, block: usize, value: usize, cdf: &BlockCdf) {
        self.counts[block][value] += 1.0;
        self.low_counts[value] += 1.0;
        let (expected, low) = (&mut self.expected[block], &mut self.low_expected);
        for k in 0..BLOCK {
            expected[k] += cdf.expected[k];
            low[k] += cdf.expected[k];
        }
    }
}
