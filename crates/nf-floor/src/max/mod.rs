//! Level `max`: adaptive mixing. Not there yet; the mode is never written and always refused.

use crate::tile::TileView;
use nf_codec::{Error, Result};
use nf_image::Shape;

/// The payload of a tile, or `None` if the mode cannot take it.
pub fn encode(_tile: TileView) -> Option<Vec<u8>> {
    None
}

/// The pixels of a tile of `shape`; `what` names it in errors.
///
/// # Errors
/// If the payload is not what [`encode`] writes for a tile of that shape.
pub fn decode(what: &str, _payload: &[u8], _shape: Shape) -> Result<Vec<u16>> {
    Err(Error::corrupt(what, "level max is not part of this version"))
}
