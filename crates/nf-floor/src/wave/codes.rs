//! Which samples of a block of eight occur: converters favour some codes, and leave others out.
//!
//! Every code has a weight: how often it occurred over how often the laws alone expected it within its block, drawn to the same
//! figure of all codes with these three low bits.

use super::law::BLOCK;
use crate::max::math::total;

/// Pixels that speak for the weight of the low bits, and for one.
const PRIOR_PX: f32 = 20.0;
const LOW_PRIOR_PX: f32 = 200.0;

/// Largest weight.
const MOST: f32 = 8.0;

/// Masses within a block are integers on this scale.
pub(super) const FINE_BITS: u32 = 16;

/// Counts of one tile.
#[derive(Debug)]
pub(super) struct Codes {
    seen: Vec<[f32; BLOCK]>,
    expected: Vec<[f32; BLOCK]>,
    low_seen: [f32; BLOCK],
    low_expected: [f32; BLOCK],
    low_weights: [f32; BLOCK],
}

/// The masses of the samples of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fine {
    /// Masses below the samples, and at last `2^FINE_BITS`.
    pub(super) starts: [u32; BLOCK + 1],
    /// What the laws alone expect of them, over the sum of weighted masses.
    expected: [f32; BLOCK],
}

impl Codes {
    pub(super) fn new() -> Self {
        let blocks = || vec![[0.0; BLOCK]; super::law::BLOCKS];
        Self {
            seen: blocks(),
            expected: blocks(),
            low_seen: [0.0; BLOCK],
            low_expected: [0.0; BLOCK],
            low_weights: [1.0; BLOCK],
        }
    }

    /// The weights of low bits are taken anew.
    #[inline(always)]
    pub(super) fn refresh(&mut self) {
        for k in 0..BLOCK {
            self.low_weights[k] = (self.low_seen[k] + LOW_PRIOR_PX) / (self.low_expected[k] + LOW_PRIOR_PX);
        }
    }

    /// The masses within `block`, of whose samples the law has the masses `law`.
    #[inline(always)]
    pub(super) fn fine(&self, block: usize, law: &[u32; BLOCK]) -> Fine {
        /// Added to a number below 2^23, rounds it to an integer, which then is in the low bits.
        const ROUND: f32 = 8_388_608.0;
        let (seen, expected) = (&self.seen[block], &self.expected[block]);
        let (mut masses, mut shares) = ([0.0; BLOCK], [0.0; BLOCK]);
        for k in 0..BLOCK {
            let weight = (seen[k] + PRIOR_PX * self.low_weights[k]) / (expected[k] + PRIOR_PX);
            masses[k] = law[k] as i32 as f32 + 2.0;
            shares[k] = masses[k] * if weight < MOST { weight } else { MOST };
        }
        let inverse = 1.0 / total(shares);
        // What rounding leaves of the scale goes to the last sample; every one has at least one unit.
        let factor = inverse * ((1 << FINE_BITS) - 2 * BLOCK) as f32;
        let mut sums = [0u32; BLOCK];
        for k in 0..BLOCK {
            sums[k] = ((shares[k] * factor + ROUND).to_bits() - ROUND.to_bits()) + 1;
            masses[k] *= inverse;
        }
        // Compilers take the next loop for a reason to do the ones before number by number, unless they do not see it.
        let sums = std::hint::black_box(sums);
        let mut starts = [0; BLOCK + 1];
        let mut start = 0;
        for k in 0..BLOCK {
            start += sums[k];
            starts[k + 1] = start;
        }
        starts[BLOCK] = 1 << FINE_BITS;
        Fine { starts, expected: masses }
    }

    /// Sample `place` of `block` occurred.
    #[inline(always)]
    pub(super) fn learn(&mut self, block: usize, place: usize, fine: &Fine) {
        self.seen[block][place] += 1.0;
        self.low_seen[place] += 1.0;
        let (expected, low) = (&mut self.expected[block], &mut self.low_expected);
        for k in 0..BLOCK {
            expected[k] += fine.expected[k];
            low[k] += fine.expected[k];
        }
    }
}
