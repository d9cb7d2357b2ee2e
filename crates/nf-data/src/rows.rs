//! Datasets in Parquet form: one row, one image file or one stack of samples.
//!
//! The image column holds either the bytes of a FITS or NumPy file, or raw samples: bytes of
//! little-endian 16-bit samples, or a list of integers, with another column that states their shape
//! (rows and columns last). Rows are read one by one from their row group; what is in memory is one
//! page of each column, and one row.

use crate::guard::guarded;
use crate::reader::ImageFile;
use crate::{Error, FitsOptions, Result};
use nf_image::{Image16, Shape};
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::schema::types::ColumnDescriptor;
use serde::Deserialize;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Which columns of a Parquet file hold an image; what is not stated is found by its type.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct RowColumns {
    /// The image: `image`, or `image.bytes` inside a group. Without: the only column of bytes, or
    /// else of lists, that is neither text nor the shape.
    pub image: Option<String>,
    /// The shape of raw samples. Without: the column `shape`, if there is one.
    pub shape: Option<String>,
}

/// A Parquet file of images, open for reading.
pub(crate) struct RowFile {
    path: PathBuf,
    fits: FitsOptions,
    reader: SerializedFileReader<File>,
    image: usize,
    shape: Option<usize>,
    /// Rows before every row group, and after the last.
    starts: Vec<u64>,
    /// Where reading stands: rows are mostly asked for in order.
    cursor: Mutex<Option<Cursor>>,
}

struct Cursor {
    group: usize,
    /// The row of the group that comes next.
    next: u64,
    image: ColumnReader,
    shape: Option<ColumnReader>,
}

/// What a row holds in its image column.
enum Cell {
    Bytes(ByteArray),
    Integers(Vec<i64>),
}

impl std::fmt::Debug for RowFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowFile")
            .field("path", &self.path)
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}

impl RowFile {
    /// Opens a file: reads its footer, and no row.
    ///
    /// # Errors
    /// If it is no Parquet file, or has no such columns.
    pub(crate) fn open(path: &Path, columns: &RowColumns, fits: &FitsOptions) -> Result<Self> {
        let wrong = |reason: String| Error::Image { path: path.to_owned(), reason };
        let file = File::open(path).map_err(Error::io(path))?;
        let reader = guarded(|| {
            SerializedFileReader::new(file).map_err(|error| format!("is no whole Parquet file: {error}"))
        })
        .map_err(wrong)?;
        let (image, shape) = guarded(|| choose(&reader, columns)).map_err(wrong)?;
        let bytes = std::fs::metadata(path).map_err(Error::io(path))?.len();
        let starts = starts_of(reader.metadata(), bytes).map_err(wrong)?;
        let fits = fits.clone();
        Ok(Self { path: path.to_owned(), fits, reader, image, shape, starts, cursor: Mutex::default() })
    }

    /// Number of rows that the footer states.
    pub(crate) fn rows(&self) -> usize {
        self.starts.last().map_or(0, |&rows| rows as usize)
    }

    /// What a row holds.
    ///
    /// # Errors
    /// If the file ends early, or the row holds no image of 16-bit samples.
    pub(crate) fn read(&self, row: usize) -> Result<ImageFile> {
        let wrong =
            |reason: String| Error::Image { path: self.path.clone(), reason: format!("row {row}: {reason}") };
        if row >= self.rows() {
            return Err(wrong(format!("there are only {} rows", self.rows())));
        }
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        let (cell, shape) = guarded(|| self.cells(&mut cursor, row as u64)).map_err(|reason| {
            // After a failure the readers stand nowhere.
            *cursor = None;
            wrong(reason)
        })?;
        drop(cursor);
        match cell {
            Cell::Bytes(bytes) if shape.is_none() => {
                let name = PathBuf::from(format!("{}, row {row}", self.path.display()));
                ImageFile::of_bytes(&name, bytes.data().to_vec(), &self.fits)
            }
            Cell::Bytes(bytes) => {
                let shape = shape_of(shape.as_deref(), bytes.len() / 2).map_err(wrong)?;
                if bytes.len() % 2 != 0 {
                    return Err(wrong(format!(
                        "has {} bytes, no whole number of 16-bit samples",
                        bytes.len()
                    )));
                }
                let samples = bytes.data().chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
                plain(shape, samples.collect()).map_err(wrong)
            }
            Cell::Integers(values) => {
                let shape = shape_of(shape.as_deref(), values.len()).map_err(wrong)?;
                let samples: Result<Vec<u16>, _> = values.iter().map(|&value| u16::try_from(value)).collect();
                let samples = samples.map_err(|_| wrong("holds a sample outside 0 to 65535".into()))?;
                plain(shape, samples).map_err(wrong)
            }
        }
    }

    /// The values of both columns in a row.
    fn cells(&self, cursor: &mut Option<Cursor>, row: u64) -> Result<(Cell, Option<Vec<i64>>), String> {
        let group = self.starts.partition_point(|&start| start <= row) - 1;
        let wanted = row - self.starts[group];
        let behind = |at: &Cursor| at.group != group || at.next > wanted;
        if cursor.as_ref().is_none_or(behind) {
            let words = |error: parquet::errors::ParquetError| error.to_string();
            let columns = self.reader.get_row_group(group).map_err(words)?;
            let image = columns.get_column_reader(self.image).map_err(words)?;
            let shape =
                self.shape.map(|shape| columns.get_column_reader(shape)).transpose().map_err(words)?;
            *cursor = Some(Cursor { group, next: 0, image, shape });
        }
        let at = cursor.as_mut().expect("just made where it was not");
        let skip = (wanted - at.next) as usize;
        let image = take(&mut at.image, skip).map_err(|reason| format!("image: {reason}"))?;
        let shape = match &mut at.shape {
            None => None,
            Some(reader) => match take(reader, skip).map_err(|reason| format!("shape: {reason}"))? {
                Cell::Integers(values) => Some(values),
                Cell::Bytes(_) => return Err("shape: is bytes, expected a list of integers".into()),
            },
        };
        at.next = wanted + 1;
        Ok((image, shape))
    }
}

/// Rows that the footer of a Parquet file of `file_bytes` states.
pub(crate) fn rows_of_footer(footer: &[u8], file_bytes: u64) -> Result<usize, String> {
    let metadata = guarded(|| {
        ParquetMetaDataReader::decode_metadata(footer)
            .map_err(|error| format!("has no right footer: {error}"))
    })?;
    starts_of(&metadata, file_bytes).map(|starts| starts.last().map_or(0, |&rows| rows as usize))
}

/// Rows that the footer of a Parquet file on this disk states.
pub(crate) fn rows_of_file(path: &Path) -> Result<usize> {
    let wrong = |reason: String| Error::Image { path: path.to_owned(), reason };
    let file = File::open(path).map_err(Error::io(path))?;
    let bytes = file.metadata().map_err(Error::io(path))?.len();
    let metadata = guarded(|| {
        let read = ParquetMetaDataReader::new().parse_and_finish(&file);
        read.map_err(|error| format!("is no whole Parquet file: {error}"))
    });
    let starts = metadata.and_then(|metadata| starts_of(&metadata, bytes)).map_err(wrong)?;
    Ok(starts.last().map_or(0, |&rows| rows as usize))
}

/// Rows before every row group, and after the last. A row takes at least one bit of the file; a
/// footer that states more rows lies.
fn starts_of(metadata: &ParquetMetaData, file_bytes: u64) -> Result<Vec<u64>, String> {
    let mut starts = vec![0u64];
    let mut end = 0u64;
    for group in metadata.row_groups() {
        let rows = u64::try_from(group.num_rows()).ok();
        let sum =
            rows.and_then(|rows| end.checked_add(rows)).filter(|&sum| sum <= file_bytes.saturating_mul(8));
        end = sum.ok_or_else(|| format!("states {} rows in {file_bytes} bytes", group.num_rows()))?;
        starts.push(end);
    }
    Ok(starts)
}

fn plain(shape: Shape, samples: Vec<u16>) -> Result<ImageFile, String> {
    Image16::new(shape, samples).map(ImageFile::of_image).map_err(|error| error.to_string())
}

/// The shape that a row states: rows and columns last, all axes before them are planes. It must
/// hold `samples` samples.
fn shape_of(axes: Option<&[i64]>, samples: usize) -> Result<Shape, String> {
    let axes = axes.ok_or("holds samples, and there is no column that states their shape")?;
    let lie = || format!("states the shape {axes:?}, and holds {samples} samples");
    let axes: Vec<usize> =
        axes.iter().map(|&axis| usize::try_from(axis)).collect::<Result<_, _>>().map_err(|_| lie())?;
    let [more @ .., height, width] = &axes[..] else { return Err(lie()) };
    let planes = more.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis)).ok_or_else(lie)?;
    let shape = Shape::new(planes, *height, *width);
    if shape.checked_pixels() == Some(samples) { Ok(shape) } else { Err(lie()) }
}

/// Skips rows, then takes one.
fn take(reader: &mut ColumnReader, skip: usize) -> Result<Cell, String> {
    fn one<T: DataType>(reader: &mut ColumnReaderImpl<T>, skip: usize) -> Result<Vec<T::T>, String> {
        let words = |error: parquet::errors::ParquetError| error.to_string();
        let skipped = if skip == 0 { 0 } else { reader.skip_records(skip).map_err(words)? };
        let (mut values, mut definitions, mut repetitions) = (vec![], vec![], vec![]);
        let (rows, found, levels) = reader
            .read_records(1, Some(&mut definitions), Some(&mut repetitions), &mut values)
            .map_err(words)?;
        if skipped != skip || rows != 1 {
            return Err("the column ends before its last row".into());
        }
        if found != levels {
            return Err("is null or empty".into());
        }
        Ok(values)
    }
    Ok(match reader {
        ColumnReader::ByteArrayColumnReader(reader) => {
            let mut values = one(reader, skip)?;
            match (values.pop(), values.is_empty()) {
                (Some(bytes), true) => Cell::Bytes(bytes),
                _ => return Err("is a list of byte strings".into()),
            }
        }
        ColumnReader::Int32ColumnReader(reader) => {
            Cell::Integers(one(reader, skip)?.into_iter().map(i64::from).collect())
        }
        ColumnReader::Int64ColumnReader(reader) => Cell::Integers(one(reader, skip)?),
        _ => return Err("is neither bytes nor a list of integers".into()),
    })
}

/// A column's path without the levels that lists add.
fn path_of(column: &ColumnDescriptor) -> String {
    let parts = column.path().parts().iter();
    parts
        .filter(|part| !["list", "element", "item", "array"].contains(&part.as_str()))
        .cloned()
        .collect::<Vec<_>>()
        .join(".")
}

/// The numbers of the image column and of the shape column.
fn choose(
    reader: &SerializedFileReader<File>,
    columns: &RowColumns,
) -> Result<(usize, Option<usize>), String> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let all: Vec<(String, &ColumnDescriptor)> =
        schema.columns().iter().map(|column| (path_of(column), &**column)).collect();
    let there = || all.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>().join(", ");
    let named = |name: &str| {
        all.iter()
            .position(|(path, _)| path == name)
            .ok_or_else(|| format!("has no column {name}, there are: {}", there()))
    };
    let is_list = |column: &ColumnDescriptor| column.max_rep_level() > 0;
    let is_integer = |column: &ColumnDescriptor| {
        matches!(column.physical_type(), PhysicalType::INT32 | PhysicalType::INT64)
    };
    let is_bytes = |column: &ColumnDescriptor| {
        let text = matches!(column.logical_type_ref(), Some(LogicalType::String | LogicalType::Json));
        column.physical_type() == PhysicalType::BYTE_ARRAY && !is_list(column) && !text
    };
    let shape = match &columns.shape {
        Some(name) => Some(named(name)?),
        None => {
            all.iter().position(|(path, column)| path == "shape" && is_integer(column) && is_list(column))
        }
    };
    if let Some(number) = shape
        && !(is_integer(all[number].1) && is_list(all[number].1))
    {
        return Err(format!("column {} is no list of integers, as a shape must be", all[number].0));
    }
    let image = match &columns.image {
        Some(name) => {
            let number = named(name)?;
            let column = all[number].1;
            let samples = is_bytes(column) || is_list(column) && is_integer(column);
            if !samples {
                let found =
                    format!("{}{}", if is_list(column) { "lists of " } else { "" }, column.physical_type());
                return Err(format!("column {name} holds {found}, expected bytes or lists of integers"));
            }
            number
        }
        None => {
            let of = |fits: &dyn Fn(&ColumnDescriptor) -> bool| -> Vec<usize> {
                (0..all.len()).filter(|&i| Some(i) != shape && fits(all[i].1)).collect()
            };
            let bytes = of(&is_bytes);
            let found =
                if bytes.is_empty() { of(&|column| is_list(column) && is_integer(column)) } else { bytes };
            match found[..] {
                [only] => only,
                [] => {
                    return Err(format!("has no column of bytes or of lists of integers, only: {}", there()));
                }
                _ => {
                    return Err(format!(
                        "has several columns that may hold images, name one; there are: {}",
                        there()
                    ));
                }
            }
        }
    };
    Ok((image, shape))
}
