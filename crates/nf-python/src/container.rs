//! Containers opened for reading, from a file or from memory.

use crate::codecs::{limits, registry};
use crate::error::{Failure, Kind, Result};
use crate::source::{PositionedFile, ReadSeek};
use crate::threads;
use crate::values::{Original, Values};
use nf_codec::Codec;
use nf_codec::container::{Reader, TileBox, VERSION};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// First and last (excluded) plane, row and column.
pub(crate) type Region = ((usize, usize), (usize, usize), (usize, usize));

/// A container opened for reading.
#[pyclass(frozen, module = "noisefloor._core")]
pub(crate) struct Container {
    reader: Mutex<Reader<Box<dyn ReadSeek>>>,
    /// Made when the first pixels are asked for, so that a container can be described by a build
    /// that lacks its codec.
    codec: Mutex<Option<Box<dyn Codec>>>,
    name: String,
    originals: Vec<Original>,
}

impl Container {
    fn new(source: Box<dyn ReadSeek>, name: String, max_memory_bytes: Option<u64>) -> Result<Self> {
        let reader = Reader::open(source, limits(max_memory_bytes))
            .map_err(|error| Failure::from(error).of_file(&name))?;
        let originals = (0..reader.header().images.len()).map(|i| Original::of(reader.header(), i)).collect();
        Ok(Self { reader: Mutex::new(reader), codec: Mutex::new(None), name, originals })
    }

    fn original(&self, image: usize) -> Result<&Original> {
        self.originals.get(image).ok_or_else(|| {
            let message = format!("there is no image {image}, the container holds {}", self.originals.len());
            Failure::new(Kind::Request, message).of_file(&self.name)
        })
    }

    /// The values of a region, or of the whole image with its digest checked.
    fn values(&self, image: usize, region: Option<TileBox>) -> Result<Values> {
        let original = self.original(image)?;
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut codec = self.codec.lock().unwrap_or_else(PoisonError::into_inner);
        let codec = match &mut *codec {
            Some(codec) => codec,
            none => none.insert(reader.codec(&registry())?),
        };
        let image = match region {
            None => reader.decode(image, &**codec),
            Some(region) => reader.decode_region(image, &region, &**codec),
        };
        Ok(Values::of(image?, original.value_type))
    }
}

#[pymethods]
impl Container {
    /// Opens the container in a file; tiles are read when they are asked for.
    #[staticmethod]
    #[pyo3(signature = (path, max_memory_bytes))]
    fn open(py: Python<'_>, path: PathBuf, max_memory_bytes: Option<u64>) -> PyResult<Self> {
        let name = path.display().to_string();
        Ok(py.detach(|| {
            let file = PositionedFile::open(&path).map_err(|error| Failure::Io(name.clone(), error))?;
            Self::new(Box::new(file), name, max_memory_bytes)
        })?)
    }

    /// Opens the container that these bytes are.
    #[staticmethod]
    #[pyo3(signature = (data, max_memory_bytes))]
    fn of_bytes(data: Bound<'_, PyBytes>, max_memory_bytes: Option<u64>) -> PyResult<Self> {
        let source = Cursor::new(pyo3::pybacked::PyBackedBytes::from(data));
        Ok(Self::new(Box::new(source), String::new(), max_memory_bytes)?)
    }

    /// The image as it lay in memory, whole: of one in Fortran order, the transposed one. Its
    /// digest is checked.
    #[pyo3(signature = (image, threads))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        image: usize,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let original = self.original(image)?;
        let values = threads::run(py, threads, || self.values(image, None));
        values.map_err(|failure| failure.of_file(&self.name))?.into_array(py, &original.axes)
    }

    /// The pixels of a region as an array of planes, rows and columns; only the tiles that it
    /// touches are read. The region counts as [`Container::read`] does.
    #[pyo3(signature = (image, region, threads))]
    fn read_region<'py>(
        &self,
        py: Python<'py>,
        image: usize,
        region: Region,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (planes, rows, columns) = region;
        let region =
            TileBox { planes: planes.0..planes.1, rows: rows.0..rows.1, columns: columns.0..columns.1 };
        let wanted = region.shape();
        let values = threads::run(py, threads, || self.values(image, Some(region)));
        let axes = [wanted.planes, wanted.height, wanted.width];
        values.map_err(|failure| failure.of_file(&self.name))?.into_array(py, &axes)
    }

    /// Of a container that was cut after a stage, what samples may be off by.
    #[getter]
    fn bound_dn(&self) -> Option<u32> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.header().cut.as_ref().map(|cut| cut.bound_dn)
    }

    /// What the container says of itself.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let header = reader.header();
        let images = PyList::empty(py);
        for (i, (image, original)) in header.images.iter().zip(&self.originals).enumerate() {
            let tiles = reader.tiles(i);
            let facts = PyDict::new(py);
            let mut axes = original.axes.clone();
            if original.fortran {
                axes.reverse();
            }
            facts.set_item("shape", PyTuple::new(py, axes)?)?;
            facts.set_item("dtype", original.value_type.name())?;
            facts.set_item("descr", original.descr.as_deref())?;
            facts.set_item("fortran", original.fortran)?;
            facts.set_item("stack", (image.shape.planes, image.shape.height, image.shape.width))?;
            facts.set_item("axis", image.axis.name())?;
            facts.set_item("tile", (image.tile.planes, image.tile.height, image.tile.width))?;
            facts.set_item("tiles", tiles.len())?;
            facts.set_item("coded_bytes", tiles.iter().map(|tile| tile.length_bytes).sum::<u64>())?;
            facts.set_item("digest", reader.digest(i).to_string())?;
            images.append(facts)?;
        }
        let facts = PyDict::new(py);
        facts.set_item("kind", "container")?;
        facts.set_item("lossless", header.cut.is_none())?;
        facts.set_item("bound_dn", header.cut.as_ref().map(|cut| cut.bound_dn))?;
        facts.set_item("version", VERSION)?;
        facts.set_item("creator", &header.creator)?;
        facts.set_item("codec", header.codec.to_string())?;
        facts.set_item("reproducibility", header.reproducibility.name())?;
        facts.set_item("model", header.model.as_ref().map(|model| model.digest.to_string()))?;
        facts.set_item("embedded_profile_bytes", header.profile.as_ref().map(|profile| profile.len()))?;
        facts.set_item("bytes", reader.container_bytes())?;
        facts.set_item("images", images)?;
        Ok(facts)
    }
}
