//! From the pixels of a tile to its bytes.

use super::algorithm::Algorithm;
use super::codec::TileCodec;
use super::decode::stack_shape;
use super::grid::Grid;
use super::noise::statistics;
use super::quantise::{Dither, NULL, Plan, Scaling, dequantise, quantise};
use super::{gzip, hcompress, plio, rice};
use crate::pixels::{Pixels, SampleType};
use crate::samples16::samples_of_pixels;
use crate::section::Section;
use nf_image::Image16;

/// How floating-point pixels become integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantise {
    /// Steps per sigma of the noise; negative: the step itself; 0 stands for 4.
    pub level: f32,
    /// What is done before rounding.
    pub dither: Dither,
    /// ZDITHER0, 1 to 10000; `None` takes it from the bytes of the first tile, so that equal images
    /// make equal files.
    pub seed: Option<i64>,
}

/// How the tiles of one image are to be compressed.
#[derive(Clone, Debug)]
pub(crate) struct TilePlan {
    pub(crate) sample: SampleType,
    pub(crate) grid: Grid,
    pub(crate) algorithm: Algorithm,
    /// For floating-point images that are to lose bits.
    pub(crate) quantise: Option<(Quantise, i64)>,
    /// What is added to pixels before PLIO_1.
    pub(crate) plio_offset: i32,
    /// BLANK, the null pixel of an integer image.
    pub(crate) blank: Option<i64>,
    /// Effort of gzip, 1 to 9.
    pub(crate) gzip_level: u32,
    /// Row and column of the detector where the first pixel of the image lies.
    pub(crate) origin: [usize; 2],
    /// What readers are told of the program, where its algorithm is its own.
    pub(crate) creator: Option<String>,
}

/// The column that a tile's bytes belong into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Compressed,
    Gzipped,
    Plain,
}

/// A tile, ready for the table.
#[derive(Debug)]
pub(crate) struct EncodedTile {
    pub(crate) column: Column,
    pub(crate) bytes: Vec<u8>,
    pub(crate) scaling: Option<Scaling>,
    /// Largest difference between a pixel and what will be decoded.
    pub(crate) largest_error: f64,
}

impl EncodedTile {
    fn exact(column: Column, bytes: Vec<u8>) -> Self {
        Self { column, bytes, scaling: None, largest_error: 0.0 }
    }
}

impl TilePlan {
    /// Whether tiles may lose bits.
    pub(crate) fn is_lossy(&self) -> bool {
        self.quantise.is_some() || self.hcompress_scale() != 0.0
    }

    pub(crate) fn hcompress_scale(&self) -> f32 {
        match self.algorithm {
            Algorithm::Hcompress { scale, .. } => scale,
            _ => 0.0,
        }
    }

    /// Encodes tile `tile`, which covers `tile_box`.
    pub(crate) fn encode(
        &self,
        tile: usize,
        tile_box: &Section,
        pixels: &Pixels,
        deflater: &mut gzip::Deflater,
        codec: &dyn TileCodec,
    ) -> Result<EncodedTile, String> {
        let width = tile_box.0[0].len();
        let Some((how, seed)) = &self.quantise else {
            return self.encode_pixels(tile_box, pixels, deflater, codec);
        };
        let plan = Plan { level: how.level, dither: how.dither, seed: *seed, tile, width };
        let quantised = match pixels {
            Pixels::F32(values) => quantise(values, &plan),
            Pixels::F64(values) => quantise(values, &plan),
            _ => None,
        };
        let Some((integers, scaling)) = quantised else {
            // No noise to spare, or too wide a range: the pixels are kept as they are.
            let mut bytes = Vec::new();
            pixels.write_be_bytes(&mut bytes);
            return Ok(EncodedTile::exact(Column::Gzipped, deflater.gzip(&bytes, self.gzip_level)));
        };
        let mut encoded = self.encode_pixels(tile_box, &Pixels::I32(integers.clone()), deflater, codec)?;
        let decoded = if encoded.largest_error == 0.0 {
            integers
        } else {
            hcompress::decode_wrapping(&encoded.bytes, pixels.len(), width, self.smooth())?.pixels
        };
        encoded.largest_error = match pixels {
            Pixels::F32(values) => {
                let back: Vec<f32> =
                    dequantise(&decoded, scaling, Some(i64::from(NULL)), how.dither, *seed, tile);
                largest_error(values.iter().map(|&v| f64::from(v)), back.iter().map(|&v| f64::from(v)))
            }
            Pixels::F64(values) => {
                let back: Vec<f64> =
                    dequantise(&decoded, scaling, Some(i64::from(NULL)), how.dither, *seed, tile);
                largest_error(values.iter().copied(), back.iter().copied())
            }
            _ => unreachable!("only floating-point pixels are quantised"),
        };
        encoded.scaling = Some(scaling);
        Ok(encoded)
    }

    fn encode_pixels(
        &self,
        tile_box: &Section,
        pixels: &Pixels,
        deflater: &mut gzip::Deflater,
        codec: &dyn TileCodec,
    ) -> Result<EncodedTile, String> {
        let mut bytes = Vec::new();
        match &self.algorithm {
            Algorithm::Rice { block, .. } => match pixels {
                Pixels::U8(values) => rice::encode(values, *block, &mut bytes),
                Pixels::I16(values) => rice::encode(values, *block, &mut bytes),
                Pixels::I32(values) => rice::encode(values, *block, &mut bytes),
                other => return Err(format!("RICE_1 does not compress {}", other.sample_type())),
            },
            Algorithm::Gzip1 | Algorithm::Gzip2 => {
                pixels.write_be_bytes(&mut bytes);
                if self.algorithm == Algorithm::Gzip2 {
                    bytes = gzip::shuffle(&bytes, pixels.sample_type().bytes());
                }
                bytes = deflater.gzip(&bytes, self.gzip_level);
            }
            Algorithm::Plio => {
                let mut values = widened(pixels)?;
                values.iter_mut().for_each(|value| *value = value.wrapping_add(self.plio_offset));
                bytes = plio::encode(&values)?;
            }
            Algorithm::Hcompress { scale, .. } => {
                return self.encode_hcompress(pixels, tile_box.0[0].len(), *scale);
            }
            Algorithm::None => {
                pixels.write_be_bytes(&mut bytes);
                return Ok(EncodedTile::exact(Column::Plain, bytes));
            }
            Algorithm::Floor { spec } => {
                let samples = samples_of_pixels(pixels)
                    .ok_or_else(|| format!("FLOOR_1 does not compress {}", pixels.sample_type()))?;
                let image =
                    Image16::new(stack_shape(tile_box), samples).map_err(|error| error.to_string())?;
                let start = |axis: usize| tile_box.0.get(axis).map_or(0, |range| range.start);
                let [row, column] = self.origin;
                bytes = codec.encode_at(spec, &image, row + start(1), column + start(0))?;
            }
            Algorithm::Other(name) => return Err(format!("'{name}' is no algorithm that can be written")),
        }
        Ok(EncodedTile::exact(Column::Compressed, bytes))
    }

    /// Where loss would touch null pixels or make one, or leave the range of bytes, readers do not
    /// agree on what they see (docs/interoperability.md): such tiles are kept exactly.
    fn encode_hcompress(&self, pixels: &Pixels, width: usize, scale: f32) -> Result<EncodedTile, String> {
        let values = widened(pixels)?;
        if width < hcompress::MIN_SIDE_PX || values.len() / width < hcompress::MIN_SIDE_PX {
            return Err("HCOMPRESS_1 needs tiles of at least 4 x 4 pixels".to_owned());
        }
        let null = if self.quantise.is_some() { Some(i64::from(NULL)) } else { self.blank };
        let is_null = |value: &i32| Some(i64::from(*value)) == null;
        let scale = if values.iter().any(is_null) { 0 } else { absolute_scale(&values, width, scale) };
        if scale > 1 {
            let bytes = hcompress::encode(&values, width, scale)?;
            let mut back = hcompress::decode_wrapping(&bytes, values.len(), width, self.smooth())?.pixels;
            let bytes_only = |value: &i32| self.sample != SampleType::U8 || (0..=255).contains(value);
            let agreed = back.iter().all(bytes_only);
            if self.sample == SampleType::I16 {
                // As readers do.
                back.iter_mut().for_each(|value| *value = (*value).clamp(i16::MIN.into(), i16::MAX.into()));
            }
            if agreed && !back.iter().any(is_null) {
                let errors = values.iter().zip(&back).map(|(a, b)| a.abs_diff(*b));
                let largest_error = errors.max().map_or(0.0, f64::from);
                return Ok(EncodedTile { largest_error, ..EncodedTile::exact(Column::Compressed, bytes) });
            }
        }
        Ok(EncodedTile::exact(Column::Compressed, hcompress::encode(&values, width, 0)?))
    }

    fn smooth(&self) -> bool {
        matches!(self.algorithm, Algorithm::Hcompress { smooth: true, .. })
    }
}

/// The quantisation of HCOMPRESS_1 for a tile: positive scales are in units of its noise.
fn absolute_scale(values: &[i32], width: usize, scale: f32) -> u32 {
    let absolute =
        if scale > 0.0 { (f64::from(scale) * statistics(values, width).sigma) as f32 } else { -scale };
    // Streams have 31 bits for it.
    ((absolute + 0.5) as u32).min(i32::MAX as u32)
}

fn widened(pixels: &Pixels) -> Result<Vec<i32>, String> {
    match pixels {
        Pixels::U8(values) => Ok(values.iter().map(|&value| i32::from(value)).collect()),
        Pixels::I16(values) => Ok(values.iter().map(|&value| i32::from(value)).collect()),
        Pixels::I32(values) => Ok(values.clone()),
        other => Err(format!("pixels of {} are too wide for the algorithm", other.sample_type())),
    }
}

/// Over the pixels that are numbers on both sides.
fn largest_error(a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) -> f64 {
    a.zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
