//! From a tile's pixels to its payload.

use super::decode::transpose;
use super::fit::Sample;
use super::header::{MAX_OFFSET, MAX_WEIGHT, Model, round_weight};
use super::location::{Centre, EXCESSES, WEIGHT_BITS, Weights, clamp, taps};
use super::scale::{
    MAX_SCALE_WEIGHT, SCALE_WEIGHT_BITS, SCALES, SCALES_PER_OCTAVE, ScaleWeights, Scaler, inputs, scale_of,
};
use super::symbols::{CONTEXTS, SYMBOLS, base, bin, low_bits, outlier};
use super::tables::{Counts, Tables, entropy_bits};
use super::window::{ABOVE, Window};
use nf_entropy::bits::BitWriter;
use nf_entropy::table::{EncodeTables, TableEncoder};
use std::ops::Range;

/// How large a model the encoder fits, and to how many pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Taps of even and odd columns, multiples of four up to 64.
    pub taps: [usize; 2],
    /// Rows from which pixels are taken for the fits.
    pub rows: usize,
    /// Pixels taken from a half row.
    pub span: usize,
    /// Times that weights are fitted anew to the residuals.
    pub rounds: usize,
}

impl Effort {
    /// For hundreds of megabytes a second.
    pub const SMALL: Self = Self { taps: [20, 20], rows: 64, span: 96, rounds: 1 };
    /// For tens of megabytes a second.
    pub const LARGE: Self = Self { taps: [48, 48], rows: 128, span: 128, rounds: 2 };
    /// To tell whether rows or columns predict better.
    const TRIAL: Self = Self { taps: [12, 12], rows: 48, span: 48, rounds: 1 };
}

/// The payload of a tile of rows of `width` pixels; there is at least one.
#[inline(always)]
pub(super) fn encode(samples: &[u16], width: usize, effort: Effort) -> Vec<u8> {
    let height = samples.len() / width;
    let mut some: Vec<u16> = samples.iter().step_by(samples.len() / 4096 + 1).copied().collect();
    let middle = some.len() / 2;
    let origin = *some.select_nth_unstable(middle).1;
    let (blocks, side) = blocks(samples, width);
    let upright = trial(&blocks, side, origin);
    let sideways = trial(&turned_blocks(&blocks, side), blocks_height(samples, width), origin);
    if sideways < upright {
        let turned = transpose(samples, width);
        let model = fit(&mut Lines::new(&turned, height, origin), effort);
        write(&Model { transposed: true, ..model }, &turned, height)
    } else {
        write(&fit(&mut Lines::new(samples, width, origin), effort), samples, width)
    }
}

/// Blocks of the tile that directions are tried on, and their greatest extent.
const BLOCKS: usize = 5;
const BLOCK_PX: usize = 96;

fn blocks_height(samples: &[u16], width: usize) -> usize {
    BLOCK_PX.min(samples.len() / width)
}

/// Some blocks of the tile, one below the other, and their width.
fn blocks(samples: &[u16], width: usize) -> (Vec<u16>, usize) {
    let (high, wide) = (blocks_height(samples, width), BLOCK_PX.min(width));
    let (down, across) = (samples.len() / width - high, width - wide);
    let mut blocks = Vec::with_capacity(BLOCKS * high * wide);
    for k in 0..BLOCKS {
        // No two of them in the same rows or columns.
        let top = (2 * k + 1) * down / (2 * BLOCKS);
        let left = (2 * (2 * k % BLOCKS) + 1) * across / (2 * BLOCKS);
        for y in top..top + high {
            blocks.extend_from_slice(&samples[y * width + left..][..wide]);
        }
    }
    (blocks, wide)
}

/// The same blocks, each with its columns as rows.
fn turned_blocks(blocks: &[u16], width: usize) -> Vec<u16> {
    blocks.chunks(blocks.len() / BLOCKS).flat_map(|block| transpose(block, width)).collect()
}

/// About the bits that a tile takes with a small model.
#[inline(always)]
fn trial(samples: &[u16], width: usize, origin: u16) -> f64 {
    let model = fit(&mut Lines::new(samples, width, origin), Effort::TRIAL);
    let mut raw = BitWriter::new();
    let mut contexts = vec![0; samples.len()];
    let mut symbols = vec![0; samples.len()];
    let mut counts: Vec<Counts> = vec![[0; SYMBOLS]; CONTEXTS];
    code(&model, samples, width, &mut contexts, &mut symbols, &mut counts, &mut raw);
    // Contexts of an octave are taken together: few symbols would look cheaper than they are.
    let octave = CONTEXTS / SCALES * SCALES_PER_OCTAVE;
    let mut bits = raw.len_bits() as f64;
    for contexts in counts.chunks(octave) {
        let mut sum = [0; SYMBOLS];
        for counts in contexts {
            for (sum, &count) in sum.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        bits += entropy_bits(&sum);
    }
    bits
}

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
struct Lines<'a> {
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
    fn new(samples: &'a [u16], width: usize, origin: u16) -> Self {
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

/// The even and the odd columns of a row.
#[inline(always)]
fn split(row: &[u16], halves: &mut [Vec<u16>; 2]) {
    let (even, odd) = halves.split_at_mut(1);
    let (pairs, last) = row.as_chunks::<2>();
    for ((pair, even), odd) in pairs.iter().zip(even[0].iter_mut()).zip(odd[0].iter_mut()) {
        (*even, *odd) = (pair[0], pair[1]);
    }
    if let [last] = last {
        even[0][row.len() / 2] = *last;
    }
}

/// The model of a tile without its tables.
#[inline(always)]
fn fit(lines: &mut Lines, effort: Effort) -> Model {
    let scatter = scatter(lines);
    let mut model = Model {
        origin: lines.origin,
        usual: lines.origin,
        scatter: Model::scatter_of(scatter),
        ..Model::default()
    };
    for (parity, sample) in location_samples(lines, model.scatter(), effort).iter().enumerate() {
        model.weights[parity] = fit_location(sample, effort.taps[parity], effort.rounds);
    }
    for (parity, sample) in scale_samples(lines, &model, effort).iter().enumerate() {
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

#[inline(always)]
fn fit_location(sample: &Sample, taps: usize, rounds: usize) -> Weights {
    let mut factors = vec![1.0; sample.len()];
    let columns = sample.columns.len();
    let active: Vec<usize> = (0..columns - 1).collect();
    let mut solved = Vec::new();
    for round in 0..=rounds {
        solved = sample.scaled(&factors).moments().solve(&active, 1e-5);
        if round < rounds {
            for (factor, miss) in factors.iter_mut().zip(sample.misses(&solved)) {
                let miss = miss.abs();
                *factor = (SQUARE / if miss > SQUARE { miss } else { SQUARE }).sqrt();
            }
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
    for (k, y) in sampled_lines(lines.count, effort.rows / 2).into_iter().enumerate() {
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
                let span = sampled_span(k, lines.window.length(parity), 2 * effort.span);
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

/// The payload.
#[inline(always)]
fn write(model: &Model, samples: &[u16], width: usize) -> Vec<u8> {
    let mut raw = BitWriter::new();
    let mut contexts = vec![0_u16; samples.len()];
    let mut symbols = vec![0_u8; samples.len()];
    let mut counts: Vec<Counts> = vec![[0; SYMBOLS]; CONTEXTS];
    code(model, samples, width, &mut contexts, &mut symbols, &mut counts, &mut raw);
    let tables = Tables::of_counts(&counts);
    let of_context = tables.of_contexts();
    for context in &mut contexts {
        *context = of_context[usize::from(*context)];
    }
    let laws = EncodeTables::new(&tables.laws).expect("tables of one scale, at least one");
    let coded = TableEncoder::encode(&laws, &contexts, &symbols).expect("all symbols were counted");
    let mut header = BitWriter::new();
    model.write(&mut header);
    tables.write(&mut header);
    let header = header.finish();
    let raw = raw.finish();
    let mut payload = Vec::with_capacity(8 + header.len() + coded.len() + raw.len());
    payload.extend_from_slice(&(header.len() as u32).to_le_bytes());
    payload.extend_from_slice(&(coded.len() as u32).to_le_bytes());
    payload.extend_from_slice(&header);
    payload.extend_from_slice(&coded);
    payload.extend_from_slice(&raw);
    payload
}

/// Contexts and symbols of all pixels, half row by half row, and their raw bits.
#[inline(always)]
fn code(
    model: &Model,
    samples: &[u16],
    width: usize,
    contexts: &mut [u16],
    symbols: &mut [u8],
    counts: &mut [Counts],
    raw: &mut BitWriter,
) {
    let mut window = Window::new(width, model.origin);
    let n = window.padded();
    let (predictors, scalers) = (model.predictors(), model.scalers());
    let mut centre = Centre::new(n);
    let (mut locations, mut expected) = (vec![0.0; n], vec![0.0; n]);
    let (mut residuals, mut lows) = (vec![0_i32; n], vec![0_u32; n]);
    let mut found = vec![0_i32; n];
    let mut halves = [vec![0_u16; n], vec![0_u16; n]];
    let mut at = 0;
    for row in samples.chunks_exact(width) {
        window.advance();
        split(row, &mut halves);
        for (parity, predictor) in predictors.iter().enumerate() {
            let length = window.length(parity);
            centre.look(&window, parity, model.scatter());
            predictor.locate(&window, &centre, &mut locations);
            scalers[parity].expect(&window, parity, &centre, &locations, 0..n, &mut expected);
            let values = &halves[parity][..length];
            let contexts = &mut contexts[at..at + length];
            let symbols = &mut symbols[at..at + length];
            at += length;
            let (locations, expected) = (&locations[..length], &expected[..length]);
            let (residuals, lows) = (&mut residuals[..length], &mut lows[..length]);
            let found = &mut found[..length];
            let (mut worst, mut most) = (0, 0);
            for i in 0..length {
                let scale = scale_of(expected[i]);
                let (base, context) = base(locations[i], scale);
                contexts[i] = context as u16;
                let low = low_bits(scale);
                let residual = i32::from(values[i]) - base;
                residuals[i] = residual;
                lows[i] = low;
                let symbol = bin(residual, low);
                found[i] = symbol;
                worst = if symbol > worst { symbol } else { worst };
                most = if low > most { low } else { most };
            }
            for i in 0..length {
                symbols[i] = found[i] as u8;
            }
            if worst >= SYMBOLS as i32 {
                for (((residuals, lows), found), symbols) in residuals
                    .chunks(QUAD)
                    .zip(lows.chunks(QUAD))
                    .zip(found.chunks(QUAD))
                    .zip(symbols.chunks_mut(QUAD))
                {
                    if found.iter().all(|&symbol| symbol < SYMBOLS as i32) {
                        write_low_bits(residuals, lows, raw);
                        continue;
                    }
                    for (((&residual, &low), &found), symbol) in
                        residuals.iter().zip(lows).zip(found).zip(symbols)
                    {
                        if found < SYMBOLS as i32 {
                            raw.write((residual & ((1 << low) - 1)) as u64, low);
                        } else {
                            let outlier = outlier(residual, low);
                            *symbol = outlier.symbol;
                            raw.write(u64::from(outlier.raw), outlier.raw_bits);
                        }
                    }
                }
            } else if most > 0 {
                for (residuals, lows) in residuals.chunks(QUAD).zip(lows.chunks(QUAD)) {
                    write_low_bits(residuals, lows, raw);
                }
            }
            for (&context, &symbol) in contexts.iter().zip(symbols.iter()) {
                counts[usize::from(context)][usize::from(symbol)] += 1;
            }
            window.learn(parity, &halves[parity], locations);
        }
    }
}

/// Pixels whose low bits, at most 40, are written at once.
const QUAD: usize = 4;

#[inline(always)]
fn write_low_bits(residuals: &[i32], lows: &[u32], raw: &mut BitWriter) {
    let (mut bits, mut count) = (0, 0);
    for (&residual, &low) in residuals.iter().zip(lows) {
        bits |= ((residual & ((1 << low) - 1)) as u64) << count;
        count += low;
    }
    raw.write(bits, count);
}
