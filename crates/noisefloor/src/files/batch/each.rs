//! The work on every file, one after the other.

use super::progress::Progress;
use crate::files::output::{is_closed_text, remove_in_favour_of, text};
use crate::message;
use anyhow::{Context, Error, Result, bail, ensure};
use nf_archive::output::file_digest;
use nf_archive::plain;
use serde_json::{Map, Value, json};
use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

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
    /// What a program wants to know: shapes, codec, digests.
    pub(crate) facts: Map<String, Value>,
    /// Why it counts as a failure nevertheless, and the input is kept.
    pub(crate) unfinished: Option<String>,
}

impl Done {
    /// Takes up why the input should stay, if anything says so: a line of its own, or where inputs
    /// are deleted the reason that this one is not.
    pub(crate) fn keeping(&mut self, reason: Option<String>, delete: bool) {
        let Some(reason) = reason else { return };
        match delete {
            true => self.unfinished = Some(format!("{reason}; the output is written, and the input kept")),
            false => self.lines.push(format!("  {reason}")),
        }
    }
}

/// How results are told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Saying {
    /// Only failures.
    pub(crate) quiet: bool,
    /// One JSON object a file on the standard output.
    pub(crate) json: bool,
}

impl Saying {
    /// Tells of an input that was passed over.
    ///
    /// # Errors
    /// If the standard output cannot be written.
    pub(crate) fn skipped(self, input: &Path, output: Option<&Path>) -> Result<()> {
        if self.json {
            let output = output.map(|output| output.display().to_string());
            line(&json!({"input": name(input), "output": output, "skipped": true}))?;
        }
        Ok(())
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn line(value: &Value) -> std::io::Result<()> {
    let mut out = text();
    writeln!(out, "{value}")?;
    out.flush()
}

/// Does the work for every file; one that fails does not stop the others. `work` tells the share
/// done, 0 to 1. `unread` are folders that could not be looked into, which count as failures. With
/// `delete`, an input goes once its work has succeeded, its output is on the disk, and it is still
/// the file that was read. With `make_folders`, the folders of outputs are made.
///
/// # Errors
/// If the work failed for a file. Of several files, the reasons have been printed.
pub(crate) fn each(
    jobs: Vec<Job>,
    unread: Vec<(PathBuf, Error)>,
    delete: bool,
    make_folders: bool,
    saying: Saying,
    mut work: impl FnMut(&Job, &mut dyn FnMut(f64)) -> Result<Done>,
) -> Result<()> {
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let bytes = jobs.iter().map(|job| length(&job.input)).sum();
    let progress = Progress::new(jobs.len() as u64, bytes, saying.quiet);
    let files = jobs.len() + unread.len();
    let json = Cell::new(saying.json);
    // Whoever reads the rows may stop early; the work goes on. A row that is lost is a failure.
    let row = |value: &Value| match line(value).map_err(Error::from) {
        Err(error) if is_closed_text(&error) => {
            json.set(false);
            Ok(())
        }
        told => told,
    };
    let mut failed = 0;
    let mut fail = |input: &Path, blamed: &Path, error: Error| {
        let error = naming(blamed, error);
        if json.get() {
            row(&json!({"input": name(input), "error": message::one_line(&error)}))?;
        }
        if files == 1 {
            progress.finish();
            return Err(error);
        }
        progress.tell(&message::about(blamed, &error));
        failed += 1;
        Ok(())
    };
    for (folder, error) in unread {
        fail(&folder, &folder, error)?;
    }
    for job in jobs {
        let input_bytes = length(&job.input);
        let mut share = |share: f64| progress.within_file((share * input_bytes as f64) as u64);
        tracing::debug!("{} -> {}", job.input.display(), job.output.display());
        let start = Instant::now();
        let finished = (|| {
            let before = identity(&job.input);
            if make_folders && let Some(folder) = job.output.parent() {
                fs::create_dir_all(folder)
                    .with_context(|| format!("{}: cannot be made", folder.display()))?;
            }
            let Done { lines, facts, unfinished } = work(&job, &mut share)?;
            if !lines.is_empty() {
                let lines: Vec<String> = lines.iter().map(|line| plain(line)).collect();
                progress.say(&lines.join("\n"));
            }
            if let Some(reason) = unfinished {
                bail!(reason);
            }
            let seconds = start.elapsed().as_secs_f64();
            let facts = json.get().then(|| facts_of(&job, facts, seconds, delete)).transpose()?;
            if delete {
                ensure!(before.is_some(), "it is no regular file, and is kept");
                ensure!(before == identity(&job.input), "it was changed meanwhile, and is kept");
                remove_in_favour_of(&job.input, &job.output)?;
            }
            Ok(facts)
        })();
        match finished {
            Err(error) if names(&error, &job.output) => fail(&job.input, &job.output, error)?,
            Err(error) => fail(&job.input, &job.input, error)?,
            Ok(facts) => facts.iter().try_for_each(row)?,
        }
        progress.file_done(input_bytes, length(&job.output));
    }
    progress.finish();
    ensure!(failed == 0, "{failed} of {files} files failed");
    Ok(())
}

/// One row: what `work` found, and what can be said of any two files.
fn facts_of(job: &Job, found: Map<String, Value>, seconds: f64, delete: bool) -> Result<Value> {
    let mut row = Map::new();
    for (key, path) in [("input", &job.input), ("output", &job.output)] {
        row.insert(key.to_owned(), json!(name(path)));
        // What goes through a pipe is gone.
        if let Some(meta) = fs::metadata(path).ok().filter(fs::Metadata::is_file) {
            row.insert(format!("{key}_bytes"), json!(meta.len()));
            row.insert(format!("{key}_blake3"), json!(file_digest(path)?.to_string()));
        }
    }
    row.insert("seconds".to_owned(), json!((seconds * 1e6).round() / 1e6));
    row.extend(found);
    row.insert("deleted".to_owned(), json!(delete));
    Ok(Value::Object(row))
}

/// The error with the name of the input in front, unless it begins with it already.
pub(crate) fn naming(input: &Path, error: Error) -> Error {
    if names(&error, input) { error } else { error.context(name(input)) }
}

/// Whether an error begins with the name of this file.
fn names(error: &Error, path: &Path) -> bool {
    error.to_string().starts_with(&format!("{}:", name(path)))
}

/// What tells that a file is still the one it was; `None` for what is no regular file.
fn identity(path: &Path) -> Option<(u64, std::time::SystemTime)> {
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((found.len(), found.modified().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_stay_where_the_work_fails_or_they_change() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = |name: &str| folder.path().join(name);
        let jobs = ["good", "bad", "touched"].map(|name| {
            fs::write(path(name), name).expect("it can be written to");
            Job { input: path(name), output: path(&format!("out/{name}")) }
        });
        let failed = each(jobs.to_vec(), vec![], true, true, Saying::default(), |job, share| {
            share(0.5);
            ensure!(!job.input.ends_with("bad"), "bad");
            fs::copy(&job.input, &job.output)?;
            if job.input.ends_with("touched") {
                fs::write(&job.input, "longer than before")?;
            }
            Ok(Done::default())
        });
        assert!(failed.is_err_and(|error| error.to_string().contains("2 of 3")));
        assert!(!path("good").exists() && path("out/good").exists());
        assert!(path("bad").exists() && path("touched").exists());
    }
}
