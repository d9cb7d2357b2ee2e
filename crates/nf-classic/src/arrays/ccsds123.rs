//! `ccsds123:abs=,rel=`: near-lossless CCSDS 123.0-B-2, with its sample-adaptive entropy coder, for
//! 16-bit integers; signed ones are coded plus 32768. `abs` is the largest error in units, `rel` in
//! units of 2^-16 of the predicted sample; with both, the smaller holds. `damping` and `offset`,
//! below 2^`resolution`, are those of the sample representatives.

use super::planes::Planes;
use super::{Line, unsupported};
use crate::ccsds123::{ENTRY, Near, decode_stack, encode_stack};
use nf_bounded::{Array, ArrayCodec, Result, SampleType, Samples};
use nf_codec::{Error, Limits, OptionDoc, Spec};
use nf_image::{Image16, Shape};

pub(super) const LINE: Line = Line {
    name: NAME,
    summary: "CCSDS 123.0-B near-lossless: the predictor sees quantised samples",
    source: "CCSDS 123.0-B-2 (2019), sections 4 and 5.4.3.2",
    options: &[
        OptionDoc { key: "abs", values: "0..=32767, or bound", default: "-", help: "largest error, units" },
        OptionDoc {
            key: "rel",
            values: "0..=32767",
            default: "-",
            help: "largest error in 65536ths of the prediction",
        },
        OptionDoc { key: "bands", values: "0..=15", default: "3", help: "planes before that are looked at" },
        OptionDoc { key: "damping", values: "0..=15", default: "0", help: "below 2^resolution" },
        OptionDoc { key: "offset", values: "0..=15", default: "0", help: "below 2^resolution" },
        OptionDoc { key: "resolution", values: "0..=4", default: "0", help: "bits of damping and offset" },
    ],
    modes: &["abs", "rel"],
    is_homonym: true,
    values_of_bound: |_, key, sample, tolerance| match (key, sample) {
        ("abs", SampleType::U16 | SampleType::I16) => vec![tolerance.floor().min(f64::from(MOST))],
        _ => vec![],
    },
    build: |spec| {
        let mut options = spec.options();
        let legal = |limit: &i32| (0..=MOST).contains(limit);
        let abs = options.take("abs", -1, "0..=32767, or bound", legal)?;
        let rel = options.take("rel", -1, "0..=32767", legal)?;
        let bands = options.take("bands", BANDS, "0..=15", |b| *b <= 15)?;
        let resolution = options.take("resolution", 0u8, "0..=4", |r| *r <= 4)?;
        let below = |value: &u8| *value < 1 << resolution;
        let damping = options.take("damping", 0, "a number below 2^resolution", below)?;
        let offset = options.take("offset", 0, "a number below 2^resolution", below)?;
        options.finish()?;
        let [abs, rel] = [abs, rel].map(|limit| u16::try_from(limit).ok());
        if abs.is_none() && rel.is_none() {
            return Err(spec.error("expected abs, rel or both").into());
        }
        Ok(Box::new(Ccsds123 { bands, near: Near { abs, rel, damping, offset, resolution } }))
    },
};

const NAME: &str = ENTRY.name;
const BANDS: usize = 3;
/// Bins stay fewer than 2^15 wide, as for the standard's limits of 15 bits.
const MOST: i32 = (1 << 15) - 1;

struct Ccsds123 {
    bands: usize,
    near: Near,
}

impl ArrayCodec for Ccsds123 {
    fn spec(&self) -> Spec {
        let Near { abs, rel, damping, offset, resolution } = self.near;
        let limits = [("abs", abs), ("rel", rel)].into_iter().filter_map(|(key, limit)| Some((key, limit?)));
        limits
            .fold(Spec::new(NAME), |spec, (key, limit)| spec.set(key, limit))
            .with("bands", self.bands, BANDS)
            .with("damping", damping, 0)
            .with("offset", offset, 0)
            .with("resolution", resolution, 0)
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let Planes { count, height, width } = Planes::of(array.axes());
        let values = match array.samples() {
            Samples::U16(values) => values.clone(),
            Samples::I16(values) => values.iter().map(|&value| value as u16 ^ 0x8000).collect(),
            _ => return Err(unsupported(NAME, array, "expected int16 or uint16")),
        };
        let image = Image16::new(Shape::new(count, height, width), values)
            .map_err(|error| Error::backend(NAME, error.to_string()))?;
        Ok(encode_stack(&image, self.bands, Some(self.near))?)
    }

    fn decode(&self, bytes: &[u8], sample: SampleType, axes: &[usize], limits: &Limits) -> Result<Samples> {
        let Planes { count, height, width } = Planes::of(axes);
        let shape = Shape::new(count, height, width);
        let values = decode_stack(bytes, shape, limits, self.bands, Some(self.near))?.into_samples();
        match sample {
            SampleType::U16 => Ok(Samples::U16(values)),
            SampleType::I16 => {
                Ok(Samples::I16(values.into_iter().map(|value| (value ^ 0x8000) as i16).collect()))
            }
            other => Err(Error::corrupt("ccsds123 stream", format!("it is said to hold {other}")).into()),
        }
    }
}
