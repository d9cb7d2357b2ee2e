//! `zfp`: ZFP through the crate `zfp-rs`, which writes the bytes of libzfp 1.0.1.
//!
//! P. Lindstrom (2014), "Fixed-Rate Compressed Floating-Point Arrays", IEEE Trans. Visualization
//! and Computer Graphics 20, 2674; <https://zfp.readthedocs.io>. Blocks of 4^d numbers with a
//! common exponent, decorrelated by a lifted transform along every axis, coded in bit planes.
//!
//! `accuracy=E` stops at a bit plane below an error of E, rounded down to a power of two;
//! `rate=R` gives every block the same bits, R a number; `precision=P` keeps P bit planes;
//! `reversible=true` is without loss. The stream is that of the library with its full header.
//!
//! Integers of up to 16 bits are coded as single precision and rounded, but as 32-bit integers
//! where that is lossless. ZFP ignores an error bound on integers, so `accuracy` refuses those of
//! 32 bits. NaN and infinities would spoil their block in silence, so only `reversible` gets them.

use super::{Line, before_rounding, planes, unsupported};
use nf_bounded::{Array, ArrayCodec, Result, SampleType, Samples};
use nf_codec::{Error, Limits, OptionDoc, Spec};
use zfp_rs::{
    ZfpBitStream, ZfpConfig, ZfpDimensionality, ZfpField, ZfpFieldMut, ZfpHeaderMask, ZfpScalar,
    ZfpScalarType, ZfpStreamAlignment,
};

pub(super) const LINE: Line = Line {
    name: NAME,
    summary: "ZFP: blocks of 4^d numbers, a transform, bit planes (zfp-rs)",
    source: "Lindstrom 2014; https://zfp.readthedocs.io",
    options: &[
        OptionDoc {
            key: "accuracy",
            values: "a number above zero, or bound",
            default: "bound",
            help: "stops below this error, rounded down to a power of two",
        },
        OptionDoc { key: "rate", values: "0.01..=64", default: "-", help: "bits a number" },
        OptionDoc { key: "precision", values: "1..=64", default: "-", help: "bit planes" },
        OptionDoc { key: "reversible", values: "true", default: "-", help: "without loss" },
    ],
    modes: &["accuracy", "rate", "precision", "reversible"],
    is_homonym: false,
    // The error is far below the tolerance as a rule, so that looser ones hold as well.
    values_of_bound: |_, _, sample, tolerance| {
        [1.0, 2.0, 4.0, 8.0].map(|loose| loose * before_rounding(sample, tolerance)).to_vec()
    },
    build: |spec| {
        let mut options = spec.options();
        let absent = -1.0;
        let positive = |value: &f64| value.is_finite() && *value > 0.0;
        let accuracy = options.take("accuracy", absent, "a number above zero, or bound", positive)?;
        let rate = options.take("rate", absent, "0.01..=64", |r| (0.01..=64.0).contains(r))?;
        let precision = options.take("precision", 0, "1..=64", |p| (1..=64).contains(p))?;
        let reversible = options.take("reversible", false, "true", |&is| is)?;
        options.finish()?;
        let modes = [
            (accuracy != absent).then_some(Mode::Accuracy(accuracy)),
            (rate != absent).then_some(Mode::Rate(rate)),
            (precision != 0).then_some(Mode::Precision(precision)),
            reversible.then_some(Mode::Reversible),
        ];
        match modes.into_iter().flatten().collect::<Vec<_>>()[..] {
            [mode] => Ok(Box::new(Zfp { mode })),
            _ => {
                let reason = "expected one of accuracy, rate, precision and reversible";
                Err(spec.error(reason).into())
            }
        }
    },
};

const NAME: &str = "zfp";
const STREAM: &str = "zfp stream";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Accuracy(f64),
    Rate(f64),
    Precision(u32),
    Reversible,
}

struct Zfp {
    mode: Mode,
}

/// The axes as ZFP counts them, the fastest first.
fn dims(axes: &[usize]) -> [usize; 4] {
    let mut dims = [0; 4];
    dims.iter_mut().zip(axes.iter().rev()).for_each(|(dim, &axis)| *dim = axis);
    dims
}

impl Zfp {
    fn config(&self, axes: &[usize], scalar: ZfpScalarType) -> Result<ZfpConfig> {
        Ok(match self.mode {
            Mode::Accuracy(error) => ZfpConfig::fixed_accuracy(error),
            Mode::Precision(planes) => ZfpConfig::fixed_precision(planes),
            Mode::Reversible => ZfpConfig::reversible(),
            Mode::Rate(bits) => {
                let dimensions = match axes.len() {
                    1 => ZfpDimensionality::D1,
                    2 => ZfpDimensionality::D2,
                    3 => ZfpDimensionality::D3,
                    _ => ZfpDimensionality::D4,
                };
                ZfpConfig::fixed_rate(bits, scalar, dimensions, ZfpStreamAlignment::Unaligned)
                    .map_err(failed)?
            }
        })
    }

    fn compress<T: ZfpScalar>(&self, values: &[T], axes: &[usize], scalar: ZfpScalarType) -> Result<Vec<u8>> {
        let config = self.config(axes, scalar)?;
        let field = ZfpField::new(values, dims(axes)).map_err(failed)?;
        let capacity = config.maximum_size(scalar, dims(axes));
        let capacity = capacity.ok_or_else(|| Error::backend(NAME, "the array is too large"))?;
        let mut stream = ZfpBitStream::new(capacity).map_err(failed)?;
        stream.write_header(&config, &field.metadata(), ZfpHeaderMask::FULL).map_err(failed)?;
        stream.compress(&config, &field).map_err(failed)?;
        Ok(stream.as_bytes().to_vec())
    }

    fn decompress<T: ZfpScalar + Default + Clone>(
        &self,
        bytes: &[u8],
        axes: &[usize],
        scalar: ZfpScalarType,
        limits: &Limits,
    ) -> Result<Vec<T>> {
        let corrupt = |reason: String| Error::corrupt(STREAM, reason);
        let mut values: Vec<T> = planes::Planes::of(axes).zeros(NAME, limits)?;
        let mut field = ZfpFieldMut::new(&mut values, dims(axes)).map_err(failed)?;
        let mut stream = ZfpBitStream::from_bytes(bytes).map_err(failed)?;
        let header = stream.read_header(ZfpHeaderMask::FULL).map_err(|error| corrupt(error.to_string()))?;
        let config = self.config(axes, scalar)?;
        if header.metadata != Some(field.metadata()) || header.config != Some(config) {
            return Err(corrupt("its header is that of another array".to_owned()).into());
        }
        stream.decompress(&config, &mut field).map_err(|error| corrupt(error.to_string()))?;
        Ok(values)
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::backend(NAME, error.to_string())
}

impl ArrayCodec for Zfp {
    fn spec(&self) -> Spec {
        let spec = Spec::new(NAME);
        match self.mode {
            Mode::Accuracy(error) => spec.set("accuracy", error),
            Mode::Rate(bits) => spec.set("rate", bits),
            Mode::Precision(planes) => spec.set("precision", planes),
            Mode::Reversible => spec.set("reversible", true),
        }
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let (axes, samples) = (array.axes(), array.samples());
        if samples.is_empty() {
            return Ok(Vec::new());
        }
        let is_reversible = self.mode == Mode::Reversible;
        match samples {
            Samples::F32(values) => self.compress(values, axes, ZfpScalarType::F32),
            Samples::F64(values) => self.compress(values, axes, ZfpScalarType::F64),
            Samples::I32(_) if matches!(self.mode, Mode::Accuracy(_)) => {
                Err(unsupported(NAME, array, "ZFP ignores a bound on 32-bit integers; use another codec"))
            }
            Samples::I32(values) => self.compress(values, axes, ZfpScalarType::I32),
            _ => {
                let values = planes::as_f32(samples).unwrap_or_default();
                if is_reversible {
                    let whole: Vec<i32> = values.iter().map(|&value| value as i32).collect();
                    return self.compress(&whole, axes, ZfpScalarType::I32);
                }
                self.compress(&values, axes, ZfpScalarType::F32)
            }
        }
    }

    fn decode(&self, bytes: &[u8], sample: SampleType, axes: &[usize], limits: &Limits) -> Result<Samples> {
        if axes.contains(&0) {
            return Ok(planes::samples_of::<f32>(&[], sample));
        }
        let is_reversible = self.mode == Mode::Reversible;
        Ok(match sample {
            SampleType::F32 => Samples::F32(self.decompress(bytes, axes, ZfpScalarType::F32, limits)?),
            SampleType::F64 => Samples::F64(self.decompress(bytes, axes, ZfpScalarType::F64, limits)?),
            SampleType::I32 => Samples::I32(self.decompress(bytes, axes, ZfpScalarType::I32, limits)?),
            _ if is_reversible => {
                let whole: Vec<i32> = self.decompress(bytes, axes, ZfpScalarType::I32, limits)?;
                planes::samples_of(&whole, sample)
            }
            _ => {
                let values: Vec<f32> = self.decompress(bytes, axes, ZfpScalarType::F32, limits)?;
                planes::samples_of(&values, sample)
            }
        })
    }

    fn takes_non_finite(&self) -> bool {
        self.mode == Mode::Reversible
    }

    fn is_lossless(&self) -> bool {
        self.mode == Mode::Reversible
    }
}
