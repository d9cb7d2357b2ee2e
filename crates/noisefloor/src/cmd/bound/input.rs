//! FITS and .npy files as arrays of every type, with what is needed to write them again.

use super::options::{HeaderNoise, Physical};
use crate::files::source::Source;
use crate::limits;
use crate::registry::{fits_of_bytes, open_fits};
use anyhow::{Context, Result, bail};
use nf_archive::input::FileKind;
use nf_bounded::layout::{ByteOrder, Layout, Segment, read_samples};
use nf_bounded::{Array, MAX_AXES, SampleType};
use nf_codec::container;
use nf_fits::npy;
use nf_fits::pack::{OriginalHdu, Remainder, original_hdus, unpack};
use nf_fits::{FitsFile, Header, ImageHdu};
use nf_image::Digest;
use std::io::{Read, Write};

/// Names of extensions whose numbers are flags: one bit of difference is another meaning.
const FLAGS: [&str; 10] =
    ["DQ", "MASK", "BPM", "BADPIX", "FLAGS", "FLAG", "PIXELDQ", "GROUPDQ", "SEGMAP", "SEG"];

/// A file of arrays.
pub(super) struct Input {
    pub(super) kind: FileKind,
    pub(super) pieces: Vec<Piece>,
    pub(super) images: Vec<Image>,
    /// Images that are kept exactly, and why.
    pub(super) kept: Vec<String>,
    /// BLAKE3 of the file without compression.
    pub(super) digest: Digest,
}

/// What a file is put together from.
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// Header, samples, and what follows them in the data unit.
    Image {
        header: Option<Header>,
        image: usize,
        rest: Vec<u8>,
    },
}

/// An array of the file.
pub(super) struct Image {
    pub(super) array: Array,
    pub(super) order: ByteOrder,
    pub(super) physical: Physical,
    pub(super) header_noise: HeaderNoise,
    /// The sample that means "no sample".
    pub(super) blank: Option<i64>,
    /// For messages; empty where a file has but one array.
    pub(super) name: String,
    /// HDU of the file without compression.
    pub(super) hdu: usize,
}

/// Opens a file of arrays.
///
/// # Errors
/// If it is of no kind that we know, is damaged, or holds no array.
pub(super) fn read(source: Source) -> Result<Input> {
    let first = source.first(8)?;
    if first == container::MAGIC {
        bail!("this is a lossless noisefloor container, expected a FITS or .npy file; decompress it first");
    }
    if first == nf_bounded::container::MAGIC {
        bail!("this is a bounded noisefloor container already, expected a FITS or .npy file");
    }
    if first.is_empty() {
        bail!("the file is empty, expected a FITS or .npy file");
    }
    if npy::is_npy(&first) {
        let mut bytes = Vec::new();
        source.reader()?.read_to_end(&mut bytes)?;
        return of_npy(bytes);
    }
    of_fits(match source {
        Source::Disk(path) => open_fits(&path)?,
        Source::Memory(bytes, _) => fits_of_bytes(bytes)?,
    })
}

fn of_npy(mut bytes: Vec<u8>) -> Result<Input> {
    let digest = Digest(*blake3::hash(&bytes).as_bytes());
    let found = npy::locate(&bytes, &limits::fits())?;
    let sample = match found.kind.as_str() {
        "u1" => SampleType::U8,
        "i2" => SampleType::I16,
        "u2" => SampleType::U16,
        "i4" => SampleType::I32,
        "f4" => SampleType::F32,
        "f8" => SampleType::F64,
        other => bail!("its type is '{other}', a bound is for u1, i2, u2, i4, f4 and f8"),
    };
    let order = if found.big_endian { ByteOrder::Big } else { ByteOrder::Little };
    let samples = read_samples(sample, order, &bytes[found.data.clone()]);
    let array = Array::new(at_most_four(found.axes), samples)?;
    let rest = bytes.split_off(found.data.end);
    bytes.truncate(found.data.start);
    let physical = Physical { scale: 1.0, zero: 0.0 };
    let header_noise = HeaderNoise::default();
    let image = Image { array, order, physical, header_noise, blank: None, name: String::new(), hdu: 0 };
    let pieces = vec![Piece::Bytes(bytes), Piece::Image { header: None, image: 0, rest }];
    Ok(Input { kind: FileKind::Npy, pieces, images: vec![image], kept: vec![], digest })
}

/// Leading axes beyond four as one; no axis is one sample.
fn at_most_four(axes: Vec<usize>) -> Vec<usize> {
    if axes.is_empty() {
        return vec![1];
    }
    let (leading, last) = axes.split_at(axes.len().saturating_sub(MAX_AXES - 1));
    match leading.len() {
        0 | 1 => axes,
        _ => [&[leading.iter().product()], last].concat(),
    }
}

fn of_fits(file: FitsFile) -> Result<Input> {
    let mut digest = blake3::Hasher::new();
    unpack(&file, &mut digest, &mut |_| {})?;
    let digest = Digest(*digest.finalize().as_bytes());
    let (mut pieces, mut images, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let originals = original_hdus(&file);
    let primary = originals.first().map(OriginalHdu::header_of_pixels).transpose()?;
    for (hdu, original) in originals.iter().enumerate() {
        original.check_sums()?;
        kept.extend(original.hdu().unreadable().map(|error| error.to_string()));
        let header = original.header_of_pixels()?.into_owned();
        let rest = match original.remainder() {
            Remainder::InFile(range) => file.read_bytes(range)?,
            Remainder::Zeros(count) => vec![0; count as usize],
        };
        let headers = [&header, primary.as_deref().unwrap_or(&header)];
        match original.image().map(|image| image_of(&image, original, headers, hdu)).transpose()? {
            Some(Ok(image)) => {
                images.push(image);
                pieces.push(Piece::Image { header: Some(header), image: images.len() - 1, rest });
            }
            other => {
                let mut bytes = header.bytes().to_vec();
                original.each_band(&mut |band| {
                    bytes.extend_from_slice(band);
                    Ok(())
                })?;
                bytes.extend(rest);
                pieces.push(Piece::Bytes(bytes));
                kept.extend(other.and_then(Result::err));
            }
        }
    }
    pieces.push(Piece::Bytes(file.read_bytes(file.rest())?));
    if images.is_empty() {
        match kept.first() {
            Some(kept) => bail!("there is no image in this FITS file that may change ({kept})"),
            None => bail!("there is no image in this FITS file"),
        }
    }
    Ok(Input { kind: FileKind::Fits, pieces, images, kept, digest })
}

/// The array of an HDU, or why it is kept exactly.
fn image_of(
    image: &ImageHdu<'_>,
    original: &OriginalHdu<'_>,
    headers: [&Header; 2],
    hdu: usize,
) -> Result<Result<Image, String>> {
    let header = headers[0];
    let extension = header.text("EXTNAME").map(|name| name.trim().to_ascii_uppercase());
    if let Some(name) = extension.filter(|name| FLAGS.contains(&name.as_str())) {
        return Ok(Err(format!("HDU {hdu}: kept exactly, its name {name} says that it holds flags")));
    }
    let scale = header.physical_scale();
    let unsigned = scale.scale == 1.0 && scale.zero == 32768.0;
    let (sample, order) = match image.sample_type() {
        nf_fits::SampleType::U8 => (SampleType::U8, ByteOrder::Big),
        nf_fits::SampleType::I16 if unsigned => (SampleType::U16, ByteOrder::BigFlipped),
        nf_fits::SampleType::I16 => (SampleType::I16, ByteOrder::Big),
        nf_fits::SampleType::I32 => (SampleType::I32, ByteOrder::Big),
        nf_fits::SampleType::F32 => (SampleType::F32, ByteOrder::Big),
        nf_fits::SampleType::F64 => (SampleType::F64, ByteOrder::Big),
        nf_fits::SampleType::I64 => {
            return Ok(Err(format!("HDU {hdu}: kept exactly, a bound is not for 64-bit integers")));
        }
    };
    let mut bytes = Vec::new();
    original.each_band(&mut |band| {
        bytes.extend_from_slice(band);
        Ok(())
    })?;
    let axes = image.axes().iter().rev().copied().collect();
    let array = Array::new(at_most_four(axes), read_samples(sample, order, &bytes))?;
    let shift = if order == ByteOrder::BigFlipped { 32768 } else { 0 };
    let blank = scale.blank.filter(|_| !sample.is_float()).and_then(|blank| blank.checked_add(shift));
    let physical = match unsigned && sample == SampleType::U16 {
        true => Physical { scale: 1.0, zero: 0.0 },
        false => Physical { scale: scale.scale, zero: scale.zero },
    };
    let header_noise = HeaderNoise::of(headers);
    Ok(Ok(Image { array, order, physical, header_noise, blank, name: format!("HDU {hdu}: "), hdu }))
}

impl Input {
    /// The layout with the headers as they are, for the proof, or those that `header` gives.
    pub(super) fn layout(
        &self,
        mut header: impl FnMut(&Header, usize, &[u8]) -> Result<Header>,
    ) -> Result<Layout> {
        let mut segments: Vec<Segment> = Vec::new();
        let verbatim = |segments: &mut Vec<Segment>, bytes: &[u8]| match segments.last_mut() {
            _ if bytes.is_empty() => {}
            Some(Segment::Verbatim(before)) => before.extend(bytes),
            _ => segments.push(Segment::Verbatim(bytes.to_vec())),
        };
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => verbatim(&mut segments, bytes),
                Piece::Image { header: own, image, rest } => {
                    if let Some(own) = own {
                        verbatim(&mut segments, header(own, *image, rest)?.bytes());
                    }
                    let order = self.images[*image].order;
                    segments.push(Segment::Samples { array: u32::try_from(*image)?, order });
                    verbatim(&mut segments, rest);
                }
            }
        }
        Ok(Layout { segments })
    }

    /// Proves that the pieces are the file, byte for byte.
    ///
    /// # Errors
    /// If they are not.
    pub(super) fn prove_pieces(&self) -> Result<()> {
        let layout = self.layout(|header, _, _| Ok(header.clone()))?;
        let mut found = blake3::Hasher::new();
        layout.write(|image| Ok(self.images[image].array.samples().clone()), &mut found)?;
        if found.finalize().as_bytes() != &self.digest.0 {
            bail!("its bytes could not be put together again; please report this file");
        }
        Ok(())
    }

    /// Samples of all arrays.
    pub(super) fn samples(&self) -> u64 {
        self.images.iter().map(|image| image.array.samples().len() as u64).sum()
    }

    /// Bytes of all samples.
    pub(super) fn raw_bytes(&self) -> u64 {
        let bytes = |image: &Image| image.array.samples().len() * image.array.samples().sample_type().bytes();
        self.images.iter().map(|image| bytes(image) as u64).sum()
    }
}

/// The data unit of an image with other samples.
///
/// # Errors
/// If memory cannot be written to.
pub(super) fn data_unit(image: u32, order: ByteOrder, array: &Array, rest: &[u8]) -> Result<Vec<u8>> {
    let layout = Layout { segments: vec![Segment::Samples { array: image, order }] };
    let mut data = Vec::new();
    layout.write(|_| Ok(array.samples().clone()), &mut data).context("the data unit")?;
    data.write_all(rest)?;
    Ok(data)
}
