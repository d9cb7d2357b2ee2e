//! Bare streams, without a container: what a tile of a FITS file with FLOOR_1 holds.

use crate::array::{ArraySource, words};
use crate::codecs::{build, limits};
use crate::error::{Failure, Kind};
use crate::threads;
use crate::values::shaped;
use nf_image::Shape;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The stream of an array of words of NumPy's type `descr`, decoded again and compared.
#[pyfunction]
#[pyo3(signature = (array, descr, codec, threads))]
pub(crate) fn encode_tile<'py>(
    py: Python<'py>,
    array: &Bound<'py, PyAny>,
    descr: &str,
    codec: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyBytes>> {
    let words = words(array)?;
    let source = ArraySource::new(&words, descr)?;
    let stream = threads::run(py, threads, || {
        let image = source.to_image();
        let stream = build(codec)?.encode(&image)?;
        let again = build(codec)?.decode(&stream, image.shape(), &limits(None))?;
        match again.samples() == image.samples() {
            true => Ok(stream),
            false => {
                Err(Failure::new(Kind::Damaged, format!("{codec}: a tile does not decode to its pixels")))
            }
        }
    })?;
    Ok(PyBytes::new(py, &stream))
}

/// The samples (uint16) of a stream, as an array of planes, rows and columns.
#[pyfunction]
#[pyo3(signature = (stream, shape, codec, threads))]
pub(crate) fn decode_tile<'py>(
    py: Python<'py>,
    stream: PyReadonlyArray1<'py, u8>,
    shape: (usize, usize, usize),
    codec: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let bytes = stream.as_slice()?;
    let (planes, height, width) = shape;
    let image = threads::run(py, threads, || {
        let limits = limits(None);
        let shape = Shape::new(planes, height, width);
        limits.check_shape("the tile", shape)?;
        Ok(build(codec)?.decode(bytes, shape, &limits)?)
    })?;
    shaped(py, image.into_samples(), &[planes, height, width])
}
