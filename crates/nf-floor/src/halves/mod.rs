//! Half rows: the even columns of a row, then the odd ones, each predicted whole from what came before.
//!
//! No pixel of a half row depends on another one of it, so that prediction runs in wide registers on both
//! sides; only the entropy coder goes symbol by symbol. The even columns are predicted from the rows above,
//! the odd ones also from both neighbours in their row. Arithmetic is `f32` in a fixed order: additions, multiplications,
//! square roots, comparisons and nothing else, so that every machine computes the same numbers.
// Loops over several arrays at one index are what compilers turn into wide registers.
#![allow(clippy::needless_range_loop)]

mod decode;
mod encode;
mod fit;
mod header;
mod least_squares;
mod location;
mod scale;
#[doc(hidden)]
pub mod stages;
mod symbols;
mod tables;
mod window;

pub use encode::Effort;

use crate::machine::{Machine, Work};
use crate::tile::TileView;
use nf_codec::{Error, Result};
use nf_image::Shape;

/// The payload of a tile, or `None` if the mode cannot take it: no pixel.
pub fn encode(tile: TileView, effort: Effort) -> Option<Vec<u8>> {
    struct Encode<'a>(TileView<'a>, Effort);
    impl Work for Encode<'_> {
        type Output = Vec<u8>;
        #[inline(always)]
        fn run(self) -> Vec<u8> {
            encode::encode(self.0.samples, self.0.width, self.1)
        }
    }
    if tile.samples.is_empty() {
        return None;
    }
    Some(Machine::best().run(Encode(tile, effort)))
}

/// The pixels of a tile of `shape`; `what` names it in errors.
///
/// # Errors
/// If the payload is not what [`encode`] writes for a tile of that shape.
pub fn decode(what: &str, payload: &[u8], shape: Shape) -> Result<Vec<u16>> {
    struct Decode<'a>(&'a str, &'a [u8], Shape);
    impl Work for Decode<'_> {
        type Output = Result<Vec<u16>>;
        #[inline(always)]
        fn run(self) -> Result<Vec<u16>> {
            let Self(what, payload, shape) = self;
            decode::decode(what, payload, shape.planes * shape.height, shape.width)
        }
    }
    if shape.pixels() == 0 {
        return Err(Error::corrupt(what, "this mode codes at least one pixel"));
    }
    Machine::best().run(Decode(what, payload, shape))
}

#[cfg(test)]
mod tests;
