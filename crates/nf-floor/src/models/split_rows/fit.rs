//! The model of a tile, fitted to some of its pixels.

use super::effort::Effort;
use super::header::{MAX_OFFSET, MAX_WEIGHT, Model, round_weight};
use super::image::Image;
use super::location::{Centre, EXCESSES, WEIGHT_BITS, Weights, taps};
use super::patches::{ABOVE_FOR_ERRORS, HalfRow, Lines, Patch};
use super::sample::{BLOCK_PX, Part, Sample};
use super::scale::{MAX_SCALE_WEIGHT, SCALE_WEIGHT_BITS, ScaleWeights, default_weights, inputs, set_inputs};
use super::window::Window;
use crate::maths::{clamp, log2};
use crate::predict::neighbourhood::Offset;
use nf_simd::{InstructionSet, kernel};
use std::cell::Cell;
use std::ops::Range;

thread_local! {
    /// Memory of samples, kept from fit to fit: fresh pages cost time.
    static MEMORY: Cell<[Vec<f32>; 2]> = Cell::default();
}

/// The model of a tile without its tables, and how many bits per pixel its taps surely save beyond
/// those of an effort with fewer of them, if there is one.
pub(super) fn fit(
    isa: InstructionSet,
    image: Image,
    effort: Effort,
    smaller: Option<Effort>,
) -> (Model, f64) {
    let mut lines = Lines::new(image);
    let range = usual_range(isa, &lines);
    let mut model = Model {
        initial: image.initial,
        background: image.initial,
        least_range: Model::range_units(range),
        ..Model::default()
    };
    let patches = lines.patches(effort.patches, effort.rows, effort.span);
    let scale_patches = lines.patches(effort.scale_patches, effort.rows, effort.span);
    lines.keep_levels(isa, &[&patches[..], &scale_patches].concat(), model.least_range());
    let taps = [taps(0, effort.taps[0]), taps(1, effort.taps[1])];
    let samples = location_samples(isa, &lines, &patches, model.least_range(), &taps);
    let mut saved = 0.0;
    for (parity, sample) in samples.iter().enumerate() {
        let fewer = smaller.map(|smaller| smaller.taps[parity]);
        let (weights, saved_bits) = fit_location(isa, sample, &taps[parity], effort, fewer);
        model.weights[parity] = weights;
        let more = (effort.taps[parity] - fewer.unwrap_or(effort.taps[parity])) as f64;
        let noise_bits = NOISE_BITS * more / sample.len().max(1) as f64;
        let header_bits = TAP_BITS * more / image.samples.len() as f64;
        saved += 0.5 * (saved_bits - noise_bits) - header_bits;
    }
    MEMORY.set(samples.map(Sample::into_memory));
    if effort.scale_patches == 0 {
        model.scales = [default_weights(0), default_weights(1)];
        return (model, saved);
    }
    let samples = scale_samples(isa, &lines, &scale_patches, &model);
    for (parity, sample) in samples.iter().enumerate() {
        model.scales[parity] = fit_scale(isa, sample, model.least_range());
    }
    MEMORY.set(samples.map(Sample::into_memory));
    (model, saved)
}

/// Patches that are measured for the usual range, and their extent.
const RANGE_PATCHES: usize = 16;
const RANGE_ROWS: usize = 1;
const RANGE_SPAN: usize = 256;

/// The median of the trimmed range of neighbours, DN.
fn usual_range(isa: InstructionSet, lines: &Lines) -> f32 {
    let mut ranges = Vec::new();
    let patches = lines.patches(RANGE_PATCHES, RANGE_ROWS, RANGE_SPAN);
    lines.visit(isa, &patches, 0, |half_row| {
        if half_row.parity == 0 {
            half_row.centre.measure(isa, half_row.window, 0, 1.0);
            ranges.extend_from_slice(&half_row.centre.range[half_row.span]);
        }
    });
    let middle = ranges.len() / 2;
    *ranges.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Inputs of the location of the pixels of patches, in units of their clips: taps, excesses, the
/// level of the background if there is one, one, and the target.
fn location_samples(
    isa: InstructionSet,
    lines: &Lines,
    patches: &[Patch],
    least_range: f32,
    taps: &[Vec<Offset>; 2],
) -> [Sample; 2] {
    let levels = usize::from(lines.image().is_dithered());
    let [even, odd] = MEMORY.take();
    let columns = |parity: usize| taps[parity].len() + EXCESSES + levels + 2;
    let mut samples = [Sample::new(columns(0), even), Sample::new(columns(1), odd)];
    lines.visit(isa, patches, 0, |mut half_row| {
        let parity = half_row.parity;
        half_row.centre.measure(isa, half_row.window, parity, least_range);
        let mut span = half_row.span.clone();
        while !span.is_empty() {
            let (part, pixels) = samples[parity].extend(span.len());
            let here = span.start..span.start + pixels;
            span.start += pixels;
            add_samples(isa, &mut half_row, &taps[parity], here, part);
        }
    });
    samples
}

/// Residuals below this many clips count as squares, those above as absolute values.
const SQUARE: f32 = 1.0 / 3.0;

/// Every weight is drawn to zero by this share of its moment.
const RIDGE: f64 = 1e-5;

/// A tap one pixel away is drawn to zero as by so many pixels that it does not predict, farther
/// ones by more: what a fit takes for far taps is mostly noise.
const PRIOR_PX: f64 = 150.0;

/// What a weight seems to save on the pixels to which it is fitted, because it fits their noise,
/// and what it costs on all others, together half as much again (bits): log2(e) and some more.
const NOISE_BITS: f64 = 2.2;

/// Bits of a weight in the header.
const TAP_BITS: f64 = 14.0;

/// The weights of the location of one half, and the bits per pixel that they save beyond those of
/// `fewer` taps.
fn fit_location(
    isa: InstructionSet,
    sample: &Sample,
    taps: &[Offset],
    effort: Effort,
    fewer: Option<usize>,
) -> (Weights, f64) {
    let mut factors = vec![1.0; sample.len()];
    let columns = sample.columns();
    reweight(isa, &mut factors, &sample.input(columns - 1));
    let active: Vec<usize> = (0..columns - 1).collect();
    let share = |&(up, right): &Offset| {
        PRIOR_PX * ((up * up) as f64 + (right * right) as f64).sqrt() / sample.len().max(1) as f64
    };
    let shares: Vec<f64> = taps.iter().map(share).collect();
    let taps = taps.len();
    let (mut solved, mut saved) = (Vec::new(), 0.0);
    for round in 0..=effort.rounds {
        let stride = if round < effort.rounds { effort.early_stride } else { 1 };
        let moments = sample.moments(isa, &factors, None, stride);
        solved = moments.solve(&active, RIDGE, &shares);
        if round < effort.rounds {
            reweight(isa, &mut factors, &sample.residuals(isa, &solved));
        } else if let Some(fewer) = fewer {
            let nearest: Vec<usize> = (0..fewer).chain(taps..columns - 1).collect();
            let left = moments.left(&nearest, &moments.solve(&nearest, RIDGE, &shares));
            // Squares of scales: half the logarithm is that of the scales.
            saved = 0.5 * log2((left / moments.left(&active, &solved)).max(1.0));
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
    let weights = Weights {
        taps: solved[..taps].iter().map(weight).collect(),
        excesses,
        offset: integer(solved[columns - 2], MAX_OFFSET),
        level: if columns > taps + EXCESSES + 2 { weight(&solved[taps + EXCESSES]) } else { 0 },
    };
    (weights, saved)
}

/// Inputs of the scale of the pixels of patches, and their absolute errors.
fn scale_samples(isa: InstructionSet, lines: &Lines, patches: &[Patch], model: &Model) -> [Sample; 2] {
    let [even, odd] = MEMORY.take();
    let mut samples = [Sample::new(inputs(0) + 1, even), Sample::new(inputs(1) + 1, odd)];
    let predictors = model.predictors();
    lines.visit(isa, patches, ABOVE_FOR_ERRORS, |half_row| {
        let HalfRow { row, parity, mut span, window, centre, values, shifts, level, locations } = half_row;
        centre.measure(isa, window, parity, model.least_range());
        predictors[parity].locate(isa, window, centre, level, locations);
        while row >= 0 && !span.is_empty() {
            let (part, pixels) = samples[parity].extend(span.len());
            let here = span.start..span.start + pixels;
            span.start += pixels;
            add_scale_samples(
                isa,
                window,
                parity,
                centre,
                locations,
                model.background,
                values,
                shifts,
                here,
                part,
            );
        }
    });
    samples
}

/// Least error that counts in the fit of the scale, DN.
const LEAST_EXPECTED: f32 = 0.25;

/// Rounds of the fit of the scale.
const SCALE_ROUNDS: usize = 2;

/// The weights of the scale of one half.
fn fit_scale(isa: InstructionSet, sample: &Sample, least_range: f32) -> ScaleWeights {
    let errors = sample.input(sample.columns() - 1);
    let mut expected: Vec<f32> = vec![least_range * 0.5 + LEAST_EXPECTED; sample.len()];
    for (expected, &range) in expected.iter_mut().zip(&sample.input(6)) {
        *expected += range * 0.5;
    }
    let mut robust = errors.clone();
    let mut solved = Vec::new();
    for _ in 0..SCALE_ROUNDS {
        for ((robust, expected), &actual) in robust.iter_mut().zip(&mut expected).zip(&errors) {
            let most = 8.0 * *expected;
            *robust = if actual < most { actual } else { most };
            *expected = 1.0 / *expected;
        }
        solved = sample.moments(isa, &expected, Some(&robust), 1).solve_non_negative();
        let residuals = sample.residuals(isa, &solved);
        for ((expected, residual), &actual) in expected.iter_mut().zip(residuals).zip(&errors) {
            let value = residual + actual;
            *expected = if value > LEAST_EXPECTED { value } else { LEAST_EXPECTED };
        }
    }
    let one = f64::from(1 << SCALE_WEIGHT_BITS);
    let weight = |&weight: &f64| (weight * one + 0.5).min(f64::from(MAX_SCALE_WEIGHT)) as u16;
    solved.iter().map(weight).collect()
}

kernel! {
    /// Factors by which squares of these errors become absolute values.
    fn reweight<'a>(factors: &'a mut [f32], errors: &'a [f32]) -> () {
        for (factor, error) in factors.iter_mut().zip(errors) {
            let error = error.abs();
            *factor = (SQUARE / if error > SQUARE { error } else { SQUARE }).sqrt();
        }
    }

    /// Sets the inputs of the location of the pixels `span` of a half row.
    fn add_samples<'a, 'b, 'c>(
        half_row: &'a mut HalfRow<'b>,
        taps: &'a [Offset],
        span: Range<usize>,
        part: Part<'c>,
    ) -> () {
        let mut part = part;
        let n = span.len();
        let parity = half_row.parity;
        let clips = &half_row.centre.clip[span.clone()][..n];
        let medians = &half_row.centre.median[span.clone()][..n];
        let levels = usize::from(!half_row.level.is_empty());
        let one = taps.len() + EXCESSES + levels;
        let units = &mut [0.0; BLOCK_PX][..n];
        for i in 0..n {
            units[i] = 1.0 / clips[i];
        }
        part.input(one).copy_from_slice(units);
        for (tap, &offset) in taps.iter().enumerate() {
            let values = &half_row.window.values(parity, offset)[span.clone()][..n];
            let to = &mut part.input(tap)[..n];
            for i in 0..n {
                to[i] = clamp(values[i] - medians[i], clips[i]) * units[i];
            }
            if tap < EXCESSES {
                let to = &mut part.input(taps.len() + tap)[..n];
                for i in 0..n {
                    let deviation = values[i] - medians[i];
                    to[i] = (deviation - clamp(deviation, clips[i])) * units[i];
                }
            }
        }
        if levels > 0 {
            let level = &half_row.level[span.clone()][..n];
            let to = &mut part.input(taps.len() + EXCESSES)[..n];
            for i in 0..n {
                to[i] = clamp(level[i] - medians[i], clips[i]) * units[i];
            }
        }
        let values = &half_row.values[span.clone()][..n];
        let to = &mut part.input(one + 1)[..n];
        for i in 0..n {
            to[i] = (f32::from(values[i]) - medians[i]) * units[i];
        }
        if !half_row.shifts.is_empty() {
            let shifts = &half_row.shifts[span][..n];
            for i in 0..n {
                to[i] += shifts[i] * units[i];
            }
        }
    }

    /// Sets the inputs of the scale of the pixels `span` of a half row, and their absolute errors.
    #[allow(clippy::too_many_arguments, reason = "one half row and its surroundings")]
    fn add_scale_samples<'a, 'b>(
        window: &'a Window,
        parity: usize,
        centre: &'a Centre,
        locations: &'a [f32],
        background: u16,
        values: &'a [u16],
        shifts: &'a [f32],
        span: Range<usize>,
        part: Part<'b>,
    ) -> () {
        let mut part = part;
        set_inputs(window, parity, centre, locations, background, span.clone(), &mut part);
        let n = span.len();
        let values = &values[span.clone()][..n];
        let locations = &locations[span.clone()][..n];
        let errors = &mut part.input(inputs(parity))[..n];
        if shifts.is_empty() {
            for i in 0..n {
                errors[i] = (f32::from(values[i]) - locations[i]).abs();
            }
        } else {
            let shifts = &shifts[span][..n];
            for i in 0..n {
                errors[i] = (f32::from(values[i]) + shifts[i] - locations[i]).abs();
            }
        }
    }
}
