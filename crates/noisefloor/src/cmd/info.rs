//! `noisefloor info`: what a file is.

use super::compress::{pixels_word, rates, stacks_word};
use crate::files::input::{self, Input};
use crate::files::source::Source;
use anyhow::{Context, Result};
use nf_codec::Limits;
use nf_codec::container::{MAGIC, Reader};
use serde_json::{Value, json};
use std::io::{Read, Seek, Write};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Container, FITS or .npy file; `-` reads standard input
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let source = Source::open(&args.file)?;
    let name = source.name();
    let facts = if source.first(MAGIC.len() as u64)? == MAGIC {
        let reader = Reader::open(source.reader()?, Limits::default()).with_context(|| name.clone())?;
        container_facts(&reader)
    } else {
        let bytes = source.length_bytes()?;
        file_facts(&mut input::read(source)?, bytes).with_context(|| name.clone())?
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        let mut facts = facts;
        facts["file"] = json!(name);
        writeln!(out, "{facts:#}")?;
    } else {
        print_facts(&name, &facts, &mut out)?;
    }
    Ok(())
}

fn container_facts<R: Read + Seek>(reader: &Reader<R>) -> Value {
    let header = reader.header();
    let stacks: Vec<Value> = header
        .images
        .iter()
        .enumerate()
        .map(|(i, image)| {
            let tiles = reader.tiles(i);
            let coded_bytes: u64 = tiles.iter().map(|tile| tile.length_bytes).sum();
            let mut facts = stack_facts(image.shape, image.axis, &reader.digest(i));
            facts["tiles"] = json!(tiles.len());
            facts["tile"] = json!([image.tile.planes, image.tile.height, image.tile.width]);
            facts["coded_bytes"] = json!(coded_bytes);
            facts
        })
        .collect();
    let model = header.model.as_ref().map(
        |model| json!({"digest": model.digest.to_string(), "bytes": model.bytes, "device": model.device}),
    );
    json!({
        "kind": "container",
        "version": nf_codec::container::VERSION,
        "creator": header.creator,
        "codec": header.codec.to_string(),
        "reproducibility": header.reproducibility.name(),
        "model": model,
        "bytes": reader.container_bytes(),
        "stacks": stacks,
    })
}

fn file_facts(input: &mut Input, bytes: u64) -> Result<Value> {
    let mut stacks = Vec::new();
    for stack in &mut input.stacks {
        let shape = stack.shape();
        let digest = stack.band(0..shape.planes, 0..shape.height)?.digest();
        stacks.push(stack_facts(shape, stack.axis(), &digest));
    }
    Ok(json!({"kind": input.kind.name(), "bytes": bytes, "stacks": stacks}))
}

fn stack_facts(shape: nf_image::Shape, axis: nf_image::PlaneAxis, digest: &nf_image::Digest) -> Value {
    json!({
        "shape": [shape.planes, shape.height, shape.width],
        "axis": axis.name(),
        "pixels": shape.pixels(),
        "raw_bytes": shape.raw_bytes(),
        "digest": digest.to_string(),
    })
}

fn print_facts(name: &str, facts: &Value, out: &mut dyn Write) -> Result<()> {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let stacks = facts["stacks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let pixels: u64 = stacks.iter().map(|stack| number(&stack["pixels"])).sum();
    let bytes = number(&facts["bytes"]);
    let kind = facts["kind"].as_str().unwrap_or_default();
    writeln!(out, "{name}: {kind}, {} of {}", stacks_word(stacks.len()), pixels_word(pixels))?;
    if let Some(codec) = facts["codec"].as_str() {
        let class = facts["reproducibility"].as_str().unwrap_or_default();
        writeln!(
            out,
            "  codec   {codec} (decodes {class}), written by {}",
            facts["creator"].as_str().unwrap_or("?")
        )?;
    }
    writeln!(out, "  size    {bytes} bytes; {}", rates(pixels, bytes))?;
    for (i, stack) in stacks.iter().enumerate() {
        let shape: Vec<String> =
            stack["shape"].as_array().into_iter().flatten().map(|n| n.to_string()).collect();
        let tiles = stack["tiles"].as_u64().map(|n| format!(", tiles {n}")).unwrap_or_default();
        let axis = stack["axis"].as_str().unwrap_or_default();
        writeln!(out, "  stack {i} {} (planes x rows x columns), axis {axis}{tiles}", shape.join("x"))?;
        writeln!(out, "          digest {}", stack["digest"].as_str().unwrap_or_default())?;
    }
    Ok(())
}
