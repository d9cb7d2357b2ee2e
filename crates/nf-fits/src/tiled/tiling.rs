//! What the header says of a tile-compressed image.

use super::algorithm::Algorithm;
use super::grid::Grid;
use super::heap::Overlap;
use super::quantise::Dither;
use super::table::Table;
use crate::checksum::Checksums;
use crate::geometry::{Geometry, read_axes};
use crate::header::Header;
use crate::pixels::SampleType;
use crate::{Error, Result};
use std::sync::OnceLock;

/// What the header says of a tile-compressed image.
#[derive(Clone, Debug)]
pub struct Tiling {
    pub(super) geometry: Geometry,
    pub(super) grid: Grid,
    pub(super) algorithm: Algorithm,
    /// Why no tile that the algorithm compressed can be read.
    pub(super) unusable: Option<String>,
    pub(super) table: Table,
    /// How integers become floating-point pixels, or what is wrong with the cards that should say
    /// it, which concerns the first tile that needs them.
    pub(super) quantised: Option<Result<Quantised, String>>,
    /// BLANK: what a null pixel of an integer image is.
    pub(super) blank: Option<i64>,
    /// How NULL_PIXEL_MASK is compressed.
    pub(super) mask: Algorithm,
    /// What was added to the pixels before PLIO_1, which takes no negative ones.
    pub(super) plio_offset: i32,
    pub(super) hdu: usize,
    /// What was found when the heap was looked at, which is done before the first tile is read.
    pub(super) overlap: OnceLock<Option<Overlap>>,
    /// Set when it was said that sums of lossy HCOMPRESS_1 tiles wrapped.
    pub(super) said_wrapped: OnceLock<()>,
    /// What the sums of the table say, which are looked at before the first tile is read.
    pub(crate) sums: OnceLock<Checksums>,
}

/// How the integers of a floating-point image become its pixels.
#[derive(Clone, Debug)]
pub(super) struct Quantised {
    pub(super) scale: Number,
    pub(super) zero: Number,
    pub(super) null: Option<Number>,
    pub(super) dither: Dither,
    pub(super) seed: i64,
}

/// A number that is the same for all tiles, or stands in a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Fixed(f64),
    Column(&'static str),
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
        let grid = Grid { tile: tile_axes(header, &axes)?, axes: axes.clone() };
        let tiles = grid.tiles();
        if tiles != Some(table.rows) {
            let problem = format!(
                "is {}, but axes {axes:?} in tiles of {:?} make {} tiles",
                table.rows,
                grid.tile,
                tiles.map_or("more".to_owned(), |n| n.to_string())
            );
            return Err(Error::header(hdu, "NAXIS2", problem));
        }
        let (algorithm, unusable) = Algorithm::parse(header)?;
        let physical = header.physical_scale();
        let unsigned = sample == SampleType::I16 && physical.zero == 32768.0;
        Ok(Self {
            quantised: if sample.is_float() {
                quantised(header, &table, &algorithm).transpose()
            } else {
                None
            },
            blank: physical.blank,
            mask: mask_algorithm(header),
            plio_offset: if unsigned { 32768 } else { 0 },
            unusable,
            said_wrapped: OnceLock::new(),
            geometry: Geometry { sample, axes },
            grid,
            algorithm,
            table,
            hdu,
            overlap: OnceLock::new(),
            sums: OnceLock::new(),
        })
    }

    /// Type and axes of the image inside.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// ZTILE1, ZTILE2, ..., none longer than its axis.
    pub fn tile(&self) -> &[usize] {
        &self.grid.tile
    }

    /// How the tiles are compressed.
    pub fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    /// Number of tiles.
    pub fn tiles(&self) -> usize {
        self.table.rows
    }

    /// Whether pixels were lost in compressing: floating-point ones quantised, or HCOMPRESS_1 with
    /// a scale.
    pub fn is_lossy(&self) -> bool {
        match self.algorithm {
            // Quantised pixels are never left uncompressed, whatever the cards of such files say.
            Algorithm::None => false,
            Algorithm::Hcompress { scale, .. } if scale != 0.0 => true,
            _ => self.quantised.is_some(),
        }
    }

    /// How floating-point pixels became integers, with the seed of the dithering (ZDITHER0); `None`
    /// where they were kept as they are, where the cards do not say it clearly, and for integer
    /// images.
    pub fn quantisation(&self) -> Option<(Dither, i64)> {
        let quantised = self.quantised.as_ref()?.as_ref().ok()?;
        (self.algorithm != Algorithm::None).then_some((quantised.dither, quantised.seed))
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.grid
    }

    pub(super) fn tile_error(&self, tile: usize, problem: impl Into<String>) -> Error {
        Error::Tile { hdu: self.hdu, tile, problem: problem.into() }
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

/// ZSCALE, ZZERO, ZBLANK, ZQUANTIZ and ZDITHER0; `None` where floating-point pixels were kept as
/// they are.
fn quantised(header: &Header, table: &Table, algorithm: &Algorithm) -> Result<Option<Quantised>, String> {
    let number = |name: &'static str| -> Result<Option<Number>, String> {
        if table.column(name).is_some() {
            return Ok(Some(Number::Column(name)));
        }
        Ok(header.real(name).map_err(Error::of_card)?.map(Number::Fixed))
    };
    let method = header.text("ZQUANTIZ");
    let (scale, zero) = (number("ZSCALE")?, number("ZZERO")?);
    let integers_only = !matches!(algorithm, Algorithm::Gzip1 | Algorithm::Gzip2 | Algorithm::None);
    if method.as_deref() == Some("NONE") || (scale.is_none() && !integers_only) {
        return Ok(None);
    }
    let dither = match method.as_deref() {
        // Integers that nothing scaled are the pixels themselves, whatever the header says of
        // dithering.
        _ if scale.is_none() && zero.is_none() => Dither::None,
        None | Some("NO_DITHER") => Dither::None,
        Some("SUBTRACTIVE_DITHER_1") => Dither::Subtractive1,
        Some("SUBTRACTIVE_DITHER_2") => Dither::Subtractive2,
        Some(other) => {
            return Err(format!(
                "ZQUANTIZ is '{other}', expected NONE, NO_DITHER or SUBTRACTIVE_DITHER_1 or _2"
            ));
        }
    };
    let seed = match dither {
        Dither::None => 1,
        _ => header.integer("ZDITHER0").map_err(Error::of_card)?.unwrap_or(1),
    };
    if !(1..=super::dither::MAX_SEED).contains(&seed) {
        return Err(format!("ZDITHER0 is {seed}, expected 1 to 10000"));
    }
    Ok(Some(Quantised {
        scale: scale.unwrap_or(Number::Fixed(1.0)),
        zero: zero.unwrap_or(Number::Fixed(0.0)),
        null: number("ZBLANK")?,
        dither,
        seed,
    }))
}

/// ZMASKCMP; masks are of zeros and ones, and the algorithms have their default parameters.
fn mask_algorithm(header: &Header) -> Algorithm {
    match header.text("ZMASKCMP").as_deref().map(str::trim) {
        None | Some("PLIO_1") => Algorithm::Plio,
        Some("RICE_1") => Algorithm::Rice { block: 32, bytepix: 4 },
        Some("GZIP_1") => Algorithm::Gzip1,
        Some("GZIP_2") => Algorithm::Gzip2,
        Some("HCOMPRESS_1") => Algorithm::Hcompress { scale: 0.0, smooth: false },
        Some(other) => Algorithm::Other(other.to_owned()),
    }
}
