//! The work on all files of a shard.

use super::manifest;
use super::plan::{Plan, Source, plan};
use super::receipts::{Known, Receipts};
use super::row::{Identity, Row};
use super::shard::Shard;
use super::work::Archivist;
use crate::cmd::compress::Coder;
use crate::files::batch::{Progress, file_digest};
use crate::message::{about, say};
use anyhow::{Context, Result, ensure};
use nf_codec::Spec;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

/// What is to be archived, and how.
pub(super) struct Job<'a> {
    pub(super) input: &'a Path,
    pub(super) output: &'a Path,
    pub(super) shard: Shard,
    pub(super) spec: &'a Spec,
    pub(super) delete: bool,
    pub(super) force: bool,
    pub(super) quiet: bool,
}

/// Files are worked on side by side up to so many bytes together, which bounds the memory; a larger
/// one has the threads to itself, which then share its tiles.
const GROUP_BYTES: u64 = 64 << 20;
/// And up to so many files, whose receipts are then written together: one sync for all of them, and
/// no more work than this is done again after a kill.
const GROUP_FILES: usize = 128;

/// What came of it.
#[derive(Default)]
struct Sum {
    archived: u64,
    bytes_in: u64,
    bytes_out: u64,
    failed: u64,
    /// Sources that stay although they should go, because they would not come back byte for byte.
    kept: u64,
}

pub(super) fn run(job: &Job<'_>) -> Result<()> {
    let coder = Coder::new(job.spec, None, true)?;
    let spec = coder.spec().to_string();
    fs::create_dir_all(job.output).with_context(|| format!("{}: cannot be made", job.output.display()))?;
    let mut receipts = Receipts::open(job.output, job.shard)?;
    let known = Known::read(job.output)?;
    let Plan { todo, done, failed, others } = plan(job.input, job.output, job.shard, &spec, &known)?;
    let bytes = todo.iter().map(|source| source.identity.bytes).sum();
    let progress = Progress::new(todo.len() as u64, bytes, job.quiet);
    if others > 0 && !job.quiet {
        say(&format!("{others} files are no FITS or .npy files by their names, and are left alone"));
    }
    let mut sum = Sum { failed: failed.len() as u64, ..Sum::default() };
    failed.iter().for_each(|(path, error)| say(&about(path, error)));
    let start = Instant::now();
    let archivist = Archivist { archive: job.output, coder, spec, force: job.force };
    for group in groups(&todo) {
        let rows: Vec<Row> = group
            .par_iter()
            .map(|source| {
                let row = archivist.row(source, known.proved.get(&source.name));
                progress.file_done(row.source_bytes, row.output_bytes);
                row
            })
            .collect();
        sync_folders(job.output, &rows)?;
        receipts.append(&rows)?;
        for (source, row) in group.iter().zip(&rows) {
            match &row.error {
                Some(error) => {
                    progress.tell(&format!("{}: {error}", source.path.display()));
                    sum.failed += 1;
                }
                None => {
                    sum.archived += 1;
                    sum.bytes_in += row.source_bytes;
                    sum.bytes_out += row.output_bytes;
                    if job.delete {
                        sum.take_away(source, row, &progress);
                    }
                }
            }
        }
    }
    if job.delete {
        // Archived by a run that did not delete, or was killed before it could.
        for (source, row) in &done {
            match is_proved_again(job.output, source, row) {
                Ok(()) => sum.take_away(source, row, &progress),
                Err(error) => {
                    progress.tell(&about(&source.path, &error));
                    sum.failed += 1;
                }
            }
        }
    }
    progress.finish();
    manifest::write(job.output)?;
    if !job.quiet {
        say(&sum.words(done.len(), start.elapsed().as_secs_f64()));
    }
    let files = todo.len() + done.len() + failed.len();
    ensure!(sum.failed == 0, "{} of {files} files failed; the others are archived", sum.failed);
    Ok(())
}

/// Sources in groups that are worked on together.
fn groups(mut sources: &[Source]) -> impl Iterator<Item = &[Source]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |source: &&Source| {
            bytes += source.identity.bytes;
            bytes <= GROUP_BYTES
        };
        let count = sources.iter().take(GROUP_FILES).take_while(fits).count();
        let (group, rest) = sources.split_at_checked(count.max(1))?;
        sources = rest;
        Some(group)
    })
}

/// Makes sure that the names of outputs are on the disk, and those of their folders.
fn sync_folders(archive: &Path, rows: &[Row]) -> Result<()> {
    let mut folders = BTreeSet::from([archive.to_owned()]);
    for row in rows.iter().filter(|row| row.error.is_none()) {
        let output = archive.join(&row.output);
        let below = output.ancestors().skip(1).take_while(|folder| *folder != archive);
        folders.extend(below.map(Path::to_owned));
    }
    if cfg!(unix) {
        for folder in folders {
            File::open(&folder)
                .and_then(|file| file.sync_all())
                .with_context(|| folder.display().to_string())?;
        }
    }
    Ok(())
}

/// Compares source and output with their receipt once more.
fn is_proved_again(archive: &Path, source: &Source, row: &Row) -> Result<()> {
    let same = file_digest(&source.path)?.to_string() == row.source_blake3;
    ensure!(same, "it is not what its receipt says, and is kept");
    let output = archive.join(&row.output);
    let same = file_digest(&output)?.to_string() == row.output_blake3;
    ensure!(same, "{} is not what its receipt says; the source is kept", output.display());
    Ok(())
}

impl Sum {
    /// Deletes a source whose receipt is on the disk.
    fn take_away(&mut self, source: &Source, row: &Row, progress: &Progress) {
        let path = source.path.as_path();
        let is_link = || fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
        if !row.is_exact() || is_link() {
            self.kept += 1;
            return;
        }
        let remove = || -> Result<()> {
            let now = Identity::of(&fs::metadata(path)?)?;
            ensure!(now == source.identity, "it was changed meanwhile, and is kept");
            fs::remove_file(path).context("it cannot be removed")
        };
        if let Err(error) = remove() {
            progress.tell(&about(path, &error));
            self.failed += 1;
        }
    }

    fn words(&self, done_before: usize, seconds: f64) -> String {
        let Self { archived, bytes_in, bytes_out, failed, kept } = self;
        let mut words = format!("{archived} archived, {done_before} done before, {failed} failed");
        if *archived > 0 {
            words += &format!(
                "; {bytes_in} -> {bytes_out} bytes, ratio {:.3}, {:.1} MB/s, {:.1} files/s",
                *bytes_in as f64 / (*bytes_out).max(1) as f64,
                *bytes_in as f64 / 1e6 / seconds,
                *archived as f64 / seconds,
            );
        }
        if *kept > 0 {
            words +=
                &format!("; {kept} kept: links, and files of which only the FITS file inside comes back");
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_what_fits_and_at_least_one() {
        let source = |bytes: u64| Source {
            name: String::new(),
            path: "".into(),
            identity: Identity { bytes, mtime_ns: 0 },
        };
        let sizes = [GROUP_BYTES * 2, 5, GROUP_BYTES, 1, 2];
        let sources: Vec<Source> = sizes.into_iter().map(source).collect();
        let of: Vec<usize> = groups(&sources).map(<[Source]>::len).collect();
        assert_eq!(of, [1, 1, 1, 2]);
        let many: Vec<Source> = (0..300).map(|_| source(1)).collect();
        assert_eq!(groups(&many).map(<[Source]>::len).collect::<Vec<_>>(), [128, 128, 44]);
        assert_eq!(groups(&[]).count(), 0);
    }
}
