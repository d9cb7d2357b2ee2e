//! Split rows: the even columns of a row, then the odd ones, each as a whole.
//!
//! No pixel of a half row depends on another one of it, so that prediction runs in wide registers
//! on both sides; only the entropy coder goes symbol by symbol. The even columns are predicted from
//! the rows above, the odd ones also from both neighbours in their row. The linear predictor is
//! fitted to the tile and stored. Arithmetic of the decoder is `f32` in a fixed order: additions,
//! multiplications and comparisons, so that every machine computes the same numbers.
// Loops over several arrays at one index are what compilers turn into wide registers.
#![allow(clippy::needless_range_loop)]

mod background;
mod decode;
mod effort;
mod encode;
mod fit;
mod header;
mod location;
mod sample;
mod scale;
mod short_tables;
mod symbols;
mod tables;
mod window;

pub use effort::Effort;

use super::TileView;
use crate::simd::InstructionSet;
use nf_codec::{Error, Result};

/// The payload of a tile, or `None` if the model cannot take it: no pixel.
pub fn encode(tile: TileView, effort: Effort) -> Option<Vec<u8>> {
    encode_dithered(tile, &[], effort)
}

/// The payload of a tile whose samples are indices of a dithered quantiser: `shifts` are what the
/// lattices of its pixels add to them.
pub fn encode_dithered(tile: TileView, shifts: &[f32], effort: Effort) -> Option<Vec<u8>> {
    (!tile.samples.is_empty()).then(|| encode::encode(InstructionSet::best(), tile, shifts, effort))
}

/// About the bits of a tile with these shifts, or without any, from some blocks of it.
pub fn about_bits(tile: TileView, shifts: &[f32]) -> f64 {
    let [rows, columns] = encode::trials(InstructionSet::best(), tile, shifts);
    rows.min(columns)
}

/// The samples of a tile; `what` names it in errors.
///
/// # Errors
/// If the payload is not what `encode` writes for a tile of that extent.
pub fn decode(what: &str, payload: &[u8], height: usize, width: usize) -> Result<Vec<u16>> {
    decode_dithered(what, payload, height, width, &[])
}

/// The samples of a tile with these shifts.
///
/// # Errors
/// If the payload is not what `encode_dithered` writes for a tile of that extent.
pub fn decode_dithered(
    what: &str,
    payload: &[u8],
    height: usize,
    width: usize,
    shifts: &[f32],
) -> Result<Vec<u16>> {
    if height * width == 0 {
        return Err(Error::corrupt(what, "this mode codes at least one pixel"));
    }
    decode::decode(InstructionSet::best(), what, payload, height, width, shifts)
}

#[cfg(test)]
mod tests;
