//! The bytes of the table inside a compressed one, in order: rows, then what is behind them.

use super::algorithm::{ColumnAlgorithm, Values};
use super::arrays::{Array, WIDE_BYTES, in_order, split};
use super::tiling::TableTiling;
use crate::source::Source;
use crate::tiled::gzip::Inflater;
use crate::{Error, Limits, Result};
use rayon::prelude::*;

/// Bytes behind the rows that are handed out at once.
const PIECE_BYTES: usize = 1 << 20;

/// Reads the table inside a compressed one; shared by threads.
#[derive(Clone, Copy)]
pub(crate) struct TableReader<'a> {
    pub(crate) tiling: &'a TableTiling,
    pub(crate) source: &'a Source,
    /// Where in the file the compressed table begins.
    pub(crate) data: u64,
    pub(crate) limits: &'a Limits,
}

/// The bytes of the table inside, piece by piece.
pub(crate) struct Pieces<'a> {
    reader: TableReader<'a>,
    tile: usize,
    /// Arrays that were met in the tiles; in the order of their places once all tiles are done.
    arrays: Vec<Array>,
    next_array: usize,
    /// Bytes behind the rows that were handed out.
    behind: u64,
    inflater: Inflater,
}

impl<'a> TableReader<'a> {
    pub(crate) fn pieces(self) -> Pieces<'a> {
        Pieces {
            reader: self,
            tile: 0,
            arrays: Vec::new(),
            next_array: 0,
            behind: 0,
            inflater: Inflater::default(),
        }
    }

    /// Bytes of the compressed table, by their place in its data.
    fn stored<'b>(&'b self, place: &std::ops::Range<u64>, scratch: &'b mut Vec<u8>) -> Result<&'b [u8]> {
        let len = (place.end - place.start) as usize;
        self.source.bytes(self.data + place.start, len, scratch)
    }

    /// The rows of a tile, one column behind the other, and the arrays that they name.
    fn columns(&self, tile: usize, rows: usize) -> Result<(Vec<Vec<u8>>, Vec<Array>)> {
        let layout = &self.tiling.layout;
        let mut scratch = Vec::new();
        let row = self.tiling.table.row(self.source, self.data, tile, &mut scratch)?;
        let columns = layout.columns.par_iter().enumerate().map_init(
            || (Inflater::default(), Vec::new()),
            |(inflater, scratch), (n, column)| {
                if column.bytes() == 0 {
                    return Ok((Vec::new(), Vec::new()));
                }
                let wrong = |problem: String| self.tiling.tile_error(tile, n, problem);
                let (place, _) =
                    self.tiling.table.array(row, &self.tiling.table.columns()[n]).map_err(wrong)?;
                let bytes = self.stored(&place, scratch)?;
                if !column.form.is_array() {
                    let kind = Values::of_rows(column.form);
                    let decoded = column.algorithm.decode(kind, bytes, rows * column.bytes(), inflater);
                    return Ok((decoded.map_err(wrong)?, Vec::new()));
                }
                // The descriptors are one stream of GZIP_1, however the arrays are compressed.
                let kind = Values::of_rows(column.form);
                let len = rows * (column.bytes() + WIDE_BYTES);
                let lists = ColumnAlgorithm::Gzip1.decode(kind, bytes, len, inflater).map_err(wrong)?;
                let mut arrays = Vec::new();
                let own = split(self.tiling, tile, n, &lists, rows, &mut arrays)?;
                Ok((own.to_vec(), arrays))
            },
        );
        let (plain, arrays): (Vec<_>, Vec<_>) = nf_image::in_order(columns)?.into_iter().unzip();
        Ok((plain, arrays.into_iter().flatten().collect()))
    }

    /// Refuses tables that take more than the caller allows: a tile is held in memory, and what no
    /// array reaches costs a hostile file nothing.
    fn check_limits(&self) -> Result<()> {
        let layout = &self.tiling.layout;
        let tile_bytes = layout.row_bytes as u64 * layout.tile_rows.min(layout.rows) as u64;
        for (what, needed) in
            [("bytes of a tile", tile_bytes), ("bytes behind its rows", layout.behind_bytes)]
        {
            let limit = self.limits.max_inflated_bytes;
            if needed > limit {
                let what = format!("HDU {}, a compressed table: {what}", self.tiling.hdu);
                return Err(Error::Limit { what, needed, limit });
            }
        }
        Ok(())
    }
}

impl Pieces<'_> {
    /// Puts the next bytes into `out`; false if there are no more.
    ///
    /// # Errors
    /// If a tile is damaged.
    pub(crate) fn next(&mut self, out: &mut Vec<u8>) -> Result<bool> {
        out.clear();
        let layout = &self.reader.tiling.layout;
        if self.tile < layout.tiles() {
            if self.tile == 0 {
                self.reader.check_limits()?;
            }
            self.rows(out)?;
            self.tile += 1;
            if self.tile == layout.tiles() {
                in_order(self.reader.tiling, &mut self.arrays)?;
            }
            return Ok(true);
        }
        if self.behind == layout.behind_bytes {
            return Ok(false);
        }
        if layout.rows == 0 {
            self.reader.check_limits()?;
        }
        while out.len() < PIECE_BYTES && self.behind < layout.behind_bytes {
            let array = self.arrays.get(self.next_array);
            let until = array.map_or(layout.behind_bytes, |array| array.place.start);
            let zeros = (until - self.behind).min((PIECE_BYTES - out.len()) as u64);
            out.resize(out.len() + zeros as usize, 0);
            self.behind += zeros;
            if let Some(array) = array.filter(|array| array.place.start == self.behind) {
                out.extend(self.array(&array.clone())?);
                self.next_array += 1;
            }
        }
        Ok(true)
    }

    /// The rows of the next tile.
    fn rows(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let layout = &self.reader.tiling.layout;
        let rows = layout.tile_rows.min(layout.rows - self.tile * layout.tile_rows);
        let (columns, arrays) = self.reader.columns(self.tile, rows)?;
        self.arrays.extend(arrays);
        out.resize(rows * layout.row_bytes, 0);
        for (column, bytes) in layout.columns.iter().zip(&columns).filter(|(column, _)| column.bytes() > 0) {
            let fields = out[column.offset..].chunks_mut(layout.row_bytes);
            for (field, value) in fields.zip(bytes.chunks_exact(column.bytes())) {
                field[..value.len()].copy_from_slice(value);
            }
        }
        Ok(())
    }

    fn array(&mut self, array: &Array) -> Result<Vec<u8>> {
        let len = (array.place.end - array.place.start) as usize;
        let mut scratch = Vec::new();
        let bytes = self.reader.stored(&array.stored, &mut scratch)?;
        self.behind += len as u64;
        if bytes.len() == len {
            return Ok(bytes.to_vec());
        }
        let column = &self.reader.tiling.layout.columns[array.column()];
        column
            .algorithm
            .decode(Values::of_arrays(column.form), bytes, len, &mut self.inflater)
            .map_err(|problem| self.reader.tiling.tile_error(array.tile(), array.column(), problem))
    }
}
