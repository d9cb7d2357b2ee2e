//! The tiled-image convention (FITS 4.0 section 10): images cut into tiles, each compressed on its own and kept in a
//! row of a binary table.
//!
//! - [`Tiling`]: what the header says of such an image.
//! - `table`: the binary table with its heap.
//! - [`rice`], [`gzip`]: the algorithms.

pub mod dither;
pub mod gzip;
pub mod hcompress;
mod noise;
pub mod plio;
pub mod quantise;
pub(crate) mod restore;
pub mod rice;
mod table;

use crate::hdu::{Geometry, read_axes};
use crate::header::Header;
use crate::pixels::{Pixels, SampleType};
use crate::section::Section;
use crate::source::Source;
use crate::{Error, Result};
use std::ops::Range;
use table::Table;

/// How the tiles of an image are compressed (ZCMPTYPE and its parameters).
#[derive(Clone, Debug, PartialEq)]
pub enum Algorithm {
    /// RICE_1.
    Rice {
        /// BLOCKSIZE: pixels that share a parameter.
        block: usize,
        /// BYTEPIX: bytes of the pixels that were coded, 1, 2 or 4.
        bytepix: usize,
    },
    /// GZIP_1.
    Gzip1,
    /// GZIP_2.
    Gzip2,
    /// NOCOMPRESS.
    None,
    /// Any other name.
    Other(String),
}

impl Algorithm {
    /// The value of ZCMPTYPE.
    pub fn name(&self) -> &str {
        match self {
            Self::Rice { .. } => "RICE_1",
            Self::Gzip1 => "GZIP_1",
            Self::Gzip2 => "GZIP_2",
            Self::None => "NOCOMPRESS",
            Self::Other(name) => name,
        }
    }
}

/// What the header says of a tile-compressed image.
#[derive(Clone, Debug)]
pub struct Tiling {
    geometry: Geometry,
    tile: Vec<usize>,
    algorithm: Algorithm,
    table: Table,
    hdu: usize,
}

/// What a thread needs to decode tiles.
#[derive(Default)]
pub(crate) struct Scratch {
    row: Vec<u8>,
    data: Vec<u8>,
    inflater: gzip::Inflater,
}

/// The bytes of a tile and the column in which they were found.
enum Stored {
    Compressed(Range<u64>),
    Gzipped(Range<u64>),
    Plain(Range<u64>),
}

impl Tiling {
    pub(crate) fn parse(header: &Header) -> Result<Self> {
        let hdu = header.hdu();
        let table = Table::parse(header)?;
        let bitpix = header.required_integer("ZBITPIX")?;
        let sample = SampleType::from_bitpix(bitpix).ok_or_else(|| {
            Error::header(hdu, "ZBITPIX", format!("is {bitpix}, expected 8, 16, 32, 64, -32 or -64"))
        })?;
        let axes = read_axes(header, "ZNAXIS")?;
        let pixels = axes.iter().try_fold(1usize, |n, &axis| n.checked_mul(axis));
        if axes.is_empty() || pixels.is_none_or(|n| n == 0 || n > usize::MAX / 16) {
            let problem = format!("{axes:?} is not an image of at least one pixel that memory can address");
            return Err(Error::header(hdu, "ZNAXISn", problem));
        }
        let tile = tile_axes(header, &axes)?;
        let tiles =
            axes.iter().zip(&tile).try_fold(1usize, |n, (axis, tile)| n.checked_mul(axis.div_ceil(*tile)));
        if tiles != Some(table.rows) {
            let problem = format!(
                "is {}, but axes {axes:?} in tiles of {tile:?} make {} tiles",
                table.rows,
                tiles.map_or("more".to_owned(), |n| n.to_string())
            );
            return Err(Error::header(hdu, "NAXIS2", problem));
        }
        let algorithm = parse_algorithm(header)?;
        Ok(Self { geometry: Geometry { sample, axes }, tile, algorithm, table, hdu })
    }

    /// Type and axes of the image inside.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// ZTILE1, ZTILE2, ..., none longer than its axis.
    pub fn tile(&self) -> &[usize] {
        &self.tile
    }

    /// How the tiles are compressed.
    pub fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    /// Number of tiles.
    pub fn tiles(&self) -> usize {
        self.table.rows
    }

    /// The pixels that tile `index` covers.
    pub(crate) fn tile_box(&self, mut index: usize) -> Section {
        let ranges = self.geometry.axes.iter().zip(&self.tile).map(|(&axis, &tile)| {
            let count = axis.div_ceil(tile);
            let start = index % count * tile;
            index /= count;
            start..(start + tile).min(axis)
        });
        Section(ranges.collect())
    }

    /// The tiles that touch a section, in the order of the table.
    pub(crate) fn tiles_of(&self, section: &Section) -> Vec<usize> {
        let mut tiles = vec![0];
        let mut stride = 1;
        let mut strides = Vec::new();
        for (&axis, &tile) in self.geometry.axes.iter().zip(&self.tile) {
            strides.push(stride);
            stride *= axis.div_ceil(tile);
        }
        for ((range, &tile), stride) in section.0.iter().zip(&self.tile).zip(strides).rev() {
            let along = range.start / tile..range.end.div_ceil(tile).max(range.start / tile);
            tiles = tiles.iter().flat_map(|&base| along.clone().map(move |k| base + k * stride)).collect();
        }
        if section.pixels() == 0 { Vec::new() } else { tiles }
    }

    /// Refuses tiles whose data lie outside the heap, or are too short for their pixels, before anything is allocated.
    pub(crate) fn check_tiles(&self, source: &Source, data: u64, tiles: &[usize]) -> Result<()> {
        let mut scratch = Vec::new();
        for &tile in tiles {
            let pixels = self.tile_box(tile).pixels();
            let stored = self.locate(source, data, tile, &mut scratch)?;
            let (range, needed) = match &stored {
                Stored::Compressed(range) => (range, self.min_bytes(pixels)),
                Stored::Gzipped(range) => (range, gzip::min_bytes(pixels)),
                Stored::Plain(range) => (range, pixels * self.geometry.sample.bytes()),
            };
            let found = range.end - range.start;
            if found < needed as u64 {
                let problem = format!("{pixels} pixels need at least {needed} bytes, {found} are stored");
                return Err(self.tile_error(tile, problem));
            }
        }
        Ok(())
    }

    fn min_bytes(&self, pixels: usize) -> usize {
        match &self.algorithm {
            Algorithm::Rice { block, bytepix: 1 } => rice::min_bytes::<u8>(pixels, *block),
            Algorithm::Rice { block, bytepix: 2 } => rice::min_bytes::<i16>(pixels, *block),
            Algorithm::Rice { block, .. } => rice::min_bytes::<i32>(pixels, *block),
            Algorithm::Gzip1 | Algorithm::Gzip2 => gzip::min_bytes(pixels),
            Algorithm::None => pixels,
            Algorithm::Other(_) => 1,
        }
    }

    /// The pixels of tile `tile`, in the type of the image.
    pub(crate) fn read_tile(
        &self,
        source: &Source,
        data: u64,
        tile: usize,
        scratch: &mut Scratch,
    ) -> Result<Pixels> {
        let pixels = self.tile_box(tile).pixels();
        let stored = self.locate(source, data, tile, &mut scratch.row)?;
        let (Stored::Compressed(range) | Stored::Gzipped(range) | Stored::Plain(range)) = &stored;
        let len = (range.end - range.start) as usize;
        let bytes = source.bytes(data + range.start, len, &mut scratch.data)?;
        let decoded = match stored {
            Stored::Compressed(_) => self.decode(bytes, pixels, &mut scratch.inflater),
            Stored::Gzipped(_) => scratch
                .inflater
                .inflate(bytes, pixels)
                .map_err(str::to_owned)
                .and_then(|bytes| self.plain_pixels(&bytes, pixels)),
            Stored::Plain(_) => self.plain_pixels(bytes, pixels),
        };
        decoded
            .and_then(|decoded| self.to_sample_type(decoded))
            .map_err(|problem| self.tile_error(tile, problem))
    }

    fn decode(&self, bytes: &[u8], pixels: usize, inflater: &mut gzip::Inflater) -> Result<Pixels, String> {
        match &self.algorithm {
            Algorithm::Rice { block, bytepix: 1 } => Ok(Pixels::U8(rice::decode(bytes, pixels, *block)?)),
            Algorithm::Rice { block, bytepix: 2 } => Ok(Pixels::I16(rice::decode(bytes, pixels, *block)?)),
            Algorithm::Rice { block, .. } => Ok(Pixels::I32(rice::decode(bytes, pixels, *block)?)),
            Algorithm::Gzip1 => self.plain_pixels(&inflater.inflate(bytes, pixels)?, pixels),
            Algorithm::Gzip2 => {
                let bytes = inflater.inflate(bytes, pixels)?;
                self.plain_pixels(&gzip::unshuffle(&bytes, bytes.len() / pixels.max(1)), pixels)
            }
            Algorithm::None => self.plain_pixels(bytes, pixels),
            Algorithm::Other(name) => Err(format!("tiles of ZCMPTYPE '{name}' cannot be read")),
        }
    }

    /// Pixels from plain big-endian bytes; their width is seen from the number of bytes, because writers widen.
    fn plain_pixels(&self, bytes: &[u8], pixels: usize) -> Result<Pixels, String> {
        let own = self.geometry.sample;
        let width = bytes.len() / pixels.max(1);
        let sample = match width {
            _ if width == own.bytes() => own,
            1 => SampleType::U8,
            2 => SampleType::I16,
            4 => SampleType::I32,
            8 => SampleType::I64,
            _ => return Err(format!("{} bytes do not make {pixels} pixels", bytes.len())),
        };
        if bytes.len() != pixels * width {
            return Err(format!("{} bytes do not make {pixels} pixels of {width}", bytes.len()));
        }
        Ok(Pixels::from_be_bytes(sample, bytes))
    }

    /// Integers coded in another width than the image's, if they fit.
    fn to_sample_type(&self, pixels: Pixels) -> Result<Pixels, String> {
        let own = self.geometry.sample;
        if pixels.sample_type() == own {
            return Ok(pixels);
        }
        let found = pixels.sample_type();
        let wide: Vec<i64> = match pixels {
            Pixels::U8(values) => values.into_iter().map(i64::from).collect(),
            Pixels::I16(values) => values.into_iter().map(i64::from).collect(),
            Pixels::I32(values) => values.into_iter().map(i64::from).collect(),
            Pixels::I64(values) => values,
            Pixels::F32(_) | Pixels::F64(_) => {
                return Err(format!("the tile holds {found}, the image is {own}"));
            }
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
                return Err(format!(
                    "the tile holds {found}, the image is {own}: quantised images cannot be read yet"
                ));
            }
        };
        narrowed.ok_or_else(|| format!("a pixel of type {found} does not fit the image's {own}"))
    }

    fn locate(&self, source: &Source, data: u64, tile: usize, scratch: &mut Vec<u8>) -> Result<Stored> {
        let row = self.table.row(source, data, tile, scratch)?;
        let find = |name: &str| -> Result<Option<Range<u64>>> {
            let Some(column) = self.table.column(name).filter(|column| column.is_array()) else {
                return Ok(None);
            };
            let (range, count) =
                self.table.array(row, column).map_err(|problem| self.tile_error(tile, problem))?;
            Ok((count > 0).then_some(range))
        };
        if let Some(range) = find("COMPRESSED_DATA")? {
            return Ok(Stored::Compressed(range));
        }
        if let Some(range) = find("GZIP_COMPRESSED_DATA")? {
            return Ok(Stored::Gzipped(range));
        }
        if let Some(range) = find("UNCOMPRESSED_DATA")? {
            return Ok(Stored::Plain(range));
        }
        Err(self.tile_error(tile, "no column holds data for it".into()))
    }

    fn tile_error(&self, tile: usize, problem: String) -> Error {
        Error::Tile { hdu: self.hdu, tile, problem }
    }
}

/// ZTILEn; one row per tile where they are missing.
fn tile_axes(header: &Header, axes: &[usize]) -> Result<Vec<usize>> {
    let hdu = header.hdu();
    axes.iter()
        .enumerate()
        .map(|(n, &axis)| {
            let keyword = format!("ZTILE{}", n + 1);
            let default = if n == 0 { axis } else { 1 };
            match header.integer(&keyword)? {
                None => Ok(default),
                Some(tile) if tile >= 1 => Ok(usize::try_from(tile).unwrap_or(axis).min(axis)),
                Some(tile) => Err(Error::header(hdu, keyword, format!("is {tile}, expected at least 1"))),
            }
        })
        .collect()
}

fn parse_algorithm(header: &Header) -> Result<Algorithm> {
    let hdu = header.hdu();
    let name = header
        .text("ZCMPTYPE")
        .ok_or_else(|| Error::header(hdu, "ZCMPTYPE", "is missing or not a string"))?;
    Ok(match name.trim() {
        "RICE_1" | "RICE_ONE" => {
            let block = parameter(header, "BLOCKSIZE")?.unwrap_or(32);
            let bytepix = parameter(header, "BYTEPIX")?.unwrap_or(4);
            let problem = |name: &str, value: i64, expected: &str| {
                Error::header(hdu, "ZVALn", format!("of {name} is {value}, expected {expected}"))
            };
            Algorithm::Rice {
                block: usize::try_from(block)
                    .ok()
                    .filter(|block| (1..=1 << 20).contains(block))
                    .ok_or_else(|| problem("BLOCKSIZE", block, "1 to 1048576"))?,
                bytepix: usize::try_from(bytepix)
                    .ok()
                    .filter(|bytes| [1, 2, 4].contains(bytes))
                    .ok_or_else(|| problem("BYTEPIX", bytepix, "1, 2 or 4"))?,
            }
        }
        "GZIP_1" => Algorithm::Gzip1,
        "GZIP_2" => Algorithm::Gzip2,
        "NOCOMPRESS" => Algorithm::None,
        other => Algorithm::Other(other.to_owned()),
    })
}

/// The whole number ZVALn whose ZNAMEn is `name`.
fn parameter(header: &Header, name: &str) -> Result<Option<i64>> {
    for n in 1..=99 {
        match header.text(&format!("ZNAME{n}")) {
            Some(found) if found == name => return header.integer(&format!("ZVAL{n}")),
            Some(_) => {}
            None => break,
        }
    }
    Ok(None)
}
