//! FITS and .npy files as stacks, with what is needed to write them again.

use crate::{Tools, detector};
use anyhow::{Context, Result, bail};
use nf_codec::container::{ImageSource, Layout, MAGIC, SampleFormat, Segment};
use nf_fits::npy::{self, NpyFile};
use nf_fits::pack::{Remainder, original_hdus, unpack};
use nf_fits::{FitsFile, ImageHdu, SampleMap, SampleType};
use nf_image::{Image16, PlaneAxis, Shape};
use nf_profile::library;
use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A file of pixels.
pub struct Input {
    /// What kind of file it is.
    pub kind: FileKind,
    /// Its stacks, in order.
    pub stacks: Vec<Box<dyn ImageSource>>,
    /// How to write it again from its stacks.
    pub layout: Layout,
    /// Bytes of the samples as the file stores them without compression.
    pub raw_bytes: u64,
    /// The file itself, for the proof.
    pub original: Original,
}

/// What the file is compared with once it has been restored.
pub enum Original {
    /// The FITS file.
    Fits(Arc<FitsFile>),
    /// The state of a digest that has taken all bytes of an .npy file.
    Npy(Box<blake3::Hasher>),
}

/// The kinds of files that hold pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// FITS, plain, gzipped or tile-compressed.
    Fits,
    /// NumPy's.
    Npy,
}

impl FileKind {
    /// As users know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fits => "FITS",
            Self::Npy => "npy",
        }
    }

    /// The kind of the file that a layout writes.
    pub fn of_layout(layout: &Layout) -> Self {
        match layout.segments.first() {
            Some(Segment::Verbatim(bytes)) if npy::is_npy(bytes) => Self::Npy,
            _ => Self::Fits,
        }
    }
}

/// Opens a file of pixels; its name is part of errors.
///
/// # Errors
/// If it is of no kind that we know, is damaged, or holds no 16-bit image.
pub fn read(path: &Path, tools: &Tools) -> Result<Input> {
    library::look_beside(path);
    let open = || {
        let mut first = Vec::new();
        File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut first)?;
        if is_npy(&first)? { npy_input(&fs::read(path)?, tools) } else { fits_input(tools.open_fits(path)?) }
    };
    open().with_context(|| path.display().to_string())
}

/// Takes the bytes of a file of pixels.
///
/// # Errors
/// As [`read`].
pub fn of_bytes(bytes: Vec<u8>, tools: &Tools) -> Result<Input> {
    let first = &bytes[..bytes.len().min(MAGIC.len())];
    if is_npy(first)? { npy_input(&bytes, tools) } else { fits_input(tools.fits_of_bytes(bytes)?) }
}

/// Whether a file that begins so is an .npy file; what is none is taken for a FITS file.
fn is_npy(first: &[u8]) -> Result<bool> {
    if first == MAGIC {
        bail!("this is a noisefloor container already, expected a FITS or .npy file");
    }
    if first.is_empty() {
        bail!("the file is empty, expected a FITS or .npy file");
    }
    Ok(npy::is_npy(first))
}

fn npy_input(bytes: &[u8], tools: &Tools) -> Result<Input> {
    let file = npy::parse(bytes, &tools.fits_limits())?;
    let layout = npy_layout(bytes, &file);
    let raw_bytes = file.data.len() as u64;
    let mut digest = blake3::Hasher::new();
    if layout.segments.first().is_some_and(|first| is_start_of(first, bytes)) {
        digest.update(bytes);
    } else {
        // Fortran order: the same values in C order.
        layout.write(|_, sink| sink(&file.image), &mut digest)?;
    }
    let original = Original::Npy(Box::new(digest));
    Ok(Input { kind: FileKind::Npy, stacks: vec![Box::new(file.image)], layout, raw_bytes, original })
}

fn is_start_of(segment: &Segment, bytes: &[u8]) -> bool {
    matches!(segment, Segment::Verbatim(header) if bytes.starts_with(header))
}

/// The header as it stands, then the values in their form, then what follows the array. Values in
/// Fortran order come back in C order, which is the same array in another file.
fn npy_layout(bytes: &[u8], file: &NpyFile) -> Layout {
    let (form, samples) = (file.form, file.image.samples());
    let format = match (form.wide, form.big_endian) {
        (false, _) => SampleFormat::U8,
        (true, false) => SampleFormat::U16Le,
        // Big-endian unsigned values are big-endian signed ones without an offset.
        (true, true) => SampleFormat::I16Be,
    };
    let offset = i64::from(form.offset());
    let mut written = Vec::with_capacity(file.data.len());
    let same = format.write(samples, offset, &mut written).is_ok() && written == bytes[file.data.clone()];
    let header = if same { bytes[..file.data.start].to_vec() } else { file.c_order_header() };
    if !same {
        tracing::warn!("the array is in Fortran order; it will be written in C order, with the same values");
    }
    let mut segments = vec![Segment::Verbatim(header), Segment::Samples { image: 0, format, offset }];
    if file.data.end < bytes.len() {
        segments.push(Segment::Verbatim(bytes[file.data.end..].to_vec()));
    }
    Layout { segments }
}

/// The 16-bit stacks of a FITS file, those that a reader of samples takes.
pub fn stacks(file: &Arc<FitsFile>) -> Vec<Box<dyn ImageSource>> {
    let stack = |image: ImageHdu<'_>| {
        sample_map(&image).ok()?;
        Some(on_disk(file, &image))
    };
    file.image_hdus().filter_map(stack).collect()
}

fn on_disk(file: &Arc<FitsFile>, image: &ImageHdu<'_>) -> Box<dyn ImageSource> {
    let origin = detector::origin(&image.image_header());
    Box::new(OnDisk { file: Arc::clone(file), index: image.index(), shape: image.shape(), origin })
}

/// The stacks of a FITS file, and all else that stands in it without compression.
fn fits_input(file: FitsFile) -> Result<Input> {
    let file = Arc::new(file);
    let mut stacks: Vec<Box<dyn ImageSource>> = Vec::new();
    let mut segments = Vec::new();
    let mut not_coded = Vec::new();
    let mut raw_bytes = 0;
    for original in original_hdus(&file) {
        original.check_sums()?;
        not_coded.extend(original.hdu().unreadable().map(anyhow::Error::from));
        let mut bytes = original.header_of_pixels()?.bytes().to_vec();
        match original.image().map(|image| (image, sample_map(&image))) {
            Some((image, Ok((format, offset)))) => {
                let number = u32::try_from(stacks.len()).context("too many images")?;
                raw_bytes += original.band_bytes();
                stacks.push(on_disk(&file, &image));
                segments.push(Segment::Verbatim(std::mem::take(&mut bytes)));
                segments.push(Segment::Samples { image: number, format, offset });
            }
            Some((_, Err(error))) if !is_not_u16(&error) => return Err(error),
            other => {
                not_coded.extend(other.and_then(|(_, map)| map.err()));
                original.each_band(&mut |band| {
                    bytes.extend_from_slice(band);
                    Ok(())
                })?;
            }
        }
        match original.remainder() {
            Remainder::InFile(range) => bytes.extend(file.read_bytes(range)?),
            Remainder::Zeros(count) => bytes.resize(bytes.len() + count as usize, 0),
        }
        segments.push(Segment::Verbatim(bytes));
    }
    segments.push(Segment::Verbatim(file.read_bytes(file.rest())?));
    if stacks.is_empty() {
        match not_coded.into_iter().next() {
            Some(reason) => return Err(reason),
            None => bail!(NoImage),
        }
    }
    for reason in not_coded {
        tracing::warn!("an image is kept as it is, not coded: {reason:#}");
    }
    segments.retain(|segment| *segment != Segment::Verbatim(Vec::new()));
    let original = Original::Fits(file);
    Ok(Input { kind: FileKind::Fits, stacks, layout: Layout { segments }, raw_bytes, original })
}

impl Original {
    /// Proves that `restore` writes the file, byte for byte: what unpacking it gives, or an .npy
    /// file as it stands (with its values in C order). The file is read once more. The digest is
    /// that of the restored bytes.
    ///
    /// # Errors
    /// If it is not so, or reading fails.
    pub fn prove(
        &self,
        restore: impl FnOnce(&mut dyn Write) -> nf_codec::Result<()>,
    ) -> Result<blake3::Hash> {
        let (mut expected, mut found) = (blake3::Hasher::new(), blake3::Hasher::new());
        let mut read = Ok(());
        // The file is read while the container is decoded.
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| match self {
                Self::Fits(file) => read = unpack(file, &mut expected, &mut |_| {}).map(drop),
                Self::Npy(digest) => expected = (**digest).clone(),
            });
            restore(&mut found)
        })?;
        read?;
        let digest = found.finalize();
        if expected.finalize() != digest {
            bail!("its bytes could not be restored from the container; please report this file");
        }
        Ok(digest)
    }

    /// Proves that this layout and these stacks are the file, byte for byte.
    ///
    /// # Errors
    /// As [`Original::prove`].
    pub fn prove_layout(&self, layout: &Layout, stacks: &mut [Box<dyn ImageSource>]) -> Result<blake3::Hash> {
        self.prove(|out| {
            layout.write(
                |stack, sink| {
                    let stack = &mut stacks[stack as usize];
                    let shape = stack.shape();
                    let rows = (PROOF_PX / shape.width.max(1)).max(1);
                    for plane in 0..shape.planes {
                        for start in (0..shape.height).step_by(rows) {
                            let end = (start + rows).min(shape.height);
                            sink(stack.band(plane..plane + 1, start..end)?.as_ref())?;
                        }
                    }
                    Ok(())
                },
                out,
            )
        })
    }
}

/// A FITS file without images.
#[derive(Debug)]
struct NoImage;

impl std::fmt::Display for NoImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("there is no image in this FITS file")
    }
}

impl std::error::Error for NoImage {}

/// Whether all that is wrong with a FITS file is that none of its HDUs holds 16-bit samples.
pub fn holds_no_samples(error: &anyhow::Error) -> bool {
    is_not_u16(error) || error.is::<NoImage>()
}

/// Pixels that are compared at once.
const PROOF_PX: usize = 1 << 20;

/// Whether all that is wrong with an image is that its pixels are no 16-bit samples.
fn is_not_u16(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(nf_fits::Error::NotU16 { .. }))
}

/// How samples are stored in the (uncompressed) file, if the pixels are samples, which of wide ones
/// takes a look at all.
fn sample_map(image: &ImageHdu<'_>) -> Result<(SampleFormat, i64)> {
    image.check_samples()?;
    let sample = image.sample_type();
    let map = SampleMap::new(sample, image.header())?;
    let format = sample_format(sample).with_context(|| format!("HDU {}: {sample} pixels", image.index()))?;
    Ok((format, map.offset()))
}

/// How a container writes pixels of this type, if they can be samples.
pub fn sample_format(sample: SampleType) -> Option<SampleFormat> {
    match sample {
        SampleType::U8 => Some(SampleFormat::U8),
        SampleType::I16 => Some(SampleFormat::I16Be),
        SampleType::I32 => Some(SampleFormat::I32Be),
        SampleType::I64 => Some(SampleFormat::I64Be),
        _ => None,
    }
}

/// A stack in a FITS file, read band by band.
struct OnDisk {
    file: Arc<FitsFile>,
    index: usize,
    shape: Shape,
    origin: [usize; 2],
}

impl ImageSource for OnDisk {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn axis(&self) -> PlaneAxis {
        PlaneAxis::None
    }

    fn origin(&self) -> [usize; 2] {
        self.origin
    }

    fn band(&mut self, planes: Range<usize>, rows: Range<usize>) -> nf_codec::Result<Cow<'_, Image16>> {
        let failed = |error: nf_fits::Error| nf_codec::Error::Io {
            // The error itself says in which HDU.
            what: "reading the pixels".to_owned(),
            source: std::io::Error::other(error),
        };
        let image = self.file.image(self.index).map_err(failed)?;
        if rows.len() == self.shape.height {
            return Ok(Cow::Owned(image.read_planes(planes).map_err(failed)?));
        }
        if planes.len() == 1 {
            return Ok(Cow::Owned(image.read_rows(planes.start, rows).map_err(failed)?));
        }
        let shape = Shape::new(planes.len(), rows.len(), self.shape.width);
        let mut band = Image16::zeros(shape);
        for (i, plane) in planes.enumerate() {
            band.paste(&image.read_rows(plane, rows.clone()).map_err(failed)?, i, 0, 0);
        }
        Ok(Cow::Owned(band))
    }
}

#[cfg(test)]
mod tests;
