//! `noisefloor archive`: a whole folder of frames, resumable and provable.
//!
//! - `row`: what is known of one file; `receipts`: the rows on the disk, one JSON line each.
//! - `shard`: a part of the files; `plan`: which files a shard has, and which of them are proved
//!   done.
//! - `work`: one file; `run`: all of them.
//! - `manifest`: all rows as one Parquet file.
//! - `verify`, `restore`: what is done with the result.
//!
//! The order of events is what makes a kill harmless: the output is written under a temporary name,
//! read back and compared, synced and renamed; its folder is synced; then its receipt is appended
//! and synced; then, if asked for, the source is deleted. Done is what has a receipt that fits both
//! the source and the output as they are now.

mod manifest;
mod plan;
mod receipts;
mod restore;
mod row;
mod run;
mod shard;
mod verify;
mod work;

use crate::registry::DEFAULT_CODEC;
use anyhow::{Context, Result};
use clap::Subcommand;
use nf_codec::Spec;
use shard::Shard;
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
            run::run(&run::Job {
                input,
                output,
                shard: args.shard,
                spec: &args.codec,
                delete: args.delete,
                force: args.force,
                quiet: args.quiet,
            })
        }
    }
}
