//! FITS and .npy files as stacks, with what is needed to write them again.

use super::source::Source;
use anyhow::{Context, Result, bail};
use nf_codec::container::{ImageSource, Layout, MAGIC, SampleFormat, Segment};
use nf_fits::npy::{self, NpyFile};
use nf_fits::{FitsFile, FitsWriter, HduKind, ImageHdu, SampleMap, SampleType};
use nf_image::{Image16, PlaneAxis, Shape};
use std::borrow::Cow;
use std::io::{Read, Write};
use std::ops::Range;
use std::sync::Arc;

/// A file of pixels.
pub(crate) struct Input {
    /// What kind of file it is.
    pub(crate) kind: FileKind,
    /// Its stacks, in order.
    pub(crate) stacks: Vec<Box<dyn ImageSource>>,
    /// How to write it again from its stacks.
    pub(crate) layout: Layout,
}

/// The kinds of files that hold pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Fits,
    Npy,
}

impl FileKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fits => "FITS",
            Self::Npy => "npy",
        }
    }

    /// The kind of the file that a layout writes.
    pub(crate) fn of_layout(layout: &Layout) -> Self {
        match layout.segments.first() {
            Some(Segment::Verbatim(bytes)) if npy::is_npy(bytes) => Self::Npy,
            _ => Self::Fits,
        }
    }
}

/// Opens a file of pixels.
///
/// # Errors
/// If it is of no kind that we know, is damaged, or holds no 16-bit image.
pub(crate) fn read(source: Source) -> Result<Input> {
    let name = source.name();
    let first = source.first(MAGIC.len() as u64)?;
    if first == MAGIC {
        bail!("{name}: this is a noisefloor container already, expected a FITS or .npy file");
    }
    if first.is_empty() {
        bail!("{name}: the file is empty, expected a FITS or .npy file");
    }
    if npy::is_npy(&first) { read_npy(&source) } else { read_fits(source) }.with_context(|| name)
}

fn read_npy(source: &Source) -> Result<Input> {
    let mut bytes = Vec::new();
    source.reader()?.read_to_end(&mut bytes)?;
    let file = npy::parse(&bytes, &nf_fits::Limits::default())?;
    let layout = npy_layout(&bytes, &file);
    Ok(Input { kind: FileKind::Npy, stacks: vec![Box::new(file.image)], layout })
}

/// The header as it stands, then the values in their form, then what follows the array. Values in Fortran order come
/// back in C order, which is the same array in another file.
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

fn read_fits(source: Source) -> Result<Input> {
    let file = Arc::new(match source {
        Source::Disk(path) => FitsFile::open(path)?,
        Source::Memory(bytes, _) => FitsFile::from_bytes(bytes)?,
    });
    let mut stacks: Vec<Box<dyn ImageSource>> = Vec::new();
    let mut segments = Vec::new();
    let mut not_coded = Vec::new();
    for (index, hdu) in file.hdus().iter().enumerate() {
        let image = match hdu.kind() {
            HduKind::Image(_) | HduKind::TiledImage(_) => Some(file.image(index)?),
            HduKind::UnreadableImage => {
                not_coded.extend(file.image(index).err().map(anyhow::Error::from));
                None
            }
            _ => None,
        };
        match image.filter(|image| image.pixels() > 0).map(|image| (image, sample_map(&image))) {
            Some((_, Err(error))) if !is_not_u16(&error) => return Err(error),
            Some((image, Ok((format, offset)))) => {
                let number = u32::try_from(stacks.len()).context("too many images")?;
                stacks.push(Box::new(OnDisk { file: Arc::clone(&file), index, shape: image.shape() }));
                segments.push(Segment::Verbatim(image.image_header().bytes().to_vec()));
                segments.push(Segment::Samples { image: number, format, offset });
                segments.push(padding(&file, &image)?);
            }
            other => {
                not_coded.extend(other.and_then(|(_, map)| map.err()));
                segments.push(verbatim(&file, hdu.range())?);
            }
        }
    }
    segments.push(verbatim(&file, file.rest())?);
    if stacks.is_empty() {
        match not_coded.into_iter().next() {
            Some(reason) => return Err(reason),
            None => bail!("there is no image in this FITS file"),
        }
    }
    for reason in not_coded {
        tracing::warn!("an image is kept as it is, not coded: {reason:#}");
    }
    segments.retain(|segment| *segment != Segment::Verbatim(Vec::new()));
    Ok(Input { kind: FileKind::Fits, stacks, layout: Layout { segments } })
}

/// The bytes of a range, as far as the file reaches: the padding of the last HDU may be missing.
fn verbatim(file: &FitsFile, range: Range<u64>) -> Result<Segment> {
    let end = range.end.min(file.len_bytes());
    Ok(Segment::Verbatim(file.read_bytes(range.start..end.max(range.start))?))
}

/// What follows the samples of an image up to the next block: of a compressed one, what would follow.
fn padding(file: &FitsFile, image: &ImageHdu<'_>) -> Result<Segment> {
    if image.tiling().is_none() {
        return verbatim(file, image.hdu().data_range().end..image.hdu().range().end);
    }
    let data_bytes = image.pixels() * image.sample_type().bytes() as u64;
    let padded = data_bytes.next_multiple_of(nf_fits::BLOCK_BYTES as u64);
    Ok(Segment::Verbatim(vec![0; (padded - data_bytes) as usize]))
}

/// Whether all that is wrong with an image is that its pixels are no 16-bit samples.
fn is_not_u16(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(nf_fits::Error::NotU16 { .. }))
}

/// How samples are stored in the (uncompressed) file, if the pixels are samples, which of wide ones takes a look at all.
fn sample_map(image: &ImageHdu<'_>) -> Result<(SampleFormat, i64)> {
    image.check_samples()?;
    let sample = image.sample_type();
    let map = SampleMap::new(sample, image.header())?;
    let format = sample_format(sample).with_context(|| format!("HDU {}: {sample} pixels", image.index()))?;
    Ok((format, map.offset()))
}

fn sample_format(sample: SampleType) -> Option<SampleFormat> {
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
}

impl ImageSource for OnDisk {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn axis(&self) -> PlaneAxis {
        PlaneAxis::None
    }

    fn band(&mut self, planes: Range<usize>, rows: Range<usize>) -> nf_codec::Result<Cow<'_, Image16>> {
        let failed = |error: nf_fits::Error| nf_codec::Error::Io {
            what: format!("HDU {}", self.index),
            source: std::io::Error::other(error),
        };
        let image = self.file.image(self.index).map_err(failed)?;
        if rows.len() == self.shape.height {
            return Ok(Cow::Owned(image.read_planes(planes).map_err(failed)?));
        }
        let shape = Shape::new(planes.len(), rows.len(), self.shape.width);
        let mut band = Image16::zeros(shape);
        for (i, plane) in planes.enumerate() {
            band.paste(&image.read_rows(plane, rows.clone()).map_err(failed)?, i, 0, 0);
        }
        Ok(Cow::Owned(band))
    }
}

/// Writes stacks as the images of a new FITS file.
///
/// # Errors
/// If the destination fails.
pub(crate) fn write_fits(images: &[Image16], out: &mut dyn Write) -> Result<()> {
    let mut writer = FitsWriter::new(out);
    for image in images {
        writer.image(image, None)?;
    }
    Ok(())
}

/// Writes a stack as an .npy file.
///
/// # Errors
/// If the destination fails.
pub(crate) fn write_npy(image: &Image16, out: &mut dyn Write) -> Result<()> {
    Ok(out.write_all(&npy::write(image))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file that the layout writes from the stacks.
    fn again(bytes: &[u8]) -> Vec<u8> {
        let mut input = read(Source::Memory(bytes.to_vec(), "test".to_owned())).unwrap();
        let stacks: Vec<Image16> = input
            .stacks
            .iter_mut()
            .map(|stack| {
                let shape = stack.shape();
                stack.band(0..shape.planes, 0..shape.height).unwrap().into_owned()
            })
            .collect();
        let mut out = Vec::new();
        input.layout.write(|stack, sink| sink(&stacks[stack as usize]), &mut out).unwrap();
        out
    }

    fn npy_file(descr: &str, fortran: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': (3, 4), }}\n");
        let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header.into_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn npy_files_come_back_byte_for_byte() {
        let data: Vec<u8> = (0..30u8).map(|i| i.wrapping_mul(23)).collect();
        for descr in ["<u2", ">u2", "<i2", ">i2", "|u1", "|i1"] {
            // Bytes behind the array included.
            let bytes = npy_file(descr, "False", &data);
            assert_eq!(again(&bytes), bytes, "{descr}");
            // In Fortran order the array is the same, and so is its type.
            let fortran = npy_file(descr, "True", &data);
            let (written, limits) = (again(&fortran), nf_fits::Limits::default());
            let parse = |bytes: &[u8]| npy::parse(bytes, &limits).unwrap();
            assert_eq!(parse(&written).image, parse(&fortran).image, "{descr}");
            assert_eq!(parse(&written).form, parse(&fortran).form, "{descr}");
        }
    }

    #[test]
    fn unsigned_64_bit_images_come_back_byte_for_byte() {
        let lines = [
            "SIMPLE  = T",
            "BITPIX  = 64",
            "NAXIS   = 1",
            "NAXIS1  = 2",
            "BZERO   = 9223372036854775808",
            "END",
        ];
        let mut bytes: Vec<u8> = lines.iter().flat_map(|line| format!("{line:<80}").into_bytes()).collect();
        bytes.resize(2880, b' ');
        bytes.extend(i64::MIN.to_be_bytes());
        bytes.extend((i64::MIN + 65535).to_be_bytes());
        bytes.resize(5760, 0);
        assert_eq!(again(&bytes), bytes);
    }
}
