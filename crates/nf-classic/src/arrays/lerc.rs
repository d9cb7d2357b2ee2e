//! `lerc:error=`: LERC within an error; NaN and infinities go to its mask and come back as NaN.
//!
//! `error` is the largest error of a value; of 16-bit integers whole units count. `as=float` codes
//! 8-bit and 16-bit integers as single precision, whose steps are 2 E + 1 units wide and not 2 E,
//! and others as double precision; without it the types of LERC are used as they are: unsigned
//! 16-bit integers, single and double precision. `version` is that of the format.
//!
//! A plane is a blob of its own.

use super::planes::{self, Planes};
use super::{Line, before_rounding, unsupported};
use crate::lerc::blob::{self, Form};
use crate::lerc::{SOURCE, Value};
use nf_bounded::{Array, ArrayCodec, Result, SampleType, Samples};
use nf_codec::{Error, Limits, OptionDoc, Spec};

pub(super) const LINE: Line = Line {
    name: NAME,
    summary: "LERC within an error: blocks less their minimum, quantised and packed",
    source: SOURCE,
    options: &[
        OptionDoc {
            key: "error",
            values: "a number of zero or more, or bound",
            default: "-",
            help: "largest error of a value",
        },
        OptionDoc { key: "as", values: "own or float", default: "own", help: "type of the values" },
        OptionDoc { key: "version", values: "3 or 4", default: "4", help: "version of the format" },
    ],
    modes: &["error"],
    is_homonym: true,
    values_of_bound: |spec, _, sample, tolerance| {
        vec![match spec.get("as") {
            Some("float") => before_rounding(sample, tolerance),
            _ => tolerance,
        }]
    },
    build: |spec| {
        let mut options = spec.options();
        let expected = "a number of zero or more, or bound";
        let error = options.take("error", f64::NAN, expected, |e| e.is_finite() && *e >= 0.0)?;
        let as_text = options
            .take("as", "own".to_owned(), "own or float", |text| ["own", "float"].contains(&text.as_str()))?;
        let version = options.take("version", 4, "3 or 4", |v| [3, 4].contains(v))?;
        options.finish()?;
        if error.is_nan() {
            return Err(spec.error("option 'error' is missing").into());
        }
        Ok(Box::new(Lerc { error, as_float: as_text == "float", version }))
    },
};

const NAME: &str = "lerc";

struct Lerc {
    error: f64,
    as_float: bool,
    version: i32,
}

impl Lerc {
    fn encode_planes<T: Value>(&self, values: &[T], axes: &[usize]) -> Result<Vec<u8>> {
        let planes = Planes::of(axes);
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let most = blob::most_bytes::<T>(planes.plane_pixels()) + planes.plane_pixels();
        if most > i32::MAX as usize {
            return Err(Error::backend(NAME, "a plane must fit into 2 GiB").into());
        }
        let form = self.form::<T>(planes.width);
        let encode = |plane: &[T]| {
            let valid: Vec<bool> = plane.iter().map(|value| value.value().is_finite()).collect();
            let valid = Some(&valid[..]).filter(|valid| valid.contains(&false));
            blob::encode(plane, valid, form)
        };
        planes::join(NAME, values.chunks(planes.plane_pixels()).map(encode).collect())
    }

    fn decode_planes<T: Value>(
        &self,
        bytes: &[u8],
        axes: &[usize],
        limits: &Limits,
        invalid: T,
    ) -> Result<Vec<T>> {
        let planes = Planes::of(axes);
        if planes.pixels() == 0 {
            return Ok(Vec::new());
        }
        let streams = planes::split(NAME, bytes, planes.count)?;
        // The places and the mask of a plane.
        limits.check_memory(NAME, (planes.plane_pixels() as u64).saturating_mul(10))?;
        let mut values: Vec<T> = planes.zeros(NAME, limits)?;
        let form = self.form::<T>(planes.width);
        for (plane, stream) in values.chunks_mut(planes.plane_pixels()).zip(streams) {
            if let Some(valid) = blob::decode(stream, form, plane)? {
                let holes = plane.iter_mut().zip(valid).filter(|(_, is_valid)| !is_valid);
                holes.for_each(|(value, _)| *value = invalid);
            }
        }
        Ok(values)
    }

    fn form<T: Value>(&self, width: usize) -> Form {
        let error = if T::IS_INTEGER { self.error.floor().max(0.5) } else { self.error };
        Form { width, error, version: self.version }
    }
}

impl ArrayCodec for Lerc {
    fn spec(&self) -> Spec {
        let as_text = if self.as_float { "float" } else { "own" };
        Spec::new(NAME).set("error", self.error).with("as", as_text, "own").with("version", self.version, 4)
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let (axes, samples) = (array.axes(), array.samples());
        match samples {
            Samples::U16(values) if !self.as_float => self.encode_planes(values, axes),
            Samples::F32(values) => self.encode_planes(values, axes),
            Samples::F64(values) => self.encode_planes(values, axes),
            _ if !self.as_float => {
                Err(unsupported(NAME, array, "expected uint16, float32 or float64, or the option as=float"))
            }
            _ => match planes::as_f32(samples) {
                Some(values) => self.encode_planes(&values, axes),
                None => self.encode_planes(&planes::as_f64(samples), axes),
            },
        }
    }

    fn decode(&self, bytes: &[u8], sample: SampleType, axes: &[usize], limits: &Limits) -> Result<Samples> {
        Ok(match sample {
            SampleType::U16 if !self.as_float => Samples::U16(self.decode_planes(bytes, axes, limits, 0)?),
            SampleType::F32 => Samples::F32(self.decode_planes(bytes, axes, limits, f32::NAN)?),
            SampleType::F64 => Samples::F64(self.decode_planes(bytes, axes, limits, f64::NAN)?),
            SampleType::I32 => {
                planes::samples_of(&self.decode_planes(bytes, axes, limits, f64::NAN)?, sample)
            }
            _ => planes::samples_of(&self.decode_planes(bytes, axes, limits, f32::NAN)?, sample),
        })
    }

    fn takes_non_finite(&self) -> bool {
        true
    }
}
