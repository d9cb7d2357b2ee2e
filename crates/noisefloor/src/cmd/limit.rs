//! `noisefloor limit`: how far a frame is from the noise floor.

use crate::cmd::bench::command_line;
use anyhow::{Result, bail};
use nf_codec::Spec;
use nf_data::OpenOptions;
use nf_report::limit::{Context, FrameReport, examine, write_page};
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Frames, folders, manifests or datasets: NAME[/VIEW][@SPLIT]
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// Folder that holds the files of a folder dataset [env: NOISEFLOOR_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The codec that frames are held against
    #[arg(long, value_name = "SPEC", default_value = crate::registry::DEFAULT_CODEC)]
    codec: Spec,
    /// The codec that is held against its own laws (parametric twin, calibration), if it hands them out
    #[arg(long, value_name = "SPEC", default_value = "floor:level=max")]
    laws: Spec,
    /// Longest side of the window of the middle plane in which that is done
    #[arg(long, value_name = "N", default_value_t = 1024)]
    window_px: usize,
    /// Only the first N images of every input
    #[arg(long, value_name = "N")]
    first: Option<usize>,
    /// One JSON object per image and line
    #[arg(long)]
    json: bool,
    /// Write report.html, report.md and plots into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let registry = crate::registry::registry();
    registry.build(&args.codec)?;
    registry.build(&args.laws)?;
    let context = Context {
        registry: &registry,
        codec: args.codec.clone(),
        traced: args.laws.clone(),
        window_px: args.window_px,
    };
    let mut out = std::io::stdout().lock();
    let mut examined = vec![];
    for input in &args.inputs {
        let set = nf_data::open(input, &OpenOptions { data: args.data.clone(), ..OpenOptions::default() })?;
        for index in 0..set.len().min(args.first.unwrap_or(usize::MAX)) {
            let (name, image) = (set.name(index), set.image(index)?);
            let found = examine(&name, &image, set.oracle(index)?, &context);
            if args.json {
                writeln!(out, "{}", serde_json::to_string(&found)?)?;
            } else {
                print(&mut out, &found)?;
            }
            examined.push(found);
        }
    }
    if examined.is_empty() {
        bail!("{}: there is no image in it", args.inputs.join(", "));
    }
    if let Some(folder) = &args.report {
        let page = write_page(&examined, &command_line(), folder)?;
        eprintln!("{}", page.display());
    }
    Ok(())
}

fn print(out: &mut impl Write, found: &FrameReport) -> std::io::Result<()> {
    let bits = found.bits_per_pixel.map_or("none".to_owned(), |bits| format!("{bits:.4}"));
    writeln!(out, "{}: {} pixels, {bits} bits/pixel by {}", found.image, found.pixels, found.codec)?;
    for estimate in &found.estimates {
        let bits = estimate.bits_per_pixel.map_or(String::new(), |bits| format!("{bits:.4}"));
        writeln!(out, "  {:<17} {bits:>8}  {}", estimate.estimator.name(), estimate.details.join("; "))?;
    }
    Ok(())
}
