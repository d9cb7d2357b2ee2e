//! `noisefloor limit`: how far a frame is from the noise floor.

use crate::cmd::bench::command_line;
use crate::files::batch::{DataInputs, Meant};
use crate::files::output::text;
use crate::files::profile::ProfileFlag;
use crate::files::source::Source;
use crate::message::{one_line, say};
use crate::registry::{fits_options, tools};
use anyhow::{Context as _, Result, bail, ensure};
use nf_archive::profiles::{Frames, Profiles};
use nf_codec::Spec;
use nf_data::{Dataset, OpenOptions};
use nf_report::limit::{Context, FrameReport, examine, write_page};
use nf_report::printable;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor limit -r night --first 1")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: DataInputs,
    /// Folder that holds the files of a folder dataset [env: NOISEFLOOR_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Codec whose size is compared with the noise floor
    #[arg(long, value_name = "SPEC", default_value = crate::registry::DEFAULT_CODEC)]
    codec: Spec,
    #[command(flatten)]
    profile: ProfileFlag,
    /// Codec whose predictive distributions are tested (calibration, sampled frame), if it exposes
    /// them
    #[arg(long, alias = "laws", value_name = "SPEC", default_value = "floor:level=max")]
    trace: Spec,
    /// Longest side of the window of the middle plane used for that test, in pixels
    #[arg(long, value_name = "N", default_value_t = 1024)]
    window_px: usize,
    /// Only the first N images of every input
    #[arg(long, value_name = "N")]
    first: Option<usize>,
    /// Say only what failed
    #[arg(short, long)]
    quiet: bool,
    /// Print one JSON object an image, and one for each input that failed
    #[arg(long)]
    json: bool,
    /// Write report.html, report.md and plots to this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let registry = crate::registry::registry();
    registry.build(&args.codec)?;
    registry.build(&args.trace)?;
    let profiles = args.profile.profiles(&args.codec)?;
    let mut context = Context {
        registry: &registry,
        codec: args.codec.clone(),
        traced: args.trace.clone(),
        with_profile: None,
        window_px: args.window_px,
    };
    ensure!(!args.inputs.names().is_empty(), "name what is to be examined: frames, folders or datasets");
    let mut out = text();
    let mut reports = vec![];
    let mut failed = 0;
    let meant = args.inputs.meant();
    let is_only = meant.len() == 1;
    // An input or an image that cannot be read is named, and does not keep the others waiting.
    for meant in meant {
        let opened = meant.and_then(|meant| open(args, &meant));
        let set = match opened {
            Ok(set) => set,
            // Alone, it is the answer of the whole command.
            Err(error) if is_only && !args.json => return Err(error),
            Err(error) => {
                tell(&error, args.json)?;
                failed += 1;
                continue;
            }
        };
        let set = &set.frames;
        for index in 0..set.len().min(args.first.unwrap_or(usize::MAX)) {
            match report(set.as_ref(), index, &mut context, profiles.as_ref()) {
                Err(error) => {
                    tell(&error, args.json)?;
                    failed += 1;
                }
                Ok(found) => {
                    if args.json {
                        writeln!(out, "{}", serde_json::to_string(&found)?)?;
                    } else if !args.quiet {
                        print(&mut out, &found)?;
                    }
                    reports.push(found);
                }
            }
        }
    }
    if let Some(folder) = args.report.as_ref().filter(|_| !reports.is_empty()) {
        let page = write_page(&reports, &command_line(), folder)?;
        if !args.quiet {
            say(&page.display().to_string());
        }
    }
    match failed {
        0 if reports.is_empty() => bail!("there is no image in the input"),
        0 => Ok(()),
        1 => bail!("one input could not be examined, see above"),
        failed => bail!("{failed} inputs could not be examined, see above"),
    }
}

/// What is examined, and the folder that holds it where it came through a pipe.
struct Opened {
    frames: Box<dyn Dataset>,
    _folder: Option<tempfile::TempDir>,
}

fn open(args: &Args, meant: &Meant) -> Result<Opened> {
    let options = OpenOptions { data: args.data.clone(), fits: fits_options(), ..OpenOptions::default() };
    let (frames, folder, name) = match meant {
        Meant::File(path) | Meant::Data(path) => (nf_data::open(path, &options)?, None, path.clone()),
        Meant::Stream => {
            let (folder, path) = spooled()?;
            (nf_data::open(&path, &options).context("the standard input")?, Some(folder), PathBuf::from("-"))
        }
    };
    ensure!(!frames.is_empty(), "{}: there is no image in it", name.display());
    Ok(Opened { frames, _folder: folder })
}

/// The standard input as a file whose name says what it is.
fn spooled() -> Result<(tempfile::TempDir, PathBuf)> {
    let source = Source::open(Path::new("-"))?;
    let ending = if nf_fits::npy::is_npy(&source.first(16)?) { "npy" } else { "fits" };
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let path = folder.path().join(format!("standard input.{ending}"));
    std::io::copy(&mut source.reader()?, &mut std::fs::File::create(&path)?).context("a temporary file")?;
    Ok((folder, path))
}

fn report(
    set: &dyn Dataset,
    index: usize,
    context: &mut Context,
    profiles: Option<&Profiles>,
) -> Result<FrameReport> {
    let name = set.name(index);
    let mut image = set.image(index)?;
    if let Some(profiles) = profiles {
        let frames = Frames { cards: &[], stacks: &mut [&mut image] };
        let chosen = profiles.choose(&context.codec, frames, &tools()).with_context(|| name.clone())?;
        if let Some(remark) = chosen.remark {
            tracing::warn!("{name}: {remark}");
        }
        context.with_profile = Some(chosen.spec);
    }
    let oracle = set.oracle(index).with_context(|| name.clone())?;
    Ok(examine(&name, &image, oracle, context))
}

/// Names what could not be read, in one line.
fn tell(error: &anyhow::Error, json: bool) -> Result<()> {
    if json {
        writeln!(text(), "{}", json!({"error": one_line(error)}))?;
    }
    say(&printable(&format!("{error:#}")));
    Ok(())
}

fn print(out: &mut impl Write, found: &FrameReport) -> std::io::Result<()> {
    let bits = found.bits_per_pixel.map_or("none".to_owned(), |bits| format!("{bits:.4}"));
    let image = printable(&found.image);
    writeln!(out, "{image}: {} pixels, {bits} bits/pixel by {}", found.pixels, found.codec)?;
    for estimate in &found.estimates {
        let bits = estimate.bits_per_pixel.map_or(String::new(), |bits| format!("{bits:.4}"));
        let (name, kind) = (estimate.estimator.name(), estimate.kind.name());
        writeln!(out, "  {name:<17} {bits:>8}  {kind:<8}  {}", estimate.details.join("; "))?;
    }
    Ok(())
}
