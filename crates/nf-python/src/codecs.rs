//! The codecs of this build.

use crate::error::{Failure, Result};
use nf_archive::Tools;
use nf_codec::{Codec, Limits, Registry, Spec};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Our own codecs first, then the baselines.
pub(crate) fn registry() -> Registry {
    let own = [
        nf_floor::ENTRY,
        #[cfg(feature = "net")]
        nf_models::ENTRY,
    ];
    Registry::new(own.into_iter().chain(nf_classic::entries()))
}

/// The codec that a spec describes.
pub(crate) fn build(spec: &str) -> Result<Box<dyn Codec>> {
    let spec: Spec = spec.parse().map_err(Failure::from)?;
    Ok(registry().build(&spec)?)
}

/// The limits of a caller who allows this much memory.
pub(crate) fn limits(max_memory_bytes: Option<u64>) -> Limits {
    max_memory_bytes.map_or_else(Limits::default, Limits::of_memory)
}

/// These codecs with that much memory.
pub(crate) fn tools(max_memory_bytes: Option<u64>) -> Tools {
    const DEFAULT_BYTES: u64 = 8 << 30;
    let bytes = max_memory_bytes.unwrap_or(DEFAULT_BYTES);
    Tools::new(registry, bytes, "max_memory_bytes sets the limit")
}

/// Every codec of this build: name, summary, source, and options with values, default and help.
#[pyfunction]
pub(crate) fn codecs(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for entry in registry().entries() {
        let options = PyList::empty(py);
        for option in entry.options {
            let facts = PyDict::new(py);
            facts.set_item("key", option.key)?;
            facts.set_item("values", option.values)?;
            facts.set_item("default", option.default)?;
            facts.set_item("help", option.help)?;
            options.append(facts)?;
        }
        let facts = PyDict::new(py);
        facts.set_item("name", entry.name)?;
        facts.set_item("summary", entry.summary)?;
        facts.set_item("source", entry.source)?;
        facts.set_item("options", options)?;
        list.append(facts)?;
    }
    Ok(list)
}

/// The spec of the codec that `spec` describes, with options at their defaults left out.
#[pyfunction]
pub(crate) fn normalise_spec(spec: &str) -> PyResult<String> {
    Ok(build(spec)?.spec().to_string())
}
