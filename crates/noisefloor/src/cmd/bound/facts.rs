//! What `info` says of a bounded container.

use super::{loss_words, noise_words};
use crate::cmd::compress::{pixels_word, rates};
use crate::files::source::Source;
use crate::registry::open_bounded;
use anyhow::{Context, Result};
use nf_bounded::container::Reader;
use nf_bounded::{ArrayRecord, Tolerance};
use serde_json::{Value, json};
use std::io::Write;

/// Prints what is known of a bounded container, or the same as JSON.
///
/// # Errors
/// If it is damaged, or nothing can be printed.
pub(crate) fn info(source: &Source, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let name = source.name();
    let reader = open_bounded(source.reader()?).with_context(|| name.clone())?;
    let samples: u64 = reader.arrays().iter().map(|record| record.samples() as u64).sum();
    let raw = |record: &ArrayRecord| (record.samples() * record.sample.bytes()) as u64;
    let raw_bytes: u64 = reader.arrays().iter().map(raw).sum();
    let creator = &reader.head().creator;
    let of_indices = reader.indices().header().codec.to_string();
    let mut codecs: Vec<String> = reader.arrays().iter().map(|record| codec(record, &of_indices)).collect();
    codecs.dedup();
    let codec = if codecs.is_empty() { of_indices.clone() } else { codecs.join(", ") };
    if as_json {
        let facts = json!({
            "file": name,
            "kind": kind(&reader),
            "lossless": reader.is_lossless(),
            "version": reader.version(),
            "creator": creator,
            "codec": codec,
            "bytes": reader.container_bytes(),
            "raw_bytes": raw_bytes,
            "arrays": (0..reader.arrays().len()).map(|array| facts(&reader, array)).collect::<Vec<_>>(),
        });
        return Ok(writeln!(out, "{facts:#}")?);
    }
    let count = reader.arrays().len();
    let word = if count == 1 { "array" } else { "arrays" };
    let loss = if reader.is_lossless() { "lossless" } else { "NOT lossless" };
    writeln!(out, "{name}: {}, {loss}, {count} {word} of {}", kind(&reader), pixels_word(samples))?;
    let on =
        if reader.arrays().iter().any(|record| record.array_codec().is_some()) { "" } else { " on indices" };
    writeln!(out, "  codec   {codec}{on}, written by {creator}")?;
    let bytes = reader.container_bytes();
    writeln!(out, "  size    {bytes} bytes; {}", rates(samples, raw_bytes, bytes))?;
    for (number, record) in reader.arrays().iter().enumerate() {
        let axes: Vec<String> = record.axes.iter().map(usize::to_string).collect();
        writeln!(out, "  array {number} {} {}, dither {}", axes.join("x"), record.sample, dither(record))?;
        if record.is_lossless() {
            writeln!(out, "          digest  {}", record.original)?;
            continue;
        }
        writeln!(out, "          {}", loss_words(record))?;
        if let Some(words) = noise_words(record) {
            writeln!(out, "          {words}")?;
        }
        writeln!(out, "          digest of the original {}", record.original)?;
        writeln!(out, "          digest as decoded      {}", record.decoded)?;
    }
    Ok(())
}

/// What it is called: only containers whose samples may have changed are bounded ones.
pub(crate) fn kind<R: std::io::Read + std::io::Seek>(reader: &Reader<R>) -> &'static str {
    if reader.is_lossless() { "container of arrays" } else { "bounded container" }
}

/// The array codec of an array, or that of the indices.
fn codec(record: &ArrayRecord, of_indices: &str) -> String {
    record.array_codec().map_or_else(|| of_indices.to_owned(), ToString::to_string)
}

fn dither(record: &ArrayRecord) -> &'static str {
    if record.dither.is_some() { "subtractive" } else { "none" }
}

fn facts<R: std::io::Read + std::io::Seek>(reader: &Reader<R>, array: usize) -> Value {
    let record = &reader.arrays()[array];
    let noise = match record.tolerance {
        Tolerance::Absolute(_) => Value::Null,
        Tolerance::Sigma { noise, .. } => json!({
            "offset_dn": noise.offset_dn(),
            "variance_per_dn": noise.slope_dn(),
            "read_noise_dn": noise.read_noise_dn(),
            "source": record.noise_source.map(|source| source.name()),
        }),
    };
    let tolerance = match record.tolerance {
        Tolerance::Absolute(error) => json!(error),
        Tolerance::Sigma { .. } => Value::Null,
    };
    json!({
        "type": record.sample.name(),
        "axes": record.axes,
        "bound": record.bound.value(),
        "unit": record.bound.unit().name(),
        "largest_error_allowed": tolerance,
        "noise": noise,
        "dither": dither(record),
        "dither_seed": record.dither.map(|dither| dither.seed),
        "largest_error": record.largest_error,
        "largest_error_sigma": record.largest_error_sigma,
        "samples": record.samples(),
        "changed_samples": record.changed,
        "exact_samples": record.exact_samples(),
        "array_codec": record.array_codec().map(ToString::to_string),
        "coded_bytes": reader.coded_bytes(array),
        "digest_of_original": record.original.to_string(),
        "digest": record.decoded.to_string(),
    })
}
