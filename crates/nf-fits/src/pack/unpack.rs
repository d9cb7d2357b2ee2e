//! Writing the uncompressed file.

use super::view::{Part, parts};
use crate::checksum::{Checksums, Sum, judge, stamp};
use crate::file::FitsFile;
use crate::hdu::{HduKind, padded};
use crate::header::{BLOCK_BYTES, Header};
use crate::image::ImageHdu;
use crate::{Error, Result};
use std::io::Write;
use std::ops::Range;

/// Pixels that are decoded and written at once.
const BAND_PX: usize = 1 << 20;

/// Bytes that are copied at once.
const COPY_BYTES: u64 = 1 << 20;

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
    /// What the restored sums say of the restored image; recomputed where bits were lost.
    pub checksums: Checksums,
}

/// Writes the file without compression: compressed images as they were, everything else as it is.
///
/// # Errors
/// If the file is damaged, or writing fails.
pub fn unpack(
    file: &FitsFile,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<UnpackedHdu>> {
    let mut report = Vec::new();
    for (index, part) in parts(file).iter().enumerate() {
        let mut found = UnpackedHdu {
            index,
            name: part.header().text("EXTNAME"),
            was_compressed: false,
            lossy: false,
            checksums: Checksums::None,
        };
        match part {
            Part::Image(image, header) if image.tiling().is_some() => {
                found.was_compressed = true;
                found.lossy = image.tiling().is_some_and(|tiling| tiling.is_lossy());
                found.checksums = write_plain(image, header, found.lossy, out, progress)?;
                if matches!(found.checksums, Checksums::BadData | Checksums::BadHdu) {
                    tracing::warn!(
                        "HDU {index}: the checksums of the original do not fit the restored image"
                    );
                }
            }
            // Left compressed, it would pass for unpacked.
            Part::Verbatim(hdu) if matches!(hdu.kind(), HduKind::UnreadableImage) => {
                file.image(hdu.index())?;
            }
            part => copy(file, part.hdu().range(), out)?,
        }
        report.push(found);
    }
    copy(file, file.rest(), out)?;
    Ok(report)
}

/// Writes an image without compression. Where bits were lost, the sums of the original would be wrong: they are made
/// anew, which takes a second reading.
pub(super) fn write_plain(
    image: &ImageHdu<'_>,
    header: &Header,
    lossy: bool,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Checksums> {
    let io = || Error::writing();
    let has_sums = header.card("DATASUM").is_some() || header.card("CHECKSUM").is_some();
    let mut header = header.clone();
    if lossy && has_sums {
        let mut sum = Sum::default();
        each_band(image, &mut |bytes| {
            sum.update(bytes);
            Ok(())
        })?;
        stamp(&mut header, sum.value());
    }
    out.write_all(header.bytes()).map_err(io())?;
    let mut sum = Sum::default();
    each_band(image, &mut |bytes| {
        if has_sums {
            sum.update(bytes);
        }
        progress(bytes.len() as u64 / image.sample_type().bytes() as u64);
        out.write_all(bytes).map_err(io())
    })?;
    let data_bytes = image.pixels() * image.sample_type().bytes() as u64;
    out.write_all(&[0; BLOCK_BYTES][..(padded(data_bytes) - data_bytes) as usize]).map_err(io())?;
    Ok(judge(&header, sum.value()))
}

/// Hands out the big-endian bytes of an image in order, a row of tiles or more at a time.
pub(super) fn each_band(image: &ImageHdu<'_>, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut bytes = Vec::new();
    for band in image.bands(BAND_PX) {
        bytes.clear();
        image.read_section(&band)?.write_be_bytes(&mut bytes);
        take(&bytes)?;
    }
    Ok(())
}

/// Copies bytes of the file; what a cut last padding lacks is made good with zeros.
pub(super) fn copy(file: &FitsFile, range: Range<u64>, out: &mut dyn Write) -> Result<()> {
    let mut scratch = Vec::new();
    let mut at = range.start;
    let there = range.end.min(file.len_bytes());
    while at < there {
        let len = (there - at).min(COPY_BYTES);
        let bytes = file.source().bytes(at, len as usize, &mut scratch)?;
        out.write_all(bytes).map_err(Error::writing())?;
        at += len;
    }
    let missing = range.end.saturating_sub(there) as usize;
    out.write_all(&[0; BLOCK_BYTES][..missing.min(BLOCK_BYTES)]).map_err(Error::writing())
}
