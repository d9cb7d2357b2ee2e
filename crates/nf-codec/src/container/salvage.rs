//! What is intact in a damaged container.
//!
//! Tiles are coded independently and have a checksum each, so that damage costs the tiles that it
//! touches. Header and index must be intact: without them nobody knows where tiles begin.

use super::{ImageHeader, Reader, TileInfo};
use crate::{Codec, Error, Result};
use nf_image::Image16;
use std::io::{Read, Seek};

/// A stack of which tiles may be lost.
#[derive(Debug)]
pub struct Salvaged {
    /// The pixels; those of lost tiles have the value that was asked for.
    pub image: Image16,
    /// The tiles that could not be decoded, and why.
    pub lost: Vec<(TileInfo, Error)>,
    /// All tiles of the stack.
    pub tiles: usize,
    /// Whether the pixels have the stack's digest; never if tiles are lost.
    pub is_whole: bool,
}

impl<R: Read + Seek> Reader<R> {
    /// Decodes stack `image` tile by tile; tiles that are damaged, cut or unreadable are passed
    /// over, and their pixels become `fill`.
    ///
    /// # Errors
    /// If a tile is beyond the limits, or needs another codec.
    pub fn decode_salvaged(&mut self, image: usize, codec: &dyn Codec, fill: u16) -> Result<Salvaged> {
        let ImageHeader { shape, axis, .. } = self.header().images[image];
        let tiles = self.tiles(image);
        let mut pixels = Image16::from_fn(shape, |_, _, _| fill).with_axis(axis);
        let (count, mut lost) = (tiles.len(), Vec::new());
        for tile in tiles {
            match self.decode_region(image, &tile.place, codec) {
                Ok(piece) => {
                    let place = &tile.place;
                    pixels.paste(&piece, place.planes.start, place.rows.start, place.columns.start);
                }
                Err(error @ (Error::Corrupt { .. } | Error::Truncated { .. } | Error::Io { .. })) => {
                    lost.push((tile, error));
                }
                Err(error) => return Err(error),
            }
        }
        let is_whole = lost.is_empty() && pixels.digest() == self.digest(image);
        Ok(Salvaged { image: pixels, lost, tiles: count, is_whole })
    }
}
