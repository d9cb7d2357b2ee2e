//! A coder with a loss of its own, made to keep a bound: what it decodes to is compared sample by
//! sample, and what lies outside is listed exactly.

use crate::array_codec::{ArrayCodec, ArrayRegistry};
use crate::bound::{Bound, Tolerance};
use crate::exceptions::Exceptions;
use crate::quantise::{QuantiseOptions, Quantised, check, tolerance_of};
use crate::record::{ArrayRecord, Map};
use crate::sample::{Array, Sample, Samples, each_type};
use crate::within::within;
use crate::{Error, Result};
use nf_codec::{Limits, Spec};
use nf_image::Digest;

/// Codes an array within a bound by an array codec, whose spec may say `bound` for an option: of
/// the values that it stands for, the one with the fewest bytes is taken, listed samples included.
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
    let mut best: Option<(usize, Spec, Vec<u8>, Samples, Exceptions)> = None;
    for candidate in registry.candidates(spec, sample, smallest)? {
        let codec = registry.build(&candidate)?;
        let input = filled.as_ref().filter(|_| !codec.takes_non_finite()).unwrap_or(array);
        let bytes = codec.encode(input)?;
        let spec = codec.spec();
        let limits = Limits { max_pixels: u64::MAX, max_memory_bytes: u64::MAX };
        let decoded = decoded(&*registry.build(&spec)?, &bytes, array, &limits)?;
        let exceptions = outside(array, &decoded, &tolerance, options.blank)?;
        let mut list = Vec::new();
        exceptions.put(sample.bytes(), &mut list);
        let size = bytes.len() + list.len();
        if best.as_ref().is_none_or(|best| size < best.0) {
            best = Some((size, spec, bytes, decoded, exceptions));
        }
    }
    let Some((_, spec, bytes, mut samples, exceptions)) = best else {
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
        original: array.samples().digest(),
        decoded: Digest(decoded.samples().digest().0),
        dither: None,
        map: Map::Stream { spec, bytes },
        base: 0,
        layers: 0,
        exceptions,
    };
    Ok(Quantised { record, layers: Vec::new(), decoded: Some(decoded) })
}

/// What the bytes decode to, of the type and number of the array's samples.
fn decoded(codec: &dyn ArrayCodec, bytes: &[u8], array: &Array, limits: &Limits) -> Result<Samples> {
    let sample = array.samples().sample_type();
    let samples = codec.decode(bytes, sample, array.axes(), limits)?;
    checked(samples, sample, array.samples().len())
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

fn checked(samples: Samples, sample: crate::SampleType, count: usize) -> Result<Samples> {
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
