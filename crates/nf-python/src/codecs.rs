//! The codecs of this build.

use crate::error::{Failure, Result};
use nf_codec::{Codec, LastBuilt, Limits, Registry, Spec};
use nf_fits::tiled::TileCodec;
use nf_image::{Image16, Shape};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::sync::Arc;

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

/// The same for readers of FITS files.
pub(crate) fn fits_limits(max_memory_bytes: Option<u64>) -> nf_fits::Limits {
    max_memory_bytes.map_or_else(nf_fits::Limits::default, nf_fits::Limits::of_memory)
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

/// The codecs of the registry for the tiles of FITS files (FLOOR_1). The codec of the tiles that
/// came last is kept: one serves all tiles of an HDU.
pub(crate) struct RegistryTiles {
    limits: Limits,
    last: LastBuilt,
}

impl RegistryTiles {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, last: LastBuilt::default() }
    }

    fn codec(&self, spec: &str) -> Result<Arc<dyn Codec>, String> {
        self.last.codec(spec, registry).map_err(|error| error.to_string())
    }
}

impl TileCodec for RegistryTiles {
    fn encode(&self, spec: &str, tile: &Image16) -> Result<Vec<u8>, String> {
        self.codec(spec)?.encode(tile).map_err(|error| error.to_string())
    }

    fn decode(&self, spec: &str, bytes: &[u8], shape: Shape) -> Result<Image16, String> {
        self.codec(spec)?.decode(bytes, shape, &self.limits).map_err(|error| error.to_string())
    }
}
