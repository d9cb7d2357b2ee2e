//! Whether a file is what its sums say.

use super::original::original_hdus;
use crate::Result;
use crate::checksum::{Checksums, Sum, judge};
use crate::file::FitsFile;

/// What the sums of an HDU say: those of the HDU as it is, and those of the image or table that is
/// compressed in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HduChecksums {
    /// Of the HDU as it stands in the file.
    pub stored: Checksums,
    /// Of the original inside, if it is compressed; not judged (`None`) where bits were lost, or
    /// where the table's own sums are wrong.
    pub original: Option<Checksums>,
}

impl HduChecksums {
    /// Whether the HDU is not what its sums say. Wrong sums of an original whose table is right
    /// were wrong before it was compressed.
    pub fn is_damaged(&self) -> bool {
        let unvouched = self.stored == Checksums::None && self.original == Some(Checksums::BadData);
        self.stored.is_wrong() || unvouched
    }
}

/// Checks the sums of a file, HDU by HDU, decoding every tile.
///
/// # Errors
/// If the file is damaged in a way that the sums do not speak of.
pub fn verify(file: &FitsFile) -> Result<Vec<HduChecksums>> {
    file.refuse_part()?;
    let stored = |hdu| Ok(HduChecksums { stored: file.checksums(hdu)?, original: None });
    let mut found: Vec<HduChecksums> = file.hdus().iter().map(stored).collect::<Result<_>>()?;
    for original in original_hdus(file) {
        let found = &mut found[original.hdu().index()];
        if !original.is_restored() || found.stored.is_wrong() {
            continue;
        }
        let mut sum = Sum::default();
        original.each_band(&mut |bytes| {
            sum.update(bytes);
            Ok(())
        })?;
        found.original = (!original.is_lossy()).then(|| judge(original.header(), sum.value()));
    }
    Ok(found)
}
