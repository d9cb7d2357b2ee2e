//! From a tile's samples to its payload.

use super::background::Background;
use super::effort::Effort;
use super::fit::fit;
use super::header::Model;
use super::image::Image;
use super::location::Centre;
use super::scale::{SCALES_PER_OCTAVE, scale_of};
use super::symbols::{SYMBOLS, base, bin, contexts, low_bits, outlier, phase_bits};
use super::tables::{Counts, Tables, entropy_bits, sum};
use super::window::{Window, split};
use crate::models::TileView;
use nf_entropy::bits::BitWriter;
use nf_entropy::table::EncodeTables;
use nf_image::transpose;
use nf_simd::{InstructionSet, kernel};
use std::cell::RefCell;

/// The smallest payload of a tile with at least one pixel, by rows or by columns, under models of
/// these efforts, the largest of which comes last; the smaller ones are left out where it is surely
/// better.
pub(super) fn encode(
    isa: InstructionSet,
    tile: TileView,
    shifts: &[f32],
    transposed: bool,
    efforts: &[Effort],
) -> Vec<u8> {
    let TileView { height, width, samples } = tile;
    let initial = median(samples);
    let (columns, column_shifts);
    let image = match transposed {
        true => {
            (columns, column_shifts) = (transpose(samples, width), transpose(shifts, width));
            Image { samples: &columns, shifts: &column_shifts, width: height, initial }
        }
        false => Image { samples, shifts, width, initial },
    };
    let Some((&largest, smaller)) = efforts.split_last() else { return Vec::new() };
    let (model, saved) = fit(isa, image, largest, smaller.last().copied());
    let mut modelled = vec![Modelled::new(isa, Model { transposed, ..model }, image)];
    if saved <= 0.0 {
        modelled.extend(smaller.iter().map(|&effort| {
            let (model, _) = fit(isa, image, effort, None);
            Modelled::new(isa, Model { transposed, ..model }, image)
        }));
    }
    let least = modelled.iter().map(|modelled| modelled.bits).fold(f64::MAX, f64::min);
    // Coding the symbols is left to those that may come out smallest.
    modelled.retain(|modelled| modelled.bits <= least * (1.0 + UNSURE) + UNSURE_BITS);
    let payloads = modelled.into_iter().map(Modelled::payload);
    payloads.min_by_key(Vec::len).unwrap_or_default()
}

/// What coded symbols take beyond their information is known to this share of a payload, and to so
/// many bits.
const UNSURE: f64 = 1e-4;
const UNSURE_BITS: f64 = 512.0;

/// About the bits of a tile by rows and by columns, from some blocks of it with small models.
pub(super) fn trials(isa: InstructionSet, tile: TileView, shifts: &[f32]) -> [f64; 2] {
    let TileView { width, samples, .. } = tile;
    let initial = median(samples);
    let (part, part_width) = blocks(samples, width);
    let (part_shifts, _) = blocks(shifts, width);
    let by_rows = Image { samples: &part, shifts: &part_shifts, width: part_width, initial };
    let (columns, column_shifts) =
        (transposed_blocks(&part, part_width), transposed_blocks(&part_shifts, part_width));
    let part_height = BLOCK_PX.min(samples.len() / width);
    let by_columns = Image { samples: &columns, shifts: &column_shifts, width: part_height, initial };
    [by_rows, by_columns].map(|image| trial(isa, image))
}

/// About the median of the samples.
pub(super) fn median(samples: &[u16]) -> u16 {
    let mut some: Vec<u16> = samples.iter().step_by(samples.len() / 4096 + 1).copied().collect();
    let middle = some.len() / 2;
    *some.select_nth_unstable(middle).1
}

/// Blocks of the tile on which both directions are tried, and their greatest extent.
const BLOCKS: usize = 3;
const BLOCK_PX: usize = 64;

/// Some blocks of the tile, one below the other, and their width; of nothing, nothing.
fn blocks<T: Copy>(samples: &[T], width: usize) -> (Vec<T>, usize) {
    let (high, wide) = (BLOCK_PX.min(samples.len() / width), BLOCK_PX.min(width));
    let (down, across) = (samples.len() / width - high, width - wide);
    let mut blocks = Vec::with_capacity(BLOCKS * high * wide);
    for k in 0..BLOCKS {
        // No two of them share rows or columns.
        let top = (2 * k + 1) * down / (2 * BLOCKS);
        let left = (2 * (2 * k % BLOCKS) + 1) * across / (2 * BLOCKS);
        for y in top..top + high {
            blocks.extend_from_slice(&samples[y * width + left..][..wide]);
        }
    }
    (blocks, wide)
}

/// The same blocks, each with its columns as rows.
fn transposed_blocks<T: Copy + Default>(blocks: &[T], width: usize) -> Vec<T> {
    blocks.chunks((blocks.len() / BLOCKS).max(1)).flat_map(|block| transpose(block, width)).collect()
}

/// About the bits of a tile with a small model.
fn trial(isa: InstructionSet, image: Image) -> f64 {
    let (model, _) = fit(isa, image, Effort::TRIAL, None);
    let mut raw = BitWriter::new();
    let mut scratch = Scratch::take();
    let (of_pixels, symbols, counts) = scratch.of(image.samples.len(), contexts(image.is_dithered()));
    code(isa, &model, image, of_pixels, symbols, counts, &mut raw);
    // Contexts of an octave are joined: few symbols in each would look cheaper than they are. Where
    // tiles are dithered, those of a phase.
    let phases = 1 << phase_bits(image.is_dithered());
    let apart = if image.is_dithered() { phases } else { 1 };
    let mut bits = raw.len_bits() as f64;
    for octave in counts.chunks(phases * SCALES_PER_OCTAVE) {
        for phase in 0..apart {
            bits += entropy_bits(&sum(octave.iter().skip(phase).step_by(apart)));
        }
    }
    scratch.give_back();
    bits
}

/// Memory for the symbols of a tile, kept from tile to tile: fresh pages cost a tenth of the time.
#[derive(Default)]
struct Scratch {
    contexts: Vec<u16>,
    symbols: Vec<u8>,
    counts: Vec<Counts>,
}

thread_local! {
    static SCRATCH: RefCell<Vec<Scratch>> = const { RefCell::new(Vec::new()) };
}

impl Scratch {
    fn take() -> Self {
        SCRATCH.with_borrow_mut(Vec::pop).unwrap_or_default()
    }

    fn give_back(self) {
        SCRATCH.with_borrow_mut(|all| all.push(self));
    }

    /// Contexts and symbols of this many pixels, with any content, and counts of zero.
    fn of(&mut self, pixels: usize, contexts: usize) -> (&mut [u16], &mut [u8], &mut [Counts]) {
        if self.symbols.len() < pixels {
            self.contexts.resize(pixels, 0);
            self.symbols.resize(pixels, 0);
        }
        self.counts.clear();
        self.counts.resize(contexts, [0; SYMBOLS]);
        (&mut self.contexts[..pixels], &mut self.symbols[..pixels], &mut self.counts)
    }
}

/// A tile under a model, before its symbols are coded.
struct Modelled {
    /// The model and the tables.
    header: Vec<u8>,
    raw: Vec<u8>,
    tables: Tables,
    scratch: Scratch,
    pixels: usize,
    /// About the bits that it takes.
    bits: f64,
}

impl Modelled {
    fn new(isa: InstructionSet, model: Model, image: Image) -> Self {
        let dithered = image.is_dithered();
        let pixels = image.samples.len();
        let mut raw = BitWriter::new();
        let mut scratch = Scratch::take();
        let (of_pixels, symbols, counts) = scratch.of(pixels, contexts(dithered));
        code(isa, &model, image, of_pixels, symbols, counts, &mut raw);
        let tables = Tables::of_counts(dithered, counts);
        let mut header = BitWriter::new();
        model.write(dithered, &mut header);
        tables.write(&mut header);
        let bits = (header.len_bits() + raw.len_bits()) as f64 + tables.bits(counts);
        Self { header: header.finish(), raw: raw.finish(), tables, scratch, pixels, bits }
    }

    fn payload(self) -> Vec<u8> {
        let Self { header, raw, tables, mut scratch, pixels, .. } = self;
        let (of_pixels, symbols) = (&mut scratch.contexts[..pixels], &scratch.symbols[..pixels]);
        let of_context = tables.of_contexts();
        for context in of_pixels.iter_mut() {
            *context = of_context[usize::from(*context)];
        }
        let encode_tables =
            EncodeTables::new(&tables.frequencies).expect("tables of one scale, at least one");
        let coded = encode_tables.encode(of_pixels, symbols).expect("all symbols were counted");
        scratch.give_back();
        let mut payload = Vec::with_capacity(8 + header.len() + coded.len() + raw.len());
        payload.extend_from_slice(&(header.len() as u32).to_le_bytes());
        payload.extend_from_slice(&(coded.len() as u32).to_le_bytes());
        payload.extend_from_slice(&header);
        payload.extend_from_slice(&coded);
        payload.extend_from_slice(&raw);
        payload
    }
}

/// Contexts and symbols of all pixels, half row by half row, their counts, and the raw bits.
fn code(
    isa: InstructionSet,
    model: &Model,
    image: Image,
    contexts: &mut [u16],
    symbols: &mut [u8],
    counts: &mut [Counts],
    raw: &mut BitWriter,
) {
    let Image { samples, shifts, width, .. } = image;
    let mut window = Window::new(width, model.initial);
    let n = window.padded();
    let (predictors, error_predictors) = (model.predictors(), model.error_predictors());
    let mut centre = Centre::new(n);
    let (mut locations, mut expected) = (vec![0.0; n], vec![0.0; n]);
    let mut residuals = Residuals { values: vec![0; n], lows: vec![0; n], symbols: vec![0; n] };
    let mut halves = [vec![0_u16; n], vec![0_u16; n]];
    let dithered = image.is_dithered();
    let half = || vec![0.0; if dithered { n } else { 0 }];
    let mut half_shifts = [half(), half()];
    let mut background = dithered.then(|| Background::new(n, model.initial, model.least_range()));
    let find_symbols = if dithered { find_symbols::<1> } else { find_symbols::<0> };
    let mut at = 0;
    for (y, row) in samples.chunks_exact(width).enumerate() {
        window.advance();
        split(row, &mut halves);
        if let Some(background) = &mut background {
            split(&shifts[y * width..][..width], &mut half_shifts);
            window.add_last(isa, y, background);
        }
        for parity in 0..2 {
            let length = window.length(parity);
            centre.measure(isa, &window, parity, model.least_range());
            let level = background.as_ref().map_or(&[][..], |background| background.level(parity));
            predictors[parity].locate(isa, &window, &centre, level, &mut locations);
            error_predictors[parity].predict(isa, &window, parity, &centre, &locations, &mut expected);
            let contexts = &mut contexts[at..at + length];
            let symbols = &mut symbols[at..at + length];
            at += length;
            let values = &halves[parity][..length];
            let shifts = &half_shifts[parity];
            find_symbols(isa, &locations, &expected, values, shifts, &mut residuals, contexts, symbols, raw);
            for (&context, &symbol) in contexts.iter().zip(symbols.iter()) {
                counts[usize::from(context)][usize::from(symbol)] += 1;
            }
            window.set(isa, parity, values, shifts, &locations);
        }
    }
}

/// Residuals of a half row.
struct Residuals {
    values: Vec<i32>,
    /// Numbers of low bits.
    lows: Vec<u32>,
    /// Symbols, beyond [`SYMBOLS`] for outliers.
    symbols: Vec<i32>,
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

kernel! {
    /// Contexts and symbols of the pixels of a half row, and their raw bits.
    fn find_symbols<'a, const DITHERED: usize>(
        locations: &'a [f32],
        expected: &'a [f32],
        values: &'a [u16],
        shifts: &'a [f32],
        residuals: &'a mut Residuals,
        contexts: &'a mut [u16],
        symbols: &'a mut [u8],
        raw: &'a mut BitWriter,
    ) -> () {
        let n = values.len();
        let (locations, expected) = (&locations[..n], &expected[..n]);
        let (contexts, symbols) = (&mut contexts[..n], &mut symbols[..n]);
        let shifts = &shifts[..n * DITHERED];
        let Residuals { values: residuals, lows, symbols: found } = residuals;
        let (residuals, lows, found) = (&mut residuals[..n], &mut lows[..n], &mut found[..n]);
        let (mut worst, mut most) = (0, 0);
        for i in 0..n {
            let scale = scale_of(expected[i]);
            let location = if DITHERED > 0 { locations[i] - shifts[i] } else { locations[i] };
            let (base, context) = base::<DITHERED>(location, scale);
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
        for i in 0..n {
            symbols[i] = found[i] as u8;
        }
        if worst < SYMBOLS as i32 {
            if most > 0 {
                let (quads, rest) = residuals.as_chunks::<QUAD>();
                let (low_quads, low_rest) = lows.as_chunks::<QUAD>();
                for (residuals, lows) in quads.iter().zip(low_quads) {
                    write_low_bits(residuals, lows, raw);
                }
                write_low_bits(rest, low_rest, raw);
            }
            return;
        }
        // Quads at once, unless there is an outlier among them; the rest one by one.
        for start in (0..n).step_by(QUAD) {
            let quad = start..(start + QUAD).min(n);
            let (residuals, lows) = (&residuals[quad.clone()], &lows[quad.clone()]);
            let (found, symbols) = (&found[quad.clone()], &mut symbols[quad]);
            if let (Some(residuals), Some(lows), Some(found)) =
                (residuals.as_array::<QUAD>(), lows.as_array::<QUAD>(), found.as_array::<QUAD>())
                && found.iter().all(|&symbol| symbol < SYMBOLS as i32)
            {
                write_low_bits(residuals, lows, raw);
                continue;
            }
            for (((&residual, &low), &found), symbol) in residuals.iter().zip(lows).zip(found).zip(symbols) {
                if found < SYMBOLS as i32 {
                    raw.write((residual & ((1 << low) - 1)) as u64, low);
                } else {
                    let outlier = outlier(residual, low);
                    *symbol = outlier.symbol;
                    raw.write(u64::from(outlier.raw), outlier.raw_bits);
                }
            }
        }
    }
}
