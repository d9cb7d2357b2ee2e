//! The scale of the residuals.
//!
//! Tables map one feature each (activity near, activity around, level) to the mean absolute
//! residual of a prediction; a regression of the logarithm of the scale on 14 such features
//! combines them. The regression maximises the likelihood of Student's t distribution with 5
//! degrees of freedom by Fisher scoring: weighted least squares of ln s + (n + 3) / (2 n) ((n + 1)
//! z^2 / (n + z^2) - 1), z = residual / s, n = 5, which outliers cannot pull.

use super::inputs::{ALONE, Inputs};
use super::location::{CLASS, GLOBAL, LOCAL, LOCAL_SMALL, PREDICTIONS, SMALL};
use super::noise_model::NoiseModel;
use super::reference_planes::CoLocated;
use super::rows::Rows;
use crate::maths::{clamp_or_low, dot, exp, ln};
use crate::predict::cholesky::Cholesky;
use crate::predict::moments::Moments;
use nf_simd::InstructionSet;
use std::f32::consts::LN_2;

/// Inputs of the regression; the last two belong to reference planes.
const INPUTS: usize = 16;
/// Pixels that the regression remembers.
const MEMORY_PX: f32 = 50_000.0;
/// Samples that the weights at the start count for.
const RIDGE: f32 = 30.0;
/// Samples that the prior counts for in an entry of a table.
const PRIOR: f32 = 8.0;
/// Pixels between two solutions.
const SOLVE_EVERY_PX: usize = 32;
/// Standard deviation over mean absolute deviation of the normal distribution.
const SIGMA_PER_MEAN: f32 = 1.2533;
/// Entries of a table, a quarter of an octave apart.
const ENTRIES: usize = 64;
/// Keeps logarithms finite.
const FLOOR: f32 = 0.15;

/// Mean absolute residual as a function of one feature, interpolated.
#[derive(Clone, Debug)]
struct Table([[f32; 2]; ENTRIES]);

/// A position between two entries of a table.
#[derive(Clone, Copy, Debug)]
struct Position {
    entry: usize,
    share: f32,
}

impl Position {
    #[inline(always)]
    fn of(quarter_octaves: f32) -> Self {
        let position = clamp_or_low(quarter_octaves, 0.0, ENTRIES as f32 - 1.01);
        let entry = position as usize;
        Self { entry, share: position - entry as f32 }
    }
}

impl Table {
    /// The mean at `position`; `prior` counts for [`PRIOR`] samples.
    #[inline(always)]
    fn mean(&self, position: Position, prior: f32) -> f32 {
        let at = |entry: usize| (self.0[entry][0] + prior * PRIOR) / (self.0[entry][1] + PRIOR);
        at(position.entry) * (1.0 - position.share) + at(position.entry + 1) * position.share
    }

    #[inline(always)]
    fn update(&mut self, position: Position, deviation: f32) {
        for (entry, share) in [(position.entry, 1.0 - position.share), (position.entry + 1, position.share)] {
            let [sum, count] = &mut self.0[entry];
            *sum += share * deviation;
            *count += share;
            if *count > 8000.0 {
                *sum *= 0.5;
                *count *= 0.5;
            }
        }
    }
}

/// What is known of the scale before the location is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity {
    near: f32,
    around: f32,
    near_ln: f32,
    around_ln: f32,
    near_position: Position,
    around_position: Position,
    /// A first estimate of the scale, which the first stage uses.
    pub(super) scale: f32,
}

/// Standard deviations for the experts.
#[derive(Debug)]
pub(super) struct Scales {
    /// By the regression.
    pub(super) regression: f32,
    /// By the activity near, by that around, and by the level.
    pub(super) near: f32,
    pub(super) around: f32,
    pub(super) level: f32,
    /// Of the [`simple_predictions`], by the activity near.
    pub(super) simple: [f32; SIMPLE],
    /// ln of the regression's scale over the activity around.
    pub(super) contrast: f32,
    /// By the noise model of the detector.
    pub(super) noise: f32,
    signal: f32,
    regression_ln: f32,
    level_position: Position,
    inputs: [f32; INPUTS],
}

/// Number of simple predictions that are the means of experts.
pub(super) const SIMPLE: usize = 8;

/// These predictions: the first stage's, the local reference, and the pixels to the left and above.
#[inline(always)]
pub(super) fn simple_predictions<const N: usize>(
    first: &[f32; PREDICTIONS],
    from: &Inputs<N>,
) -> [f32; SIMPLE] {
    [
        first[GLOBAL],
        first[LOCAL],
        first[LOCAL_SMALL],
        first[CLASS],
        first[SMALL],
        from.reference,
        from.nearest[0],
        from.nearest[1],
    ]
}

/// The scale model of one tile.
#[derive(Debug)]
pub(super) struct Scale {
    isa: InstructionSet,
    /// Absolute residuals, bounded.
    deviations: Rows,
    near: Table,
    around: Table,
    level: Table,
    simple: [Table; SIMPLE],
    floor: f32,
    row_mean: f32,
    noise: NoiseModel,
    column_mean: Vec<f32>,
    fresh: Moments<INPUTS>,
    moments: Moments<INPUTS>,
    cholesky: Cholesky,
    start: [f32; INPUTS],
    weights: [f32; INPUTS],
}

impl Scale {
    /// `floor` is about the darkest level of the tile.
    pub(super) fn new(isa: InstructionSet, width: usize, floor: f32) -> Self {
        let mut start = [0.0; INPUTS];
        start[..3].copy_from_slice(&[0.2, 0.5, 1.0]);
        let table = Table([[0.0; 2]; ENTRIES]);
        Self {
            isa,
            deviations: Rows::new(width, 3, 7, 8.0, true),
            near: table.clone(),
            around: table.clone(),
            level: table.clone(),
            simple: std::array::from_fn(|_| table.clone()),
            floor,
            row_mean: 0.0,
            noise: NoiseModel::default(),
            column_mean: vec![8.0; width],
            fresh: Moments::new(INPUTS),
            moments: Moments::new(INPUTS),
            cholesky: Cholesky::new(INPUTS),
            start,
            weights: start,
        }
    }

    /// Begins another tile of the same detector, of another width.
    pub(super) fn restart(&mut self, width: usize, floor: f32) {
        let level = self.row_mean;
        self.deviations = Rows::new(width, 3, 7, level, true);
        self.column_mean = vec![level; width];
        self.floor = floor;
        self.fresh.clear();
    }

    pub(super) fn begin_row(&mut self) {
        self.deviations.begin();
    }

    pub(super) fn end_row(&mut self) {
        self.deviations.end();
    }

    /// Before column `x` is predicted: solves for new weights now and then.
    pub(super) fn begin(&mut self, x: usize) {
        if x.is_multiple_of(SOLVE_EVERY_PX) {
            self.moments.factor(self.isa, &mut self.cholesky, RIDGE, &self.start);
            self.cholesky.weights(INPUTS, &mut self.weights);
        }
    }

    #[inline(always)]
    pub(super) fn activity(&self, x: usize) -> Activity {
        let (d, i, stride) = (&self.deviations.values, self.deviations.start + x, self.deviations.stride);
        let (n, nn) = (i - stride, i - 2 * stride);
        let close = 2.0 * d[i - 1] + 2.0 * d[n] + d[n + 1] + d[n - 1] + d[i - 2] + d[nn];
        let far = d[n + 2] + d[n - 2] + d[i - 3] + d[nn - 1] + d[nn + 1] + d[nn - stride];
        let near = (close + 0.5 * far) / 11.0;
        let mut around = 0.0;
        for (a, b) in d[n - 6..n + 7].iter().zip(&d[nn - 6..nn + 7]) {
            around += a + b;
        }
        for a in &d[i - 6..i] {
            around += a;
        }
        let around = around / 32.0;
        let (near_ln, around_ln) = (ln(near + FLOOR), ln(around + FLOOR));
        let near_position = Position::of(near_ln * (4.0 / LN_2) + 12.0);
        let around_position = Position::of(around_ln * (4.0 / LN_2) + 12.0);
        let scale = self.simple[0].mean(near_position, near + 0.1) * SIGMA_PER_MEAN + 0.05;
        Activity { near, around, near_ln, around_ln, near_position, around_position, scale }
    }

    #[inline(always)]
    pub(super) fn scales<const N: usize>(
        &self,
        x: usize,
        activity: &Activity,
        from: &Inputs<N>,
        first: &[f32; PREDICTIONS],
        prediction: f32,
        co_located: &CoLocated,
    ) -> Scales {
        /// Keeps logarithms of single residuals finite.
        const TINY: f32 = 0.1;
        let (d, i, stride) = (&self.deviations.values, self.deviations.start + x, self.deviations.stride);
        let (n, nn) = (i - stride, i - 2 * stride);
        let disagreement = (first[CLASS] - first[GLOBAL]).abs()
            + (first[LOCAL] - first[GLOBAL]).abs()
            + (first[LOCAL_SMALL] - first[LOCAL]).abs();
        let expected = prediction + co_located.offset;
        let above_floor = expected - self.floor;
        let above_floor = if above_floor > 0.0 { above_floor } else { 0.0 };
        let arguments: [f32; INPUTS] = [
            1.0,
            1.0,
            1.0,
            d[i - 1] + d[i - 2] * 0.5 + TINY,
            d[n] + 0.25 * (d[n - 1] + d[n + 1]) + TINY,
            self.row_mean + TINY,
            self.column_mean[x] + TINY,
            1.0,
            above_floor + 4.0 * activity.scale + 1.0,
            disagreement + 0.2,
            d[n + 1] + d[n + 2] * 0.5 + TINY,
            d[n - 1] + d[n - 2] * 0.5 + TINY,
            d[nn] + d[nn - stride] * 0.5 + TINY,
            (from.nearest[0] - from.reference).abs() + (from.nearest[1] - from.reference).abs() + 0.2,
            1.0,
            1.0,
        ];
        let mut inputs = arguments;
        for input in &mut inputs {
            *input = ln(*input) - activity.around_ln;
        }
        inputs[0] = 1.0;
        inputs[1] = activity.near_ln - activity.around_ln;
        inputs[2] = activity.around_ln;
        inputs[7] = from.spread_ln - activity.around_ln;
        for (k, helper) in co_located.helpers.iter().enumerate() {
            let height = ln(helper[0].abs() + 0.2 + 0.25 * activity.scale) - activity.around_ln;
            inputs[INPUTS - 2 + k] = if N > ALONE { height } else { 0.0 };
        }
        let regression_ln = clamp_or_low(dot(&self.weights, &inputs), -2.5, 12.0);
        let level = if expected > 1.0 { expected } else { 1.0 };
        let level_position = Position::of(ln(level) * (4.0 / LN_2));
        let sigma = |table: &Table, position, prior: f32| {
            let sigma = table.mean(position, prior + 0.1) * SIGMA_PER_MEAN;
            if sigma > 0.05 { sigma } else { 0.05 }
        };
        let regression = exp(regression_ln);
        let mut simple = [0.0; SIMPLE];
        for (scale, table) in simple.iter_mut().zip(&self.simple) {
            *scale = sigma(table, activity.near_position, activity.near);
        }
        Scales {
            noise: self.noise.deviation(above_floor, regression),
            signal: above_floor,
            regression,
            near: sigma(&self.near, activity.near_position, activity.near),
            around: sigma(&self.around, activity.around_position, activity.around),
            level: sigma(&self.level, level_position, activity.around),
            simple,
            contrast: regression_ln - activity.around_ln,
            regression_ln,
            level_position,
            inputs,
        }
    }

    /// Column `x` has this value.
    #[inline(always)]
    pub(super) fn update(
        &mut self,
        x: usize,
        activity: &Activity,
        scales: &Scales,
        simple: &[f32; SIMPLE],
        prediction: f32,
        value: f32,
    ) {
        let deviation = (value - prediction).abs();
        // A table learns a mean; four sigmas (of a mean deviation) bound what one outlier may add.
        let reach = 4.0 / SIGMA_PER_MEAN;
        self.near.update(activity.near_position, clamp_or_low(deviation, 0.0, reach * scales.near));
        self.around.update(activity.around_position, clamp_or_low(deviation, 0.0, reach * scales.around));
        self.level.update(scales.level_position, clamp_or_low(deviation, 0.0, reach * scales.level));
        for (table, prediction) in self.simple.iter_mut().zip(simple) {
            table.update(activity.near_position, (value - prediction).abs());
        }
        let square = {
            let z = deviation / scales.regression;
            clamp_or_low(z * z, 0.0, 1e12)
        };
        self.noise.update(scales.signal, scales.regression, square);
        let score = (6.0 * square / (5.0 + square) - 1.0) * 0.8;
        self.fresh.add(&scales.inputs, scales.regression_ln + score, 1.0);
        if x % SOLVE_EVERY_PX == SOLVE_EVERY_PX - 1 {
            self.moments.blend(self.isa, 1.0 - self.fresh.samples / MEMORY_PX, &self.fresh, 1.0);
            self.fresh.clear();
        }
        let bounded = clamp_or_low(deviation, 0.0, 6.0 * activity.scale + 2.0);
        self.deviations.values[self.deviations.start + x] = bounded;
        self.row_mean += (bounded - self.row_mean) * (1.0 / 32.0);
        let step = self.deviations.running_step(1.0 / 24.0);
        self.column_mean[x] += (bounded - self.column_mean[x]) * step;
    }
}
