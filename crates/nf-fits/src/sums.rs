//! What the sums of the HDUs of a file say, and what is refused on their word.

use crate::checksum::{Checksums, Sum, judge};
use crate::file::FitsFile;
use crate::hdu::{Hdu, HduKind};
use crate::{Error, Result};

impl FitsFile {
    /// What the sums of an HDU say of it as it stands; those of a compressed image or table are
    /// looked at once.
    ///
    /// # Errors
    /// If reading fails.
    pub fn checksums(&self, hdu: &Hdu) -> Result<Checksums> {
        let kept = match hdu.kind() {
            HduKind::TiledImage(tiling) => &tiling.sums,
            HduKind::TiledTable(tiling) => &tiling.sums,
            _ => return self.sum_up(hdu),
        };
        if let Some(known) = kept.get() {
            return Ok(*known);
        }
        // Whichever thread comes first finds the same.
        Ok(*kept.get_or_init({
            let found = self.sum_up(hdu)?;
            move || found
        }))
    }

    fn sum_up(&self, hdu: &Hdu) -> Result<Checksums> {
        let header = hdu.header();
        if header.card("DATASUM").is_none() && header.card("CHECKSUM").is_none() {
            return Ok(Checksums::None);
        }
        let mut sum = Sum::default();
        let end = hdu.range().end.min(self.len_bytes());
        self.source().each_piece(hdu.data_range().start..end, |bytes| {
            sum.update(bytes);
            Ok(())
        })?;
        Ok(judge(header, sum.value()))
    }

    /// Refuses an HDU whose sums are wrong.
    pub(crate) fn refuse_damaged(&self, hdu: &Hdu) -> Result<()> {
        let problem = match self.checksums(hdu)? {
            Checksums::None | Checksums::Good => return Ok(()),
            Checksums::BadData => "DATASUM is not the sum of its data: they are damaged",
            Checksums::BadHdu => {
                "CHECKSUM is not the sum of its header and data: the header is damaged, or was edited without \
                 renewing CHECKSUM"
            }
        };
        Err(Error::Damaged { hdu: hdu.index(), problem: problem.to_owned() })
    }
}
