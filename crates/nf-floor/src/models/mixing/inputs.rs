//! Inputs of the predictors: neighbours, and running means of row, column and surroundings.

use super::reference_planes::{CoLocated, PER_HELPER};
use super::rows::Rows;
use crate::maths::{clamp_or_low, ln, median_of_four};
use crate::predict::neighbourhood::Offset;

/// Inputs of the first stage for a plane alone.
pub(super) const ALONE: usize = 56;
/// Inputs for a plane with reference planes.
pub(super) const WITH_REFERENCES: usize = ALONE + 16;

/// Neighbours (rows up, columns right), nearest first, so that models of fewer inputs are nested.
#[rustfmt::skip]
const NEIGHBOURS: [Offset; 34] = [
    (0, -1), (1, 0), (1, 1), (1, -1), (0, -2), (2, 0), (1, 2), (1, -2), (2, 1), (2, -1), (0, -3), (3, 0),
    (2, 2), (2, -2), (1, 3), (1, -3), (3, 1), (3, -1), (0, -4), (4, 0), (2, 3), (2, -3), (3, 2), (3, -2),
    (1, 4), (1, -4), (0, -5), (0, -6), (4, 1), (4, -1), (1, 5), (1, -5), (5, 0), (3, 3),
];

/// First inputs of the groups.
const MEANS: usize = NEIGHBOURS.len();
const RESIDUAL_MEANS: usize = MEANS + 10;
const EXCESSES: usize = RESIDUAL_MEANS + 4;

/// Inputs are clipped at this many scales from the local reference: cosmic rays must not pull a
/// predictor.
const CLIP_SCALES: f32 = 4.0;

/// What was clipped off the nearest neighbours is an input of its own, up to this many clips.
const EXCESS_CLIPS: f32 = 100.0;

/// Classes of surroundings, from flat to structured.
pub(super) const CLASSES: usize = 3;

/// What is known of a pixel before it is coded.
#[derive(Debug)]
pub(super) struct Inputs<const N: usize> {
    /// Local reference: all inputs are differences from it.
    pub(super) reference: f32,
    /// The pixels to the left and above.
    pub(super) nearest: [f32; 2],
    /// Clipped differences, means, excesses; then those of the reference planes.
    pub(super) values: [f32; N],
    /// The weighted sum of the reference planes, which is not part of `reference`.
    pub(super) offset: f32,
    /// The first guess of the noise's scale.
    pub(super) scale: f32,
    /// Where differences are clipped.
    pub(super) clip: f32,
    /// Logarithm of the spread of the nearest neighbours.
    pub(super) spread_ln: f32,
    /// Class of surroundings by that spread.
    pub(super) class: usize,
}

/// The past of one tile.
#[derive(Debug)]
pub(super) struct History {
    /// Pixels.
    pub(super) pixels: Rows,
    /// Pixels with outliers moved to three scales from their prediction.
    cleaned: Rows,
    /// Distances of [`NEIGHBOURS`] in `pixels`.
    distances: [isize; NEIGHBOURS.len()],
    /// Running means of the row's cleaned pixels: even and odd columns.
    row_mean: [f32; 2],
    /// Running means of columns, with one more at the end.
    pub(super) column_mean: Vec<f32>,
    mean: f32,
    /// Short running mean of the first row.
    first_mean: f32,
    /// Residuals of the row with weight 1 / variance: even columns, odd columns, all (short
    /// memory).
    row_residual: [f32; 3],
    row_weight: [f32; 3],
    column_residual: Vec<f32>,
    /// Running quantiles (40 % and 90 %) of the spread.
    class_bounds: [f32; CLASSES - 1],
}

impl History {
    pub(super) fn new(width: usize, median: f32) -> Self {
        let pixels = Rows::new(width, 5, 6, median, true);
        let distances = NEIGHBOURS.map(|(up, right)| right - (up * pixels.stride) as isize);
        Self {
            pixels,
            cleaned: Rows::new(width, 8, 8, median, true),
            distances,
            row_mean: [median; 2],
            column_mean: vec![median; width + 1],
            mean: median,
            first_mean: median,
            row_residual: [0.0; 3],
            row_weight: [0.0; 3],
            column_residual: vec![0.0; width],
            class_bounds: [0.0, 2.0],
        }
    }

    /// The start of another tile of the same detector.
    pub(super) fn restarted(&self, width: usize, median: f32) -> Self {
        Self { class_bounds: self.class_bounds, ..Self::new(width, median) }
    }

    pub(super) fn begin_row(&mut self) {
        self.pixels.begin();
        self.cleaned.begin();
        self.row_residual = [0.0; 3];
        self.row_weight = [0.0; 3];
    }

    pub(super) fn end_row(&mut self) {
        self.pixels.end();
        self.cleaned.end();
        let width = self.column_residual.len();
        self.column_mean[width] = self.column_mean[width - 1];
    }

    /// Median of the four nearest neighbours.
    #[inline(always)]
    pub(super) fn reference(&self, x: usize) -> f32 {
        let at = |offset| self.pixels.at(x, offset);
        median_of_four(at((0, -1)), at((1, 0)), at((1, 1)), at((1, -1)))
    }

    /// The inputs of column `x`, whose noise is about `scale`.
    #[inline(always)]
    pub(super) fn inputs<const N: usize>(
        &mut self,
        x: usize,
        scale: f32,
        co_located: &CoLocated,
    ) -> Inputs<N> {
        let reference = self.reference(x);
        let clip = CLIP_SCALES * scale;
        let clipped = |value: f32| clamp_or_low(value - reference, -clip, clip);
        let mut values = [0.0f32; N];
        let index = self.pixels.start + x;
        for (value, &offset) in values.iter_mut().zip(&self.distances) {
            *value = clipped(self.pixels.values[index.wrapping_add_signed(offset)]);
        }
        for k in 0..ALONE - EXCESSES {
            let value =
                self.pixels.values[index.wrapping_add_signed(self.distances[k])] - reference - values[k];
            values[EXCESSES + k] = clamp_or_low(value, -EXCESS_CLIPS * clip, EXCESS_CLIPS * clip);
        }
        let (c, i, stride) = (&self.cleaned.values, self.cleaned.start + x, self.cleaned.stride);
        let mut around = [0.0f32; 16];
        for row in 1..=4 {
            let start = i - row * stride - 8;
            for (sum, value) in around.iter_mut().zip(&c[start..start + 16]) {
                *sum += value;
            }
        }
        let around: f32 = around.iter().sum();
        let left: f32 = c[i - 8..i].iter().sum();
        let mut above = 0.0;
        for row in 1..=8 {
            above += c[i - row * stride];
        }
        let parity = x & 1;
        values[MEANS] = clipped(self.row_mean[parity]);
        values[MEANS + 1] = clipped(self.row_mean[1 - parity]);
        values[MEANS + 2] = clipped(self.column_mean[x]);
        values[MEANS + 3] = clipped(self.mean);
        values[MEANS + 4] = scale * 0.2;
        values[MEANS + 5] = clipped(around * (1.0 / 64.0));
        values[MEANS + 6] = clipped(left * (1.0 / 8.0));
        values[MEANS + 7] = clipped(above * (1.0 / 8.0));
        values[MEANS + 8] = clipped(self.column_mean[x.saturating_sub(1)]);
        values[MEANS + 9] = clipped(self.column_mean[x + 1]);
        let weight = 1.0 / (scale * scale);
        let mean = |k: usize, prior: f32| self.row_residual[k] / (self.row_weight[k] + prior * weight);
        values[RESIDUAL_MEANS] = mean(parity, 8.0);
        values[RESIDUAL_MEANS + 1] = mean(1 - parity, 8.0);
        values[RESIDUAL_MEANS + 2] = mean(2, 3.0);
        values[RESIDUAL_MEANS + 3] = self.column_residual[x];
        for (values, helper) in values[ALONE..].chunks_exact_mut(PER_HELPER).zip(&co_located.helpers) {
            for (value, difference) in values.iter_mut().zip(helper) {
                *value = clamp_or_low(*difference, -clip, clip);
            }
            let excess = helper[0] - values[0];
            values[PER_HELPER - 1] = clamp_or_low(excess, -EXCESS_CLIPS * clip, EXCESS_CLIPS * clip);
        }
        let mut spread = 0.5;
        for value in &values[..12] {
            spread += value.abs();
        }
        let spread_ln = ln(spread);
        let class = self.class_bounds.iter().filter(|&&bound| spread_ln >= bound).count();
        for (bound, quantile) in self.class_bounds.iter_mut().zip([0.4, 0.1]) {
            // The first bound keeps 60 % below itself, the second 90 %.
            let step = if spread_ln < *bound { -quantile } else { 1.0 - quantile };
            *bound += 0.01 * step;
        }
        let nearest = [self.pixels.at(x, (0, -1)), self.pixels.at(x, (1, 0))];
        Inputs { reference, nearest, values, offset: co_located.offset, scale, clip, spread_ln, class }
    }

    /// The first row has no rows above it: they are filled, ahead of each pixel, with the level so
    /// far.
    #[inline(always)]
    fn begin_first_row(&mut self, x: usize, cleaned: f32) {
        if x == 0 {
            (self.mean, self.first_mean, self.row_mean) = (cleaned, cleaned, [cleaned; 2]);
        }
        self.first_mean += (cleaned - self.first_mean) * 0.3;
        self.pixels.fill_above(x, self.first_mean);
        self.cleaned.fill_above(x, self.first_mean);
        let end = self.column_mean.len();
        self.column_mean[(x + 1).min(end - 1)..(x + 6).min(end)].fill(self.first_mean);
    }

    /// Column `x` has this value; `first` and `prediction` are the first stage's and the final
    /// prediction.
    #[inline(always)]
    pub(super) fn update<const N: usize>(
        &mut self,
        x: usize,
        inputs: &Inputs<N>,
        value: f32,
        first: f32,
        prediction: f32,
    ) {
        let reach = 3.0 * inputs.scale;
        let cleaned = clamp_or_low(value, prediction - reach, prediction + reach);
        self.pixels.values[self.pixels.start + x] = value;
        self.cleaned.values[self.cleaned.start + x] = cleaned;
        let parity = x & 1;
        if self.pixels.is_first() {
            self.begin_first_row(x, cleaned);
        }
        self.row_mean[parity] += (cleaned - self.row_mean[parity]) * (1.0 / 24.0);
        let step = self.pixels.running_step(1.0 / 24.0);
        self.column_mean[x] += (cleaned - self.column_mean[x]) * step;
        self.mean += (cleaned - self.mean) * (1.0 / 4096.0);
        let residual = clamp_or_low(value - first, -reach, reach);
        let weight = 1.0 / (inputs.scale * inputs.scale);
        for (k, rate) in [(parity, 1.0 / 128.0), (2, 1.0 / 12.0)] {
            self.row_residual[k] += residual * weight - rate * self.row_residual[k];
            self.row_weight[k] += weight - rate * self.row_weight[k];
        }
        self.column_residual[x] += (residual - self.column_residual[x]) * (1.0 / 32.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_of_a_constant_tile_are_zero() {
        let mut history = History::new(20, 77.0);
        for _ in 0..12 {
            history.begin_row();
            for x in 0..20 {
                let inputs = history.inputs::<ALONE>(x, 1.0, &CoLocated::NONE);
                assert_eq!(inputs.reference, 77.0);
                for (k, &value) in inputs.values.iter().enumerate() {
                    assert!(value.abs() < 1e-4 || k == MEANS + 4, "input {k} is {value}");
                }
                history.update(x, &inputs, 77.0, 77.0, 77.0);
            }
            history.end_row();
        }
    }

    #[test]
    fn groups_of_inputs_fill_the_vector() {
        assert_eq!(EXCESSES + 8, ALONE);
        assert!(NEIGHBOURS.iter().all(|&(up, right)| up > 0 || right < 0), "every neighbour is known");
    }
}
