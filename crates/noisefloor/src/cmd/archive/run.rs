//! The work on all files of a shard.

use crate::files::batch::Progress;
use crate::message::{about, say};
use anyhow::{Result, ensure};
use nf_archive::{Archivist, Job, Row, Run, Source};
use rayon::prelude::*;
use std::time::Instant;

/// Files are worked on side by side up to so many bytes together, which bounds the memory; a larger
/// one has the threads to itself, which then share its tiles.
const GROUP_BYTES: u64 = 64 << 20;
/// And up to so many files, whose receipts are then written together: one sync for all of them, and
/// no more work than this is done again after a kill.
const GROUP_FILES: usize = 128;

/// Archives what is not proved done.
///
/// # Errors
/// If nothing could be begun, receipts cannot be written, or files failed.
pub(super) fn run(mut job: Job, archivist: &Archivist, quiet: bool) -> Result<()> {
    job.spec = archivist.spec().to_owned();
    let mut run = Run::begin(job)?;
    let plan = run.plan();
    let todo = plan.todo.clone();
    let (done_before, files) = (plan.done.len(), todo.len() + plan.done.len() + plan.failed.len());
    let bytes = todo.iter().map(|source| source.identity.bytes).sum();
    let progress = Progress::new(todo.len() as u64, bytes, quiet);
    if plan.others > 0 && !quiet {
        say(&format!("{} files are no FITS or .npy files by their names, and are left alone", plan.others));
    }
    plan.failed.iter().for_each(|(path, error)| say(&about(path, error)));
    let start = Instant::now();
    for group in groups(&todo) {
        let rows: Vec<Row> = group
            .par_iter()
            .map(|source| {
                let row = archivist.row(source, run.known_output(source));
                progress.file_done(row.source_bytes, row.output_bytes);
                row
            })
            .collect();
        for (path, error) in run.settle(&rows)? {
            progress.tell(&about(&path, &error));
        }
    }
    for (path, error) in run.finish()? {
        progress.tell(&about(&path, &error));
    }
    progress.finish();
    if !quiet {
        say(&run.sum().words(done_before, start.elapsed().as_secs_f64()));
    }
    let failed = run.sum().failed;
    ensure!(failed == 0, "{failed} of {files} files failed; the others are archived");
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

#[cfg(test)]
mod tests {
    use super::*;
    use nf_archive::Identity;

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
