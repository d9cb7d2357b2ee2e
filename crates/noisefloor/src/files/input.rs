//! FITS and .npy files from the disk or a pipe as stacks.

use super::source::Source;
use crate::registry::tools;
use anyhow::{Context, Result};
use nf_archive::input::Input;

/// Opens a file of pixels.
///
/// # Errors
/// If it is of no kind that we know, is damaged, or holds no 16-bit image.
pub(crate) fn read(source: Source) -> Result<Input> {
    match source {
        Source::Disk(path) => nf_archive::input::read(&path, &tools()),
        Source::Memory(bytes, name) => nf_archive::input::of_bytes(bytes, &tools()).context(name),
    }
}
