//! What FITS files do to floating-point pixels: `rice:step=` and `hcompress:scale=`.
//!
//! FITS standard 4.0, section 10. `rice:step=D` turns every row into multiples of D, with
//! subtractive dither if `dither` is 1 or 2, and codes them by RICE_1; a row begins with its scale
//! and zero point (f64) and the length of its bytes (u32), and a row that cannot be quantised has a
//! scale of 0 and its samples as doubles. `hcompress:scale=S` divides the coefficients of the
//! H-transform by S and rounds them, which bounds nothing; tiles are whole planes of at most 4096
//! pixels a side, as `hcompress:rows=0` cuts them, behind a little-endian u32 with their bytes.

use super::planes::{self, Planes};
use super::{Line, before_rounding, unsupported};
use nf_bounded::{Array, ArrayCodec, Result, SampleType, Samples};
use nf_codec::{Error, Limits, OptionDoc, Spec};
use nf_fits::tiled::quantise::{Dither, NULL, Plan, Scaling, dequantise, quantise};
use nf_fits::tiled::{hcompress, rice};

const SOURCE: &str = "FITS standard 4.0, section 10";

pub(super) const RICE: Line = Line {
    name: "rice",
    summary: "RICE_1 of rows in multiples of a step, with or without subtractive dither",
    source: SOURCE,
    options: &[
        OptionDoc {
            key: "step",
            values: "a number above zero, or bound",
            default: "-",
            help: "distance of values; twice the bound",
        },
        OptionDoc { key: "dither", values: "0, 1 or 2", default: "0", help: "method of subtractive dither" },
        OptionDoc { key: "seed", values: "1..=10000", default: "1", help: "ZDITHER0" },
    ],
    modes: &["step"],
    is_homonym: true,
    values_of_bound: |_, _, sample, tolerance| vec![2.0 * before_rounding(sample, tolerance)],
    build: |spec| {
        let mut options = spec.options();
        let expected = "a number above zero, or bound";
        let step = options.take("step", f64::NAN, expected, |step| step.is_finite() && *step > 0.0)?;
        let dither = options.take("dither", 0u8, "0, 1 or 2", |d| *d <= 2)?;
        let seed = options.take("seed", 1, "1..=10000", |seed| (1..=10_000).contains(seed))?;
        options.finish()?;
        // The rows are quantised by a step in single precision.
        let step = step as f32;
        if !(step.is_finite() && step > 0.0) {
            return Err(spec.error("option 'step' is missing, or no number of single precision").into());
        }
        Ok(Box::new(Rice { step, dither, seed }))
    },
};

pub(super) const HCOMPRESS: Line = Line {
    name: "hcompress",
    summary: "HCOMPRESS_1 with rounded coefficients, which bounds nothing by itself",
    source: "FITS standard 4.0, section 10.4.4; White, Postman and Lattanzi 1992",
    options: &[OptionDoc {
        key: "scale",
        values: "1..=2147483647, or bound",
        default: "-",
        help: "what coefficients are divided by",
    }],
    modes: &["scale"],
    is_homonym: true,
    values_of_bound: |_, _, sample, tolerance| match sample {
        SampleType::F32 | SampleType::F64 => vec![],
        _ => {
            let scale = |factor: f64| (factor * tolerance).floor().clamp(1.0, f64::from(i32::MAX));
            let mut scales = [0.5, 1.0, 1.5, 2.0, 3.0].map(scale).to_vec();
            scales.dedup();
            scales
        }
    },
    build: |spec| {
        let mut options = spec.options();
        let scale = options
            .take("scale", 0u32, "1..=2147483647, or bound", |scale| (1..=i32::MAX as u32).contains(scale))?;
        options.finish()?;
        if scale == 0 {
            return Err(spec.error("option 'scale' is missing").into());
        }
        Ok(Box::new(Hcompress { scale }))
    },
};

struct Rice {
    step: f32,
    dither: u8,
    seed: i64,
}

const RICE_BLOCK_PX: usize = 32;
/// Scale, zero point, bytes.
const ROW_HEADER_BYTES: usize = 8 + 8 + 4;

impl Rice {
    fn method(&self) -> Dither {
        match self.dither {
            0 => Dither::None,
            1 => Dither::Subtractive1,
            _ => Dither::Subtractive2,
        }
    }
}

impl ArrayCodec for Rice {
    fn spec(&self) -> Spec {
        Spec::new("rice").set("step", self.step).with("dither", self.dither, 0).with("seed", self.seed, 1)
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let width = Planes::of(array.axes()).width;
        let values = planes::as_f64(array.samples());
        let mut bytes = Vec::new();
        for (tile, row) in values.chunks(width.max(1)).enumerate() {
            let plan = Plan { level: -self.step, dither: self.method(), seed: self.seed, tile, width };
            let (scaling, body) = match quantise(row, &plan) {
                Some((integers, scaling)) => {
                    let mut body = Vec::new();
                    rice::encode(&integers, RICE_BLOCK_PX, &mut body);
                    (scaling, body)
                }
                None => {
                    let body = row.iter().flat_map(|value| value.to_le_bytes()).collect();
                    (Scaling { scale: 0.0, zero: 0.0 }, body)
                }
            };
            let length = u32::try_from(body.len())
                .map_err(|_| unsupported("rice", array, "a row needs more than 4 GiB"))?;
            bytes.extend(scaling.scale.to_le_bytes());
            bytes.extend(scaling.zero.to_le_bytes());
            bytes.extend(length.to_le_bytes());
            bytes.extend(body);
        }
        Ok(bytes)
    }

    fn decode(
        &self,
        mut bytes: &[u8],
        sample: SampleType,
        axes: &[usize],
        limits: &Limits,
    ) -> Result<Samples> {
        const STREAM: &str = "rice stream";
        let planes = Planes::of(axes);
        let cut = || Error::truncated(STREAM);
        // No more rows than there are headers for.
        let rows = planes.count.saturating_mul(planes.height);
        if planes.pixels() > 0 && bytes.len() / ROW_HEADER_BYTES < rows {
            return Err(cut().into());
        }
        let mut values: Vec<f64> = planes.zeros(STREAM, limits)?;
        limits.check_memory(STREAM, (values.len() as u64).saturating_mul(16))?;
        for (tile, row) in values.chunks_mut(planes.width.max(1)).enumerate() {
            let (head, rest) = bytes.split_at_checked(ROW_HEADER_BYTES).ok_or_else(cut)?;
            let double = |at: usize| f64::from_le_bytes(std::array::from_fn(|i| head[at + i]));
            let scaling = Scaling { scale: double(0), zero: double(8) };
            let length = u32::from_le_bytes(std::array::from_fn(|i| head[16 + i])) as usize;
            let (body, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
            bytes = rest;
            if scaling.scale == 0.0 {
                let (numbers, rest) = body.as_chunks::<8>();
                if numbers.len() != row.len() || !rest.is_empty() {
                    return Err(cut().into());
                }
                row.iter_mut().zip(numbers).for_each(|(value, &bits)| *value = f64::from_le_bytes(bits));
            } else {
                let integers: Vec<i32> = rice::decode(body, row.len(), RICE_BLOCK_PX)
                    .map_err(|reason| Error::corrupt(STREAM, reason))?;
                let null = Some(i64::from(NULL));
                let own = dequantise(&integers, scaling, null, self.method(), self.seed, tile);
                row.copy_from_slice(&own);
            }
        }
        if !bytes.is_empty() {
            return Err(Error::corrupt(STREAM, "bytes are left after the last row").into());
        }
        Ok(planes::samples_of(&values, sample))
    }
}

struct Hcompress {
    scale: u32,
}

const MAX_SIDE_PX: usize = 1 << 12;

impl Hcompress {
    /// First row and rows, first column and columns of the tiles of a plane.
    fn tiles(planes: Planes) -> Vec<[usize; 4]> {
        let cut = |length: usize| {
            (0..length).step_by(MAX_SIDE_PX).map(move |start| (start, MAX_SIDE_PX.min(length - start)))
        };
        let columns = |(row, rows): (usize, usize)| cut(planes.width).map(move |(c, n)| [row, rows, c, n]);
        cut(planes.height).flat_map(columns).collect()
    }
}

impl ArrayCodec for Hcompress {
    fn spec(&self) -> Spec {
        Spec::new("hcompress").set("scale", self.scale)
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let planes = Planes::of(array.axes());
        let offset = match array.samples() {
            Samples::U8(_) | Samples::I16(_) => 0,
            Samples::U16(_) => -32768,
            _ => return Err(unsupported("hcompress", array, "expected integers of at most 16 bits")),
        };
        let values = planes::as_f64(array.samples());
        let mut bytes = Vec::new();
        for plane in values.chunks(planes.plane_pixels().max(1)) {
            for [row, rows, column, columns] in Self::tiles(planes) {
                let line = |row: usize| &plane[row * planes.width + column..][..columns];
                let pixels: Vec<i32> =
                    (row..row + rows).flat_map(line).map(|&value| value as i32 + offset).collect();
                let tile = hcompress::encode(&pixels, columns, self.scale)
                    .map_err(|reason| Error::backend("hcompress", reason))?;
                let length = u32::try_from(tile.len())
                    .map_err(|_| unsupported("hcompress", array, "a tile needs more than 4 GiB"))?;
                bytes.extend(length.to_le_bytes());
                bytes.extend(tile);
            }
        }
        Ok(bytes)
    }

    fn decode(
        &self,
        mut bytes: &[u8],
        sample: SampleType,
        axes: &[usize],
        limits: &Limits,
    ) -> Result<Samples> {
        const STREAM: &str = "hcompress stream";
        let planes = Planes::of(axes);
        let offset = if sample == SampleType::U16 { 32768 } else { 0 };
        let mut values: Vec<i32> = planes.zeros(STREAM, limits)?;
        limits.check_memory(STREAM, 24 * planes.plane_pixels().min(MAX_SIDE_PX * MAX_SIDE_PX) as u64)?;
        let cut = || Error::truncated(STREAM);
        for plane in values.chunks_mut(planes.plane_pixels().max(1)) {
            for [row, rows, column, columns] in Self::tiles(planes) {
                let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
                let (tile, rest) =
                    rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
                bytes = rest;
                let decoded = hcompress::decode_wrapping(tile, rows * columns, columns, false)
                    .map_err(|reason| Error::corrupt(STREAM, reason))?;
                for (line, row) in decoded.pixels.chunks(columns).zip(row..) {
                    let to = &mut plane[row * planes.width + column..][..columns];
                    to.iter_mut().zip(line).for_each(|(to, &value)| *to = value.saturating_add(offset));
                }
            }
        }
        if !bytes.is_empty() {
            return Err(Error::corrupt(STREAM, "bytes are left after the last tile").into());
        }
        Ok(planes::samples_of(&values, sample))
    }
}
