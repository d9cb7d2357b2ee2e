//! A FITS file whose pixels are whole multiples of a step, for tiles that every program reads.
//!
//! Stored pixels become the numbers of steps, BSCALE the step, so that readers of FITS 4.0 see the
//! changed physical values. A step is the same for all pixels, so a bound in sigmas is that of the
//! read noise, which is within it everywhere.

use super::compress::CREATOR;
use super::input::{self, Image, Piece};
use super::{BoundOptions, cards, compare, earlier_words, number};
use crate::registry::fits_of_bytes;
use anyhow::{Context, Result, bail, ensure};
use nf_bounded::{Array, Bound, QuantiseOptions, Tolerance, quantise, within};
use nf_fits::{BoundCards, FitsFile, Rescaled};
use std::path::Path;

/// A file within a bound of another, in memory.
pub(crate) struct Changed {
    pub(crate) file: FitsFile,
    /// What was lost, in words.
    pub(crate) lines: Vec<String>,
}

/// Makes such a file, and proves it.
///
/// # Errors
/// If the bound means nothing for an image, or pixels cannot be whole numbers of steps.
pub(crate) fn changed(path: &Path, options: &BoundOptions) -> Result<Option<Changed>> {
    let Some(bound) = options.bound else { return Ok(None) };
    let before = input::read(crate::files::source::Source::open(path)?)?;
    ensure!(before.kind == nf_archive::input::FileKind::Fits, "expected a FITS file");
    before.prove_pieces()?;
    let (mut bytes, mut lines): (Vec<u8>, Vec<String>) = (Vec::new(), Vec::new());
    lines.extend(before.kept.iter().map(|kept| format!("  {kept}")));
    for piece in &before.pieces {
        match piece {
            Piece::Image { header: Some(header), image, rest } => {
                let image = &before.images[*image];
                let steps = steps(image, &bound, options)
                    .with_context(|| image.name.trim_end_matches(": ").to_owned())?;
                let mut data = steps.bytes;
                ensure!(
                    rest.iter().all(|&byte| byte == 0),
                    "{}its data unit holds more than its pixels",
                    image.name
                );
                data.resize(data.len().next_multiple_of(nf_fits::BLOCK_BYTES), 0);
                bytes.extend(steps.cards.put(header, Some(steps.scale), &data, CREATOR).bytes());
                bytes.extend(data);
                lines.push(format!(
                    "  {}NOT lossless: within {bound}, step {}, largest error {}",
                    image.name,
                    number(steps.scale.scale),
                    number(steps.cards.largest_error)
                ));
                let words = earlier_words(Some(header));
                lines.extend(words.map(|words| format!("  {}{words}", image.name)));
            }
            Piece::Bytes(plain) => bytes.extend(plain),
            Piece::Image { .. } => bail!("an image without a header"),
        }
    }
    let file = fits_of_bytes(bytes.clone())?;
    let after = input::read(crate::files::source::Source::Memory(bytes, "the changed file".to_owned()))?;
    let bounds = compare::bounds(&file);
    compare::prove(&after, &before, &bounds)?;
    Ok(Some(Changed { file, lines }))
}

/// The pixels of an image as numbers of steps.
struct Steps {
    bytes: Vec<u8>,
    scale: Rescaled,
    cards: BoundCards,
}

fn steps(image: &Image, bound: &Bound, options: &BoundOptions) -> Result<Steps> {
    let Image { array, physical, .. } = image;
    let noise = options.noise_of(bound, image)?;
    // What a bounded container would refuse is refused here, in the same words.
    let how = QuantiseOptions { noise, blank: image.blank, dither_seed: None, tile: None };
    let record = quantise(array, bound, &how)?.record;
    let sample = array.samples().sample_type();
    let tolerance = record.tolerance;
    let smallest = match tolerance {
        Tolerance::Absolute(error) => error,
        Tolerance::Sigma { sigmas, noise } => sigmas * noise.read_noise_dn(),
    };
    let step = match sample.is_float() {
        false if smallest < 1.0 => bail!(
            "{bound} is {} DN where the noise is smallest, and a step of whole numbers allows no error below 1; \
             a bounded container (noisefloor compress --bound) can follow the noise",
            number(smallest)
        ),
        false => 2.0 * smallest.floor() + 1.0,
        // Readers may round physical values to single precision.
        true => 2.0 * (smallest - rounding(array)),
    };
    ensure!(step > 0.0, "a bound of {bound} is finer than single precision, in which programs read pixels");
    let (indices, range) = indices(array, image.blank, step)?;
    let (low, high) = range;
    let is_narrow = high - low < f64::from(u16::MAX);
    ensure!(high - low < 4e9, "{} steps of {} are more than 32 bits hold", high - low, number(step));
    // The lowest whole number means "no pixel".
    let (bitpix, first) =
        if is_narrow { (16, f64::from(i16::MIN) + 1.0) } else { (32, f64::from(i32::MIN) + 1.0) };
    let lost = first - 1.0;
    let has_lost = indices.iter().any(|index| index.is_nan());
    let stored = indices.iter().map(|index| if index.is_nan() { lost } else { index - low + first });
    let bytes = match is_narrow {
        true => stored.flat_map(|index| (index as i16).to_be_bytes()).collect(),
        false => stored.flat_map(|index| (index as i32).to_be_bytes()).collect(),
    };
    let zero = (low - first) * step;
    let scale = Rescaled {
        bitpix,
        scale: step * physical.scale,
        zero: zero * physical.scale + physical.zero,
        blank: has_lost.then_some(lost as i64),
    };
    let mut largest_error = 0.0f64;
    for (place, index) in indices.iter().enumerate().filter(|(_, index)| !index.is_nan()) {
        let x = array.samples().value(place);
        let y = scale.zero + scale.scale * (index - low + first);
        // In double precision, and as those see it who read single precision.
        for y in [y, f64::from(y as f32)] {
            let y = (y - physical.zero) / physical.scale;
            let exact = sample.is_float() || tolerance.at(x) >= 1.0;
            ensure!(
                exact && within(x, y, tolerance.at(x)),
                "pixel {place} (from 0) would be {y} for {x}, outside of {bound}; a bounded container \
                 (noisefloor compress --bound) can keep it"
            );
            largest_error = largest_error.max((x - y).abs());
        }
    }
    Ok(Steps { bytes, scale, cards: cards(&record, largest_error) })
}

/// Half of the distance between single-precision numbers of the size of the largest sample.
fn rounding(array: &Array) -> f64 {
    let sizes = (0..array.samples().len()).map(|place| array.samples().value(place).abs());
    let largest = sizes.filter(|size| size.is_finite()).fold(0.0, f64::max) as f32;
    f64::from(largest.next_up()) - f64::from(largest)
}

/// Numbers of steps, NaN for blank pixels, with the smallest and the largest.
fn indices(array: &Array, blank: Option<i64>, step: f64) -> Result<(Vec<f64>, (f64, f64))> {
    let is_integer = !array.samples().sample_type().is_float();
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut indices = Vec::with_capacity(array.samples().len());
    for place in 0..array.samples().len() {
        let x = array.samples().value(place);
        if x.is_nan() || is_integer && blank.is_some_and(|blank| blank as f64 == x) {
            indices.push(f64::NAN);
            continue;
        }
        if x.is_infinite() {
            bail!(
                "pixel {place} (from 0) is {x}, for which scaled integers have no number; a bounded container \
                   (noisefloor compress --bound) keeps it"
            );
        }
        let index = (x / step).round();
        (low, high) = (low.min(index), high.max(index));
        indices.push(index);
    }
    if low > high {
        (low, high) = (0.0, 0.0);
    }
    Ok((indices, (low, high)))
}
