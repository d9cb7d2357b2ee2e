//! `noisefloor limit`: how far a frame is from the noise floor.

use crate::cmd::bench::command_line;
use anyhow::{Result, bail};
use nf_bench::limit::{Examined, Tools, examine, write_page};
use nf_codec::Spec;
use nf_data::OpenOptions;
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
    /// Codec whose size is compared with the noise floor
    #[arg(long, value_name = "SPEC", default_value = crate::registry::DEFAULT_CODEC)]
    codec: Spec,
    /// Codec whose predictive distributions are tested (calibration, sampled frame), if it exposes them
    #[arg(long, value_name = "SPEC", default_value = "floor:level=max")]
    laws: Spec,
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
    registry.build(&args.laws)?;
    let tools = Tools {
        registry: &registry,
        codec: args.codec.clone(),
        laws: args.laws.clone(),
        window_px: args.window_px,
    };
    let mut out = std::io::stdout().lock();
    let mut examined = vec![];
    for input in &args.inputs {
        let set = nf_data::open(input, &OpenOptions { data: args.data.clone(), ..OpenOptions::default() })?;
        for index in 0..set.len().min(args.first.unwrap_or(usize::MAX)) {
            let (name, image) = (set.name(index), set.image(index)?);
            let found = examine(&name, &image, set.oracle(index)?, &tools);
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

fn print(out: &mut impl Write, found: &Examined) -> std::io::Result<()> {
    let bits = found.bits_per_pixel.map_or("none".to_owned(), |bits| format!("{bits:.4}"));
    writeln!(out, "{}: {} pixels, {bits} bits/pixel by {}", found.image, found.pixels, found.codec)?;
    for finding in &found.findings {
        let bits = finding.bits_per_pixel.map_or(String::new(), |bits| format!("{bits:.4}"));
        writeln!(out, "  {:<16} {bits:>8}  {}", finding.estimator, finding.details.join("; "))?;
    }
    Ok(())
}
