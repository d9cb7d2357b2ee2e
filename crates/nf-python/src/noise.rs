//! What the noise of a frame must cost: the estimates of `noisefloor limit` that need no codec.

use crate::array::{ArraySource, words};
use crate::threads;
use nf_noise::frame_estimates;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Estimates of the bits per pixel that the noise of an array must cost: estimator, kind, bits per
/// pixel, meaning, details, figures.
#[pyfunction]
#[pyo3(signature = (array, descr, threads))]
pub(crate) fn noise_estimates<'py>(
    py: Python<'py>,
    array: &Bound<'py, PyAny>,
    descr: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyList>> {
    let words = words(array)?;
    let source = ArraySource::new(&words, descr)?;
    let found = threads::run(py, threads, || Ok(frame_estimates(&source.to_image())))?;
    let list = PyList::empty(py);
    for estimate in found.estimates {
        let facts = PyDict::new(py);
        facts.set_item("estimator", estimate.estimator.name())?;
        facts.set_item("kind", estimate.kind.name())?;
        facts.set_item("bits_per_pixel", estimate.bits_per_pixel)?;
        facts.set_item("meaning", estimate.meaning)?;
        facts.set_item("details", estimate.details)?;
        facts.set_item("figures", estimate.figures)?;
        list.append(facts)?;
    }
    Ok(list)
}
