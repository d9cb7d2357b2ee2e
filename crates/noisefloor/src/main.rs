//! The command line. One file per verb in `cmd`; this file only chooses.
#![forbid(unsafe_code)]
#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments are the help texts of the options")]

mod cmd;
#[cfg(test)]
mod documents;
mod estimates;
mod files;
mod gpu;
mod interrupt;
mod limits;
mod message;
mod progress;
mod registry;

use crate::files::output::is_closed_text;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use std::io::IsTerminal;
use std::process::ExitCode;

/// Lossless compression of raw 16-bit astronomical frames, measured against their noise.
#[derive(Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    /// Log more (also NOISEFLOOR_LOG=debug)
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Use at most this many threads (default: all)
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Most memory for one image, one inflated or piped input, or one decoder's work, such as 512M
    /// or 16G (default: 8G)
    #[arg(long, global = true, value_name = "SIZE", env = limits::VARIABLE, value_parser = limits::MaxMemory::parse)]
    max_memory: Option<limits::MaxMemory>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compress FITS and .npy files into containers, verified by decoding them
    Compress(cmd::compress::Args),
    /// Restore the original files, or a region of one, from containers
    Decompress(cmd::decompress::Args),
    /// Keep the first stages of containers: all pixels, within a bound
    Truncate(cmd::truncate::Args),
    /// Prove that containers and FITS files are intact, without writing anything
    #[command(visible_alias = "verify")]
    Test(cmd::test::Args),
    /// Archive a folder of frames: resumable, every file proved and receipted
    Archive(cmd::archive::Args),
    /// Learn a detector from frames, so that no frame has to tell it again
    Profile(cmd::profile::Args),
    /// Describe a container, FITS or .npy file: shapes, codec, sizes, digests
    Info(cmd::info::Args),
    /// Measure codecs on datasets: verified sizes, times, memory
    Bench(cmd::bench::Args),
    /// Train a network: experiment file in, checkpoint out
    Train(cmd::train::Args),
    /// Turn runs of bench into a page with tables and plots, or put their tables into a document
    Report(cmd::report::Args),
    /// Estimate the noise floor of frames in every way that applies
    Limit(cmd::limit::Args),
    /// Pack, unpack, list, verify and cut out of tile-compressed FITS files
    Fits(cmd::fits::Args),
    /// List, fetch, inspect and simulate datasets
    Data(cmd::data::Args),
    /// List the codecs with their options
    Codecs(cmd::codecs::Args),
    /// Print the completions of a shell
    Completions(cmd::manual::CompletionArgs),
    /// Write the pages of `man`
    Man(cmd::manual::ManArgs),
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        advise(&error);
        error.exit()
    });
    start_log(cli.verbose);
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads text may stop early, as `head` does; half of a container is a failure.
        Err(error) if is_closed_text(&error) => ExitCode::SUCCESS,
        Err(error) => {
            message::say(&format!("noisefloor: {}", message::one_line(&error)));
            interrupt::exit_code()
        }
    }
}

/// Whoever knows fpack is told what its flags are here.
fn advise(error: &clap::Error) {
    let mut words = std::env::args().skip(1);
    let is_fits = words.any(|word| word == "fits") && words.any(|word| word == "pack" || word == "unpack");
    if let (true, ErrorKind::UnknownArgument, Some(ContextValue::String(flag))) =
        (is_fits, error.kind(), error.get(ContextKind::InvalidArg))
        && let Some(advice) = cmd::fits::habits::advice(flag)
    {
        message::say(advice);
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    if let Some(limits::MaxMemory(Some(bytes))) = cli.max_memory {
        limits::set_max_memory(bytes);
    }
    if let Some(threads) = cli.threads {
        // More threads than this cost memory and gain nothing on any machine we know.
        const MOST_THREADS: usize = 128;
        let threads = usize::from(threads).min(MOST_THREADS);
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    }
    interrupt::watch()?;
    gpu::choose()?;
    match cli.verb {
        Verb::Compress(args) => cmd::compress::run(&args),
        Verb::Decompress(args) => cmd::decompress::run(&args),
        Verb::Truncate(args) => cmd::truncate::run(&args),
        Verb::Archive(args) => cmd::archive::run(&args),
        Verb::Test(args) => cmd::test::run(&args),
        Verb::Profile(args) => cmd::profile::run(&args),
        Verb::Info(args) => cmd::info::run(&args),
        Verb::Bench(args) => cmd::bench::run(&args),
        Verb::Train(args) => cmd::train::run(&args),
        Verb::Limit(args) => cmd::limit::run(&args),
        Verb::Report(args) => cmd::report::run(&args),
        Verb::Fits(args) => cmd::fits::run(&args),
        Verb::Data(args) => cmd::data::run(&args),
        Verb::Codecs(args) => cmd::codecs::run(&args),
        Verb::Completions(args) => cmd::manual::completions(&args, Cli::command()),
        Verb::Man(args) => cmd::manual::man(&args, Cli::command()),
    }
}

fn start_log(verbose: bool) {
    let default = if verbose { "debug" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("NOISEFLOOR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    // Colours are for terminals, and for people who have not asked for none (no-color.org).
    let wants_colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| message::LogLines)
        // Where nobody reads the log, that is no reason to stop the work.
        .log_internal_errors(false)
        .with_ansi(wants_colour && std::io::stderr().is_terminal())
        .without_time()
        .init();
}
