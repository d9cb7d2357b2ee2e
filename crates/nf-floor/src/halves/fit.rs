//! The model of a tile, fitted to some of its pixels.

use super::encode::{Effort, split};
use super::header::{MAX_OFFSET, MAX_WEIGHT, Model, round_weight};
use super::least_squares::Sample;
use super::location::{Centre, EXCESSES, WEIGHT_BITS, Weights, clamp, taps};
use super::scale::{MAX_SCALE_WEIGHT, SCALE_WEIGHT_BITS, ScaleWeights, Scaler, inputs, usual_weights};
use super::window::{ABOVE, Window};
use std::ops::Range;

/// The lines of the tile from which pixels are taken: `count` of them, spread out.
fn sampled_lines(height: usize, count: usize) -> Vec<usize> {
    let count = count.min(height);
    (0..count).map(|k| (2 * k + 1) * height / (2 * count)).collect()
}

/// The pixels taken from the `k`-th sampled half row of `length` pixels.
fn sampled_span(k: usize, length: usize, span: usize) -> Range<usize> {
    let span = span.min(length);
    // Fractions of the golden section spread evenly, however many there are.
    let free = (length - span + 1) as u64;
    let start = (((k as u64).wrapping_mul(0x9E37_79B9) & 0xFFFF_FFFF) * free) >> 32;
    start as usize..start as usize + span
}

/// The rows of a tile, as the fits read them.
pub(super) struct Lines<'a> {
    samples: &'a [u16],
    count: usize,
    width: usize,
    origin: u16,
    halves: [Vec<u16>; 2],
    window: Window,
    centre: Centre,
    locations: Vec<f32>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(samples: &'a [u16], width: usize, origin: u16) -> Self {
        let half = || vec![0; width.div_ceil(2)];
        let window = Window::new(width, origin);
        let n = window.padded();
        Self {
            samples,
            count: samples.len() / width,
            width,
            origin,
            halves: [half(), half()],
            window,
            centre: Centre::new(n),
            locations: vec![0.0; n],
        }
    }

    /// Goes to line `y`, which is read but not yet seen by the window.
    #[inline(always)]
    fn enter(&mut self, y: usize) {
        self.window.advance();
        split(&self.samples[y * self.width..][..self.width], &mut self.halves);
    }

    /// Lets the window see a half of the line entered.
    #[inline(always)]
    fn learn(&mut self, parity: usize) {
        self.window.learn(parity, &self.halves[parity], &self.locations);
    }

    /// Goes to line `y`; the window has seen as many lines above as it holds.
    #[inline(always)]
    fn visit(&mut self, y: usize) {
        if y < ABOVE {
            self.window.reset(self.origin);
        }
        for above in y.saturating_sub(ABOVE)..y {
            self.enter(above);
            self.learn(0);
            self.learn(1);
        }
        self.enter(y);
    }
}

/// The model of a tile without its tables.
#[inline(always)]
pub(super) fn fit(lines: &mut Lines, effort: Effort) -> Model {
    let scatter = scatter(lines);
    let mut model = Model {
        origin: lines.origin,
        usual: lines.origin,
        scatter: Model::scatter_of(scatter),
        ..Model::default()
    };
    let samples = location_samples(lines, model.scatter(), effort);
    for (parity, sample) in samples.iter().enumerate() {
        model.weights[parity] = fit_location(sample, effort.taps[parity], effort.rounds);
    }
    if effort.scale_px == 0 {
        model.scales = [usual_weights(0), usual_weights(1)];
        return model;
    }
    let samples = scale_samples(lines, &model, effort);
    for (parity, sample) in samples.iter().enumerate() {
        model.scales[parity] = fit_scale(sample, model.scatter());
    }
    model
}

/// Lines looked at for the scatter.
const SCATTER_LINES: usize = 12;

/// The usual spread of the pixels around a pixel, DN.
#[inline(always)]
fn scatter(lines: &mut Lines) -> f32 {
    let mut spreads = Vec::new();
    for y in sampled_lines(lines.count, SCATTER_LINES) {
        lines.visit(y);
        lines.centre.look(&lines.window, 0, 1.0);
        spreads.extend_from_slice(&lines.centre.spread[..lines.window.length(0)]);
    }
    let middle = spreads.len() / 2;
    *spreads.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Inputs of the location of some pixels of either half, in units of their clips: taps, excesses, one, and the target.
#[inline(always)]
fn location_samples(lines: &mut Lines, scatter: f32, effort: Effort) -> [Sample; 2] {
    let columns = |parity: usize| effort.taps[parity] + EXCESSES + 2;
    let mut samples = [Sample::new(columns(0)), Sample::new(columns(1))];
    let taps = [taps(0, effort.taps[0]), taps(1, effort.taps[1])];
    let mut units = vec![0.0; effort.span];
    for (k, y) in sampled_lines(lines.count, effort.rows).into_iter().enumerate() {
        lines.visit(y);
        for parity in 0..2 {
            let span = sampled_span(k, lines.window.length(parity), effort.span);
            let n = span.len();
            lines.centre.look(&lines.window, parity, scatter);
            let clips = &lines.centre.clip[span.clone()][..n];
            let middles = &lines.centre.middle[span.clone()][..n];
            let units = &mut units[..n];
            for i in 0..n {
                units[i] = 1.0 / clips[i];
            }
            let columns = &mut samples[parity].columns;
            let at = columns[0].len();
            for column in columns.iter_mut() {
                column.resize(at + n, 0.0);
            }
            for (tap, &(dy, dx)) in taps[parity].iter().enumerate() {
                let values = &lines.window.values(parity, dy, dx)[span.clone()][..n];
                let to = &mut columns[tap][at..at + n];
                for i in 0..n {
                    to[i] = clamp(values[i] - middles[i], clips[i]) * units[i];
                }
                if tap < EXCESSES {
                    let to = &mut columns[taps[parity].len() + tap][at..at + n];
                    for i in 0..n {
                        let deviation = values[i] - middles[i];
                        to[i] = (deviation - clamp(deviation, clips[i])) * units[i];
                    }
                }
            }
            let [.., one, target] = &mut columns[..] else { unreachable!("there are two columns at least") };
            one[at..].copy_from_slice(units);
            let values = &lines.halves[parity][span][..n];
            for ((to, &value), (&middle, &unit)) in
                target[at..].iter_mut().zip(values).zip(middles.iter().zip(units.iter()))
            {
                *to = (f32::from(value) - middle) * unit;
            }
            lines.learn(parity);
        }
    }
    samples
}

/// Residuals below this many clips count as squares, those above as absolute values.
const SQUARE: f32 = 1.0 / 3.0;

/// Factors by which squares of these errors become absolute values.
#[inline(always)]
fn reweight(factors: &mut [f32], errors: &[f32]) {
    for (factor, error) in factors.iter_mut().zip(errors) {
        let error = error.abs();
        *factor = (SQUARE / if error > SQUARE { error } else { SQUARE }).sqrt();
    }
}

#[inline(always)]
fn fit_location(sample: &Sample, taps: usize, rounds: usize) -> Weights {
    let mut factors = vec![1.0; sample.len()];
    let target = sample.columns.last().expect("there is a target");
    reweight(&mut factors, target);
    let columns = sample.columns.len();
    let active: Vec<usize> = (0..columns - 1).collect();
    let mut solved = Vec::new();
    for round in 0..=rounds {
        solved = sample.scaled(&factors).moments().solve(&active, 1e-5);
        if round < rounds {
            reweight(&mut factors, &sample.misses(&solved));
        }
    }
    let integer = |weight: f64, most: i32| {
        ((weight * f64::from(1 << WEIGHT_BITS) + 0.5).floor() as i32).clamp(-most, most)
    };
    let weight = |&weight: &f64| round_weight(integer(weight, MAX_WEIGHT));
    let mut excesses = [0; EXCESSES];
    for (to, solved) in excesses.iter_mut().zip(&solved[taps..]) {
        *to = weight(solved);
    }
    Weights {
        taps: solved[..taps].iter().map(weight).collect(),
        excesses,
        offset: integer(solved[taps + EXCESSES], MAX_OFFSET),
    }
}

/// Inputs of the scale of some pixels of either half, and their absolute errors.
#[inline(always)]
fn scale_samples(lines: &mut Lines, model: &Model, effort: Effort) -> [Sample; 2] {
    let mut samples = [Sample::new(inputs(0) + 1), Sample::new(inputs(1) + 1)];
    let predictors = model.predictors();
    // Rows that are shorter than the span are made up for by their number.
    let rows = effort.scale_px / lines.width.div_ceil(2).min(effort.scale_span);
    for (k, y) in sampled_lines(lines.count, rows).into_iter().enumerate() {
        // Errors are needed of two rows above.
        let from = y.saturating_sub(2);
        lines.visit(from);
        for row in from..=y {
            if row > from {
                lines.enter(row);
            }
            for (parity, predictor) in predictors.iter().enumerate() {
                lines.centre.look(&lines.window, parity, model.scatter());
                predictor.locate(&lines.window, &lines.centre, &mut lines.locations);
                let span = sampled_span(k, lines.window.length(parity), effort.scale_span);
                let columns = &mut samples[parity].columns;
                let at = columns[0].len();
                if row == y {
                    for (input, column) in columns[..inputs(parity)].iter_mut().enumerate() {
                        column.resize(at + span.len(), 0.0);
                        Scaler::only(input, model.usual).expect(
                            &lines.window,
                            parity,
                            &lines.centre,
                            &lines.locations,
                            span.clone(),
                            &mut column[at..],
                        );
                    }
                }
                lines.window.learn(parity, &lines.halves[parity], &lines.locations);
                if row == y {
                    let errors = &lines.window.errors(parity, 0, 0)[span];
                    columns[inputs(parity)].extend_from_slice(errors);
                }
            }
        }
    }
    samples
}

/// Least error that counts in the fit of the scale, DN.
const LEAST_EXPECTED: f32 = 0.25;

/// Rounds of the fit of the scale.
const SCALE_ROUNDS: usize = 2;

/// The weights of the scale of one half.
#[inline(always)]
fn fit_scale(sample: &Sample, scatter: f32) -> ScaleWeights {
    let columns = sample.columns.len();
    let (errors, pixels) = (&sample.columns[columns - 1], sample.len());
    let mut expected: Vec<f32> = vec![scatter * 0.5 + LEAST_EXPECTED; pixels];
    for (expected, &spread) in expected.iter_mut().zip(&sample.columns[6]) {
        *expected += spread * 0.5;
    }
    let mut solved = Vec::new();
    for _ in 0..SCALE_ROUNDS {
        let mut robust = sample.clone();
        for ((error, expected), &actual) in
            robust.columns[columns - 1].iter_mut().zip(&mut expected).zip(errors)
        {
            let most = 8.0 * *expected;
            *error = if actual < most { actual } else { most };
            *expected = 1.0 / *expected;
        }
        solved = robust.scaled(&expected).moments().solve_non_negative();
        let misses = sample.misses(&solved);
        for ((expected, miss), &actual) in expected.iter_mut().zip(misses).zip(errors) {
            let value = miss + actual;
            *expected = if value > LEAST_EXPECTED { value } else { LEAST_EXPECTED };
        }
    }
    let one = f64::from(1 << SCALE_WEIGHT_BITS);
    let weight = |&weight: &f64| (weight * one + 0.5).min(f64::from(MAX_SCALE_WEIGHT)) as u16;
    solved.iter().map(weight).collect()
}
