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
mod image;
mod location;
mod patches;
mod sample;
mod scale;
mod short_tables;
mod symbols;
mod tables;
mod window;

pub use effort::Effort;

use super::TileView;
use nf_codec::{Error, Result};
use nf_simd::InstructionSet;

/// A tile with at least one pixel, and whether it is coded by rows or by columns.
#[derive(Clone, Copy, Debug)]
pub struct Directed<'a> {
    tile: TileView<'a>,
    shifts: &'a [f32],
    transposed: bool,
    /// About the bits that it takes.
    pub about_bits: f64,
}

impl<'a> Directed<'a> {
    /// A tile, or `None` if it has no pixel. Where its samples are indices of a dithered quantiser,
    /// `shifts` are what the lattices of its pixels add to them; of others there are none.
    pub fn new(tile: TileView<'a>, shifts: &'a [f32]) -> Option<Self> {
        if tile.samples.is_empty() {
            return None;
        }
        let [rows, columns] = encode::trials(InstructionSet::best(), tile, shifts);
        Some(Self { tile, shifts, transposed: columns < rows, about_bits: rows.min(columns) })
    }

    /// The smallest payload that one of these efforts gives.
    pub fn encode(&self, efforts: &[Effort]) -> Vec<u8> {
        encode::encode(InstructionSet::best(), self.tile, self.shifts, self.transposed, efforts)
    }
}

/// The payload of a tile, or `None` if the model cannot take it: no pixel.
pub fn encode(tile: TileView, effort: Effort) -> Option<Vec<u8>> {
    Directed::new(tile, &[]).map(|directed| directed.encode(&[effort]))
}

/// The samples of a tile with these shifts, or none; `what` names it in errors.
///
/// # Errors
/// If the payload is not what [`Directed::encode`] writes for such a tile of that extent.
pub fn decode(what: &str, payload: &[u8], height: usize, width: usize, shifts: &[f32]) -> Result<Vec<u16>> {
    if height * width == 0 {
        return Err(Error::corrupt(what, "this mode codes at least one pixel"));
    }
    decode::decode(InstructionSet::best(), what, payload, height, width, shifts)
}

#[cfg(test)]
mod tests;
