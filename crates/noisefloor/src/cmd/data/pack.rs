//! `noisefloor data pack`: a dataset cut into tiles, in one file.

use super::{Unreadable, Which, open, progress_bar};
use crate::files::output::{checked_target, ensure_distinct, is_stream, text, write_file};
use crate::message::say;
use indicatif::ProgressBar;
use nf_archive::output::of_destination;
use nf_data::tiles::{PackReport, is_interrupted, pack, pack_file};
use nf_data::{Dataset, TileRule};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// File to write, usually NAME.parquet
    output: PathBuf,
    /// Side of a tile in pixels
    #[arg(long, value_name = "PX", default_value_t = 64)]
    size: usize,
    /// Distance between the corners of neighbouring tiles in pixels [default: the side of a tile]
    #[arg(long, value_name = "PX")]
    stride: Option<usize>,
    /// Successive planes in one tile
    #[arg(long, value_name = "N", default_value_t = 1)]
    planes: usize,
    /// Seed of the grid's offset on every plane and of the choice of tiles
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// At most N tiles per image, drawn at random
    #[arg(long, value_name = "N")]
    per_image: Option<usize>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    ensure_no_member(Path::new(&args.which.dataset), &args.output)?;
    let target = match is_stream(&args.output) {
        true => None,
        false => Some(checked_target(&args.output, args.force)?),
    };
    let set = open(&args.which)?;
    let rule = TileRule {
        size_px: args.size,
        stride_px: args.stride.unwrap_or(args.size),
        planes: args.planes,
        seed: args.seed,
        most_per_image: args.per_image,
    };
    let bar = progress_bar(set.len())?;
    let progress = |images: usize, tiles: u64| {
        bar.set_position(images as u64);
        bar.set_message(format!("{tiles} tiles"));
    };
    let start = Instant::now();
    let report = match target {
        Some(target) => to_file(&*set, &rule, &args.output, &target, progress)?,
        None => write_file(&args.output, args.force, |out| Ok(pack(&*set, &rule, out, progress)?))?,
    };
    let seconds = start.elapsed().as_secs_f64();
    tell(args, report, seconds, &bar, set.len())
}

/// Packs into a file; what fails says how to go on.
fn to_file(
    set: &dyn Dataset,
    rule: &TileRule,
    output: &Path,
    target: &Path,
    progress: impl FnMut(usize, u64),
) -> anyhow::Result<PackReport> {
    pack_file(set, rule, target, progress).map_err(|error| {
        let name = output.display().to_string();
        let error = of_destination(&name, error.into());
        if is_interrupted(target) {
            error.context(format!("{name} is not finished, the same command goes on with {name}.part"))
        } else {
            error
        }
    })
}

fn tell(
    args: &Args,
    report: PackReport,
    seconds: f64,
    bar: &ProgressBar,
    images: usize,
) -> anyhow::Result<()> {
    bar.finish_and_clear();
    let card = &report.card;
    if report.resumed_tiles > 0 {
        say(&format!("went on after {} tiles that were packed before", report.resumed_tiles));
    }
    let mut out = text();
    writeln!(
        out,
        "{}: {} rows of {} pixels from {} images of {}, {} bytes, {:.0} rows per second",
        args.output.display(),
        card.tiles,
        card.shape(),
        card.images,
        card.dataset,
        report.file_bytes,
        card.tiles as f64 / seconds
    )?;
    if card.images_too_small > 0 {
        writeln!(out, "{} images are smaller than a tile and are left out", card.images_too_small)?;
    }
    writeln!(out, "digest of the samples {}", card.samples_digest)?;
    let mut unreadable = Unreadable::default();
    report.unreadable.into_iter().for_each(|error| unreadable.tell(error));
    unreadable.finish(images)
}

/// Refuses to write over what is packed: a file, or an image of a folder.
///
/// # Errors
/// If the output is one of them.
fn ensure_no_member(input: &Path, output: &Path) -> anyhow::Result<()> {
    ensure_distinct(input, output)?;
    let folder = output.canonicalize().ok().and_then(|output| Some(output.parent()?.to_owned()));
    let is_inside = folder.is_some_and(|folder| input.canonicalize().is_ok_and(|input| input == folder));
    let is_image = output.file_name().is_some_and(|name| nf_data::is_image_name(&name.to_string_lossy()));
    anyhow::ensure!(
        !(is_inside && is_image),
        "{}: this is a file of the folder that is packed; choose another name",
        output.display()
    );
    Ok(())
}
