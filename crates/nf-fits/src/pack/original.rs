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
//! - Everything else keeps its bytes.

use super::bytes::{Remainder, copy};
use crate::checksum::{Checksums, Sum, judge, stamp};
use crate::file::FitsFile;
use crate::hdu::{Hdu, HduKind, padded};
use crate::header::{BLOCK_BYTES, Header};
use crate::image::ImageHdu;
use crate::tiled::restore::merged;
use crate::write::primary_to_extension;
use crate::{Error, Result};
use std::borrow::Cow;
use std::io::Write;

/// Pixels that are decoded at once.
const BAND_PX: usize = 1 << 20;

/// One HDU of the file as it is, or was, without compression: a header, pixels if it is an image,
/// and the bytes up to the next HDU.
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
        let header = image.map_or(Cow::Borrowed(hdu.header()), |image| image.image_header());
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

    /// Whether it is compressed in the file, so that header and pixels are restored.
    pub fn is_restored(&self) -> bool {
        self.image.is_some_and(|image| image.tiling().is_some())
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

    /// Bytes of all pixels.
    pub fn pixel_bytes(&self) -> u64 {
        self.image.map_or(0, |image| image.pixels() * image.sample_type().bytes() as u64)
    }

    /// What follows header and pixels: the rest of the data unit and the padding.
    pub fn remainder(&self) -> Remainder {
        let pixel_bytes = self.pixel_bytes();
        if self.is_restored() {
            return Remainder::Zeros(padded(pixel_bytes) - pixel_bytes);
        }
        let start = self.hdu.data_range().start + pixel_bytes;
        // The padding of the last HDU may be cut off.
        Remainder::InFile(start..self.hdu.range().end.min(self.file.len_bytes()).max(start))
    }

    /// Length of the uncompressed HDU.
    pub fn len_bytes(&self) -> u64 {
        self.header.bytes().len() as u64 + self.pixel_bytes() + self.remainder().len_bytes()
    }

    /// Why its bytes would not follow from header and pixels alone, if they would not.
    pub(super) fn irregularity(&self) -> Result<Option<String>> {
        let Remainder::InFile(range) = self.remainder() else { return Ok(None) };
        let pixel_bytes = self.pixel_bytes();
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

    /// Refuses a compressed image that is damaged on the word of its sums: those of its table, or,
    /// where it has none, the DATASUM of the original, for which all pixels are decoded. A table
    /// that damage keeps from being read as an image is refused as well.
    ///
    /// # Errors
    /// [`Error::Damaged`], unless the file is [`FitsFile::salvaged`], or if a tile cannot be
    /// decoded.
    pub fn check_sums(&self) -> Result<()> {
        let Some(image) = self.image.filter(|_| self.is_restored()) else {
            let suspect = self.hdu.is_meant_as_image() && !self.file.is_salvaged();
            return if suspect { self.file.refuse_damaged(self.hdu) } else { Ok(()) };
        };
        image.check_sums()?;
        if self.is_lossy() || !has_sums(&self.header) || self.file.checksums(self.hdu)? != Checksums::None {
            return Ok(());
        }
        let mut sum = Sum::default();
        self.each_band(&mut |bytes| {
            sum.update(bytes);
            Ok(())
        })?;
        self.check_pixels(judge(&self.header, sum.value()))
    }

    /// Refuses restored pixels that do not have the DATASUM of the original, unless the sums of the
    /// table vouch for them: then the original's was wrong already.
    fn check_pixels(&self, sums: Checksums) -> Result<()> {
        let unvouched = sums == Checksums::BadData && self.file.checksums(self.hdu)? != Checksums::Good;
        if !unvouched || self.file.is_salvaged() {
            return Ok(());
        }
        let problem =
            "the restored pixels do not have the DATASUM of the original, and the compressed table has no \
                       sums of its own: it is damaged"
                .to_owned();
        Err(Error::Damaged { hdu: self.hdu.index(), problem })
    }

    /// Writes the uncompressed HDU; what its sums say of a restored image.
    pub(super) fn write(&self, out: &mut dyn Write, progress: &mut dyn FnMut(u64)) -> Result<Checksums> {
        let header = self.header_of_pixels()?;
        out.write_all(header.bytes()).map_err(Error::writing())?;
        let mut sums = Checksums::None;
        if let Some(image) = self.image {
            let summed = self.is_restored() && has_sums(&header);
            let mut sum = Sum::default();
            self.each_band(&mut |bytes| {
                if summed {
                    sum.update(bytes);
                }
                progress(bytes.len() as u64 / image.sample_type().bytes() as u64);
                out.write_all(bytes).map_err(Error::writing())
            })?;
            if summed {
                sums = judge(&header, sum.value());
                self.check_pixels(sums)?;
            }
        }
        match self.remainder() {
            Remainder::InFile(range) => copy(self.file, range, out)?,
            Remainder::Zeros(count) => {
                out.write_all(&[0; BLOCK_BYTES][..count as usize]).map_err(Error::writing())?;
            }
        }
        Ok(sums)
    }

    /// Hands out the big-endian bytes of the pixels in order, a row of tiles or more at a time.
    pub fn each_band(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Some(image) = self.image else { return Ok(()) };
        let mut bytes = Vec::new();
        for band in image.bands(BAND_PX) {
            bytes.clear();
            image.read_section(&band)?.write_be_bytes(&mut bytes);
            take(&bytes)?;
        }
        Ok(())
    }
}

pub(super) fn has_sums(header: &Header) -> bool {
    header.card("DATASUM").is_some() || header.card("CHECKSUM").is_some()
}
