//! What is known of a pixel from those before it.

use super::arithmetic::{bound, ln, middle};
use super::given::Glimpse;
use super::rows::Rows;

/// Neighbours (rows up, columns right).
const NEIGHBOURS: [(i64, i64); 34] = [
    (0, -1),
    (1, 0),
    (1, 1),
    (1, -1),
    (0, -2),
    (2, 0),
    (1, 2),
    (1, -2),
    (2, 1),
    (2, -1),
    (0, -3),
    (3, 0),
    (2, 2),
    (2, -2),
    (1, 3),
    (1, -3),
    (3, 1),
    (3, -1),
    (0, -4),
    (4, 0),
    (2, 3),
    (2, -3),
    (3, 2),
    (3, -2),
    (1, 4),
    (1, -4),
    (0, -5),
    (0, -6),
    (4, 1),
    (4, -1),
    (1, 5),
    (1, -5),
    (5, 0),
    (3, 3),
];

pub(super) struct Inputs {
    pub(super) reference: f32,
    pub(super) west: f32,
    pub(super) north: f32,
    pub(super) values: Vec<f32>,
    pub(super) offset: f32,
    pub(super) scale: f32,
    pub(super) clip: f32,
    pub(super) spread_ln: f32,
    pub(super) class: usize,
}

/// Step of a column's running mean in a row: the mean of all rows so far, later that of the last
/// ones.
pub(super) fn running_step(row: usize) -> f32 {
    (1.0 / (row as f32 + 2.0)).max(1.0 / 24.0)
}

pub(super) struct History {
    pub(super) pixels: Rows,
    cleaned: Rows,
    row_mean: [f32; 2],
    pub(super) column_mean: Vec<f32>,
    mean: f32,
    first_mean: f32,
    row_residual: [f32; 3],
    row_weight: [f32; 3],
    column_residual: Vec<f32>,
    class_bounds: [f32; 2],
}

impl History {
    pub(super) fn new(width: usize, median: f32) -> Self {
        Self {
            pixels: Rows::new(width, median, true),
            cleaned: Rows::new(width, median, true),
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

    pub(super) fn begin_row(&mut self) {
        self.pixels.begin_row();
        self.cleaned.begin_row();
        self.row_residual = [0.0; 3];
        self.row_weight = [0.0; 3];
    }

    pub(super) fn end_row(&mut self) {
        let width = self.column_residual.len();
        self.column_mean[width] = self.column_mean[width - 1];
    }

    pub(super) fn inputs(&mut self, x: usize, scale: f32, glimpse: Option<&Glimpse>) -> Inputs {
        let column = x as i64;
        let pixel = |up: i64, right: i64| self.pixels.at(up, column + right);
        let cleaned = |up: i64, right: i64| self.cleaned.at(up, column + right);
        let reference = middle(pixel(0, -1), pixel(1, 0), pixel(1, 1), pixel(1, -1));
        let clip = 4.0 * scale;
        let clipped = |value: f32| bound(value - reference, -clip, clip);
        let excess = |value: f32| bound(value, -100.0 * clip, 100.0 * clip);
        let mut values: Vec<f32> = NEIGHBOURS.iter().map(|&(up, right)| clipped(pixel(up, right))).collect();

        let mut columns = [0.0_f32; 16];
        for up in 1..=4 {
            for (k, sum) in columns.iter_mut().enumerate() {
                *sum += cleaned(up, k as i64 - 8);
            }
        }
        let around: f32 = columns.iter().fold(0.0, |sum, value| sum + value);
        let left: f32 = (-8..0).fold(0.0, |sum, right| sum + cleaned(0, right));
        let above: f32 = (1..=8).fold(0.0, |sum, up| sum + cleaned(up, 0));
        let parity = x % 2;
        values.push(clipped(self.row_mean[parity]));
        values.push(clipped(self.row_mean[1 - parity]));
        values.push(clipped(self.column_mean[x]));
        values.push(clipped(self.mean));
        values.push(scale * 0.2);
        values.push(clipped(around / 64.0));
        values.push(clipped(left / 8.0));
        values.push(clipped(above / 8.0));
        values.push(clipped(self.column_mean[x.saturating_sub(1)]));
        values.push(clipped(self.column_mean[x + 1]));
        let weight = 1.0 / (scale * scale);
        for (k, prior) in [(parity, 8.0), (1 - parity, 8.0), (2, 3.0)] {
            values.push(self.row_residual[k] / (self.row_weight[k] + prior * weight));
        }
        values.push(self.column_residual[x]);
        for k in 0..8 {
            let (up, right) = NEIGHBOURS[k];
            values.push(excess(pixel(up, right) - reference - values[k]));
        }
        for helper in glimpse.map_or(&[][..], |glimpse| &glimpse.helpers[..]) {
            let itself = bound(helper[0], -clip, clip);
            values.extend(helper.iter().map(|&difference| bound(difference, -clip, clip)));
            values.push(excess(helper[0] - itself));
        }

        let spread = values[..12].iter().fold(0.5, |sum, value| sum + value.abs());
        let spread_ln = ln(spread);
        let class = self.class_bounds.iter().filter(|&&bound| spread_ln >= bound).count();
        for (bound, quantile) in self.class_bounds.iter_mut().zip([0.4, 0.1]) {
            *bound += 0.01 * if spread_ln < *bound { -quantile } else { 1.0 - quantile };
        }
        let (west, north) = (pixel(0, -1), pixel(1, 0));
        let offset = glimpse.map_or(0.0, |glimpse| glimpse.offset);
        Inputs { reference, west, north, values, offset, scale, clip, spread_ln, class }
    }

    pub(super) fn learn(&mut self, x: usize, inputs: &Inputs, value: f32, first: f32, prediction: f32) {
        let reach = 3.0 * inputs.scale;
        let cleaned = bound(value, prediction - reach, prediction + reach);
        self.pixels.push(value);
        self.cleaned.push(cleaned);
        let parity = x % 2;
        if self.pixels.row() == 0 {
            if x == 0 {
                self.mean = cleaned;
                self.first_mean = cleaned;
                self.row_mean = [cleaned; 2];
            }
            self.first_mean += (cleaned - self.first_mean) * 0.3;
            self.pixels.fill_above(x, self.first_mean);
            self.cleaned.fill_above(x, self.first_mean);
            for column in x + 1..(x + 6).min(self.column_mean.len()) {
                self.column_mean[column] = self.first_mean;
            }
        }
        let step = running_step(self.pixels.row());
        self.row_mean[parity] += (cleaned - self.row_mean[parity]) * (1.0 / 24.0);
        self.column_mean[x] += (cleaned - self.column_mean[x]) * step;
        self.mean += (cleaned - self.mean) * (1.0 / 4096.0);
        let residual = bound(value - first, -reach, reach);
        let weight = 1.0 / (inputs.scale * inputs.scale);
        for (k, rate) in [(parity, 1.0 / 128.0), (2, 1.0 / 12.0)] {
            self.row_residual[k] += residual * weight - rate * self.row_residual[k];
            self.row_weight[k] += weight - rate * self.row_weight[k];
        }
        self.column_residual[x] += (residual - self.column_residual[x]) * (1.0 / 32.0);
    }
}
