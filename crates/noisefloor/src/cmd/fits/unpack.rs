//! `noisefloor fits unpack`.

use super::opened::{open, reason_to_keep, shares};
use crate::cmd::bound::compare::{bounds, words};
use crate::files::batch::{Done, Files, Rules};
use crate::files::kinds::{PACKED, is_fits, is_packed, without};
use crate::files::output::{fill_file, write_file};
use crate::files::profile::NeededProfile;
use anyhow::{Result, anyhow, ensure};
use nf_fits::FitsFile;
use nf_fits::pack::{UnpackedHdu, unpack, unpack_proven};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor fits unpack -r packed --output-dir again")]
pub(super) struct Args {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    profile: NeededProfile,
    /// Go on where the sums of a compressed image or table say that it is damaged
    #[arg(long, conflicts_with = "delete", help_heading = "Damage")]
    salvage: bool,
    /// funpack's -S: the same as --output -
    #[arg(short = 'S', hide = true, conflicts_with = "output")]
    stdout: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let rules = Rules {
        verb: "fits unpack",
        takes: is_packed,
        is_output: is_fits,
        name: &|input| if args.stdout { Ok("-".into()) } else { unpacked_name(input) },
    };
    args.profile.make_known()?;
    let (force, delete) = (args.files.force(), args.files.delete());
    args.files.each(&rules, |job, share| {
        let mut file = open(&job.input)?;
        if args.salvage {
            file = file.salvaged();
        }
        let mut progress = shares(&file, if delete { 2 } else { 1 }, share);
        let hdus = if delete {
            fill_file(&job.output, force, |out| {
                unpack_proven(&file, out, &mut progress).map_err(with_way_out)
            })?
        } else {
            write_file(&job.output, force, |out| unpack(&file, out, &mut progress).map_err(with_way_out))?
        };
        restored(&file, &hdus, delete)
    })
}

fn unpacked_name(input: &Path) -> Result<PathBuf> {
    ensure!(is_packed(input), "its name does not end in .fz; name the new file with --output");
    Ok(without(input, PACKED))
}

/// What is left to say of an unpacked file.
fn restored(file: &FitsFile, hdus: &[UnpackedHdu], delete: bool) -> Result<Done> {
    let mut done = Done::default();
    for hdu in file.hdus().iter().filter(|hdu| hdu.is_compressed()) {
        if file.is_salvaged() && file.checksums(hdu)?.is_wrong() {
            done.lines.push(format!("  HDU {}: unpacked although its sums are wrong", hdu.index()));
        }
    }
    for hdu in hdus.iter().filter(|hdu| hdu.checksums.is_wrong()) {
        let index = hdu.index;
        done.lines
            .push(format!("  HDU {index}: the sums of the original are not those of the restored data"));
    }
    for (index, cards) in bounds(file) {
        done.lines.push(format!("  HDU {index}: {}", words(&cards)));
    }
    let pixels: u64 = file.image_hdus().map(|image| image.pixels()).sum();
    done.facts.insert("pixels".to_owned(), json!(pixels));
    let facts = hdus.iter().map(|hdu| {
        json!({"hdu": hdu.index, "name": hdu.name, "was_compressed": hdu.was_compressed, "lossy": hdu.lossy})
    });
    done.facts.insert("hdus".to_owned(), Value::Array(facts.collect()));
    done.keeping(reason_to_keep(file), delete);
    Ok(done)
}

/// Damage that can be passed over says how.
fn with_way_out(error: nf_fits::Error) -> anyhow::Error {
    match error {
        nf_fits::Error::Damaged { .. } => anyhow!("{error}; --salvage unpacks it all the same"),
        error => error.into(),
    }
}
