//! Detector profiles, by the files that hold them.

use crate::codecs::{limits, tools};
use crate::error::{Failure, Result};
use nf_archive::profiles::{Frames, Profiles};
use nf_codec::Spec;
use nf_codec::container::ImageSource;
use nf_profile::{knows_profiles, library};
use pyo3::prelude::*;
use std::path::{Path, PathBuf};
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

/// The spec with the profile of a file, or of those of a folder the one that fits, if that makes a
/// stack without headers smaller.
pub(crate) fn choose(spec: &str, path: &Path, stack: &mut dyn ImageSource) -> Result<String> {
    let spec = floor(spec)?;
    let tools = tools(None);
    let frames = Frames { cards: &[], stacks: &mut [stack] };
    let chosen = Profiles::of(path, &tools).and_then(|profiles| profiles.choose(&spec, frames, &tools));
    Ok(chosen.map_err(Failure::of_archive)?.spec.to_string())
}

fn floor(spec: &str) -> Result<Spec> {
    let spec: Spec = spec.parse().map_err(Failure::from)?;
    match knows_profiles(&spec) {
        true => Ok(spec),
        false => Err(Failure::from(spec.error("only floor takes a detector profile"))),
    }
}

/// A spec of `floor` with a profile.
#[pyfunction]
pub(crate) fn with_profile(spec: &str, id: &str) -> PyResult<String> {
    Ok(floor(spec)?.with("profile", id.to_owned(), String::new()).to_string())
}
