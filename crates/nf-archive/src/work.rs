//! One file: from its source to an output that is proved and on the disk.

use crate::coder::Coder;
use crate::input::{self, Input, holds_no_samples};
use crate::kinds::{CONTAINER, with_ending};
use crate::output::{file_digest, fill_file};
use crate::plan::Source;
use crate::profiles::{KEY, Profiles};
use crate::row::{Identity, Method, Row, now_ms};
use crate::tools::Tools;
use anyhow::{Context, Result, bail, ensure};
use nf_codec::Spec;
use nf_codec::container::Reader;
use nf_profile::format::ENDING;
use nf_profile::library;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What codes the files of an archive, one after the other or side by side.
pub struct Archivist {
    tools: Tools,
    archive: PathBuf,
    coder: Coder,
    /// The coder's spec.
    spec: String,
    /// Whether outputs without receipts are replaced, whatever they hold.
    force: bool,
}

impl Archivist {
    /// What codes by this spec into this archive; with `force`, outputs without receipts are
    /// replaced, whatever they hold.
    ///
    /// # Errors
    /// If the spec makes no sense.
    pub fn new(tools: Tools, archive: PathBuf, spec: &Spec, force: bool) -> Result<Self> {
        Ok(Self::with_coder(tools, archive, Coder::new(tools, spec, None, true)?, force))
    }

    /// The same, which codes every file with the one of these profiles that makes it smallest. With
    /// `embed`, containers carry the profiles that they need; otherwise a copy of each lies in the
    /// archive.
    ///
    /// # Errors
    /// As [`Archivist::new`], and if the codec knows no profiles.
    pub fn with_profiles(self, profiles: Profiles, embed: bool) -> Result<Self> {
        let Self { tools, archive, coder, force, .. } = self;
        Ok(Self::with_coder(tools, archive, coder.with_profiles(profiles, embed)?, force))
    }

    fn with_coder(tools: Tools, archive: PathBuf, coder: Coder, force: bool) -> Self {
        let spec = coder.spec().to_string();
        Self { tools, archive, coder, spec, force }
    }

    /// The spec with its options in canonical order.
    pub fn spec(&self) -> &str {
        &self.spec
    }

    /// The row of a source on which nothing could be done.
    pub fn failure(spec: &str, source: &Source, reason: String) -> Row {
        Row { error: Some(reason), finished_unix_ms: now_ms(), ..blank(spec, source) }
    }

    /// Does the work; a failure is a row as well. `known_output` is what the last receipt of the
    /// source names, which may be replaced.
    pub fn row(&self, source: &Source, known_output: Option<&str>) -> Row {
        let start = Instant::now();
        let mut row = blank(&self.spec, source);
        // A fault of ours in one file is no reason to leave the others.
        let done = catch_unwind(AssertUnwindSafe(|| self.work(source, known_output, &mut row)));
        let done = done.unwrap_or_else(|_| bail!("a fault in this program, please report this file"));
        row.error = done.err().map(|error| self.tools.line(&error));
        row.seconds = start.elapsed().as_secs_f64();
        row.finished_unix_ms = now_ms();
        row
    }

    fn work(&self, source: &Source, known_output: Option<&str>, row: &mut Row) -> Result<()> {
        let input = match input::read(&source.path, &self.tools) {
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
        let is_known = known_output.is_some_and(|known| Path::new(known) == name);
        if !is_known && !self.force && output.exists() {
            // A run may have been killed before it could write the receipt.
            let holds = match &input {
                Some(input) => holds(&self.tools, &self.archive, &output, input),
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
        if let Some(remark) = &coded.remark {
            tracing::warn!("{}: {remark}", source.name);
        }
        row.source_blake3 = file_digest(&source.path)?.to_string();
        row.restored_blake3 = coded.restored.context("it was not proved")?.to_string();
        if let Some(profile) = &coded.needed_profile {
            let id = coded.header.codec.get(KEY).unwrap_or_default();
            keep_profile(&self.archive.join(format!("{id}.{ENDING}")), profile)?;
        }
        row.pixels = coded.pixels();
        row.raw_bytes = coded.raw_bytes;
        row.stacks = coded.digests.iter().map(|digest| digest.to_string()).collect();
        Ok(())
    }
}

/// A copy of a profile in the archive, which needs it.
fn keep_profile(path: &Path, profile: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|found| found == profile) {
        return Ok(());
    }
    fill_file(path, true, |file| {
        file.write_all(profile)?;
        Ok(file.sync_all()?)
    })
}

/// What is known of a source before the work on it.
fn blank(spec: &str, source: &Source) -> Row {
    Row {
        source: source.name.clone(),
        spec: spec.to_owned(),
        program: crate::PROGRAM.to_owned(),
        source_bytes: source.identity.bytes,
        source_mtime_ns: source.identity.mtime_ns,
        ..Row::default()
    }
}

/// Whether a container gives back this input.
fn holds(tools: &Tools, archive: &Path, output: &Path, input: &Input) -> Result<bool> {
    library::look_in(archive);
    let mut reader = Reader::open(File::open(output)?, tools.codec_limits())?;
    let codec = reader.codec(&tools.registry())?;
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
pub fn restore(tools: &Tools, archive: &Path, row: &Row, out: &mut dyn Write) -> Result<()> {
    let path = archive.join(&row.output);
    library::look_in(archive);
    library::look_beside(&path);
    let mut file = File::open(&path).with_context(|| path.display().to_string())?;
    match row.method {
        Method::Copy => drop(std::io::copy(&mut file, out)?),
        Method::Container => {
            let mut reader = Reader::open(file, tools.codec_limits())?;
            let codec = reader.codec(&tools.registry())?;
            reader.restore(&*codec, out)?;
        }
    }
    Ok(())
}
