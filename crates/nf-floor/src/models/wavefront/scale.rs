//! The scale of a pixel's residual: a regression of its logarithm on residuals and differences
//! around.
//!
//! The regression maximises the likelihood of Student's t distribution with 5 degrees of freedom by
//! Fisher scoring.

use super::lanes::{LANES, Lanes, Plane};
use super::location::Centre;
use super::regression::Batch;
use crate::maths::{clamp_or_low, exp, ln};
use crate::predict::cholesky::Cholesky;
use crate::predict::moments::Moments;
use nf_simd::InstructionSet;

/// Inputs (two are spare) and the target.
const N: usize = 16;

/// Pixels that the weights at the start count for.
const RIDGE: f32 = 30.0;
const START: [f32; 3] = [0.25, 0.5, 1.0];

/// Pixels that the regression remembers.
const MEMORY_PX: f32 = 100_000.0;

/// Keeps logarithms finite.
const FLOOR: f32 = 0.15;
const TINY: f32 = 0.1;

/// Absolute residuals above the first row and column.
const FIRST_DEVIATION: f32 = 8.0;

const COLUMN_RATE: f32 = 1.0 / 24.0;

/// What is known of the scale before the location is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity {
    near_ln: Lanes,
    around_ln: Lanes,
    /// A first estimate of the scale.
    pub(super) scale: Lanes,
}

/// The scale model of one tile.
#[derive(Debug)]
pub(super) struct Scale {
    isa: InstructionSet,
    /// Absolute residuals, bounded.
    deviations: Plane,
    /// Their running means down the columns.
    columns: Plane,
    floor: f32,
    logs: Lanes,
    batch: Batch<N>,
    fresh: Moments<N>,
    moments: Moments<N>,
    cholesky: Cholesky,
    start: [f32; N],
    weights: [f32; N],
}

impl Scale {
    /// `floor` is about the darkest level of the tile.
    pub(super) fn new(isa: InstructionSet, width: usize, floor: f32) -> Self {
        let mut start = [0.0; N];
        start[..START.len()].copy_from_slice(&START);
        Self {
            isa,
            deviations: Plane::new(width, FIRST_DEVIATION),
            columns: Plane::new(width, FIRST_DEVIATION),
            floor,
            logs: [0.0; LANES],
            batch: Batch::new(),
            fresh: Moments::new(N - 1),
            moments: Moments::new(N - 1),
            cholesky: Cholesky::new(N - 1),
            start,
            weights: start,
        }
    }

    /// Begins another tile of the same detector, of another width.
    pub(super) fn restart(&mut self, width: usize, floor: f32) {
        self.deviations = Plane::new(width, FIRST_DEVIATION);
        self.columns = Plane::new(width, FIRST_DEVIATION);
        self.floor = floor;
    }

    pub(super) fn begin_row(&mut self, lane: usize) {
        self.deviations.begin_row(lane);
    }

    pub(super) fn end_row(&mut self, t: usize, lane: usize) {
        self.deviations.end_row(t, lane);
    }

    pub(super) fn begin_rows(&mut self) {
        self.deviations.advance();
        self.columns.advance();
    }

    /// New weights.
    pub(super) fn solve(&mut self) {
        self.batch.drain_into(self.isa, &mut self.fresh);
        self.moments.blend(self.isa, 1.0 - self.fresh.samples / MEMORY_PX, &self.fresh, 1.0);
        self.fresh.clear();
        self.moments.factor(self.isa, &mut self.cholesky, RIDGE, &self.start);
        self.cholesky.weights(N - 1, &mut self.weights);
    }

    #[inline(always)]
    pub(super) fn activity(&self, t: usize) -> Activity {
        let at = |up, right| self.deviations.at(t, (up, right));
        let (w, ww, www) = (at(0, -1), at(0, -2), at(0, -3));
        let (n, ne, nw, nn) = (at(1, 0), at(1, 1), at(1, -1), at(2, 0));
        let (nee, nww, nnw, nne, nnn) = (at(1, 2), at(1, -2), at(2, -1), at(2, 1), at(3, 0));
        let mut around = [0.0; LANES];
        for (up, rightmost) in [(0, -1), (1, 2), (2, 5)] {
            for right in -6..=rightmost {
                let deviations = at(up, right);
                for k in 0..LANES {
                    around[k] += deviations[k];
                }
            }
        }
        let zero = [0.0; LANES];
        let mut this = Activity { near_ln: zero, around_ln: zero, scale: zero };
        for k in 0..LANES {
            let close = ((2.0 * w[k] + 2.0 * n[k]) + (ne[k] + nw[k])) + (ww[k] + nn[k]);
            let far = ((nee[k] + nww[k]) + (www[k] + nnw[k])) + (nne[k] + nnn[k]);
            let near = (close + 0.5 * far) * (1.0 / 11.0);
            let around = around[k] * (1.0 / 27.0);
            this.near_ln[k] = ln(near + FLOOR);
            this.around_ln[k] = ln(around + FLOOR);
            this.scale[k] = (0.6 * near + 0.6 * around) + 0.1;
        }
        this
    }

    /// The scales (about the standard deviations) of the pixels of step `t`, and their logarithms.
    #[inline(always)]
    pub(super) fn predict(
        &mut self,
        pixels: &Plane,
        t: usize,
        activity: &Activity,
        centre: &Centre,
        locations: &Lanes,
    ) -> (Lanes, Lanes) {
        let at = |up, right| self.deviations.at(t, (up, right));
        let (w, ww) = (at(0, -1), at(0, -2));
        let (n, ne, nw, nee, nww) = (at(1, 0), at(1, 1), at(1, -1), at(1, 2), at(1, -2));
        let (nn, nnn, column) = (at(2, 0), at(3, 0), self.columns.at(t, (1, 0)));
        let [p_w, p_n, p_ne, p_nw] = [(0, -1), (1, 0), (1, 1), (1, -1)].map(|offset| pixels.at(t, offset));
        let inputs = self.batch.inputs();
        for k in 0..LANES {
            let (scale, around_ln) = (activity.scale[k], activity.around_ln[k]);
            let height = locations[k] - self.floor;
            let height = if height > 0.0 { height } else { 0.0 };
            inputs[0][k] = 1.0;
            inputs[1][k] = activity.near_ln[k] - around_ln;
            inputs[2][k] = around_ln;
            inputs[3][k] = ln((w[k] + 0.5 * ww[k]) + TINY) - around_ln;
            inputs[4][k] = ln((n[k] + 0.25 * (ne[k] + nw[k])) + TINY) - around_ln;
            inputs[5][k] = ln(column[k] + TINY) - around_ln;
            inputs[6][k] = ln((height + 4.0 * scale) + 1.0) - around_ln;
            inputs[7][k] = ln(((locations[k] - centre.median[k]).abs() + 0.2) + 0.25 * scale) - around_ln;
            inputs[8][k] = ln(centre.range[k] + 0.2) - around_ln;
            inputs[9][k] = ln((ne[k] + 0.5 * nee[k]) + TINY) - around_ln;
            inputs[10][k] = ln((nw[k] + 0.5 * nww[k]) + TINY) - around_ln;
            inputs[11][k] = ln((nn[k] + 0.5 * nnn[k]) + TINY) - around_ln;
            let steep = ((p_n[k] - p_nw[k]).abs() + (p_n[k] - p_ne[k]).abs()) + (p_w[k] - p_nw[k]).abs();
            inputs[12][k] = ln(steep + 0.2) - around_ln;
        }
        let mut logs = [0.0; LANES];
        for (input, weight) in inputs[..N - 1].iter().zip(&self.weights) {
            for k in 0..LANES {
                logs[k] += input[k] * weight;
            }
        }
        let mut scales = [0.0; LANES];
        for k in 0..LANES {
            logs[k] = clamp_or_low(logs[k], -2.5, 11.0);
            scales[k] = exp(logs[k]);
        }
        self.logs = logs;
        (scales, logs)
    }

    /// The pixels of step `t` are known; the regression uses them if the step `fits`.
    #[inline(always)]
    pub(super) fn update(
        &mut self,
        t: usize,
        fits: bool,
        active: &[bool; LANES],
        activity: &Activity,
        scales: &Lanes,
        residuals: &Lanes,
    ) {
        let (mut targets, mut weights) = ([0.0; LANES], [0.0; LANES]);
        let (mut bounded, mut column) = ([0.0; LANES], *self.columns.at(t, (1, 0)));
        for k in 0..LANES {
            let deviation = residuals[k].abs();
            let z = deviation / scales[k];
            let square = clamp_or_low(z * z, 0.0, 1e12);
            let score = (6.0 * square / (5.0 + square) - 1.0) * 0.8;
            targets[k] = self.logs[k] + score;
            weights[k] = if active[k] { 1.0 } else { 0.0 };
            bounded[k] = clamp_or_low(deviation, 0.0, 6.0 * activity.scale[k] + 2.0);
            column[k] += (bounded[k] - column[k]) * COLUMN_RATE;
        }
        self.deviations.set(t, active, &bounded);
        self.columns.set(t, active, &column);
        let pixels = active.iter().filter(|&&active| active).count();
        if fits {
            self.batch.push(&targets, &weights, pixels);
            if self.batch.is_full() {
                self.batch.drain_into(self.isa, &mut self.fresh);
            }
        }
    }
}
