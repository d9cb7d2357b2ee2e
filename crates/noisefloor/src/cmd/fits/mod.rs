//! `noisefloor fits`: tile-compressed FITS files, packed, unpacked, listed, verified, compared and
//! cut.

pub(crate) mod habits;
mod list;
pub(crate) mod opened;
mod pack;
mod unpack;

use super::bound::compare as bound;
use super::test;
use crate::files::batch::Inputs;
use crate::files::output::{ensure_distinct, text, write_file};
use crate::files::profile::NeededProfile;
use crate::registry::open_readable_fits;
use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use nf_fits::pack::{Verdict, compare};
use nf_fits::{FitsFile, Target, cutout};
use opened::open;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compress the images of FITS files in tiles, with --tables tables too; FILE becomes FILE.fz
    Pack(pack::Args),
    /// Restore the original of packed files; FILE.fz becomes FILE
    Unpack(unpack::Args),
    /// List the HDUs of files: types, shapes, algorithms, tiles, sizes
    List(list::Args),
    /// Check files: their sums, and whether every tile can be decoded
    Verify(Verify),
    /// Compare two files as they are without compression, byte for byte
    Compare(Compare),
    /// Write a section of an image, as FILE[HDU][x0:x1,y0:y1] (counted from 1, ends included)
    Cutout(Cutout),
}

#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor fits verify -r night")]
struct Verify {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    profile: NeededProfile,
}

#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor fits compare frame.fits.fz frame.fits")]
struct Compare {
    /// The file
    file: PathBuf,
    /// What it should be without compression
    original: PathBuf,
    #[command(flatten)]
    profile: NeededProfile,
}

#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor fits cutout 'frame.fits.fz[1][100:200,50:80]' cut.fits")]
struct Cutout {
    /// FILE, FILE[HDU], FILE[x0:x1,y0:y1] or FILE[HDU][x0:x1,y0:y1]; HDU is a number or a name
    target: OsString,
    /// FITS file to write; `-` is the standard output
    output: PathBuf,
    /// Replace OUTPUT if it exists
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    profile: NeededProfile,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.verb {
        Verb::Pack(args) => pack::run(args),
        Verb::Unpack(args) => unpack::run(args),
        Verb::List(args) => list::run(args),
        Verb::Verify(args) => {
            args.profile.make_known()?;
            test::sums(&args.inputs)
        }
        Verb::Compare(args) => {
            args.profile.make_known()?;
            compare_files(&args.file, &args.original)
        }
        Verb::Cutout(args) => {
            args.profile.make_known()?;
            let target = Target::locate(&args.target);
            let name = || args.target.to_string_lossy().into_owned();
            ensure_distinct(&target.path, &args.output)?;
            // Other HDUs may be damaged.
            let file = open_readable_fits(&target.path)?;
            let image = target.image(&file).with_context(name)?;
            if let Some(fault) = file.fault() {
                tracing::warn!(
                    "{}: {fault}; the section is of an intact HDU before it",
                    target.path.display()
                );
            }
            let section = target.section(&image).with_context(name)?;
            write_file(&args.output, args.force, |out| {
                let remarks = cutout(&image, &section, out).with_context(name)?;
                remarks.iter().for_each(|remark| tracing::warn!("{}: {remark}", name()));
                Ok(())
            })
        }
    }
}

fn compare_files(file: &Path, original: &Path) -> Result<()> {
    let (one, other) = (open(file)?, open(original)?);
    let bounds = bound::bounds(&one);
    // A file with the same cards was changed already: then every byte has to be the same.
    if !bounds.is_empty() && bounds != bound::bounds(&other) {
        return bound::compare(file, original, &bounds, &mut text());
    }
    let verdicts = compare(&one, &other, &mut |_| {}).map_err(|error| {
        // The one that cannot even be compared with itself is the one that is damaged.
        let is_sound = |file: &FitsFile| compare(file, file, &mut |_| {}).is_ok();
        let damaged = if is_sound(&one) { original } else { file };
        anyhow::Error::new(error).context(damaged.display().to_string())
    })?;
    let mut different = false;
    let mut out = text();
    for (index, verdict) in verdicts.iter().enumerate() {
        match verdict {
            Verdict::Identical => writeln!(out, "HDU {index}: identical")?,
            Verdict::Lossy { largest_error } => {
                writeln!(out, "HDU {index}: lossy, largest error {largest_error}")?;
            }
            Verdict::Different(problem) => {
                writeln!(out, "HDU {index}: DIFFERENT: {problem}")?;
                different = true;
            }
        }
    }
    ensure!(!different, "{} is not {}", file.display(), original.display());
    Ok(())
}
