//! Whole files: packing, unpacking, verifying.
//!
//! - [`pack`]: every image of a file becomes a tile-compressed one, and tables do where that is
//!   asked for; everything else stays as it is.
//! - [`unpack`]: the way back. `unpack(pack(f))` is `f`, byte for byte, unless loss was asked for.
//! - [`compare`]: proves it, without writing anything; [`verify`]: checks the sums of one file.
//! - [`original_hdus`]: what unpacking would write, HDU by HDU.
//! - [`pack_proven`], [`unpack_proven`]: the same with that proof, made from the file that was
//!   written.
//!
//! An image or table whose header could not be restored exactly (it has keywords that the
//! convention needs itself, or its cards are not in the order of the standard) or whose padding is
//! not zero is left as it is, and the report says so.

mod bytes;
mod compare;
mod data;
mod directives;
mod original;
mod plan;
mod proof;
mod table;
mod table_columns;
mod table_plan;
mod unpack;
mod verify;

pub use bytes::Remainder;
pub use compare::{Verdict, compare};
pub use original::{OriginalHdu, original_hdus};
pub use proof::{PackedFile, pack_proven, unpack_proven};
pub use unpack::{UnpackedHdu, unpack};
pub use verify::{HduChecksums, verify};

use crate::card::write::{integer, logical};
use crate::file::FitsFile;
use crate::hdu::HduKind;
use crate::header::Header;
use crate::image::ImageHdu;
use crate::tiled::Quantise;
use crate::{Error, Result};
use std::io::{Seek, Write};

/// The algorithm that is asked for. Images that it cannot take without loss (or at all) get another
/// one, and the report says which: RICE_1 for integers of up to 32 bits, GZIP_2 for the rest.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// RICE_1.
    Rice,
    /// GZIP_1.
    Gzip1,
    /// GZIP_2.
    Gzip2,
    /// PLIO_1, for masks of values from 0 to 2^24 - 1.
    Plio,
    /// HCOMPRESS_1.
    Hcompress {
        /// 0 loses nothing; positive: in units of the tile's noise; negative: the quantisation
        /// itself.
        scale: f32,
        /// Whether readers smooth.
        smooth: bool,
    },
    /// NOCOMPRESS.
    None,
    /// FLOOR_1 with the codec of this spec, for images of 8 and 16 bits.
    Floor {
        /// The spec.
        spec: String,
    },
}

/// How large tiles are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TileSize {
    /// What suits the algorithm: about 1024 x 1024 for FLOOR_1, about sixteen rows for HCOMPRESS_1,
    /// otherwise one row.
    Suitable,
    /// The whole image.
    Whole,
    /// ZTILE1, ZTILE2, ...; 0 takes the whole axis, axes that are not named are cut into single
    /// pixels.
    Axes(Vec<usize>),
}

/// What becomes of binary tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tables {
    /// They are copied as they are, compressed ones compressed.
    #[default]
    Keep,
    /// They are compressed, as images are: RICE_1 for columns of integers of up to 32 bits, GZIP_2
    /// for wider numbers, GZIP_1 for the rest, or what FZALGOR and FZALGn in their headers say.
    Pack,
    /// They are compressed, and images are copied as they are.
    Only,
}

/// What [`pack`] is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub struct PackOptions {
    /// The algorithm.
    pub method: Method,
    /// The tiles.
    pub tile: TileSize,
    /// Whether floating-point pixels may lose bits, and how; without it they are kept exactly.
    pub quantise: Option<Quantise>,
    /// Effort of gzip, 1 to 9.
    pub gzip_level: u32,
    /// Whether an FZALGOR in an image's header counts more than `method`.
    pub heed_algorithm: bool,
    /// Whether an FZTILE in an image's header counts more than `tile`.
    pub heed_tile: bool,
    /// What becomes of binary tables.
    pub tables: Tables,
}

impl PackOptions {
    /// Suitable tiles, no loss.
    pub fn new(method: Method) -> Self {
        Self {
            method,
            tile: TileSize::Suitable,
            quantise: None,
            gzip_level: 6,
            heed_algorithm: false,
            heed_tile: false,
            tables: Tables::Keep,
        }
    }
}

/// What became of an HDU.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedHdu {
    /// Number of the HDU in the uncompressed file.
    pub index: usize,
    /// EXTNAME.
    pub name: Option<String>,
    /// Bytes of the uncompressed HDU.
    pub bytes_before: u64,
    /// Bytes of the HDU in the packed file.
    pub bytes_after: u64,
    /// The algorithm's name; `None` if the HDU was left as it is.
    pub algorithm: Option<String>,
    /// Set where bits were lost.
    pub loss: Option<Loss>,
    /// Why it was left as it is, or did not get the algorithm that was asked for.
    pub remark: Option<String>,
}

/// What was lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Largest difference between a pixel and what will be read, in stored units.
    pub largest_error: f64,
    /// Tiles that were kept exactly.
    pub exact_tiles: usize,
    /// All tiles.
    pub tiles: usize,
}

/// Writes a file whose images, and where asked for tables, are tile-compressed.
///
/// The images of a file that is compressed already are compressed anew, as if it had been unpacked
/// before; its compressed tables stay as they are. `progress` is called with the number of pixels
/// done since it was called last.
///
/// # Errors
/// If the file is damaged, a tile cannot be coded, or writing fails; what was written then is not a
/// file.
pub fn pack<W: Write + Seek>(
    file: &FitsFile,
    out: &mut W,
    options: &PackOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<PackedHdu>> {
    file.refuse_part()?;
    let mut report: Vec<PackedHdu> = Vec::new();
    let mut behind_image = false;
    for (index, hdu) in original_hdus(file).iter().enumerate() {
        let start = out.stream_position().map_err(Error::writing())?;
        let mut packed = PackedHdu {
            index,
            name: hdu.header().text("EXTNAME"),
            bytes_before: hdu.len_bytes(),
            bytes_after: 0,
            algorithm: None,
            loss: None,
            remark: None,
        };
        match (hdu.image(), options.tables) {
            (Some(image), Tables::Keep | Tables::Pack) => {
                pack_image(file, hdu, &image, options, out, progress, &mut packed)?;
                behind_image = packed.algorithm.is_some();
            }
            (Some(_), Tables::Only) => copy_hdu(file, hdu, out, progress)?,
            (None, tables) => {
                hdu.check_sums()?;
                packed.remark = remark_on(hdu, behind_image);
                behind_image = false;
                match hdu.hdu().kind() {
                    HduKind::BinaryTable if tables != Tables::Keep => {
                        pack_table(file, hdu, options, out, progress, &mut packed)?;
                    }
                    _ => copy_hdu(file, hdu, out, progress)?,
                }
            }
        }
        packed.bytes_after = out.stream_position().map_err(Error::writing())? - start;
        if packed.algorithm.is_some() && packed.bytes_after > packed.bytes_before {
            let PackedHdu { bytes_before, bytes_after, .. } = packed;
            let larger = format!("larger than before: {bytes_after} bytes against {bytes_before}");
            packed.remark = Some(Vec::from_iter(packed.remark.into_iter().chain([larger])).join("; "));
        }
        report.push(packed);
    }
    bytes::copy(file, file.rest(), out)?;
    Ok(report)
}

fn pack_image<W: Write + Seek>(
    file: &FitsFile,
    hdu: &OriginalHdu<'_>,
    image: &ImageHdu<'_>,
    options: &PackOptions,
    out: &mut W,
    progress: &mut dyn FnMut(u64),
    packed: &mut PackedHdu,
) -> Result<()> {
    hdu.check_sums()?;
    let header = hdu.header_of_pixels()?;
    let directives::Heeded { options, mut remarks } = directives::heed(&header, options);
    let Some(options) = &options else {
        packed.remark = Some(remarks.join("; "));
        return hdu.write(out, progress).map(drop);
    };
    let (mut plan, others) = plan::plan(image, &header, options, file.codec())?;
    remarks.extend(others);
    let unrestorable = || {
        let kept = table::packed_header(&header, &plan).is_some();
        (!kept).then(|| "its header could not be restored exactly".to_owned())
    };
    if let Some(reason) = hdu.irregularity()?.or_else(unrestorable) {
        packed.remark = Some(format!("left as it is: {reason}"));
        return hdu.write(out, progress).map(drop);
    }
    if plan::may_refuse(&plan)
        && let Some(problem) = table::refusal(image, &plan, file.codec())?
    {
        let wanted = plan.algorithm.name().to_owned();
        plan = plan::with_fallback(plan, &options.tile);
        remarks.push(format!("{} instead of {wanted} ({problem})", plan.algorithm.name()));
    }
    if packed.index == 0 {
        out.write_all(stand_in().bytes()).map_err(Error::writing())?;
    }
    let written = table::write_image(image, &header, &plan, file.codec(), out, progress)?;
    packed.algorithm = Some(plan.algorithm.name().to_owned());
    packed.remark = (!remarks.is_empty()).then(|| remarks.join("; "));
    if plan.is_lossy() {
        let tiles = plan.grid.tiles().unwrap_or(0);
        let (largest_error, exact_tiles) = (written.largest_error, written.exact_tiles);
        packed.loss = Some(Loss { largest_error, exact_tiles, tiles });
    }
    Ok(())
}

/// Compresses the table of an HDU that is a plain binary table.
fn pack_table<W: Write + Seek>(
    file: &FitsFile,
    hdu: &OriginalHdu<'_>,
    options: &PackOptions,
    out: &mut W,
    progress: &mut dyn FnMut(u64),
    packed: &mut PackedHdu,
) -> Result<()> {
    let table_plan::Planned { plan, mut remarks } = table_plan::plan(hdu);
    let looked = match plan {
        Ok(layout) => match table_plan::look(file, hdu, &layout)? {
            Ok(looked) => Ok((layout, looked)),
            Err(reason) => Err(reason.to_owned()),
        },
        Err(reason) => Err(reason),
    };
    match looked {
        Ok((layout, looked)) => {
            table_columns::write(file, hdu, &layout, &looked, options.gzip_level.clamp(1, 9), out)?;
            let names: Vec<&str> = layout.algorithms().iter().map(|algorithm| algorithm.name()).collect();
            packed.algorithm = Some(names.join(", "));
        }
        Err(reason) => {
            remarks.push(format!("left as it is: {reason}"));
            hdu.write(out, progress)?;
        }
    }
    packed.remark = (!remarks.is_empty()).then(|| remarks.join("; "));
    Ok(())
}

/// Writes an HDU that stays as it is: a compressed table stays compressed.
fn copy_hdu(
    file: &FitsFile,
    hdu: &OriginalHdu<'_>,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    if matches!(hdu.hdu().kind(), HduKind::TiledTable(_)) {
        let range = hdu.hdu().range();
        return bytes::copy(file, range.start..range.end.min(file.len_bytes()), out);
    }
    hdu.write(out, progress).map(drop)
}

/// What is worth knowing of an HDU that is no image.
fn remark_on(hdu: &OriginalHdu<'_>, behind_image: bool) -> Option<String> {
    if let Some(problem) = hdu.hdu().unreadable() {
        return Some(format!("left as it is: {}", problem.of_card()));
    }
    if matches!(hdu.hdu().kind(), HduKind::TiledTable(_)) {
        return Some("left as it is: a compressed table".to_owned());
    }
    let kind = hdu.header().text("XTENSION").filter(|_| matches!(hdu.hdu().kind(), HduKind::Other))?;
    behind_image.then(|| format!("funpack drops extensions of type '{kind}' that follow a compressed image"))
}

/// The empty primary HDU before a compressed primary image.
fn stand_in() -> Header {
    let cards = [
        logical("SIMPLE", true, "file does conform to FITS standard"),
        integer("BITPIX", 16, "number of bits per data pixel"),
        integer("NAXIS", 0, "number of data axes"),
        logical("EXTEND", true, "FITS dataset may contain extensions"),
    ];
    Header::from_cards(cards.iter().map(|card| &card[..]), 0)
}
