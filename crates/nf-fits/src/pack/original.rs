//! A file as it is, or was, without compression: the one place for the rules that restore it.
//!
//! The rules are those of cfitsio's `funpack` (1.7), which also hold for files that it cannot
//! restore:
//!
//! - A compressed image whose header has ZSIMPLE and that follows an empty primary HDU was a
//!   primary image: the empty HDU was put before it by the packing program and goes. Cards of its
//!   own that it got since are appended to the image's, so that nothing is lost.
//! - ZSIMPLE anywhere else makes an image extension, because only the first HDU of a file is
//!   primary.
//! - A compressed table becomes the table it was.
//! - Everything else keeps its bytes.

use super::bytes::{Remainder, copy};
use crate::checksum::{Checksums, Sum, judge, stamp};
use crate::file::FitsFile;
use crate::hdu::{Hdu, HduKind, padded};
use crate::header::{BLOCK_BYTES, Header};
use crate::image::ImageHdu;
use crate::tables::restore::table_header;
use crate::tables::{Pieces, TableReader};
use crate::tiled::restore::merged;
use crate::write::primary_to_extension;
use crate::{Error, Result};
use std::borrow::Cow;
use std::io::Write;

/// Pixels that are decoded at once.
const BAND_PX: usize = 1 << 20;

/// One HDU of the file as it is, or was, without compression: a header, then pixels if it is an
/// image or rows and heap if it is a compressed table, and the bytes up to the next HDU.
#[derive(Clone)]
pub struct OriginalHdu<'a> {
    file: &'a FitsFile,
    hdu: &'a Hdu,
    image: Option<ImageHdu<'a>>,
    header: Cow<'a, Header>,
}

/// The HDUs of the uncompressed file. [`FitsFile::rest`] follows them.
pub fn original_hdus(file: &FitsFile) -> Vec<OriginalHdu<'_>> {
    let mut hdus: Vec<OriginalHdu<'_>> =
        file.hdus().iter().map(|hdu| OriginalHdu::as_it_stands(file, hdu)).collect();
    let was_primary = |hdu: &OriginalHdu<'_>| hdu.is_restored() && hdu.header.card("SIMPLE").is_some();
    if matches!(hdus[0].hdu.kind(), HduKind::Empty) && hdus.get(1).is_some_and(was_primary) {
        let stand_in = hdus.remove(0);
        hdus[0].header = Cow::Owned(merged(&hdus[0].header, &stand_in.header));
    }
    for hdu in hdus.iter_mut().skip(1).filter(|hdu| was_primary(hdu)) {
        hdu.header = Cow::Owned(primary_to_extension(&hdu.header));
    }
    hdus
}

impl<'a> OriginalHdu<'a> {
    fn as_it_stands(file: &'a FitsFile, hdu: &'a Hdu) -> Self {
        let image = file.image(hdu.index()).ok().filter(|image| image.pixels() > 0);
        let header = match hdu.kind() {
            HduKind::TiledTable(_) => Cow::Owned(table_header(hdu.header())),
            _ => image.map_or(Cow::Borrowed(hdu.header()), |image| image.image_header()),
        };
        Self { file, hdu, image, header }
    }

    /// The HDU of the file that holds it.
    pub fn hdu(&self) -> &'a Hdu {
        self.hdu
    }

    /// The image, if there is one of at least one pixel.
    pub fn image(&self) -> Option<ImageHdu<'a>> {
        self.image
    }

    /// The table inside, if it is a compressed one.
    fn table(&self) -> Option<TableReader<'a>> {
        let HduKind::TiledTable(tiling) = self.hdu.kind() else { return None };
        let (source, limits) = (self.file.source(), self.file.limits());
        Some(TableReader { tiling, source, data: self.hdu.data_range().start, limits })
    }

    /// Whether it is compressed in the file, so that header and data are restored.
    pub fn is_restored(&self) -> bool {
        self.hdu.is_compressed()
    }

    /// Whether compressing it lost bits, so that the original cannot be had back.
    pub fn is_lossy(&self) -> bool {
        self.image.and_then(|image| image.tiling()).is_some_and(|tiling| tiling.is_lossy())
    }

    /// The header before compression. Where bits were lost, sums in it are those of the pixels
    /// before the loss.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header that goes with the pixels: where bits were lost, its sums are made anew, for
    /// which all pixels are decoded.
    ///
    /// # Errors
    /// If a tile is damaged.
    pub fn header_of_pixels(&self) -> Result<Cow<'_, Header>> {
        if !self.is_lossy() || !has_sums(&self.header) {
            return Ok(Cow::Borrowed(&self.header));
        }
        let mut sum = Sum::default();
        self.each_band(&mut |bytes| {
            sum.update(bytes);
            Ok(())
        })?;
        Ok(Cow::Owned(self.stamped(sum.value())))
    }

    /// The header with the sums, where it has any, of data that sum to `datasum`.
    pub(super) fn stamped(&self, datasum: u32) -> Header {
        let mut header = self.header.clone().into_owned();
        stamp(&mut header, datasum);
        header
    }

    /// Bytes that [`OriginalHdu::each_band`] hands out: all pixels of an image, rows and heap of a
    /// compressed table.
    pub fn band_bytes(&self) -> u64 {
        match self.table() {
            Some(table) => table.tiling.raw_bytes(),
            None => self.image.map_or(0, |image| image.pixels() * image.sample_type().bytes() as u64),
        }
    }

    /// What follows the header and the bytes of [`OriginalHdu::each_band`]: the rest of the data
    /// unit, which is all of it in a table that is not compressed, and the padding.
    pub fn remainder(&self) -> Remainder {
        let band_bytes = self.band_bytes();
        if self.is_restored() {
            return Remainder::Zeros(padded(band_bytes) - band_bytes);
        }
        let start = self.hdu.data_range().start + band_bytes;
        // The padding of the last HDU may be cut off.
        Remainder::InFile(start..self.hdu.range().end.min(self.file.len_bytes()).max(start))
    }

    /// Length of the uncompressed HDU.
    pub fn len_bytes(&self) -> u64 {
        self.header.bytes().len() as u64 + self.band_bytes() + self.remainder().len_bytes()
    }

    /// Why its bytes would not follow from header and pixels alone, if they would not.
    pub(super) fn irregularity(&self) -> Result<Option<String>> {
        let Remainder::InFile(range) = self.remainder() else { return Ok(None) };
        let pixel_bytes = self.band_bytes();
        let longer = self.hdu.data_bytes() - pixel_bytes;
        if longer > 0 {
            return Ok(Some(format!(
                "its data are {longer} bytes longer than its pixels (PCOUNT or GCOUNT)"
            )));
        }
        if range.end - range.start < padded(pixel_bytes) - pixel_bytes {
            return Ok(Some("the padding behind its data is missing".to_owned()));
        }
        let mut scratch = Vec::new();
        // The padding is shorter than a block.
        let padding =
            self.file.source().bytes(range.start, (range.end - range.start) as usize, &mut scratch)?;
        let zero = padding.iter().all(|&byte| byte == 0);
        Ok((!zero).then(|| "the padding behind its data is not zero".to_owned()))
    }

    /// Refuses a compressed image or table that is damaged on the word of its sums: those of the
    /// table that holds it, or, where that has none, the DATASUM of the original, for which all of
    /// it is decoded. A table that damage keeps from being read as either is refused as well.
    ///
    /// # Errors
    /// [`Error::Damaged`], unless the file is [`FitsFile::salvaged`], or if a tile cannot be
    /// decoded.
    pub fn check_sums(&self) -> Result<()> {
        let suspect = self.is_restored() || self.hdu.is_meant_as_compressed();
        if suspect && !self.file.is_salvaged() {
            self.file.refuse_damaged(self.hdu)?;
        }
        if !self.is_restored() {
            return Ok(());
        }
        if self.is_lossy() || !has_sums(&self.header) || self.file.checksums(self.hdu)? != Checksums::None {
            return Ok(());
        }
        let mut sum = Sum::default();
        self.each_band(&mut |bytes| {
            sum.update(bytes);
            Ok(())
        })?;
        self.check_restored(judge(&self.header, sum.value()))
    }

    /// Refuses restored data that do not have the DATASUM of the original, unless the sums of the
    /// table that holds them vouch for them: then the original's was wrong already.
    fn check_restored(&self, sums: Checksums) -> Result<()> {
        let unvouched = sums == Checksums::BadData && self.file.checksums(self.hdu)? != Checksums::Good;
        if !unvouched || self.file.is_salvaged() {
            return Ok(());
        }
        let problem =
            "the restored data do not have the DATASUM of the original, and the compressed table has no \
                       sums of its own: it is damaged"
                .to_owned();
        Err(Error::Damaged { hdu: self.hdu.index(), problem })
    }

    /// Writes the uncompressed HDU; what its sums say of restored data.
    pub(super) fn write(&self, out: &mut dyn Write, progress: &mut dyn FnMut(u64)) -> Result<Checksums> {
        let header = self.header_of_pixels()?;
        out.write_all(header.bytes()).map_err(Error::writing())?;
        let mut sums = Checksums::None;
        let summed = self.is_restored() && has_sums(&header);
        let pixel_bytes = self.image.map_or(0, |image| image.sample_type().bytes() as u64);
        let mut sum = Sum::default();
        self.each_band(&mut |bytes| {
            if summed {
                sum.update(bytes);
            }
            progress((bytes.len() as u64).checked_div(pixel_bytes).unwrap_or(0));
            out.write_all(bytes).map_err(Error::writing())
        })?;
        if summed {
            sums = judge(&header, sum.value());
            self.check_restored(sums)?;
        }
        match self.remainder() {
            Remainder::InFile(range) => copy(self.file, range, out)?,
            Remainder::Zeros(count) => {
                out.write_all(&[0; BLOCK_BYTES][..count as usize]).map_err(Error::writing())?;
            }
        }
        Ok(sums)
    }

    /// Hands out the big-endian bytes of the pixels, or those of a compressed table, in order, a
    /// row of tiles or more at a time.
    pub fn each_band(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut bytes = Vec::new();
        if let Some(mut pieces) = self.pieces()? {
            while pieces.next(&mut bytes)? {
                take(&bytes)?;
            }
        }
        let Some(image) = self.image else { return Ok(()) };
        if !self.is_restored() {
            // As they stand in the file.
            let start = self.hdu.data_range().start;
            return self.file.source().each_piece(start..start + self.band_bytes(), take);
        }
        for band in image.bands(BAND_PX) {
            bytes.clear();
            image.read_section(&band)?.write_be_bytes(&mut bytes);
            take(&bytes)?;
        }
        Ok(())
    }
}

impl<'a> OriginalHdu<'a> {
    /// The bytes of a compressed table, as [`OriginalHdu::each_band`] hands them out, unless its
    /// sums say that it is damaged.
    pub(super) fn pieces(&self) -> Result<Option<Pieces<'a>>> {
        let Some(table) = self.table() else { return Ok(None) };
        if !self.file.is_salvaged() {
            self.file.refuse_damaged(self.hdu)?;
        }
        Ok(Some(table.pieces()))
    }
}

pub(super) fn has_sums(header: &Header) -> bool {
    header.card("DATASUM").is_some() || header.card("CHECKSUM").is_some()
}
