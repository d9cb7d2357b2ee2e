//! How far a pixel may be from where it is expected.

use super::arithmetic::{bound, dot, exp, ln};
use super::given::Glimpse;
use super::inputs::{Inputs, running_step};
use super::location::{CLASS, GLOBAL, LOCAL, LOCAL_SMALL, SMALL};
use super::noise_law::NoiseLaw;
use super::rows::Rows;
use super::squares::{Factor, Moments};
use std::f32::consts::LN_2;

/// Mean absolute deviations by quarter octaves of a feature: sums and counts.
#[derive(Clone)]
struct Table(Vec<[f32; 2]>);

/// Between which two entries.
#[derive(Clone, Copy)]
struct Place(usize, f32);

fn place(quarter_octaves: f32) -> Place {
    let position = bound(quarter_octaves, 0.0, 64.0 - 1.01);
    let entry = position as usize;
    Place(entry, position - entry as f32)
}

impl Table {
    fn mean(&self, Place(entry, share): Place, prior: f32) -> f32 {
        let at = |entry: usize| (self.0[entry][0] + prior * 8.0) / (self.0[entry][1] + 8.0);
        at(entry) * (1.0 - share) + at(entry + 1) * share
    }

    fn sigma(&self, place: Place, prior: f32) -> f32 {
        let sigma = self.mean(place, prior + 0.1) * 1.2533;
        if sigma > 0.05 { sigma } else { 0.05 }
    }

    fn learn(&mut self, Place(entry, share): Place, deviation: f32) {
        for (entry, share) in [(entry, 1.0 - share), (entry + 1, share)] {
            self.0[entry][0] += share * deviation;
            self.0[entry][1] += share;
            if self.0[entry][1] > 8000.0 {
                self.0[entry] = self.0[entry].map(|number| number * 0.5);
            }
        }
    }
}

pub(super) struct Activity {
    near: f32,
    around: f32,
    near_ln: f32,
    around_ln: f32,
    near_place: Place,
    around_place: Place,
    pub(super) scale: f32,
}

pub(super) struct Scales {
    pub(super) regression: f32,
    pub(super) near: f32,
    pub(super) around: f32,
    pub(super) level: f32,
    pub(super) first: [f32; 8],
    pub(super) contrast: f32,
    pub(super) noise: f32,
    signal: f32,
    regression_ln: f32,
    level_place: Place,
    inputs: Vec<f32>,
}

/// Predictions that are experts of their own.
pub(super) fn followed(first: &[f32; 5], from: &Inputs) -> [f32; 8] {
    let [a, b, c] = [from.reference, from.west, from.north];
    [first[GLOBAL], first[LOCAL], first[LOCAL_SMALL], first[CLASS], first[SMALL], a, b, c]
}

pub(super) struct Scale {
    deviations: Rows,
    near: Table,
    around: Table,
    level: Table,
    first: Vec<Table>,
    law: NoiseLaw,
    floor: f32,
    row_mean: f32,
    column_mean: Vec<f32>,
    fresh: Moments,
    moments: Moments,
    weights: Vec<f32>,
}

/// Weights of the regression at the start.
fn start() -> Vec<f32> {
    let mut start = vec![0.0; 16];
    start[..3].copy_from_slice(&[0.2, 0.5, 1.0]);
    start
}

impl Scale {
    pub(super) fn new(width: usize, floor: f32) -> Self {
        let table = Table(vec![[0.0; 2]; 64]);
        Self {
            deviations: Rows::new(width, 8.0, true),
            near: table.clone(),
            around: table.clone(),
            level: table.clone(),
            first: vec![table; 8],
            law: NoiseLaw::default(),
            floor,
            row_mean: 0.0,
            column_mean: vec![8.0; width],
            fresh: Moments::new(16),
            moments: Moments::new(16),
            weights: start(),
        }
    }

    pub(super) fn begin_row(&mut self) {
        self.deviations.begin_row();
    }

    pub(super) fn activity(&self, x: usize) -> Activity {
        let d = |up: i64, right: i64| self.deviations.at(up, x as i64 + right);
        let close = 2.0 * d(0, -1) + 2.0 * d(1, 0) + d(1, 1) + d(1, -1) + d(0, -2) + d(2, 0);
        let far = d(1, 2) + d(1, -2) + d(0, -3) + d(2, -1) + d(2, 1) + d(3, 0);
        let near = (close + 0.5 * far) / 11.0;
        let mut around = 0.0;
        for right in -6..=6 {
            around += d(1, right) + d(2, right);
        }
        for right in -6..0 {
            around += d(0, right);
        }
        let around = around / 32.0;
        let (near_ln, around_ln) = (ln(near + 0.15), ln(around + 0.15));
        let near_place = place(near_ln * (4.0 / LN_2) + 12.0);
        let around_place = place(around_ln * (4.0 / LN_2) + 12.0);
        let scale = self.first[0].mean(near_place, near + 0.1) * 1.2533 + 0.05;
        Activity { near, around, near_ln, around_ln, near_place, around_place, scale }
    }

    pub(super) fn scales(
        &mut self,
        x: usize,
        activity: &Activity,
        from: &Inputs,
        first: &[f32; 5],
        prediction: f32,
        glimpse: Option<&Glimpse>,
    ) -> Scales {
        if x.is_multiple_of(32) {
            Factor::new(&self.moments, 30.0, &start()).weights(16, &mut self.weights);
        }
        let d = |up: i64, right: i64| self.deviations.at(up, x as i64 + right);
        let disagreement = (first[CLASS] - first[GLOBAL]).abs()
            + (first[LOCAL] - first[GLOBAL]).abs()
            + (first[LOCAL_SMALL] - first[LOCAL]).abs();
        let expected = prediction + from.offset;
        let above_floor = expected - self.floor;
        let above_floor = if above_floor > 0.0 { above_floor } else { 0.0 };
        let a = activity.around_ln;
        let mut inputs = vec![
            1.0,
            activity.near_ln - a,
            a,
            ln(d(0, -1) + d(0, -2) * 0.5 + 0.1) - a,
            ln(d(1, 0) + 0.25 * (d(1, -1) + d(1, 1)) + 0.1) - a,
            ln(self.row_mean + 0.1) - a,
            ln(self.column_mean[x] + 0.1) - a,
            from.spread_ln - a,
            ln(above_floor + 4.0 * activity.scale + 1.0) - a,
            ln(disagreement + 0.2) - a,
            ln(d(1, 1) + d(1, 2) * 0.5 + 0.1) - a,
            ln(d(1, -1) + d(1, -2) * 0.5 + 0.1) - a,
            ln(d(2, 0) + d(3, 0) * 0.5 + 0.1) - a,
            ln((from.west - from.reference).abs() + (from.north - from.reference).abs() + 0.2) - a,
        ];
        match glimpse {
            Some(glimpse) => {
                let height = |helper: &[f32; 7]| ln(helper[0].abs() + 0.2 + 0.25 * activity.scale) - a;
                inputs.extend(glimpse.helpers.iter().map(height));
            }
            None => inputs.extend([0.0, 0.0]),
        }
        let regression_ln = bound(dot(&self.weights, &inputs), -2.5, 12.0);
        let level_place = place(ln(if expected > 1.0 { expected } else { 1.0 }) * (4.0 / LN_2));
        let regression = exp(regression_ln);
        Scales {
            noise: self.law.deviation(above_floor, regression),
            signal: above_floor,
            regression,
            near: self.near.sigma(activity.near_place, activity.near),
            around: self.around.sigma(activity.around_place, activity.around),
            level: self.level.sigma(level_place, activity.around),
            first: [0, 1, 2, 3, 4, 5, 6, 7].map(|k| self.first[k].sigma(activity.near_place, activity.near)),
            contrast: regression_ln - a,
            regression_ln,
            level_place,
            inputs,
        }
    }

    pub(super) fn learn(
        &mut self,
        x: usize,
        activity: &Activity,
        scales: &Scales,
        followed: &[f32; 8],
        prediction: f32,
        value: f32,
    ) {
        let deviation = (value - prediction).abs();
        let reach = 4.0 / 1.2533;
        self.near.learn(activity.near_place, bound(deviation, 0.0, reach * scales.near));
        self.around.learn(activity.around_place, bound(deviation, 0.0, reach * scales.around));
        self.level.learn(scales.level_place, bound(deviation, 0.0, reach * scales.level));
        for (table, prediction) in self.first.iter_mut().zip(followed) {
            table.learn(activity.near_place, (value - prediction).abs());
        }
        let z = deviation / scales.regression;
        let square = bound(z * z, 0.0, 1e12);
        self.law.learn(scales.signal, scales.regression, square);
        let score = (6.0 * square / (5.0 + square) - 1.0) * 0.8;
        self.fresh.add(&scales.inputs, scales.regression_ln + score);
        if x % 32 == 31 {
            self.moments.blend(1.0 - self.fresh.samples / 50_000.0, &self.fresh, 1.0);
            self.fresh = Moments::new(16);
        }
        let bounded = bound(deviation, 0.0, 6.0 * activity.scale + 2.0);
        self.deviations.push(bounded);
        self.row_mean += (bounded - self.row_mean) * (1.0 / 32.0);
        let step = running_step(self.deviations.row());
        self.column_mean[x] += (bounded - self.column_mean[x]) * step;
    }
}
