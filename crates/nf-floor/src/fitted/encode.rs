//! From a tile's pixels to its payload: five passes over the tile, each fitting a part of the model.

use super::coder::{self, Interval};
use super::fit::{Effort, Samples, fit};
use super::groups::{Census, EQUAL, cell};
use super::laws::{Laws, interval, symbol_of};
use super::location::{LOCATION_BITS, Weights, at, inputs, locate};
use super::model::{Model, class};
use super::plane::{MARGIN, Plane};
use super::scale::{Noise, SCALE_INPUTS, ScaleWeights};
use super::scale_fit::ScaleFit;
use super::surroundings::{Limits, Surroundings};
use nf_entropy::bits::BitWriter;

/// Shares of pixels below which a class of activity ends, by number of classes.
const QUANTILES: [&[f64]; 4] = [&[], &[0.75], &[0.5, 0.8, 0.95], &[0.3, 0.55, 0.75, 0.9, 0.97]];

/// How long the encoder searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// A small model from a small sample of the pixels.
    Quick,
    /// As large a model as the tile can pay for.
    Thorough,
}

/// The size of the model, and the pixels it is fitted to.
struct Plan {
    /// Index in [`QUANTILES`].
    classes: usize,
    /// Pixels of the window, nearest first.
    pixels: usize,
    rounds: usize,
    /// Pixels per class taken for the fit of the location.
    fit_pixels: usize,
}

impl Plan {
    fn new(samples: usize, search: Search) -> Self {
        let classes = match samples {
            0..8_000 => 0,
            8_000..60_000 => 1,
            60_000..300_000 => 2,
            _ => 3,
        };
        let pixels = match samples {
            0..4_000 => 12,
            4_000..20_000 => 24,
            20_000..200_000 => 48,
            _ => 72,
        };
        match search {
            Search::Quick => {
                Self { classes: classes.min(1), pixels: pixels.min(28), rounds: 1, fit_pixels: 1 << 13 }
            }
            Search::Thorough => Self { classes, pixels, rounds: 3, fit_pixels: 1 << 14 },
        }
    }
}

/// One in so many pixels is taken for the fit of the scale.
const SCALE_STRIDE: usize = 7;

/// The payload of a tile of rows of `width` pixels; there is at least one.
#[inline(always)]
pub(crate) fn encode(samples: &[u16], width: usize, search: Search) -> Vec<u8> {
    let height = samples.len() / width;
    let origin = median(samples.iter().step_by(samples.len() / 4096 + 1).copied());
    let plane = Plane::of_samples(samples, width, origin);
    let plan = Plan::new(samples.len(), search);
    let pixels = plan.pixels;
    let limits = look(&plane, height, width, QUANTILES[plan.classes]);
    let weights =
        fit_location(&plane, height, width, &limits, plan.fit_pixels, Effort { pixels, rounds: plan.rounds });
    let unit = u32::from(limits.scatter).max(1).ilog2().saturating_sub(8);
    let scale = ScaleWeights { inputs: [0; SCALE_INPUTS], usual: origin, unit };
    let (locations, scale) = locate_all(&plane, height, width, &limits, &weights, &scale);
    let cells = cells(&plane, height, width, &limits, &scale, &locations);
    let seen = cells
        .iter()
        .zip(&locations)
        .zip(samples)
        .map(|((&cell, &location), &sample)| (cell, location, sample));
    let (groups, _) = Census::new(seen).fit();
    let model = Model { origin, limits, pixels, weights, scale, groups };
    write(&model, samples, &locations, &cells)
}

fn median(values: impl Iterator<Item = u16>) -> u16 {
    let mut values: Vec<u16> = values.collect();
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}

/// The usual scatter, and classes that hold these shares of the pixels.
#[inline(always)]
fn look(plane: &Plane, height: usize, width: usize, quantiles: &[f64]) -> Limits {
    let mut surroundings = Surroundings::new(width, &Limits::default());
    let (mut scatters, mut activities) = (Vec::new(), Vec::new());
    let step = (height * width / (1 << 18) + 1).min(8);
    for y in (0..height).step_by(step) {
        let (above, row) = plane.rows(y);
        surroundings.enter(y, &above);
        for x in (y % 3..width).step_by(3) {
            let around = surroundings.at(x, &above, row, 0);
            scatters.push(around.clip as u16);
            activities.push(around.activity);
        }
    }
    if scatters.is_empty() {
        return Limits { scatter: 1, classes: Vec::new() };
    }
    let scatter = (u32::from(median(scatters.into_iter())) * 64 / 77).clamp(1, 32767) as u16;
    activities.sort_unstable();
    let mut classes: Vec<u32> =
        quantiles.iter().map(|&q| activities[(q * activities.len() as f64) as usize] + 1).collect();
    classes.dedup();
    Limits { scatter, classes }
}

/// The weights of the location, for every class.
#[inline(always)]
fn fit_location(
    plane: &Plane,
    height: usize,
    width: usize,
    limits: &Limits,
    fit_pixels: usize,
    effort: Effort,
) -> Vec<Weights> {
    let count = limits.classes.len() + 1;
    let mut surroundings = Surroundings::new(width, limits);
    let per_class = |i: usize| -> f64 {
        let shares = QUANTILES.iter().find(|q| q.len() + 1 == count);
        shares.map_or(1.0 / count as f64, |shares| {
            let from = if i == 0 { 0.0 } else { shares[i - 1] };
            shares.get(i).copied().unwrap_or(1.0) - from
        })
    };
    let total = (height * width) as f64;
    // Chances in 2^16 of a pixel to be taken.
    let chances: Vec<u64> = (0..count)
        .map(|i| (fit_pixels as f64 / (per_class(i) * total) * 65536.0).clamp(1.0, 65536.0) as u64)
        .collect();
    let mut samples = vec![Samples::default(); count];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for y in 0..height {
        let (above, row) = plane.rows(y);
        surroundings.enter(y, &above);
        for x in 0..width {
            let around = surroundings.at(x, &above, row, limits.scatter);
            let value = row[MARGIN + x];
            if around.activity > 0 {
                let class = class(limits, around.activity);
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if state >> 48 < chances[class] {
                    let means = surroundings.means(x, around.center);
                    let inputs = inputs(x, &above, row, around, means);
                    samples[class].push(&inputs, around.clip, value.saturating_sub(around.center));
                }
            }
            surroundings.learn(x, value);
        }
    }
    fit(&samples, effort)
}

/// The locations of all pixels, and the weights of the scale that their residuals ask for.
#[inline(always)]
fn locate_all(
    plane: &Plane,
    height: usize,
    width: usize,
    limits: &Limits,
    weights: &[Weights],
    scale: &ScaleWeights,
) -> (Vec<i32>, ScaleWeights) {
    let mut surroundings = Surroundings::new(width, limits);
    let mut noise = Noise::new(width, scale);
    let mut locations = Vec::with_capacity(height * width);
    let mut taken: Vec<([i32; SCALE_INPUTS], f64)> = Vec::with_capacity(height * width / SCALE_STRIDE + 1);
    let mut wait = 0;
    for y in 0..height {
        let (above, row) = plane.rows(y);
        surroundings.enter(y, &above);
        noise.enter();
        for x in 0..width {
            let around = surroundings.at(x, &above, row, limits.scatter);
            let value = row[MARGIN + x];
            let mut location = at(around.center);
            if around.activity > 0 {
                let means = surroundings.means(x, around.center);
                let inputs = inputs(x, &above, row, around, means);
                location = locate(&inputs, around.center, &weights[class(limits, around.activity)]);
                wait += 1;
                if wait == SCALE_STRIDE {
                    wait = 0;
                    let residual = f64::from((at(value) - location).unsigned_abs());
                    let in_units =
                        residual / f64::from(1 << (LOCATION_BITS - 2)) / f64::from(1 << scale.unit);
                    taken.push((noise.inputs(x, &above, row, around, location, scale), in_units));
                }
            }
            locations.push(location);
            surroundings.learn(x, value);
            noise.learn(x, at(value) - location);
        }
    }
    let mut fitted = scale.clone();
    fitted.inputs = [120, 60, 60, 120, 60, 60, 40, 60, 30, 0, 20, 20, 20, 0, 200, 0, 0];
    for _ in 0..2 {
        let mut fit = ScaleFit::new();
        for (inputs, residual) in &taken {
            let expected: i64 =
                inputs.iter().zip(&fitted.inputs).map(|(&i, &w)| i64::from(i) * i64::from(w)).sum();
            fit.push(inputs, *residual, (expected as f64 / 1024.0).max(0.5));
        }
        fitted = fit.solve(&fitted);
    }
    (locations, fitted)
}

/// The cells of all pixels.
#[inline(always)]
fn cells(
    plane: &Plane,
    height: usize,
    width: usize,
    limits: &Limits,
    scale: &ScaleWeights,
    locations: &[i32],
) -> Vec<u16> {
    let mut surroundings = Surroundings::new(width, limits);
    let mut noise = Noise::new(width, scale);
    let mut cells = Vec::with_capacity(locations.len());
    for (y, locations) in locations.chunks_exact(width).enumerate().take(height) {
        let (above, row) = plane.rows(y);
        surroundings.enter(y, &above);
        noise.enter();
        for (x, &location) in locations.iter().enumerate() {
            let around = surroundings.at(x, &above, row, limits.scatter);
            cells.push(if around.activity == 0 {
                EQUAL
            } else {
                let (index, wide) = noise.at(x, &above, row, around, location);
                cell(index, wide, location, scale.usual, at(around.center))
            });
            noise.learn(x, at(row[MARGIN + x]) - location);
        }
    }
    cells
}

/// The payload.
fn write(model: &Model, samples: &[u16], locations: &[i32], cells: &[u16]) -> Vec<u8> {
    let mut header = BitWriter::new();
    model.write(&mut header);
    let header = header.finish();
    let mut laws = Laws::new();
    let law_of = model.groups.laws(&mut laws);
    let mut intervals: Vec<Interval> = Vec::with_capacity(samples.len());
    let mut raw = BitWriter::new();
    for ((&sample, &location), &cell) in samples.iter().zip(locations).zip(cells) {
        let (starts, first_bin, low_bits) = laws.at(law_of[usize::from(cell)], location);
        let symbol = symbol_of(sample, first_bin, low_bits);
        intervals.push(interval(starts, symbol.symbol));
        raw.write(u64::from(symbol.raw), symbol.raw_bits);
    }
    let symbols = coder::encode(&intervals);
    let raw = raw.finish();
    let mut payload = Vec::with_capacity(8 + header.len() + symbols.len() + raw.len());
    payload.extend_from_slice(&(header.len() as u32).to_le_bytes());
    payload.extend_from_slice(&(symbols.len() as u32).to_le_bytes());
    payload.extend_from_slice(&header);
    payload.extend_from_slice(&symbols);
    payload.extend_from_slice(&raw);
    payload
}
