//! The binary table that holds the tiles: columns, rows, descriptors, heap.

use crate::form::Form;
use crate::header::Header;
use crate::source::Source;
use crate::{Error, Result};
use std::ops::Range;

/// Columns of a binary table and where its rows and heap lie, relative to the start of the data.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) rows: usize,
    pub(crate) row_bytes: usize,
    pub(crate) heap: Range<u64>,
    columns: Vec<Column>,
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    name: String,
    pub(crate) offset: usize,
    pub(crate) form: Form,
}

impl Table {
    /// Reads NAXISn, PCOUNT, THEAP, TTYPEn and TFORMn.
    pub(crate) fn parse(header: &Header) -> Result<Self> {
        let hdu = header.hdu();
        let size = |keyword: &str| -> Result<u64> {
            let value = header.required_integer(keyword)?;
            u64::try_from(value)
                .map_err(|_| Error::header(hdu, keyword, format!("is {value}, expected no negative number")))
        };
        if (header.required_integer("NAXIS")?, header.required_integer("BITPIX")?) != (2, 8) {
            return Err(Error::header(hdu, "NAXIS", "or BITPIX is not that of a table, 2 and 8"));
        }
        let (row_bytes, rows, pcount) = (size("NAXIS1")?, size("NAXIS2")?, size("PCOUNT")?);
        let wrong = || Error::header(hdu, "NAXIS1", "x NAXIS2 is more data than can exist");
        let table_bytes = row_bytes.checked_mul(rows).ok_or_else(wrong)?;
        let end = table_bytes.checked_add(pcount).ok_or_else(wrong)?;
        let theap = match header.integer("THEAP")? {
            None => table_bytes,
            Some(theap) => {
                u64::try_from(theap).ok().filter(|t| (table_bytes..=end).contains(t)).ok_or_else(|| {
                    Error::header(hdu, "THEAP", format!("is {theap}, expected {table_bytes} to {end}"))
                })?
            }
        };
        let columns = columns(header)?;
        let expected = columns.last().map_or(0, |column| column.offset as u64 + column.form.row_bytes());
        if expected != row_bytes {
            let problem = format!("is {row_bytes}, but the columns take {expected} bytes");
            return Err(Error::header(hdu, "NAXIS1", problem));
        }
        let rows = usize::try_from(rows).map_err(|_| wrong())?;
        let row_bytes = usize::try_from(row_bytes).map_err(|_| wrong())?;
        Ok(Self { rows, row_bytes, heap: theap..end, columns })
    }

    /// The column of that name, whatever the case of its letters.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// All columns, in order.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The bytes of row `row`, data beginning at `data` in the file.
    pub(crate) fn row<'a>(
        &self,
        source: &'a Source,
        data: u64,
        row: usize,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8]> {
        self.rows_at(source, data, row..row + 1, scratch)
    }

    /// The bytes of some rows, data beginning at `data` in the file.
    pub(crate) fn rows_at<'a>(
        &self,
        source: &'a Source,
        data: u64,
        rows: Range<usize>,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8]> {
        source.bytes(self.place(data, rows.start), rows.len() * self.row_bytes, scratch)
    }

    /// Where in the file row `row` begins, data beginning at `data`.
    pub(crate) fn place(&self, data: u64, row: usize) -> u64 {
        (row as u64).saturating_mul(self.row_bytes as u64).saturating_add(data)
    }

    /// Where in the data the array lies that `column` of a row points to, and its number of
    /// elements.
    pub(crate) fn array(&self, row: &[u8], column: &Column) -> Result<(Range<u64>, usize), String> {
        let name = &column.name;
        if !column.is_array() {
            return Err(format!("column {name} holds no descriptors"));
        }
        let heap_bytes = self.heap.end - self.heap.start;
        let Some((count, offset)) = column.form.descriptor(&row[column.offset..]) else {
            return Err(format!(
                "{name} points to a negative number or place, outside the heap of {heap_bytes} bytes"
            ));
        };
        if count == 0 {
            return Ok((0..0, 0));
        }
        let place = || {
            let end = offset.checked_add(column.form.array_bytes(count)?).filter(|&end| end <= heap_bytes)?;
            Some((self.heap.start + offset..self.heap.start + end, usize::try_from(count).ok()?))
        };
        place().ok_or_else(|| {
            format!("{name} points to {count} elements at {offset}, outside the heap of {heap_bytes} bytes")
        })
    }

    /// The number that `column` of a row holds.
    pub(crate) fn number(&self, row: &[u8], column: &Column) -> Result<f64, String> {
        let field = &row[column.offset..];
        let exact = |n: usize| &field[..n];
        Ok(match (column.form.code, column.form.repeat) {
            (b'B', 1) => f64::from(field[0]),
            (b'I', 1) => f64::from(i16::from_be_bytes(exact(2).try_into().expect("two bytes"))),
            (b'J', 1) => f64::from(i32::from_be_bytes(exact(4).try_into().expect("four bytes"))),
            (b'K', 1) => i64::from_be_bytes(exact(8).try_into().expect("eight bytes")) as f64,
            (b'E', 1) => f64::from(f32::from_be_bytes(exact(4).try_into().expect("four bytes"))),
            (b'D', 1) => f64::from_be_bytes(exact(8).try_into().expect("eight bytes")),
            _ => return Err(format!("column {} does not hold one number per row", column.name)),
        })
    }
}

impl Column {
    /// Type letter of the elements in the heap.
    pub(crate) fn element(&self) -> u8 {
        self.form.element
    }

    /// Whether it holds one descriptor per row.
    pub(crate) fn is_array(&self) -> bool {
        self.form.is_array()
    }
}

/// The form that a card names.
pub(crate) fn form(header: &Header, keyword: &str) -> Result<Form> {
    let hdu = header.hdu();
    let form = header.text(keyword).ok_or_else(|| Error::header(hdu, keyword, "is missing"))?;
    Form::parse(&form).ok_or_else(|| {
        let problem = format!("is '{form}', expected a count and a type such as 1PB(99)");
        Error::header(hdu, keyword, problem)
    })
}

/// TFIELDS, the number of columns.
pub(crate) fn fields(header: &Header) -> Result<usize> {
    let fields = header.required_integer("TFIELDS")?;
    usize::try_from(fields)
        .ok()
        .filter(|&fields| fields <= 999)
        .ok_or_else(|| Error::header(header.hdu(), "TFIELDS", format!("is {fields}, expected 0 to 999")))
}

fn columns(header: &Header) -> Result<Vec<Column>> {
    let mut offset = 0usize;
    (1..=fields(header)?)
        .map(|n| {
            let keyword = format!("TFORM{n}");
            let form = form(header, &keyword)?;
            let name = header.text(&format!("TTYPE{n}")).unwrap_or_default();
            let column = Column { name, offset, form };
            offset = usize::try_from(form.row_bytes())
                .ok()
                .and_then(|bytes| offset.checked_add(bytes))
                .ok_or_else(|| Error::header(header.hdu(), &keyword, "is wider than can be"))?;
            Ok(column)
        })
        .collect()
}
