//! The level of what lies behind the noise: a mean over many rows above, which dithered tiles have
//! as one more input of the location.
//!
//! The nearest 64 pixels know the level to an eighth of their noise, which costs a hundredth of a
//! bit. Undithered tiles do without: where their lattice stands still, the tables know the level.

use crate::maths::clamp;
use nf_simd::{InstructionSet, kernel};

/// Share of a new row in the mean.
const RATE: f32 = 1.0 / 16.0;

/// Deviations count up to this many least ranges.
const MOST_RANGES: f32 = 4.0;

/// The mean of the rows so far, for the even and the odd columns of the next row.
#[derive(Clone, Debug)]
pub(super) struct Background {
    /// With one value more on either side.
    halves: [Vec<f32>; 2],
    next: Vec<f32>,
    most: f32,
}

impl Background {
    /// Before the first row; half rows are at most `padded` pixels.
    pub(super) fn new(padded: usize, initial: u16, least_range: f32) -> Self {
        let half = || vec![f32::from(initial); padded + 2];
        Self { halves: [half(), half()], next: half(), most: MOST_RANGES * least_range }
    }

    /// The level at the pixels of a half row.
    pub(super) fn level(&self, parity: usize) -> &[f32] {
        &self.halves[parity][1..]
    }

    /// Adds a half of the row that was coded last.
    pub(super) fn add(&mut self, isa: InstructionSet, parity: usize, values: &[f32]) {
        if !values.is_empty() {
            add(isa, &mut self.halves[parity], &mut self.next, values, self.most);
        }
    }
}

kernel! {
    fn add<'a>(half: &'a mut Vec<f32>, next: &'a mut Vec<f32>, values: &'a [f32], most: f32) -> () {
        let n = values.len();
        let (left, middle, right) = (&half[..n], &half[1..n + 1], &half[2..n + 2]);
        let to = &mut next[1..n + 1];
        for i in 0..n {
            // Neighbouring columns share what they know, more so with every row.
            let level = ((left[i] + middle[i]) + right[i]) * (1.0 / 3.0);
            to[i] = level + clamp(values[i] - middle[i], most) * RATE;
        }
        next[0] = next[1];
        next[n + 1] = next[n];
        std::mem::swap(half, next);
    }
}
