//! From samples to indices: quantised in the open loop, each sample by itself, and proved at once.
//!
//! - `narrow`: integers of at most 65536 values, by a table of which every value is tried;
//!   `tables`: the way back.
//! - `wide`: 32-bit integers and floating-point numbers, by a lattice.

mod narrow;
mod tables;
mod wide;

use crate::bound::{Bound, Tolerance, Unit};
use crate::dither::shift;
use crate::exceptions::Exceptions;
use crate::noise::{Noise, NoiseSource};
use crate::record::{ArrayRecord, Map};
use crate::sample::{Array, Samples, each_type, stack_shape};
use crate::within::within;
use crate::{Error, Result, Sample};
use nf_codec::Dither;
use nf_image::{Digest, Image16, Shape};

/// An array as indices, and what is needed to decode them; or, from
/// [`encode_within`](crate::encode_within), as the stream of an array codec.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// All but the indices.
    pub record: ArrayRecord,
    /// The indices, in stacks of 16 bits: one, or two, the low half first; none beside a stream.
    pub layers: Vec<Image16>,
    /// The streams of an array codec, one for every tile.
    pub(crate) streams: Vec<Vec<u8>>,
    /// What they decode to, with the listed samples.
    pub(crate) decoded: Array,
}

impl Quantised {
    /// The streams of an array codec, one for every tile; none beside indices.
    pub fn streams(&self) -> &[Vec<u8>] {
        &self.streams
    }

    /// The array that the indices or the streams stand for, as a reader of the container gets it.
    pub fn decoded(&self) -> &Array {
        &self.decoded
    }
}

/// What the two ways of quantising find.
struct Indices {
    map: Map,
    dither: Option<Dither>,
    base: i64,
    layers: Vec<Vec<u16>>,
    exceptions: Exceptions,
}

/// Smallest and largest finite sample.
#[derive(Clone, Copy, Debug)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    fn of<T: Sample>(values: &[T]) -> Option<Self> {
        if !T::TYPE.is_float() {
            // In the type itself, which wide registers compare many of at once.
            let (&first, rest) = values.split_first()?;
            let (mut low, mut high) = (first, first);
            for &value in rest {
                low = if value < low { value } else { low };
                high = if value > high { value } else { high };
            }
            return Some(Self { low: low.value(), high: high.value() });
        }
        let finite = values.iter().map(|sample| sample.value()).filter(|value| value.is_finite());
        finite.fold(None, |range: Option<Self>, value| match range {
            None => Some(Self { low: value, high: value }),
            Some(Self { low, high }) => Some(Self { low: low.min(value), high: high.max(value) }),
        })
    }

    fn extent(self) -> f64 {
        self.high - self.low
    }
}

/// What a bound does not say by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct QuantiseOptions {
    /// The noise of the samples, which a bound in sigmas needs.
    pub noise: Option<Noise>,
    /// A value that means "no sample" and is kept exactly.
    pub blank: Option<i64>,
    /// Subtractive dither with this seed.
    pub dither_seed: Option<u64>,
    /// For codecs of arrays: the extent of tiles, of which the last axes are the rows and columns
    /// and what is before them planes; none for about a megapixel.
    pub tile: Option<Shape>,
}

impl QuantiseOptions {
    /// The same with dither, or without; of a seed that is that of the samples themselves, so that
    /// the same array gives the same container.
    pub fn with_dither(self, array: &Array, dither: bool) -> Self {
        let seed = || array.digest().0.first_chunk().map(|first| u64::from_le_bytes(*first));
        Self { dither_seed: if dither { seed() } else { None }, ..self }
    }
}

/// Quantises an array within a bound.
///
/// # Errors
/// [`Error::Refused`] if the bound means nothing for such samples, [`Error::Noise`] if it needs a
/// noise that is not given.
pub fn quantise(array: &Array, bound: &Bound, options: &QuantiseOptions) -> Result<Quantised> {
    let noise = options.noise.filter(|_| bound.unit() == Unit::Sigma);
    let sample = array.samples().sample_type();
    if bound.is_exact() && sample.is_float() {
        let reason = format!(
            "indices do not keep {sample} samples; codecs of arrays do, such as pcodec:lossless=true or \
             zstd:filter=floatpred"
        );
        return Err(bound.refused(reason));
    }
    let shape = stack_shape(array.axes());
    let (tolerance, indices) = each_type!(array.samples(), values => {
        let range = Range::of(values);
        let tolerance = tolerance(bound, noise, array, range)?;
        let indices = match narrow::values_of(values, range) {
            Some(all) => narrow::quantise(values, all, &tolerance, options, shape.width),
            None => wide::quantise(values, range, bound, &tolerance, options)?,
        };
        (tolerance, indices)
    });
    let Indices { map, dither, base, layers, exceptions } = indices;
    let mut record = ArrayRecord {
        sample: array.samples().sample_type(),
        axes: array.axes().to_vec(),
        bound: *bound,
        tolerance,
        noise_source: noise.map(|noise| noise.source),
        largest_error: 0.0,
        largest_error_sigma: None,
        changed: 0,
        original: array.digest(),
        decoded: Digest([0; 32]),
        dither,
        map,
        base,
        layers: layers.len() as u8,
        exceptions,
    };
    let layers: Vec<Image16> = layers.into_iter().map(|layer| filled(shape, layer)).collect::<Result<_>>()?;
    let decoded = reconstruct(&record, &layers)?;
    let found = check(array, &decoded, &tolerance)?;
    record.largest_error = found.largest_error;
    record.largest_error_sigma = found.largest_error_sigma;
    record.changed = found.changed;
    record.decoded = decoded.digest();
    if bound.is_exact() && record.original != record.decoded {
        return Err(bound.refused("the samples did not come back; please report this file"));
    }
    Ok(Quantised { record, layers, streams: Vec::new(), decoded })
}

/// A stack of indices; what a row lacks of its length repeats the last index.
fn filled(shape: Shape, mut indices: Vec<u16>) -> Result<Image16> {
    let last = indices.last().copied().unwrap_or(0);
    indices.resize(shape.pixels(), last);
    Image16::new(shape, indices).map_err(|error| Error::corrupt("the indices", error.to_string()))
}

/// What the bound means for the samples of an array, its smallest value for any of them, and where
/// the noise of a bound in sigmas comes from.
pub(crate) fn tolerance_of(
    array: &Array,
    bound: &Bound,
    options: &QuantiseOptions,
) -> Result<(Tolerance, f64, Option<NoiseSource>)> {
    let noise = options.noise.filter(|_| bound.unit() == Unit::Sigma);
    let range = each_type!(array.samples(), values => Range::of(values));
    let tolerance = tolerance(bound, noise, array, range)?;
    let smallest = tolerance.at(range.map_or(0.0, |range| range.low));
    Ok((tolerance, smallest, noise.map(|noise| noise.source)))
}

/// What the bound means for these samples.
fn tolerance(bound: &Bound, noise: Option<Noise>, array: &Array, range: Option<Range>) -> Result<Tolerance> {
    let sample = array.samples().sample_type();
    let value = bound.value();
    let extent = range.map_or(0.0, Range::extent);
    let absolute = match bound.unit() {
        Unit::Sigma => {
            let reason = "a bound in sigmas needs the offset, the gain and the read noise, or a measurement";
            let noise = noise.ok_or_else(|| Error::Noise(reason.to_owned()))?.model;
            let sigma = range.map_or(0.0, |range| value * noise.sigma(range.high));
            if extent > 0.0 && sigma >= extent {
                let (sigma, extent) = (short(sigma), short(extent));
                let reason =
                    format!("it is {sigma} at the largest sample, and the samples differ by {extent}");
                return Err(bound.refused(reason));
            }
            return Ok(Tolerance::Sigma { sigmas: value, noise });
        }
        Unit::Exact => return Ok(Tolerance::Absolute(0.0)),
        Unit::Dn => value,
        Unit::Range if extent.is_infinite() => {
            let reason = "the range of the samples is larger than any float64; give the bound in dn";
            return Err(bound.refused(reason));
        }
        Unit::Range => value * extent,
    };
    if extent > 0.0 && (!absolute.is_finite() || absolute >= extent) {
        let (absolute, extent) = (short(absolute), short(extent));
        let reason = format!("it is {absolute}, and the samples differ by no more than {extent}");
        return Err(bound.refused(reason));
    }
    if extent > 0.0 && !sample.is_float() && absolute < 1.0 {
        let reason = format!(
            "it is {} for {sample} samples, whose errors are whole numbers; code it without a bound",
            short(absolute)
        );
        return Err(bound.refused(reason));
    }
    Ok(Tolerance::Absolute(absolute))
}

/// For messages: no more than seven digits, and an exponent where there would be many zeros.
fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e12).contains(&size) {
        return format!("{value:.2e}");
    }
    let digits = 6 - size.max(1e-4).log10().floor() as i32;
    let text = format!("{value:.*}", digits.max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Largest difference of a pair of samples.
    pub largest_error: f64,
    /// The same in standard deviations of the noise, for a tolerance in sigmas.
    pub largest_error_sigma: Option<f64>,
    /// Samples that differ.
    pub changed: u64,
}

/// Compares arrays sample by sample: `|x - x'|` is within the tolerance of `x`, decided exactly,
/// and what is no finite number has the same bits.
///
/// # Errors
/// [`Error::Violated`] at the first sample that is not, [`Error::Shape`] if types or axes differ.
pub fn check(original: &Array, decoded: &Array, tolerance: &Tolerance) -> Result<Comparison> {
    let of = match (original.samples(), decoded.samples()) {
        _ if original.axes() != decoded.axes() => None,
        (Samples::U8(a), Samples::U8(b)) => Some(compare(a, b, tolerance)),
        (Samples::I16(a), Samples::I16(b)) => Some(compare(a, b, tolerance)),
        (Samples::U16(a), Samples::U16(b)) => Some(compare(a, b, tolerance)),
        (Samples::I32(a), Samples::I32(b)) => Some(compare(a, b, tolerance)),
        (Samples::F32(a), Samples::F32(b)) => Some(compare(a, b, tolerance)),
        (Samples::F64(a), Samples::F64(b)) => Some(compare(a, b, tolerance)),
        _ => None,
    };
    of.unwrap_or_else(|| {
        let (axes, samples) = (decoded.axes().to_vec(), decoded.samples().len());
        Err(Error::Shape { axes, samples, reason: "expected the type and the axes of the original" })
    })
}

fn compare<T: Sample>(original: &[T], decoded: &[T], tolerance: &Tolerance) -> Result<Comparison> {
    let in_sigma = |error: f64, x: f64| match tolerance {
        Tolerance::Absolute(_) => 0.0,
        Tolerance::Sigma { noise, .. } => error / noise.sigma(x),
    };
    let mut found = Comparison::default();
    let mut most_sigma = 0.0f64;
    let mut pairs = original.iter().zip(decoded).enumerate();
    if T::TYPE.bytes() <= 2 {
        // What every value may become, worked out once for all its samples.
        let values = 1usize << (8 * T::TYPE.bytes());
        let of = |bits: usize| T::of_bits(bits as u64).value();
        let mut largest = vec![0u32; values];
        for (place, (&x, &y)) in pairs {
            let error = x.whole().abs_diff(y.whole()) as u32;
            found.changed += u64::from(error > 0);
            // An error that is no larger than one that was within the tolerance of the same value
            // is within it as well.
            let largest = &mut largest[x.bits() as usize];
            if error > *largest {
                // Errors of integers are whole.
                if u64::from(error) > tolerance.at(x.value()) as u64 {
                    return Err(Error::Violated { place, expected: x.value(), found: y.value() });
                }
                *largest = error;
            }
        }
        for (bits, &error) in largest.iter().enumerate() {
            let error = error as f64;
            found.largest_error = found.largest_error.max(error);
            most_sigma = most_sigma.max(in_sigma(error, of(bits)));
        }
    } else {
        pairs.try_for_each(|(place, (&x, &y))| {
            if x.bits() == y.bits() {
                return Ok(());
            }
            let (x, y) = (x.value(), y.value());
            if !within(x, y, tolerance.at(x)) {
                return Err(Error::Violated { place, expected: x, found: y });
            }
            let error = (x - y).abs();
            found.changed += 1;
            found.largest_error = found.largest_error.max(error);
            most_sigma = most_sigma.max(in_sigma(error, x));
            Ok(())
        })?;
    }
    found.largest_error_sigma = matches!(tolerance, Tolerance::Sigma { .. }).then_some(most_sigma);
    Ok(found)
}

/// The array that indices stand for.
///
/// # Errors
/// If an index is beyond the table, or the layers are not those that the record says.
pub(crate) fn reconstruct(record: &ArrayRecord, layers: &[Image16]) -> Result<Array> {
    let samples = record.samples();
    let layers: Vec<&[u16]> = layers.iter().map(|layer| &layer.samples()[..samples]).collect();
    let samples = reconstruct_samples(record, &layers, 0)?;
    Array::new(record.axes.clone(), samples)
}

/// The samples of consecutive places from `first` on.
pub(crate) fn reconstruct_samples(record: &ArrayRecord, layers: &[&[u16]], first: usize) -> Result<Samples> {
    use crate::SampleType::{F32, F64, I16, I32, U8, U16};
    Ok(match record.sample {
        U8 => Samples::U8(values(record, layers, first)?),
        I16 => Samples::I16(values(record, layers, first)?),
        U16 => Samples::U16(values(record, layers, first)?),
        I32 => Samples::I32(values(record, layers, first)?),
        F32 => Samples::F32(values(record, layers, first)?),
        F64 => Samples::F64(values(record, layers, first)?),
    })
}

fn values<T: Sample>(record: &ArrayRecord, layers: &[&[u16]], first: usize) -> Result<Vec<T>> {
    let (map, dither) = (&record.map, record.dither);
    let shift_at = |n: usize| dither.map_or(0.0, |dither| shift(dither, first + n));
    let mut samples: Vec<T> = match (layers, map) {
        ([low], Map::Tables(tables)) => tables::values(low, tables, dither, first)
            .ok_or_else(|| Error::corrupt("the indices", "an index beyond its table"))?,
        ([low], _) => {
            let value = |(n, &low): (usize, &u16)| map.value(record.base + i64::from(low), shift_at(n));
            low.iter().enumerate().map(|pair| T::nearest(value(pair))).collect()
        }
        ([low, high], _) => {
            let index = |low: u16, high: u16| record.base + (i64::from(high) << 16 | i64::from(low));
            let value = |(n, (&low, &high)): (usize, (&u16, &u16))| map.value(index(low, high), shift_at(n));
            low.iter().zip(*high).enumerate().map(|pair| T::nearest(value(pair))).collect()
        }
        _ => return Err(Error::corrupt("the indices", format!("{} layers", layers.len()))),
    };
    record.exceptions.apply(first, &mut samples);
    Ok(samples)
}

#[cfg(test)]
mod tests;
