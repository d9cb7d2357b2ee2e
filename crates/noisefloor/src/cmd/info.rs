//! `noisefloor info`: what a file is, every HDU of a FITS file, whatever it holds, and the
//! digests of its 16-bit images.

use super::bound;
use super::compress::{pixels_word, rates, stacks_word};
use super::stages;
use crate::files::input;
use crate::files::output;
use crate::files::profile::NeededProfile;
use crate::files::source::Source;
use crate::limits;
use crate::registry::{open_readable_fits, readable_fits_of_bytes, registry};
use anyhow::{Context, Result, ensure};
use nf_archive::input::Input;
use nf_archive::plain;
use nf_codec::container::{Header, MAGIC, Reader, Segment};
use nf_fits::describe::{Content, HduDescription};
use nf_fits::tiled::Algorithm;
use nf_fits::{BoundCards, FitsFile, Hdu, npy};
use serde_json::{Value, json};
use std::io::{Read, Seek, Write};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Container, FITS or .npy file; `-` reads standard input
    file: PathBuf,
    #[command(flatten)]
    profile: NeededProfile,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    args.profile.make_known()?;
    let source = Source::open(&args.file)?;
    if bound::decompress::is_bounded(&source)? {
        return bound::facts::info(&source, args.json, &mut output::text());
    }
    let name = source.name();
    let bytes = source.length_bytes()?;
    let first = source.first(MAGIC.len() as u64)?;
    // What is wrong with parts of the file, said after all that can be told.
    let mut problems = Vec::new();
    let facts = if first == MAGIC {
        let mut reader = Reader::open(source.reader()?, limits::codec()).with_context(|| name.clone())?;
        let mut facts = container_facts(&reader);
        facts["stages"] = stages_facts(&mut reader, &mut problems);
        facts
    } else if npy::is_npy(&first) {
        npy_facts(&mut input::read(source)?, bytes).with_context(|| name.clone())?
    } else {
        let file = match source {
            Source::Disk(path) => open_readable_fits(&path)?,
            Source::Memory(bytes, name) => readable_fits_of_bytes(bytes).context(name)?,
        };
        let stacks = digests(&file, &mut problems);
        problems.extend(file.fault().map(ToString::to_string));
        let facts = |hdu: &Hdu| with_bound(hdu_facts(&hdu.describe()), hdu);
        let hdus: Vec<Value> = file.hdus().iter().map(facts).collect();
        json!({"kind": "FITS", "bytes": bytes, "hdus": hdus, "stacks": stacks, "problems": problems})
    };
    let mut out = output::text();
    if args.json {
        let mut facts = facts;
        facts["file"] = json!(name);
        writeln!(out, "{facts:#}")?;
    } else if facts["hdus"].is_array() {
        print_hdus(&name, &facts, &mut out)?;
    } else {
        print_stacks(&name, &facts, &mut out)?;
    }
    out.flush()?;
    ensure!(problems.is_empty(), "{name}: {}", problems.join("; "));
    Ok(())
}

fn container_facts<R: Read + Seek>(reader: &Reader<R>) -> Value {
    let header = reader.header();
    // As the original file stores them; a container without one holds 16-bit samples.
    let mut raw_bytes: Vec<usize> = header.images.iter().map(|image| image.shape.raw_bytes()).collect();
    for segment in header.layout.iter().flat_map(|layout| &layout.segments) {
        if let Segment::Samples { image, format, .. } = segment {
            let stack = *image as usize;
            raw_bytes[stack] = header.images[stack].shape.pixels() * format.bytes();
        }
    }
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
            facts["raw_bytes"] = json!(raw_bytes[i]);
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
        "needs": needs(header),
        "model": model,
        "embedded_profile_bytes": header.profile.as_ref().map(|profile| profile.len()),
        "bytes": reader.container_bytes(),
        "raw_bytes": raw_bytes.iter().sum::<usize>(),
        "cut": header.cut.as_ref().map(|cut| json!({"stage": cut.stage + 1, "bound_dn": cut.bound_dn})),
        "cut_words": stages::cut_words(header),
        "stacks": stacks,
    })
}

/// What a decoder needs beside the container, as options of the codec name it.
fn needs(header: &Header) -> Vec<&'static str> {
    let is_named = |key: &&str| header.codec.get(key).is_some();
    let is_inside = |key: &&str| *key == "profile" && header.profile.is_some();
    ["checkpoint", "profile"].into_iter().filter(is_named).filter(|key| !is_inside(key)).collect()
}

/// The stages of a codec that has some: bytes up to the end of each, and what they promise. Null
/// where the codec is not at hand.
fn stages_facts<R: Read + Seek>(reader: &mut Reader<R>, problems: &mut Vec<String>) -> Value {
    let codec = reader.codec(&registry()).ok().filter(|codec| codec.staged().is_some());
    let Some(codec) = codec else { return Value::Null };
    match reader.stages(&*codec) {
        Ok(stages) => stages
            .iter()
            .map(|stage| {
                let words = stages::words(stage);
                let (bytes, bound_dn, bound_sigma) = (stage.end_bytes, stage.bound_dn, stage.bound_sigma);
                json!({"bytes": bytes, "bound_dn": bound_dn, "bound_sigma": bound_sigma, "words": words})
            })
            .collect(),
        Err(error) => {
            problems.push(error.to_string());
            Value::Null
        }
    }
}

/// The images that `compress` codes, with the digests that a container of them has. What is damaged
/// is told among the problems; what holds no 16-bit samples has no digest.
fn digests(file: &FitsFile, problems: &mut Vec<String>) -> Vec<Value> {
    let mut stacks = Vec::new();
    for image in file.image_hdus() {
        match image.read() {
            Ok(stack) => {
                let mut facts = stack_facts(stack.shape(), stack.axis(), &stack.digest());
                facts["hdu"] = json!(image.index());
                stacks.push(facts);
            }
            Err(nf_fits::Error::NotU16 { .. }) => {}
            Err(error) => {
                let unknown = matches!(image.compression(), Some(Algorithm::Other(_)));
                if unknown || matches!(error, nf_fits::Error::Limit { .. }) {
                    tracing::warn!("HDU {} has no digest here: {error}", image.index());
                } else {
                    problems.push(error.to_string());
                }
            }
        }
    }
    stacks
}

/// With what its header says of pixels that were changed within a bound.
fn with_bound(mut facts: Value, hdu: &Hdu) -> Value {
    if let Some(cards) = BoundCards::of_header(hdu.header()) {
        facts["bound"] = json!({
            "value": cards.value,
            "unit": cards.unit,
            "largest_error": cards.largest_error,
            "digest_of_original": cards.original,
        });
        if let Some(remarks) = facts["remarks"].as_array_mut() {
            remarks.push(json!(bound::compare::words(&cards)));
        }
    }
    facts
}

/// An HDU, told from its header.
fn hdu_facts(hdu: &HduDescription) -> Value {
    let mut facts = json!({
        "hdu": hdu.index,
        "name": hdu.name,
        "version": hdu.version,
        "content": hdu.content.to_string(),
        "header_bytes": hdu.header_bytes,
        "data_bytes": hdu.data_bytes,
        "remarks": hdu.remarks,
    });
    match &hdu.content {
        Content::Image(image) => {
            facts["type"] = json!(image.sample.to_string());
            facts["axes"] = json!(image.axes);
            facts["pixels"] = json!(image.pixels());
            facts["raw_bytes"] = json!(image.raw_bytes());
            facts["scale"] = json!(image.scale);
            facts["zero"] = json!(image.zero);
            facts["blank"] = json!(image.blank);
            facts["compression"] = image.compression.as_ref().map_or(Value::Null, |how| {
                json!({
                    "algorithm": how.algorithm.to_string(),
                    "tile": how.tile,
                    "tiles": how.tiles,
                    "lossy": how.lossy,
                    "quantisation": how.quantisation.map(|dither| format!("{dither:?}")),
                    "seed": how.seed,
                })
            });
        }
        Content::BinaryTable(table) | Content::AsciiTable(table) => {
            let columns = table.columns.iter();
            facts["rows"] = json!(table.rows);
            facts["row_bytes"] = json!(table.row_bytes);
            facts["heap_bytes"] = json!(table.heap_bytes);
            facts["raw_bytes"] = json!(table.raw_bytes());
            facts["compression"] = table.compression.as_ref().map_or(Value::Null, |how| {
                let algorithms: Vec<_> = how.algorithms.iter().map(|algorithm| algorithm.name()).collect();
                json!({"algorithms": algorithms, "tile_rows": how.tile_rows, "tiles": how.tiles})
            });
            facts["columns"] = columns.map(|column| json!([column.name, column.form, column.unit])).collect();
        }
        _ => {}
    }
    facts
}

fn npy_facts(input: &mut Input, bytes: u64) -> Result<Value> {
    let mut stacks = Vec::new();
    for stack in &mut input.stacks {
        let shape = stack.shape();
        let digest = stack.band(0..shape.planes, 0..shape.height)?.digest();
        stacks.push(stack_facts(shape, stack.axis(), &digest));
    }
    Ok(json!({"kind": input.kind.name(), "bytes": bytes, "raw_bytes": input.raw_bytes, "stacks": stacks}))
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

fn print_hdus(name: &str, facts: &Value, out: &mut dyn Write) -> Result<()> {
    let hdus = facts["hdus"].as_array().map(Vec::as_slice).unwrap_or_default();
    let units = if hdus.len() == 1 { "HDU" } else { "HDUs" };
    let name = plain(name);
    writeln!(out, "{name}: FITS, {} {units}, {} bytes", hdus.len(), facts["bytes"])?;
    for hdu in hdus {
        let text = |key: &str| plain(hdu[key].as_str().unwrap_or_default());
        let label = match (text("name"), hdu["version"].as_i64()) {
            (name, _) if name.is_empty() => String::new(),
            (name, Some(version)) => format!(" [{name},{version}]"),
            (name, None) => format!(" [{name}]"),
        };
        writeln!(
            out,
            "  HDU {}{label}: {}, {} bytes of data",
            hdu["hdu"],
            text("content"),
            hdu["data_bytes"]
        )?;
        if let (Some(raw), Some(stored)) = (hdu["raw_bytes"].as_u64(), hdu["data_bytes"].as_u64())
            && hdu["compression"].is_object()
        {
            writeln!(out, "        {}", rates(hdu["pixels"].as_u64().unwrap_or_default(), raw, stored))?;
        }
        let of_hdu = |stack: &&Value| stack["hdu"] == hdu["hdu"];
        let stack = facts["stacks"].as_array().into_iter().flatten().find(of_hdu);
        if let Some(digest) = stack.and_then(|stack| stack["digest"].as_str()) {
            writeln!(out, "        digest {digest}")?;
        }
        for remark in hdu["remarks"].as_array().into_iter().flatten() {
            writeln!(out, "        remark: {}", plain(remark.as_str().unwrap_or_default()))?;
        }
    }
    Ok(())
}

fn print_stacks(name: &str, facts: &Value, out: &mut dyn Write) -> Result<()> {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let stacks = facts["stacks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let pixels: u64 = stacks.iter().map(|stack| number(&stack["pixels"])).sum();
    let bytes = number(&facts["bytes"]);
    let kind = facts["kind"].as_str().unwrap_or_default();
    let name = plain(name);
    writeln!(out, "{name}: {kind}, {} of {}", stacks_word(stacks.len()), pixels_word(pixels))?;
    if let Some(codec) = facts["codec"].as_str() {
        let class = facts["reproducibility"].as_str().unwrap_or_default();
        let needs: Vec<&str> =
            facts["needs"].as_array().into_iter().flatten().flat_map(Value::as_str).collect();
        let needs = if needs.is_empty() { String::new() } else { format!(", with its {}", needs.join(", ")) };
        // Small containers do not say who wrote them.
        let creator = facts["creator"].as_str().filter(|creator| !creator.is_empty());
        let creator = creator.map(|creator| format!(", written by {}", plain(creator))).unwrap_or_default();
        writeln!(out, "  codec   {codec} (decodes {class}{needs}){creator}")?;
    }
    if let Some(bytes) = facts["embedded_profile_bytes"].as_u64() {
        writeln!(out, "  profile inside, {bytes} bytes")?;
    }
    if let Some(words) = facts["cut_words"].as_str() {
        writeln!(out, "  {words}")?;
    }
    let raw_bytes = facts["raw_bytes"].as_u64().unwrap_or(2 * pixels);
    writeln!(out, "  size    {bytes} bytes; {}", rates(pixels, raw_bytes, bytes))?;
    for (number, stage) in facts["stages"].as_array().into_iter().flatten().enumerate() {
        let words = stage["words"].as_str().unwrap_or_default();
        writeln!(out, "  stage {} {} bytes up to its end, {words}", number + 1, stage["bytes"])?;
    }
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
