//! Level `default`: prediction, scale and laws fitted to the tile and sent with it.

mod coder;
mod decode;
mod encode;
mod fit;
mod groups;
mod laws;
mod location;
mod model;
mod plane;
mod scale;
mod scale_fit;
mod shapes;
mod surroundings;

pub use encode::Search;
pub(crate) use fit::cholesky_solve;
pub(crate) use groups::log2;

use crate::machine::{Machine, Work};
use crate::tile::TileView;
use nf_codec::{Error, Result};
use nf_image::Shape;

/// The payload of a tile, or `None` if the mode cannot take it: no pixel.
pub fn encode(tile: TileView, search: Search) -> Option<Vec<u8>> {
    struct Encode<'a>(TileView<'a>, Search);
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
    Some(Machine::best().run(Encode(tile, search)))
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
