//! What a decoder may spend on bytes that it does not trust.

use crate::{Error, Result};
use nf_image::Shape;

/// Bounds that are checked before anything is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels of one decoded stack.
    pub max_pixels: u64,
    /// Most bytes of memory that a decoder may hold beside the decoded stack and its input.
    pub max_memory_bytes: u64,
}

impl Default for Limits {
    /// Those of 8 GiB: 2^32 pixels, and 8 GiB of working memory.
    fn default() -> Self {
        Self::of_memory(8 << 30)
    }
}

impl Limits {
    /// A decoded stack of at most `bytes` bytes, and as much working memory.
    pub const fn of_memory(bytes: u64) -> Self {
        Self { max_pixels: bytes / 2, max_memory_bytes: bytes }
    }

    /// The pixels of `shape`, if it is allowed; `what` names the input in the error.
    ///
    /// An extent of zero does not excuse the others: loops run over them.
    ///
    /// # Errors
    /// [`Error::Limit`] if the stack has more pixels than `max_pixels`.
    pub fn check_shape(&self, what: &str, shape: Shape) -> Result<usize> {
        let at_least_one = Shape::new(shape.planes.max(1), shape.height.max(1), shape.width.max(1));
        let needed = at_least_one.checked_pixels().map_or(u64::MAX, |pixels| pixels as u64);
        if needed > self.max_pixels {
            let what = what.to_owned();
            return Err(Error::Limit { what, needed, limit: self.max_pixels, unit: "pixels" });
        }
        Ok(shape.pixels())
    }

    /// Whether `needed` bytes of working memory are allowed; `what` names the input in the error.
    ///
    /// # Errors
    /// [`Error::Limit`] if they are not.
    pub fn check_memory(&self, what: &str, needed: u64) -> Result<()> {
        if needed > self.max_memory_bytes {
            let what = what.to_owned();
            let limit = self.max_memory_bytes;
            return Err(Error::Limit { what, needed, limit, unit: "bytes of memory" });
        }
        Ok(())
    }
}
