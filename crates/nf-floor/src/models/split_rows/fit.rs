//! The model of a tile, fitted to some of its pixels.

use super::background::Background;
use super::effort::Effort;
use super::header::{MAX_OFFSET, MAX_WEIGHT, Model, round_weight};
use super::image::Image;
use super::location::{Centre, EXCESSES, WEIGHT_BITS, Weights, taps};
use super::sample::Sample;
use super::scale::{
    ErrorPredictor, MAX_SCALE_WEIGHT, SCALE_WEIGHT_BITS, ScaleWeights, default_weights, inputs,
};
use super::window::{ABOVE, Window, split};
use crate::maths::clamp;
use crate::predict::neighbourhood::Offset;
use nf_simd::{InstructionSet, kernel};
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
    shifts: &'a [f32],
    count: usize,
    width: usize,
    initial: u16,
    halves: [Vec<u16>; 2],
    /// Shifts of the halves; nothing unless the tile is dithered.
    half_shifts: [Vec<f32>; 2],
    /// Of a dithered tile, and the number of rows in it.
    background: Option<(Background, usize)>,
    window: Window,
    centre: Centre,
    locations: Vec<f32>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(image: Image<'a>) -> Self {
        let Image { samples, shifts, width, initial } = image;
        let half = || vec![0; width.div_ceil(2)];
        let half_shifts = || vec![0.0; if shifts.is_empty() { 0 } else { width.div_ceil(2) }];
        let window = Window::new(width, initial);
        let n = window.padded();
        Self {
            samples,
            shifts,
            count: samples.len() / width,
            width,
            initial,
            halves: [half(), half()],
            half_shifts: [half_shifts(), half_shifts()],
            background: None,
            window,
            centre: Centre::new(n),
            locations: vec![0.0; n],
        }
    }

    /// Goes to line `y`, which is read but not yet in the window.
    fn enter(&mut self, y: usize) {
        self.window.advance();
        split(&self.samples[y * self.width..][..self.width], &mut self.halves);
        if !self.shifts.is_empty() {
            split(&self.shifts[y * self.width..][..self.width], &mut self.half_shifts);
        }
    }

    /// Adds a half of the line entered to the window.
    fn add(&mut self, isa: InstructionSet, parity: usize) {
        let length = self.window.length(parity);
        let (values, shifts) = (&self.halves[parity][..length], &self.half_shifts[parity]);
        self.window.set(isa, parity, values, shifts, &self.locations);
    }

    /// Brings the background of a dithered tile to line `y`.
    fn reach(&mut self, isa: InstructionSet, y: usize, least_range: f32) {
        if self.shifts.is_empty() {
            return;
        }
        let new = || (Background::new(self.window.padded(), self.initial, least_range), 0);
        let (mut background, mut rows) =
            self.background.take().filter(|(_, rows)| *rows <= y).unwrap_or_else(new);
        let half = || vec![0.0; self.width.div_ceil(2)];
        let (mut values, mut halves) = (vec![0.0; self.width], [half(), half()]);
        while rows < y {
            let line = rows * self.width..(rows + 1) * self.width;
            add_shifts(isa, &self.samples[line.clone()], &self.shifts[line], &mut values);
            split(&values, &mut halves);
            for (parity, values) in halves.iter().enumerate() {
                background.add(isa, parity, &values[..self.window.length(parity)]);
            }
            rows += 1;
        }
        self.background = Some((background, rows));
    }

    /// Goes to line `y`; the window holds the lines above it.
    fn visit(&mut self, isa: InstructionSet, y: usize) {
        if y < ABOVE {
            self.window.reset(self.initial);
        }
        for above in y.saturating_sub(ABOVE)..y {
            self.enter(above);
            self.add(isa, 0);
            self.add(isa, 1);
        }
        self.enter(y);
    }
}

/// The model of a tile without its tables.
pub(super) fn fit(isa: InstructionSet, lines: &mut Lines, effort: Effort) -> Model {
    let range = usual_range(isa, lines);
    let mut model = Model {
        initial: lines.initial,
        background: lines.initial,
        least_range: Model::range_units(range),
        ..Model::default()
    };
    let samples = location_samples(isa, lines, model.least_range(), effort);
    for (parity, sample) in samples.iter().enumerate() {
        model.weights[parity] = fit_location(isa, sample, effort.taps[parity], effort.rounds);
    }
    if effort.scale_px == 0 {
        model.scales = [default_weights(0), default_weights(1)];
        return model;
    }
    let samples = scale_samples(isa, lines, &model, effort);
    for (parity, sample) in samples.iter().enumerate() {
        model.scales[parity] = fit_scale(isa, sample, model.least_range());
    }
    model
}

/// Lines that are measured for the usual range.
const RANGE_LINES: usize = 12;

/// The median of the trimmed range of neighbours, DN.
fn usual_range(isa: InstructionSet, lines: &mut Lines) -> f32 {
    let mut ranges = Vec::new();
    for y in sampled_lines(lines.count, RANGE_LINES) {
        lines.visit(isa, y);
        lines.centre.measure(isa, &lines.window, 0, 1.0);
        ranges.extend_from_slice(&lines.centre.range[..lines.window.length(0)]);
    }
    let middle = ranges.len() / 2;
    *ranges.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Inputs of the location of some pixels of either half, in units of their clips: taps, excesses,
/// one, and the target.
fn location_samples(isa: InstructionSet, lines: &mut Lines, least_range: f32, effort: Effort) -> [Sample; 2] {
    let levels = usize::from(!lines.shifts.is_empty());
    let mut samples = effort.taps.map(|taps| Sample::new(taps + EXCESSES + levels + 2));
    let taps = [taps(0, effort.taps[0]), taps(1, effort.taps[1])];
    for (k, y) in sampled_lines(lines.count, effort.rows).into_iter().enumerate() {
        lines.visit(isa, y);
        lines.reach(isa, y, least_range);
        for parity in 0..2 {
            let span = sampled_span(k, lines.window.length(parity), effort.span);
            lines.centre.measure(isa, &lines.window, parity, least_range);
            add_samples(isa, lines, parity, &taps[parity], span, &mut samples[parity]);
            lines.add(isa, parity);
        }
    }
    samples
}

/// Residuals below this many clips count as squares, those above as absolute values.
const SQUARE: f32 = 1.0 / 3.0;

/// Factors by which squares of these errors become absolute values.
fn reweight(factors: &mut [f32], errors: &[f32]) {
    for (factor, error) in factors.iter_mut().zip(errors) {
        let error = error.abs();
        *factor = (SQUARE / if error > SQUARE { error } else { SQUARE }).sqrt();
    }
}

fn fit_location(isa: InstructionSet, sample: &Sample, taps: usize, rounds: usize) -> Weights {
    let mut factors = vec![1.0; sample.len()];
    let target = sample.columns.last().expect("there is a target");
    reweight(&mut factors, target);
    let columns = sample.columns.len();
    let active: Vec<usize> = (0..columns - 1).collect();
    let mut solved = Vec::new();
    for round in 0..=rounds {
        solved = sample.scaled(&factors).moments(isa).solve(&active, 1e-5);
        if round < rounds {
            reweight(&mut factors, &sample.residuals(&solved));
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
        offset: integer(solved[columns - 2], MAX_OFFSET),
        level: if columns > taps + EXCESSES + 2 { weight(&solved[taps + EXCESSES]) } else { 0 },
    }
}

/// Inputs of the scale of some pixels of either half, and their absolute errors.
fn scale_samples(isa: InstructionSet, lines: &mut Lines, model: &Model, effort: Effort) -> [Sample; 2] {
    let mut samples = [Sample::new(inputs(0) + 1), Sample::new(inputs(1) + 1)];
    let predictors = model.predictors();
    // The shorter the rows, the more of them.
    let rows = effort.scale_px / lines.width.div_ceil(2).min(effort.scale_span);
    for (k, y) in sampled_lines(lines.count, rows).into_iter().enumerate() {
        // The inputs need the errors of two rows above.
        let from = y.saturating_sub(2);
        lines.visit(isa, from);
        for row in from..=y {
            if row > from {
                lines.enter(row);
            }
            lines.reach(isa, row, model.least_range());
            for (parity, predictor) in predictors.iter().enumerate() {
                lines.centre.measure(isa, &lines.window, parity, model.least_range());
                let background = lines.background.as_ref().map(|(background, _)| background);
                predictor.locate(isa, &lines.window, &lines.centre, background, &mut lines.locations);
                let span = sampled_span(k, lines.window.length(parity), effort.scale_span);
                let columns = &mut samples[parity].columns;
                let at = columns[0].len();
                if row == y {
                    for (input, column) in columns[..inputs(parity)].iter_mut().enumerate() {
                        column.resize(at + span.len(), 0.0);
                        ErrorPredictor::only(input, model.background).predict(
                            isa,
                            &lines.window,
                            parity,
                            &lines.centre,
                            &lines.locations,
                            span.clone(),
                            &mut column[at..],
                        );
                    }
                }
                lines.add(isa, parity);
                if row == y {
                    let errors = &lines.window.errors(parity, (0, 0))[span];
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
fn fit_scale(isa: InstructionSet, sample: &Sample, least_range: f32) -> ScaleWeights {
    let columns = sample.columns.len();
    let (errors, pixels) = (&sample.columns[columns - 1], sample.len());
    let mut expected: Vec<f32> = vec![least_range * 0.5 + LEAST_EXPECTED; pixels];
    for (expected, &range) in expected.iter_mut().zip(&sample.columns[6]) {
        *expected += range * 0.5;
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
        solved = robust.scaled(&expected).moments(isa).solve_non_negative();
        let residuals = sample.residuals(&solved);
        for ((expected, residual), &actual) in expected.iter_mut().zip(residuals).zip(errors) {
            let value = residual + actual;
            *expected = if value > LEAST_EXPECTED { value } else { LEAST_EXPECTED };
        }
    }
    let one = f64::from(1 << SCALE_WEIGHT_BITS);
    let weight = |&weight: &f64| (weight * one + 0.5).min(f64::from(MAX_SCALE_WEIGHT)) as u16;
    solved.iter().map(weight).collect()
}

kernel! {
    /// The values of dithered samples.
    fn add_shifts<'a>(samples: &'a [u16], shifts: &'a [f32], values: &'a mut [f32]) -> () {
        for ((value, &sample), &shift) in values.iter_mut().zip(samples).zip(shifts) {
            *value = f32::from(sample) + shift;
        }
    }

    /// Adds the pixels `span` of a half of the line entered.
    fn add_samples<'a, 'b>(
        lines: &'a Lines<'b>,
        parity: usize,
        taps: &'a [Offset],
        span: Range<usize>,
        sample: &'a mut Sample,
    ) -> () {
        let n = span.len();
        let clips = &lines.centre.clip[span.clone()][..n];
        let medians = &lines.centre.median[span.clone()][..n];
        let columns = &mut sample.columns;
        let at = columns[0].len();
        for column in columns.iter_mut() {
            column.resize(at + n, 0.0);
        }
        let [inputs @ .., one, target] = &mut columns[..] else { unreachable!("there are two columns") };
        let units = &mut one[at..at + n];
        for i in 0..n {
            units[i] = 1.0 / clips[i];
        }
        for (tap, &offset) in taps.iter().enumerate() {
            let values = &lines.window.values(parity, offset)[span.clone()][..n];
            let to = &mut inputs[tap][at..at + n];
            for i in 0..n {
                to[i] = clamp(values[i] - medians[i], clips[i]) * units[i];
            }
            if tap < EXCESSES {
                let to = &mut inputs[taps.len() + tap][at..at + n];
                for i in 0..n {
                    let deviation = values[i] - medians[i];
                    to[i] = (deviation - clamp(deviation, clips[i])) * units[i];
                }
            }
        }
        if let Some((background, _)) = &lines.background {
            let level = &background.level(parity)[span.clone()][..n];
            let to = &mut inputs[taps.len() + EXCESSES][at..at + n];
            for i in 0..n {
                to[i] = clamp(level[i] - medians[i], clips[i]) * units[i];
            }
        }
        let values = &lines.halves[parity][span.clone()][..n];
        let to = &mut target[at..at + n];
        for i in 0..n {
            to[i] = (f32::from(values[i]) - medians[i]) * units[i];
        }
        if !lines.shifts.is_empty() {
            let shifts = &lines.half_shifts[parity][span][..n];
            for i in 0..n {
                to[i] += shifts[i] * units[i];
            }
        }
    }
}
