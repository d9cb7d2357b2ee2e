//! Tiles coded by something else than the convention's algorithms.

use nf_image::{Image16, Shape};
use std::fmt;

/// ZCMPTYPE of tiles that a [`TileCodec`] has coded; the parameter `CODEC` is the codec's spec.
/// Private to this project.
pub const FLOOR_1: &str = "FLOOR_1";

/// Lossless codecs of 16-bit stacks, chosen by a spec string such as `jpegxl:effort=9`.
///
/// This crate knows no codec; who opens or packs a file hands them in. A tile of more than two axes
/// is a stack, all axes above the second flattened to planes.
///
/// # What implementers promise
///
/// 1. `decode(spec, encode(spec, tile), tile.shape()) == tile` for the samples of every tile.
/// 2. Hostile bytes give an error or a wrong tile of the right shape, never a panic, and no more
///    memory than a small multiple of the tile.
pub trait TileCodec: Send + Sync {
    /// The bytes of a tile.
    ///
    /// # Errors
    /// If `spec` names no codec, or that codec cannot take the tile.
    fn encode(&self, spec: &str, tile: &Image16) -> Result<Vec<u8>, String>;

    /// The bytes of a tile whose first pixel lies at this row and column of its detector, for
    /// codecs that know detectors; whatever decoders need is in the bytes.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encode_at(&self, spec: &str, tile: &Image16, row: usize, column: usize) -> Result<Vec<u8>, String> {
        let _ = (row, column);
        self.encode(spec, tile)
    }

    /// The program that codes, its version, and where the format of the tiles is described, for
    /// people who meet such a file; it is written into COMMENT cards.
    fn creator(&self) -> Option<String> {
        None
    }

    /// The tile of `shape` that the bytes stand for.
    ///
    /// # Errors
    /// If `spec` names no codec, or the bytes are not such a tile's.
    fn decode(&self, spec: &str, bytes: &[u8], shape: Shape) -> Result<Image16, String>;
}

/// Where no codecs were handed in.
pub(crate) struct NoCodec;

impl TileCodec for NoCodec {
    fn encode(&self, spec: &str, _: &Image16) -> Result<Vec<u8>, String> {
        Err(format!("codec '{spec}' is not at hand"))
    }

    fn decode(&self, spec: &str, _: &[u8], _: Shape) -> Result<Image16, String> {
        Err(format!("codec '{spec}' is not at hand"))
    }
}

impl fmt::Debug for dyn TileCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TileCodec")
    }
}
