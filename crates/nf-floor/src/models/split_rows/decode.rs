//! From a tile's payload to its samples.

use super::background::Background;
use super::header::Model;
use super::location::Centre;
use super::scale::scale_of;
use super::symbols::{base, edge, is_bin, low_bits, outlier_bits, outlying};
use super::tables::Tables;
use super::window::{Window, split};
use nf_codec::{Error, Result};
use nf_entropy::bits::BitReader;
use nf_entropy::table::{DecodeTables, TableDecoder};
use nf_image::transpose;
use nf_simd::{InstructionSet, kernel};

/// The samples of a tile of `height` rows of `width` pixels, neither of them zero.
pub(super) fn decode(
    isa: InstructionSet,
    what: &str,
    payload: &[u8],
    height: usize,
    width: usize,
    shifts: &[f32],
) -> Result<Vec<u16>> {
    let dithered = !shifts.is_empty();
    let wrong = |error: nf_entropy::Error| Error::corrupt(what, error.to_string());
    let (head, rest) = payload.split_first_chunk::<8>().ok_or_else(|| Error::truncated(what))?;
    let length = |i: usize| u32::from_le_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]) as usize;
    let (header, rest) = rest.split_at_checked(length(0)).ok_or_else(|| Error::truncated(what))?;
    let (symbols, raw) = rest.split_at_checked(length(4)).ok_or_else(|| Error::truncated(what))?;
    let mut reader = BitReader::new(header);
    let model = Model::read(what, dithered, &mut reader)?;
    let tables = Tables::read(what, dithered, &mut reader)?;
    reader.finish().map_err(wrong)?;
    let decode_tables = DecodeTables::new(&tables.frequencies).map_err(wrong)?;
    let mut decoder = TableDecoder::new(&decode_tables, symbols).map_err(wrong)?;
    let mut raw = BitReader::new(raw);
    let (rows, columns) = if model.transposed { (width, height) } else { (height, width) };
    let turned: Vec<f32>;
    let shifts = match model.transposed {
        true => {
            turned = transpose(shifts, width);
            turned.as_slice()
        }
        false => shifts,
    };
    let table_of = tables.of_contexts();
    let samples = pixels(isa, &model, &table_of, rows, columns, shifts, &mut decoder, &mut raw);
    let samples = samples.map_err(wrong)?;
    decoder.finish().map_err(wrong)?;
    raw.finish().map_err(wrong)?;
    Ok(if model.transposed { transpose(&samples, columns) } else { samples })
}

#[allow(clippy::too_many_arguments, reason = "a tile and how it is coded")]
fn pixels(
    isa: InstructionSet,
    model: &Model,
    table_of: &[u16],
    height: usize,
    width: usize,
    shifts: &[f32],
    decoder: &mut TableDecoder<'_>,
    raw: &mut BitReader<'_>,
) -> nf_entropy::Result<Vec<u16>> {
    let mut window = Window::new(width, model.initial);
    let n = window.padded();
    let (predictors, error_predictors) = (model.predictors(), model.error_predictors());
    let mut centre = Centre::new(n);
    let (mut locations, mut expected) = (vec![0.0; n], vec![0.0; n]);
    let (mut bases, mut lows) = (vec![0_i32; n], vec![0_u32; n]);
    let mut contexts = vec![0_u16; n];
    let mut symbols = vec![0_u8; n];
    let mut halves = [vec![0_u16; n], vec![0_u16; n]];
    let mut samples = vec![0_u16; height * width];
    let dithered = !shifts.is_empty();
    let half = || vec![0.0; if dithered { n } else { 0 }];
    let mut half_shifts = [half(), half()];
    let mut background = dithered.then(|| Background::new(n, model.initial, model.least_range()));
    let find_contexts = if dithered { find_contexts::<1> } else { find_contexts::<0> };
    for (y, row) in samples.chunks_exact_mut(width).enumerate() {
        window.advance();
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
            let (bases, lows) = (&mut bases[..length], &mut lows[..length]);
            let (contexts, symbols) = (&mut contexts[..length], &mut symbols[..length]);
            let shifts = &half_shifts[parity];
            find_contexts(isa, &locations[..length], &expected[..length], shifts, bases, lows, contexts);
            for context in contexts.iter_mut() {
                *context = table_of[usize::from(*context)];
            }
            decoder.decode(contexts, symbols)?;
            add_residuals(isa, bases, lows, symbols, &mut halves[parity][..length], raw);
            window.set(isa, parity, &halves[parity], shifts, &locations);
        }
        let (even, odd) = halves.split_at(1);
        let (pairs, last) = row.as_chunks_mut::<2>();
        for ((pair, &even), &odd) in pairs.iter_mut().zip(&even[0]).zip(&odd[0]) {
            *pair = [even, odd];
        }
        if let [last] = last {
            *last = even[0][width / 2];
        }
    }
    Ok(samples)
}

/// Pixels whose low bits, at most 40, are read at once.
const QUAD: usize = 4;

#[inline(always)]
fn add_low_bits(values: &mut [u16], lows: &[u32], raw: &mut BitReader<'_>) {
    let mut bits = raw.read(lows.iter().sum());
    for (value, &low) in values.iter_mut().zip(lows) {
        *value = value.wrapping_add((bits & ((1 << low) - 1)) as u16);
        bits >>= low;
    }
}

kernel! {
    /// Bases, numbers of low bits and contexts of the pixels of a half row.
    fn find_contexts<'a, const DITHERED: usize>(
        locations: &'a [f32],
        expected: &'a [f32],
        shifts: &'a [f32],
        bases: &'a mut [i32],
        lows: &'a mut [u32],
        contexts: &'a mut [u16],
    ) -> () {
        let n = locations.len();
        let (expected, bases) = (&expected[..n], &mut bases[..n]);
        let (lows, contexts) = (&mut lows[..n], &mut contexts[..n]);
        let shifts = &shifts[..n * DITHERED];
        for i in 0..n {
            let scale = scale_of(expected[i]);
            let location = if DITHERED > 0 { locations[i] - shifts[i] } else { locations[i] };
            let (base, context) = base::<DITHERED>(location, scale);
            bases[i] = base;
            contexts[i] = context as u16;
            lows[i] = low_bits(scale);
        }
    }

    /// The values of a half row from their symbols and raw bits.
    fn add_residuals<'a, 'b>(
        bases: &'a [i32],
        lows: &'a [u32],
        symbols: &'a [u8],
        values: &'a mut [u16],
        raw: &'a mut BitReader<'b>,
    ) -> () {
        let n = values.len();
        let (bases, lows, symbols) = (&bases[..n], &lows[..n], &symbols[..n]);
        let (mut outliers, mut most) = (0, 0);
        for i in 0..n {
            outliers |= u8::from(!is_bin(symbols[i]));
            most = if lows[i] > most { lows[i] } else { most };
            values[i] = (bases[i] + edge(symbols[i], lows[i])) as u16;
        }
        if outliers != 0 {
            for i in 0..n {
                let (symbol, low) = (symbols[i], lows[i]);
                if is_bin(symbol) {
                    values[i] = values[i].wrapping_add(raw.read(low) as u16);
                } else {
                    let bits = raw.read(outlier_bits(symbol, low)) as u32;
                    values[i] = (bases[i] + outlying(symbol, bits, low)) as u16;
                }
            }
        } else if most > 0 {
            let (quads, rest) = values.as_chunks_mut::<QUAD>();
            let (low_quads, low_rest) = lows.as_chunks::<QUAD>();
            for (values, lows) in quads.iter_mut().zip(low_quads) {
                add_low_bits(values, lows, raw);
            }
            add_low_bits(rest, low_rest, raw);
        }
    }
}
