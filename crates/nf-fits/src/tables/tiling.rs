//! What the header says of a compressed table.

use super::algorithm::ColumnAlgorithm;
use crate::checksum::Checksums;
use crate::form::Form;
use crate::header::Header;
use crate::tiled::{Table, fields, form};
use crate::{Error, Result};
use std::sync::OnceLock;

/// Most bytes that a table may announce.
const MOST_BYTES: u64 = u64::MAX / 4;

/// What the header says of a compressed table.
#[derive(Clone, Debug)]
pub struct TableTiling {
    pub(crate) layout: Layout,
    /// The table that holds the tiles.
    pub(super) table: Table,
    pub(super) hdu: usize,
    /// What the sums of the table say, which are looked at before the first tile is read.
    pub(crate) sums: OnceLock<Checksums>,
}

/// A table without compression, and how it is cut.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// NAXIS2 of the table.
    pub(crate) rows: usize,
    /// NAXIS1 of the table.
    pub(crate) row_bytes: usize,
    /// PCOUNT of the table: bytes behind its rows.
    pub(crate) behind_bytes: u64,
    /// Where in these its arrays begin.
    pub(crate) gap_bytes: u64,
    /// ZTILELEN: rows of a tile, at least 1.
    pub(crate) tile_rows: usize,
    pub(crate) columns: Vec<TableColumn>,
}

/// A column of a table without compression, and how it is compressed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableColumn {
    pub(crate) form: Form,
    /// Where it begins in a row.
    pub(crate) offset: usize,
    pub(crate) algorithm: ColumnAlgorithm,
}

impl TableColumn {
    /// Bytes of a row.
    pub(crate) fn bytes(&self) -> usize {
        // The columns were found to make up a row.
        self.form.row_bytes() as usize
    }
}

impl Layout {
    /// Number of tiles.
    pub(crate) fn tiles(&self) -> usize {
        self.rows.div_ceil(self.tile_rows)
    }

    /// Bytes of all rows, and what is behind them.
    pub(crate) fn bytes(&self) -> u64 {
        self.rows as u64 * self.row_bytes as u64 + self.behind_bytes
    }

    /// Bytes of the heap.
    pub(crate) fn heap_bytes(&self) -> u64 {
        self.behind_bytes - self.gap_bytes
    }
}

impl TableTiling {
    pub(crate) fn parse(header: &Header) -> Result<Self> {
        let hdu = header.hdu();
        let table = Table::parse(header)?;
        let size = |keyword: &str| -> Result<u64> {
            let value = header.required_integer(keyword)?;
            u64::try_from(value)
                .map_err(|_| Error::header(hdu, keyword, format!("is {value}, expected no negative number")))
        };
        let (row_bytes, rows, behind_bytes) = (size("ZNAXIS1")?, size("ZNAXIS2")?, size("ZPCOUNT")?);
        let absurd = || Error::header(hdu, "ZNAXIS1", "x ZNAXIS2 + ZPCOUNT is more data than can exist");
        let table_bytes = row_bytes.checked_mul(rows.max(1)).ok_or_else(absurd)?;
        if table_bytes.checked_add(behind_bytes).is_none_or(|bytes| bytes > MOST_BYTES) {
            return Err(absurd());
        }
        let tile_rows = match (size("ZTILELEN")?, rows) {
            (0, 1..) => return Err(Error::header(hdu, "ZTILELEN", "is 0, expected at least 1")),
            (tile_rows, _) => tile_rows.clamp(1, rows.max(1)),
        };
        let (row_bytes, rows, tile_rows) = match [row_bytes, rows, tile_rows].map(usize::try_from) {
            [Ok(row_bytes), Ok(rows), Ok(tile_rows)] => (row_bytes, rows, tile_rows),
            _ => return Err(absurd()),
        };
        let gap_bytes = match restored_theap(header)? {
            None => 0,
            Some(theap) => {
                let rows_bytes = rows as u64 * row_bytes as u64;
                theap.checked_sub(rows_bytes).filter(|&gap| gap <= behind_bytes).ok_or_else(|| {
                    let end = rows_bytes + behind_bytes;
                    Error::header(hdu, "ZTHEAP", format!("is {theap}, expected {rows_bytes} to {end}"))
                })?
            }
        };
        let columns = columns(header, &table)?;
        let expected = columns.last().map_or(0, |column| column.offset as u64 + column.form.row_bytes());
        if expected != row_bytes as u64 {
            let problem = format!("is {row_bytes}, but the columns of ZFORMn take {expected} bytes");
            return Err(Error::header(hdu, "ZNAXIS1", problem));
        }
        let layout = Layout { rows, row_bytes, behind_bytes, gap_bytes, tile_rows, columns };
        if layout.tiles() != table.rows {
            let problem = format!(
                "is {}, but {rows} rows in tiles of {tile_rows} make {} tiles",
                table.rows,
                layout.tiles()
            );
            return Err(Error::header(hdu, "NAXIS2", problem));
        }
        Ok(Self { layout, table, hdu, sums: OnceLock::new() })
    }

    /// Number of rows of the table inside.
    pub fn rows(&self) -> usize {
        self.layout.rows
    }

    /// Bytes of the rows and the heap of the table inside.
    pub fn raw_bytes(&self) -> u64 {
        self.layout.bytes()
    }

    /// Rows of a tile; the last one may have fewer.
    pub fn tile_rows(&self) -> usize {
        self.layout.tile_rows
    }

    /// Number of tiles.
    pub fn tiles(&self) -> usize {
        self.layout.tiles()
    }

    /// The algorithms of the columns that have any bytes, each once, in the order of the columns.
    pub fn algorithms(&self) -> Vec<ColumnAlgorithm> {
        self.layout.algorithms()
    }

    pub(super) fn tile_error(&self, tile: usize, column: usize, problem: impl std::fmt::Display) -> Error {
        Error::Tile { hdu: self.hdu, tile, problem: format!("column {}: {problem}", column + 1) }
    }
}

impl Layout {
    /// The algorithms of the columns that have any bytes, each once, in the order of the columns.
    pub(crate) fn algorithms(&self) -> Vec<ColumnAlgorithm> {
        let mut found = Vec::new();
        for column in self.columns.iter().filter(|column| column.bytes() > 0) {
            if !found.contains(&column.algorithm) {
                found.push(column.algorithm);
            }
        }
        found
    }
}

/// ZTHEAP; where it is missing THEAP, as `fpack` leaves it, where it can be the original's.
fn restored_theap(header: &Header) -> Result<Option<u64>> {
    let place = |keyword: &str| -> Result<Option<u64>> {
        let Some(value) = header.integer(keyword)? else { return Ok(None) };
        u64::try_from(value).map(Some).map_err(|_| {
            Error::header(header.hdu(), keyword, format!("is {value}, expected no negative number"))
        })
    };
    Ok(match place("ZTHEAP")? {
        Some(theap) => Some(theap),
        None if super::restore::keeps_theap(header) => place("THEAP")?,
        None => None,
    })
}

/// ZFORMn and ZCTYPn.
fn columns(header: &Header, table: &Table) -> Result<Vec<TableColumn>> {
    let hdu = header.hdu();
    let mut offset = 0usize;
    (1..=fields(header)?)
        .zip(table.columns())
        .map(|(n, holder)| {
            let (zform, zctyp) = (format!("ZFORM{n}"), format!("ZCTYP{n}"));
            let form = form(header, &zform)?;
            let algorithm = match header.text(&zctyp) {
                // What funpack takes where nothing is said.
                None => ColumnAlgorithm::Gzip2,
                Some(name) => ColumnAlgorithm::of_name(&name).ok_or_else(|| {
                    let expected = "expected RICE_1, GZIP_1, GZIP_2 or NOCOMPRESS";
                    Error::header(hdu, &zctyp, format!("is '{name}', {expected}"))
                })?,
            };
            let code = if form.is_array() { form.element } else { form.code };
            if !algorithm.takes(code) {
                let problem = format!("is RICE_1, which does not take values of type {}", char::from(code));
                return Err(Error::header(hdu, &zctyp, problem));
            }
            let column = TableColumn { form, offset, algorithm };
            if form.row_bytes() > 0 && !(holder.is_array() && holder.element() == b'B') {
                let problem = "is no column of arrays of bytes, such as 1QB, though the table is compressed";
                return Err(Error::header(hdu, format!("TFORM{n}"), problem));
            }
            offset = usize::try_from(form.row_bytes())
                .ok()
                .and_then(|bytes| offset.checked_add(bytes))
                .ok_or_else(|| Error::header(hdu, &zform, "is wider than can be"))?;
            Ok(column)
        })
        .collect()
}
