//! Tiles as symbols and raw bits, and back; see `parts` for their bytes.
//!
//! Half rows follow each other: the even columns of a row, then the odd ones.

use super::inputs::{Level, Surroundings};
use super::net::{HalfRow, RowNet};
use super::parts::{CodedTile, TileParts, WHAT, mark_direction};
use super::symbols::{Coded, SYMBOLS, bin, coded, edge, is_bin, outlier_bits, outlying};
use crate::tile::Tile;
#[cfg(feature = "gpu")]
use crate::tile_model::TilesOnGpu;
use crate::tile_model::{TileBytes, TileCoder, TileModel, Version};
use crate::tile_stats::TileStats;
use nf_codec::{Error, Result};
use nf_entropy::bits::{BitReader, BitWriter};
use nf_entropy::{Distribution, Interval};
use nf_simd::{InstructionSet, kernel};

impl TileBytes for RowNet {
    fn encode(&self, tile: &Tile) -> Option<Vec<u8>> {
        encode(self, InstructionSet::best(), tile)
    }

    fn as_coded(&self, tile: &Tile) -> Tile {
        match looks_smaller_by_columns(self, InstructionSet::best(), tile) {
            true => transpose(tile),
            false => tile.clone(),
        }
    }

    fn decode(&self, bytes: &[u8], height: usize, width: usize, version: Version) -> Result<Vec<u16>> {
        decode(self, InstructionSet::best(), bytes, [height, width], version)
    }

    #[cfg(feature = "gpu")]
    fn on_gpu(&self, gpu: &crate::Gpu) -> std::result::Result<Box<dyn TilesOnGpu>, crate::GpuError> {
        Ok(Box::new(super::gpu::RowNetOnGpu::new(self, gpu)?))
    }
}

pub(super) fn level(stats: TileStats) -> Level {
    Level::new(stats.median, stats.scale_step)
}

/// A sample less 2^15.
#[inline(always)]
fn signed(sample: u16) -> i16 {
    (sample ^ 0x8000) as i16
}

/// The bytes of a tile, if they are fewer than those of its samples: by rows or by columns,
/// whatever looks smaller.
pub(super) fn encode(net: &RowNet, isa: InstructionSet, tile: &Tile) -> Option<Vec<u8>> {
    let transposed = looks_smaller_by_columns(net, isa, tile);
    let mut bytes = match transposed {
        true => code_rows(net, isa, &transpose(tile)).bytes(net, tile),
        false => code_rows(net, isa, tile).bytes(net, tile),
    }?;
    mark_direction(&mut bytes, transposed);
    Some(bytes)
}

/// Blocks of a tile that are coded both ways, and their greatest extent.
const BLOCKS: usize = 3;
const BLOCK_PX: usize = 96;

pub(super) fn looks_smaller_by_columns(net: &RowNet, isa: InstructionSet, tile: &Tile) -> bool {
    let (high, wide) = (tile.height.min(BLOCK_PX), tile.width.min(BLOCK_PX));
    let mut bytes = [0, 0];
    for k in 0..BLOCKS {
        // No two of them share rows or columns in a large tile.
        let top = (2 * k + 1) * (tile.height - high) / (2 * BLOCKS);
        let left = (2 * (2 * k % BLOCKS) + 1) * (tile.width - wide) / (2 * BLOCKS);
        let rows = tile.samples.chunks_exact(tile.width).skip(top).take(high);
        let samples = rows.flat_map(|row| &row[left..left + wide]).copied().collect();
        let block = Tile { height: high, width: wide, samples, ..tile.clone_head() };
        let size = |tile: &Tile| code_rows(net, isa, tile).plain_len(net);
        bytes[0] += size(&block);
        bytes[1] += size(&transpose(&block));
        if high == tile.height && wide == tile.width {
            break;
        }
    }
    bytes[1] < bytes[0]
}

/// The tile with its columns as rows.
pub(super) fn transpose(tile: &Tile) -> Tile {
    let samples = nf_image::transpose(&tile.samples, tile.width);
    Tile { height: tile.width, width: tile.height, samples, ..tile.clone_head() }
}

/// The symbols of a tile by rows.
fn code_rows(net: &RowNet, isa: InstructionSet, tile: &Tile) -> CodedTile {
    let mut around = Surroundings::new(tile.width, level(tile.stats[0]));
    let extents = around.extents;
    let mut half_row = HalfRow::new(extents.padded, net.hidden());
    let pixels = tile.samples.len();
    let (mut tables, mut symbols) = (vec![0_u16; pixels], vec![0_u8; pixels]);
    let mut raw = BitWriter::new();
    let mut halves = [vec![0_i16; extents.padded], vec![0_i16; extents.padded]];
    let mut found = Found::new(extents.padded);
    let mut at = 0;
    for row in tile.samples.chunks_exact(tile.width) {
        around.advance();
        split(isa, row, &mut halves);
        for parity in 0..2 {
            half_row.predict(isa, net, &mut around, parity);
            let length = extents.lengths[parity];
            let span = at..at + length;
            at += length;
            let half = &halves[parity][..length];
            tables[span.clone()].copy_from_slice(&half_row.tables[..length]);
            find_symbols(isa, &half_row, half, &mut found, &mut symbols[span], &mut raw);
            around.set(isa, parity, half, &half_row.locations);
        }
    }
    CodedTile { tables, symbols, raw: raw.finish() }
}

/// The samples of a tile.
///
/// # Errors
/// If the bytes are not what [`encode`] writes for a tile of that extent.
pub(super) fn decode(
    net: &RowNet,
    isa: InstructionSet,
    bytes: &[u8],
    extents: [usize; 2],
    version: Version,
) -> Result<Vec<u16>> {
    let wrong = |error: nf_entropy::Error| Error::corrupt(WHAT, error.to_string());
    let parts = TileParts::of(bytes, extents, version)?;
    let TileParts { stats, height, width, raw, .. } = parts;
    let mut decoder = parts.decoder(net)?;
    let mut raw = BitReader::new(raw);
    let mut around = Surroundings::new(width, level(stats));
    let extents = around.extents;
    let mut half_row = HalfRow::new(extents.padded, net.hidden());
    let mut symbols = vec![0_u8; extents.padded];
    let mut halves = [vec![0_i16; extents.padded], vec![0_i16; extents.padded]];
    let mut samples = vec![0_u16; height * width];
    for row in samples.chunks_exact_mut(width) {
        around.advance();
        for parity in 0..2 {
            half_row.predict(isa, net, &mut around, parity);
            let length = extents.lengths[parity];
            let symbols = &mut symbols[..length];
            decoder.decode(&half_row.tables[..length], symbols).map_err(wrong)?;
            let half = &mut halves[parity][..length];
            add_residuals(isa, &half_row, symbols, half, &mut raw);
            around.set(isa, parity, half, &half_row.locations);
        }
        join(isa, &halves, row);
    }
    decoder.finish().map_err(wrong)?;
    raw.finish().map_err(wrong)?;
    Ok(parts.in_place(samples))
}

/// Residuals of a half row and their symbols, beyond [`SYMBOLS`] where they are in no bin.
struct Found {
    residuals: Vec<i32>,
    symbols: Vec<i32>,
}

impl Found {
    fn new(padded: usize) -> Self {
        Self { residuals: vec![0; padded], symbols: vec![0; padded] }
    }
}

/// Pixels whose low bits, at most 40, are coded at once.
const QUAD: usize = 4;

kernel! {
    /// Splits a row into its even and its odd columns.
    fn split<'a>(row: &'a [u16], halves: &'a mut [Vec<i16>; 2]) -> () {
        let (even, odd) = halves.split_at_mut(1);
        let (pairs, last) = row.as_chunks::<2>();
        for ((pair, even), odd) in pairs.iter().zip(even[0].iter_mut()).zip(odd[0].iter_mut()) {
            (*even, *odd) = (signed(pair[0]), signed(pair[1]));
        }
        if let [last] = last {
            even[0][row.len() / 2] = signed(*last);
        }
    }

    /// Joins the even and the odd columns of a row.
    fn join<'a>(halves: &'a [Vec<i16>; 2], row: &'a mut [u16]) -> () {
        let width = row.len();
        let [even, odd] = halves;
        let (pairs, last) = row.as_chunks_mut::<2>();
        for ((pair, &even), &odd) in pairs.iter_mut().zip(even).zip(odd) {
            *pair = [even as u16 ^ 0x8000, odd as u16 ^ 0x8000];
        }
        if let [last] = last {
            *last = even[width / 2] as u16 ^ 0x8000;
        }
    }

    /// The symbols of a half row, and their raw bits.
    fn find_symbols<'a>(
        half_row: &'a HalfRow,
        half: &'a [i16],
        found: &'a mut Found,
        symbols: &'a mut [u8],
        raw: &'a mut BitWriter,
    ) -> () {
        let n = half.len();
        let (bases, lows) = (&half_row.bases[..n], &half_row.lows[..n]);
        let (residuals, bins) = (&mut found.residuals[..n], &mut found.symbols[..n]);
        let (mut worst, mut most) = (0, 0);
        for i in 0..n {
            let residual = i32::from(half[i]) + 32768 - bases[i];
            let symbol = bin(residual, lows[i]);
            residuals[i] = residual;
            bins[i] = symbol;
            worst = symbol.max(worst);
            most = lows[i].max(most);
        }
        for i in 0..n {
            symbols[i] = bins[i] as u8;
        }
        let all_bins = worst < SYMBOLS as i32;
        if all_bins && most == 0 {
            return;
        }
        for start in (0..n).step_by(QUAD) {
            let span = start..(start + QUAD).min(n);
            if span.len() == QUAD && (all_bins || bins[span.clone()].iter().all(|&bin| bin < SYMBOLS as i32)) {
                let (mut bits, mut count) = (0, 0);
                for i in span {
                    bits |= ((residuals[i] & ((1 << lows[i]) - 1)) as u64) << count;
                    count += lows[i];
                }
                raw.write(bits, count);
                continue;
            }
            for i in span {
                let Coded { symbol, raw: bits, raw_bits } = coded(residuals[i], lows[i]);
                symbols[i] = symbol;
                raw.write(u64::from(bits), raw_bits);
            }
        }
    }

    /// The samples of a half row from their symbols and raw bits.
    fn add_residuals<'a, 'b>(
        half_row: &'a HalfRow,
        symbols: &'a [u8],
        half: &'a mut [i16],
        raw: &'a mut BitReader<'b>,
    ) -> () {
        let n = half.len();
        let (bases, lows, symbols) = (&half_row.bases[..n], &half_row.lows[..n], &symbols[..n]);
        let (mut outliers, mut most) = (false, 0);
        for i in 0..n {
            outliers |= !is_bin(symbols[i]);
            most = lows[i].max(most);
            half[i] = (bases[i] + edge(symbols[i], lows[i])) as u16 as i16;
        }
        if outliers || most > 0 {
            for start in (0..n).step_by(QUAD) {
                let span = start..(start + QUAD).min(n);
                if span.len() == QUAD && (!outliers || symbols[span.clone()].iter().all(|&s| is_bin(s))) {
                    let mut bits = raw.read(lows[span.clone()].iter().sum());
                    for i in span {
                        half[i] = half[i].wrapping_add((bits & ((1 << lows[i]) - 1)) as i16);
                        bits >>= lows[i];
                    }
                    continue;
                }
                for i in span {
                    let (symbol, low) = (symbols[i], lows[i]);
                    if is_bin(symbol) {
                        half[i] = half[i].wrapping_add(raw.read(low) as i16);
                    } else {
                        let bits = raw.read(outlier_bits(symbol, low)) as u32;
                        half[i] = bases[i].wrapping_add(outlying(symbol, bits, low)) as i16;
                    }
                }
            }
        }
        for sample in half {
            *sample = (*sample as u16 ^ 0x8000) as i16;
        }
    }
}

/// Raw bits as a distribution.
struct Uniform(u32);

impl Distribution for Uniform {
    fn scale_bits(&self) -> u32 {
        self.0
    }

    fn interval(&self, symbol: u32) -> Option<Interval> {
        (symbol < 1 << self.0).then_some(Interval { start: symbol, width: 1 })
    }

    fn locate(&self, point: u32) -> (u32, Interval) {
        (point, Interval { start: point, width: 1 })
    }
}

/// Symbol by symbol, for measuring: streams are made by [`TileBytes`].
impl TileModel for RowNet {
    fn traverse(&self, coder: &mut dyn TileCoder, tiles: &mut [Tile]) -> nf_entropy::Result<()> {
        let isa = InstructionSet::best();
        for (index, tile) in tiles.iter_mut().enumerate() {
            coder.enter_tile(index);
            let mut around = Surroundings::new(tile.width, level(tile.stats[0]));
            let extents = around.extents;
            let mut half_row = HalfRow::new(extents.padded, self.hidden());
            for y in 0..tile.height {
                around.advance();
                for parity in 0..2 {
                    half_row.predict(isa, self, &mut around, parity);
                    let mut half = vec![0; extents.lengths[parity]];
                    for (i, value) in half.iter_mut().enumerate() {
                        let known = tile.known;
                        let sample = tile.sample_mut(0, y, 2 * i + parity);
                        let (base, low) = (half_row.bases[i], half_row.lows[i]);
                        let to_code = if known { coded(i32::from(*sample) - base, low) } else { coded(0, 0) };
                        let mut symbol = u32::from(to_code.symbol);
                        coder.code(&mut symbol, &self.tables[usize::from(half_row.tables[i])])?;
                        let symbol = symbol as u8;
                        let raw_bits = if is_bin(symbol) { low } else { outlier_bits(symbol, low) };
                        let (mut high, mut rest) = (to_code.raw >> 12, to_code.raw & 0xfff);
                        coder.code(&mut rest, &Uniform(raw_bits.min(12)))?;
                        coder.code(&mut high, &Uniform(raw_bits.saturating_sub(12)))?;
                        let bits = high << 12 | rest;
                        let residual = match is_bin(symbol) {
                            true => edge(symbol, low) + bits as i32,
                            false => outlying(symbol, bits, low),
                        };
                        *sample = base.wrapping_add(residual) as u16;
                        *value = signed(*sample);
                    }
                    around.set(isa, parity, &half, &half_row.locations);
                }
            }
        }
        Ok(())
    }

    fn memory_bytes(&self, tiles: usize, height: usize, width: usize) -> u64 {
        // Samples, symbols and tables of pixels; maps of half rows.
        let pixels = tiles.saturating_mul(height).saturating_mul(width) as u64;
        pixels.saturating_mul(10) + 400 * (width as u64 + 128)
    }

    fn macs_per_px(&self) -> f64 {
        self.macs()
    }

    fn values_per_px(&self) -> f64 {
        // Inputs, hidden activations, and the components' masses.
        200.0 + 2.0 * self.hidden() as f64
    }

    fn bytes(&self) -> Option<&dyn TileBytes> {
        Some(self)
    }
}
