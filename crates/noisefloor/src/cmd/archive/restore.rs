//! `noisefloor archive restore`: the original files again.

use crate::files::batch::Progress;
use crate::files::kinds::inside;
use crate::files::profile::NeededProfile;
use crate::message::{about, say};
use crate::registry::tools;
use anyhow::{Context, Result, ensure};
use nf_archive::output::{file_digest, fill_file};
use nf_archive::walk::place;
use nf_archive::{Known, Row};
use rayon::prelude::*;
use std::collections::HashSet;
use std::fs;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Write the original files of an archive, byte for byte and with their times; of compressed ones,
/// the FITS files inside. A second run writes what is missing.
#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor archive restore packed again")]
pub(super) struct Args {
    /// The archive
    archive: PathBuf,
    /// Folder for the files; it is made if it is not there
    output: PathBuf,
    /// Replace files that are there and differ
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    profile: NeededProfile,
    /// Say only what failed
    #[arg(short, long)]
    quiet: bool,
}

enum Outcome {
    Written,
    ThereAlready,
}

pub(super) fn run(args: &Args) -> Result<()> {
    args.profile.make_known()?;
    let archive = args.archive.as_path();
    let rows = Known::receipts(archive)?;
    fs::create_dir_all(&args.output).with_context(|| format!("{}: cannot be made", args.output.display()))?;
    ensure!(
        place(&args.output) != place(archive),
        "{}: this is the archive itself; choose another folder",
        args.output.display()
    );
    // The names that come back byte for byte go first; no two files get one name.
    let mut taken: HashSet<PathBuf> =
        rows.iter().filter(|row| row.is_exact()).map(|row| PathBuf::from(&row.source)).collect();
    let mut jobs = Vec::new();
    let mut failed = 0;
    for row in &rows {
        let name = if row.is_exact() { PathBuf::from(&row.source) } else { inside(Path::new(&row.source)) };
        if row.is_exact() || taken.insert(name.clone()) {
            jobs.push((row, args.output.join(name)));
        } else {
            say(&format!(
                "{}: the file inside would be {}, which another one is",
                row.source,
                name.display()
            ));
            failed += 1;
        }
    }
    let progress =
        Progress::new(jobs.len() as u64, rows.iter().map(|row| row.source_bytes).sum(), args.quiet);
    let outcomes: Vec<Result<Outcome>> = jobs
        .par_iter()
        .map(|(row, path)| {
            let outcome = restore(archive, row, path, args.force);
            progress.file_done(row.source_bytes, row.output_bytes);
            if let Err(error) = &outcome {
                progress.tell(&about(path, error));
            }
            outcome
        })
        .collect();
    progress.finish();
    let written = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Written))).count();
    let there = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::ThereAlready))).count();
    failed += outcomes.len() - written - there;
    if !args.quiet {
        let unpacked = jobs.iter().filter(|(row, _)| !row.is_exact()).count();
        let mut words = format!("{written} files written, {there} were there already, {failed} failed");
        if unpacked > 0 {
            words += &format!("; {unpacked} are the FITS files inside compressed ones");
        }
        say(&words);
    }
    ensure!(failed == 0, "{failed} of {} files failed", rows.len());
    Ok(())
}

fn restore(archive: &Path, row: &Row, path: &Path, force: bool) -> Result<Outcome> {
    if path.is_file() && file_digest(path)?.to_string() == row.restored_blake3 {
        return Ok(Outcome::ThereAlready);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    }
    fill_file(path, force, |file| {
        let mut out = BufWriter::with_capacity(1 << 18, &mut *file);
        nf_archive::restore(&tools(), archive, row, &mut out)?;
        out.flush()?;
        drop(out);
        file.rewind()?;
        let written = blake3::Hasher::new().update_reader(&*file)?.finalize().to_string();
        ensure!(written == row.restored_blake3, "it is not the file of its receipt");
        if let Ok(since) = u64::try_from(row.source_mtime_ns) {
            file.set_modified(UNIX_EPOCH + Duration::from_nanos(since))?;
        }
        Ok(())
    })?;
    Ok(Outcome::Written)
}
