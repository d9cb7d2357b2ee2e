//! Writing a compressed table: its header, a row per tile, and the heap.

use super::original::OriginalHdu;
use super::table_plan::Looked;
use crate::checksum::{Sum, stamp};
use crate::file::FitsFile;
use crate::hdu::padded;
use crate::header::BLOCK_BYTES;
use crate::tables::restore::compressed_header;
use crate::tables::{ColumnAlgorithm, Layout, TableColumn, Values};
use crate::tiled::gzip::Deflater;
use crate::{Error, Result};
use rayon::prelude::*;
use std::collections::HashMap;
use std::io::{Seek, SeekFrom, Write};

/// Where bytes lie in the heap: their number and place.
type Descriptor = (u64, u64);

/// Writes the compressed form of a plain table, whose bytes follow from the layout alone, where
/// `out` stands.
pub(super) fn write<W: Write + Seek>(
    file: &FitsFile,
    hdu: &OriginalHdu<'_>,
    layout: &Layout,
    looked: &Looked,
    level: u32,
    out: &mut W,
) -> Result<()> {
    let io = || Error::writing();
    let header = |longest: &[u64], heap_bytes| {
        compressed_header(hdu.header(), layout, longest, heap_bytes)
            .ok_or_else(|| Error::request(hdu.hdu().index(), "its header could not be restored exactly"))
    };
    let mut longest = vec![0; layout.columns.len()];
    let header_len = header(&longest, 0)?.bytes().len() as u64;
    let start = out.stream_position().map_err(io())?;
    let rows_len = (layout.tiles() * layout.columns.len() * 16) as u64;
    // Header and rows are written last, when all is known; their room is left free.
    out.seek(SeekFrom::Start(start + header_len + rows_len)).map_err(io())?;
    let data = hdu.hdu().data_range().start;
    let mut coder = Coder {
        file,
        layout,
        level,
        heap_of_original: data + layout.rows as u64 * layout.row_bytes as u64 + layout.gap_bytes,
        heap: Heap { out: &mut *out, bytes: 0, sum: Sum::default() },
        known: looked.has_shared.then(|| vec![HashMap::new(); layout.columns.len()]),
    };
    let mut rows = Vec::new();
    let mut scratch = Vec::new();
    for tile in 0..layout.tiles() {
        let first = tile * layout.tile_rows;
        let count = layout.tile_rows.min(layout.rows - first);
        let at = data + first as u64 * layout.row_bytes as u64;
        let bytes = file.source().bytes(at, count * layout.row_bytes, &mut scratch)?;
        let columns: Vec<Vec<u8>> =
            layout.columns.par_iter().map(|column| cut(layout, column, bytes)).collect();
        for (n, descriptor) in coder.tile(&columns)?.into_iter().enumerate() {
            longest[n] = longest[n].max(descriptor.0);
            rows.extend(descriptor.0.to_be_bytes());
            rows.extend(descriptor.1.to_be_bytes());
        }
    }
    let Heap { bytes: heap_bytes, sum, .. } = coder.heap;
    let mut header = header(&longest, heap_bytes)?;
    if header.bytes().len() as u64 != header_len {
        return Err(Error::request(hdu.hdu().index(), "its header grew while it was packed"));
    }
    let mut datasum = sum;
    datasum.add(Sum::of(&rows));
    stamp(&mut header, datasum.value());
    let data_bytes = rows_len + heap_bytes;
    out.write_all(&[0; BLOCK_BYTES][..(padded(data_bytes) - data_bytes) as usize]).map_err(io())?;
    let end = out.stream_position().map_err(io())?;
    out.seek(SeekFrom::Start(start)).map_err(io())?;
    out.write_all(header.bytes()).map_err(io())?;
    out.write_all(&rows).map_err(io())?;
    out.seek(SeekFrom::Start(end)).map_err(io())?;
    Ok(())
}

/// The bytes of a column of some rows, one field behind the other.
fn cut(layout: &Layout, column: &TableColumn, rows: &[u8]) -> Vec<u8> {
    if column.bytes() == 0 {
        return Vec::new();
    }
    let fields = rows.chunks_exact(layout.row_bytes);
    fields.flat_map(|row| &row[column.offset..column.offset + column.bytes()]).copied().collect()
}

struct Coder<'a, W> {
    file: &'a FitsFile,
    layout: &'a Layout,
    level: u32,
    /// Where in the file the heap of the plain table begins.
    heap_of_original: u64,
    heap: Heap<'a, W>,
    /// Where rows share arrays: those of every column that were written, so that each is written
    /// once.
    known: Option<Vec<HashMap<Descriptor, Descriptor>>>,
}

impl<W: Write> Coder<'_, W> {
    /// Writes the columns of a tile; where each went.
    fn tile(&mut self, columns: &[Vec<u8>]) -> Result<Vec<Descriptor>> {
        let (layout, level) = (self.layout, self.level);
        let coded: Vec<Vec<u8>> = layout
            .columns
            .par_iter()
            .zip(columns)
            .map_init(Deflater::default, |deflater, (column, bytes)| {
                // Columns of arrays come after their arrays.
                let plain = column.bytes() > 0 && !column.form.is_array();
                let kind = Values::of_rows(column.form);
                if plain { column.algorithm.encode(kind, bytes, level, deflater) } else { Vec::new() }
            })
            .collect();
        let mut places = Vec::new();
        for (n, (column, coded)) in layout.columns.iter().zip(coded).enumerate() {
            let coded = match column.form.is_array() {
                false => coded,
                true => {
                    let lists = [&columns[n][..], &self.arrays(n, &columns[n])?].concat();
                    let kind = Values::of_rows(column.form);
                    ColumnAlgorithm::Gzip1.encode(kind, &lists, level, &mut Deflater::default())
                }
            };
            places.push(self.heap.put(&coded)?);
        }
        Ok(places)
    }

    /// Writes the arrays that the descriptors of a column name; the descriptors of what was
    /// written.
    fn arrays(&mut self, n: usize, descriptors: &[u8]) -> Result<Vec<u8>> {
        let column = &self.layout.columns[n];
        let mut written = Vec::new();
        let (mut deflater, mut scratch) = (Deflater::default(), Vec::new());
        for field in descriptors.chunks_exact(column.bytes()) {
            // The layout was found to hold no others.
            let original = column.form.descriptor(field).unwrap_or_default();
            let place = match self.known.as_ref().and_then(|known| known[n].get(&original)) {
                _ if original.0 == 0 => (0, 0),
                Some(place) => *place,
                None => {
                    let len = column.form.array_bytes(original.0).unwrap_or(0) as usize;
                    let at = self.heap_of_original + original.1;
                    let plain = self.file.source().bytes(at, len, &mut scratch)?;
                    let kind = Values::of_arrays(column.form);
                    let coded = column.algorithm.encode(kind, plain, self.level, &mut deflater);
                    // Readers take an array of as many bytes as the original for the original.
                    let place = self.heap.put(if coded.len() < len { &coded } else { plain })?;
                    if let Some(known) = &mut self.known {
                        known[n].insert(original, place);
                    }
                    place
                }
            };
            written.extend(place.0.to_be_bytes());
            written.extend(place.1.to_be_bytes());
        }
        Ok(written)
    }
}

struct Heap<'a, W> {
    out: &'a mut W,
    bytes: u64,
    sum: Sum,
}

impl<W: Write> Heap<'_, W> {
    fn put(&mut self, bytes: &[u8]) -> Result<Descriptor> {
        let place = (bytes.len() as u64, self.bytes);
        self.bytes += bytes.len() as u64;
        self.sum.update(bytes);
        self.out.write_all(bytes).map_err(Error::writing())?;
        Ok(if bytes.is_empty() { (0, 0) } else { place })
    }
}
