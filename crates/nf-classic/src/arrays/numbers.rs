//! Coders of numbers without loss, for every type: `pcodec:lossless=true`, and
//! `zstd:filter=floatpred` behind the floating-point predictor of TIFF.
//!
//! The predictor (TIFF Technical Note 3, 2005) groups the bytes of a row by their significance, the
//! most significant first, and takes differences along the grouped row; rows are independent.

use super::planes::Planes;
use super::{Line, no_values, unsupported};
use nf_bounded::{Array, ArrayCodec, Result, SampleType, Samples};
use nf_codec::{Error, Limits, OptionDoc, Spec};
use pco::data_types::Number;
use pco::standalone::{simple_compress, simple_decompress_into};

const LOSSLESS: OptionDoc =
    OptionDoc { key: "lossless", values: "true", default: "-", help: "numbers of every type, without loss" };

pub(super) const PCODEC: Line = Line {
    name: "pcodec",
    summary: "pco: binned numbers with ANS, without loss, for 16 to 64 bits",
    source: "Loncaric et al. 2025, arXiv:2502.06112",
    options: &[
        LOSSLESS,
        OptionDoc { key: "level", values: "0..=12", default: "8", help: "2^level bins at most" },
    ],
    modes: &["lossless"],
    is_homonym: true,
    values_of_bound: no_values,
    build: |spec| {
        let mut options = spec.options();
        options.take("lossless", true, "true", |&is| is)?;
        let level = options.take("level", LEVEL, "0..=12", |l| (0..=12).contains(l))?;
        options.finish()?;
        Ok(Box::new(Pcodec { level }))
    },
};

pub(super) const ZSTD: Line = Line {
    name: "zstd",
    summary: "Zstandard behind the floating-point predictor of TIFF, without loss",
    source: "RFC 8878; TIFF Technical Note 3",
    options: &[
        OptionDoc { key: "filter", values: "floatpred", default: "-", help: "what is done before" },
        OptionDoc { key: "level", values: "1..=22", default: "3", help: "effort" },
    ],
    modes: &["filter"],
    is_homonym: true,
    values_of_bound: no_values,
    build: |spec| {
        let mut options = spec.options();
        options.take("filter", FILTER.to_owned(), FILTER, |filter| filter == FILTER)?;
        let level = options.take("level", ZSTD_LEVEL, "1..=22", |l| (1..=22).contains(l))?;
        options.finish()?;
        Ok(Box::new(FloatPredictor { level }))
    },
};

const LEVEL: usize = pco::DEFAULT_COMPRESSION_LEVEL;
const ZSTD_LEVEL: i32 = 3;
const FILTER: &str = "floatpred";
/// What a stream of pco can make the library hold at once.
const DECODER_BYTES: u64 = 128 << 20;

struct Pcodec {
    level: usize,
}

impl Pcodec {
    fn compress<T: Number>(&self, values: &[T]) -> Result<Vec<u8>> {
        let config = pco::ChunkConfig::default().with_compression_level(self.level);
        Ok(simple_compress(values, &config).map_err(|error| Error::backend("pcodec", error.to_string()))?)
    }
}

fn decompress<T: Number + Default>(bytes: &[u8], axes: &[usize], limits: &Limits) -> Result<Vec<T>> {
    const STREAM: &str = "pcodec stream";
    limits.check_memory(STREAM, DECODER_BYTES)?;
    let mut values: Vec<T> = Planes::of(axes).zeros(STREAM, limits)?;
    let progress = simple_decompress_into(bytes, &mut values)
        .map_err(|error| Error::corrupt(STREAM, error.to_string()))?;
    if progress.n_processed != values.len() || !progress.finished {
        let reason = format!("{} numbers, {} were expected", progress.n_processed, values.len());
        return Err(Error::corrupt(STREAM, reason).into());
    }
    Ok(values)
}

impl ArrayCodec for Pcodec {
    fn spec(&self) -> Spec {
        Spec::new("pcodec").set("lossless", true).with("level", self.level, LEVEL)
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        match array.samples() {
            Samples::U8(_) => Err(unsupported("pcodec", array, "expected numbers of 16 to 64 bits")),
            Samples::I16(values) => self.compress(values),
            Samples::U16(values) => self.compress(values),
            Samples::I32(values) => self.compress(values),
            Samples::F32(values) => self.compress(values),
            Samples::F64(values) => self.compress(values),
        }
    }

    fn decode(&self, bytes: &[u8], sample: SampleType, axes: &[usize], limits: &Limits) -> Result<Samples> {
        Ok(match sample {
            SampleType::U8 => return Err(Error::corrupt("pcodec stream", "it is said to hold bytes").into()),
            SampleType::I16 => Samples::I16(decompress(bytes, axes, limits)?),
            SampleType::U16 => Samples::U16(decompress(bytes, axes, limits)?),
            SampleType::I32 => Samples::I32(decompress(bytes, axes, limits)?),
            SampleType::F32 => Samples::F32(decompress(bytes, axes, limits)?),
            SampleType::F64 => Samples::F64(decompress(bytes, axes, limits)?),
        })
    }

    fn takes_non_finite(&self) -> bool {
        true
    }

    fn is_lossless(&self) -> bool {
        true
    }
}

struct FloatPredictor {
    level: i32,
}

/// The little-endian bytes of rows of `width` numbers, predicted.
fn predict(bytes: &[u8], width: usize, number_bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for row in bytes.chunks((width * number_bytes).max(1)) {
        let mut before = 0u8;
        for significance in (0..number_bytes).rev() {
            for number in row.chunks(number_bytes) {
                let byte = number[significance];
                out.push(byte.wrapping_sub(before));
                before = byte;
            }
        }
    }
    out
}

/// The bytes that were predicted.
fn restore(predicted: &[u8], width: usize, number_bytes: usize) -> Vec<u8> {
    let mut out = vec![0; predicted.len()];
    let row_bytes = (width * number_bytes).max(1);
    for (row, from) in out.chunks_mut(row_bytes).zip(predicted.chunks(row_bytes)) {
        let mut byte = 0u8;
        let mut steps = from.iter();
        for significance in (0..number_bytes).rev() {
            for (number, step) in row.chunks_mut(number_bytes).zip(&mut steps) {
                byte = byte.wrapping_add(*step);
                number[significance] = byte;
            }
        }
    }
    out
}

impl ArrayCodec for FloatPredictor {
    fn spec(&self) -> Spec {
        Spec::new("zstd").set("filter", FILTER).with("level", self.level, ZSTD_LEVEL)
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let sample = array.samples().sample_type();
        if !sample.is_float() {
            return Err(unsupported("zstd", array, "the predictor is for float32 and float64"));
        }
        let mut bytes = Vec::new();
        array.samples().each_le_bytes(&mut |piece| bytes.extend_from_slice(piece));
        let predicted = predict(&bytes, Planes::of(array.axes()).width, sample.bytes());
        Ok(::zstd::bulk::compress(&predicted, self.level)
            .map_err(|error| Error::backend("zstd", error.to_string()))?)
    }

    fn decode(&self, bytes: &[u8], sample: SampleType, axes: &[usize], limits: &Limits) -> Result<Samples> {
        const STREAM: &str = "zstd stream";
        let planes = Planes::of(axes);
        let size = planes.pixels().saturating_mul(sample.bytes());
        limits.check_memory(STREAM, (size as u64).saturating_mul(3))?;
        let mut predicted = vec![0; size];
        let written = ::zstd::bulk::decompress_to_buffer(bytes, &mut predicted[..])
            .map_err(|error| Error::corrupt(STREAM, error.to_string()))?;
        if written != size {
            return Err(Error::corrupt(STREAM, format!("{written} bytes, expected {size}")).into());
        }
        let plain = restore(&predicted, planes.width, sample.bytes());
        Ok(match sample {
            SampleType::F32 => {
                Samples::F32(plain.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
            }
            SampleType::F64 => {
                Samples::F64(plain.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect())
            }
            other => return Err(Error::corrupt(STREAM, format!("it is said to hold {other}")).into()),
        })
    }

    fn takes_non_finite(&self) -> bool {
        true
    }

    fn is_lossless(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_predictor_groups_bytes_by_significance() {
        let row: Vec<u8> = [1.0f32, 2.0, -4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        // 3f800000 40000000 c0800000: first bytes 3f 40 c0, second ones 80 00 80, then zeros.
        let expected = [0x3f, 1, 0x80, 0xc0, 0x80, 0x80, 0x80, 0, 0, 0, 0, 0];
        assert_eq!(predict(&row, 3, 4), expected);
        assert_eq!(restore(&expected, 3, 4), row);
        assert_eq!(predict(&[row.clone(), row].concat(), 3, 4), [expected, expected].concat());
    }
}
