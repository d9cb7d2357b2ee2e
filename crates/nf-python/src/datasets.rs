//! Datasets by name: what `noisefloor data` lists, image by image.

#[cfg(feature = "datasets")]
use crate::codecs::tools;
use crate::error::{Failure, Kind, Result};
use crate::threads;
use crate::values::shaped;
use nf_image::Image16;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// What opens and reads datasets, in builds that can.
#[cfg(feature = "datasets")]
mod source {
    use super::*;

    pub(super) type Source = Box<dyn nf_data::Dataset>;

    fn failure(error: nf_data::Error) -> Failure {
        use nf_data::Error as E;
        match error {
            E::Io { path, source } => Failure::Io(path.display().to_string(), source),
            E::Missing { .. } => Failure::new(Kind::Request, error.to_string()),
            E::Manifest { .. } => Failure::new(Kind::Format, error.to_string()),
            E::Hub { .. } => Failure::new(Kind::Backend, error.to_string()),
            other => Failure::new(Kind::Damaged, other.to_string()),
        }
    }

    pub(super) fn open(reference: &str, split: Option<String>, data: Option<PathBuf>) -> Result<Source> {
        let fits = nf_data::FitsOptions {
            tile_codec: Some(tools(None).tiles()),
            limits: tools(None).fits_limits(),
            ..nf_data::FitsOptions::default()
        };
        let options = nf_data::OpenOptions { data, split, fits, ..nf_data::OpenOptions::default() };
        nf_data::open(reference, &options).map_err(failure)
    }

    pub(super) fn names(source: &Source) -> Vec<String> {
        (0..source.len()).map(|index| source.name(index)).collect()
    }

    pub(super) fn image(source: &Source, index: usize) -> Result<Image16> {
        source.image(index).map_err(failure)
    }

    pub(super) fn card(source: &Source) -> [(&'static str, String); 8] {
        let card = source.card();
        [
            ("name", card.name.clone()),
            ("title", card.title.clone()),
            ("instrument", card.instrument.clone()),
            ("licence", card.licence.clone()),
            ("origin", card.origin.clone()),
            ("view", card.view.clone()),
            ("split", card.split.clone()),
            ("digest", card.digest.to_string()),
        ]
    }
}

/// The same in builds that cannot.
#[cfg(not(feature = "datasets"))]
mod source {
    use super::*;

    /// There is none.
    pub(super) enum Source {}

    pub(super) fn open(_: &str, _: Option<String>, _: Option<PathBuf>) -> Result<Source> {
        let message = "this build has no datasets; docs/python.md says how to build one that has";
        Err(Failure::new(Kind::Mismatch, message))
    }

    pub(super) fn names(source: &Source) -> Vec<String> {
        match *source {}
    }

    pub(super) fn image(source: &Source, _: usize) -> Result<Image16> {
        match *source {}
    }

    pub(super) fn card(source: &Source) -> [(&'static str, String); 8] {
        match *source {}
    }
}

/// A list of images in a fixed order.
#[pyclass(frozen, module = "noisefloor._core")]
pub(crate) struct Dataset {
    source: source::Source,
    names: Vec<String>,
}

#[pymethods]
impl Dataset {
    /// Opens `NAME[/VIEW][@SPLIT]`, a manifest, a folder or a file.
    #[staticmethod]
    #[pyo3(signature = (reference, split, data))]
    fn open(py: Python<'_>, reference: &str, split: Option<String>, data: Option<PathBuf>) -> PyResult<Self> {
        let opened = threads::run(py, None, || {
            let source = source::open(reference, split, data)?;
            Ok(Self { names: source::names(&source), source })
        })?;
        Ok(opened)
    }

    /// The name of every image.
    fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    /// The samples (uint16) of an image, of two axes where it has one plane and three otherwise.
    fn image<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        if index >= self.names.len() {
            let message = format!("there is no image {index}, the dataset has {}", self.names.len());
            return Err(Failure::new(Kind::Request, message).into());
        }
        let image = threads::run(py, None, || source::image(&self.source, index))?;
        let shape = image.shape();
        let axes = [shape.planes, shape.height, shape.width];
        shaped(py, image.into_samples(), if shape.planes == 1 { &axes[1..] } else { &axes })
    }

    /// What the data are.
    fn card<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let facts = PyDict::new(py);
        for (key, value) in source::card(&self.source) {
            facts.set_item(key, value)?;
        }
        Ok(facts)
    }
}
