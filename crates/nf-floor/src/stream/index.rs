//! What comes before the bytes of the tiles.
//!
//! ```text
//! version      u8       1; 2 if any tile has reference planes; 3 if any needs a detector profile
//! tile height  varint   rows of a tile; the last row of tiles may be lower
//! tile width   varint   columns of a tile; the last column of tiles may be narrower
//! profile      8 bytes  only in version 3: the key of the profile
//! row, column  varints  only in version 3: where the first pixel lies on the profile's detector
//! index        per tile, plane by plane, row by row: bytes (varint), CRC-32 of these bytes (u32 LE);
//!              in versions 2 and 3 then the number of its reference planes (u8), at most 4: those right
//!              before its own
//! ```
//!
//! A varint is base 128, least significant group first, the high bit set in all bytes but the last.

use super::MAX_TILE_PX;
use super::grid::Grid;
use super::inter_plane::CodedTile;
use crate::predict::terms::MAX_REFERENCES;
use nf_codec::{Error, Result};
use nf_image::Shape;
use std::ops::Range;

/// The version of a stream whose tiles all decode alone: its first byte.
pub(super) const VERSION_ALONE: u8 = 1;

/// The version of a stream with tiles that have reference planes.
pub(super) const VERSION_REFERENCES: u8 = 2;

/// The version of a stream that needs a detector profile.
pub(super) const VERSION_PROFILE: u8 = 3;

/// Most bytes that naming a profile and a place adds to a stream.
pub(super) const MOST_PLACE_BYTES: usize = 18;

/// The profile that a stream needs, and where its first pixel lies on the detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) key: [u8; 8],
    pub(super) row: usize,
    pub(super) column: usize,
}

/// Version, extents and index of a stream of these tiles, which need a profile if there is a
/// `place`.
pub(super) fn write(grid: &Grid, tiles: &[CodedTile], place: Option<Place>) -> Vec<u8> {
    let alone = place.is_none() && tiles.iter().all(|tile| tile.references == 0);
    let version = match place {
        Some(_) => VERSION_PROFILE,
        None if alone => VERSION_ALONE,
        None => VERSION_REFERENCES,
    };
    let mut bytes = vec![version];
    put_varint(&mut bytes, grid.tile_height);
    put_varint(&mut bytes, grid.tile_width);
    if let Some(Place { key, row, column }) = place {
        bytes.extend_from_slice(&key);
        put_varint(&mut bytes, row);
        put_varint(&mut bytes, column);
    }
    for tile in tiles {
        put_varint(&mut bytes, tile.bytes.len());
        bytes.extend_from_slice(&crc32fast::hash(&tile.bytes).to_le_bytes());
        if !alone {
            bytes.push(tile.references as u8);
        }
    }
    bytes
}

/// Where a tile's bytes are, their checksum, and how many reference planes it has.
pub(super) struct IndexEntry {
    pub(super) bytes: Range<usize>,
    pub(super) crc: u32,
    pub(super) references: usize,
}

/// What [`write`] wrote, for a stack of `shape`.
///
/// # Errors
/// If it was not written for such a stack, or bytes follow the tiles.
pub(super) fn read(bytes: &[u8], shape: Shape) -> Result<(Grid, Vec<IndexEntry>, Option<Place>)> {
    let what = "floor index";
    let mut at = bytes;
    let version = match take(&mut at, 1) {
        Some(&[version @ VERSION_ALONE..=VERSION_PROFILE]) => version,
        Some(other) => {
            let needed = format!("a decoder of floor streams of version {}", other[0]);
            let present = format!("one of versions {VERSION_ALONE} to {VERSION_PROFILE}");
            return Err(Error::Mismatch { what: what.into(), needed, present });
        }
        None => return Err(Error::truncated(what)),
    };
    let varint = |at: &mut &[u8]| take_varint(at).ok_or_else(|| Error::truncated(what));
    let (tile_height, tile_width) = (varint(&mut at)?, varint(&mut at)?);
    let pixels = tile_height.min(shape.height).checked_mul(tile_width.min(shape.width));
    if tile_height == 0 || tile_width == 0 || pixels.is_none_or(|pixels| pixels > MAX_TILE_PX) {
        let reason = format!("tiles of {tile_height}x{tile_width}, at most {MAX_TILE_PX} pixels are allowed");
        return Err(Error::corrupt(what, reason));
    }
    let grid = Grid { shape, tile_height, tile_width };
    let place = match version {
        VERSION_PROFILE => {
            let key = take(&mut at, 8).and_then(|key| key.try_into().ok());
            let key = key.ok_or_else(|| Error::truncated(what))?;
            Some(Place { key, row: varint(&mut at)?, column: varint(&mut at)? })
        }
        _ => None,
    };
    // A tile takes five bytes of index at least, so this also bounds the memory of the index.
    if grid.tiles() > at.len() / 5 {
        return Err(Error::truncated(what));
    }
    let mut lengths = Vec::with_capacity(grid.tiles());
    for _ in 0..grid.tiles() {
        let length = varint(&mut at)?;
        let crc = take(&mut at, 4).ok_or_else(|| Error::truncated(what))?;
        let references = match version {
            VERSION_ALONE => 0,
            _ => usize::from(take(&mut at, 1).ok_or_else(|| Error::truncated(what))?[0]),
        };
        let tile = grid.tile(lengths.len());
        let most = tile.plane.min(MAX_REFERENCES);
        if references > most {
            let name = tile.name(lengths.len());
            let reason = format!("{references} reference planes of {name}, expected at most {most}");
            return Err(Error::corrupt(what, reason));
        }
        lengths.push((length, u32::from_le_bytes([crc[0], crc[1], crc[2], crc[3]]), references));
    }
    let mut start = bytes.len() - at.len();
    let mut index = Vec::with_capacity(lengths.len());
    for (length, crc, references) in lengths {
        let end = start.checked_add(length).ok_or_else(|| Error::truncated(what))?;
        index.push(IndexEntry { bytes: start..end, crc, references });
        start = end;
    }
    if start < bytes.len() {
        return Err(Error::corrupt(
            "floor stream",
            format!("{} bytes after the last tile", bytes.len() - start),
        ));
    }
    Ok((grid, index, place))
}

fn take<'a>(at: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = at.split_at_checked(n)?;
    *at = tail;
    Some(head)
}

fn put_varint(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// A varint of at most 2^35 - 1; `None` if it is longer or cut short.
fn take_varint(at: &mut &[u8]) -> Option<usize> {
    let mut value = 0usize;
    for group in 0..5 {
        let byte = take(at, 1)?[0];
        value |= usize::from(byte & 0x7F) << (7 * group);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
