//! `noisefloor limit`: how far a frame is from the noise floor.

use crate::cmd::bench::command_line;
use crate::files::output::text;
use crate::message::say;
use crate::registry::fits_options;
use anyhow::{Context as _, Result, bail};
use nf_codec::Spec;
use nf_data::{Dataset, OpenOptions};
use nf_report::limit::{Context, FrameReport, examine, write_page};
use nf_report::printable;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Frames, folders, manifests or datasets: NAME[/VIEW][@SPLIT]
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<OsString>,
    /// Folder that holds the files of a folder dataset [env: NOISEFLOOR_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Codec whose size is compared with the noise floor
    #[arg(long, value_name = "SPEC", default_value = crate::registry::DEFAULT_CODEC)]
    codec: Spec,
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
    /// One JSON object per image and line
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
    let context = Context {
        registry: &registry,
        codec: args.codec.clone(),
        traced: args.trace.clone(),
        window_px: args.window_px,
    };
    let mut out = text();
    let mut reports = vec![];
    let mut failed = 0;
    // An input or an image that cannot be read is named, and does not keep the others waiting.
    for input in &args.inputs {
        let set = match open(args, input) {
            Ok(set) => set,
            // Alone, it is the answer of the whole command.
            Err(error) if args.inputs.len() == 1 => return Err(error),
            Err(error) => {
                tell(&error);
                failed += 1;
                continue;
            }
        };
        for index in 0..set.len().min(args.first.unwrap_or(usize::MAX)) {
            match report(set.as_ref(), index, &context) {
                Err(error) => {
                    tell(&error);
                    failed += 1;
                }
                Ok(found) => {
                    if args.json {
                        writeln!(out, "{}", serde_json::to_string(&found)?)?;
                    } else {
                        print(&mut out, &found)?;
                    }
                    reports.push(found);
                }
            }
        }
    }
    if let Some(folder) = args.report.as_ref().filter(|_| !reports.is_empty()) {
        let page = write_page(&reports, &command_line(), folder)?;
        say(&page.display().to_string());
    }
    match failed {
        0 if reports.is_empty() => bail!("there is no image in the input"),
        0 => Ok(()),
        1 => bail!("one input could not be examined, see above"),
        failed => bail!("{failed} inputs could not be examined, see above"),
    }
}

fn open(args: &Args, input: &OsString) -> Result<Box<dyn Dataset>> {
    let options = OpenOptions { data: args.data.clone(), fits: fits_options(), ..OpenOptions::default() };
    let set = nf_data::open(input, &options)?;
    if set.is_empty() {
        bail!("{}: there is no image in it", input.display());
    }
    Ok(set)
}

fn report(set: &dyn Dataset, index: usize, context: &Context) -> Result<FrameReport> {
    let name = set.name(index);
    let image = set.image(index)?;
    let oracle = set.oracle(index).with_context(|| name.clone())?;
    Ok(examine(&name, &image, oracle, context))
}

/// Names what could not be read, in one line.
fn tell(error: &anyhow::Error) {
    say(&printable(&format!("{error:#}")));
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
