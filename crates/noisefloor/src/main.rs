//! The command line. One file per verb in `cmd`; this file only chooses.
#![forbid(unsafe_code)]

mod cmd;
mod files;
mod registry;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Lossless compression of raw 16-bit astronomical frames, down to the noise floor.
#[derive(Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    /// Say more of what is done (also NOISEFLOOR_LOG=debug)
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Use at most this many threads (default: all)
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compress a FITS or .npy file into a container, verifying that it decodes
    Compress(cmd::compress::Args),
    /// Write the original file, or a region of it, from a container
    Decompress(cmd::decompress::Args),
    /// Describe a container, FITS or .npy file: shapes, codec, sizes, digests
    Info(cmd::info::Args),
    /// Measure codecs on datasets: verified sizes, times, memory
    Bench(cmd::bench::Args),
    /// Train a net: experiment file in, checkpoint out
    Train(cmd::train::Args),
    /// Make a page with tables and plots from runs of bench, or put their tables into a document
    Report(cmd::report::Args),
    /// Say what frames must cost, by every way of knowing it that applies
    Limit(cmd::limit::Args),
    /// Pack, unpack, verify and cut tile-compressed FITS files
    Fits(cmd::fits::Args),
    /// List, fetch, inspect and simulate datasets
    Data(cmd::data::Args),
    /// List the codecs with their options
    Codecs(cmd::codecs::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(cli.verbose);
    // Whoever reads a description may stop early, as `head` does; half of a container is a failure.
    let describes = matches!(cli.verb, Verb::Info(_) | Verb::Codecs(_));
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if describes && is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("noisefloor: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    if let Some(threads) = cli.threads {
        // More threads than this cost memory and gain nothing on any machine we know.
        const MOST_THREADS: usize = 128;
        let threads = usize::from(threads).min(MOST_THREADS);
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    }
    match cli.verb {
        Verb::Compress(args) => cmd::compress::run(&args),
        Verb::Decompress(args) => cmd::decompress::run(&args),
        Verb::Info(args) => cmd::info::run(&args),
        Verb::Bench(args) => cmd::bench::run(&args),
        Verb::Train(args) => cmd::train::run(&args),
        Verb::Limit(args) => cmd::limit::run(&args),
        Verb::Report(args) => cmd::report::run(&args),
        Verb::Fits(args) => cmd::fits::run(&args),
        Verb::Data(args) => cmd::data::run(&args),
        Verb::Codecs(args) => cmd::codecs::run(&args),
    }
}

fn start_log(verbose: bool) {
    let default = if verbose { "debug" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("NOISEFLOOR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
}

/// The error and its causes in one printable line, whatever the libraries below put into their messages; a
/// cause that the message before it already ends with is not repeated.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if !parts.last().is_some_and(|last| last.ends_with(&text)) {
            parts.push(text);
        }
    }
    let printable: String = parts.join(": ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    printable.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the reader of our standard output has gone away, as `head` does: no failure of ours.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
