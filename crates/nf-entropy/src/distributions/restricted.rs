//! A mixture of which it is known between which samples the next one lies.

use super::mixture::{Mixture, SAMPLES};
use crate::{Distribution, Error, Interval, MAX_SCALE_BITS, Result};

/// Base-2 logarithm of the number of samples.
const SAMPLE_BITS: u32 = SAMPLES.ilog2();

/// Steps of a search that widen, before it halves.
const WIDENING_STEPS: u32 = 5;

/// A mixture restricted to an interval of samples, whose symbols are cells of that interval.
///
/// The interval holds `2^interval_bits` samples, each cell `2^cell_bits`. With `F` the points of
/// the mixture below a sample, `[low, high)` the interval, `n` the number of cells and `2^S` the
/// scale of the mixture, cell `k` starts at
/// `floor((2^S - n) (F(low + k 2^cell_bits) - F(low)) / (F(high) - F(low))) + k`.
///
/// So a sample may be coded in stages, ever finer cells of the cell before: what they cost together
/// is what the sample costs at once under the same mixture, but for roundings.
#[derive(Clone, Copy, Debug)]
pub struct Restricted<'a, const K: usize> {
    mixture: &'a Mixture<K>,
    low: u32,
    high: u32,
    /// What the first cell lacks at its lower end.
    offset: u32,
    cell_bits: u32,
    cells: u32,
    /// Points of the mixture below the interval.
    below: u32,
    /// Points of the mixture in the interval.
    inside: u32,
}

impl<'a, const K: usize> Restricted<'a, K> {
    /// The cells of the samples `low..low + 2^interval_bits`.
    ///
    /// # Errors
    /// [`Error::Distribution`] if samples of the interval are beyond 65535, `cell_bits` is above
    /// `interval_bits`, or this above 16.
    pub fn new(mixture: &'a Mixture<K>, low: u32, interval_bits: u32, cell_bits: u32) -> Result<Self> {
        if cell_bits > interval_bits || interval_bits > SAMPLE_BITS {
            return Err(Error::distribution(format!(
                "cells of 2^{cell_bits} in an interval of 2^{interval_bits}, expected at most that and 2^16"
            )));
        }
        let high = low.saturating_add(1 << interval_bits);
        if high > SAMPLES {
            return Err(Error::distribution(format!("samples up to {high}, expected at most {SAMPLES}")));
        }
        let below = mixture.start(low);
        let cells = 1 << (interval_bits - cell_bits);
        let inside = mixture.start(high) - below;
        Ok(Self { mixture, low, high, offset: 0, cell_bits, cells, below, inside })
    }

    /// The cells of all samples, moved down by `offset` samples: the first one lacks as many, and
    /// there is one more.
    ///
    /// # Errors
    /// [`Error::Distribution`] if `cell_bits` is above 16, or the offset not below the size of a
    /// cell.
    pub fn shifted(mixture: &'a Mixture<K>, offset: u32, cell_bits: u32) -> Result<Self> {
        let all = Self::new(mixture, 0, SAMPLE_BITS, cell_bits)?;
        if offset >> cell_bits > 0 {
            return Err(Error::distribution(format!("cells of 2^{cell_bits} moved by {offset}")));
        }
        Ok(Self { offset, cells: all.cells + u32::from(offset > 0), ..all })
    }

    /// First sample of cell `cell`, or the end of the interval for the number of cells.
    fn edge(&self, cell: u32) -> u32 {
        (self.low + (cell << self.cell_bits)).saturating_sub(self.offset).clamp(self.low, self.high)
    }

    /// Points that the cells share beyond the one that each of them keeps.
    fn points(&self) -> u64 {
        u64::from((1 << self.mixture.scale_bits()) - self.cells)
    }

    /// Start of cell `cell`, or the number of points for the number of cells.
    fn start(&self, cell: u32) -> u32 {
        let inside = self.mixture.start(self.edge(cell)) - self.below;
        // Every sample has a point of the mixture, so that no interval is without.
        (self.points() * u64::from(inside) / u64::from(self.inside)) as u32 + cell
    }

    /// A cell near `point`.
    fn guess(&self, point: u32) -> u32 {
        let inside = (u64::from(point) * u64::from(self.inside)) >> self.mixture.scale_bits();
        let top = (1 << self.mixture.scale_bits()) - 1;
        let sample = self.mixture.guess((self.below + inside as u32).min(top));
        ((sample + self.offset).saturating_sub(self.low) >> self.cell_bits).min(self.cells - 1)
    }
}

impl<const K: usize> Distribution for Restricted<'_, K> {
    fn scale_bits(&self) -> u32 {
        const { assert!(SAMPLE_BITS < MAX_SCALE_BITS) };
        self.mixture.scale_bits()
    }

    fn interval(&self, symbol: u32) -> Option<Interval> {
        if symbol >= self.cells {
            return None;
        }
        let start = self.start(symbol);
        Some(Interval { start, width: self.start(symbol + 1) - start })
    }

    fn locate(&self, point: u32) -> (u32, Interval) {
        // The cell is in low..high, and so is every guess.
        let (mut low, mut high) = (0, self.cells);
        let mut guess = self.guess(point);
        let mut steps = 0;
        loop {
            let start = self.start(guess);
            let step = 1 << steps;
            let next = if point < start {
                high = guess;
                guess.saturating_sub(step)
            } else {
                let end = self.start(guess + 1);
                if point < end {
                    return (guess, Interval { start, width: end - start });
                }
                low = guess + 1;
                guess.saturating_add(step)
            };
            steps += 1;
            guess = if steps <= WIDENING_STEPS { next.clamp(low, high - 1) } else { low.midpoint(high) };
            steps = steps.min(WIDENING_STEPS + 1);
        }
    }
}
