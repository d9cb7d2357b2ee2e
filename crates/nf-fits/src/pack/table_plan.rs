//! What is to be done with a binary table.

use super::original::OriginalHdu;
use crate::Result;
use crate::file::FitsFile;
use crate::form::Form;
use crate::header::Header;
use crate::tables::restore::compressed_header;
use crate::tables::{ColumnAlgorithm, Layout, TableColumn};
use crate::tiled::Table;
use std::ops::Range;

/// Bytes of the rows of a tile, about. As `fpack` has it; larger ones gain nothing.
const TILE_BYTES: usize = 10_000_000;

/// Tables whose data are shorter stay as they are, as with `fpack`: the header grows by a card or
/// two per column, so that there is nothing to gain.
const LEAST_BYTES: u64 = 5760;

/// Bytes of rows or of the heap that are looked at at once.
const PIECE_BYTES: usize = 1 << 20;

/// How a table is cut and compressed, or why it stays as it is.
pub(super) struct Planned {
    pub(super) plan: Result<Layout, String>,
    /// What was followed of the directives in its header, and what was not.
    pub(super) remarks: Vec<String>,
}

/// The plan for a table.
pub(super) fn plan(hdu: &OriginalHdu<'_>) -> Planned {
    let header = hdu.header();
    let mut remarks = Vec::new();
    let plan = layout(header, hdu.hdu().data_bytes(), &mut remarks);
    Planned { plan, remarks }
}

fn layout(header: &Header, data_bytes: u64, remarks: &mut Vec<String>) -> Result<Layout, String> {
    let table = Table::parse(header).map_err(|error| error.of_card())?;
    let default = default_algorithm(header, remarks)?;
    if table.rows == 0 || table.columns().is_empty() {
        return Err("it has no rows or columns".to_owned());
    }
    if data_bytes < LEAST_BYTES {
        return Err(format!("it is shorter than {LEAST_BYTES} bytes"));
    }
    let (mut columns, mut beyond_funpack) = (Vec::new(), Vec::new());
    for (n, column) in (1..).zip(table.columns()) {
        let wanted = column_algorithm(header, n, remarks).or(default);
        let algorithm = suitable(column.form, wanted);
        if let Some(wanted) = wanted.filter(|wanted| !wanted.takes(code(column.form))) {
            remarks.push(format!("column {n}: {} instead of {}", algorithm.name(), wanted.name()));
        }
        if code(column.form) == b'M' || column.form.is_array() && matches!(column.form.element, b'A' | b'X') {
            beyond_funpack.push(n.to_string());
        }
        columns.push(TableColumn { form: column.form, offset: column.offset, algorithm });
    }
    if !beyond_funpack.is_empty() {
        let columns = beyond_funpack.join(", ");
        remarks.push(format!("funpack gets column {columns} wrong (complex numbers M, arrays of A or X)"));
    }
    let tile_rows = tile_rows(header, table.row_bytes, remarks).clamp(1, table.rows);
    let rows_bytes = table.rows as u64 * table.row_bytes as u64;
    let layout = Layout {
        rows: table.rows,
        row_bytes: table.row_bytes,
        behind_bytes: table.heap.end - rows_bytes,
        gap_bytes: table.heap.start - rows_bytes,
        tile_rows,
        columns,
    };
    if layout.bytes() != data_bytes {
        return Err("its data are longer than its rows and its heap (GCOUNT)".to_owned());
    }
    let longest = vec![0; layout.columns.len()];
    compressed_header(header, &layout, &longest, 0)
        .map(|_| layout)
        .ok_or_else(|| "its header could not be restored exactly".to_owned())
}

/// FZALGOR: the algorithm of every column that has no directive of its own.
fn default_algorithm(header: &Header, remarks: &mut Vec<String>) -> Result<Option<ColumnAlgorithm>, String> {
    let Some(wanted) = header.text("FZALGOR") else { return Ok(None) };
    if wanted.trim().eq_ignore_ascii_case("NONE") {
        return Err("its FZALGOR is NONE".to_owned());
    }
    let found = directive(&wanted);
    remarks.push(match found {
        Some(algorithm) => format!("{}, as its FZALGOR asks", algorithm.name()),
        None => format!("its FZALGOR, '{wanted}', is no algorithm for tables"),
    });
    Ok(found)
}

/// FZALGn: the algorithm of a column.
fn column_algorithm(header: &Header, n: usize, remarks: &mut Vec<String>) -> Option<ColumnAlgorithm> {
    let keyword = format!("FZALG{n}");
    let wanted = header.text(&keyword)?;
    let found = directive(&wanted);
    remarks.push(match found {
        Some(algorithm) => format!("column {n}: {}, as {keyword} asks", algorithm.name()),
        None => format!("its {keyword}, '{wanted}', is no algorithm for tables"),
    });
    found
}

fn directive(wanted: &str) -> Option<ColumnAlgorithm> {
    match wanted.trim().to_ascii_uppercase().as_str() {
        "GZIP" => Some(ColumnAlgorithm::Gzip1),
        // No reader but this program knows columns of NOCOMPRESS.
        "NOCOMPRESS" => None,
        other => ColumnAlgorithm::of_name(other),
    }
}

/// Type letter of what is compressed of a column.
fn code(form: Form) -> u8 {
    if form.is_array() { form.element } else { form.code }
}

/// The algorithm that was asked for, where the type allows it and `funpack` reads it, or else that
/// which suits the type.
fn suitable(form: Form, wanted: Option<ColumnAlgorithm>) -> ColumnAlgorithm {
    match (code(form), wanted) {
        // GZIP_2 has nothing to sort in single bytes and gives the same stream, and funpack does
        // not read complex numbers of it in rows.
        (b'L' | b'X' | b'A', _) => ColumnAlgorithm::Gzip1,
        (b'C' | b'M', _) if !form.is_array() => ColumnAlgorithm::Gzip1,
        (b'B', Some(ColumnAlgorithm::Gzip2)) => ColumnAlgorithm::Gzip1,
        (code, Some(wanted)) if wanted.takes(code) => wanted,
        (b'B' | b'I' | b'J', _) => ColumnAlgorithm::Rice,
        _ => ColumnAlgorithm::Gzip2,
    }
}

/// FZTILELN, or as many rows as make up about [`TILE_BYTES`].
fn tile_rows(header: &Header, row_bytes: usize, remarks: &mut Vec<String>) -> usize {
    let wanted = header.value("FZTILELN").map(|_| header.integer("FZTILELN"));
    let suitable = TILE_BYTES / row_bytes.max(1);
    match wanted {
        None => suitable,
        Some(Ok(Some(rows))) if rows > 0 && rows as u64 * row_bytes as u64 <= 1 << 31 => {
            remarks.push(format!("tiles of {rows} rows, as its FZTILELN asks"));
            rows as usize
        }
        Some(_) => {
            remarks.push("its FZTILELN is no number of rows that can be used".to_owned());
            suitable
        }
    }
}

/// What was found when the heap of a table was looked at.
pub(super) struct Looked {
    /// Whether rows share arrays.
    pub(super) has_shared: bool,
}

/// Looks whether the bytes of a table would come back, or says why not: what no row and no array
/// holds must be zero.
pub(super) fn look(
    file: &FitsFile,
    hdu: &OriginalHdu<'_>,
    layout: &Layout,
) -> Result<Result<Looked, &'static str>> {
    const ORPHANED: &str = "there are bytes in its heap that belong to no array";
    let data = hdu.hdu().data_range();
    let end = hdu.hdu().range().end;
    if end > file.len_bytes() {
        return Ok(Err("the padding behind its data is missing"));
    }
    if !is_zero(file, data.end..end)? {
        return Ok(Err("the padding behind its data is not zero"));
    }
    let Some(mut arrays) = arrays(file, &data, layout)? else {
        return Ok(Err("an array lies outside its heap"));
    };
    arrays.sort_unstable_by_key(|array| (array.start, array.end));
    let all = arrays.len();
    arrays.dedup();
    let has_shared = arrays.len() < all;
    let mut at = data.start + layout.rows as u64 * layout.row_bytes as u64;
    for array in arrays {
        if array.start < at {
            return Ok(Err("arrays in its heap overlap without being the same"));
        }
        if !is_zero(file, at..array.start)? {
            return Ok(Err(ORPHANED));
        }
        at = array.end;
    }
    Ok(if is_zero(file, at..data.end)? { Ok(Looked { has_shared }) } else { Err(ORPHANED) })
}

/// Where in the file the arrays of a table lie, those of no element left out; `None` if one lies
/// outside of the heap.
fn arrays(file: &FitsFile, data: &Range<u64>, layout: &Layout) -> Result<Option<Vec<Range<u64>>>> {
    let columns: Vec<&TableColumn> = layout.columns.iter().filter(|column| column.form.is_array()).collect();
    let mut found = Vec::new();
    if columns.is_empty() {
        return Ok(Some(found));
    }
    let heap = data.start + layout.rows as u64 * layout.row_bytes as u64 + layout.gap_bytes;
    let step = (PIECE_BYTES / layout.row_bytes).max(1);
    let mut scratch = Vec::new();
    for first in (0..layout.rows).step_by(step) {
        let rows = step.min(layout.rows - first);
        let at = data.start + first as u64 * layout.row_bytes as u64;
        let bytes = file.source().bytes(at, rows * layout.row_bytes, &mut scratch)?;
        for row in bytes.chunks_exact(layout.row_bytes) {
            for column in &columns {
                let place = || {
                    let (count, offset) = column.form.descriptor(&row[column.offset..])?;
                    let start = heap.checked_add(offset)?;
                    let end = start.checked_add(column.form.array_bytes(count)?)?;
                    (end <= data.end).then_some(start..end)
                };
                match place() {
                    Some(place) if place.is_empty() => {}
                    Some(place) => found.push(place),
                    None => return Ok(None),
                }
            }
        }
    }
    Ok(Some(found))
}

fn is_zero(file: &FitsFile, range: Range<u64>) -> Result<bool> {
    let mut scratch = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let len = (range.end - at).min(PIECE_BYTES as u64);
        if file.source().bytes(at, len as usize, &mut scratch)?.iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        at += len;
    }
    Ok(true)
}
