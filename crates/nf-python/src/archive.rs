//! Archives: the work on single files, and the one process that keeps their receipts.

use crate::codecs::tools;
use crate::error::{Failure, Kind, Result};
use crate::threads;
use nf_archive::profiles::Profiles;
use nf_archive::{Identity, Job, Row, Shard, Source, Sum, Trouble};
use nf_codec::Spec;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// A source: name below the folder of sources, length in bytes, time of the last change in
/// nanoseconds since 1970, and the output that its last receipt names.
type Task = (String, u64, i64, Option<String>);

/// What went wrong with a file: its path, and a line.
type Told = (PathBuf, String);

/// What codes the files of an archive, in any process.
#[pyclass(frozen, module = "noisefloor._core")]
pub(crate) struct Archivist {
    archivist: nf_archive::Archivist,
    sources: PathBuf,
}

#[pymethods]
impl Archivist {
    #[new]
    #[pyo3(signature = (sources, archive, spec, force, max_memory_bytes, profile, embed_profile))]
    fn new(
        sources: PathBuf,
        archive: PathBuf,
        spec: &str,
        force: bool,
        max_memory_bytes: Option<u64>,
        profile: Option<PathBuf>,
        embed_profile: bool,
    ) -> PyResult<Self> {
        let spec: Spec = spec.parse().map_err(Failure::from)?;
        let tools = tools(max_memory_bytes);
        let mut archivist =
            nf_archive::Archivist::new(tools, archive, &spec, force).map_err(Failure::of_archive)?;
        if let Some(profile) = profile {
            let with = |profiles| archivist.with_profiles(profiles, embed_profile);
            archivist = Profiles::of(&profile, &tools).and_then(with).map_err(Failure::of_archive)?;
        }
        Ok(Self { archivist, sources })
    }

    /// The spec with its options in canonical order.
    fn spec(&self) -> &str {
        self.archivist.spec()
    }

    /// Does the work on a source with so many threads, and gives its row as a line of JSON; a
    /// failure is a row as well.
    fn row(&self, py: Python<'_>, task: Task, threads: usize) -> PyResult<String> {
        let (source, known) = source_of(&self.sources, task);
        let row = threads::run_alone(py, threads, || Ok(self.archivist.row(&source, known.as_deref())))?;
        Ok(line(&row)?)
    }
}

/// An archive that this process writes: it holds the lock.
#[pyclass(frozen, module = "noisefloor._core")]
pub(crate) struct Archive {
    run: Mutex<Option<nf_archive::Run>>,
    sources: PathBuf,
    spec: String,
}

#[pymethods]
impl Archive {
    /// Takes the lock, reads the receipts and walks the sources.
    #[staticmethod]
    #[pyo3(signature = (sources, archive, spec, delete))]
    fn begin(
        py: Python<'_>,
        sources: PathBuf,
        archive: PathBuf,
        spec: String,
        delete: bool,
    ) -> PyResult<Self> {
        let job = Job { sources: sources.clone(), archive, shard: Shard::WHOLE, spec: spec.clone(), delete };
        let run = py.detach(|| nf_archive::Run::begin(job)).map_err(Failure::of_archive)?;
        Ok(Self { run: Mutex::new(Some(run)), sources, spec })
    }

    /// The sources that are not proved done.
    fn tasks(&self) -> PyResult<Vec<Task>> {
        Ok(self.with(|run| {
            let task = |source: &Source| {
                let known = run.known_output(source).map(str::to_owned);
                (source.name.clone(), source.identity.bytes, source.identity.mtime_ns, known)
            };
            Ok(run.plan().todo.iter().map(task).collect())
        })?)
    }

    /// How many were proved done before, how many are no files to archive, and what could not be
    /// looked at.
    fn found(&self) -> PyResult<(usize, u64, Vec<Told>)> {
        Ok(self.with(|run| {
            let plan = run.plan();
            let failed = plan.failed.iter().map(|(path, error)| (path.clone(), nf_archive::one_line(error)));
            Ok((plan.done.len(), plan.others, failed.collect()))
        })?)
    }

    /// The row of a source whose work brought none, as a line of JSON.
    fn failure(&self, task: Task, reason: String) -> PyResult<String> {
        let (source, _) = source_of(&self.sources, task);
        Ok(line(&nf_archive::Archivist::failure(&self.spec, &source, reason))?)
    }

    /// Appends receipts, and deletes sources if asked for; what went wrong with single files.
    fn settle(&self, py: Python<'_>, rows: Vec<String>) -> PyResult<Vec<Told>> {
        let settled = py.detach(|| {
            let rows: Vec<Row> =
                rows.iter()
                    .map(|row| serde_json::from_str(row))
                    .collect::<Result<_, _>>()
                    .map_err(|error| Failure::new(Kind::Format, format!("this is no receipt: {error}")))?;
            self.with(|run| run.settle(&rows).map_err(Failure::of_archive))
        });
        Ok(told(settled?))
    }

    /// Writes the manifest, and removes what killed workers have left; what went wrong with single
    /// files.
    fn finish(&self, py: Python<'_>) -> PyResult<Vec<Told>> {
        let finished = py.detach(|| {
            self.with(|run| {
                run.remove_abandoned();
                run.finish().map_err(Failure::of_archive)
            })
        });
        Ok(told(finished?))
    }

    /// Counts, and bytes before and after.
    fn sum<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Sum { archived, bytes_in, bytes_out, failed, kept } = self.with(|run| Ok(*run.sum()))?;
        let facts = PyDict::new(py);
        let pairs = [
            ("archived", archived),
            ("bytes_in", bytes_in),
            ("bytes_out", bytes_out),
            ("failed", failed),
            ("kept", kept),
        ];
        pairs.into_iter().try_for_each(|(key, value)| facts.set_item(key, value))?;
        Ok(facts)
    }

    /// Gives the lock back.
    fn close(&self) {
        drop(self.run.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Archive {
    fn with<T>(&self, work: impl FnOnce(&mut nf_archive::Run) -> Result<T>) -> Result<T> {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *run {
            Some(run) => work(run),
            None => Err(Failure::new(Kind::Request, "the archive has been closed")),
        }
    }
}

fn source_of(sources: &std::path::Path, task: Task) -> (Source, Option<String>) {
    let (name, bytes, mtime_ns, known) = task;
    let path = sources.join(&name);
    (Source { name, path, identity: Identity { bytes, mtime_ns } }, known)
}

fn line(row: &Row) -> Result<String> {
    serde_json::to_string(row).map_err(|error| Failure::new(Kind::Backend, error.to_string()))
}

fn told(troubles: Vec<Trouble>) -> Vec<Told> {
    troubles.into_iter().map(|(path, error)| (path, nf_archive::one_line(&error))).collect()
}
