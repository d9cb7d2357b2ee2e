//! `jpegls:near=`: near-lossless JPEG-LS, whose samples change by at most `near` units, for 16-bit
//! integers; signed ones are coded plus 32768. A plane is a JPEG-LS file of its own.

use super::planes::{self, Planes};
use super::{Line, unsupported};
use crate::jpegls::{ENTRY, decode_frame, encode_frame};
use nf_bounded::{Array, ArrayCodec, Result, SampleType, Samples};
use nf_codec::{Error, Limits, OptionDoc, Spec};
use nf_image::Shape;

pub(super) const LINE: Line = Line {
    name: NAME,
    summary: "JPEG-LS, near-lossless (CharLS)",
    source: ENTRY.source,
    options: &[OptionDoc {
        key: "near",
        values: "0..=255, or bound",
        default: "-",
        help: "largest error of a sample, in units",
    }],
    modes: &["near"],
    is_homonym: true,
    values_of_bound: |_, _, sample, tolerance| match sample {
        SampleType::U16 | SampleType::I16 => vec![tolerance.floor().min(f64::from(MOST))],
        _ => vec![],
    },
    build: |spec| {
        let mut options = spec.options();
        let near = options.take("near", MOST + 1, "0..=255, or bound", |near| (0..=MOST).contains(near))?;
        options.finish()?;
        match near {
            0..=MOST => Ok(Box::new(Near { near })),
            _ => Err(spec.error("option 'near' is missing").into()),
        }
    },
};

const NAME: &str = ENTRY.name;
/// The standard has no more (T.87, C.2.3).
const MOST: i32 = 255;

struct Near {
    near: i32,
}

impl ArrayCodec for Near {
    fn spec(&self) -> Spec {
        Spec::new(NAME).set("near", self.near)
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let planes = Planes::of(array.axes());
        let flipped: Vec<u16>;
        let values = match array.samples() {
            Samples::U16(values) => values,
            Samples::I16(values) => {
                flipped = values.iter().map(|&value| value as u16 ^ 0x8000).collect();
                &flipped
            }
            _ => return Err(unsupported(NAME, array, "expected int16 or uint16")),
        };
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let shape = Shape::frame(planes.height, planes.width);
        let encode = |plane: &[u16]| Ok(encode_frame(plane, shape, self.near)?);
        planes::join(NAME, values.chunks(planes.plane_pixels()).map(encode).collect::<Result<_>>()?)
    }

    fn decode(&self, bytes: &[u8], sample: SampleType, axes: &[usize], limits: &Limits) -> Result<Samples> {
        let planes = Planes::of(axes);
        let mut values: Vec<u16> = planes.zeros(NAME, limits)?;
        if planes.pixels() > 0 {
            let streams = planes::split(NAME, bytes, planes.count)?;
            let shape = Shape::frame(planes.height, planes.width);
            for (plane, stream) in values.chunks_mut(planes.plane_pixels()).zip(streams) {
                decode_frame(stream, shape, limits, plane)?;
            }
        }
        match sample {
            SampleType::U16 => Ok(Samples::U16(values)),
            SampleType::I16 => {
                Ok(Samples::I16(values.into_iter().map(|value| (value ^ 0x8000) as i16).collect()))
            }
            other => Err(Error::corrupt("jpegls stream", format!("it is said to hold {other}")).into()),
        }
    }
}
