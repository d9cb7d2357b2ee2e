//! Containers of codecs that tell ever more of every sample: decoding to a stage, and what is said
//! of it.

use super::bound::compress::CREATOR;
use crate::limits;
use anyhow::{Result, bail, ensure};
use nf_bounded::{Bound, Unit};
use nf_codec::container::{Header, Reader, Segment};
use nf_codec::{Codec, Stage};
use nf_fits::{BoundCards, BoundTolerance, FitsFile, Header as FitsHeader};
use std::borrow::Cow;
use std::io::{Read, Seek, Write};

/// The bound of `--within`.
///
/// # Errors
/// If it is no bound, or one of another unit.
pub(crate) fn parse(text: &str) -> Result<Bound, String> {
    let bound: Bound = text.parse().map_err(|error: nf_bounded::Error| error.to_string())?;
    match bound.unit() {
        Unit::Dn | Unit::Sigma => Ok(bound),
        Unit::Range | Unit::Exact => Err(format!("'{text}': expected a bound such as 4dn or 0.5sigma")),
    }
}

/// The first stage within a bound, and its number.
///
/// # Errors
/// If there is none.
pub(crate) fn choose(stages: &[Stage], within: &Bound) -> Result<(usize, Stage)> {
    let keeps = |stage: &&Stage| match within.unit() {
        Unit::Sigma => stage.bound_sigma <= within.value(),
        _ => f64::from(stage.bound_dn) <= within.value(),
    };
    match stages.iter().enumerate().find(|(_, stage)| keeps(stage)) {
        Some((number, stage)) => Ok((number, *stage)),
        None => match stages.last() {
            Some(last) => {
                bail!("it was cut, and tells samples within {} dn only, not within {within}", last.bound_dn)
            }
            None => bail!("it holds no pixels"),
        },
    }
}

/// What is said of samples as they are known after a stage.
pub(crate) fn words(stage: &Stage) -> String {
    match stage.bound_dn {
        0 => "exact".to_owned(),
        bound => format!("within {bound} dn ({} sigma of the codec's noise)", stage.bound_sigma),
    }
}

/// What is said of a container that is cut.
pub(crate) fn cut_words(header: &Header) -> Option<String> {
    let cut = header.cut.as_ref()?;
    Some(format!("cut after stage {}: NOT lossless, within {} dn", cut.stage + 1, cut.bound_dn))
}

/// The file in a container as it is known within a bound, [marked](mark) as such.
///
/// # Errors
/// If a tile is damaged, or the file is none that says what it holds.
pub(crate) fn restore(
    reader: &mut Reader<impl Read + Seek>,
    codec: &dyn Codec,
    bound_dn: u32,
    out: &mut dyn Write,
) -> Result<()> {
    let mut bytes = Vec::new();
    reader.restore(codec, &mut bytes)?;
    let (starts, originals) = (starts_of_samples(reader.header()), originals(reader));
    let original_of = |start: u64| {
        let (_, stack) = starts.iter().find(|(own, _)| *own == start)?;
        Some(originals.get(*stack).cloned().unwrap_or_default())
    };
    mark(bytes, bound_dn, None, &mut { original_of }, out)
}

/// Digests of the original stacks of a container.
pub(crate) fn originals(reader: &Reader<impl Read + Seek>) -> Vec<String> {
    match &reader.header().cut {
        Some(cut) => cut.originals.iter().map(ToString::to_string).collect(),
        None => (0..reader.header().images.len()).map(|stack| reader.digest(stack).to_string()).collect(),
    }
}

/// Writes a file whose samples are known within a bound. Headers of FITS images say the bound, and
/// have the sums of the samples as they are; an .npy file has no place for that.
///
/// `original_of` is told where the samples of an image begin, and gives the digest of its original,
/// which is empty if nobody knows it; of an image that is as it was, it gives none. `remark` is one
/// more line of HISTORY.
///
/// # Errors
/// If the bytes are neither kind of file, or the destination fails.
pub(crate) fn mark(
    bytes: Vec<u8>,
    bound_dn: u32,
    remark: Option<&str>,
    original_of: &mut dyn FnMut(u64) -> Option<String>,
    out: &mut dyn Write,
) -> Result<()> {
    if bound_dn == 0 || nf_fits::npy::is_npy(&bytes) {
        return Ok(out.write_all(&bytes)?);
    }
    let file = FitsFile::from_bytes_with(bytes, limits::fits())?;
    let mut end = 0;
    for hdu in file.hdus() {
        let (range, data) = (hdu.range(), hdu.data_range());
        match if data.is_empty() { None } else { original_of(data.start) } {
            Some(original) => {
                let unit = file.read_bytes(data.start..range.end)?;
                let before: Cow<'_, FitsHeader> = match remark {
                    Some(line) => Cow::Owned(hdu.header().with_history(line)),
                    None => Cow::Borrowed(hdu.header()),
                };
                let header = cards(bound_dn, original).put(&before, None, &unit, CREATOR);
                out.write_all(header.bytes())?;
                out.write_all(&unit)?;
            }
            None => out.write_all(&file.read_bytes(range.clone())?)?,
        }
        end = range.end;
    }
    ensure!(end <= file.len_bytes(), "the file that is restored ends early");
    Ok(out.write_all(&file.read_bytes(end..file.len_bytes())?)?)
}

fn cards(bound_dn: u32, original: String) -> BoundCards {
    let bound = f64::from(bound_dn);
    BoundCards {
        value: bound,
        unit: Unit::Dn.name().to_owned(),
        tolerance: BoundTolerance::Absolute(bound),
        // The original is not decoded, so that only its bound is known.
        largest_error: bound,
        original,
    }
}

/// Where the samples of stacks begin in the file that a layout writes.
fn starts_of_samples(header: &Header) -> Vec<(u64, usize)> {
    let mut at = 0;
    let mut starts = Vec::new();
    for segment in header.layout.iter().flat_map(|layout| &layout.segments) {
        at += match segment {
            Segment::Verbatim(bytes) => bytes.len() as u64,
            Segment::Samples { image, format, .. } => {
                starts.push((at, *image as usize));
                (header.images[*image as usize].shape.pixels() * format.bytes()) as u64
            }
        };
    }
    starts
}
