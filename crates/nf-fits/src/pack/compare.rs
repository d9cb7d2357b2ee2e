//! Proving that two files are the same without compression, byte for byte.

use super::bytes::Remainder;
use super::bytes::same;
use super::data::same_data;
use super::original::{OriginalHdu, has_sums, original_hdus};
use crate::checksum::Sum;
use crate::file::FitsFile;
use crate::header::Header;
use crate::image::ImageHdu;
use crate::section::Section;
use crate::{Pixels, Result};
use std::borrow::Cow;

/// Pixels that are compared at once.
const BAND_PX: usize = 1 << 20;

/// How an HDU of one file compares with that of another.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Every byte of the uncompressed HDUs is the same.
    Identical,
    /// The headers are the same (but for their sums), the pixels differ by no more than this, nulls
    /// are nulls, and all other bytes are the same: bits were lost in compressing, and knowingly.
    Lossy {
        /// Largest difference of two pixels, as stored.
        largest_error: f64,
    },
    /// They differ.
    Different(String),
}

/// Compares two files as they would be without compression, HDU by HDU: headers, pixels, tables,
/// whatever else stands in the data, padding, and what follows the last HDU.
///
/// If all verdicts are [`Verdict::Identical`], unpacking either gives the same bytes. Pixels that
/// differ are forgiven only where one of the files says that compressing them lost bits.
///
/// # Errors
/// If a file is damaged.
pub fn compare(a: &FitsFile, b: &FitsFile, progress: &mut dyn FnMut(u64)) -> Result<Vec<Verdict>> {
    a.refuse_part()?;
    b.refuse_part()?;
    let (ours, theirs) = (original_hdus(a), original_hdus(b));
    let mut verdicts = Vec::new();
    for (one, other) in ours.iter().zip(&theirs) {
        let verdict = compare_hdus(one, other, progress)?;
        let same_rest = || match one.image() {
            Some(_) => same((a, &one.remainder()), (b, &other.remainder())),
            None => same_data((a, one), (b, other)),
        };
        verdicts.push(match verdict {
            Verdict::Different(_) => verdict,
            _ if same_rest()? => verdict,
            _ if one.image().is_some() => Verdict::Different("the bytes behind the pixels differ".to_owned()),
            _ => Verdict::Different("the data differ".to_owned()),
        });
    }
    if ours.len() != theirs.len() {
        verdicts.push(Verdict::Different(format!("{} HDUs against {}", ours.len(), theirs.len())));
    }
    if !same((a, &Remainder::InFile(a.rest())), (b, &Remainder::InFile(b.rest())))? {
        verdicts.push(Verdict::Different("what follows the last HDU differs".to_owned()));
    }
    Ok(verdicts)
}

/// Compares headers and pixels.
fn compare_hdus(
    one: &OriginalHdu<'_>,
    other: &OriginalHdu<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Verdict> {
    let lossy = one.is_lossy() || other.is_lossy();
    let same_but_sums = || without_sums(one.header()).eq(without_sums(other.header()));
    if one.header().bytes() != other.header().bytes() && !(lossy && same_but_sums()) {
        return Ok(Verdict::Different(first_difference(one.header(), other.header())));
    }
    let (mine, its) = match (one.image(), other.image()) {
        (None, None) => return Ok(Verdict::Identical),
        (Some(mine), Some(its)) => (mine, its),
        _ => return Ok(Verdict::Different("one is an image, the other is not".to_owned())),
    };
    if mine.axes() != its.axes() || mine.sample_type() != its.sample_type() {
        return Ok(Verdict::Different("the axes or types differ".to_owned()));
    }
    let (mut sum, mut its_sum) = (Sum::default(), Sum::default());
    let mut largest = 0f64;
    let mut identical = true;
    for band in common_bands(&mine, &its) {
        let (pixels, its_pixels) = (mine.read_section(&band)?, its.read_section(&band)?);
        add(&mut sum, one, &pixels);
        add(&mut its_sum, other, &its_pixels);
        if !same_bits(&pixels, &its_pixels) {
            identical = false;
            match largest_error(&pixels, &its_pixels).filter(|_| lossy) {
                Some(error) => largest = largest.max(error),
                None => return Ok(Verdict::Different(first_pixel(&band, &pixels, &its_pixels))),
            }
        }
        progress(band.pixels() as u64);
    }
    let same_header = header_of(one, sum).bytes() == header_of(other, its_sum).bytes();
    Ok(if identical && same_header { Verdict::Identical } else { Verdict::Lossy { largest_error: largest } })
}

/// Bands that follow the tiles of whichever is compressed, so that each tile is decoded once.
fn common_bands(one: &ImageHdu<'_>, other: &ImageHdu<'_>) -> Vec<Section> {
    let tiled = if one.tiling().is_some() { one } else { other };
    tiled.bands(BAND_PX)
}

/// The sums of a lossy image are made of the pixels that are left.
fn add(sum: &mut Sum, hdu: &OriginalHdu<'_>, pixels: &Pixels) {
    if hdu.is_lossy() && has_sums(hdu.header()) {
        let mut bytes = Vec::new();
        pixels.write_be_bytes(&mut bytes);
        sum.update(&bytes);
    }
}

fn header_of<'a>(hdu: &'a OriginalHdu<'_>, sum: Sum) -> Cow<'a, Header> {
    if hdu.is_lossy() && has_sums(hdu.header()) {
        return Cow::Owned(hdu.stamped(sum.value()));
    }
    Cow::Borrowed(hdu.header())
}

fn without_sums(header: &Header) -> impl Iterator<Item = &[u8]> {
    let kept = |card: &crate::Card<'_>| !card.is("CHECKSUM") && !card.is("DATASUM");
    header.cards().filter(kept).map(|card| card.bytes())
}

fn first_difference(one: &Header, other: &Header) -> String {
    let differing = one.cards().zip(other.cards()).find(|(a, b)| a != b);
    match differing {
        Some((card, _)) => format!("the headers differ at {}", String::from_utf8_lossy(card.keyword())),
        None if one.bytes().len() == other.bytes().len() => "the headers differ behind END".into(),
        None => "one header is longer than the other".into(),
    }
}

fn same_bits(a: &Pixels, b: &Pixels) -> bool {
    match (a, b) {
        // Not-a-numbers are equal if their bits are.
        (Pixels::F32(a), Pixels::F32(b)) => a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()),
        (Pixels::F64(a), Pixels::F64(b)) => a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()),
        _ => a == b,
    }
}

/// Largest difference; `None` if a null on one side is a number on the other.
fn largest_error(a: &Pixels, b: &Pixels) -> Option<f64> {
    fn floats(pixels: &Pixels) -> Vec<f64> {
        match pixels {
            Pixels::U8(values) => values.iter().map(|&value| f64::from(value)).collect(),
            Pixels::I16(values) => values.iter().map(|&value| f64::from(value)).collect(),
            Pixels::I32(values) => values.iter().map(|&value| f64::from(value)).collect(),
            Pixels::I64(values) => values.iter().map(|&value| value as f64).collect(),
            Pixels::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
            Pixels::F64(values) => values.clone(),
        }
    }
    floats(a).into_iter().zip(floats(b)).try_fold(0f64, |largest, (a, b)| {
        if a.is_nan() != b.is_nan() {
            return None;
        }
        Some(if a == b || a.is_nan() { largest } else { largest.max((a - b).abs()) })
    })
}

fn first_pixel(band: &Section, a: &Pixels, b: &Pixels) -> String {
    let bytes = |pixels: &Pixels| {
        let mut bytes = Vec::new();
        pixels.write_be_bytes(&mut bytes);
        bytes
    };
    let width = a.sample_type().bytes();
    let at = bytes(a).chunks(width).zip(bytes(b).chunks(width)).position(|(a, b)| a != b).unwrap_or(0);
    let mut left = at;
    let place: Vec<String> = band
        .0
        .iter()
        .map(|range| {
            let coordinate = range.start + left % range.len() + 1;
            left /= range.len();
            coordinate.to_string()
        })
        .collect();
    format!("pixel ({}) differs", place.join(", "))
}
