//! What comes before the bytes of the tiles.
//!
//! ```text
//! version      u8       1; 2 if any tile has reference planes; 3 if any needs a detector profile;
//!                       4 if any needs the dither; 5 if any of these has mode 15
//! tile height  varint   rows of a tile; the last row of tiles may be lower
//! tile width   varint   columns of a tile; the last column of tiles may be narrower
//! profile      8 bytes  only in version 3: the key of the profile
//! row, column  varints  only in version 3: where the first pixel lies on the profile's detector
//! seed, phases u64, u8  from version 4 on: the lattices, and whether shifts rise with them (u8)
//! places       varints  from version 4 on: of the first pixel, from row to row, from plane to plane
//! index        per tile, plane by plane, row by row: bytes (varint), CRC-32 of these bytes (u32 LE);
//!              from version 2 on then the number of its reference planes (u8), at most 4: those right
//!              before its own
//! ```
//!
//! A varint is base 128, least significant group first, the high bit set in all bytes but the last.

use super::MAX_TILE_PX;
use super::grid::Grid;
use super::inter_plane::CodedTile;
use super::mode::Mode;
use crate::predict::terms::MAX_REFERENCES;
use nf_codec::{Dither, DitheredStack, Error, Result, put_varint};
use nf_image::Shape;
use std::ops::Range;

const WHAT: &str = "floor index";

/// The version of a stream whose tiles all decode alone: its first byte.
pub(super) const VERSION_ALONE: u8 = 1;

/// The version of a stream with tiles that have reference planes.
pub(super) const VERSION_REFERENCES: u8 = 2;

/// The version of a stream that needs a detector profile.
pub(super) const VERSION_PROFILE: u8 = 3;

/// The version of a stream that states how its samples were dithered.
pub(super) const VERSION_DITHER: u8 = 4;

/// The version of such a stream with tiles of [`Mode::DitheredMixingByPosition`].
pub(super) const VERSION_POSITIONS: u8 = 5;

/// Most bytes that stating a dither adds to a stream.
pub(super) const MOST_DITHER_BYTES: usize = 40;

/// Most bytes that naming a profile and a place adds to a stream.
pub(super) const MOST_PLACE_BYTES: usize = 18;

/// The profile that a stream needs, and where its first pixel lies on the detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) key: [u8; 8],
    pub(super) row: usize,
    pub(super) column: usize,
}

/// What the tiles of a stream need beside their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Profile(Place),
    Dither(DitheredStack),
}

/// Version, extents and index of a stream of these tiles.
pub(super) fn write(grid: &Grid, tiles: &[CodedTile], needs: Needs) -> Vec<u8> {
    let by_position = |tile: &CodedTile| tile.bytes.first() == Some(&(Mode::DitheredMixingByPosition as u8));
    let alone = tiles.iter().all(|tile| tile.references == 0);
    let version = match needs {
        Needs::Profile(_) => VERSION_PROFILE,
        Needs::Dither(_) if tiles.iter().any(by_position) => VERSION_POSITIONS,
        Needs::Dither(_) => VERSION_DITHER,
        Needs::Nothing if alone => VERSION_ALONE,
        Needs::Nothing => VERSION_REFERENCES,
    };
    let mut bytes = vec![version];
    put_varint(&mut bytes, grid.tile_height as u64);
    put_varint(&mut bytes, grid.tile_width as u64);
    match needs {
        Needs::Nothing => {}
        Needs::Profile(Place { key, row, column }) => {
            bytes.extend_from_slice(&key);
            put_varint(&mut bytes, row as u64);
            put_varint(&mut bytes, column as u64);
        }
        Needs::Dither(DitheredStack { dither, rising, first, row, plane }) => {
            bytes.extend_from_slice(&dither.seed.to_le_bytes());
            bytes.extend([dither.phases, u8::from(rising)]);
            [first, row, plane].into_iter().for_each(|places| put_varint(&mut bytes, places));
        }
    }
    for tile in tiles {
        put_varint(&mut bytes, tile.bytes.len() as u64);
        bytes.extend_from_slice(&crc32fast::hash(&tile.bytes).to_le_bytes());
        if version != VERSION_ALONE {
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
pub(super) fn read(bytes: &[u8], shape: Shape) -> Result<(Grid, Vec<IndexEntry>, Needs)> {
    let mut at = bytes;
    let [version] = take(&mut at)?;
    if !(VERSION_ALONE..=VERSION_POSITIONS).contains(&version) {
        let needed = format!("a decoder of floor streams of version {version}");
        let present = format!("one of versions {VERSION_ALONE} to {VERSION_POSITIONS}");
        return Err(Error::Mismatch { what: WHAT.into(), needed, present });
    }
    let varint = |at: &mut &[u8]| take_varint(at, VARINT_BYTES).map(|value| value as usize);
    let (tile_height, tile_width) = (varint(&mut at)?, varint(&mut at)?);
    let pixels = tile_height.min(shape.height).checked_mul(tile_width.min(shape.width));
    if tile_height == 0 || tile_width == 0 || pixels.is_none_or(|pixels| pixels > MAX_TILE_PX) {
        let reason = format!("tiles of {tile_height}x{tile_width}, at most {MAX_TILE_PX} pixels are allowed");
        return Err(Error::corrupt(WHAT, reason));
    }
    let grid = Grid { shape, tile_height, tile_width };
    let needs = match version {
        VERSION_PROFILE => {
            let key = take(&mut at)?;
            Needs::Profile(Place { key, row: varint(&mut at)?, column: varint(&mut at)? })
        }
        VERSION_DITHER | VERSION_POSITIONS => Needs::Dither(take_dither(&mut at)?),
        _ => Needs::Nothing,
    };
    // A tile takes five bytes of index at least, so this also bounds the memory of the index.
    if grid.tiles() > at.len() / 5 {
        return Err(Error::truncated(WHAT));
    }
    let mut lengths = Vec::with_capacity(grid.tiles());
    for _ in 0..grid.tiles() {
        let length = varint(&mut at)?;
        let crc = u32::from_le_bytes(take(&mut at)?);
        let [references] = match version {
            VERSION_ALONE => [0],
            _ => take(&mut at)?,
        };
        let references = usize::from(references);
        let tile = grid.tile(lengths.len());
        let most = tile.plane.min(MAX_REFERENCES);
        if references > most {
            let name = tile.name(lengths.len());
            let reason = format!("{references} reference planes of {name}, expected at most {most}");
            return Err(Error::corrupt(WHAT, reason));
        }
        lengths.push((length, crc, references));
    }
    let mut start = bytes.len() - at.len();
    let mut index = Vec::with_capacity(lengths.len());
    for (length, crc, references) in lengths {
        let end = start.checked_add(length).ok_or_else(|| Error::truncated(WHAT))?;
        index.push(IndexEntry { bytes: start..end, crc, references });
        start = end;
    }
    if start < bytes.len() {
        return Err(Error::corrupt(
            "floor stream",
            format!("{} bytes after the last tile", bytes.len() - start),
        ));
    }
    Ok((grid, index, needs))
}

fn take_dither(at: &mut &[u8]) -> Result<DitheredStack> {
    let seed = u64::from_le_bytes(take(at)?);
    let [phases, rising] = take(at)?;
    if phases == 0 || rising > 1 {
        let reason = format!("a dither of {phases} lattices, direction {rising}, expected 1 to 255, 0 or 1");
        return Err(Error::corrupt(WHAT, reason));
    }
    let mut places = || take_varint(at, LONG_VARINT_BYTES);
    let (first, row, plane) = (places()?, places()?, places()?);
    Ok(DitheredStack { dither: Dither { seed, phases }, rising: rising == 1, first, row, plane })
}

fn take<const N: usize>(at: &mut &[u8]) -> Result<[u8; N]> {
    let (head, tail) = at.split_first_chunk().ok_or_else(|| Error::truncated(WHAT))?;
    *at = tail;
    Ok(*head)
}

/// Most bytes of a varint, which is then at most 2^35 - 1.
const VARINT_BYTES: u32 = 5;

/// Most bytes of a varint that counts modulo 2^64.
const LONG_VARINT_BYTES: u32 = 10;

/// A varint of at most this many bytes.
fn take_varint(at: &mut &[u8], most_bytes: u32) -> Result<u64> {
    let mut value = 0;
    for group in 0..most_bytes {
        let [byte] = take(at)?;
        value |= u64::from(byte & 0x7F) << (7 * group);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Error::truncated(WHAT))
}
