//! Proving that two files are the same without compression.

use super::unpack::each_band;
use super::view::{Part, parts};
use crate::checksum::{Checksums, Sum, judge};
use crate::file::FitsFile;
use crate::header::Header;
use crate::image::ImageHdu;
use crate::section::Section;
use crate::{Pixels, Result};
use std::ops::Range;

/// Pixels or bytes that are compared at once.
const PIECE: usize = 1 << 20;

/// How an HDU of one file compares with that of another.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Every byte of the uncompressed HDUs is the same.
    Identical,
    /// The headers are the same (but for their sums), the pixels differ by no more than this, and nulls are nulls: bits
    /// were lost in compressing, and knowingly.
    Lossy {
        /// Largest difference of two pixels, as stored.
        largest_error: f64,
    },
    /// They differ.
    Different(String),
}

/// Compares two files as they would be without compression, HDU by HDU.
///
/// If all verdicts are [`Verdict::Identical`], unpacking either gives the same bytes. Pixels that differ are forgiven
/// only where one of the files says that compressing them lost bits.
///
/// # Errors
/// If a file is damaged.
pub fn verify(a: &FitsFile, b: &FitsFile, progress: &mut dyn FnMut(u64)) -> Result<Vec<Verdict>> {
    let (ours, theirs) = (parts(a), parts(b));
    let mut verdicts = Vec::new();
    for (one, other) in ours.iter().zip(&theirs) {
        verdicts.push(match (one, other) {
            (Part::Image(one, header), Part::Image(other, other_header)) => {
                compare_images((a, one, header), (b, other, other_header), progress)?
            }
            (Part::Verbatim(one), Part::Verbatim(other)) => {
                same_bytes((a, one.range()), (b, other.range()), "the bytes differ")?
            }
            _ => Verdict::Different("one is an image, the other is not".into()),
        });
    }
    if ours.len() != theirs.len() {
        verdicts.push(Verdict::Different(format!("{} HDUs against {}", ours.len(), theirs.len())));
    }
    let rest = same_bytes((a, a.rest()), (b, b.rest()), "what follows the last HDU differs")?;
    if rest != Verdict::Identical {
        verdicts.push(rest);
    }
    Ok(verdicts)
}

fn compare_images(
    (a, one, header): (&FitsFile, &ImageHdu<'_>, &Header),
    (b, other, other_header): (&FitsFile, &ImageHdu<'_>, &Header),
    progress: &mut dyn FnMut(u64),
) -> Result<Verdict> {
    let lossy = [one, other].iter().any(|image| image.tiling().is_some_and(|tiling| tiling.is_lossy()));
    let same_header = header.bytes() == other_header.bytes();
    let same_but_sums = without_sums(header).eq(without_sums(other_header));
    let forgiven = same_header || (lossy && same_but_sums);
    if !forgiven {
        return Ok(Verdict::Different(first_difference(header, other_header)));
    }
    if one.axes() != other.axes() || one.sample_type() != other.sample_type() {
        return Ok(Verdict::Different("the axes or types differ".into()));
    }
    for (file, image) in [(a, one), (b, other)] {
        if image.tiling().is_none() && !zero_padded(file, image)? {
            return Ok(Verdict::Different("the padding behind the data is not zero".into()));
        }
    }
    // Bands follow the tiles of whichever is compressed, so that each is decoded once.
    let tiled = if one.tiling().is_some() { one } else { other };
    let mut largest = 0f64;
    let mut identical = true;
    for band in tiled.bands(PIECE) {
        let (mine, its) = (one.read_section(&band)?, other.read_section(&band)?);
        if !same_bits(&mine, &its) {
            identical = false;
            match largest_error(&mine, &its).filter(|_| lossy) {
                Some(error) => largest = largest.max(error),
                None => return Ok(Verdict::Different(first_pixel(&band, &mine, &its))),
            }
        }
        progress(band.pixels() as u64);
    }
    Ok(if identical && same_header { Verdict::Identical } else { Verdict::Lossy { largest_error: largest } })
}

fn without_sums(header: &Header) -> impl Iterator<Item = &[u8]> {
    let kept = |card: &crate::Card<'_>| !card.is("CHECKSUM") && !card.is("DATASUM");
    header.cards().filter(kept).map(|card| card.bytes())
}

fn first_difference(one: &Header, other: &Header) -> String {
    let differing = one.cards().zip(other.cards()).find(|(a, b)| a != b);
    match differing {
        Some((card, _)) => format!("the headers differ at {}", String::from_utf8_lossy(card.keyword())),
        None => "one header is longer than the other".into(),
    }
}

pub(super) fn zero_padded(file: &FitsFile, image: &ImageHdu<'_>) -> Result<bool> {
    let (data, all) = (image.hdu().data_range(), image.hdu().range());
    let end = all.end.min(file.len_bytes());
    let mut scratch = Vec::new();
    let padding = file.source().bytes(data.end, (end - data.end) as usize, &mut scratch)?;
    Ok(padding.iter().all(|&byte| byte == 0) && end == all.end)
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

fn same_bytes(
    (a, one): (&FitsFile, Range<u64>),
    (b, other): (&FitsFile, Range<u64>),
    problem: &str,
) -> Result<Verdict> {
    let different = || Verdict::Different(problem.to_owned());
    let clip = |file: &FitsFile, range: Range<u64>| range.start..range.end.min(file.len_bytes());
    let (one, other) = (clip(a, one), clip(b, other));
    if one.end - one.start != other.end - other.start {
        return Ok(different());
    }
    let (mut scratch, mut other_scratch) = (Vec::new(), Vec::new());
    let mut done = 0;
    while done < one.end - one.start {
        let len = (one.end - one.start - done).min(PIECE as u64);
        let mine = a.source().bytes(one.start + done, len as usize, &mut scratch)?;
        if mine != b.source().bytes(other.start + done, len as usize, &mut other_scratch)? {
            return Ok(different());
        }
        done += len;
    }
    Ok(Verdict::Identical)
}

/// What the sums of every HDU of the file say: those of the file as it is, and behind them those of the images that
/// are compressed in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HduChecksums {
    /// Of the HDU as it stands in the file.
    pub stored: Checksums,
    /// Of the image inside, if it is compressed; not judged (`None`) where bits were lost.
    pub image: Option<Checksums>,
}

/// Checks the sums of a file, decoding every tile.
///
/// # Errors
/// If the file is damaged in a way that the sums do not speak of.
pub fn verify_checksums(file: &FitsFile) -> Result<Vec<HduChecksums>> {
    let mut scratch = Vec::new();
    file.hdus()
        .iter()
        .map(|hdu| {
            let mut sum = Sum::default();
            let range = hdu.data_range().start..hdu.range().end.min(file.len_bytes());
            let mut at = range.start;
            while at < range.end {
                let len = (range.end - at).min(PIECE as u64);
                sum.update(file.source().bytes(at, len as usize, &mut scratch)?);
                at += len;
            }
            let stored = judge(hdu.header(), sum.value());
            let image = match file.image(hdu.index()).ok().filter(|image| image.tiling().is_some()) {
                None => None,
                Some(image) => {
                    let mut sum = Sum::default();
                    each_band(&image, &mut |bytes| {
                        sum.update(bytes);
                        Ok(())
                    })?;
                    let lossy = image.tiling().is_some_and(|tiling| tiling.is_lossy());
                    Some(judge(&image.image_header(), sum.value())).filter(|_| !lossy)
                }
            };
            Ok(HduChecksums { stored, image })
        })
        .collect()
}
