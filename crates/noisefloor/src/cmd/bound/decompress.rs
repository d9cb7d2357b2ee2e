//! A bounded container in; the file with the decoded samples, or some of them, out.

use super::facts::kind;
use super::loss_words;
use crate::files::batch::Done;
use crate::files::output::{is_stream, write_file};
use crate::files::source::{ReadSeek, Source};
use crate::registry::{open_bounded, registry};
use anyhow::{Context, Result, bail, ensure};
use nf_bounded::container::{MAGIC, Reader};
use nf_bounded::layout::{ByteOrder, Layout, Segment};
use nf_bounded::{SampleType, Samples};
use nf_fits::npy;
use nf_image::{Shape, TileBox};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;

/// Whether an input is a bounded container.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn is_bounded(source: &Source) -> Result<bool> {
    Ok(source.first(MAGIC.len() as u64)? == MAGIC)
}

/// What is asked for beside the whole file.
pub(crate) struct Part<'a> {
    /// One array.
    pub(crate) stack: Option<usize>,
    /// The pixels of an array, whose axes before the last two count as planes.
    pub(crate) region: Option<&'a dyn Fn(Shape) -> Result<TileBox>>,
    /// What can be decoded of a damaged container, with this value for lost integers.
    pub(crate) salvage: Option<i64>,
}

/// Writes the file, or an array or a part of one as .npy, and says what was lost.
///
/// # Errors
/// If the container is damaged, or the output cannot be written.
pub(crate) fn decompress(source: &Source, output: &Path, part: &Part<'_>, force: bool) -> Result<Done> {
    let name = source.name();
    let mut reader = open_bounded(source.reader()?).with_context(|| name.clone())?;
    let codec = reader.codec(&registry()).with_context(|| name.clone())?;
    let of_npy = reader.head().layout.as_ref().is_some_and(starts_as_npy);
    let is_npy = match output.extension().and_then(|e| e.to_str()).map(str::to_lowercase).as_deref() {
        Some("npy") => true,
        Some("fits" | "fit" | "fts") => false,
        // The standard output, a pipe or a device has no name to go by.
        _ if is_stream(output) => of_npy,
        _ => bail!("{}: expected a name that ends in .fits or .npy, or -", output.display()),
    };
    let whole = part.region.is_none() && part.stack.is_none();
    let mut lost = Vec::new();
    if let Some(fill) = part.salvage {
        ensure!(part.region.is_none(), "{name}: --region decodes what is intact without --salvage");
        let arrays = salvage(&mut reader, part, fill, &*codec, &mut lost).with_context(|| name.clone())?;
        let layout = reader.head().layout.as_ref().filter(|_| whole && is_npy == of_npy);
        match (layout, &arrays[..]) {
            (Some(layout), _) => {
                let samples = |array: usize| {
                    let found = arrays.iter().find(|(number, _)| *number == array);
                    Ok(found.map_or(Samples::U8(Vec::new()), |(_, samples)| samples.clone()))
                };
                write_file(output, force, |out| Ok(layout.write(samples, out)?))?;
            }
            (None, [(array, samples)]) if is_npy => {
                let axes = &reader.arrays()[*array].axes;
                write_file(output, force, |out| write_npy(axes, samples.clone(), out))?;
            }
            (None, _) => bail!("{name}: an array is written as .npy, and --stack chooses one"),
        }
    } else if whole && is_npy == of_npy {
        write_file(output, force, |mut out| reader.restore(&*codec, &mut out).with_context(|| name.clone()))?;
    } else if is_npy {
        let (axes, samples) = samples(&mut reader, part, &*codec).with_context(|| name.clone())?;
        write_file(output, force, |out| write_npy(&axes, samples, out))?;
    } else {
        let kind = if of_npy { ".npy" } else { ".fits" };
        bail!("{name}: the whole file is written as {kind}, and an array or a region of it as .npy");
    }
    let mut done = Done::default();
    for (number, record) in reader.arrays().iter().enumerate().filter(|(_, record)| !record.is_lossless()) {
        done.lines.push(format!("{name}: array {number} is NOT the original: {}", loss_words(record)));
    }
    done.facts.insert("lossless".to_owned(), json!(reader.is_lossless()));
    done.unfinished = (!lost.is_empty()).then(|| {
        let fill = part.salvage.unwrap_or_default();
        format!(
            "salvaged, but for {} tiles, whose samples are {fill}, or NaN: {}",
            lost.len(),
            lost.join("; ")
        )
    });
    Ok(done)
}

/// The ending of the file in a bounded container; one that cannot be read is told when its turn
/// comes.
pub(crate) fn ending(input: &Path) -> &'static str {
    let source = Source::open(input).ok();
    let is_npy = source.and_then(|source| {
        let reader = open_bounded(source.reader().ok()?).ok()?;
        Some(reader.head().layout.as_ref().is_some_and(starts_as_npy))
    });
    if is_npy == Some(true) { "npy" } else { "fits" }
}

/// What is said for programs.
pub(crate) type Facts = Map<String, Value>;

/// Decodes everything in a bounded container, and says what it is.
///
/// # Errors
/// If it is damaged.
pub(crate) fn prove(source: &Source) -> Result<(String, Facts)> {
    let mut reader = open_bounded(source.reader()?)?;
    let codec = reader.codec(&registry())?;
    let arrays = reader.arrays().len();
    (0..arrays).try_for_each(|array| reader.decode(array, &*codec).map(drop))?;
    let facts = [("kind", json!(kind(&reader))), ("lossless", json!(reader.is_lossless()))];
    let facts = facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    if reader.is_lossless() {
        return Ok((format!("lossless, arrays {arrays}"), facts));
    }
    let words: Vec<String> = reader.arrays().iter().map(loss_words).collect();
    Ok((format!("NOT lossless, {}", words.join("; ")), facts))
}

/// What can be decoded of the arrays that are asked for; `lost` gets the places of the tiles that
/// cannot.
fn salvage(
    reader: &mut Reader<Box<dyn ReadSeek + '_>>,
    part: &Part<'_>,
    fill: i64,
    codec: &dyn nf_codec::Codec,
    lost: &mut Vec<String>,
) -> Result<Vec<(usize, Samples)>> {
    let arrays = (0..reader.arrays().len()).filter(|array| part.stack.is_none_or(|asked| asked == *array));
    let arrays: Vec<usize> = arrays.collect();
    ensure!(!arrays.is_empty(), "there is no such stack, it holds {}", reader.arrays().len());
    let each = arrays.into_iter().map(|array| {
        let found = reader.decode_salvaged(array, codec, fill as f64)?;
        lost.extend(found.lost.iter().map(|place| format!("array {array}, {place}")));
        Ok((array, found.samples))
    });
    each.collect()
}

fn starts_as_npy(layout: &Layout) -> bool {
    matches!(layout.segments.first(), Some(Segment::Verbatim(bytes)) if npy::is_npy(bytes))
}

/// The axes and the samples that are asked for.
fn samples(
    reader: &mut Reader<Box<dyn ReadSeek + '_>>,
    part: &Part<'_>,
    codec: &dyn nf_codec::Codec,
) -> Result<(Vec<usize>, Samples)> {
    let arrays = reader.arrays().len();
    let array = match part.stack {
        Some(array) => array,
        None if arrays == 1 => 0,
        None => bail!("it holds {arrays} arrays; --stack chooses one"),
    };
    ensure!(array < arrays, "there is no stack {array}, it holds {arrays}");
    let record = &reader.arrays()[array];
    let axes = record.axes.clone();
    let Some(region) = part.region else {
        return Ok((axes, reader.decode(array, codec)?.into_samples()));
    };
    let shape = if axes.len() == 1 { Shape::frame(1, axes[0]) } else { record.stack_shape() };
    let region = region(shape)?;
    let samples = reader.decode_region(array, &region, codec)?;
    let Shape { planes, height, width } = region.shape();
    Ok((if planes == 1 { vec![height, width] } else { vec![planes, height, width] }, samples))
}

fn write_npy(axes: &[usize], samples: Samples, out: &mut dyn Write) -> Result<()> {
    let descr = match samples.sample_type() {
        SampleType::U8 => "|u1",
        SampleType::I16 => "<i2",
        SampleType::U16 => "<u2",
        SampleType::I32 => "<i4",
        SampleType::F32 => "<f4",
        SampleType::F64 => "<f8",
    };
    let header = Segment::Verbatim(npy::header(descr, axes, false));
    let array = Segment::Samples { array: 0, order: ByteOrder::Little };
    let mut samples = Some(samples);
    let taken = |_| Ok(samples.take().unwrap_or(Samples::U8(Vec::new())));
    Ok(Layout { segments: vec![header, array] }.write(taken, out)?)
}
