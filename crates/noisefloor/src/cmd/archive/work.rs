//! One file: from its source to an output that is proved and on the disk.

use super::plan::Source;
use super::row::{Identity, Method, Row, now_ms};
use crate::cmd::compress::Coder;
use crate::files::batch::file_digest;
use crate::files::input::{self, Input, holds_no_samples};
use crate::files::kinds::{CONTAINER, with_ending};
use crate::files::output::fill_file;
use crate::files::source;
use crate::limits;
use crate::message::one_line;
use crate::registry::registry;
use anyhow::{Context, Result, bail, ensure};
use nf_codec::container::Reader;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

/// What codes the files of an archive.
pub(super) struct Archivist<'a> {
    pub(super) archive: &'a Path,
    pub(super) coder: Coder,
    /// The coder's spec.
    pub(super) spec: String,
    /// Whether outputs without receipts are replaced, whatever they hold.
    pub(super) force: bool,
}

impl Archivist<'_> {
    /// Does the work; a failure is a row as well. `known` is the last receipt of the source, whose
    /// output may be replaced.
    pub(super) fn row(&self, source: &Source, known: Option<&Row>) -> Row {
        let start = Instant::now();
        let mut row = Row {
            source: source.name.clone(),
            spec: self.spec.clone(),
            program: concat!("noisefloor ", env!("CARGO_PKG_VERSION")).to_owned(),
            source_bytes: source.identity.bytes,
            source_mtime_ns: source.identity.mtime_ns,
            ..Row::default()
        };
        // A fault of ours in one file is no reason to leave the others.
        let done = catch_unwind(AssertUnwindSafe(|| self.work(source, known, &mut row)));
        let done = done.unwrap_or_else(|_| bail!("a fault in this program, please report this file"));
        row.error = done.err().map(|error| one_line(&error));
        row.seconds = start.elapsed().as_secs_f64();
        row.finished_unix_ms = now_ms();
        row
    }

    fn work(&self, source: &Source, known: Option<&Row>, row: &mut Row) -> Result<()> {
        let input = match input::read(source::Source::open(&source.path)?) {
            Ok(input) => Some(input),
            Err(error) if holds_no_samples(&error) => None,
            Err(error) => return Err(error),
        };
        row.method = if input.is_some() { Method::Container } else { Method::Copy };
        let name = match row.method {
            // The whole name, so that a.fits and a.fits.gz become two files.
            Method::Container => with_ending(source.name.clone().into(), CONTAINER),
            Method::Copy => source.name.clone().into(),
        };
        let output = self.archive.join(&name);
        if let Some(folder) = output.parent() {
            fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        }
        let is_known = known.is_some_and(|known| Path::new(&known.output) == name);
        if !is_known && !self.force && output.exists() {
            // A run may have been killed before it could write the receipt.
            let holds = match &input {
                Some(input) => holds(&output, input),
                None => Ok(file_digest(&output)? == file_digest(&source.path)?),
            };
            ensure!(
                holds.is_ok_and(|holds| holds),
                "{} is there without a receipt and does not hold this file; --force replaces it",
                output.display()
            );
        }
        fill_file(&output, true, |file| {
            match input {
                Some(input) => self.code(source, input, file, row)?,
                None => copy(source, file, row)?,
            }
            file.sync_all()?;
            file.rewind()?;
            row.output_blake3 = blake3::Hasher::new().update_reader(&*file)?.finalize().to_string();
            row.output_bytes = file.metadata()?.len();
            if row.method == Method::Copy {
                ensure!(row.output_blake3 == row.source_blake3, "the copy reads back otherwise");
            }
            let now = fs::metadata(&source.path).and_then(|meta| Identity::of(&meta));
            ensure!(
                now.is_ok_and(|now| now == source.identity),
                "it changed while it was read; the next run takes it as it is then"
            );
            Ok(())
        })?;
        row.output = name.to_string_lossy().into_owned();
        Ok(())
    }

    fn code(&self, source: &Source, input: Input, file: &mut File, row: &mut Row) -> Result<()> {
        let coded = self.coder.to_file(input, file, &mut |_| {})?;
        row.source_blake3 = file_digest(&source.path)?.to_string();
        row.restored_blake3 = coded.restored.context("it was not proved")?.to_string();
        row.pixels = coded.pixels();
        row.raw_bytes = coded.raw_bytes;
        row.stacks = coded.digests.iter().map(|digest| digest.to_string()).collect();
        Ok(())
    }
}

/// Whether a container gives back this input.
fn holds(output: &Path, input: &Input) -> Result<bool> {
    let mut reader = Reader::open(File::open(output)?, limits::codec())?;
    let codec = reader.codec(&registry())?;
    Ok(input.original.prove(|sink| reader.restore(&*codec, sink)).is_ok())
}

fn copy(source: &Source, file: &mut File, row: &mut Row) -> Result<()> {
    let mut from = File::open(&source.path).with_context(|| source.path.display().to_string())?;
    std::io::copy(&mut from, file)?;
    row.source_blake3 = file_digest(&source.path)?.to_string();
    row.restored_blake3 = row.source_blake3.clone();
    Ok(())
}

/// Writes the file that an output gives back.
///
/// # Errors
/// If the output is damaged, or `out` fails.
pub(super) fn restore(archive: &Path, row: &Row, out: &mut dyn Write) -> Result<()> {
    let path = archive.join(&row.output);
    let mut file = File::open(&path).with_context(|| path.display().to_string())?;
    match row.method {
        Method::Copy => drop(std::io::copy(&mut file, out)?),
        Method::Container => {
            let mut reader = Reader::open(file, limits::codec())?;
            let codec = reader.codec(&registry())?;
            reader.restore(&*codec, out)?;
        }
    }
    Ok(())
}
