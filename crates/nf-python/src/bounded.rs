//! Arrays within a proved bound, or exactly by a codec of arrays: bounded containers written, and
//! opened for reading.

use crate::codecs::{build, limits, registry};
use crate::error::{Failure, Kind, Result};
use crate::source::{PositionedFile, ReadSeek};
use crate::threads;
use crate::values::shaped;
use nf_bounded::container::{Head, Reader, write};
use nf_bounded::layout::{ByteOrder, Layout, Segment};
use nf_bounded::{
    Array, ArrayRecord, ArrayRegistry, Noise, NoiseModel, NoiseSource, QuantiseOptions, Samples, Tolerance,
    Unit, encode_within, measure, quantise,
};
use nf_codec::{Codec, Limits, Spec};
use nf_fits::npy;
use nf_image::{Shape, TileBox};
use numpy::{Element, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// A borrowed array of a type that a bound can be for.
#[derive(FromPyObject)]
pub(crate) enum Numbers<'py> {
    U8(PyReadonlyArrayDyn<'py, u8>),
    I16(PyReadonlyArrayDyn<'py, i16>),
    U16(PyReadonlyArrayDyn<'py, u16>),
    I32(PyReadonlyArrayDyn<'py, i32>),
    F32(PyReadonlyArrayDyn<'py, f32>),
    F64(PyReadonlyArrayDyn<'py, f64>),
}

impl Numbers<'_> {
    /// The array and NumPy's name of its type, in little-endian order.
    fn array(&self) -> Result<(Array, &'static str)> {
        fn array<T: Element + Copy>(view: &PyReadonlyArrayDyn<'_, T>) -> Result<Array>
        where
            Samples: From<Vec<T>>,
        {
            let view = view.as_array();
            // In memory order where that is the order of the samples, which is much faster.
            let values = match view.as_slice() {
                Some(values) => values.to_vec(),
                None => view.iter().copied().collect(),
            };
            Ok(Array::new(view.shape().to_vec(), values)?)
        }
        Ok(match self {
            Self::U8(view) => (array(view)?, "|u1"),
            Self::I16(view) => (array(view)?, "<i2"),
            Self::U16(view) => (array(view)?, "<u2"),
            Self::I32(view) => (array(view)?, "<i4"),
            Self::F32(view) => (array(view)?, "<f4"),
            Self::F64(view) => (array(view)?, "<f8"),
        })
    }
}

/// Codecs that code arrays themselves, and not indices.
fn array_registry() -> ArrayRegistry {
    let entries = nf_classic::array_entries().into_iter();
    #[cfg(feature = "net")]
    let entries = entries.chain([nf_models::array_entry(std::sync::Arc::new(nf_floor::Floor::default()))]);
    ArrayRegistry::new(entries)
}

/// Refuses an array whose codec this build lacks, and names the program, which has all of them.
fn check_has_codec(spec: Option<&Spec>) -> Result<()> {
    match spec {
        Some(spec) if array_registry().of_spec(spec).is_none() => {
            let message = format!(
                "its array is coded by '{}', which this build of the package lacks; \
                 the program decodes it: noisefloor decompress FILE -o ARRAY.npy",
                spec.name()
            );
            Err(Failure::new(Kind::Unsupported, message))
        }
        _ => Ok(()),
    }
}

/// Whether a spec names a codec of arrays, which needs no bound if it loses nothing.
#[pyfunction]
pub(crate) fn codes_arrays(codec: &str) -> PyResult<bool> {
    let spec: Spec = codec.parse().map_err(Failure::from)?;
    Ok(array_registry().of_spec(&spec).is_some())
}

/// The bounded container of an array, or without a bound a lossless container of arrays; `noise` is
/// offset, gain and read noise, or is measured.
#[pyfunction]
#[pyo3(signature = (array, bound, noise, dither, codec, tile, threads))]
#[expect(clippy::too_many_arguments, reason = "Python code fills them in by name")]
pub(crate) fn encode_bounded<'py>(
    py: Python<'py>,
    array: Numbers<'py>,
    bound: Option<&str>,
    noise: Option<(f64, f64, f64)>,
    dither: Option<bool>,
    codec: &str,
    tile: Option<(usize, usize, usize)>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (array, descr) = array.array()?;
    let tile = tile.map(|(planes, height, width)| Shape::new(planes, height, width));
    let bytes = threads::run(py, threads, || encode(&array, descr, bound, noise, dither, codec, tile))?;
    Ok(PyBytes::new(py, &bytes))
}

fn encode(
    array: &Array,
    descr: &str,
    bound: Option<&str>,
    noise: Option<(f64, f64, f64)>,
    dither: Option<bool>,
    codec: &str,
    tile: Option<Shape>,
) -> Result<Vec<u8>> {
    let bound = match bound {
        None => nf_bounded::Bound::EXACT,
        Some(bound) => bound.parse().map_err(Failure::from)?,
    };
    let spec: Spec = codec.parse().map_err(Failure::from)?;
    let array_codec = array_registry().of_spec(&spec);
    // Beside the streams of a codec of arrays there are no indices; their container has a codec all
    // the same.
    let codec = if array_codec.is_some() { nf_floor::ENTRY.name } else { codec };
    let (encoder, decoder) = (build(codec)?, build(codec)?);
    let noise = match (bound.unit(), noise) {
        (Unit::Sigma, Some((offset, gain, read))) => {
            let model = NoiseModel::from_gain(offset, gain, read)?;
            Some(Noise { model, source: NoiseSource::Given })
        }
        (Unit::Sigma, None) => Some(measure(array).map_err(|error| {
            let message = format!("{error}; noise={{'offset': DN, 'gain': E_PER_DN, 'read': DN}} says it");
            Failure::new(Kind::Unsupported, message)
        })?),
        (_, None) => None,
        (_, Some(_)) => {
            let message = format!("noise is of use for a bound in sigmas only, and this one is {bound}");
            return Err(Failure::new(Kind::Request, message));
        }
    };
    let options = QuantiseOptions { noise, tile, ..QuantiseOptions::default() };
    let dither = dither.unwrap_or(bound.is_dithered() && array_codec.is_none());
    let options = options.with_dither(array, dither);
    let quantised = match &array_codec {
        Some(spec) => encode_within(array, &bound, &options, &array_registry(), spec)?,
        None => quantise(array, &bound, &options)?,
    };
    let layout = Layout {
        segments: vec![
            Segment::Verbatim(npy::header(descr, array.axes(), false)),
            Segment::Samples { array: 0, order: ByteOrder::Little },
        ],
    };
    let head = Head { layout: Some(layout), creator: nf_archive::PROGRAM.to_owned() };
    let mut bytes = Vec::new();
    let limits = Limits { max_pixels: u64::MAX, max_memory_bytes: u64::MAX };
    write(&mut bytes, &head, &[quantised], tile, &*encoder, None, limits)?;
    // The proof: decoded from the bytes by a decoder of its own, every sample against its bound.
    let mut reader = Reader::open(Cursor::new(&bytes[..]), limits)?.with_array_codecs(array_registry());
    reader.prove(0, array, &*decoder)?;
    Ok(bytes)
}

/// A bounded container opened for reading.
#[pyclass(frozen, module = "noisefloor._core")]
pub(crate) struct Bounded {
    reader: Mutex<Reader<Box<dyn ReadSeek>>>,
    codec: Mutex<Option<Box<dyn Codec>>>,
    name: String,
}

impl Bounded {
    fn new(source: Box<dyn ReadSeek>, name: String, max_memory_bytes: Option<u64>) -> Result<Self> {
        let reader = Reader::open(source, limits(max_memory_bytes))
            .map_err(|error| Failure::from(error).of_file(&name))?
            .with_array_codecs(array_registry());
        Ok(Self { reader: Mutex::new(reader), codec: Mutex::new(None), name })
    }

    /// Axes and samples of an array, whose digest is checked, or samples of a region.
    fn samples(&self, array: usize, region: Option<&TileBox>) -> Result<(Vec<usize>, Samples)> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let count = reader.arrays().len();
        let Some(record) = reader.arrays().get(array) else {
            let message = format!("there is no image {array}, the container holds {count}");
            return Err(Failure::new(Kind::Request, message));
        };
        check_has_codec(record.array_codec())?;
        let axes = record.axes.clone();
        let mut codec = self.codec.lock().unwrap_or_else(PoisonError::into_inner);
        let codec = match &mut *codec {
            Some(codec) => codec,
            none => none.insert(reader.codec(&registry())?),
        };
        let samples = match region {
            None => reader.decode(array, &**codec)?.into_samples(),
            Some(region) => reader.decode_region(array, region, &**codec)?,
        };
        Ok((axes, samples))
    }
}

#[pymethods]
impl Bounded {
    /// Opens the bounded container in a file; tiles are read when they are asked for.
    #[staticmethod]
    #[pyo3(signature = (path, max_memory_bytes))]
    fn open(py: Python<'_>, path: PathBuf, max_memory_bytes: Option<u64>) -> PyResult<Self> {
        let name = path.display().to_string();
        Ok(py.detach(|| {
            let file = PositionedFile::open(&path).map_err(|error| Failure::Io(name.clone(), error))?;
            Self::new(Box::new(file), name, max_memory_bytes)
        })?)
    }

    /// Opens the bounded container that these bytes are.
    #[staticmethod]
    #[pyo3(signature = (data, max_memory_bytes))]
    fn of_bytes(data: Bound<'_, PyBytes>, max_memory_bytes: Option<u64>) -> PyResult<Self> {
        let source = Cursor::new(pyo3::pybacked::PyBackedBytes::from(data));
        Ok(Self::new(Box::new(source), String::new(), max_memory_bytes)?)
    }

    /// An array whole; its digest is checked.
    #[pyo3(signature = (array, threads))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        array: usize,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let read = threads::run(py, threads, || self.samples(array, None));
        let (axes, samples) = read.map_err(|failure| failure.of_file(&self.name))?;
        into_array(py, samples, &axes)
    }

    /// The samples of a region as an array of planes, rows and columns; only the tiles that it
    /// touches are read.
    #[pyo3(signature = (array, region, threads))]
    fn read_region<'py>(
        &self,
        py: Python<'py>,
        array: usize,
        region: crate::container::Region,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (planes, rows, columns) = region;
        let region =
            TileBox { planes: planes.0..planes.1, rows: rows.0..rows.1, columns: columns.0..columns.1 };
        let wanted = region.shape();
        let read = threads::run(py, threads, || self.samples(array, Some(&region)));
        let (_, samples) = read.map_err(|failure| failure.of_file(&self.name))?;
        into_array(py, samples, &[wanted.planes, wanted.height, wanted.width])
    }

    /// What the container says of itself, in the words of `noisefloor info --json`.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let arrays = PyList::empty(py);
        let mut raw_bytes = 0;
        for (array, record) in reader.arrays().iter().enumerate() {
            raw_bytes += record.samples() * record.sample.bytes();
            let facts = record_facts(py, record)?;
            facts.set_item("coded_bytes", reader.coded_bytes(array))?;
            arrays.append(facts)?;
        }
        let facts = PyDict::new(py);
        let is_lossless = reader.is_lossless();
        facts.set_item("kind", if is_lossless { "container of arrays" } else { "bounded container" })?;
        facts.set_item("lossless", is_lossless)?;
        facts.set_item("version", reader.version())?;
        facts.set_item("creator", &reader.head().creator)?;
        facts.set_item("codec", reader.indices().header().codec.to_string())?;
        facts.set_item("bytes", reader.container_bytes())?;
        facts.set_item("raw_bytes", raw_bytes)?;
        facts.set_item("arrays", arrays)?;
        Ok(facts)
    }
}

/// What is known of an array: type, axes, bound, what was lost, digests.
fn record_facts<'py>(py: Python<'py>, record: &ArrayRecord) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("type", record.sample.name())?;
    facts.set_item("axes", &record.axes)?;
    facts.set_item("bound", record.bound.value())?;
    facts.set_item("unit", record.bound.unit().name())?;
    match record.tolerance {
        Tolerance::Absolute(error) => {
            facts.set_item("largest_error_allowed", error)?;
            facts.set_item("noise", py.None())?;
        }
        Tolerance::Sigma { noise, .. } => {
            let of = PyDict::new(py);
            of.set_item("offset_dn", noise.offset_dn())?;
            of.set_item("variance_per_dn", noise.slope_dn())?;
            of.set_item("read_noise_dn", noise.read_noise_dn())?;
            of.set_item("source", record.noise_source.map(NoiseSource::name))?;
            facts.set_item("largest_error_allowed", py.None())?;
            facts.set_item("noise", of)?;
        }
    }
    facts.set_item("dither", if record.dither.is_some() { "subtractive" } else { "none" })?;
    facts.set_item("dither_seed", record.dither.map(|dither| dither.seed))?;
    facts.set_item("largest_error", record.largest_error)?;
    facts.set_item("largest_error_sigma", record.largest_error_sigma)?;
    facts.set_item("samples", record.samples())?;
    facts.set_item("changed_samples", record.changed)?;
    facts.set_item("exact_samples", record.exact_samples())?;
    facts.set_item("array_codec", record.array_codec().map(ToString::to_string))?;
    facts.set_item("digest_of_original", record.original.to_string())?;
    facts.set_item("digest", record.decoded.to_string())?;
    Ok(facts)
}

fn into_array<'py>(py: Python<'py>, samples: Samples, axes: &[usize]) -> PyResult<Bound<'py, PyAny>> {
    match samples {
        Samples::U8(values) => shaped(py, values, axes),
        Samples::I16(values) => shaped(py, values, axes),
        Samples::U16(values) => shaped(py, values, axes),
        Samples::I32(values) => shaped(py, values, axes),
        Samples::F32(values) => shaped(py, values, axes),
        Samples::F64(values) => shaped(py, values, axes),
    }
}
