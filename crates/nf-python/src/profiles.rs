//! Detector profiles, by the files that hold them.

use crate::codecs::limits;
use crate::error::{Failure, Result};
use nf_codec::Spec;
use nf_profile::library;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// Makes the profile in a file known to this process; returns its name and key.
#[pyfunction]
pub(crate) fn add_profile(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    Ok(py.detach(|| add(&path))?)
}

fn add(path: &PathBuf) -> Result<String> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| Failure::Io(name, error))?;
    let profile = nf_floor::read_profile(bytes, &limits(None))?;
    let id = profile.id().to_string();
    library::add(Arc::new(profile));
    Ok(id)
}

/// A spec of `floor` with a profile.
#[pyfunction]
pub(crate) fn with_profile(spec: &str, id: &str) -> PyResult<String> {
    let spec: Spec = spec.parse().map_err(Failure::from)?;
    if spec.name() != "floor" {
        return Err(Failure::from(spec.error("only floor takes a detector profile")).into());
    }
    Ok(spec.with("profile", id.to_owned(), String::new()).to_string())
}
