//! format-floor-max.md: modes 4 and 8, adaptive mixing; format-floor.md, 19.6: mode 10.

mod biases;
mod coder;
mod contexts;
mod curvature;
mod decision;
mod experts;
mod first;
mod helpers;
mod inputs;
mod map;
mod mixer;
mod model;
mod noise;
mod path;
mod profile;
mod scales;
mod second;
mod shapes;
mod source;
mod tables;

use crate::Error;
use crate::bytes::Bytes;
use crate::reference_planes::{read_weights, weighted_sum};
use coder::Coder;
use helpers::Helpers;
use model::{Model, Tile};
pub(crate) use profile::decode as decode_with_profile;
use source::Source;

/// The pixel that is decoded.
#[derive(Clone, Copy)]
pub(crate) struct Here {
    /// Its row and its column in the tile.
    pub y: usize,
    pub x: usize,
    /// 9.2: the offset.
    pub o: f32,
    /// format-floor.md, 20.7: whether the mode is 15.
    pub by_position: bool,
}

impl Here {
    /// 10.1.
    pub(crate) fn odd(&self) -> usize {
        self.x % 2
    }

    /// format-floor.md, 20.7: the position of the lattice, 0 in other modes.
    pub(crate) fn position(&self) -> usize {
        if self.by_position { ((self.o + 0.5) * 8.0).floor() as usize } else { 0 }
    }
}

/// 9.3: `code(v)`; format-floor.md, 20.7: in mode 15.
pub(crate) fn code(v: f32, here: Here) -> i64 {
    let half = if here.by_position { 0.5 } else { 0.0 };
    crate::notation::trunc(crate::notation::clamp((v + here.o) + half, 0.0, 65535.0))
}

/// format-floor.md, 20.6 and 20.7: modes 13 and 15.
pub(crate) fn decode_dithered(
    payload: &[u8],
    height: usize,
    width: usize,
    shifts: &[f32],
    by_position: bool,
) -> Result<Vec<u16>, Error> {
    let mut bytes = Bytes::new(payload);
    let median = f32::from(bytes.i16()?);
    let floor = f32::from(bytes.u16()?);
    let offsets = shifts.iter().map(|s| -s).collect();
    let tile = Tile { height, width, median, floor, offsets, helpers: None, by_position };
    Model::new(&tile).run(&tile, Source::Coded(Coder::new(bytes.rest())))
}

/// 9.1: the samples of a tile of `height` rows of `width` pixels, row by row. Every reference plane
/// has as many; there are none in mode 4.
pub(crate) fn decode(
    payload: &[u8],
    height: usize,
    width: usize,
    references: &[Vec<u16>],
) -> Result<Vec<u16>, Error> {
    let mut bytes = Bytes::new(payload);
    let weights = read_weights(&mut bytes, references.len())?;
    let median = if references.is_empty() { f32::from(bytes.u16()?) } else { f32::from(bytes.i16()?) };
    let floor = f32::from(bytes.u16()?);

    // 9.2
    let offset = |place| weighted_sum(&weights, references, place) as f32 / 256.0;
    let offsets: Vec<f32> = (0..height * width).map(offset).collect();
    let helpers = Helpers::new(references, &offsets, height, width);

    let tile = Tile { height, width, median, floor, offsets, helpers, by_position: false };
    Model::new(&tile).run(&tile, Source::Coded(Coder::new(bytes.rest())))
}
