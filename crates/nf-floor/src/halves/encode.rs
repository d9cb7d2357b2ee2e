//! From a tile's pixels to its payload.

use super::decode::transpose;
use super::fit::{Lines, fit};
use super::header::Model;
use super::location::Centre;
use super::scale::{SCALES, SCALES_PER_OCTAVE, scale_of};
use super::symbols::{CONTEXTS, SYMBOLS, base, bin, low_bits, outlier};
use super::tables::{Counts, Tables, entropy_bits};
use super::window::Window;
use nf_entropy::bits::BitWriter;
use nf_entropy::table::EncodeTables;
use std::cell::Cell;

/// How large a model the encoder fits, and to how many pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Taps of even and odd columns, multiples of four up to 64.
    pub taps: [usize; 2],
    /// Rows from which pixels are taken for the fit of the location.
    pub rows: usize,
    /// Pixels taken from a half row.
    pub span: usize,
    /// Pixels of either half taken for the fit of the scale; without any, weights are taken that suit most tiles.
    pub scale_px: usize,
    /// Pixels taken from a half row of those.
    pub scale_span: usize,
    /// Times that weights are fitted anew to the residuals.
    pub rounds: usize,
}

impl Effort {
    /// For hundreds of megabytes a second.
    pub const SMALL: Self =
        Self { taps: [20, 20], rows: 32, span: 96, scale_px: 2048, scale_span: 256, rounds: 1 };
    /// For tens of megabytes a second.
    pub const LARGE: Self =
        Self { taps: [64, 64], rows: 160, span: 96, scale_px: 15_360, scale_span: 192, rounds: 2 };
    /// To tell whether rows or columns predict better.
    const TRIAL: Self = Self { taps: [12, 12], rows: 24, span: 48, scale_px: 0, scale_span: 0, rounds: 0 };
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
const BLOCKS: usize = 3;
const BLOCK_PX: usize = 80;

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
    let mut room = ROOM.take();
    let (contexts, symbols, counts) = room.of(samples.len());
    code(&model, samples, width, contexts, symbols, counts, &mut raw);
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
    ROOM.set(room);
    bits
}

/// The even and the odd columns of a row.
#[inline(always)]
pub(super) fn split(row: &[u16], halves: &mut [Vec<u16>; 2]) {
    let (even, odd) = halves.split_at_mut(1);
    let (pairs, last) = row.as_chunks::<2>();
    for ((pair, even), odd) in pairs.iter().zip(even[0].iter_mut()).zip(odd[0].iter_mut()) {
        (*even, *odd) = (pair[0], pair[1]);
    }
    if let [last] = last {
        even[0][row.len() / 2] = *last;
    }
}

/// Room for the symbols of a tile, kept from tile to tile: fresh pages cost a tenth of the time.
#[derive(Default)]
struct Room {
    contexts: Vec<u16>,
    symbols: Vec<u8>,
    counts: Vec<Counts>,
}

thread_local! {
    static ROOM: Cell<Room> = Cell::default();
}

impl Room {
    /// Contexts and symbols of so many pixels, whatever they hold, and counts of zero.
    fn of(&mut self, pixels: usize) -> (&mut [u16], &mut [u8], &mut [Counts]) {
        if self.symbols.len() < pixels {
            self.contexts.resize(pixels, 0);
            self.symbols.resize(pixels, 0);
        }
        self.counts.clear();
        self.counts.resize(CONTEXTS, [0; SYMBOLS]);
        (&mut self.contexts[..pixels], &mut self.symbols[..pixels], &mut self.counts)
    }
}

/// The payload.
#[inline(always)]
fn write(model: &Model, samples: &[u16], width: usize) -> Vec<u8> {
    let mut raw = BitWriter::new();
    let mut room = ROOM.take();
    let (contexts, symbols, counts) = room.of(samples.len());
    code(model, samples, width, contexts, symbols, counts, &mut raw);
    let tables = Tables::of_counts(counts);
    let of_context = tables.of_contexts();
    for context in contexts.iter_mut() {
        *context = of_context[usize::from(*context)];
    }
    let laws = EncodeTables::new(&tables.laws).expect("tables of one scale, at least one");
    let coded = laws.encode(contexts, symbols).expect("all symbols were counted");
    ROOM.set(room);
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
pub(super) fn code(
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
    let mut local = std::mem::take(raw);
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
                // Quads in registers, unless there is an outlier among them; the rest one by one.
                for start in (0..length).step_by(QUAD) {
                    let quad = start..(start + QUAD).min(length);
                    let (residuals, lows) = (&residuals[quad.clone()], &lows[quad.clone()]);
                    let (found, symbols) = (&found[quad.clone()], &mut symbols[quad]);
                    if let (Some(residuals), Some(lows), Some(found)) =
                        (residuals.as_array::<QUAD>(), lows.as_array::<QUAD>(), found.as_array::<QUAD>())
                        && found.iter().all(|&symbol| symbol < SYMBOLS as i32)
                    {
                        write_low_bits(residuals, lows, &mut local);
                        continue;
                    }
                    for (((&residual, &low), &found), symbol) in
                        residuals.iter().zip(lows).zip(found).zip(symbols)
                    {
                        if found < SYMBOLS as i32 {
                            local.write((residual & ((1 << low) - 1)) as u64, low);
                        } else {
                            let outlier = outlier(residual, low);
                            *symbol = outlier.symbol;
                            local.write(u64::from(outlier.raw), outlier.raw_bits);
                        }
                    }
                }
            } else if most > 0 {
                let (quads, rest) = residuals.as_chunks::<QUAD>();
                let (low_quads, low_rest) = lows.as_chunks::<QUAD>();
                for (residuals, lows) in quads.iter().zip(low_quads) {
                    write_low_bits(residuals, lows, &mut local);
                }
                write_low_bits(rest, low_rest, &mut local);
            }
            for (&context, &symbol) in contexts.iter().zip(symbols.iter()) {
                counts[usize::from(context)][usize::from(symbol)] += 1;
            }
            window.learn(parity, &halves[parity], locations);
        }
    }
    *raw = local;
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
