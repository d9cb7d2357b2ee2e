//! `OUT/manifest.parquet`: the last row of every source, for whoever asks questions of an archive.
//!
//! It is made anew from the receipts of all shards at the end of every run, so that it may be lost
//! without harm.

use crate::output::fill_file;
use crate::receipts::{self, Known};
use crate::row::Row;
use anyhow::{Context, Result};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Rows that are gathered in memory.
const GROUP_ROWS: usize = 100_000;

const SCHEMA: &str = "message archive {
    required binary source (UTF8);
    required binary output (UTF8);
    required binary method (UTF8);
    required binary spec (UTF8);
    required binary program (UTF8);
    required int64 source_bytes;
    required int64 source_mtime_ns;
    required binary source_blake3 (UTF8);
    required int64 output_bytes;
    required binary output_blake3 (UTF8);
    required binary restored_blake3 (UTF8);
    required int64 pixels;
    required int64 raw_bytes;
    required binary stacks (UTF8);
    required double seconds;
    required int64 finished_unix_ms;
    optional binary error (UTF8);
}";

/// Writes the manifest of all receipts.
///
/// # Errors
/// If receipts cannot be read, or the manifest cannot be written.
pub(crate) fn write(archive: &Path) -> Result<()> {
    let path = archive.join("manifest.parquet");
    let lock_path = receipts::folder(archive).join("manifest.lock");
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
    let lock = lock.with_context(|| lock_path.display().to_string())?;
    // Shards end in any order: whoever comes last has read the rows of all. Without locks, the next
    // run mends it.
    let _ = lock.lock();
    let known = Known::read(archive)?;
    fill_file(&path, true, |file| {
        write_rows(&known.rows(), &mut *file)?;
        file.sync_all()?;
        Ok(())
    })
}

fn write_rows(rows: &[&Row], out: &mut File) -> Result<(), ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(out, schema, properties)?;
    for rows in rows.chunks(GROUP_ROWS) {
        let mut group = writer.next_row_group()?;
        let text = |of: fn(&Row) -> String| -> Vec<ByteArray> {
            rows.iter().map(|row| ByteArray::from(of(row).into_bytes())).collect()
        };
        let number = |of: fn(&Row) -> u64| -> Vec<i64> {
            rows.iter().map(|row| i64::try_from(of(row)).unwrap_or(i64::MAX)).collect()
        };
        column::<ByteArrayType, _>(&mut group, &text(|row| row.source.clone()), None)?;
        column::<ByteArrayType, _>(&mut group, &text(|row| row.output.clone()), None)?;
        column::<ByteArrayType, _>(&mut group, &text(|row| row.method.name().to_owned()), None)?;
        column::<ByteArrayType, _>(&mut group, &text(|row| row.spec.clone()), None)?;
        column::<ByteArrayType, _>(&mut group, &text(|row| row.program.clone()), None)?;
        column::<Int64Type, _>(&mut group, &number(|row| row.source_bytes), None)?;
        let times: Vec<i64> = rows.iter().map(|row| row.source_mtime_ns).collect();
        column::<Int64Type, _>(&mut group, &times, None)?;
        column::<ByteArrayType, _>(&mut group, &text(|row| row.source_blake3.clone()), None)?;
        column::<Int64Type, _>(&mut group, &number(|row| row.output_bytes), None)?;
        column::<ByteArrayType, _>(&mut group, &text(|row| row.output_blake3.clone()), None)?;
        column::<ByteArrayType, _>(&mut group, &text(|row| row.restored_blake3.clone()), None)?;
        column::<Int64Type, _>(&mut group, &number(|row| row.pixels), None)?;
        column::<Int64Type, _>(&mut group, &number(|row| row.raw_bytes), None)?;
        column::<ByteArrayType, _>(&mut group, &text(|row| row.stacks.join(" ")), None)?;
        let seconds: Vec<f64> = rows.iter().map(|row| row.seconds).collect();
        column::<DoubleType, _>(&mut group, &seconds, None)?;
        column::<Int64Type, _>(&mut group, &number(|row| row.finished_unix_ms), None)?;
        let errors = rows.iter().filter_map(|row| row.error.clone());
        let errors: Vec<ByteArray> = errors.map(|error| ByteArray::from(error.into_bytes())).collect();
        let present: Vec<i16> = rows.iter().map(|row| i16::from(row.error.is_some())).collect();
        column::<ByteArrayType, _>(&mut group, &errors, Some(&present))?;
        group.close()?;
    }
    writer.close().map(drop)
}

fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    present: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has no further column".to_owned()))?;
    column.typed::<T>().write_batch(values, present, None)?;
    column.close()
}
