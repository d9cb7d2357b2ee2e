//! What a reader may spend on a file that it does not trust.

use crate::{Error, Result};

/// Bounds that are checked before anything is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels of one image that are read at once.
    pub max_pixels: u64,
    /// Most bytes of a file that has no positions of its own: what a compressed file may inflate
    /// to, and what a pipe may give. Above 8 MiB such bytes lie in a temporary file, not in memory,
    /// so that this bounds the disk.
    pub max_inflated_bytes: u64,
}

impl Default for Limits {
    /// 2^32 pixels, and 8 GiB of inflated file.
    fn default() -> Self {
        Self { max_pixels: 1 << 32, max_inflated_bytes: 8 << 30 }
    }
}

impl Limits {
    /// What a caller allows who has this much memory for one image or one inflated file.
    pub fn of_memory(bytes: u64) -> Self {
        Self { max_pixels: bytes / 2, max_inflated_bytes: bytes }
    }

    /// The number of pixels of `image`, such as "HDU 2", if it is allowed.
    pub(crate) fn check_pixels(&self, image: &str, pixels: u64) -> Result<usize> {
        let limit = self.max_pixels.min(usize::MAX as u64);
        match usize::try_from(pixels) {
            Ok(pixels) if pixels as u64 <= limit => Ok(pixels),
            _ => Err(Error::Limit { what: format!("{image}: pixels"), needed: pixels, limit }),
        }
    }
}
