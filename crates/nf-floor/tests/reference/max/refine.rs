//! Where a pixel is expected, second stage: what the first left.

use super::arithmetic::{bound, dot};
use super::inputs::Inputs;
use super::rows::Rows;
use super::squares::{Factor, Moments};

/// Residuals around (rows up, columns right).
const AROUND: [(i64, i64); 11] =
    [(0, -1), (1, 0), (1, 1), (1, -1), (0, -2), (2, 0), (1, 2), (1, -2), (0, -3), (2, -1), (2, 1)];

pub(super) struct Refined {
    pub(super) prediction: f32,
    inputs: Vec<f32>,
    past: Vec<f32>,
    outputs: [f32; 2],
}

pub(super) struct Refine {
    residuals: Rows,
    white: Rows,
    filters: [Vec<f32>; 2],
    fresh: Moments,
    moments: Moments,
    weights: Vec<f32>,
}

impl Refine {
    pub(super) fn new(width: usize) -> Self {
        Self {
            residuals: Rows::new(width, 0.0, true),
            white: Rows::new(width, 0.0, false),
            filters: [vec![0.0; 256], vec![0.0; 256]],
            fresh: Moments::new(24),
            moments: Moments::new(24),
            weights: vec![0.0; 24],
        }
    }

    pub(super) fn begin_row(&mut self) {
        self.residuals.begin_row();
        self.white.begin_row();
    }

    pub(super) fn predict(&mut self, y: usize, x: usize, from: &Inputs, first: &[f32; 5]) -> Refined {
        if x.is_multiple_of(16) {
            Factor::new(&self.moments, 10.0, &[0.0; 24]).weights(24, &mut self.weights);
        }
        let column = x as i64;
        let clipped = |value: f32| bound(value, -from.clip, from.clip);
        let mut inputs: Vec<f32> =
            first[1..].iter().map(|prediction| clipped(prediction - first[0])).collect();
        inputs.extend(AROUND.iter().map(|&(up, right)| clipped(self.residuals.at(up, column + right))));
        let mut past: Vec<f32> = (-64..0).map(|right| self.white.at(0, column + right)).collect();
        for up in 1..=4 {
            past.extend((-24..24).map(|right| self.white.at(up, column + right)));
        }
        let outputs = [dot(&self.filters[0], &past), dot(&self.filters[1], &past)];
        inputs.extend(outputs.map(|output| output * from.scale));
        let sign = |index: usize| if index % 2 == 1 { 1.0 } else { -1.0 };
        let unit = from.scale * 0.2;
        inputs.extend([unit * sign(x), unit * sign(y), unit * sign(x) * sign(y), unit]);
        inputs.resize(24, 0.0);
        let prediction = first[0] + dot(&self.weights, &inputs);
        let prediction = bound(prediction, 0.0 - from.offset, 65_535.0 - from.offset);
        Refined { prediction, inputs, past, outputs }
    }

    /// How far the nearest pixels missed: W, N, the worse of NE and NW, three levels each.
    pub(super) fn outliers(&self, x: usize) -> usize {
        let level = |up: i64, right: i64| {
            let z = self.white.at(up, x as i64 + right).abs();
            usize::from(z >= 1.7) + usize::from(z >= 2.9)
        };
        level(0, -1) * 9 + level(1, 0) * 3 + level(1, 1).max(level(1, -1))
    }

    pub(super) fn learn(
        &mut self,
        x: usize,
        from: &Inputs,
        refined: &Refined,
        residual: f32,
        weight_root: f32,
    ) {
        let weighted: Vec<f32> = refined.inputs.iter().map(|input| input * weight_root).collect();
        self.fresh.add(&weighted, residual * weight_root);
        if x % 16 == 15 {
            self.moments.blend(1.0 - self.fresh.samples / 5000.0, &self.fresh, 1.0);
            self.fresh = Moments::new(24);
        }
        self.residuals.push(bound(residual, -4.0 * from.scale, 4.0 * from.scale));
        let white = bound(residual / from.scale, -3.0, 3.0);
        self.white.push(white);
        let power = 20.0 + dot(&refined.past, &refined.past);
        for ((filter, step), output) in self.filters.iter_mut().zip([0.003, 0.012]).zip(refined.outputs) {
            let gain = step * (white - output) / power;
            for (tap, past) in filter.iter_mut().zip(&refined.past) {
                *tap += gain * past;
            }
        }
    }
}
