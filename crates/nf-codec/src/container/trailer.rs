//! The trailer: digests, and where every tile lies.

use super::{END_MAGIC, ImageHeader};
use crate::{Error, Fields, Result};
use nf_image::{Digest, Grid};

/// What the trailer says of one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ImageIndex {
    /// Digest of the stack's samples.
    pub(super) digest: Digest,
    /// Its tiles, in order.
    pub(super) tiles: Vec<TileEntry>,
}

/// What the trailer says of one tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TileEntry {
    /// Position in the container; not stored, it follows from the lengths.
    pub(super) offset_bytes: u64,
    pub(super) length_bytes: u64,
    pub(super) crc: u32,
}

const WHAT: &str = "the container's index";
const DIGEST_BYTES: u64 = 32;
const TILE_ENTRY_BYTES: u64 = 8 + 4;

/// The trailer of these stacks.
pub(super) fn to_bytes(images: &[ImageIndex]) -> Vec<u8> {
    let mut index = Vec::new();
    for image in images {
        index.extend(image.digest.0);
        for tile in &image.tiles {
            index.extend(tile.length_bytes.to_le_bytes());
            index.extend(tile.crc.to_le_bytes());
        }
    }
    let (crc, length) = (crc32fast::hash(&index), index.len() as u64);
    index.extend(crc.to_le_bytes());
    index.extend(length.to_le_bytes());
    index.extend(END_MAGIC);
    index
}

/// Reads an index whose checksum has been checked; it must fit the headers and the room for tiles
/// exactly.
pub(super) fn from_index(
    index: &[u8],
    headers: &[ImageHeader],
    tiles_start: u64,
    tiles_end: u64,
) -> Result<Vec<ImageIndex>> {
    let counts: Vec<u64> = headers
        .iter()
        .map(|image| Grid::new(image.shape, image.tile).checked_len().map(|count| count as u64))
        .collect::<Option<_>>()
        .ok_or_else(|| Error::corrupt(WHAT, "the header announces too many tiles"))?;
    let expected = counts.iter().try_fold(0u64, |sum, tiles| {
        tiles.checked_mul(TILE_ENTRY_BYTES)?.checked_add(DIGEST_BYTES)?.checked_add(sum)
    });
    if expected != Some(index.len() as u64) {
        let reason = format!("it has {} bytes, which does not fit the header's tiles", index.len());
        return Err(Error::corrupt(WHAT, reason));
    }
    let mut bytes = Fields::new(index, WHAT);
    let mut offset_bytes = tiles_start;
    let mut tile = |bytes: &mut Fields<'_>| {
        let entry = TileEntry { offset_bytes, length_bytes: bytes.u64()?, crc: bytes.u32()? };
        offset_bytes = offset_bytes
            .checked_add(entry.length_bytes)
            .filter(|&end| end <= tiles_end)
            .ok_or_else(|| Error::corrupt(WHAT, "its tiles reach beyond the room they have"))?;
        Ok(entry)
    };
    let mut images = Vec::with_capacity(headers.len());
    for count in counts {
        let digest = bytes.digest()?;
        let tiles = (0..count).map(|_| tile(&mut bytes)).collect::<Result<_>>()?;
        images.push(ImageIndex { digest, tiles });
    }
    if offset_bytes != tiles_end {
        return Err(Error::corrupt(WHAT, "its tiles do not fill the room they have"));
    }
    Ok(images)
}
