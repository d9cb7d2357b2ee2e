//! Second stage of the location: residuals of the first, by long filters and by combination.
//!
//! - Two normalised-LMS filters over 256 whitened residuals (64 to the left, 48 in each of the four
//!   rows above), one slow, one fast: they follow pick-up noise, plane waves far below the noise of
//!   one pixel that no short neighbourhood can detect.
//! - Least squares over: the differences of the first stage's predictions from its global one, the
//!   latest residuals around, the filters' outputs, and the parities of row, column and their sum.

use super::inputs::Inputs;
use super::location::{GLOBAL, PREDICTIONS};
use super::rows::Rows;
use crate::maths::{clamp_or_low, dot};
use crate::predict::cholesky::Cholesky;
use crate::predict::moments::Moments;
use crate::predict::neighbourhood::Offset;
use nf_simd::InstructionSet;

/// Taps of a filter: `LEFT` in this row, `ABOVE` in each of `ROWS` rows above.
const TAPS: usize = LEFT + ROWS * ABOVE;
const LEFT: usize = 64;
const ABOVE: usize = 48;
const ROWS: usize = 4;
/// Keeps the step bounded where the residuals are small.
const QUIET: f32 = 20.0;
/// Steps of the filters, as shares of the step that would cancel the error at once.
const STEPS: [f32; 2] = [0.003, 0.012];
/// Whitened residuals are clipped here.
const WHITE_CLIP: f32 = 3.0;

/// Inputs of the combination (two are spare).
const INPUTS: usize = 24;
const RESIDUALS: usize = PREDICTIONS - 1;
const FILTERS: usize = RESIDUALS + 11;
const PARITIES: usize = FILTERS + 2;
/// Residuals around (rows up, columns right).
#[rustfmt::skip]
const AROUND: [Offset; 11] = [
    (0, -1), (1, 0), (1, 1), (1, -1), (0, -2), (2, 0), (1, 2), (1, -2), (0, -3), (2, -1), (2, 1),
];
/// Pixels that the combination remembers.
const MEMORY_PX: f32 = 5000.0;
/// Samples that count for no correction.
const RIDGE: f32 = 10.0;
/// Pixels between two solutions.
const SOLVE_EVERY_PX: usize = 16;

/// Values of [`Refine::outliers`].
pub(super) const OUTLIERS: usize = 27;

/// A pixel's correction and what led to it.
#[derive(Debug)]
pub(super) struct Refined {
    pub(super) prediction: f32,
    inputs: [f32; INPUTS],
    past: [f32; TAPS],
    outputs: [f32; 2],
}

/// The second stage of one tile.
#[derive(Debug)]
pub(super) struct Refine {
    isa: InstructionSet,
    residuals: Rows,
    white: Rows,
    filters: [[f32; TAPS]; 2],
    fresh: Moments<INPUTS>,
    moments: Moments<INPUTS>,
    cholesky: Cholesky,
    weights: [f32; INPUTS],
}

impl Refine {
    pub(super) fn new(isa: InstructionSet, width: usize) -> Self {
        Self {
            isa,
            residuals: Rows::new(width, 2, 3, 0.0, true),
            white: Rows::new(width, ROWS, LEFT, 0.0, false),
            filters: [[0.0; TAPS]; 2],
            fresh: Moments::new(INPUTS),
            moments: Moments::new(INPUTS),
            cholesky: Cholesky::new(INPUTS),
            weights: [0.0; INPUTS],
        }
    }

    /// Begins another tile of the same detector, of another width. Long filters begin anew: what
    /// they follow differs from frame to frame.
    pub(super) fn restart(&mut self, width: usize) {
        let Self { residuals, white, filters, .. } = Self::new(self.isa, width);
        (self.residuals, self.white, self.filters) = (residuals, white, filters);
        self.fresh.clear();
    }

    pub(super) fn begin_row(&mut self) {
        self.residuals.begin();
    }

    pub(super) fn end_row(&mut self) {
        self.residuals.end();
        self.white.end();
    }

    /// Before column `x` is predicted: solves for new weights now and then.
    pub(super) fn begin(&mut self, x: usize) {
        if x.is_multiple_of(SOLVE_EVERY_PX) {
            self.moments.factor(self.isa, &mut self.cholesky, RIDGE, &[0.0; INPUTS]);
            self.cholesky.weights(INPUTS, &mut self.weights);
        }
    }

    /// Whether the nearest residuals are outliers (W, N, the worse of NE and NW), in three levels
    /// each: below [`OUTLIERS`].
    #[inline(always)]
    pub(super) fn outliers(&self, x: usize) -> usize {
        let level = |offset| {
            let z = self.white.at(x, offset).abs();
            usize::from(z >= 1.7) + usize::from(z >= 2.9)
        };
        level((0, -1)) * 9 + level((1, 0)) * 3 + level((1, 1)).max(level((1, -1)))
    }

    /// The final prediction of the pixel in row `y`, column `x`.
    #[inline(always)]
    pub(super) fn predict<const N: usize>(
        &mut self,
        y: usize,
        x: usize,
        from: &Inputs<N>,
        first: &[f32; PREDICTIONS],
    ) -> Refined {
        let mut inputs = [0.0; INPUTS];
        let base = first[GLOBAL];
        for (input, prediction) in inputs.iter_mut().zip(&first[1..]) {
            *input = clamp_or_low(prediction - base, -from.clip, from.clip);
        }
        for (input, offset) in inputs[RESIDUALS..FILTERS].iter_mut().zip(AROUND) {
            *input = clamp_or_low(self.residuals.at(x, offset), -from.clip, from.clip);
        }
        let mut past = [0.0; TAPS];
        let (white, index) = (&self.white.values, self.white.start + x);
        past[..LEFT].copy_from_slice(&white[index - LEFT..index]);
        for (row, taps) in past[LEFT..].chunks_exact_mut(ABOVE).enumerate() {
            let start = index - (row + 1) * self.white.stride - ABOVE / 2;
            taps.copy_from_slice(&white[start..start + ABOVE]);
        }
        let outputs = [dot(&self.filters[0], &past), dot(&self.filters[1], &past)];
        inputs[FILTERS] = outputs[0] * from.scale;
        inputs[FILTERS + 1] = outputs[1] * from.scale;
        let sign = |index: usize| if index & 1 == 1 { 1.0 } else { -1.0 };
        let unit = from.scale * 0.2;
        inputs[PARITIES] = unit * sign(x);
        inputs[PARITIES + 1] = unit * sign(y);
        inputs[PARITIES + 2] = unit * sign(x) * sign(y);
        inputs[PARITIES + 3] = unit;
        let prediction =
            clamp_or_low(base + dot(&self.weights, &inputs), 0.0 - from.offset, 65_535.0 - from.offset);
        Refined { prediction, inputs, past, outputs }
    }

    /// The global prediction of column `x` has this residual.
    #[inline(always)]
    pub(super) fn update<const N: usize>(
        &mut self,
        x: usize,
        from: &Inputs<N>,
        refined: &Refined,
        residual: f32,
        weight_root: f32,
    ) {
        self.fresh.add(&refined.inputs, residual, weight_root);
        if x % SOLVE_EVERY_PX == SOLVE_EVERY_PX - 1 {
            self.moments.blend(self.isa, 1.0 - self.fresh.samples / MEMORY_PX, &self.fresh, 1.0);
            self.fresh.clear();
        }
        let index = self.residuals.start + x;
        self.residuals.values[index] = clamp_or_low(residual, -4.0 * from.scale, 4.0 * from.scale);
        let white = clamp_or_low(residual / from.scale, -WHITE_CLIP, WHITE_CLIP);
        self.white.values[self.white.start + x] = white;
        let power = QUIET + dot(&refined.past, &refined.past);
        for ((filter, step), output) in self.filters.iter_mut().zip(STEPS).zip(refined.outputs) {
            let gain = step * (white - output) / power;
            for (tap, past) in filter.iter_mut().zip(&refined.past) {
                *tap += gain * past;
            }
        }
    }
}
