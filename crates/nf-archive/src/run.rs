//! An archive being written: what is to do, what is settled, and what is said at the end.

use crate::manifest;
use crate::output::{file_digest, remove_abandoned};
use crate::plan::{Plan, Source, plan};
use crate::receipts::{Known, Receipts};
use crate::row::{Identity, Row};
use crate::shard::Shard;
use anyhow::{Context, Error, Result, anyhow, ensure};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What is to be archived, and how.
#[derive(Clone, Debug)]
pub struct Job {
    /// The folder of sources.
    pub sources: PathBuf,
    /// The folder of the archive; it is made if it is not there.
    pub archive: PathBuf,
    /// Which part of the sources.
    pub shard: Shard,
    /// The codec, as [`Coder::spec`](crate::Coder::spec) writes it.
    pub spec: String,
    /// Whether sources go that come back byte for byte, once their receipts are on the disk.
    pub delete: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// Files archived by this run.
    pub archived: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Bytes of their outputs.
    pub bytes_out: u64,
    /// Files that failed.
    pub failed: u64,
    /// Sources that stay although they should go, because they would not come back byte for byte.
    pub kept: u64,
}

/// What went wrong with a file.
pub type Trouble = (PathBuf, Error);

/// A shard of an archive that this process works on: it holds the lock.
///
/// Whoever has one lets [`Archivist`](crate::Archivist)s work on [`Plan::todo`], here or elsewhere,
/// and hands their rows back.
pub struct Run {
    job: Job,
    receipts: Receipts,
    known: Known,
    plan: Plan,
    sum: Sum,
}

impl Run {
    /// Takes the lock of the shard, reads all receipts and walks the sources.
    ///
    /// # Errors
    /// If another process works on the shard, the two folders make no sense together, or the system
    /// refuses.
    pub fn begin(job: Job) -> Result<Self> {
        fs::create_dir_all(&job.archive)
            .with_context(|| format!("{}: cannot be made", job.archive.display()))?;
        let receipts = Receipts::open(&job.archive, job.shard)?;
        let known = Known::read(&job.archive)?;
        let plan = plan(&job.sources, &job.archive, job.shard, &job.spec, &known)?;
        let sum = Sum { failed: plan.failed.len() as u64, ..Sum::default() };
        Ok(Self { job, receipts, known, plan, sum })
    }

    /// What there is to do.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Name of the output that the last receipt of a source proves, below the archive.
    pub fn known_output(&self, source: &Source) -> Option<&str> {
        self.known.proved.get(&source.name).map(|row| row.output.as_str())
    }

    /// What came of it so far.
    pub fn sum(&self) -> &Sum {
        &self.sum
    }

    /// Makes sure that outputs are on the disk under their names, appends the receipts, and only
    /// then deletes sources, if asked for. What went wrong with single files comes back.
    ///
    /// # Errors
    /// If a folder cannot be synced or receipts cannot be written.
    pub fn settle(&mut self, rows: &[Row]) -> Result<Vec<Trouble>> {
        sync_folders(&self.job.archive, rows)?;
        self.receipts.append(rows)?;
        let mut troubles = Vec::new();
        for row in rows {
            let path = self.job.sources.join(&row.source);
            if let Some(error) = &row.error {
                troubles.push((path, anyhow!("{error}")));
                self.sum.failed += 1;
                continue;
            }
            self.sum.archived += 1;
            self.sum.bytes_in += row.source_bytes;
            self.sum.bytes_out += row.output_bytes;
            if self.job.delete {
                troubles.extend(self.sum.take_away(path, row));
            }
        }
        Ok(troubles)
    }

    /// Deletes what was archived by a run that did not delete, or was killed before it could, and
    /// writes the manifest of all shards.
    ///
    /// # Errors
    /// If the manifest cannot be written.
    pub fn finish(&mut self) -> Result<Vec<Trouble>> {
        let mut troubles = Vec::new();
        if self.job.delete {
            for (source, row) in &self.plan.done {
                match is_proved_again(&self.job.archive, source, row) {
                    Ok(()) => troubles.extend(self.sum.take_away(source.path.clone(), row)),
                    Err(error) => {
                        troubles.push((source.path.clone(), error));
                        self.sum.failed += 1;
                    }
                }
            }
        }
        manifest::write(&self.job.archive)?;
        Ok(troubles)
    }

    /// Removes what killed processes have left unfinished, which otherwise the next process does
    /// that writes into the same folder.
    pub fn remove_abandoned(&self) {
        let Plan { todo, done, .. } = &self.plan;
        let sources = todo.iter().chain(done.iter().map(|(source, _)| source));
        let folders: BTreeSet<PathBuf> = sources
            .filter_map(|source| Some(self.job.archive.join(&source.name).parent()?.to_owned()))
            .collect();
        folders.iter().for_each(|folder| remove_abandoned(folder));
    }
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
    /// Deletes a source whose receipt is on the disk, or says why it could not.
    fn take_away(&mut self, path: PathBuf, row: &Row) -> Option<Trouble> {
        let is_link = || fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink());
        if !row.is_exact() || is_link() {
            self.kept += 1;
            return None;
        }
        let remove = || -> Result<()> {
            let now = Identity::of(&fs::metadata(&path)?)?;
            ensure!(now == row.identity(), "it was changed meanwhile, and is kept");
            fs::remove_file(&path).context("it cannot be removed")
        };
        let error = remove().err()?;
        self.failed += 1;
        Some((path, error))
    }

    /// One line on a run that took so long.
    pub fn words(&self, done_before: usize, seconds: f64) -> String {
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
