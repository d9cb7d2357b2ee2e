//! Heads of streams, and the parts that follow them.
//!
//! ```text
//! of networks that code symbol by symbol, and of row nets before version 2
//!     digest of the weights file, BLAKE3      32 bytes
//!     arithmetic                               1 byte   1
//!     height, width of tiles; tiles per batch  3 x u16, little-endian
//!     per batch: length in bytes               u32, and the batch
//! of row nets
//!     first bytes of the digest                8 bytes
//!     version                                  1 byte   2
//!     height and width of tiles                u16, little-endian
//!     per tile: length in bytes                7 bits to a byte, not of the last one; and the tile
//! ```

use super::{MAX_BATCH, MAX_TILE_PX, NAME};
use crate::batch::{STREAM, push_part, take_length, take_part};
use crate::named_weights;
use crate::tile_model::Version;
use nf_codec::{Error, Result, put_varint};
use nf_image::Digest;

/// Version of the arithmetic; it changes whenever equal weights would give other probabilities.
const ARITHMETIC: u8 = 1;

/// Bytes of the longer head.
pub(super) const HEAD_BYTES: usize = 32 + 1 + 6;

/// What row nets keep of a digest: enough to tell weights apart.
const SHORT_DIGEST_BYTES: usize = 8;

/// The version of streams with the shorter head.
const CALIBRATED: u8 = 2;

/// What a stream begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) version: Version,
    pub(super) tile_px: usize,
    /// Tiles per batch.
    pub(super) batch: usize,
}

impl Head {
    pub(super) fn to_bytes(self, digest: &Digest) -> Vec<u8> {
        let tile_px = (self.tile_px as u16).to_le_bytes();
        match self.version {
            Version::First => {
                let batch = (self.batch as u16).to_le_bytes();
                [&digest.0[..], &[ARITHMETIC], &tile_px, &tile_px, &batch].concat()
            }
            Version::Calibrated => [&digest.0[..SHORT_DIGEST_BYTES], &[CALIBRATED], &tile_px].concat(),
        }
    }

    /// The head of a stream of the weights with this digest, and what follows. Only row nets have
    /// the shorter one.
    ///
    /// # Errors
    /// If it is cut short, of other weights, of a version that is not known here, or damaged.
    pub(super) fn read<'a>(
        bytes: &'a [u8],
        digest: &Digest,
        id: &str,
        of_row_net: bool,
    ) -> Result<(Self, &'a [u8])> {
        let truncated = || Error::truncated(STREAM);
        let number = |bytes: &[u8]| usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
        let short = of_row_net && !bytes.starts_with(&digest.0);
        let (head, rest) = match short {
            true => {
                let (head, rest) =
                    bytes.split_first_chunk::<{ SHORT_DIGEST_BYTES + 3 }>().ok_or_else(truncated)?;
                let (own, [version, tile_px @ ..]) = head.split_at(SHORT_DIGEST_BYTES) else {
                    return Err(truncated());
                };
                check_digest(own, digest, id)?;
                check_version(*version, CALIBRATED)?;
                (Self { version: Version::Calibrated, tile_px: number(tile_px), batch: 1 }, rest)
            }
            false => {
                let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or_else(truncated)?;
                check_digest(&head[..32], digest, id)?;
                check_version(head[32], ARITHMETIC)?;
                let [height, width, batch] = [33, 35, 37].map(|at| number(&head[at..]));
                if height != width || !(1..=MAX_BATCH).contains(&batch) {
                    let reason = format!(
                        "tiles of {height}x{width} in batches of {batch}, expected squares, 1..={MAX_BATCH}"
                    );
                    return Err(Error::corrupt(STREAM, reason));
                }
                (Self { version: Version::First, tile_px: height, batch }, rest)
            }
        };
        if !(1..=MAX_TILE_PX).contains(&head.tile_px) {
            let reason = format!("tiles of {} pixels, expected 1..={MAX_TILE_PX}", head.tile_px);
            return Err(Error::corrupt(STREAM, reason));
        }
        if of_row_net && head.batch != 1 {
            let reason = format!("batches of {} tiles of a row net, expected 1", head.batch);
            return Err(Error::corrupt(STREAM, reason));
        }
        Ok((head, rest))
    }

    /// Fewest bytes of so many batches.
    pub(super) fn least_bytes(self, batches: usize) -> usize {
        match self.version {
            // A length and a stream's end.
            Version::First => batches.saturating_mul(4),
            // A length, but of the last, and a kind.
            Version::Calibrated => batches.saturating_mul(2).saturating_sub(1),
        }
    }

    /// Appends the bytes of all batches.
    pub(super) fn push_parts(self, bytes: &mut Vec<u8>, parts: &[Vec<u8>]) {
        for (index, part) in parts.iter().enumerate() {
            match self.version {
                Version::First => push_part(bytes, part),
                Version::Calibrated => {
                    if index + 1 < parts.len() {
                        put_varint(bytes, part.len() as u64);
                    }
                    bytes.extend(part);
                }
            }
        }
    }

    /// The bytes of so many batches, which is all that follows the head.
    ///
    /// # Errors
    /// If they are not all there, or more.
    pub(super) fn take_parts(self, mut rest: &[u8], count: usize) -> Result<Vec<&[u8]>> {
        let mut parts = vec![];
        for index in 0..count {
            let part;
            (part, rest) = match self.version {
                Version::First => take_part(rest),
                Version::Calibrated if index + 1 == count => Some((rest, &[][..])),
                Version::Calibrated => {
                    take_length(rest).and_then(|(length, rest)| rest.split_at_checked(length))
                }
            }
            .ok_or_else(|| Error::truncated(STREAM))?;
            parts.push(part);
        }
        match rest {
            [] => Ok(parts),
            _ => Err(Error::corrupt(STREAM, format!("{} bytes after the last batch", rest.len()))),
        }
    }
}

fn check_digest(own: &[u8], digest: &Digest, id: &str) -> Result<()> {
    match digest.0.starts_with(own) {
        true => Ok(()),
        false => Err(named_weights::of_others(STREAM, &own[..6], id, digest)),
    }
}

fn check_version(version: u8, known: u8) -> Result<()> {
    match version == known {
        true => Ok(()),
        false => Err(named_weights::of_other_arithmetic(STREAM, NAME, version, known)),
    }
}
