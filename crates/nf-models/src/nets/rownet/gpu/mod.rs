//! The same tiles, coded by a graphics processor: one workgroup for each tile, all tiles in step.
//!
//! The processor finds tables and symbols, and in decoding also takes the symbols from their
//! streams; this side does the rest: heads, directions, and in encoding the interleaved coder. The
//! bytes are those of the modules beside this one, whoever writes or reads them.

mod run;
mod shader;
#[cfg(test)]
mod tests;

pub(super) use run::RowNetOnGpu;

use super::coder::{level, looks_smaller_by_columns, transpose};
use super::parts::{CodedTile, TileParts, WHAT, mark_direction};
use super::symbols::{is_bin, outlier_bits};
use crate::gpu::GpuError;
use crate::tile::Tile;
use crate::tile_model::{TilesOnGpu, Version};
use nf_codec::{Error, Result};
use nf_entropy::bits::BitWriter;
use nf_simd::InstructionSet;
use rayon::prelude::*;
use run::{LANES_AT, NUMBERS, RAW_TAKEN_AT, WORDS_TAKEN_AT, Work};

/// State of a lane after its last symbol.
const END: u32 = 1 << 16;

impl RowNetOnGpu {
    /// The bytes of a tile whose pixels were coded.
    fn bytes_of(&self, tile: &Tile, words: &[u32]) -> Option<Vec<u8>> {
        let pixels = words.as_chunks::<2>().0;
        let tables: Vec<u16> = pixels.iter().map(|[word, _]| *word as u16).collect();
        let symbols: Vec<u8> = pixels.iter().map(|[word, _]| (word >> 16) as u8).collect();
        let mut raw = BitWriter::new();
        for &[word, bits] in pixels {
            let (symbol, low) = ((word >> 16) as u8, word >> 24);
            let count = if is_bin(symbol) { low } else { outlier_bits(symbol, low) };
            raw.write(u64::from(bits), count);
        }
        CodedTile { tables, symbols, raw: raw.finish() }.bytes(&self.net, tile)
    }
}

impl TilesOnGpu for RowNetOnGpu {
    fn encode(&self, tiles: &[Tile]) -> std::result::Result<Vec<Option<Vec<u8>>>, GpuError> {
        let isa = InstructionSet::best();
        let turned: Vec<(bool, Tile)> = tiles
            .par_iter()
            .map(|tile| match looks_smaller_by_columns(&self.net, isa, tile) {
                true => (true, transpose(tile)),
                false => (false, tile.clone()),
            })
            .collect();
        let works: Vec<Work> = turned.iter().map(|(_, tile)| known(tile)).collect();
        let mut done = vec![];
        self.run_all(&works, false, |group, outcome| {
            let from = done.len();
            let ends = outcome.starts.iter().skip(1).copied().chain([outcome.words.len()]);
            let spans: Vec<_> = outcome.starts.iter().copied().zip(ends).collect();
            let bytes = spans.par_iter().zip(&turned[from..from + group.len()]);
            done.par_extend(bytes.map(|(&(start, end), (by_columns, tile))| {
                let mut bytes = self.bytes_of(tile, &outcome.words[start..end])?;
                mark_direction(&mut bytes, *by_columns);
                Some(bytes)
            }));
            Ok(())
        })?;
        Ok(done)
    }

    fn decode(
        &self,
        parts: &[(&[u8], usize, usize)],
        version: Version,
    ) -> std::result::Result<Vec<Result<Vec<u16>>>, GpuError> {
        let mut results: Vec<Result<Vec<u16>>> = vec![];
        let mut open: Vec<(usize, TileParts, usize, usize)> = vec![];
        for (index, &(bytes, height, width)) in parts.iter().enumerate() {
            let tile = TileParts::of(bytes, [height, width], version).and_then(|tile| {
                // Refuses what the coder refuses at its beginning.
                tile.decoder(&self.net)?;
                Ok(tile)
            });
            results.push(match tile {
                Ok(tile) => {
                    open.push((index, tile, height, width));
                    Ok(vec![])
                }
                Err(error) => Err(error),
            });
        }
        let works: Vec<Work> = open.iter().map(|(_, tile, ..)| unknown(tile)).collect();
        let mut next = 0;
        self.run_all(&works, true, |group, outcome| {
            let opened = &open[next..next + group.len()];
            next += group.len();
            let decoded: Vec<(usize, Result<Vec<u16>>)> = opened
                .par_iter()
                .enumerate()
                .map(|(k, (index, tile, ..))| {
                    let numbers = &outcome.numbers[NUMBERS * k..][..NUMBERS];
                    let samples = check_end(tile, numbers).map(|()| {
                        let words = &outcome.words[outcome.starts[k]..];
                        tile.in_place(samples_of(words, tile.height, tile.width))
                    });
                    (*index, samples)
                })
                .collect();
            decoded.into_iter().for_each(|(index, samples)| results[index] = samples);
            Ok(())
        })?;
        Ok(results)
    }
}

fn known(tile: &Tile) -> Work<'_> {
    let level = level(tile.stats[0]);
    Work {
        height: tile.height,
        width: tile.width,
        median: level.median,
        noise: level.noise,
        samples: &tile.samples,
        maps: None,
        symbols: &[],
        raw: &[],
    }
}

fn unknown<'a>(tile: &'a TileParts<'a>) -> Work<'a> {
    let level = level(tile.stats);
    Work {
        height: tile.height,
        width: tile.width,
        median: level.median,
        noise: level.noise,
        samples: &[],
        maps: tile.maps.as_ref(),
        symbols: tile.symbols,
        raw: tile.raw,
    }
}

/// Whether the stream of a tile ends where its pixels do.
fn check_end(tile: &TileParts, numbers: &[u32]) -> Result<()> {
    let wrong = |reason: &str| Err(Error::corrupt(WHAT, reason.to_owned()));
    let words_bytes = (tile.symbols.len() as u64).saturating_sub(16);
    let taken_bytes = 2 * u64::from(numbers[WORDS_TAKEN_AT]);
    let raw_taken = u64::from(numbers[RAW_TAKEN_AT]);
    let raw_bits = 8 * tile.raw.len() as u64;
    if taken_bytes > words_bytes || raw_taken > raw_bits {
        return Err(Error::truncated(WHAT));
    }
    if taken_bytes < words_bytes || numbers[LANES_AT..LANES_AT + 4] != [END; 4] {
        return wrong("its symbols do not end where its pixels do");
    }
    let left = raw_bits - raw_taken;
    if left >= 8 {
        return wrong("bits are left over");
    }
    match tile.raw.last() {
        Some(last) if left > 0 && last >> (8 - left) != 0 => wrong("the padding is not zero"),
        _ => Ok(()),
    }
}

/// Rows of pairs as samples.
fn samples_of(words: &[u32], height: usize, width: usize) -> Vec<u16> {
    let mut samples = Vec::with_capacity(height * width);
    for row in words.chunks_exact(width.div_ceil(2)).take(height) {
        let (pairs, last) = row.split_at(width / 2);
        samples.extend(pairs.iter().flat_map(|&word| [word as u16, (word >> 16) as u16]));
        samples.extend(last.iter().map(|&word| word as u16));
    }
    samples
}
