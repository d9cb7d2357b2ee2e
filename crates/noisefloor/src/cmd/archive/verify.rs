//! `noisefloor archive verify`: outputs against their receipts.

use crate::files::batch::Progress;
use crate::files::profile::NeededProfile;
use crate::message::{about, say};
use crate::registry::tools;
use anyhow::{Context, Result, ensure};
use nf_archive::output::file_digest;
use nf_archive::{Known, Method, Row, restore};
use rayon::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Decode the files of an archive and compare them with their receipts.
#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor archive verify packed --sample 500")]
pub(super) struct Args {
    /// The archive
    archive: PathBuf,
    /// Only so many files, drawn at random
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,
    /// Seed of the draw [default: from the clock, and told]
    #[arg(long, value_name = "SEED", requires = "sample")]
    seed: Option<u64>,
    #[command(flatten)]
    profile: NeededProfile,
    /// Say only what failed
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    args.profile.make_known()?;
    let archive = args.archive.as_path();
    let mut rows = Known::receipts(archive)?;
    let all = rows.len();
    if let Some(sample) = args.sample {
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let seed = args.seed.unwrap_or_else(clock);
        draw(&mut rows, sample, seed);
        if !args.quiet {
            say(&format!("{} of {all} files, drawn with --seed {seed}", rows.len()));
        }
    }
    let bytes: u64 = rows.iter().map(|row| row.output_bytes).sum();
    let progress = Progress::new(rows.len() as u64, bytes, args.quiet);
    let start = Instant::now();
    let failed: usize = rows
        .par_iter()
        .map(|row| {
            let checked = check(archive, row);
            progress.file_done(row.output_bytes, 0);
            let Err(error) = checked else { return 0 };
            progress.tell(&about(&archive.join(&row.output), &error));
            1
        })
        .sum();
    progress.finish();
    let seconds = start.elapsed().as_secs_f64();
    if !args.quiet {
        let intact = rows.len() - failed;
        say(&format!("{intact} files are what their receipts say, {failed} are not; {seconds:.1} s"));
    }
    ensure!(failed == 0, "{failed} of {} files are damaged or missing", rows.len());
    Ok(())
}

/// Keeps a sample, in order.
fn draw(rows: &mut Vec<Row>, sample: u64, seed: u64) {
    rows.sort_by_cached_key(|row| {
        *blake3::Hasher::new().update(&seed.to_le_bytes()).update(row.source.as_bytes()).finalize().as_bytes()
    });
    rows.truncate(usize::try_from(sample).unwrap_or(usize::MAX));
    rows.sort_by(|a, b| a.source.cmp(&b.source));
}

/// Compares an output with its receipt: its bytes, and those that it gives back.
fn check(archive: &Path, row: &Row) -> Result<()> {
    let path = archive.join(&row.output);
    let length = fs::metadata(&path).context("it cannot be read")?.len();
    ensure!(length == row.output_bytes, "it has {length} bytes, its receipt says {}", row.output_bytes);
    ensure!(file_digest(&path)?.to_string() == row.output_blake3, "its bytes are not those of its receipt");
    if row.method == Method::Container {
        let mut digest = blake3::Hasher::new();
        restore(&tools(), archive, row, &mut digest)?;
        let same = digest.finalize().to_string() == row.restored_blake3;
        ensure!(same, "it does not give back the file of its receipt");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_files_again() {
        let row = |i: usize| Row { source: format!("{i:04}"), ..Row::default() };
        let drawn = |seed| {
            let mut rows: Vec<Row> = (0..1000).map(row).collect();
            draw(&mut rows, 10, seed);
            rows.into_iter().map(|row| row.source).collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert!(drawn(1).is_sorted() && drawn(1).len() == 10);
    }
}
