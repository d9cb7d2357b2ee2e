//! FITS files opened for reading: plain, gzipped, tile-compressed, FLOOR_1.

use crate::codecs::tools;
use crate::error::{Failure, Kind, Result};
use crate::threads;
use crate::values::shaped;
use nf_fits::describe::Content;
use nf_fits::{FitsFile, Header, Pixels, Section, Value};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use std::path::PathBuf;

/// A FITS file opened for reading.
#[pyclass(frozen, module = "noisefloor._core")]
pub(crate) struct Fits {
    file: FitsFile,
    name: String,
}

#[pymethods]
impl Fits {
    /// Opens a file; only headers are read.
    #[staticmethod]
    #[pyo3(signature = (path, max_memory_bytes))]
    fn open(py: Python<'_>, path: PathBuf, max_memory_bytes: Option<u64>) -> PyResult<Self> {
        let name = path.display().to_string();
        let file = threads::run(py, None, || {
            FitsFile::open_with(&path, tools(max_memory_bytes).fits_limits())
                .map_err(|error| Failure::from(error).of_file(&name))
        })?;
        Ok(Self { file: with_tiles(file, max_memory_bytes), name })
    }

    /// Takes the bytes of a file.
    #[staticmethod]
    #[pyo3(signature = (data, max_memory_bytes))]
    fn of_bytes(py: Python<'_>, data: &Bound<'_, PyBytes>, max_memory_bytes: Option<u64>) -> PyResult<Self> {
        let bytes = data.as_bytes().to_vec();
        let file = threads::run(py, None, || {
            Ok(FitsFile::from_bytes_with(bytes, tools(max_memory_bytes).fits_limits())?)
        })?;
        Ok(Self { file: with_tiles(file, max_memory_bytes), name: String::new() })
    }

    /// Every HDU, told from its header.
    fn hdus<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for hdu in self.file.hdus() {
            let described = hdu.describe();
            let facts = PyDict::new(py);
            facts.set_item("index", described.index)?;
            facts.set_item("name", described.name)?;
            facts.set_item("version", described.version)?;
            facts.set_item("content", described.content.to_string())?;
            facts.set_item("remarks", described.remarks)?;
            if let Content::Image(image) = &described.content {
                facts.set_item("shape", PyTuple::new(py, image.axes.iter().rev())?)?;
                facts.set_item("stored", image.sample.name())?;
                facts.set_item("scale", image.scale)?;
                facts.set_item("zero", image.zero)?;
                facts.set_item("blank", image.blank)?;
                let compression = image.compression.as_ref().map(|how| how.algorithm.to_string());
                facts.set_item("compression", compression)?;
            }
            list.append(facts)?;
        }
        Ok(list)
    }

    /// The cards of a header, that of the image before compression: keyword, value, comment.
    fn cards<'py>(&self, py: Python<'py>, hdu: usize) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let cards = |header: &Header| -> PyResult<()> {
            for card in header.cards() {
                let keyword = String::from_utf8_lossy(card.keyword()).into_owned();
                let value = match card.value() {
                    Some(Value::Text(_)) => {
                        header_text(header, &keyword, card.value()).into_pyobject(py)?.into_any()
                    }
                    Some(Value::Integer(value)) => value.into_pyobject(py)?.into_any(),
                    Some(Value::Real(value)) => value.into_pyobject(py)?.into_any(),
                    Some(Value::Logical(value)) => value.into_pyobject(py)?.to_owned().into_any(),
                    _ => py.None().into_bound(py),
                };
                let comment = match card.value() {
                    Some(_) => card.comment(),
                    None => String::from_utf8_lossy(&card.bytes()[8..]).trim_end().to_owned(),
                };
                list.append((keyword, value, comment))?;
            }
            Ok(())
        };
        match self.file.image(hdu) {
            Ok(image) => cards(&image.image_header())?,
            Err(_) => cards(self.hdu(hdu)?.header())?,
        }
        Ok(list)
    }

    /// Pixels of an image as they are stored, before BSCALE and BZERO; `ranges` in the order of
    /// NumPy's axes. Only the tiles that they touch are read.
    #[pyo3(signature = (hdu, ranges, threads))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        hdu: usize,
        ranges: Vec<(usize, usize)>,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let axes: Vec<usize> = ranges.iter().map(|(start, end)| end.saturating_sub(*start)).collect();
        let section = Section(ranges.iter().rev().map(|&(start, end)| start..end).collect());
        let pixels = threads::run(py, threads, || {
            let read = || self.file.image(hdu)?.read_section(&section);
            read().map_err(|error| Failure::from(error).of_file(&self.name))
        })?;
        match pixels {
            Pixels::U8(values) => shaped(py, values, &axes),
            Pixels::I16(values) => shaped(py, values, &axes),
            Pixels::I32(values) => shaped(py, values, &axes),
            Pixels::I64(values) => shaped(py, values, &axes),
            Pixels::F32(values) => shaped(py, values, &axes),
            Pixels::F64(values) => shaped(py, values, &axes),
        }
    }
}

impl Fits {
    fn hdu(&self, index: usize) -> Result<&nf_fits::Hdu> {
        self.file.hdus().get(index).ok_or_else(|| {
            let count = self.file.hdus().len();
            Failure::new(Kind::Request, format!("there is no HDU {index}, the file has {count}"))
                .of_file(&self.name)
        })
    }
}

fn with_tiles(file: FitsFile, max_memory_bytes: Option<u64>) -> FitsFile {
    file.with_codec(tools(max_memory_bytes).tiles())
}

/// A text with the cards that continue it.
fn header_text(header: &Header, keyword: &str, value: Option<Value>) -> String {
    match value {
        Some(Value::Text(text)) if !text.ends_with('&') => text,
        _ => header.text(keyword).unwrap_or_default(),
    }
}
