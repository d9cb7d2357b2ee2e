//! The trailer: digests, and where every tile lies.

use super::ImageHeader;
use super::version::Version;
use crate::{Error, Fields, Result, put_varint};
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

/// The trailer of these stacks.
///
/// # Errors
/// If the index is longer than a container can say.
pub(super) fn to_bytes(images: &[ImageIndex]) -> Result<Vec<u8>> {
    let mut index = Vec::new();
    let mut left: usize = images.iter().map(|image| image.tiles.len()).sum();
    for image in images {
        index.extend(image.digest.0);
        for tile in &image.tiles {
            left -= 1;
            // The last tile is as long as the space that is left.
            if left > 0 {
                put_varint(&mut index, tile.length_bytes);
            }
            index.extend(tile.crc.to_le_bytes());
        }
    }
    let crc = crc32fast::hash(&index);
    let (needed, most) = (index.len() as u64, u64::from(u32::MAX));
    let length =
        u32::try_from(needed).map_err(|_| Error::TooLarge { what: WHAT.to_owned(), needed, most })?;
    index.extend(crc.to_le_bytes());
    index.extend(length.to_le_bytes());
    index.extend(Version::Varints.end_magic());
    Ok(index)
}

/// Reads an index of this version whose checksum has been checked; it must fit the headers and the
/// room for tiles exactly.
pub(super) fn from_index(
    index: &[u8],
    version: Version,
    headers: &[ImageHeader],
    tiles_start: u64,
    tiles_end: u64,
) -> Result<Vec<ImageIndex>> {
    let counts: Vec<u64> = headers
        .iter()
        .map(|image| Grid::new(image.shape, image.tile).checked_len().map(|count| count as u64))
        .collect::<Option<_>>()
        .ok_or_else(|| Error::corrupt(WHAT, "the header announces too many tiles"))?;
    // A hostile number of tiles fails before memory is taken for them.
    let least_entry_bytes = if version == Version::Varints { 4 } else { 8 + 4 };
    let least = counts.iter().try_fold(0u64, |sum, tiles| {
        tiles.checked_mul(least_entry_bytes)?.checked_add(DIGEST_BYTES)?.checked_add(sum)
    });
    let misfit = || {
        Error::corrupt(WHAT, format!("it has {} bytes, which does not fit the header's tiles", index.len()))
    };
    if least.is_none_or(|least| least > index.len() as u64) {
        return Err(misfit());
    }
    let mut bytes = Fields::new(index, WHAT);
    let mut offset_bytes = tiles_start;
    let mut left: u64 = counts.iter().sum();
    let mut tile = |bytes: &mut Fields<'_>| {
        left -= 1;
        let length_bytes = match version {
            Version::Varints if left == 0 => tiles_end.saturating_sub(offset_bytes),
            _ => version.number::<8>(|| bytes.u8(), WHAT)?,
        };
        let entry = TileEntry { offset_bytes, length_bytes, crc: bytes.u32()? };
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
    if !bytes.is_empty() {
        return Err(misfit());
    }
    if offset_bytes != tiles_end {
        return Err(Error::corrupt(WHAT, "its tiles do not fill the room they have"));
    }
    Ok(images)
}
