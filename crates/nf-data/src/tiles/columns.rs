//! Columns of a tile store, read without trusting them.

use super::COLUMNS;
use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::column::page::Page;
use parquet::errors::ParquetError;
use parquet::file::reader::RowGroupReader;

/// The bytes of a column that is stored plainly: those of its pages, joined.
///
/// The values are taken apart here ([`values`]) and not by the library, whose decoders trust the
/// lengths that they find.
pub(super) fn plain_bytes(
    group: &dyn RowGroupReader,
    number: usize,
    rows: usize,
    expected: PhysicalType,
) -> Result<Vec<u8>, String> {
    let name = COLUMNS[number];
    let column = group.metadata().column(number);
    let descr = column.column_descr();
    if descr.physical_type() != expected || descr.max_def_level() != 0 {
        return Err(format!("column {name} has the type {}, expected {expected}", descr.physical_type()));
    }
    if column.compression() != Compression::UNCOMPRESSED {
        return Err(format!("column {name} is compressed"));
    }
    let wrong = |error: ParquetError| format!("column {name}: {error}");
    let (mut bytes, mut found) = (vec![], 0);
    for page in group.get_column_page_reader(number).map_err(wrong)? {
        match page.map_err(wrong)? {
            Page::DataPage { buf, num_values, encoding: Encoding::PLAIN, .. } => {
                bytes.extend_from_slice(&buf);
                found += num_values as usize;
            }
            page => {
                return Err(format!("column {name} has a page that is not plain ({:?})", page.page_type()));
            }
        }
    }
    if found == rows { Ok(bytes) } else { Err(format!("column {name} has {found} values, expected {rows}")) }
}

/// Takes `rows` values off the front of a column's bytes, each by `take`; nothing may be left.
pub(super) fn values<'a, T>(
    mut bytes: &'a [u8],
    number: usize,
    rows: usize,
    mut take: impl FnMut(&mut &'a [u8]) -> Option<T>,
) -> Result<Vec<T>, String> {
    // Every value has at least one byte, so this is no more than what is there.
    let mut values = Vec::with_capacity(rows.min(bytes.len()));
    for _ in 0..rows {
        values.push(take(&mut bytes).ok_or_else(|| format!("column {} ends early", COLUMNS[number]))?);
    }
    if bytes.is_empty() { Ok(values) } else { Err(format!("column {} has bytes left over", COLUMNS[number])) }
}

pub(super) fn integers(group: &dyn RowGroupReader, number: usize, rows: usize) -> Result<Vec<u32>, String> {
    let bytes = plain_bytes(group, number, rows, PhysicalType::INT32)?;
    values(&bytes, number, rows, |rest| {
        let value = i32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?);
        u32::try_from(value).ok()
    })
}
