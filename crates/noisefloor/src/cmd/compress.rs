//! `noisefloor compress`: FITS and .npy files in, containers out.

use super::bound::{self, BoundOptions};
use super::level::LevelFlag;
use crate::cmd::fits::opened::reason_to_keep;
use crate::files::batch::{Done, Files, Job, Rules};
use crate::files::input;
use crate::files::kinds::{CONTAINER, inside, is_bounded, is_compressible, is_container, with_ending};
use crate::files::output::{fill_file, is_stream, write_file};
use crate::files::profile::EmbeddableProfile;
use crate::files::source::Source;
use crate::registry::{DEFAULT_CODEC, tools};
use anyhow::{Error, Result, anyhow, ensure};
use nf_archive::input::Original;
use nf_archive::{Coded, Coder};
use nf_bounded::Bound;
use nf_codec::Spec;
use nf_codec::container::Header;
use nf_image::{Digest, Shape};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor compress -r night --output-dir packed --skip-existing")]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// Codec and options; `noisefloor codecs` lists them
    #[arg(short, long, value_name = "SPEC", default_value = DEFAULT_CODEC, help_heading = "Coding")]
    codec: Spec,
    #[command(flatten)]
    level: LevelFlag,
    #[command(flatten)]
    profile: EmbeddableProfile,
    /// Cut stacks into tiles of ROWSxCOLUMNS or PLANESxROWSxCOLUMNS pixels [default: the codec's
    /// own, or whole up to 4 Mpixel]
    #[arg(short, long, value_name = "TILE", value_parser = parse_tile, help_heading = "Coding")]
    tile: Option<Shape>,
    /// Skip decoding and comparing every tile before it is written
    #[arg(long, conflicts_with_all = ["delete", "bound"], help_heading = "Coding")]
    no_verify: bool,
    #[command(flatten)]
    bound: BoundOptions,
    /// Shift the steps from sample to sample (subtractive dither), so that means, medians and faint
    /// fluxes are not biased; `floor` knows the shifts, and other codecs pay for them [default: for
    /// bounds in sigmas]
    #[arg(long, requires = "bound", overrides_with = "no_dither", help_heading = "Loss")]
    dither: bool,
    /// Keep the same steps for all samples
    #[arg(long, requires = "bound", overrides_with = "dither", help_heading = "Loss")]
    no_dither: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let spec = args.level.codec().unwrap_or_else(|| args.codec.clone());
    // Codecs of arrays keep floating-point numbers, within a bound or without loss.
    let bound = args.bound.bound.or_else(|| bound::compress::is_of_arrays(&spec).then_some(Bound::EXACT));
    if let Some(bound) = bound {
        ensure!(!args.no_verify, "--no-verify: {spec} is proved always; leave it out");
        ensure!(!args.profile.embeds(), "--embed-profile: bounded containers carry no profile; leave it out");
        let spec = args.profile.flag.apply(spec, "--bound")?;
        let wishes = bound::compress::Wishes {
            spec: &spec,
            bound,
            tile: args.tile,
            options: &args.bound,
            dither: (args.dither || args.no_dither).then_some(args.dither),
            force: args.files.force(),
        };
        return bound::compress::run(&args.files, &wishes);
    }
    // A wrong spec is told before a file is read.
    args.profile.flag.check(&spec)?;
    let coder = Coder::new(tools(), &spec, args.tile, !args.no_verify)?;
    let spec = coder.spec();
    let coder = args.profile.apply(coder, &spec, Coder::with_profiles)?;
    let rules =
        Rules { verb: "compress", takes: is_compressible, is_output: is_container, name: &container_name };
    args.files
        .each(&rules, |job, share| compress(&coder, job, (args.files.force(), args.files.delete()), share))
}

/// The name of the container of a file: that of the FITS or .npy file which it will give back.
pub(crate) fn container_name(input: &Path) -> Result<PathBuf> {
    ensure!(!is_container(input) && !is_bounded(input), "it is a container already");
    Ok(with_ending(inside(input), CONTAINER))
}

fn compress(
    coder: &Coder,
    job: &Job,
    (force, delete): (bool, bool),
    share: &mut dyn FnMut(f64),
) -> Result<Done> {
    let source = Source::open(&job.input)?;
    let name = source.name();
    let input = input::read(source).map_err(with_other_codecs)?;
    let reason = reason_to_stay(&input.original);
    let coded = match is_stream(&job.output) {
        true => write_file(&job.output, force, |mut out| coder.to_stream(input, &mut out, share)),
        false => fill_file(&job.output, force, |file| coder.to_file(input, file, share)),
    };
    let coded =
        coded.map_err(|error| match error.is::<nf_codec::Error>() || error.is::<nf_fits::Error>() {
            true => error.context(name.clone()),
            false => error,
        })?;
    if let Some(remark) = &coded.remark {
        tracing::warn!("{name}: {remark}");
    }
    let mut done =
        Done { lines: vec![format!("{name}: {}", words(&coded))], facts: facts(&coded), unfinished: None };
    done.keeping(reason, delete);
    Ok(done)
}

/// Says which codecs take what is no 16-bit image.
fn with_other_codecs(error: Error) -> Error {
    let is_other = error
        .downcast_ref::<nf_fits::Error>()
        .is_some_and(|error| matches!(error, nf_fits::Error::Content { .. } | nf_fits::Error::NotU16 { .. }));
    match is_other {
        true => anyhow!("{error:#}; --codec pcodec:lossless=true keeps other numbers"),
        false => error,
    }
}

/// Why a file should stay although its container proves equal.
fn reason_to_stay(original: &Original) -> Option<String> {
    let Original::Fits(file) = original else { return None };
    reason_to_keep(file)
}

/// What is said of a coded file.
fn words(coded: &Coded) -> String {
    let verified = if coded.restored.is_some() { "verified" } else { "not verified" };
    let pixels = coded.pixels();
    format!(
        "{} of {} with {}, {} -> {} bytes, {}, {verified}",
        stacks_word(coded.header.images.len()),
        pixels_word(pixels),
        coded.header.codec,
        coded.raw_bytes,
        coded.container_bytes,
        rates(pixels, coded.raw_bytes, coded.container_bytes),
    )
}

/// The same for programs.
fn facts(coded: &Coded) -> Map<String, Value> {
    let mut facts = container_facts(&coded.header, &coded.digests);
    let pixels = coded.pixels();
    facts.insert("pixels".to_owned(), json!(pixels));
    facts.insert("raw_bytes".to_owned(), json!(coded.raw_bytes));
    facts.insert("bits_per_pixel".to_owned(), json!(bits_per_pixel(pixels, coded.container_bytes)));
    facts.insert("restored_blake3".to_owned(), json!(coded.restored.map(|digest| digest.to_string())));
    facts.insert("verified".to_owned(), json!(coded.restored.is_some()));
    facts
}

/// Codec, shapes and digests of a container's stacks.
pub(crate) fn container_facts(header: &Header, digests: &[Digest]) -> Map<String, Value> {
    let stacks = header.images.iter().zip(digests).map(|(image, digest)| {
        let Shape { planes, height, width } = image.shape;
        json!({"shape": [planes, height, width], "digest": digest.to_string()})
    });
    let mut facts = Map::new();
    facts.insert("codec".to_owned(), json!(header.codec.to_string()));
    facts.insert("stacks".to_owned(), stacks.collect());
    facts
}

pub(crate) fn stacks_word(n: usize) -> String {
    format!("{n} stack{}", if n == 1 { "" } else { "s" })
}

pub(crate) fn pixels_word(pixels: u64) -> String {
    match pixels {
        0..100_000 => format!("{pixels} pixels"),
        _ => format!("{:.2} Mpixel", pixels as f64 / 1e6),
    }
}

/// Bits of the whole file for every pixel, if there are pixels.
pub(crate) fn bits_per_pixel(pixels: u64, coded_bytes: u64) -> Option<f64> {
    (pixels > 0).then(|| 8.0 * coded_bytes as f64 / pixels as f64)
}

/// Bits per pixel, and the ratio to the samples as they are stored without compression.
pub(crate) fn rates(pixels: u64, raw_bytes: u64, coded_bytes: u64) -> String {
    match bits_per_pixel(pixels, coded_bytes).filter(|_| coded_bytes > 0) {
        None => "no pixels".to_owned(),
        Some(bits) => {
            format!("{bits:.4} bits per pixel, ratio {:.3}", raw_bytes as f64 / coded_bytes as f64)
        }
    }
}

fn parse_tile(text: &str) -> Result<Shape, String> {
    let wrong =
        || format!("'{text}' is no tile, expected ROWSxCOLUMNS or PLANESxROWSxCOLUMNS, each at least 1");
    let extents: Vec<usize> = text
        .split('x')
        .map(|n| n.parse().ok().filter(|&n| n > 0))
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    match extents[..] {
        [height, width] => Ok(Shape::frame(height, width)),
        [planes, height, width] => Ok(Shape::new(planes, height, width)),
        _ => Err(wrong()),
    }
}
