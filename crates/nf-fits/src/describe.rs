//! What the HDUs of a file are, told from their headers: no pixel is read.
//!
//! ```
//! use nf_fits::{FitsFile, write_image};
//! use nf_image::{Image16, Shape};
//!
//! let bytes = write_image(&Image16::zeros(Shape::frame(3, 5)), None)?;
//! let file = FitsFile::from_bytes(bytes)?;
//! assert_eq!(file.hdus()[0].describe().content.to_string(), "image of uint16, 5 x 3");
//! # Ok::<(), nf_fits::Error>(())
//! ```

use crate::card::shown;
use crate::header::Header;
use crate::scale::PhysicalScale;
use crate::tables::ColumnAlgorithm;
use crate::tables::restore::table_header;
use crate::tiled::quantise::Dither;
use crate::tiled::{Algorithm, Tiling};
use crate::{Geometry, Hdu, HduKind, SampleType};
use std::fmt;

/// One HDU in words and numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct HduDescription {
    /// Number of the HDU, 0 for the primary.
    pub index: usize,
    /// EXTNAME, where it is a string.
    pub name: Option<String>,
    /// EXTVER, where it is a whole number.
    pub version: Option<i64>,
    /// Bytes of the header, padding included.
    pub header_bytes: u64,
    /// Bytes of the data, without the padding.
    pub data_bytes: u64,
    /// What the data are.
    pub content: Content,
    /// What was found odd in the header ([`Hdu::remarks`]).
    pub remarks: Vec<String>,
}

/// What the data of an HDU are.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// There are none.
    Empty,
    /// An image, plain or tile-compressed.
    Image(ImageDescription),
    /// A tile-compressed image whose header contradicts itself, as a remark says.
    UnreadableImage,
    /// A compressed table whose header contradicts itself, as a remark says.
    UnreadableTable,
    /// A binary table, plain or compressed.
    BinaryTable(TableDescription),
    /// A table in ASCII.
    AsciiTable(TableDescription),
    /// Random groups.
    RandomGroups {
        /// How a number is stored.
        sample: SampleType,
        /// Axes of the array of one group; the first varies fastest.
        axes: Vec<usize>,
        /// GCOUNT: number of groups.
        groups: i64,
        /// PCOUNT: numbers before the array of each group.
        parameters: i64,
    },
    /// An extension of another type.
    Other {
        /// XTENSION.
        extension: String,
    },
}

/// An image.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageDescription {
    /// BITPIX, or ZBITPIX of a compressed image: how a pixel is stored.
    pub sample: SampleType,
    /// NAXIS1, NAXIS2, ... of the (uncompressed) image; the first varies fastest.
    pub axes: Vec<usize>,
    /// BSCALE, 1 where there is none.
    pub scale: f64,
    /// BZERO, 0 where there is none.
    pub zero: f64,
    /// BLANK: the stored value of undefined pixels of an integer image.
    pub blank: Option<i64>,
    /// How the image is compressed, if it is.
    pub compression: Option<CompressionDescription>,
}

/// How an image is compressed.
#[derive(Clone, Debug, PartialEq)]
pub struct CompressionDescription {
    /// ZCMPTYPE with its parameters.
    pub algorithm: Algorithm,
    /// ZTILE1, ZTILE2, ...: axes of a tile in pixels.
    pub tile: Vec<usize>,
    /// Number of tiles.
    pub tiles: usize,
    /// ZQUANTIZ: how floating-point pixels became integers; `None` where they were kept as they
    /// are, and for integers.
    pub quantisation: Option<Dither>,
    /// ZDITHER0, where pixels were dithered.
    pub seed: Option<i64>,
    /// Whether bits were lost in compressing.
    pub lossy: bool,
}

/// A table; of a compressed one, the table inside.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDescription {
    /// NAXIS2: number of rows.
    pub rows: i64,
    /// NAXIS1: bytes of a row.
    pub row_bytes: i64,
    /// PCOUNT: bytes behind the rows, where arrays of variable length lie.
    pub heap_bytes: i64,
    /// The columns, in order.
    pub columns: Vec<ColumnDescription>,
    /// How the table is compressed, if it is.
    pub compression: Option<TableCompressionDescription>,
}

/// How a table is compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableCompressionDescription {
    /// The algorithms of the columns (ZCTYPn), each once.
    pub algorithms: Vec<ColumnAlgorithm>,
    /// ZTILELEN: rows of a tile.
    pub tile_rows: usize,
    /// Number of tiles.
    pub tiles: usize,
}

impl TableDescription {
    /// Bytes of the rows and the heap without compression and without padding.
    pub fn raw_bytes(&self) -> u64 {
        let bytes = |number: i64| u64::try_from(number).unwrap_or(0);
        bytes(self.rows).saturating_mul(bytes(self.row_bytes)).saturating_add(bytes(self.heap_bytes))
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDescription {
    /// TTYPEn; empty where there is none.
    pub name: String,
    /// TFORMn, as written.
    pub form: String,
    /// TUNITn; empty where there is none.
    pub unit: String,
}

impl ImageDescription {
    /// Number of pixels.
    pub fn pixels(&self) -> u64 {
        Geometry { sample: self.sample, axes: self.axes.clone() }.pixels()
    }

    /// Bytes of the image's data without compression and without padding.
    pub fn raw_bytes(&self) -> u64 {
        self.pixels().saturating_mul(self.sample.bytes() as u64)
    }

    /// The type of the values: where BSCALE is 1 and BZERO is that of the standard's convention for
    /// unsigned integers (and signed bytes) that type, otherwise the stored one. Other scales are
    /// not looked at.
    pub fn value_type(&self) -> &'static str {
        match (self.sample, self.scale, self.zero) {
            (SampleType::U8, 1.0, -128.0) => "int8",
            (SampleType::I16, 1.0, 32_768.0) => "uint16",
            (SampleType::I32, 1.0, 2_147_483_648.0) => "uint32",
            (SampleType::I64, 1.0, 9_223_372_036_854_775_808.0) => "uint64",
            _ => self.sample.name(),
        }
    }
}

impl Hdu {
    /// What the HDU is, from its header alone.
    pub fn describe(&self) -> HduDescription {
        let header = self.header();
        HduDescription {
            index: self.index(),
            name: self.name(),
            version: header.integer("EXTVER").ok().flatten(),
            header_bytes: header.bytes().len() as u64,
            data_bytes: self.data_bytes(),
            content: content(header, self.kind()),
            remarks: self.remarks().to_vec(),
        }
    }
}

fn content(header: &Header, kind: &HduKind) -> Content {
    match kind {
        HduKind::Empty => Content::Empty,
        HduKind::Image(geometry) => Content::Image(image(header, geometry, None)),
        HduKind::TiledImage(tiling) => {
            Content::Image(image(header, tiling.geometry(), Some(compression(tiling))))
        }
        HduKind::UnreadableImage => Content::UnreadableImage,
        HduKind::UnreadableTable => Content::UnreadableTable,
        HduKind::TiledTable(tiling) => Content::BinaryTable(TableDescription {
            compression: Some(TableCompressionDescription {
                algorithms: tiling.algorithms(),
                tile_rows: tiling.tile_rows(),
                tiles: tiling.tiles(),
            }),
            ..table(&table_header(header))
        }),
        HduKind::BinaryTable => Content::BinaryTable(table(header)),
        HduKind::AsciiTable => Content::AsciiTable(table(header)),
        HduKind::Other => other(header),
    }
}

fn image(
    header: &Header,
    geometry: &Geometry,
    compression: Option<CompressionDescription>,
) -> ImageDescription {
    let PhysicalScale { scale, zero, blank, .. } = header.physical_scale();
    ImageDescription {
        sample: geometry.sample,
        axes: geometry.axes.clone(),
        scale,
        zero,
        blank: blank.filter(|_| !geometry.sample.is_float()),
        compression,
    }
}

fn compression(tiling: &Tiling) -> CompressionDescription {
    let quantisation = tiling.quantisation();
    CompressionDescription {
        algorithm: tiling.algorithm().clone(),
        tile: tiling.tile().to_vec(),
        tiles: tiling.tiles(),
        quantisation: quantisation.map(|(dither, _)| dither),
        seed: quantisation.and_then(|(dither, seed)| (dither != Dither::None).then_some(seed)),
        lossy: tiling.is_lossy(),
    }
}

/// A number of the header of which nothing but the description depends.
fn number(header: &Header, keyword: &str) -> i64 {
    header.integer(keyword).ok().flatten().unwrap_or(0)
}

fn table(header: &Header) -> TableDescription {
    let text = |family: &str, n: i64| header.text(&format!("{family}{n}")).unwrap_or_default();
    // The standard allows 999 columns; a header that announces more is not believed.
    let columns = (1..=number(header, "TFIELDS").clamp(0, 999))
        .map(|n| ColumnDescription { name: text("TTYPE", n), form: text("TFORM", n), unit: text("TUNIT", n) })
        .collect();
    TableDescription {
        rows: number(header, "NAXIS2"),
        row_bytes: number(header, "NAXIS1"),
        heap_bytes: number(header, "PCOUNT"),
        columns,
        compression: None,
    }
}

fn other(header: &Header) -> Content {
    if let Some(extension) = header.text("XTENSION") {
        return Content::Other { extension };
    }
    let length = |n: i64| usize::try_from(number(header, &format!("NAXIS{n}"))).unwrap_or(0);
    Content::RandomGroups {
        sample: SampleType::from_bitpix(number(header, "BITPIX")).unwrap_or(SampleType::U8),
        axes: (2..=number(header, "NAXIS").clamp(0, 999)).map(length).collect(),
        groups: header.integer("GCOUNT").ok().flatten().unwrap_or(1),
        parameters: number(header, "PCOUNT"),
    }
}

fn plural(n: i64) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// Axes as `NAXIS1 x NAXIS2 x ...`.
struct Axes<'a>(&'a [usize]);

impl fmt::Display for Axes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, axis) in self.0.iter().enumerate() {
            write!(f, "{}{axis}", if n == 0 { "" } else { " x " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Content {
    /// One line, such as `image of uint16, 2048 x 1024, RICE_1 in 1024 tiles of 2048 x 1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no data"),
            Self::Image(image) => image.fmt(f),
            Self::UnreadableImage => f.write_str("compressed image that cannot be read"),
            Self::UnreadableTable => f.write_str("compressed table that cannot be read"),
            Self::BinaryTable(table) => write!(f, "binary table, {table}"),
            Self::AsciiTable(table) => write!(f, "ASCII table, {table}"),
            Self::RandomGroups { sample, axes, groups, parameters } => {
                write!(f, "{groups} random groups of {parameters} parameters and {} {sample}", Axes(axes))
            }
            Self::Other { extension } => write!(f, "extension of type '{extension}'"),
        }
    }
}

impl fmt::Display for ImageDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "image of {}, {}", self.value_type(), Axes(&self.axes))?;
        if self.value_type() == self.sample.name() && (self.scale, self.zero) != (1.0, 0.0) {
            write!(f, ", BSCALE {}, BZERO {}", shown(self.scale), shown(self.zero))?;
        }
        self.compression.as_ref().map_or(Ok(()), |compression| write!(f, ", {compression}"))
    }
}

impl fmt::Display for CompressionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in {} tile{} of {}",
            self.algorithm,
            self.tiles,
            plural(self.tiles as i64),
            Axes(&self.tile)
        )?;
        match self.quantisation {
            Some(dither) => write!(f, ", quantised ({})", dither.name()),
            None if self.lossy => f.write_str(", lossy"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for TableDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, columns) = (self.rows, self.columns.len() as i64);
        write!(f, "{rows} row{}, {columns} column{}", plural(rows), plural(columns))?;
        let Some(TableCompressionDescription { algorithms, tile_rows, tiles }) = &self.compression else {
            return Ok(());
        };
        let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
        let s = plural(*tiles as i64);
        write!(f, ", {} in {tiles} tile{s} of {tile_rows} row{}", names.join(", "), plural(*tile_rows as i64))
    }
}
