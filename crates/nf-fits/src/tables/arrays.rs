//! The arrays of a column of variable-length arrays: where each lies in the table inside, and where
//! its compressed bytes lie.

use super::tiling::TableTiling;
use crate::form::Form;
use crate::{Error, Result};
use std::ops::Range;

/// Bytes of a descriptor of a compressed array.
pub(super) const WIDE_BYTES: usize = 16;

/// An array of the table inside; there may be many millions of them.
#[derive(Clone, Debug)]
pub(super) struct Array {
    /// Where it lies behind the rows of the table inside.
    pub(super) place: Range<u64>,
    /// Where its compressed bytes lie in the data of the compressed table.
    pub(super) stored: Range<u64>,
    tile: u32,
    column: u16,
}

impl Array {
    pub(super) fn tile(&self) -> usize {
        self.tile as usize
    }

    pub(super) fn column(&self) -> usize {
        usize::from(self.column)
    }
}

/// Takes apart the decompressed tile of a column of arrays: the descriptors of the table inside, as
/// they stand in its rows, and the arrays that they and those of the compressed arrays name.
///
/// # Errors
/// If a descriptor points outside of its heap, whichever of the two lists is taken for the first.
pub(super) fn split<'a>(
    tiling: &TableTiling,
    tile: usize,
    column: usize,
    lists: &'a [u8],
    rows: usize,
    found: &mut Vec<Array>,
) -> Result<&'a [u8]> {
    let own_bytes = tiling.layout.columns[column].form.row_bytes() as usize * rows;
    // As fpack writes it, and as the standard has it.
    let (own, compressed) = lists.split_at(own_bytes);
    let (compressed_first, own_last) = lists.split_at(rows * WIDE_BYTES);
    let orders = [(own, compressed), (own_last, compressed_first)];
    let mut problem = None;
    // Writers keep arrays plain that compression would make longer, which tells the lists apart;
    // one that does not is believed last.
    for (shorter, (own, compressed)) in [(true, orders[0]), (true, orders[1]), (false, orders[0])] {
        let before = found.len();
        match pair(tiling, (tile, column), (own, compressed), shorter, found) {
            Ok(()) => return Ok(own),
            Err(error) => problem = problem.or(Some(error)),
        }
        found.truncate(before);
    }
    problem.map_or(Ok(own), Err)
}

fn pair(
    tiling: &TableTiling,
    (tile, column): (usize, usize),
    (own, compressed): (&[u8], &[u8]),
    shorter: bool,
    found: &mut Vec<Array>,
) -> Result<()> {
    let form = tiling.layout.columns[column].form;
    let fields = own.chunks_exact(form.row_bytes() as usize).zip(compressed.chunks_exact(WIDE_BYTES));
    let wide = Form { code: b'Q', repeat: 1, element: b'B' };
    for (row, (own, compressed)) in fields.enumerate() {
        let wrong = |what: String| -> Error { tiling.tile_error(tile, column, format!("row {row}: {what}")) };
        let negative = || wrong("a descriptor holds a negative number".to_owned());
        let (count, offset) = form.descriptor(own).ok_or_else(negative)?;
        let (bytes, at) = wide.descriptor(compressed).ok_or_else(negative)?;
        if count == 0 && bytes == 0 {
            continue;
        }
        let within = |offset: u64, bytes: Option<u64>, heap: &Range<u64>| {
            let start = heap.start.checked_add(offset)?;
            let end = start.checked_add(bytes?).filter(|&end| end <= heap.end)?;
            Some(start..end)
        };
        let heap = tiling.layout.gap_bytes..tiling.layout.behind_bytes;
        let place = within(offset, form.array_bytes(count), &heap).ok_or_else(|| {
            let heap_bytes = tiling.layout.heap_bytes();
            wrong(format!("{count} elements at {offset} are outside the table's heap of {heap_bytes} bytes"))
        })?;
        let stored = within(at, Some(bytes), &tiling.table.heap).ok_or_else(|| {
            let heap_bytes = tiling.table.heap.end - tiling.table.heap.start;
            wrong(format!("{bytes} compressed bytes at {at} are outside the heap of {heap_bytes} bytes"))
        })?;
        let longer = stored.end - stored.start > place.end - place.start;
        if stored.is_empty() || place.is_empty() || (longer && shorter) {
            return Err(wrong(format!("{bytes} compressed bytes cannot stand for {count} elements")));
        }
        // Tiles beyond 32 bits have no name here; they serve messages only. Columns are at
        // most 999.
        found.push(Array { place, stored, tile: tile as u32, column: column as u16 });
    }
    Ok(())
}

/// Puts the arrays of a table in the order of their places, each place once.
///
/// # Errors
/// If arrays share some bytes only: one of them would be decoded for the sake of a part.
pub(super) fn in_order(tiling: &TableTiling, arrays: &mut Vec<Array>) -> Result<()> {
    arrays.sort_by_key(|array| (array.place.start, std::cmp::Reverse(array.place.end)));
    let mut end = 0;
    let mut overlap = None;
    arrays.retain(|array| {
        // What lies inside another array needs no decoding.
        if array.place.end <= end {
            return false;
        }
        if array.place.start < end && overlap.is_none() {
            overlap = Some(array.clone());
        }
        end = array.place.end;
        true
    });
    match overlap {
        Some(array) => {
            let problem = format!("its array at {:?} begins inside another and ends behind it", array.place);
            Err(tiling.tile_error(array.tile(), array.column(), problem))
        }
        None => Ok(()),
    }
}
