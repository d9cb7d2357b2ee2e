//! A coder with a loss of its own, made to keep a bound: what it decodes to is compared sample by
//! sample, and what lies outside is listed exactly.

use crate::array_codec::{ArrayCodec, ArrayRegistry};
use crate::bound::{Bound, Tolerance};
use crate::boxes::{Box4, Boxes, tile_of};
use crate::exceptions::Exceptions;
use crate::quantise::{QuantiseOptions, Quantised, check, tolerance_of};
use crate::record::{ArrayRecord, Map, StreamEntry};
use crate::sample::{Array, Sample, SampleType, Samples, each_type};
use crate::within::within;
use crate::{Error, Result};
use nf_codec::{Limits, Spec};
use nf_image::{Shape, in_order};
use rayon::prelude::*;

/// What one value of an option gave.
struct Attempt {
    /// Bytes of streams and list.
    size: usize,
    spec: Spec,
    streams: Vec<Vec<u8>>,
    samples: Samples,
    exceptions: Exceptions,
}

/// Tiles that are arrays whole, whatever their size.
pub const WHOLE: Shape = Shape::new(usize::MAX, usize::MAX, usize::MAX);

/// Codes an array within a bound by an array codec, tile by tile. Its spec may say `bound` for an
/// option: of the values that it stands for, the one with the fewest bytes is taken, listed samples
/// included.
///
/// # Errors
/// [`Error::Refused`] and [`Error::Noise`] as [`quantise()`](crate::quantise()), and if the codec
/// fails or does not take such arrays.
pub fn encode_within(
    array: &Array,
    bound: &Bound,
    options: &QuantiseOptions,
    registry: &ArrayRegistry,
    spec: &Spec,
) -> Result<Quantised> {
    if options.dither_seed.is_some() {
        let reason = format!("{} has no dither of this kind; leave --dither out", spec.name());
        return Err(bound.refused(reason));
    }
    let sample = array.samples().sample_type();
    let (tolerance, smallest, noise_source) = tolerance_of(array, bound, options)?;
    let filled = each_type!(array.samples(), values => filled(values, options.blank))
        .map(|samples| Array::new(array.axes().to_vec(), samples))
        .transpose()?;
    let tile = tile_of(array.axes(), options.tile);
    let boxes = Boxes::new(array.axes(), &tile).ok_or(Error::Shape {
        axes: array.axes().to_vec(),
        samples: array.samples().len(),
        reason: "expected one to four axes",
    })?;
    let mut best: Option<Attempt> = None;
    for candidate in registry.candidates(spec, sample, smallest)? {
        let codec = registry.build(&candidate)?;
        if bound.is_exact() && !codec.is_lossless() {
            let reason = format!("{candidate} has a loss; give it a bound");
            return Err(bound.refused(reason));
        }
        let input = filled.as_ref().filter(|_| !codec.takes_non_finite()).unwrap_or(array);
        let spec = codec.spec();
        let (streams, decoded) = coded(&boxes, input, &*codec, &*registry.build(&spec)?)?;
        let exceptions = outside(array, &decoded, &tolerance, options.blank)?;
        let mut list = Vec::new();
        exceptions.put(sample.bytes(), &mut list);
        let size = streams.iter().map(Vec::len).sum::<usize>() + list.len();
        if best.as_ref().is_none_or(|best| size < best.size) {
            best = Some(Attempt { size, spec, streams, samples: decoded, exceptions });
        }
    }
    let Some(Attempt { spec, streams, mut samples, exceptions, .. }) = best else {
        return Err(spec.error("no value of its options was tried").into());
    };
    each_type!(&mut samples, values => exceptions.apply(0, values));
    let decoded = Array::new(array.axes().to_vec(), samples)?;
    let found = check(array, &decoded, &tolerance)?;
    let record = ArrayRecord {
        sample,
        axes: array.axes().to_vec(),
        bound: *bound,
        tolerance,
        noise_source,
        largest_error: found.largest_error,
        largest_error_sigma: found.largest_error_sigma,
        changed: found.changed,
        original: array.digest(),
        decoded: decoded.digest(),
        dither: None,
        map: Map::Tiles {
            spec,
            tile,
            streams: streams.iter().map(|stream| StreamEntry::of(stream)).collect(),
        },
        base: 0,
        layers: 0,
        exceptions,
    };
    if bound.is_exact() && record.original != record.decoded {
        return Err(bound.refused("the codec did not give the samples back; please report this file"));
    }
    Ok(Quantised { record, layers: Vec::new(), streams, decoded })
}

/// The streams of the boxes of an array, and the samples that they decode to.
fn coded(
    boxes: &Boxes,
    array: &Array,
    codec: &dyn ArrayCodec,
    decoder: &dyn ArrayCodec,
) -> Result<(Vec<Vec<u8>>, Samples)> {
    let sample = array.samples().sample_type();
    let limits = Limits { max_pixels: u64::MAX, max_memory_bytes: u64::MAX };
    let places = boxes.all();
    let streams = in_order(places.par_iter().map(|place| {
        if places.len() == 1 {
            return codec.encode(array);
        }
        codec.encode(&Array::new(boxes.axes(place), boxes.cut(array.samples(), place))?)
    }))?;
    let parts = in_order(places.par_iter().zip(&streams).map(|(place, stream)| {
        let axes = boxes.axes(place);
        let samples = decoder.decode(stream, sample, &axes, &limits)?;
        checked(samples, sample, axes.iter().product())
    }))?;
    Ok((streams, joined(boxes, sample, array.samples().len(), parts)))
}

/// The samples of all boxes as those of the array.
fn joined(boxes: &Boxes, sample: SampleType, count: usize, mut parts: Vec<Samples>) -> Samples {
    if parts.len() == 1
        && let Some(whole) = parts.pop()
    {
        return whole;
    }
    let mut whole = Samples::zeros(sample, count);
    boxes.all().iter().zip(&parts).for_each(|(place, part)| boxes.paste(place, part, &mut whole));
    whole
}

/// The samples of boxes from their streams, without those that are listed.
///
/// # Errors
/// If the program does not know the codec, or a stream is damaged.
pub(crate) fn decode_tiles(
    record: &ArrayRecord,
    boxes: &Boxes,
    coded: &[(&Box4, Vec<u8>)],
    registry: &ArrayRegistry,
    limits: &Limits,
) -> Result<Vec<Samples>> {
    let Some(spec) = record.array_codec() else {
        return Err(Error::corrupt("the array", "it has no streams"));
    };
    let codec = registry.build(spec)?;
    in_order(coded.par_iter().map(|(place, stream)| {
        let axes = boxes.axes(place);
        let samples = codec.decode(stream, record.sample, &axes, limits)?;
        checked(samples, record.sample, axes.iter().product())
    }))
}

/// The samples of a stream, without those that are listed.
///
/// # Errors
/// If the program does not know the codec, or the stream is damaged.
pub(crate) fn decode_stream(
    record: &ArrayRecord,
    registry: &ArrayRegistry,
    limits: &Limits,
) -> Result<Samples> {
    let Map::Stream { spec, bytes } = &record.map else {
        return Err(Error::corrupt("the array", "it has no stream"));
    };
    let samples = registry.build(spec)?.decode(bytes, record.sample, &record.axes, limits)?;
    let mut samples = checked(samples, record.sample, record.samples())?;
    each_type!(&mut samples, values => record.exceptions.apply(0, values));
    Ok(samples)
}

fn checked(samples: Samples, sample: SampleType, count: usize) -> Result<Samples> {
    if (samples.sample_type(), samples.len()) == (sample, count) {
        return Ok(samples);
    }
    let found = format!("{} samples of type {}", samples.len(), samples.sample_type());
    Err(Error::corrupt("the stream", format!("{found}, expected {count} of {sample}")))
}

/// The samples with each that is no number, or blank, replaced by the one before; nothing if there
/// is none.
fn filled<T: Sample>(values: &[T], blank: Option<i64>) -> Option<Samples>
where
    Samples: From<Vec<T>>,
{
    let is_hole = |x: f64| !x.is_finite() || is_blank(x, blank);
    if !values.iter().any(|sample| is_hole(sample.value())) {
        return None;
    }
    let first = values.iter().find(|sample| !is_hole(sample.value()));
    let mut last = first.copied().unwrap_or(T::nearest(0.0));
    let fill = |&sample: &T| {
        if !is_hole(sample.value()) {
            last = sample;
        }
        last
    };
    Some(values.iter().map(fill).collect::<Vec<T>>().into())
}

fn is_blank(x: f64, blank: Option<i64>) -> bool {
    blank.is_some_and(|blank| blank as f64 == x)
}

/// The samples that did not come back within the bound.
fn outside(
    array: &Array,
    decoded: &Samples,
    tolerance: &Tolerance,
    blank: Option<i64>,
) -> Result<Exceptions> {
    let list = match (array.samples(), decoded) {
        (Samples::U8(a), Samples::U8(b)) => list(a, b, tolerance, blank),
        (Samples::I16(a), Samples::I16(b)) => list(a, b, tolerance, blank),
        (Samples::U16(a), Samples::U16(b)) => list(a, b, tolerance, blank),
        (Samples::I32(a), Samples::I32(b)) => list(a, b, tolerance, blank),
        (Samples::F32(a), Samples::F32(b)) => list(a, b, tolerance, blank),
        (Samples::F64(a), Samples::F64(b)) => list(a, b, tolerance, blank),
        _ => return Err(Error::corrupt("the stream", "samples of another type")),
    };
    Ok(list)
}

fn list<T: Sample>(original: &[T], decoded: &[T], tolerance: &Tolerance, blank: Option<i64>) -> Exceptions {
    let mut exceptions = Exceptions::default();
    for (place, (a, b)) in original.iter().zip(decoded).enumerate() {
        let (x, y) = (a.value(), b.value());
        let is_kept = a.bits() == b.bits()
            || (x.is_finite() && is_blank(x, blank) == is_blank(y, blank) && within(x, y, tolerance.at(x)));
        if !is_kept {
            exceptions.push(place, a.bits());
        }
    }
    exceptions
}
