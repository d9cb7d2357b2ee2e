//! The loop over datasets, images and codecs.

use crate::candidates::{Candidate, candidates};
use crate::errors::{ErrorFile, OPEN_LOOP};
use crate::estimate::{EstimateTask, Estimators};
use crate::folder::RunFolder;
use crate::machine::{Build, Machine};
use crate::measure::{CodecFacts, Timing, measure, measure_array, panic_words};
use crate::measurement::{Figures, Measurement, ORACLE, Status};
use crate::observer::Observer;
use crate::photometry;
use crate::profiles;
use crate::reuse::{Reusable, fingerprint};
use crate::suite::{Analysis, DatasetChoice, Suite, parse_bound};
use crate::transforms::{Bounded, Opener, open_whole};
use crate::{Error, Result};
use nf_bounded::ArrayRegistry;
use nf_codec::{Registry, Spec};
use nf_data::{Card, Dataset};
use nf_image::Image16;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

/// Stack of the thread on which codecs run; that of a main thread on most systems.
const STACK_BYTES: usize = 8 << 20;

/// How to run a suite.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The folder in which the run's own folder is made.
    pub runs: PathBuf,
    /// Whether the suite's external programs may be started.
    pub allow_external: bool,
    /// Folders of runs whose rows are taken over for the same images and codecs.
    pub reuse: Vec<PathBuf>,
    /// The command line, to be repeated under the tables.
    pub command: String,
    /// The program that measures.
    pub build: Build,
    /// Codecs with a loss of their own, for datasets with a bound.
    pub array_codecs: ArrayRegistry,
    /// Models that say what images would cost.
    pub estimators: Estimators,
}

/// A finished run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Where its files are.
    pub folder: PathBuf,
    /// What was compared.
    pub suite: Suite,
    /// What was measured, in the order of the file.
    pub rows: Vec<Measurement>,
    /// What the codecs that could be built say of themselves, by spec.
    pub facts: BTreeMap<String, CodecFacts>,
    /// The machines that took part.
    pub machines: Vec<Machine>,
    /// What the datasets that could be opened are.
    pub cards: Vec<Card>,
}

impl Run {
    /// The rows in which something went wrong.
    pub fn failures(&self) -> impl Iterator<Item = &Measurement> {
        self.rows.iter().filter(|row| row.is_failure())
    }
}

/// Runs a suite from the start, in a new folder under `options.runs`.
///
/// Codecs run on one thread: a rayon pool of one. Whatever a codec does wrong, panicking included,
/// is a row with its error; whatever is absent is a row that says so.
///
/// # Errors
/// If the suite contradicts itself, or the run's folder cannot be written.
pub fn run(
    suite: &Suite,
    registry: &Registry,
    open: &Opener,
    options: &RunOptions,
    observer: &mut dyn Observer,
) -> Result<Run> {
    let file = suite.name.clone();
    suite.check().map_err(|reason| Error::Suite { file, reason })?;
    let machine = Machine::here(&options.command, &options.build);
    let codecs = candidates(suite, registry, &options.array_codecs)?;
    let reusable = Reusable::read(&options.reuse, &machine)?;
    let folder = RunFolder::create(&options.runs, suite, &machine)?;
    let errors = ErrorFile::of(&folder, &suite.analyses);
    let (rows, estimates) = (Vec::new(), EstimateTask::of(suite.estimate_specs(), options.estimators));
    Session { suite, registry, options, codecs, estimates, reusable, folder, errors, rows }
        .finish(open, observer)
}

/// Continues the run of `folder` with the suite that it was begun with; what is there is not done
/// again.
///
/// # Errors
/// If `folder` is not that of a run, or cannot be written.
pub fn resume(
    folder: &std::path::Path,
    registry: &Registry,
    open: &Opener,
    options: &RunOptions,
    observer: &mut dyn Observer,
) -> Result<Run> {
    let machine = Machine::here(&options.command, &options.build);
    let reusable = Reusable::read(&options.reuse, &machine)?;
    let (folder, suite, rows) = RunFolder::resume(folder, &machine)?;
    let codecs = candidates(&suite, registry, &options.array_codecs)?;
    let errors = ErrorFile::of(&folder, &suite.analyses);
    let estimates = EstimateTask::of(suite.estimate_specs(), options.estimators);
    Session { suite: &suite, registry, options, codecs, estimates, reusable, folder, errors, rows }
        .finish(open, observer)
}

/// The run of `folder` as it is, without measuring anything.
///
/// # Errors
/// If `folder` is not that of a run.
pub fn read(
    folder: &std::path::Path,
    registry: &Registry,
    array_codecs: &ArrayRegistry,
    open: &Opener,
) -> Result<Run> {
    let (suite, rows) = RunFolder::read(folder)?;
    let machines = crate::folder::machines(folder)?;
    let codecs = candidates(&suite, registry, array_codecs)?;
    let of_profiles = profiles::facts(folder, &codecs)?;
    let facts =
        codecs.into_iter().filter_map(|codec| Some((codec.label, codec.facts?))).chain(of_profiles).collect();
    // Cards tell where data come from; a dataset that is not at hand has none to show.
    let cards = suite.datasets.iter().filter_map(|choice| Some(open(choice).ok()?.card().clone())).collect();
    Ok(Run { folder: folder.to_owned(), suite, rows, facts, machines, cards })
}

/// A run under way.
struct Session<'a> {
    suite: &'a Suite,
    registry: &'a Registry,
    options: &'a RunOptions,
    codecs: Vec<Candidate>,
    estimates: Vec<EstimateTask>,
    reusable: Reusable,
    folder: RunFolder,
    errors: ErrorFile,
    rows: Vec<Measurement>,
}

impl Session<'_> {
    fn finish(mut self, open: &Opener, observer: &mut dyn Observer) -> Result<Run> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(STACK_BYTES).build();
        let pool = pool.map_err(|error| Error::Thread(error.to_string()))?;
        let done: BTreeSet<[String; 4]> = self.rows.iter().map(|row| row.key().map(str::to_owned)).collect();
        let opened: Vec<_> =
            self.suite.datasets.iter().map(|choice| (choice, open_whole(choice, open))).collect();

        let mut without_profile: BTreeMap<usize, String> = BTreeMap::new();
        for (number, (choice, images)) in opened.iter().enumerate() {
            if images.is_err() {
                continue;
            }
            let of = (number, *choice);
            match profiles::candidates(of, &self.codecs, open, self.registry, self.folder.path())? {
                Ok(found) => self.codecs.extend(found),
                Err(reason) => drop(without_profile.insert(number, reason)),
            }
        }
        let permitted = |codec: &&Candidate| !codec.external || self.options.allow_external;
        let plan: Vec<(String, usize)> = self
            .codecs
            .iter()
            .filter(permitted)
            .map(|codec| (&codec.label, codec.of_dataset))
            .chain(self.estimates.iter().map(|task| (&task.label, None)))
            .map(|(label, of_dataset)| {
                type Opened<'a> = (&'a DatasetChoice, nf_data::Result<Box<dyn Dataset>>);
                let open_tasks = |(number, (choice, images)): (usize, &Opened)| {
                    let Ok(images) = images else { return 0 };
                    if of_dataset.is_some_and(|only| only != number) {
                        return 0;
                    }
                    let key = |i| [choice.name.clone(), choice.split.clone(), images.name(i), label.clone()];
                    (0..choice.count(images.len())).filter(|&i| !done.contains(&key(i))).count()
                };
                (label.clone(), opened.iter().enumerate().map(open_tasks).sum())
            })
            .collect();
        observer.start(&plan);

        for (number, (choice, images)) in opened.iter().enumerate() {
            if let Some(reason) = without_profile.get(&number) {
                let status = Status::failed(&format!("no profile: {reason}"));
                self.record_once(&done, Measurement { status, ..blank(choice, "", "") }, observer)?;
            }
            tracing::info!(dataset = choice.name, "measuring");
            match images {
                Err(error @ nf_data::Error::Missing { .. }) => {
                    let row = Measurement::skipped(&choice.name, &choice.split, "", &error.to_string());
                    self.record(row, observer)?;
                }
                Err(error) => {
                    let status = Status::failed(&error.to_string());
                    let row = Measurement { status, ..blank(choice, "", "") };
                    self.record_once(&done, row, observer)?;
                }
                Ok(images) => self.dataset((number, choice), images.as_ref(), &done, &pool, observer)?,
            }
        }
        if self.suite.analyses.contains(&Analysis::Errors) {
            let allowed = |codec: &&Candidate| !codec.external || self.options.allow_external;
            let (of_arrays, others): (Vec<&Candidate>, Vec<&Candidate>) =
                self.codecs.iter().filter(allowed).partition(|codec| codec.is_of_arrays);
            let specs: Vec<&Spec> = of_arrays.iter().map(|codec| &codec.spec).collect();
            let last = others.last().and_then(|codec| self.registry.build(&codec.spec).ok());
            let registry = &self.options.array_codecs;
            pool.install(|| photometry::write(self.folder.path(), registry, &specs, last.as_deref()))?;
        }
        observer.finish();

        let folder = self.folder.path().to_owned();
        let machines = crate::folder::machines(&folder)?;
        let facts = self.codecs.into_iter().filter_map(|codec| Some((codec.label, codec.facts?))).collect();
        let cards =
            opened.iter().filter_map(|(_, images)| Some(images.as_ref().ok()?.card().clone())).collect();
        Ok(Run { folder, suite: self.suite.clone(), rows: self.rows, facts, machines, cards })
    }

    fn dataset(
        &mut self,
        (number, choice): (usize, &DatasetChoice),
        images: &dyn Dataset,
        done: &BTreeSet<[String; 4]>,
        pool: &rayon::ThreadPool,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let everyone = match self.suite.all_threads {
            false => None,
            true => {
                let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build();
                Some(pool.map_err(|error| Error::Thread(error.to_string()))?)
            }
        };
        const REASON: &str = "an external program, which only runs with --allow-external";
        let (allowed, refused): (Vec<usize>, Vec<usize>) = (0..self.codecs.len())
            .filter(|&i| self.codecs[i].of_dataset.is_none_or(|only| only == number))
            .partition(|&i| !self.codecs[i].external || self.options.allow_external);
        for i in refused {
            let row = Measurement::skipped(&choice.name, &choice.split, &self.codecs[i].label, REASON);
            self.record(row, observer)?;
        }
        for index in 0..choice.count(images.len()) {
            let name = images.name(index);
            let row = |codec: &str| blank(choice, &name, codec);
            let is_done = |codec: &str| done.contains(&row(codec).key().map(str::to_owned));
            let left: Vec<usize> =
                allowed.iter().copied().filter(|&i| !is_done(&self.codecs[i].label)).collect();
            let estimates: Vec<usize> =
                (0..self.estimates.len()).filter(|&i| !is_done(&self.estimates[i].label)).collect();
            if left.is_empty() && estimates.is_empty() {
                continue;
            }
            let loaded = load(images, index, !is_done(ORACLE) && choice.bound.is_none());
            let loaded = loaded.and_then(|(image, oracle)| {
                let bounded = bounded(choice, &image)?;
                Ok((image, oracle, bounded))
            });
            let (image, oracle_bits, bounded) = match loaded {
                Ok(loaded) => loaded,
                Err(reason) => {
                    let status = Status::failed(&reason);
                    self.record_once(done, Measurement { status, ..row("") }, observer)?;
                    continue;
                }
            };
            // What a file holds, and no compressor has touched yet: 8-bit pixels are one byte each.
            let pixel_bytes = images.facts(index).ok().and_then(|facts| facts.pixel_bytes).unwrap_or(2);
            let raw_bytes = (image.shape().pixels() * pixel_bytes) as u64;
            // Codecs with a loss of their own are told from others by the bound behind it.
            let of_samples = bounded.as_ref().map(|(of, _)| format!("{}:{}", fingerprint(&image), of.bound));
            let image = bounded.as_ref().map_or(&image, |(_, indices)| indices);
            let image_fingerprint = fingerprint(image);
            if let Some((bounded, _)) = &bounded {
                self.errors.open_loop(&blank(choice, &name, OPEN_LOOP), bounded)?;
            }
            let row = |codec: &str| Measurement {
                image_fingerprint: image_fingerprint.clone(),
                raw_bytes,
                ..row(codec)
            };
            if let Some(bits) = oracle_bits {
                let ideal_bits = Some(bits.ceil().max(0.0) as u64);
                let figures = Figures { ideal_bits, ..Figures::default() };
                self.record(Measurement { figures, status: Status::Oracle, ..row(ORACLE) }, observer)?;
            }
            for i in left {
                let codec = &self.codecs[i];
                observer.begin(&choice.name, &name, &codec.label);
                if codec.is_of_arrays {
                    let Some((bounded, _)) = &bounded else {
                        let status = Status::failed("it has a loss of its own, and the dataset has no bound");
                        let row = Measurement { status, ..row(&codec.label) };
                        self.record(row, observer)?;
                        continue;
                    };
                    let measured = pool.install(|| {
                        measure_array(&self.options.array_codecs, &codec.spec, bounded, self.timing(codec))
                    });
                    let row = Measurement {
                        image_fingerprint: of_samples.clone().unwrap_or_default(),
                        ..row(&codec.label)
                    };
                    let row = match measured {
                        Ok((figures, decoded)) => {
                            let bytes = figures.coded_bytes;
                            let named = row.clone();
                            self.errors.of_codec(&named, bounded, &decoded, bytes)?;
                            Measurement { figures, status: Status::Verified, ..row }
                        }
                        Err(reason) => Measurement { status: Status::failed(&reason), ..row },
                    };
                    self.record(row, observer)?;
                    continue;
                }
                let known = self.reusable.find(&image_fingerprint, &codec.label, self.suite.all_threads);
                if let Some(known) = known.filter(|_| !codec.external) {
                    let Measurement { dataset, split, image, codec, raw_bytes, .. } = row(&codec.label);
                    let row = Measurement { dataset, split, image, codec, raw_bytes, ..known.clone() };
                    self.record(row, observer)?;
                    continue;
                }
                let measured = self.measure(codec, image, pool, everyone.as_ref());
                let row = match measured {
                    Ok(figures) => Measurement { figures, status: Status::Verified, ..row(&codec.label) },
                    Err(reason) => Measurement { status: Status::failed(&reason), ..row(&codec.label) },
                };
                self.record(row, observer)?;
            }
            for i in estimates {
                let task = &self.estimates[i];
                observer.begin(&choice.name, &name, &task.label);
                let (figures, status) = pool.install(|| task.of_image(image));
                let row = Measurement { figures, status, ..row(&task.label) };
                self.record(row, observer)?;
            }
        }
        Ok(())
    }

    /// One codec on one image: with one thread, and then with those of `everyone`.
    fn measure(
        &self,
        codec: &Candidate,
        image: &Image16,
        one: &rayon::ThreadPool,
        everyone: Option<&rayon::ThreadPool>,
    ) -> Result<Figures, String> {
        let timing = self.timing(codec);
        let mut figures = one.install(|| measure(self.registry, &codec.spec, image, timing))?;
        if let Some(all) = everyone.filter(|_| !codec.external) {
            let again = all.install(|| measure(self.registry, &codec.spec, image, timing));
            let again = again.map_err(|reason| format!("with all threads: {reason}"))?;
            // A codec whose bytes depend on the number of threads is not one codec.
            if again.coded_bytes != figures.coded_bytes {
                let bytes = again.coded_bytes.unwrap_or(0);
                return Err(format!("with all threads it wrote another number of bytes, {bytes}"));
            }
            (figures.encode_all_ns, figures.decode_all_ns) = (again.encode_ns, again.decode_ns);
        }
        Ok(figures)
    }

    fn timing(&self, codec: &Candidate) -> Timing {
        Timing {
            repeats: self.suite.repeats,
            budget: Duration::from_secs(self.suite.timing_budget_s.into()),
            memory: !codec.external,
        }
    }

    fn record(&mut self, row: Measurement, observer: &mut dyn Observer) -> Result<()> {
        self.folder.rows.append(&row)?;
        observer.row(&row);
        self.rows.push(row);
        Ok(())
    }

    /// Records a row unless the run that is continued has it.
    fn record_once(
        &mut self,
        done: &BTreeSet<[String; 4]>,
        row: Measurement,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        if done.contains(&row.key().map(str::to_owned)) { Ok(()) } else { self.record(row, observer) }
    }
}

/// The image within the bound of its dataset, and its indices.
fn bounded(choice: &DatasetChoice, image: &Image16) -> Result<Option<(Bounded, Image16)>, String> {
    let Some(text) = &choice.bound else { return Ok(None) };
    let bounded = Bounded::of(image, &parse_bound(text)?, false)?;
    let indices = bounded.indices()?;
    Ok(Some((bounded, indices)))
}

/// The image of an index and its oracle's bits; a reader that panics is a reader that failed.
fn load(images: &dyn Dataset, index: usize, with_oracle: bool) -> Result<(Image16, Option<f64>), String> {
    let load = || {
        let image = images.image(index)?;
        let oracle = if with_oracle { images.oracle(index)? } else { None };
        Ok((image, oracle.map(|oracle| oracle.given_layers_bits)))
    };
    match catch_unwind(AssertUnwindSafe(load)) {
        Ok(loaded) => loaded.map_err(|error: nf_data::Error| error.to_string()),
        Err(panic) => Err(format!("reading panicked: {}", panic_words(panic.as_ref()))),
    }
}

fn blank(choice: &DatasetChoice, image: &str, codec: &str) -> Measurement {
    Measurement {
        dataset: choice.name.clone(),
        split: choice.split.clone(),
        image: image.to_owned(),
        codec: codec.to_owned(),
        ..Measurement::default()
    }
}
