//! FITS files that say that their pixels were changed within a bound, held against the originals.

use super::input::{self, Image, Input};
use super::number;
use crate::files::source::Source;
use anyhow::{Result, anyhow, ensure};
use nf_bounded::{Array, Samples, Tolerance, within};
use nf_fits::{BoundCards, BoundTolerance, FitsFile};
use nf_image::{Image16, Shape};
use std::io::Write;
use std::path::Path;

/// What the headers of a file say of its images: HDU (of the file without compression) and bound.
pub(crate) fn bounds(file: &FitsFile) -> Vec<(usize, BoundCards)> {
    let hdus = nf_fits::pack::original_hdus(file);
    let cards = hdus.iter().map(|hdu| BoundCards::of_header(hdu.header()));
    cards.enumerate().filter_map(|(index, cards)| Some((index, cards?))).collect()
}

/// What `verify` says of an image with such a header.
pub(crate) fn words(cards: &BoundCards) -> String {
    let (bound, most) = (number(cards.value), number(cards.largest_error));
    format!("NOT lossless: within {bound} {} of its original, largest error {most}", cards.unit)
}

/// Compares every image that was changed within a bound with its original, in physical values, and
/// prints a line for each.
///
/// # Errors
/// If a pixel is outside of its bound, images are missing, or a file cannot be read.
pub(crate) fn compare(
    file: &Path,
    original: &Path,
    bounds: &[(usize, BoundCards)],
    out: &mut dyn Write,
) -> Result<()> {
    let changed = input::read(Source::open(file)?)?;
    let before = input::read(Source::open(original)?)?;
    let mut outside = false;
    for image in &before.images {
        match verdict_on(&changed, image, bounds) {
            Ok(words) => writeln!(out, "HDU {}: {words}", image.hdu)?,
            Err(words) => {
                outside = true;
                writeln!(out, "HDU {}: DIFFERENT: {words}", image.hdu)?;
            }
        }
    }
    writeln!(out, "compared: pixels within the bounds of their headers; headers and tables were not")?;
    ensure!(!outside, "{} is not within its bounds of {}", file.display(), original.display());
    Ok(())
}

/// Proves that every image of a changed file is within its bound of its original.
///
/// # Errors
/// If one is not.
pub(super) fn prove(changed: &Input, before: &Input, bounds: &[(usize, BoundCards)]) -> Result<()> {
    for image in &before.images {
        verdict_on(changed, image, bounds).map_err(|words| anyhow!("{}{words}", image.name))?;
    }
    Ok(())
}

fn verdict_on(changed: &Input, image: &Image, bounds: &[(usize, BoundCards)]) -> Result<String, String> {
    let cards = bounds.iter().find(|(hdu, _)| *hdu == image.hdu).map(|(_, cards)| cards);
    match (of_hdu(changed, image.hdu), cards) {
        (None, _) => Err("there is no such image".to_owned()),
        (Some(found), None) if found.array.samples().digest() == image.array.samples().digest() => {
            Ok("identical pixels".to_owned())
        }
        (Some(_), None) => Err("other pixels, and no bound in its header".to_owned()),
        (Some(found), Some(cards)) => verdict(found, image, cards),
    }
}

fn of_hdu(input: &Input, hdu: usize) -> Option<&Image> {
    input.images.iter().find(|image| image.hdu == hdu)
}

/// The largest error, if no pixel is outside of its tolerance.
fn verdict(found: &Image, original: &Image, cards: &BoundCards) -> Result<String, String> {
    let Image { array, physical, .. } = original;
    if array.axes() != found.array.axes() {
        return Err(format!("axes {:?}, expected {:?}", found.array.axes(), array.axes()));
    }
    if !cards.original.is_empty() && !is_digest_of(array, &cards.original) {
        return Err("its header names another original".to_owned());
    }
    let tolerance = tolerance(cards);
    // Where scale and zero are the same, stored samples are compared, otherwise physical values in
    // the unit of the stored samples of the original.
    let same = (physical.scale, physical.zero) == (found.physical.scale, found.physical.zero)
        && array.samples().sample_type() == found.array.samples().sample_type();
    let value = |place: usize| {
        let stored = found.array.samples().value(place);
        let lost = is_blank(&found.array, found.blank, place);
        match (same, lost) {
            (_, true) => f64::NAN,
            (true, _) => stored,
            (false, _) => {
                let physical_value = found.physical.zero + found.physical.scale * stored;
                (physical_value - physical.zero) / physical.scale
            }
        }
    };
    let mut largest = 0.0f64;
    for place in 0..array.samples().len() {
        let y = value(place);
        if is_blank(array, original.blank, place) {
            if y.is_nan() {
                continue;
            }
            return Err(format!("pixel {place} (from 0) is blank in the original, and {y} here"));
        }
        let x = array.samples().value(place);
        if x.is_nan() && y.is_nan() {
            continue;
        }
        if !within(x, y, tolerance.at(x)) {
            return Err(format!("pixel {place} (from 0) is {y} for {x}, outside of its bound"));
        }
        if x.is_finite() {
            largest = largest.max((x - y).abs());
        }
    }
    Ok(format!(
        "within its bound of {} {}, largest error {}",
        number(cards.value),
        cards.unit,
        number(largest)
    ))
}

/// Whether the digest is that of the samples of an array, or of the stack that a container has of
/// it, which is what a file knows that was decoded to a stage.
fn is_digest_of(array: &Array, digest: &str) -> bool {
    array.samples().digest().to_string() == digest
        || stack_of(array).is_some_and(|stack| stack.digest().to_string() == digest)
}

fn stack_of(array: &Array) -> Option<Image16> {
    let samples = match array.samples() {
        Samples::U8(bytes) => bytes.iter().map(|byte| u16::from(*byte)).collect(),
        Samples::U16(samples) => samples.clone(),
        Samples::I16(samples) => samples.iter().map(|sample| *sample as u16 ^ 0x8000).collect(),
        _ => return None,
    };
    let (leading, frame) = array.axes().split_at(array.axes().len().saturating_sub(2));
    let [height, width] = match frame {
        [height, width] => [*height, *width],
        _ => [1, samples.len()],
    };
    Image16::new(Shape::new(leading.iter().product(), height, width), samples).ok()
}

fn is_blank(array: &Array, blank: Option<i64>, place: usize) -> bool {
    match array.samples() {
        Samples::F32(_) | Samples::F64(_) => false,
        samples => blank.is_some_and(|blank| blank as f64 == samples.value(place)),
    }
}

fn tolerance(cards: &BoundCards) -> Tolerance {
    match cards.tolerance {
        BoundTolerance::Absolute(error) => Tolerance::Absolute(error),
        BoundTolerance::Noise { sigmas, offset, slope, read } => {
            match nf_bounded::NoiseModel::new(offset, slope, read) {
                Ok(noise) => Tolerance::Sigma { sigmas, noise },
                Err(_) => Tolerance::Absolute(0.0),
            }
        }
    }
}
