//! `noisefloor decompress --salvage`: what is intact in a damaged container.

use super::compress::container_facts;
use crate::files::batch::{Done, Job};
use crate::files::input::{self, FileKind};
use crate::files::output::write_file;
use crate::registry::registry;
use anyhow::{Context, Result, ensure};
use nf_codec::Codec;
use nf_codec::container::{Layout, Reader, Salvaged};
use nf_image::Image16;
use serde_json::{Value, json};
use std::io::{Read, Seek, Write};

/// What is to be written.
pub(super) struct Wishes {
    pub(super) kind: FileKind,
    /// Only this stack.
    pub(super) stack: Option<usize>,
    /// Value of the pixels of lost tiles.
    pub(super) fill: u16,
    pub(super) force: bool,
}

/// Lost tiles of which the place is told in words; the rows of `--json` have all of them.
const SHOWN: usize = 20;

/// Writes the file, with the lost tiles filled. Where tiles are lost, that is said even if quiet,
/// and the input counts as failed.
///
/// # Errors
/// If nothing can be salvaged, or the output cannot be written.
pub(super) fn run(
    reader: &mut Reader<impl Read + Seek>,
    name: &str,
    job: &Job,
    wishes: &Wishes,
) -> Result<Done> {
    let codec = reader.codec(&registry()).with_context(|| name.to_owned())?;
    let stacks = reader.header().images.len();
    let mut found = Loss::default();
    let layout = reader
        .header()
        .layout
        .clone()
        .filter(|layout| wishes.stack.is_none() && FileKind::of_layout(layout) == wishes.kind);
    write_file(&job.output, wishes.force, |out| {
        let mut decode = |stack: usize| found.decode(reader, stack, &*codec, wishes.fill);
        match (layout, wishes.stack) {
            (Some(layout), _) => restore(&layout, &mut decode, out),
            (None, Some(stack)) => {
                ensure!(stack < stacks, "there is no stack {stack}, they are numbered from 0");
                write(wishes.kind, decode(stack)?, out)
            }
            (None, None) if wishes.kind == FileKind::Fits => {
                input::write_fits((0..stacks).map(|stack| Ok(decode(stack)?)), out)
            }
            (None, None) => {
                ensure!(stacks == 1, "there are {stacks} stacks, choose one with --stack");
                write(wishes.kind, decode(0)?, out)
            }
        }
        .with_context(|| name.to_owned())
    })?;
    let digests: Vec<_> = (0..stacks).map(|stack| reader.digest(stack)).collect();
    let mut done = Done { facts: container_facts(reader.header(), &digests), ..Done::default() };
    done.facts.insert("tiles".to_owned(), json!(found.tiles));
    done.facts.insert("lost".to_owned(), Value::Array(found.rows));
    done.unfinished = (!found.words.is_empty()).then(|| {
        let (lost, more) = (found.words.len(), found.words.len().saturating_sub(SHOWN));
        found.words.truncate(SHOWN);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!(
            "salvaged: {lost} of {} tiles are lost, and their pixels are {}: {}{more}",
            found.tiles,
            wishes.fill,
            found.words.join("; ")
        )
    });
    Ok(done)
}

/// What was lost so far.
#[derive(Default)]
struct Loss {
    tiles: usize,
    words: Vec<String>,
    rows: Vec<Value>,
}

impl Loss {
    fn decode(
        &mut self,
        reader: &mut Reader<impl Read + Seek>,
        stack: usize,
        codec: &dyn Codec,
        fill: u16,
    ) -> nf_codec::Result<Image16> {
        let Salvaged { image, lost, tiles, is_whole } = reader.decode_salvaged(stack, codec, fill)?;
        self.tiles += tiles;
        for (tile, error) in &lost {
            let place = &tile.place;
            self.words.push(format!("stack {stack}, {place}"));
            self.rows.push(json!({
                "stack": stack,
                "planes": [place.planes.start, place.planes.end],
                "rows": [place.rows.start, place.rows.end],
                "columns": [place.columns.start, place.columns.end],
                "error": error.to_string(),
            }));
        }
        if lost.is_empty() && !is_whole {
            self.words.push(format!("stack {stack}, whose pixels do not have its digest"));
            self.rows.push(json!({"stack": stack, "error": "its pixels do not have its digest"}));
        }
        Ok(image)
    }
}

fn restore(
    layout: &Layout,
    decode: &mut dyn FnMut(usize) -> nf_codec::Result<Image16>,
    out: &mut dyn Write,
) -> Result<()> {
    Ok(layout.write(|stack, sink| decode(stack as usize).and_then(|image| sink(&image)), out)?)
}

fn write(kind: FileKind, image: Image16, out: &mut dyn Write) -> Result<()> {
    match kind {
        FileKind::Fits => input::write_fits([Ok(image)], out),
        FileKind::Npy => input::write_npy(&image, out),
    }
}
