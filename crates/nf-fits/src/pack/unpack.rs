//! Writing the uncompressed file.

use super::bytes::copy;
use super::original::original_hdus;
use crate::Result;
use crate::checksum::Checksums;
use crate::file::FitsFile;
use std::io::Write;

/// What unpacking an HDU found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackedHdu {
    /// Number of the HDU in the uncompressed file.
    pub index: usize,
    /// EXTNAME.
    pub name: Option<String>,
    /// Whether it was compressed.
    pub was_compressed: bool,
    /// Whether compressing it had lost bits, so that the original cannot be had back.
    pub lossy: bool,
    /// What the restored sums say of the restored data; recomputed where bits were lost.
    pub checksums: Checksums,
}

/// Writes the file without compression: compressed images and tables as they were, everything else
/// as it is.
///
/// # Errors
/// If the file is damaged, or writing fails. The sums of a compressed image or table are checked
/// before it is restored; where it has none, those of the original inside are all there is, and are
/// checked once it is written. What was written before an error is not a file.
pub fn unpack(
    file: &FitsFile,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<UnpackedHdu>> {
    file.refuse_part()?;
    let mut report = Vec::new();
    for (index, hdu) in original_hdus(file).iter().enumerate() {
        if let Some(problem) = hdu.hdu().unreadable() {
            // Left compressed, it would pass for unpacked.
            return Err(problem);
        }
        if !hdu.is_restored() {
            hdu.check_sums()?;
        }
        let checksums = hdu.write(out, progress)?;
        report.push(UnpackedHdu {
            index,
            name: hdu.header().text("EXTNAME"),
            was_compressed: hdu.is_restored(),
            lossy: hdu.is_lossy(),
            checksums,
        });
    }
    copy(file, file.rest(), out)?;
    Ok(report)
}
