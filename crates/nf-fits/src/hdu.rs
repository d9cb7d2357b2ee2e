//! The header-data units of a file: what each one is, and where its bytes lie.

use crate::geometry::{Geometry, read_axes};
use crate::header::{BLOCK_BYTES, Header};
use crate::scale::PhysicalScale;
use crate::source::{Source, check_first};
use crate::tables::TableTiling;
use crate::tiled::Tiling;
use crate::{Error, Result, SampleType};
use std::ops::Range;

/// What an HDU holds.
#[derive(Clone, Debug)]
pub enum HduKind {
    /// No data.
    Empty,
    /// A plain image.
    Image(Geometry),
    /// A tile-compressed image in a binary table.
    TiledImage(Box<Tiling>),
    /// A tile-compressed image whose header contradicts itself;
    /// [`FitsFile::image`](crate::FitsFile::image) says how.
    UnreadableImage,
    /// A compressed table in a binary table.
    TiledTable(Box<TableTiling>),
    /// A compressed table whose header contradicts itself; [`Hdu::unreadable`] says how.
    UnreadableTable,
    /// A binary table.
    BinaryTable,
    /// A table in ASCII.
    AsciiTable,
    /// Random groups, or an extension of another type.
    Other,
}

/// One header-data unit.
#[derive(Clone, Debug)]
pub struct Hdu {
    header: Header,
    kind: HduKind,
    start: u64,
    data_bytes: u64,
    remarks: Vec<String>,
}

impl Hdu {
    /// The header, as it stands in the file.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What the HDU holds.
    pub fn kind(&self) -> &HduKind {
        &self.kind
    }

    /// Whether it is compressed, an image in tiles or a table, and can be restored.
    pub fn is_compressed(&self) -> bool {
        matches!(self.kind, HduKind::TiledImage(_) | HduKind::TiledTable(_))
    }

    /// Why a compressed image or table cannot be read, where its header contradicts itself.
    pub fn unreadable(&self) -> Option<Error> {
        match self.kind {
            HduKind::UnreadableImage => Tiling::parse(&self.header).err(),
            HduKind::UnreadableTable => TableTiling::parse(&self.header).err(),
            _ => None,
        }
    }

    /// Whether it is a table with cards of a compressed image that is not read as one: the header
    /// contradicts itself, or has no usable ZIMAGE; or one of a compressed table.
    pub(crate) fn is_meant_as_compressed(&self) -> bool {
        match self.kind {
            HduKind::UnreadableImage | HduKind::UnreadableTable => true,
            HduKind::TiledImage(_) | HduKind::TiledTable(_) => false,
            _ => self.header.card("ZBITPIX").is_some() && self.header.card("ZTABLE").is_none(),
        }
    }

    /// Number of the HDU, 0 for the primary.
    pub fn index(&self) -> usize {
        self.header.hdu()
    }

    /// EXTNAME, if there is one.
    pub fn name(&self) -> Option<String> {
        self.header.text("EXTNAME")
    }

    /// What was found odd in the header and does not keep the data from being read, such as a BZERO
    /// that is no number.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Bytes of the data, without the padding.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Where the data lie in the (inflated) file, without the padding.
    pub fn data_range(&self) -> Range<u64> {
        let start = self.start + self.header.bytes().len() as u64;
        start..start + self.data_bytes
    }

    /// Where the whole HDU lies in the (inflated) file, padding included.
    pub fn range(&self) -> Range<u64> {
        let data = self.data_range();
        self.start..data.start + padded(self.data_bytes)
    }
}

/// `bytes` rounded up to whole blocks.
pub(crate) fn padded(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK_BYTES as u64)
}

/// Reads the headers of all HDUs, nothing of the data: the HDUs up to the first that is damaged,
/// and what is wrong with that one.
///
/// # Errors
/// If the first HDU is damaged already, or reading fails.
pub(crate) fn walk(source: &Source) -> Result<(Vec<Hdu>, Option<Error>)> {
    let mut scratch = Vec::new();
    let first = source.bytes(0, source.len_bytes().min(9) as usize, &mut scratch)?;
    check_first(first, "it")?;
    let mut hdus = Vec::new();
    let mut start = 0;
    loop {
        let hdu = match read_hdu(source, start, hdus.len()) {
            Ok(hdu) => hdu,
            Err(fault @ (Error::Header { .. } | Error::Truncated { .. })) if !hdus.is_empty() => {
                return Ok((hdus, Some(fault)));
            }
            Err(error) => return Err(error),
        };
        // A file whose last padding was cut off still holds all its data.
        start = hdu.range().end;
        hdus.push(hdu);
        let left = source.len_bytes().saturating_sub(start);
        // What follows the last HDU without being one (special records) belongs to none.
        if left < 8 || source.bytes(start, 8, &mut scratch)? != b"XTENSION" {
            return Ok((hdus, None));
        }
    }
}

fn read_hdu(source: &Source, start: u64, index: usize) -> Result<Hdu> {
    let header = Header::read(source, start, index)?;
    let (kind, data_bytes) = classify(&header)?;
    let remarks = remarks(&header, &kind);
    let hdu = Hdu { header, kind, start, data_bytes, remarks };
    let data = hdu.data_range();
    if data.end > source.len_bytes() {
        let found_bytes = source.len_bytes().saturating_sub(data.start);
        return Err(Error::Truncated { hdu: index, what: "the data", needed_bytes: data_bytes, found_bytes });
    }
    Ok(hdu)
}

/// What is odd in the header of an image.
fn remarks(header: &Header, kind: &HduKind) -> Vec<String> {
    match kind {
        HduKind::Image(_) | HduKind::TiledImage(_) => PhysicalScale::of_header(header).1,
        HduKind::UnreadableImage => unreadable("image", Tiling::parse(header).err()),
        HduKind::UnreadableTable => unreadable("table", TableTiling::parse(header).err()),
        _ => Vec::new(),
    }
}

fn unreadable(what: &str, problem: Option<Error>) -> Vec<String> {
    let problem = problem.map(Error::of_card);
    problem.map(|problem| format!("the compressed {what} cannot be read: {problem}")).into_iter().collect()
}

/// What the HDU is, and how many bytes of data it announces.
fn classify(header: &Header) -> Result<(HduKind, u64)> {
    let hdu = header.hdu();
    let bitpix = header.required_integer("BITPIX")?;
    let sample = SampleType::from_bitpix(bitpix).ok_or_else(|| {
        Error::header(hdu, "BITPIX", format!("is {bitpix}, expected 8, 16, 32, 64, -32 or -64"))
    })?;
    let axes = read_axes(header, "NAXIS")?;
    let extension = if hdu == 0 { None } else { header.text("XTENSION") };
    let groups = axes.first() == Some(&0) && header.is_true("GROUPS");
    let mut bytes = data_bytes(&axes[usize::from(groups)..], sample)
        .ok_or_else(|| Error::header(hdu, "NAXISn", format!("{axes:?} is more data than can exist")))?;
    let pixel_bytes = bytes;
    if extension.is_some() || groups {
        let count = |keyword: &str, default: i64| -> Result<u64> {
            let value = header.integer(keyword)?.unwrap_or(default);
            u64::try_from(value)
                .map_err(|_| Error::header(hdu, keyword, format!("is {value}, expected no negative number")))
        };
        let (pcount, gcount) = (count("PCOUNT", 0)?, count("GCOUNT", 1)?);
        bytes = pcount
            .checked_mul(sample.bytes() as u64)
            .and_then(|parameters| parameters.checked_add(bytes)?.checked_mul(gcount))
            .filter(|&bytes| bytes < u64::MAX / 4)
            .ok_or_else(|| Error::header(hdu, "PCOUNT", "announces more data than can exist"))?;
    }
    let kind = match extension.as_deref() {
        _ if groups => HduKind::Other,
        _ if axes.is_empty() => HduKind::Empty,
        // No groups (GCOUNT of 0), no pixels.
        Some("IMAGE" | "IUEIMAGE") if bytes < pixel_bytes => HduKind::Other,
        None | Some("IMAGE" | "IUEIMAGE") => HduKind::Image(Geometry { sample, axes }),
        Some("BINTABLE" | "A3DTABLE") if header.is_true("ZIMAGE") => Tiling::parse(header)
            .map_or(HduKind::UnreadableImage, |tiling| HduKind::TiledImage(Box::new(tiling))),
        Some("BINTABLE" | "A3DTABLE") if header.is_true("ZTABLE") => TableTiling::parse(header)
            .map_or(HduKind::UnreadableTable, |tiling| HduKind::TiledTable(Box::new(tiling))),
        Some("BINTABLE" | "A3DTABLE") => HduKind::BinaryTable,
        Some("TABLE") => HduKind::AsciiTable,
        Some(_) => HduKind::Other,
    };
    Ok((kind, bytes))
}

/// Bytes of an array; `None` if the number is absurd, also when an axis of zero hides it.
fn data_bytes(axes: &[usize], sample: SampleType) -> Option<u64> {
    if axes.is_empty() {
        return Some(0);
    }
    let all = axes
        .iter()
        .try_fold(sample.bytes() as u64, |bytes, &n| bytes.checked_mul(n.max(1) as u64))
        .filter(|&bytes| bytes < u64::MAX / 4)?;
    Some(if axes.contains(&0) { 0 } else { all })
}
