//! How encoder and decoder take part in the traversal: a sample is coded as its block of eight
//! values and as its value within the block.

use super::distributions::{BLOCK, BLOCKS, Distributions, MASS_BITS, Parameters};
use super::lanes::LANES;
use super::value_weights::{BlockCdf, VALUE_BITS};
use nf_entropy::Interval;
use nf_entropy::rans16::{Decoder, Encoder};
use std::ops::Range;

/// Drives encoder and decoder alike: both code the samples in the same order, under the same
/// distributions.
pub(super) trait StepCoder {
    /// The blocks of the samples of these lanes, and the masses below the next blocks. A decoder
    /// reads them here, and ignores `step`.
    fn code_blocks(
        &mut self,
        lanes: Range<usize>,
        step: &[u16; LANES],
        distributions: &Distributions,
        at: &Parameters,
    ) -> [[u32; LANES]; 2];

    /// The value within its block, which a decoder reads here.
    fn code_value(&mut self, lane: usize, value: usize, cdf: &BlockCdf) -> usize;
}

impl StepCoder for Encoder {
    #[inline(always)]
    fn code_blocks(
        &mut self,
        lanes: Range<usize>,
        step: &[u16; LANES],
        distributions: &Distributions,
        at: &Parameters,
    ) -> [[u32; LANES]; 2] {
        let (mut blocks, mut next) = ([0; LANES], [0; LANES]);
        for k in 0..LANES {
            blocks[k] = u32::from(step[k]) / BLOCK as u32;
            next[k] = blocks[k] + 1;
        }
        let starts = distributions.below_blocks(at, &blocks);
        let ends = distributions.below_blocks(at, &next);
        for lane in lanes {
            let interval = Interval { start: starts[lane], width: ends[lane] - starts[lane] };
            self.push(lane, interval, MASS_BITS);
        }
        [blocks, ends]
    }

    #[inline(always)]
    fn code_value(&mut self, lane: usize, value: usize, cdf: &BlockCdf) -> usize {
        self.push(lane, cdf.interval(value), VALUE_BITS);
        value
    }
}

/// Codes nothing: both sides know the samples.
pub(super) struct Known;

impl StepCoder for Known {
    #[inline(always)]
    fn code_blocks(
        &mut self,
        _: Range<usize>,
        step: &[u16; LANES],
        distributions: &Distributions,
        at: &Parameters,
    ) -> [[u32; LANES]; 2] {
        let blocks = step.map(|sample| u32::from(sample) / BLOCK as u32);
        [blocks, distributions.below_blocks(at, &blocks.map(|block| block + 1))]
    }

    #[inline(always)]
    fn code_value(&mut self, _: usize, value: usize, _: &BlockCdf) -> usize {
        value
    }
}

impl StepCoder for Decoder<'_> {
    #[inline(always)]
    fn code_blocks(
        &mut self,
        lanes: Range<usize>,
        _: &[u16; LANES],
        distributions: &Distributions,
        at: &Parameters,
    ) -> [[u32; LANES]; 2] {
        let points: [u32; LANES] = std::array::from_fn(|lane| self.point(lane, MASS_BITS));
        let mut blocks = distributions.guess(at, &points);
        let mut next = blocks;
        next.iter_mut().for_each(|block| *block += 1);
        let mut starts = distributions.below_blocks(at, &blocks);
        let mut ends = distributions.below_blocks(at, &next);
        for lane in lanes {
            if points[lane] < starts[lane] || points[lane] >= ends[lane] {
                (blocks[lane], starts[lane], ends[lane]) =
                    find(distributions, at, lane, blocks[lane], points[lane]);
            }
            let interval = Interval { start: starts[lane], width: ends[lane] - starts[lane] };
            self.advance(lane, interval, MASS_BITS);
        }
        [blocks, ends]
    }

    #[inline(always)]
    fn code_value(&mut self, lane: usize, _: usize, cdf: &BlockCdf) -> usize {
        let value = cdf.locate(self.point(lane, VALUE_BITS));
        self.advance(lane, cdf.interval(value), VALUE_BITS);
        value
    }
}

/// The block of `lane` that holds `point`, and the masses below it and below the next one:
/// galloping search from `guess`, then bisection.
#[inline(always)]
fn find(
    distributions: &Distributions,
    at: &Parameters,
    lane: usize,
    guess: u32,
    point: u32,
) -> (u32, u32, u32) {
    let below = |block: usize| distributions.below_block(at, lane, block);
    let guess = guess as usize;
    let (mut low, mut high) = (0, BLOCKS);
    let (mut start, mut end) = (0, 1 << MASS_BITS);
    let mass = below(guess);
    let mut stride = 1;
    if mass <= point {
        (low, start) = (guess, mass);
        while low + stride < BLOCKS {
            let mass = below(low + stride);
            if mass > point {
                (high, end) = (low + stride, mass);
                break;
            }
            (low, start) = (low + stride, mass);
            stride *= 2;
        }
    } else {
        (high, end) = (guess, mass);
        while high > stride {
            let mass = below(high - stride);
            if mass <= point {
                (low, start) = (high - stride, mass);
                break;
            }
            (high, end) = (high - stride, mass);
            stride *= 2;
        }
    }
    while high - low > 1 {
        let middle = (low + high) / 2;
        let mass = below(middle);
        if mass <= point {
            (low, start) = (middle, mass);
        } else {
            (high, end) = (middle, mass);
        }
    }
    (low as u32, start, end)
}
