//! `ccsds123`: the lossless compressor of multispectral images of CCSDS 123.0-B, without its
//! headers.
//!
//! Specification: CCSDS 123.0-B-2 (2019), "Low-Complexity Lossless and Near-Lossless Multispectral
//! and Hyperspectral Image Compression", <https://public.ccsds.org/Pubs/123x0b2c3.pdf>; section numbers here and in `predictor` are of that
//! issue.
//!
//! ```text
//! samples -> local sum, local differences -> weighted prediction -> mapped residual -> Golomb code
//!                                                  ^------ sign of the error moves the weights
//! ```
//!
//! - `predictor`: the adaptive linear predictor of section 4, with wide neighbour-oriented sums.
//! - `near`: the quantiser and the sample representatives; here only in the codec of arrays.
//! - This file: the sample-adaptive entropy coder of section 5.4.3.2, and the codec.
//!
//! The planes of a stack are its spectral bands, whatever their axis means: the prediction looks at
//! up to `bands` planes before, so they are coded jointly, with `bands=0` one by one. Rows of all
//! planes are interleaved (the standard's band-interleaved-by-line order). The stream is the codes,
//! highest bit first, and zeros up to the next byte.
//!
//! Stacks of width 1, which the standard leaves to its reduced mode, are taken as the formulas have
//! them.
//!
//! Choices where the standard leaves them: D = 16 unsigned, full prediction mode, weights of
//! default initialisation, R = 64, U_max = 18, and the constants of [`predictor`] and
//! [`Adaptation`], which did best on real frames.

mod near;
mod predictor;
#[cfg(test)]
mod reference;

use crate::bit_io::{BitReader, BitWriter};
pub(crate) use near::Near;
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, PlaneTreatment, Result, Spec};
use nf_image::{Image16, Shape};
use predictor::{Known, Prediction, Predictor};

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "ccsds123",
    summary: "CCSDS 123.0-B: adaptive prediction over planes, Golomb codes",
    source: "CCSDS 123.0-B-2 (2019), sections 4 and 5.4.3.2",
    options: &[OptionDoc {
        key: "bands",
        values: "0..=15",
        default: "3",
        help: "planes before that a prediction looks at",
    }],
    build: |spec| {
        let mut options = spec.options();
        let bands = options.take("bands", DEFAULT_BANDS, "0..=15", |b| (0..=15).contains(b))?;
        options.finish()?;
        Ok(Box::new(Ccsds123 { bands }))
    },
};

const DEFAULT_BANDS: usize = 3;
/// Zeros that announce a residual in plain 16 bits (U_max, 8..=32).
const MOST_ZEROS: u32 = 18;
/// Bits of a sample (D).
const SAMPLE_BITS: u32 = 16;

struct Ccsds123 {
    bands: usize,
}

/// What the entropy coder knows of a plane: the mean of its residuals is about `sum / count`
/// (section 5.4.3.2.2).
#[derive(Clone)]
struct Adaptation {
    sum: u32,
    count: u32,
}

impl Adaptation {
    /// Initial count exponent (gamma_0, 1..=8).
    const FIRST_COUNT_LOG2: u32 = 1;
    /// Counts are halved at 2^this (gamma*, 4..=11).
    const RESCALE_LOG2: u32 = 4;
    /// Accumulator initialisation constant (K, 0..=14).
    const FIRST_SPLIT: u32 = 5;

    fn new() -> Self {
        let count = 1 << Self::FIRST_COUNT_LOG2;
        Self { sum: (((3 << (Self::FIRST_SPLIT + 6)) - 49) * count) >> 7, count }
    }

    /// The low bits to be sent plainly (k in the standard): the most for which `count * 2^k` is
    /// below the sum.
    fn split(&self) -> u32 {
        let sum = self.sum + ((49 * self.count) >> 7);
        let most = (sum.max(1).ilog2() + 1).saturating_sub(self.count.ilog2());
        let split = if self.count << most > sum { most.saturating_sub(1) } else { most };
        let split = if self.count << split > sum { split.saturating_sub(1) } else { split };
        split.min(SAMPLE_BITS - 2)
    }

    /// Takes the next residual in.
    fn update(&mut self, mapped: u32) {
        if self.count < (1 << Self::RESCALE_LOG2) - 1 {
            self.sum += mapped;
            self.count += 1;
        } else {
            self.sum = (self.sum + mapped).div_ceil(2);
            self.count = self.count.div_ceil(2);
        }
    }

    fn write(&mut self, mapped: u32, writer: &mut BitWriter) {
        let split = self.split();
        let zeros = mapped >> split;
        if zeros < MOST_ZEROS {
            writer.put(1 << split | mapped & ((1 << split) - 1), zeros + 1 + split);
        } else {
            writer.put(0, MOST_ZEROS);
            writer.put(mapped, SAMPLE_BITS);
        }
        self.update(mapped);
    }

    fn read(&mut self, reader: &mut BitReader<'_>) -> Result<u32> {
        let split = self.split();
        reader.refill();
        let zeros = reader.take_zeros(MOST_ZEROS);
        let mapped =
            if zeros < MOST_ZEROS { zeros << split | reader.take(split) } else { reader.take(SAMPLE_BITS) };
        if mapped > u32::from(u16::MAX) {
            return Err(Error::corrupt("ccsds123 stream", "a residual of more than 16 bits"));
        }
        self.update(mapped);
        Ok(mapped)
    }
}

impl Codec for Ccsds123 {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("bands", self.bands, DEFAULT_BANDS)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        encode_stack(image, self.bands, None)
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        decode_stack(bytes, shape, limits, self.bands, None)
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        (shape.pixels() as u64 * u64::from(MOST_ZEROS + SAMPLE_BITS)).div_ceil(8)
    }

    fn planes(&self) -> PlaneTreatment {
        if self.bands == 0 { PlaneTreatment::Independent } else { PlaneTreatment::Joint }
    }
}

/// The stream of a stack, whose samples are quantised where `near` says so; the first one of a
/// plane never is.
pub(crate) fn encode_stack(image: &Image16, bands: usize, near: Option<Near>) -> Result<Vec<u8>> {
    let shape = image.shape();
    let mut writer = BitWriter::with_capacity(shape.raw_bytes() / 2);
    let mut adaptations = vec![Adaptation::new(); shape.planes];
    let mut predictor = Predictor::new(shape, bands);
    for row in 0..shape.height {
        for (plane, adaptation) in adaptations.iter_mut().enumerate() {
            let samples = image.row(plane, row);
            predictor.traverse_row(plane, row, |column, prediction| {
                let sample = samples[column];
                let is_first = (row, column) == (0, 0);
                let (mapped, known) = match near.filter(|_| !is_first) {
                    Some(near) => near.map(prediction, sample),
                    None => (prediction.map(sample), Known::exact(sample)),
                };
                match is_first {
                    true => writer.put(mapped, SAMPLE_BITS),
                    false => adaptation.write(mapped, &mut writer),
                }
                Ok(known)
            })?;
        }
    }
    writer.align();
    Ok(writer.into_bytes())
}

/// The stack that [`encode_stack`] wrote.
pub(crate) fn decode_stack(
    bytes: &[u8],
    shape: Shape,
    limits: &Limits,
    bands: usize,
    near: Option<Near>,
) -> Result<Image16> {
    limits.check_shape("ccsds123 stream", shape)?;
    limits.check_memory("ccsds123 stream", Predictor::memory_bytes(shape, bands))?;
    let mut image = Image16::zeros(shape);
    if image.samples().is_empty() {
        return expect_end(&BitReader::new(bytes)).map(|()| image);
    }
    let mut reader = BitReader::new(bytes);
    let mut adaptations = vec![Adaptation::new(); shape.planes];
    let mut predictor = Predictor::new(shape, bands);
    for row in 0..shape.height {
        for (plane, adaptation) in adaptations.iter_mut().enumerate() {
            let start = plane * shape.plane_pixels() + row * shape.width;
            let samples = &mut image.samples_mut()[start..start + shape.width];
            predictor.traverse_row(plane, row, |column, prediction: Prediction| {
                let is_first = (row, column) == (0, 0);
                let mapped = if is_first {
                    reader.refill();
                    reader.take(SAMPLE_BITS)
                } else {
                    adaptation.read(&mut reader)?
                };
                let known = match near.filter(|_| !is_first) {
                    Some(near) => near.unmap(prediction, mapped),
                    None => Known::exact(prediction.unmap(mapped as u16)),
                };
                samples[column] = known.centre;
                Ok(known)
            })?;
            if reader.is_overrun() {
                return Err(Error::truncated("ccsds123 stream"));
            }
        }
    }
    reader.align();
    expect_end(&reader).map(|()| image)
}

fn expect_end(reader: &BitReader<'_>) -> Result<()> {
    match reader.unread_bytes() {
        Some(0) => Ok(()),
        Some(extra) => {
            Err(Error::corrupt("ccsds123 stream", format!("{extra} bytes are left after the last pixel")))
        }
        None => Err(Error::truncated("ccsds123 stream")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn streams_equal_those_of_the_slow_twin(
            planes in 1..5usize,
            width in 1..20usize,
            bands in 0..5usize,
            base: u16,
            shift in 0..16u32,
            noise in vec(any::<u16>(), 400),
        ) {
            let shape = Shape::new(planes, 400 / planes / width, width);
            let mut noise = noise.into_iter();
            let mut draw = move || noise.next().unwrap_or(0);
            let image = Image16::from_fn(shape, |_, _, _| base.wrapping_add(draw() >> shift));
            let bytes = Ccsds123 { bands }.encode(&image).unwrap();
            let text: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
            let (expected, _) = reference::slow_bits(&image, bands, None);
            prop_assert_eq!(&text[..expected.len()], &*expected);
            prop_assert!(text.len() < expected.len() + 8);
        }

        #[test]
        fn quantised_streams_equal_those_of_the_slow_twin(
            planes in 1..4usize,
            width in 1..20usize,
            base: u16,
            shift in 0..16u32,
            abs in prop::option::of(0..400u16),
            rel in prop::option::of(0..3000u16),
            resolution in 0..5u8,
            damping: u8,
            offset: u8,
            noise in vec(any::<u16>(), 400),
        ) {
            let below = |value: u8| value % (1 << resolution);
            let near = Near { abs, rel, damping: below(damping), offset: below(offset), resolution };
            let shape = Shape::new(planes, 400 / planes / width, width);
            let mut noise = noise.into_iter();
            let mut draw = move || noise.next().unwrap_or(0);
            let image = Image16::from_fn(shape, |_, _, _| base.wrapping_add(draw() >> shift));
            let bytes = encode_stack(&image, 3, Some(near)).unwrap();
            let text: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
            let (expected, centres) = reference::slow_bits(&image, 3, Some(near));
            prop_assert_eq!(&text[..expected.len()], &*expected);
            let decoded = decode_stack(&bytes, shape, &Limits::default(), 3, Some(near)).unwrap();
            prop_assert_eq!(decoded.samples(), &*centres);
            if let Some(most) = abs {
                let pairs = image.samples().iter().zip(&centres);
                prop_assert!(pairs.map(|(a, b)| a.abs_diff(*b)).all(|error| error <= most));
            }
        }
    }
}
