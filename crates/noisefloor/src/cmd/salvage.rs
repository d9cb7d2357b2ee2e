//! `noisefloor decompress --salvage`: what is intact in a damaged container.

use super::compress::container_facts;
use super::decompress::chosen;
use super::stages;
use crate::files::batch::{Done, Job};
use crate::files::form::{self, Form, Formed};
use crate::files::output::write_file;
use crate::registry::registry;
use anyhow::{Context, Result};
use nf_archive::input::FileKind;
use nf_codec::Codec;
use nf_codec::container::{Layout, Reader, Salvaged};
use serde_json::{Value, json};
use std::io::{Read, Seek, Write};

/// What is to be written.
pub(super) struct Wishes {
    pub(super) kind: FileKind,
    /// Only this stack.
    pub(super) stack: Option<usize>,
    /// Value of the pixels of lost tiles.
    pub(super) fill: i64,
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
    let mut found = Loss { is_fill_exact: true, ..Loss::default() };
    let layout = reader
        .header()
        .layout
        .clone()
        .filter(|layout| wishes.stack.is_none() && FileKind::of_layout(layout) == wishes.kind);
    let bound_dn = reader.header().cut.as_ref().map_or(0, |cut| cut.bound_dn);
    write_file(&job.output, wishes.force, |out| {
        let mut decode = |stack: usize| found.decode(reader, stack, &*codec, wishes.fill);
        let mut write = |out: &mut dyn Write| match (&layout, wishes.stack) {
            (Some(layout), _) => restore(layout, &mut decode, out),
            (None, None) if wishes.kind == FileKind::Fits => {
                form::write_fits((0..stacks).map(&mut decode), out)
            }
            (None, asked) => form::write(wishes.kind, decode(chosen(stacks, asked)?)?, out),
        };
        if bound_dn == 0 {
            return write(out).with_context(|| name.to_owned());
        }
        let mut bytes = Vec::new();
        write(&mut bytes).with_context(|| name.to_owned())?;
        let lost = found.words.len();
        let remark = format!("{lost} tiles were lost; no bound holds for their pixels.");
        let remark = (lost > 0).then_some(remark.as_str());
        // With the values of lost pixels in it, it has no original.
        stages::mark(bytes, bound_dn, remark, &mut |_| Some(String::new()), out)
    })?;
    let digests: Vec<_> = (0..stacks).map(|stack| reader.digest(stack)).collect();
    let mut done = Done { facts: container_facts(reader.header(), &digests), ..Done::default() };
    if let Some(words) = stages::cut_words(reader.header()) {
        done.lines.push(format!("{name}: {words}"));
        done.facts.insert("lossless".to_owned(), json!(false));
        done.facts.insert("bound_dn".to_owned(), json!(bound_dn));
    }
    done.facts.insert("tiles".to_owned(), json!(found.tiles));
    done.facts.insert("lost".to_owned(), Value::Array(found.rows));
    done.unfinished = (!found.words.is_empty()).then(|| {
        let (lost, more) = (found.words.len(), found.words.len().saturating_sub(SHOWN));
        found.words.truncate(SHOWN);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        let nearest = if found.is_fill_exact { "" } else { " or the nearest value that fits" };
        format!(
            "salvaged: {lost} of {} tiles are lost, and their pixels are {}{nearest}: {}{more}",
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
    /// Whether all images with lost tiles can hold the value asked for.
    is_fill_exact: bool,
}

impl Loss {
    fn decode(
        &mut self,
        reader: &mut Reader<impl Read + Seek>,
        stack: usize,
        codec: &dyn Codec,
        fill: i64,
    ) -> Result<Formed> {
        let form = Form::of_stack(reader.header().layout.as_ref(), stack)?;
        let (fill, is_exact) = form.nearest_sample(fill as f64)?;
        let Salvaged { image, lost, tiles, is_whole } = reader.decode_salvaged(stack, codec, fill)?;
        self.tiles += tiles;
        self.is_fill_exact &= is_exact || lost.is_empty();
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
        Ok((image, form))
    }
}

fn restore(
    layout: &Layout,
    decode: &mut dyn FnMut(usize) -> Result<Formed>,
    out: &mut dyn Write,
) -> Result<()> {
    let mut failed = None;
    let written = layout.write(
        |stack, sink| match decode(stack as usize) {
            Ok((image, _)) => sink(&image),
            Err(error) => {
                let what = format!("stack {stack}");
                failed = Some(error);
                Err(nf_codec::Error::Io { what, source: std::io::Error::other("it cannot be decoded") })
            }
        },
        out,
    );
    match failed {
        Some(error) => Err(error),
        None => Ok(written?),
    }
}
