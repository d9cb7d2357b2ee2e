//! `noisefloor report`: runs as a page, and their tables inside other documents.

use crate::cmd::bench::{command_line, experiment, open_choice, training_file, with_external};
use crate::files::output::text;
use anyhow::{Context, Result, bail};
use nf_bench::{Run, Suite};
use nf_codec::Spec;
use nf_report::names::Names;
use nf_report::report::{ReportOptions, Sources, write_report, write_size_speed};
use nf_report::{splice, tables};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folders of runs, as `bench` writes them to results/runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Folder for report.html, report.md and plots [default: `report` in the folder of the first
    /// run]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder that holds the frames, instead of the one named by the dataset
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Number of frames to show for every run
    #[arg(long, value_name = "N", default_value_t = 6)]
    frames: usize,
    /// Codec for the maps of bits: by its code length of every pixel if it exposes it, otherwise by
    /// blocks
    #[arg(long, value_name = "SPEC", default_value = "floor:level=max")]
    map_codec: Spec,
    /// Instead of a report, put the tables of every run between its suite's markers in a Markdown
    /// file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "frames", "map_codec"])]
    splice: Option<PathBuf>,
    /// Instead of a report, plot size against speed of the first run to STEM-encode.svg and
    /// STEM-decode.svg
    #[arg(long, value_name = "STEM", conflicts_with_all = ["out", "frames", "map_codec"])]
    picture: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let open = |choice: &nf_bench::DatasetChoice| open_choice(choice, args.data.as_deref());
    let mut runs: Vec<Run> = vec![];
    let (mut registry, mut array_codecs) = (crate::registry::registry(), crate::registry::array_registry());
    for folder in &args.runs {
        let file = folder.join("suite.toml");
        fs::metadata(&file).with_context(|| format!("{}: not the folder of a run", folder.display()))?;
        // Descriptions of external programs are read for their names; nothing is started.
        (registry, array_codecs) = with_external(&Suite::read(&file)?, false)?;
        runs.push(nf_bench::read(folder, &registry, &array_codecs, &open)?);
    }
    let mut out = text();
    if let (Some(stem), Some(run)) = (&args.picture, runs.first()) {
        for path in write_size_speed(run, &Names::of_run(run, &experiment), stem)? {
            writeln!(out, "{}", path.display())?;
        }
    }
    if let Some(file) = &args.splice {
        for run in &runs {
            splice::splice(file, &run.suite.name, &tables::markdown(run))?;
        }
        writeln!(out, "{}", file.display())?;
    }
    if args.splice.is_some() || args.picture.is_some() {
        return Ok(());
    }
    if registry.build(&args.map_codec).is_err() {
        bail!("--map-codec: '{}' is no codec of this build", args.map_codec);
    }
    let folder = args.out.clone().unwrap_or_else(|| args.runs[0].join("report"));
    let options =
        ReportOptions { frames: args.frames, map_codec: args.map_codec.clone(), command: command_line() };
    let training = |id: &str| training_file(id, "train.csv");
    let sources = Sources {
        registry: &registry,
        array_codecs: &array_codecs,
        open: &open,
        training: &training,
        experiment: &experiment,
    };
    let page = write_report(&runs, &sources, &options, &folder)?;
    writeln!(out, "{}", Path::new(&page).display())?;
    Ok(())
}
