//! `noisefloor archive`: a whole folder of frames, resumable and provable.
//!
//! The contract of receipts is that of the crate `nf-archive`, which the Python package shares;
//! here is who does the work on which threads, and what is said of it.
//!
//! - `run`: the files of a shard.
//! - `verify`, `restore`: what is done with the result.

mod restore;
mod run;
mod verify;

use crate::files::profile::EmbeddableProfile;
use crate::registry::{DEFAULT_CODEC, tools};
use anyhow::{Context, Result};
use clap::Subcommand;
use nf_archive::{Archivist, Job, Shard};
use nf_codec::Spec;
use std::path::PathBuf;

/// Archive a folder: every FITS and .npy file below IN becomes a proved container below OUT, with a
/// receipt. Run again, it does what is not proved done; files that fail are told at the end.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Example: noisefloor archive nights packed --shard 3/16 --codec floor:level=fast")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Folder with the files
    #[arg(required = true)]
    input: Option<PathBuf>,
    /// Folder for containers, receipts and the manifest; it is made if it is not there
    #[arg(required = true)]
    output: Option<PathBuf>,
    /// Do only the I-th of N parts, counted from 1; every file belongs to one part
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// Codec and options; `noisefloor codecs` lists them
    #[arg(short, long, value_name = "SPEC", default_value = DEFAULT_CODEC)]
    codec: Spec,
    #[command(flatten)]
    profile: EmbeddableProfile,
    /// Delete each source that comes back byte for byte, after its receipt is on the disk
    #[arg(long)]
    delete: bool,
    /// Replace outputs that have no receipt and do not hold their source
    #[arg(short, long)]
    force: bool,
    /// Say only what failed
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Decode files of an archive and compare them with their receipts
    Verify(verify::Args),
    /// Write the original files of an archive
    Restore(restore::Args),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.verb {
        Some(Verb::Verify(args)) => verify::run(args),
        Some(Verb::Restore(args)) => restore::run(args),
        None => {
            let input = args.input.as_deref().context("IN is missing")?;
            let output = args.output.as_deref().context("OUT is missing")?;
            let job = Job {
                sources: input.to_owned(),
                archive: output.to_owned(),
                shard: args.shard,
                spec: String::new(),
                delete: args.delete,
            };
            args.profile.flag.check(&args.codec)?;
            let archivist = Archivist::new(tools(), job.archive.clone(), &args.codec, args.force)?;
            let archivist = args.profile.apply(archivist, &args.codec, Archivist::with_profiles)?;
            run::run(job, &archivist, args.quiet)
        }
    }
}
