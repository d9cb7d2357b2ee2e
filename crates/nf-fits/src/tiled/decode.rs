//! From the bytes of a tile to its pixels.

use super::algorithm::Algorithm;
use super::codec::TileCodec;
use super::heap::find_overlap;
use super::quantise::{Scaling, dequantise};
use super::tiling::{Number, Quantised, Tiling};
use super::{gzip, hcompress, plio, rice};
use crate::pixels::{Pixels, SampleType};
use crate::read_ahead::ReadAhead;
use crate::section::Section;
use crate::source::Source;
use crate::{Error, Result};
use nf_image::Shape;
use std::ops::{Range, RangeInclusive};

/// Reads tiles of one HDU; shared by threads.
#[derive(Clone, Copy)]
pub(crate) struct TileReader<'a> {
    pub(crate) tiling: &'a Tiling,
    pub(crate) source: &'a Source,
    /// Where in the file the table begins.
    pub(crate) data: u64,
    pub(crate) codec: &'a dyn TileCodec,
}

/// What a thread needs to decode tiles.
#[derive(Default)]
pub(crate) struct Scratch {
    rows: ReadAhead,
    heap: ReadAhead,
    inflater: gzip::Inflater,
}

/// The bytes of a tile and the column in which they were found.
enum Stored {
    Compressed(Range<u64>),
    Gzipped(Range<u64>),
    /// With the type of the column's elements.
    Plain(Range<u64>, SampleType),
}

impl TileReader<'_> {
    /// Refuses tables whose arrays overlap; they are looked at once.
    fn check_heap(&self) -> Result<()> {
        let known = &self.tiling.overlap;
        if known.get().is_none() {
            // Whichever thread comes first finds the same.
            let _ = known.set(find_overlap(&self.tiling.table, self.source, self.data)?);
        }
        match known.get() {
            Some(Some(overlap)) => Err(self.tiling.tile_error(overlap.tile, &overlap.problem)),
            _ => Ok(()),
        }
    }

    /// Refuses tiles whose data lie outside the heap, overlap, or are too short for their pixels,
    /// before anything is allocated.
    pub(crate) fn check_tiles(&self, tiles: &[usize]) -> Result<()> {
        self.check_heap()?;
        let mut rows = ReadAhead::default();
        for &tile in tiles {
            let pixels = self.tiling.grid.tile_box(tile).pixels();
            let row = self.row(tile, &mut rows)?;
            let (range, needed) = match self.locate(tile, row)? {
                Stored::Compressed(range) => (range, min_bytes(&self.tiling.algorithm, pixels)),
                Stored::Gzipped(range) => (range, gzip::min_bytes(pixels)),
                Stored::Plain(range, sample) => (range, pixels * sample.bytes()),
            };
            let found = range.end - range.start;
            if found < needed as u64 {
                let problem = format!("{pixels} pixels need at least {needed} bytes, {found} are stored");
                return Err(self.tiling.tile_error(tile, problem));
            }
        }
        Ok(())
    }

    /// The row of the table that stands for a tile.
    fn row<'r>(&'r self, tile: usize, rows: &'r mut ReadAhead) -> Result<&'r [u8]> {
        let table = &self.tiling.table;
        rows.bytes(self.source, table.place(self.data, tile), table.row_bytes)
    }

    fn locate(&self, tile: usize, row: &[u8]) -> Result<Stored> {
        let table = &self.tiling.table;
        let find = |name: &str| -> Result<Option<(Range<u64>, u8)>> {
            let Some(column) = table.column(name).filter(|column| column.is_array()) else { return Ok(None) };
            let (range, count) =
                table.array(row, column).map_err(|problem| self.tiling.tile_error(tile, problem))?;
            Ok((count > 0).then_some((range, column.element())))
        };
        if let Some((range, _)) = find("COMPRESSED_DATA")? {
            return Ok(Stored::Compressed(range));
        }
        if let Some((range, _)) = find("GZIP_COMPRESSED_DATA")? {
            return Ok(Stored::Gzipped(range));
        }
        if let Some((range, element)) = find("UNCOMPRESSED_DATA")? {
            let sample = match element {
                b'B' => SampleType::U8,
                b'I' => SampleType::I16,
                b'J' => SampleType::I32,
                b'K' => SampleType::I64,
                b'E' => SampleType::F32,
                b'D' => SampleType::F64,
                _ => return Err(self.tiling.tile_error(tile, "UNCOMPRESSED_DATA holds no pixels")),
            };
            return Ok(Stored::Plain(range, sample));
        }
        Err(self.tiling.tile_error(tile, "no column holds data for it"))
    }

    /// The pixels of tile `tile`, in the type of the image.
    pub(crate) fn read_tile(&self, tile: usize, scratch: &mut Scratch) -> Result<Pixels> {
        let tiling = self.tiling;
        let tile_box = tiling.grid.tile_box(tile);
        let pixels = tile_box.pixels();
        let row = self.row(tile, &mut scratch.rows)?.to_vec();
        let stored = self.locate(tile, &row)?;
        let (Stored::Compressed(range) | Stored::Gzipped(range) | Stored::Plain(range, _)) = &stored;
        let len = (range.end - range.start) as usize;
        let bytes = scratch.heap.bytes(self.source, self.data + range.start, len)?;
        let wrap = |problem: String| tiling.tile_error(tile, problem);
        let own = tiling.geometry.sample;
        let decoded = match stored {
            Stored::Compressed(_) => {
                let integers = self.decode(bytes, &tile_box, &mut scratch.inflater).map_err(wrap)?;
                match &tiling.quantised {
                    Some(Ok(quantised)) => self.scale(quantised, integers, tile, &row)?,
                    Some(Err(problem)) => return Err(wrap(problem.clone())),
                    None => integers,
                }
            }
            Stored::Gzipped(_) => {
                let bytes =
                    scratch.inflater.inflate(bytes, pixels).map_err(|problem| wrap(problem.into()))?;
                plain_pixels(&bytes, pixels, Some(own)).map_err(wrap)?
            }
            Stored::Plain(_, sample) => Pixels::from_be_bytes(sample, bytes),
        };
        if decoded.len() != pixels {
            return Err(wrap(format!("{} pixels are stored, expected {pixels}", decoded.len())));
        }
        let decoded = to_sample_type(decoded, own).map_err(wrap)?;
        self.masked(decoded, tile, &tile_box, &row, scratch)
    }

    fn decode(
        &self,
        bytes: &[u8],
        tile_box: &Section,
        inflater: &mut gzip::Inflater,
    ) -> Result<Pixels, String> {
        let tiling = self.tiling;
        if let Some(problem) = &tiling.unusable {
            return Err(problem.clone());
        }
        if let Algorithm::Hcompress { smooth, .. } = tiling.algorithm {
            return self.decode_hcompress(bytes, tile_box, smooth);
        }
        if let Algorithm::Floor { spec } = &tiling.algorithm {
            let shape = stack_shape(tile_box);
            let image = self.codec.decode(spec, bytes, shape)?;
            if image.shape() != shape {
                return Err(format!("codec '{spec}' decoded {}, expected {shape}", image.shape()));
            }
            return crate::samples16::pixels_of_samples(image.samples(), tiling.geometry.sample)
                .ok_or_else(|| format!("a sample does not fit the image's {}", tiling.geometry.sample));
        }
        // The bytes of floating-point pixels were compressed as they are, unless they were
        // quantised.
        let own = tiling.quantised.is_none().then_some(tiling.geometry.sample);
        let mut decoded = decode(&tiling.algorithm, bytes, tile_box, own, inflater)?;
        if let (Algorithm::Plio, Pixels::I32(values)) = (&tiling.algorithm, &mut decoded) {
            values.iter_mut().for_each(|value| *value = value.wrapping_sub(tiling.plio_offset));
        }
        Ok(decoded)
    }

    /// Lossy HCOMPRESS_1 overshoots: what leaves the range of the image's type is put at its end,
    /// as cfitsio does.
    fn decode_hcompress(&self, bytes: &[u8], tile_box: &Section, smooth: bool) -> Result<Pixels, String> {
        let decoded = hcompress::decode_wrapping(bytes, tile_box.pixels(), tile_box.0[0].len(), smooth)?;
        if decoded.wrapped && self.tiling.said_wrapped.set(()).is_ok() {
            tracing::warn!(
                "HDU {}: lossy HCOMPRESS_1 left the range of 32 bits, as it does beside null pixels; \
                 the pixels of such places are wrong in the file itself",
                self.tiling.hdu
            );
        }
        let mut pixels = decoded.pixels;
        if decoded.lossy
            && let Some(range) = hcompress_range(self.tiling.geometry.sample)
        {
            pixels.iter_mut().for_each(|pixel| *pixel = (*pixel).clamp(*range.start(), *range.end()));
        }
        Ok(Pixels::I32(pixels))
    }

    /// Floating-point pixels from integers.
    fn scale(&self, quantised: &Quantised, integers: Pixels, tile: usize, row: &[u8]) -> Result<Pixels> {
        let number = |number: Number| -> Result<f64> {
            match number {
                Number::Fixed(value) => Ok(value),
                Number::Column(name) => {
                    let column = self.tiling.table.column(name).expect("the column was found in the header");
                    let found = self.tiling.table.number(row, column);
                    found.map_err(|problem| self.tiling.tile_error(tile, problem))
                }
            }
        };
        let Ok(Pixels::I32(integers)) = to_sample_type(integers, SampleType::I32) else {
            return Err(self.tiling.tile_error(tile, "quantised pixels are not 32-bit integers"));
        };
        let scaling = Scaling { scale: number(quantised.scale)?, zero: number(quantised.zero)? };
        let null = quantised.null.map(number).transpose()?.map(|null| null as i64);
        let (dither, seed) = (quantised.dither, quantised.seed);
        Ok(if self.tiling.geometry.sample == SampleType::F32 {
            Pixels::F32(dequantise(&integers, scaling, null, dither, seed, tile))
        } else {
            Pixels::F64(dequantise(&integers, scaling, null, dither, seed, tile))
        })
    }

    /// Sets the pixels to null that NULL_PIXEL_MASK marks.
    fn masked(
        &self,
        mut pixels: Pixels,
        tile: usize,
        tile_box: &Section,
        row: &[u8],
        scratch: &mut Scratch,
    ) -> Result<Pixels> {
        let tiling = self.tiling;
        let Some(column) = tiling.table.column("NULL_PIXEL_MASK").filter(|column| column.is_array()) else {
            return Ok(pixels);
        };
        let wrap = |problem: String| tiling.tile_error(tile, format!("NULL_PIXEL_MASK: {problem}"));
        let (range, count) = tiling.table.array(row, column).map_err(wrap)?;
        if tiling.is_lossy()
            && let Some(blank) = tiling.blank
        {
            keep_off(&mut pixels, blank);
        }
        if count == 0 {
            return Ok(pixels);
        }
        let len = (range.end - range.start) as usize;
        if len < min_bytes(&tiling.mask, pixels.len()) {
            return Err(wrap(format!("{len} bytes are too few for {} pixels", pixels.len())));
        }
        let bytes = scratch.heap.bytes(self.source, self.data + range.start, len)?;
        let mask = decode(&tiling.mask, bytes, tile_box, None, &mut scratch.inflater).map_err(wrap)?;
        let Ok(Pixels::I32(mask)) = to_sample_type(mask, SampleType::I32) else {
            return Err(wrap("it does not hold integers".into()));
        };
        fn set<T: Copy>(pixels: &mut [T], mask: &[i32], null: T) {
            pixels.iter_mut().zip(mask).filter(|(_, mask)| **mask != 0).for_each(|(pixel, _)| *pixel = null);
        }
        let blank = || tiling.blank.ok_or_else(|| wrap("the header has no BLANK for null pixels".into()));
        fn fit<T: TryFrom<i64>>(blank: i64, error: impl Fn(String) -> Error) -> Result<T> {
            T::try_from(blank).map_err(|_| error(format!("BLANK {blank} is no pixel of the image")))
        }
        match &mut pixels {
            Pixels::U8(values) => set(values, &mask, fit(blank()?, wrap)?),
            Pixels::I16(values) => set(values, &mask, fit(blank()?, wrap)?),
            Pixels::I32(values) => set(values, &mask, fit(blank()?, wrap)?),
            Pixels::I64(values) => set(values, &mask, blank()?),
            Pixels::F32(values) => set(values, &mask, f32::NAN),
            Pixels::F64(values) => set(values, &mask, f64::NAN),
        }
        Ok(pixels)
    }
}

/// The values that pixels of a type narrower than 32 bits can have.
pub(super) fn hcompress_range(sample: SampleType) -> Option<RangeInclusive<i32>> {
    match sample {
        SampleType::U8 => Some(0..=255),
        SampleType::I16 => Some(i32::from(i16::MIN)..=i32::from(i16::MAX)),
        _ => None,
    }
}

/// Moves integer pixels that equal the null value to the next one: loss has brought them there, and
/// the mask of nulls that stands beside them says which pixels are null.
fn keep_off(pixels: &mut Pixels, blank: i64) {
    fn shift<T: Copy + PartialEq + TryFrom<i64>>(values: &mut [T], blank: i64) {
        let Ok(null) = T::try_from(blank) else { return };
        let neighbours = [blank.checked_add(1), blank.checked_sub(1)].into_iter().flatten();
        let Some(next) = neighbours.filter_map(|value| T::try_from(value).ok()).next() else { return };
        values.iter_mut().filter(|value| **value == null).for_each(|value| *value = next);
    }
    match pixels {
        Pixels::U8(values) => shift(values, blank),
        Pixels::I16(values) => shift(values, blank),
        Pixels::I32(values) => shift(values, blank),
        Pixels::I64(values) => shift(values, blank),
        Pixels::F32(_) | Pixels::F64(_) => {}
    }
}

/// A tile as a stack: all axes above the second flattened to planes.
pub(super) fn stack_shape(tile_box: &Section) -> Shape {
    let axes = tile_box.axes();
    Shape::new(axes.iter().skip(2).product(), axes.get(1).copied().unwrap_or(1), axes[0])
}

/// Fewest bytes that so many pixels can take.
fn min_bytes(algorithm: &Algorithm, pixels: usize) -> usize {
    match algorithm {
        Algorithm::Rice { block, bytepix: 1 } => rice::min_bytes::<u8>(pixels, *block),
        Algorithm::Rice { block, bytepix: 2 } => rice::min_bytes::<i16>(pixels, *block),
        Algorithm::Rice { block, .. } => rice::min_bytes::<i32>(pixels, *block),
        Algorithm::Gzip1 | Algorithm::Gzip2 => gzip::min_bytes(pixels),
        Algorithm::Plio => plio::min_bytes(),
        Algorithm::Hcompress { .. } => hcompress::min_bytes(),
        Algorithm::None => pixels,
        Algorithm::Floor { .. } | Algorithm::Other(_) => 1,
    }
}

/// The integers, or where `own` is a floating-point type the pixels, that were compressed.
fn decode(
    algorithm: &Algorithm,
    bytes: &[u8],
    tile_box: &Section,
    own: Option<SampleType>,
    inflater: &mut gzip::Inflater,
) -> Result<Pixels, String> {
    let pixels = tile_box.pixels();
    match algorithm {
        Algorithm::Rice { block, bytepix: 1 } => Ok(Pixels::U8(rice::decode(bytes, pixels, *block)?)),
        Algorithm::Rice { block, bytepix: 2 } => Ok(Pixels::I16(rice::decode(bytes, pixels, *block)?)),
        Algorithm::Rice { block, .. } => Ok(Pixels::I32(rice::decode(bytes, pixels, *block)?)),
        Algorithm::Gzip1 => plain_pixels(&inflater.inflate(bytes, pixels)?, pixels, own),
        Algorithm::Gzip2 => {
            let bytes = inflater.inflate(bytes, pixels)?;
            plain_pixels(&gzip::unshuffle(&bytes, bytes.len() / pixels.max(1)), pixels, own)
        }
        Algorithm::Plio => Ok(Pixels::I32(plio::decode(bytes, pixels)?)),
        Algorithm::Hcompress { smooth, .. } => {
            Ok(Pixels::I32(hcompress::decode(bytes, pixels, tile_box.0[0].len(), *smooth)?))
        }
        Algorithm::None => plain_pixels(bytes, pixels, own),
        Algorithm::Floor { .. } => Err("FLOOR_1 does not compress masks".into()),
        Algorithm::Other(name) => Err(format!("'{name}' is no algorithm that can be read")),
    }
}

/// Pixels from plain big-endian bytes: of type `own` where the width is that of `own`, otherwise
/// integers, because writers widen or narrow them.
fn plain_pixels(bytes: &[u8], pixels: usize, own: Option<SampleType>) -> Result<Pixels, String> {
    let width = bytes.len() / pixels.max(1);
    let sample = match (width, own) {
        (_, Some(own)) if width == own.bytes() => own,
        (1, _) => SampleType::U8,
        (2, _) => SampleType::I16,
        (4, _) => SampleType::I32,
        (8, _) => SampleType::I64,
        _ => return Err(format!("{} bytes do not make {pixels} pixels", bytes.len())),
    };
    if bytes.len() != pixels * width {
        return Err(format!("{} bytes do not make {pixels} pixels of {width}", bytes.len()));
    }
    Ok(Pixels::from_be_bytes(sample, bytes))
}

/// Integers coded in another width than the image's, if they fit.
fn to_sample_type(pixels: Pixels, own: SampleType) -> Result<Pixels, String> {
    let found = pixels.sample_type();
    if found == own {
        return Ok(pixels);
    }
    let wide: Vec<i64> = match pixels {
        Pixels::U8(values) => values.into_iter().map(i64::from).collect(),
        Pixels::I16(values) => values.into_iter().map(i64::from).collect(),
        Pixels::I32(values) => values.into_iter().map(i64::from).collect(),
        Pixels::I64(values) => values,
        Pixels::F32(_) | Pixels::F64(_) => return Err(format!("the tile holds {found}, the image is {own}")),
    };
    fn narrow<T: TryFrom<i64>>(wide: Vec<i64>) -> Option<Vec<T>> {
        wide.into_iter().map(|value| T::try_from(value).ok()).collect()
    }
    let narrowed = match own {
        SampleType::U8 => narrow(wide).map(Pixels::U8),
        SampleType::I16 => narrow(wide).map(Pixels::I16),
        SampleType::I32 => narrow(wide).map(Pixels::I32),
        SampleType::I64 => Some(Pixels::I64(wide)),
        SampleType::F32 | SampleType::F64 => {
            return Err(format!("the tile holds {found}, the image is {own} and has no scale"));
        }
    };
    narrowed.ok_or_else(|| format!("a pixel of type {found} does not fit the image's {own}"))
}
