//! From original files to the file of a dataset: its images found by their digests, with a short
//! header.

use crate::manifest::{FileEntry, ImageEntry};
use crate::{Error, Facts, Result};
use nf_fits::pack::{Method, PackOptions, pack};
use nf_fits::{FitsFile, FitsWriter, ImageHdu, Pixels, Section};
use nf_image::{Image16, Shape};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Cards that go into the new header, from the image's own or else the file's first one.
const KEPT: [&str; 8] =
    ["TELESCOP", "INSTRUME", "DETECTOR", "OBJECT", "FILTER", "DATE-OBS", "OBSTYPE", "EXTNAME"];

/// Writes the images of `frame`, which come from `originals` in order, to `path`: tile-compressed
/// if the frame's name says so.
///
/// # Errors
/// If an original cannot be read, or no image in it has the pixels that the manifest states.
pub(super) fn convert(originals: &[PathBuf], frame: &FileEntry, path: &Path) -> Result<()> {
    let wrong = |reason: String| Error::Image { path: frame.name.clone().into(), reason };
    let words = |error: nf_fits::Error| wrong(error.to_string());
    let mut files = vec![];
    for (original, source) in originals.iter().zip(&frame.sources) {
        let error = |error: nf_fits::Error| {
            wrong(format!("its original {}/{}: {error}", source.repository, source.path))
        };
        files.push(FitsFile::open(original).map_err(error)?);
    }
    let mut writer = FitsWriter::new(Vec::new());
    let mut start = 0;
    for (number, image) in frame.images.iter().enumerate() {
        let found = match &files[..] {
            [only] => {
                let hdus = only.image_hdus().filter(|hdu| hdu.index() >= start);
                hdus.map(|hdu| (hdu.index(), stack(&[hdu], image)))
                    .find_map(|(hdu, found)| Some((hdu, found?)))
            }
            several => {
                let hdus: Option<Vec<ImageHdu<'_>>> =
                    several.iter().map(|file| first_like(file, image)).collect();
                hdus.and_then(|hdus| Some((hdus[0].index(), stack(&hdus, image)?)))
            }
        };
        let (hdu, found) = found.ok_or_else(|| {
            let shape = image.shape();
            wrong(format!(
                "image {number}: no {shape} pixels with the digest {} in its originals",
                image.blake3
            ))
        })?;
        start = hdu + 1;
        let header = header(&files[0], hdu, found.shape(), number == 0);
        writer.image(&found, Some(&header)).map_err(words)?;
    }
    let bytes = writer.into_inner();
    let mut out = File::create(path).map_err(Error::io(path))?;
    if frame.name.to_ascii_lowercase().ends_with(".fz") {
        let file = FitsFile::from_bytes(bytes).map_err(words)?;
        let mut buffered = BufWriter::new(&mut out);
        pack(&file, &mut buffered, &PackOptions::new(Method::Rice), &mut |_| ()).map_err(words)?;
        buffered.flush().map_err(Error::io(path))?;
    } else {
        out.write_all(&bytes).map_err(Error::io(path))?;
    }
    out.sync_all().map_err(Error::io(path))
}

/// The first image of a file whose planes have the wanted extent.
fn first_like<'a>(file: &'a FitsFile, image: &ImageEntry) -> Option<ImageHdu<'a>> {
    let wanted = image.shape();
    file.image_hdus().find(|hdu| {
        let shape = hdu.shape();
        (shape.height, shape.width) == (wanted.height, wanted.width)
    })
}

/// The image, out of the first planes of some HDUs, the same number of each; `None` if its digest
/// is another.
fn stack(hdus: &[ImageHdu<'_>], image: &ImageEntry) -> Option<Image16> {
    let Shape { planes, height, width } = image.shape();
    let each = planes / hdus.len();
    let fits = |hdu: &ImageHdu<'_>| {
        let shape = hdu.shape();
        (shape.height, shape.width) == (height, width) && shape.planes >= each
    };
    if each * hdus.len() != planes || !hdus.iter().all(fits) {
        return None;
    }
    // 16-bit samples as they stand; integers in wider pixels that 16 bits hold, unsigned or signed.
    [samples, unsigned, signed].iter().find_map(|read: &fn(&ImageHdu<'_>, usize) -> Option<Vec<u16>>| {
        let parts: Option<Vec<Vec<u16>>> = hdus.iter().map(|hdu| read(hdu, each)).collect();
        let found = Image16::new(image.shape(), parts?.concat()).ok()?;
        (found.digest().to_string() == image.blake3).then_some(found)
    })
}

fn samples(hdu: &ImageHdu<'_>, planes: usize) -> Option<Vec<u16>> {
    hdu.read_planes(0..planes).ok().map(|image| image.samples().to_vec())
}

fn unsigned(hdu: &ImageHdu<'_>, planes: usize) -> Option<Vec<u16>> {
    whole_numbers(hdu, planes)?.iter().map(|&value| u16::try_from(value).ok()).collect()
}

fn signed(hdu: &ImageHdu<'_>, planes: usize) -> Option<Vec<u16>> {
    let sample = |&value: &i64| i16::try_from(value).ok().map(|value| value as u16 ^ 0x8000);
    whole_numbers(hdu, planes)?.iter().map(sample).collect()
}

/// The physical values of the first planes, if they are whole numbers.
fn whole_numbers(hdu: &ImageHdu<'_>, planes: usize) -> Option<Vec<i64>> {
    let header = hdu.image_header();
    let real = |keyword: &str, usual: f64| header.real(keyword).ok().flatten().unwrap_or(usual);
    let (scale, zero) = (real("BSCALE", 1.0), real("BZERO", 0.0));
    let pixels = hdu.read_section(&Section::whole(hdu.axes())).ok()?;
    let count = planes * hdu.shape().height * hdu.shape().width;
    let whole = |value: f64| {
        let value = zero + scale * value;
        (value.fract() == 0.0 && value.abs() < 1e9).then_some(value as i64)
    };
    match pixels {
        Pixels::U8(values) => values.into_iter().take(count).map(|value| whole(value.into())).collect(),
        Pixels::I16(values) => values.into_iter().take(count).map(|value| whole(value.into())).collect(),
        Pixels::I32(values) => values.into_iter().take(count).map(|value| whole(value.into())).collect(),
        Pixels::F32(values) => values.into_iter().take(count).map(|value| whole(value.into())).collect(),
        Pixels::F64(values) => values.into_iter().take(count).map(whole).collect(),
        _ => None,
    }
}

/// The header of an image of unsigned 16-bit samples, with the kept cards of its original.
fn header(file: &FitsFile, hdu: usize, shape: Shape, is_primary: bool) -> Vec<u8> {
    let mut cards = vec![];
    let mut card = |keyword: &str, value: String| cards.push(format!("{keyword:<8}= {value:>20}"));
    if is_primary {
        card("SIMPLE", "T".into());
    } else {
        card("XTENSION", format!("{:<20}", "'IMAGE   '"));
    }
    card("BITPIX", "16".into());
    let axes = [shape.width, shape.height, shape.planes];
    let axes = if shape.planes == 1 { &axes[..2] } else { &axes[..] };
    card("NAXIS", axes.len().to_string());
    for (number, axis) in (1..).zip(axes) {
        card(&format!("NAXIS{number}"), axis.to_string());
    }
    if is_primary {
        card("EXTEND", "T".into());
    } else {
        card("PCOUNT", "0".into());
        card("GCOUNT", "1".into());
    }
    card("BSCALE", "1".into());
    card("BZERO", "32768".into());
    let (own, first) = (file.hdus()[hdu].header(), file.hdus()[0].header());
    for keyword in KEPT {
        let text = own.text(keyword).or_else(|| first.text(keyword)).unwrap_or_default();
        let text: String = text.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).take(60).collect();
        if !text.is_empty() {
            card(keyword, format!("{:<20}", format!("'{:<8}'", text.replace('\'', "''"))));
        }
    }
    if let Some(seconds) = Facts::of_fits(file, Some(hdu)).exposure_s {
        card("EXPTIME", format!("{seconds:?}").to_uppercase());
    }
    cards.push("END".to_owned());
    let mut bytes: Vec<u8> = cards.iter().flat_map(|card| format!("{card:<80}").into_bytes()).collect();
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes
}
