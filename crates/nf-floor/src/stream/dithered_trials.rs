//! Whether a tile of dithered indices is coded with its shifts or without.

use super::dithered::{encode_mixing, in_steps};
use super::index::MOST_DITHER_BYTES;
use super::inter_plane::{self, CodedTile};
use super::mode::Mode;
use super::tile::{efforts, is_constant, tries_wavefront};
use crate::level::Level;
use crate::models::split_rows::Directed;
use crate::models::{TileView, wavefront};

/// Shifts that are known cost nothing where the indices have them, so a tile whose estimate with
/// them is no larger is not tried without; if it is estimated to take less than this share without,
/// it is not tried with them.
const SURE: f64 = 0.98;

/// The smallest tile that `level` finds with these shifts or without; `references` as those of
/// [`inter_plane::encode`].
pub(super) fn encode(tile: TileView, references: &[&[u16]], shifts: &[i16], level: Level) -> CodedTile {
    if is_constant(tile.samples) {
        return inter_plane::encode(tile, references, level);
    }
    let steps = in_steps(shifts);
    let directed = Directed::new(tile, &steps);
    let about_bits = |directed: Option<Directed>| directed.map_or(0.0, |directed| directed.about_bits);
    let (with, without) = (about_bits(directed), about_bits(Directed::new(tile, &[])));
    let has_planes = !references.is_empty() && level >= Level::Default;
    let mut best = CodedTile { bytes: Vec::new(), references: 0 };
    if has_planes || with > without {
        best = inter_plane::encode(tile, references, level);
    }
    if with * SURE > without {
        return best;
    }
    let mut offer = |mode: Mode, payload: Option<Vec<u8>>| {
        let Some(payload) = payload else { return };
        // The first such tile makes the stream name its dither.
        if best.bytes.is_empty() || 1 + payload.len() + MOST_DITHER_BYTES < best.bytes.len() {
            best = CodedTile { bytes: mode.with_payload(&payload), references: 0 };
        }
    };
    offer(Mode::DitheredSplitRows, directed.map(|directed| directed.encode(efforts(level))));
    if tries_wavefront(level, tile.samples.len()) {
        offer(Mode::DitheredWavefront, wavefront::encode(tile, wavefront::Beside::shifts(&steps)));
    }
    if level >= Level::Max {
        let mode = Mode::DitheredMixingByPosition;
        offer(mode, encode_mixing(mode, tile, shifts));
    }
    best
}
