//! `noisefloor truncate`: the first stages of a container, as a container.

use super::bound::decompress::is_bounded;
use super::stages;
use crate::files::batch::{Done, Files, Job, Rules};
use crate::files::kinds::{CONTAINER, has_ending, is_container, with_ending, without};
use crate::files::output::write_file;
use crate::files::source::Source;
use crate::limits;
use crate::registry::registry;
use anyhow::{Context, Result, ensure};
use nf_bounded::Bound;
use nf_codec::container::{Reader, cut};
use serde_json::json;
use std::io::Cursor;
use std::path::Path;

#[derive(clap::Args)]
#[command(
    after_help = "Without --output, frame.nfl becomes frame.cut.nfl.\nExample: noisefloor truncate --within 0.5sigma frame.nfl -o smaller.nfl"
)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// Largest error of a sample: a number with dn or sigma, such as 4dn or 0.5sigma
    #[arg(long, value_name = "BOUND", value_parser = stages::parse, required = true)]
    within: Bound,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let name = |input: &Path| Ok(with_ending(without(input, CONTAINER), CUT));
    let rules = Rules { verb: "truncate", takes: is_whole, is_output: is_cut, name: &name };
    ensure!(!args.files.delete(), "what is cut off is lost with the container; delete it yourself");
    args.files.each(&rules, |job, _| truncate(args, job))
}

/// The ending of containers that are cut.
const CUT: &str = "cut.nfl";

/// Whether a name is one that is given to a container that is cut.
fn is_cut(path: &Path) -> bool {
    is_container(path) && has_ending(&path.with_extension(""), "cut")
}

/// Whether a name in a folder is that of a container to cut.
fn is_whole(path: &Path) -> bool {
    is_container(path) && !is_cut(path)
}

/// Writes the stages that are needed, after they have been decoded and compared with the original.
fn truncate(args: &Args, job: &Job) -> Result<Done> {
    let source = Source::open(&job.input)?;
    let name = source.name();
    ensure!(!is_bounded(&source)?, "{name}: it holds one bound only, which `info` tells");
    let mut bytes = Vec::new();
    let (before, stage) = (|| -> Result<_> {
        let mut reader = Reader::open(source.reader()?, limits::codec())?;
        ensure!(reader.header().cut.is_none(), "it is cut already; a container is cut from the whole one");
        let codec = reader.codec(&registry())?;
        let (number, stage) = stages::choose(&reader.stages(&*codec)?, &args.within)?;
        ensure!(stage.bound_dn > 0, "only all of its stages tell samples within {}", args.within);
        cut(&mut reader, &*codec, number, &mut bytes)?;
        // What is written decodes by a codec of its own.
        let mut again = Reader::open(Cursor::new(&bytes), limits::codec())?;
        let codec = again.codec(&registry())?;
        (0..again.header().images.len()).try_for_each(|stack| again.decode(stack, &*codec).map(drop))?;
        Ok((reader.container_bytes(), stage))
    })()
    .with_context(|| name.clone())?;
    write_file(&job.output, args.files.force(), |out| Ok(out.write_all(&bytes)?))?;
    let line = format!("{name}: {before} -> {} bytes, NOT lossless, {}", bytes.len(), stages::words(&stage));
    let facts = [
        ("lossless", json!(false)),
        ("bound_dn", json!(stage.bound_dn)),
        ("bound_sigma", json!(stage.bound_sigma)),
        ("bytes", json!(bytes.len())),
    ];
    let facts = facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Ok(Done { lines: vec![line], facts, unfinished: None })
}
