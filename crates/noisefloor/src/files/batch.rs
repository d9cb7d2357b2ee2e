//! Many files, each with an output of its own: names and patterns in, one piece of work per file.
//!
//! - [`expand`]: the files that names and patterns mean.
//! - [`plan`]: which output each gets; two inputs never share one, and no input is an output.
//! - [`each`]: the work, with a progress bar, going on where one file fails.

use super::output::remove_in_favour_of;
use crate::message;
use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// One file and what it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) input: PathBuf,
    pub(crate) output: PathBuf,
}

/// What came of the work on a file whose output is written.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Lines to print.
    pub(crate) lines: Vec<String>,
    /// Why it counts as a failure nevertheless, and the input is kept.
    pub(crate) unfinished: Option<String>,
}

/// The files that names and patterns mean, in order, each once. A name that exists is taken as it
/// is, whatever characters it has; of a pattern (`*`, `?`, `[a-z]`, `**`) only files count, sorted.
///
/// # Errors
/// If a pattern makes no sense, or no file fits it. A name without pattern characters need not
/// exist.
pub(crate) fn expand(names: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
    let mut files = Vec::new();
    for name in names {
        let pattern = name.to_str().filter(|text| text.contains(['*', '?', '[']) && !name.exists());
        let Some(pattern) = pattern else {
            files.push(name.clone());
            continue;
        };
        let found = glob::glob_with(pattern, options).with_context(|| format!("the pattern '{pattern}'"))?;
        let known = files.len();
        for path in found {
            let path = path.with_context(|| format!("the pattern '{pattern}'"))?;
            files.extend(path.is_file().then_some(path));
        }
        ensure!(files.len() > known, "no file fits the pattern '{pattern}'");
    }
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(place(file)));
    Ok(files)
}

/// The same for all names of one file, as far as the system can tell.
fn place(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let in_folder = || Some(fs::canonicalize(folder).ok()?.join(path.file_name()?));
    fs::canonicalize(path).ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

/// The output of every input: `output` for a single one, otherwise what `name` makes of its name.
/// Inputs that cannot be named are left to [`each`] to tell.
///
/// # Errors
/// If `output` is given for several inputs, two inputs would become one file, or one would replace
/// another input.
pub(crate) fn plan(
    inputs: &[PathBuf],
    output: Option<&Path>,
    name: impl Fn(&Path) -> Result<PathBuf>,
) -> Result<Vec<(PathBuf, Result<Job>)>> {
    ensure!(output.is_none() || inputs.len() == 1, "--output names one file, {} are given", inputs.len());
    let places: HashMap<PathBuf, &PathBuf> = inputs.iter().map(|input| (place(input), input)).collect();
    let mut outputs: HashMap<PathBuf, &PathBuf> = HashMap::new();
    let mut jobs = Vec::new();
    for input in inputs {
        let job = output.map_or_else(|| name(input), |output| Ok(output.to_owned()));
        let job = job.map(|output| Job { input: input.clone(), output });
        if let Ok(Job { output, .. }) = &job {
            let place = place(output);
            if let Some(replaced) = places.get(&place) {
                bail!("{}: writing it would replace the input {}", output.display(), replaced.display());
            }
            if let Some(first) = outputs.insert(place, input) {
                let (first, second) = (first.display(), input.display());
                bail!("{}: both {first} and {second} would become this file", output.display());
            }
        }
        jobs.push((input.clone(), job));
    }
    Ok(jobs)
}

/// Does the work for every file; one that fails does not stop the others. `work` tells the share
/// done, 0 to 1. With `delete`, an input goes once its work has succeeded, its output is on the
/// disk, and it is still the file that was read.
///
/// # Errors
/// If the work failed for a file. Of several files, the reasons have been printed.
pub(crate) fn each(
    jobs: Vec<(PathBuf, Result<Job>)>,
    delete: bool,
    mut work: impl FnMut(&Job, &mut dyn FnMut(f64)) -> Result<Done>,
) -> Result<()> {
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let bar = ProgressBar::new(jobs.iter().map(|(input, _)| length(input)).sum());
    bar.set_style(
        ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}")
            .expect("the template is constant and valid"),
    );
    let files = jobs.len();
    let mut failed = 0;
    let mut done_bytes = 0;
    for (n, (input, job)) in (1..).zip(jobs) {
        let input_bytes = length(&input);
        bar.set_message(format!("{n}/{files} {}", input.display()));
        let mut share = |share: f64| bar.set_position(done_bytes + (share * input_bytes as f64) as u64);
        let finished = job.and_then(|job| {
            let before = identity(&job.input);
            let Done { lines, unfinished } = work(&job, &mut share)?;
            if !lines.is_empty() {
                bar.suspend(|| eprintln!("{}", lines.join("\n")));
            }
            if let Some(reason) = unfinished {
                bail!(reason);
            }
            if delete {
                ensure!(before.is_some(), "it is no regular file, and is kept");
                ensure!(before == identity(&job.input), "it was changed meanwhile, and is kept");
                remove_in_favour_of(&job.input, &job.output)?;
            }
            Ok(())
        });
        if let Err(error) = finished {
            let error = naming(&input, error);
            if files == 1 {
                bar.finish_and_clear();
                return Err(error);
            }
            bar.suspend(|| eprintln!("{}", message::about(&input, &error)));
            failed += 1;
        }
        done_bytes += input_bytes;
        bar.set_position(done_bytes);
    }
    bar.finish_and_clear();
    ensure!(failed == 0, "{failed} of {files} files failed");
    Ok(())
}

/// The error with the name of the input in front, unless it begins with it already.
pub(crate) fn naming(input: &Path, error: anyhow::Error) -> anyhow::Error {
    let name = input.display().to_string();
    match error.to_string().starts_with(&format!("{name}:")) {
        true => error,
        false => error.context(name),
    }
}

/// What tells that a file is still the one it was; `None` for what is no regular file.
fn identity(path: &Path) -> Option<(u64, std::time::SystemTime)> {
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((found.len(), found.modified().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        names
            .iter()
            .for_each(|name| fs::write(folder.path().join(name), name).expect("it can be written to"));
        folder
    }

    #[test]
    fn patterns_are_files_in_order_each_once() {
        let folder = folder(&["b.fits", "a.fits", "c.txt", "d[1].fits", ".hidden.fits"]);
        fs::create_dir(folder.path().join("e.fits")).expect("a folder can be made");
        let expanded = |names: &[&str]| -> Result<Vec<String>> {
            let names: Vec<_> = names.iter().map(|name| folder.path().join(name)).collect();
            let name = |path: PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
            Ok(expand(&names)?.into_iter().filter_map(name).collect())
        };
        assert_eq!(expanded(&["*.fits"]).expect("some fit"), ["a.fits", "b.fits", "d[1].fits"]);
        assert_eq!(expanded(&["b.fits", "?.fits"]).expect("some fit"), ["b.fits", "a.fits"]);
        assert_eq!(expanded(&["d[1].fits"]).expect("it is a name"), ["d[1].fits"]);
        assert_eq!(expanded(&["absent.fits"]).expect("told when it is opened"), ["absent.fits"]);
        assert!(expanded(&["*.fz"]).is_err_and(|error| error.to_string().contains("no file fits")));
        assert!(expanded(&["***"]).is_err());
    }

    #[test]
    fn outputs_are_not_shared_and_replace_no_input() {
        let folder = folder(&["a.fits", "a.fits.gz", "a.fits.fz"]);
        let path = |name: &str| folder.path().join(name);
        let same = |input: &Path| Ok(input.with_extension(""));
        let problem = |inputs: &[&str], output: Option<&str>| {
            let inputs: Vec<_> = inputs.iter().map(|input| path(input)).collect();
            plan(&inputs, output.map(path).as_deref(), same).err().map(|error| error.to_string())
        };
        assert!(problem(&["a.fits.gz", "a.fits.fz"], None).is_some_and(|p| p.contains("both")));
        assert!(problem(&["a.fits", "a.fits.gz"], None).is_some_and(|p| p.contains("replace the input")));
        assert!(problem(&["a.fits"], Some("a.fits")).is_some_and(|p| p.contains("replace the input")));
        assert!(problem(&["a.fits", "a.fits.gz"], Some("b")).is_some_and(|p| p.contains("one file")));
        assert_eq!(problem(&["a.fits"], Some("b")), None);
    }

    #[test]
    fn inputs_stay_where_the_work_fails_or_they_change() {
        let folder = folder(&["good", "bad", "touched"]);
        let path = |name: &str| folder.path().join(name);
        let inputs = ["good", "bad", "touched"].map(path);
        let jobs = plan(&inputs, None, |input| Ok(input.with_extension("out"))).expect("names differ");
        let failed = each(jobs, true, |job, share| {
            share(0.5);
            ensure!(!job.input.ends_with("bad"), "bad");
            fs::copy(&job.input, &job.output)?;
            if job.input.ends_with("touched") {
                fs::write(&job.input, "longer than before")?;
            }
            Ok(Done::default())
        });
        assert!(failed.is_err_and(|error| error.to_string().contains("2 of 3")));
        assert!(!path("good").exists() && path("good.out").exists());
        assert!(path("bad").exists() && path("touched").exists());
    }
}
