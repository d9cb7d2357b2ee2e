//! `noisefloor compress`: FITS and .npy files in, containers out.

use super::bound::{self, BoundOptions};
use super::level::LevelFlag;
use crate::cmd::fits::opened::reason_to_keep;
use crate::files::batch::{Done, Files, Job, Rules};
use crate::files::input::{self, Input, Original};
use crate::files::kinds::{CONTAINER, inside, is_bounded, is_compressible, is_container, with_ending};
use crate::files::output::{fill_file, is_stream, write_file};
use crate::files::profile::ProfileFlag;
use crate::files::source::Source;
use crate::limits;
use crate::registry::{DEFAULT_CODEC, registry};
use anyhow::{Result, ensure};
use nf_codec::container::{self, Header, ImageHeader, ImageSource, Reader, WriteOptions, default_tile};
use nf_codec::{Codec, Spec};
use nf_image::{Digest, Image16, PlaneAxis, Shape};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::File;
use std::io::{BufWriter, IntoInnerError, Seek, Write};
use std::ops::Range;
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
    profile: ProfileFlag,
    /// Cut stacks into tiles of ROWSxCOLUMNS or PLANESxROWSxCOLUMNS pixels [default: whole up to 4
    /// Mpixel]
    #[arg(short, long, value_name = "TILE", value_parser = parse_tile, help_heading = "Coding")]
    tile: Option<Shape>,
    /// Skip decoding and comparing every tile before it is written
    #[arg(long, conflicts_with_all = ["delete", "bound"], help_heading = "Coding")]
    no_verify: bool,
    #[command(flatten)]
    bound: BoundOptions,
    /// Shift the steps from sample to sample, so that means, medians and faint fluxes are less
    /// biased also where the bound is larger than the noise; costs 0.03 bits per sample at 0.25
    /// sigma, 0.6 at 2
    #[arg(long, requires = "bound", help_heading = "Loss")]
    dither: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let spec = args.profile.apply(args.level.codec().unwrap_or_else(|| args.codec.clone()))?;
    if args.bound.bound.is_some() {
        let wishes = bound::compress::Wishes {
            spec: &spec,
            tile: args.tile,
            options: &args.bound,
            dither: args.dither,
            force: args.files.force(),
        };
        return bound::compress::run(&args.files, &wishes);
    }
    // A wrong spec is told before a file is read.
    let coder = Coder::new(&spec, args.tile, !args.no_verify)?;
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
    let input = input::read(source)?;
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
    let mut done =
        Done { lines: vec![format!("{name}: {}", coded.words())], facts: coded.facts(), unfinished: None };
    done.keeping(reason, delete);
    Ok(done)
}

/// Why a file should stay although its container proves equal.
fn reason_to_stay(original: &Original) -> Option<String> {
    let Original::Fits(file) = original else { return None };
    reason_to_keep(file)
}

/// What codes files, one after the other or side by side.
pub(crate) struct Coder {
    encoder: Box<dyn Codec>,
    /// The proof has a decoder of its own, with nothing left over from encoding.
    decoder: Option<Box<dyn Codec>>,
    tile: Option<Shape>,
}

/// What became of a file.
pub(crate) struct Coded {
    pub(crate) header: Header,
    /// Bytes of the samples as the file stores them without compression.
    pub(crate) raw_bytes: u64,
    pub(crate) container_bytes: u64,
    /// Of every stack.
    pub(crate) digests: Vec<Digest>,
    /// BLAKE3 of the file that the container gives back, if that was proved.
    pub(crate) restored: Option<blake3::Hash>,
}

impl Coder {
    /// A coder for this spec, which proves what it writes if `verify` is set.
    ///
    /// # Errors
    /// If the spec makes no sense.
    pub(crate) fn new(spec: &Spec, tile: Option<Shape>, verify: bool) -> Result<Self> {
        let registry = registry();
        let encoder = registry.build(spec)?;
        let decoder = if verify { Some(registry.build(spec)?) } else { None };
        Ok(Self { encoder, decoder, tile })
    }

    /// The spec with its options in canonical order.
    pub(crate) fn spec(&self) -> Spec {
        self.encoder.spec()
    }

    /// Writes a container to what cannot be read back: it is proved tile by tile, and its layout
    /// before anything is written.
    ///
    /// # Errors
    /// If the file cannot be read or coded, does not prove equal, or `out` fails.
    pub(crate) fn to_stream(
        &self,
        mut input: Input,
        out: &mut dyn Write,
        share: &mut dyn FnMut(f64),
    ) -> Result<Coded> {
        let restored = match self.decoder {
            Some(_) => Some(input.original.prove_layout(&input.layout, &mut input.stacks)?),
            None => None,
        };
        let header = self.header(&input);
        let mut coded = self.write(input, header, self.decoder.as_deref(), out, share)?.0;
        coded.restored = restored;
        Ok(coded)
    }

    /// Writes a container into an empty file, reads it back and compares.
    ///
    /// # Errors
    /// As [`Coder::to_stream`].
    pub(crate) fn to_file(&self, input: Input, file: &mut File, share: &mut dyn FnMut(f64)) -> Result<Coded> {
        let header = self.header(&input);
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let (mut coded, original) = self.write(input, header, None, &mut out, share)?;
        let file = out.into_inner().map_err(IntoInnerError::into_error)?;
        if let Some(decoder) = &self.decoder {
            file.rewind()?;
            let mut reader = Reader::open(&mut *file, limits::codec())?;
            coded.restored = Some(original.prove(|sink| reader.restore(&**decoder, sink))?);
        }
        Ok(coded)
    }

    fn header(&self, input: &Input) -> Header {
        Header {
            codec: self.encoder.spec(),
            reproducibility: self.encoder.reproducibility(),
            // Streams and the spec name a profile by its key.
            model: self.encoder.model().filter(|_| !names_profile(&self.encoder.spec())).map(Into::into),
            images: input.stacks.iter().map(|stack| image_header(&**stack, self.tile)).collect(),
            layout: Some(input.layout.clone()),
            creator: concat!("noisefloor ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    fn write(
        &self,
        input: Input,
        header: Header,
        verifier: Option<&dyn Codec>,
        out: &mut dyn Write,
        share: &mut dyn FnMut(f64),
    ) -> Result<(Coded, Original)> {
        let Input { mut stacks, raw_bytes, original, .. } = input;
        let all: u64 = pixels(&header);
        let times = if self.decoder.is_some() { 2 } else { 1 };
        let mut done = 0;
        let seen = RefCell::new(|pixels: u64| {
            done += pixels;
            share(done as f64 / (times * all).max(1) as f64);
        });
        let mut watched: Vec<_> =
            stacks.iter_mut().map(|stack| Watched { stack: &mut **stack, seen: &seen }).collect();
        let mut sources: Vec<&mut dyn ImageSource> =
            watched.iter_mut().map(|stack| stack as &mut dyn ImageSource).collect();
        let options = WriteOptions { encoder: &*self.encoder, verifier, limits: limits::codec() };
        let written = container::write(out, &header, &mut sources, options)?;
        let coded = Coded {
            header,
            raw_bytes,
            container_bytes: written.container_bytes,
            digests: written.digests,
            restored: None,
        };
        Ok((coded, original))
    }
}

impl Coded {
    /// Of all stacks.
    pub(crate) fn pixels(&self) -> u64 {
        pixels(&self.header)
    }

    fn words(&self) -> String {
        let verified = if self.restored.is_some() { "verified" } else { "not verified" };
        let pixels = pixels(&self.header);
        format!(
            "{} of {} with {}, {} -> {} bytes, {}, {verified}",
            stacks_word(self.header.images.len()),
            pixels_word(pixels),
            self.header.codec,
            self.raw_bytes,
            self.container_bytes,
            rates(pixels, self.raw_bytes, self.container_bytes),
        )
    }

    fn facts(&self) -> Map<String, Value> {
        let mut facts = container_facts(&self.header, &self.digests);
        let pixels = pixels(&self.header);
        facts.insert("pixels".to_owned(), json!(pixels));
        facts.insert("raw_bytes".to_owned(), json!(self.raw_bytes));
        facts.insert("bits_per_pixel".to_owned(), json!(bits_per_pixel(pixels, self.container_bytes)));
        facts.insert("restored_blake3".to_owned(), json!(self.restored.map(|digest| digest.to_string())));
        facts.insert("verified".to_owned(), json!(self.restored.is_some()));
        facts
    }
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

/// A stack that tells how many of its pixels have been asked for.
struct Watched<'a, F: FnMut(u64)> {
    stack: &'a mut dyn ImageSource,
    seen: &'a RefCell<F>,
}

impl<F: FnMut(u64)> ImageSource for Watched<'_, F> {
    fn shape(&self) -> Shape {
        self.stack.shape()
    }

    fn axis(&self) -> PlaneAxis {
        self.stack.axis()
    }

    fn origin(&self) -> [usize; 2] {
        self.stack.origin()
    }

    fn band(&mut self, planes: Range<usize>, rows: Range<usize>) -> nf_codec::Result<Cow<'_, Image16>> {
        let band = self.stack.band(planes, rows)?;
        (self.seen.borrow_mut())(band.shape().pixels() as u64);
        Ok(band)
    }
}

/// Whether a spec names the detector profile that decoding needs.
fn names_profile(spec: &Spec) -> bool {
    spec.to_string().contains("profile=")
}

fn pixels(header: &Header) -> u64 {
    header.images.iter().map(|image| image.shape.pixels() as u64).sum()
}

fn image_header(stack: &(dyn ImageSource + '_), tile: Option<Shape>) -> ImageHeader {
    let shape = stack.shape();
    ImageHeader { shape, axis: stack.axis(), tile: tile.unwrap_or_else(|| default_tile(shape)) }
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
