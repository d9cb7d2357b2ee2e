//! One codec on one image: verify, then time.

use crate::measurement::Figures;
use crate::memory::PeakMeter;
use crate::transforms::Bounded;
use nf_bounded::{Array, ArrayRegistry, QuantiseOptions, WHOLE, encode_within};
use nf_codec::{Codec, Limits, Registry, Spec};
use nf_image::Image16;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// How often a verified codec is run against the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Timed runs of each direction, at most.
    pub(crate) repeats: u32,
    /// No further timed run begins when an image has taken this long; a codec whose verifying pass
    /// took longer is not run again, and the time of that pass stands.
    pub(crate) budget: Duration,
    /// Whether the resident size of this process says anything about the codec.
    pub(crate) memory: bool,
}

/// Measures the codec that `spec` describes.
///
/// # Errors
/// Whatever the codec did wrong, panicking included; figures of a codec that failed mean nothing.
pub(crate) fn measure(
    registry: &Registry,
    spec: &Spec,
    image: &Image16,
    timing: Timing,
) -> Result<Figures, String> {
    match catch_unwind(AssertUnwindSafe(|| attempt(registry, spec, image, timing))) {
        Ok(measured) => measured,
        Err(panic) => Err(format!("panicked: {}", panic_words(panic.as_ref()))),
    }
}

/// What a panic said.
pub(crate) fn panic_words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

fn attempt(registry: &Registry, spec: &Spec, image: &Image16, timing: Timing) -> Result<Figures, String> {
    let text = |error: nf_codec::Error| error.to_string();
    let start_meter = || timing.memory.then(PeakMeter::start).flatten();
    let shape = image.shape();

    let encoder = registry.build(spec).map_err(text)?;
    let meter = start_meter();
    let (first_encode, coded) = timed(|| encoder.encode(image));
    let coded = coded.map_err(text)?;
    let encode_peak = meter.and_then(|meter| meter.rise_bytes());
    if coded.len() as u64 > encoder.max_bytes(shape) {
        let bound = encoder.max_bytes(shape);
        return Err(format!("wrote {} bytes where it promises at most {bound}", coded.len()));
    }

    // The decoder knows nothing but the printed spec and the bytes.
    let printed: Spec = encoder.spec().to_string().parse().map_err(text)?;
    let decoder = registry.build(&printed).map_err(text)?;
    let meter = start_meter();
    let (first_decode, decoded) = timed(|| decoder.decode(&coded, shape, &Limits::default()));
    let decode_peak = meter.and_then(|meter| meter.rise_bytes());
    check(image, &decoded.map_err(text)?)?;
    let ideal_bits = encoder.ideal_bits(image).map_err(text)?;

    let mut encodes = vec![];
    let mut decodes = vec![];
    let mut spent = first_encode + first_decode;
    while encodes.len() < timing.repeats as usize && spent < timing.budget {
        let (time, again) = timed(|| encoder.encode(image));
        encodes.push(time);
        if again.map_err(text)? != coded {
            return Err("the same image gave other bytes the second time".to_owned());
        }
        let (time, again) = timed(|| decoder.decode(&coded, shape, &Limits::default()));
        decodes.push(time);
        check(image, &again.map_err(text)?)?;
        spent += encodes[encodes.len() - 1] + time;
    }

    Ok(Figures {
        coded_bytes: Some(coded.len() as u64),
        ideal_bits: ideal_bits.map(|bits| bits.ceil().max(0.0) as u64),
        encode_ns: Some(median_ns(&mut encodes).unwrap_or_else(|| nanoseconds(first_encode))),
        decode_ns: Some(median_ns(&mut decodes).unwrap_or_else(|| nanoseconds(first_decode))),
        encode_all_ns: None,
        decode_all_ns: None,
        runs: encodes.len() as u32,
        peak_bytes: encode_peak.zip(decode_peak).map(|(encode, decode)| encode.max(decode)),
        outside_samples: None,
    })
}

/// Measures an array codec on an image within its bound, and gives what was decoded.
///
/// # Errors
/// As [`measure`].
pub(crate) fn measure_array(
    registry: &ArrayRegistry,
    spec: &Spec,
    bounded: &Bounded,
    timing: Timing,
) -> Result<(Figures, Array), String> {
    match catch_unwind(AssertUnwindSafe(|| attempt_array(registry, spec, bounded, timing))) {
        Ok(measured) => measured,
        Err(panic) => Err(format!("panicked: {}", panic_words(panic.as_ref()))),
    }
}

fn attempt_array(
    registry: &ArrayRegistry,
    spec: &Spec,
    bounded: &Bounded,
    timing: Timing,
) -> Result<(Figures, Array), String> {
    let text = |error: nf_bounded::Error| error.to_string();
    let Bounded { array, bound, .. } = bounded;
    // Sizes are those of whole streams.
    let options = QuantiseOptions { tile: Some(WHOLE), ..QuantiseOptions::default() };
    let (first, coded) = timed(|| encode_within(array, bound, &options, registry, spec));
    let coded = coded.map_err(text)?;
    let record = &coded.record;
    let (chosen, stream) = record.array_codec().zip(coded.streams().first()).ok_or("it wrote no stream")?;
    let listed = if record.exact_samples() > 0 { record.exact_bytes() } else { 0 };
    let codec = registry.build(chosen).map_err(text)?;
    let sample = array.samples().sample_type();
    let (mut encodes, mut decodes, mut spent) = (vec![], vec![], first);
    while encodes.len() < timing.repeats as usize && spent < timing.budget {
        let (time, again) = timed(|| codec.encode(array));
        encodes.push(time);
        if again.map_err(text)? != *stream {
            return Err("the same image gave other bytes the second time".to_owned());
        }
        let (time, again) = timed(|| codec.decode(stream, sample, array.axes(), &Limits::default()));
        decodes.push(time);
        again.map_err(text)?;
        spent += encodes[encodes.len() - 1] + time;
    }
    let figures = Figures {
        coded_bytes: Some((stream.len() + listed) as u64),
        // The verifying pass tries several values of an option, so that its time says nothing.
        encode_ns: median_ns(&mut encodes),
        decode_ns: median_ns(&mut decodes),
        runs: encodes.len() as u32,
        outside_samples: Some(record.exact_finite_samples() as u64),
        ..Figures::default()
    };
    Ok((figures, coded.decoded().clone()))
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// Whether the decoder gave back the samples; the error says where they differ first.
fn check(image: &Image16, decoded: &Image16) -> Result<(), String> {
    if decoded.shape() != image.shape() {
        return Err(format!("not lossless: {} came back as {}", image.shape(), decoded.shape()));
    }
    if decoded.samples() == image.samples() {
        return Ok(());
    }
    let mut pairs = image.samples().iter().zip(decoded.samples()).enumerate();
    let (index, (sent, got)) = pairs.find(|(_, (a, b))| a != b).expect("the samples differ somewhere");
    Err(format!("not lossless: sample {index} was {sent} and came back as {got}"))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The median; the mean of the two in the middle of an even number.
fn median_ns(times: &mut [Duration]) -> Option<u64> {
    times.sort();
    let (low, high) = (times.get(times.len().checked_sub(1)? / 2)?, times.get(times.len() / 2)?);
    Some(nanoseconds((*low + *high) / 2))
}

/// What a codec says of itself, which does not depend on the image.
#[derive(Clone, Debug, PartialEq)]
pub struct CodecFacts {
    /// What it does with planes.
    pub planes: nf_codec::PlaneTreatment,
    /// Where its streams can be decoded.
    pub reproducibility: nf_codec::Reproducibility,
    /// Size of the trained model that both sides need; 0 without one.
    pub weights_bytes: u64,
    /// Its trained parameters.
    pub parameters: u64,
    /// Multiplications of that model, each with its addition, for one pixel.
    pub macs_per_px: f64,
    /// Whether a run starts a program, so that times include its start.
    pub starts_process: bool,
}

impl CodecFacts {
    /// What is known of every codec with a loss of its own.
    pub(crate) fn of_arrays(starts_process: bool) -> Self {
        Self {
            planes: nf_codec::PlaneTreatment::Independent,
            reproducibility: match starts_process {
                true => nf_codec::Reproducibility::SameBuild,
                false => nf_codec::Reproducibility::Anywhere,
            },
            weights_bytes: 0,
            parameters: 0,
            macs_per_px: 0.0,
            starts_process,
        }
    }

    pub(crate) fn of(codec: &dyn Codec, starts_process: bool) -> Self {
        let model = codec.model();
        Self {
            planes: codec.planes(),
            reproducibility: codec.reproducibility(),
            weights_bytes: model.as_ref().map_or(0, |model| model.bytes),
            parameters: model.as_ref().map_or(0, |model| model.parameters),
            macs_per_px: model.as_ref().map_or(0.0, |model| model.macs_per_px),
            starts_process,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let median =
            |ns: &[u64]| median_ns(&mut ns.iter().map(|&ns| Duration::from_nanos(ns)).collect::<Vec<_>>());
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7]), Some(7));
        assert_eq!(median(&[9, 1]), Some(5));
        assert_eq!(median(&[9, 1, 2]), Some(2));
        assert_eq!(median(&[100, 1, 2, 4]), Some(3));
    }
}
