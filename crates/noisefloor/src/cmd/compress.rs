//! `noisefloor compress`: a FITS or .npy file in, a container out.

use crate::files::input::{self, Input};
use crate::files::output::{ensure_distinct, fill_file, is_stream, write_file};
use crate::files::source::Source;
use crate::limits;
use crate::registry::{DEFAULT_CODEC, registry};
use anyhow::{Context, Result};
use nf_codec::Spec;
use nf_codec::container::{self, Header, ImageHeader, ImageSource, Reader, WriteOptions, default_tile};
use nf_image::Shape;
use std::io::{BufWriter, IntoInnerError, Seek, Write};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// FITS (plain, .gz, tile-compressed .fz) or .npy file; `-` reads the standard input
    input: PathBuf,
    /// Container to write; `-` writes the standard output
    output: PathBuf,
    /// Codec and options; `noisefloor codecs` lists them
    #[arg(short, long, value_name = "SPEC", default_value = DEFAULT_CODEC)]
    codec: Spec,
    /// Cut stacks into tiles of ROWSxCOLUMNS or PLANESxROWSxCOLUMNS pixels [default: whole up to 4
    /// Mpixel]
    #[arg(short, long, value_name = "TILE", value_parser = parse_tile)]
    tile: Option<Shape>,
    /// Skip decoding and comparing every tile before it is written
    #[arg(long)]
    no_verify: bool,
    /// Replace OUTPUT if it exists
    #[arg(short, long)]
    force: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let registry = registry();
    // A wrong spec is told before the file is read.
    let codec = registry.build(&args.codec)?;
    let source = Source::open(&args.input)?;
    let name = source.name();
    ensure_distinct(&args.input, &args.output)?;
    let Input { mut stacks, layout, raw_bytes, original, .. } = input::read(source)?;
    let header = Header {
        codec: codec.spec(),
        reproducibility: codec.reproducibility(),
        model: codec.model().map(Into::into),
        images: stacks.iter().map(|stack| image_header(&**stack, args.tile)).collect(),
        layout: Some(layout.clone()),
        creator: concat!("noisefloor ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    // The proof has a decoder of its own, with nothing left over from encoding.
    let decoder = if args.no_verify { None } else { Some(registry.build(&args.codec)?) };
    let verifier = decoder.as_deref().filter(|_| is_stream(&args.output));
    let options = WriteOptions { encoder: &*codec, verifier, limits: limits::codec() };
    let write = |stacks: &mut [Box<dyn ImageSource>], out: &mut dyn Write| {
        let mut sources: Vec<&mut dyn ImageSource> =
            stacks.iter_mut().map(|stack| stack.as_mut() as &mut dyn ImageSource).collect();
        container::write(out, &header, &mut sources, options).with_context(|| name.clone())
    };
    let written = if is_stream(&args.output) {
        // What cannot be read back is proved tile by tile, and its layout before anything is
        // written.
        if decoder.is_some() {
            original.prove_layout(&layout, &mut stacks).with_context(|| name.clone())?;
        }
        write_file(&args.output, args.force, |mut out| write(&mut stacks, &mut out))?
    } else {
        fill_file(&args.output, args.force, |file| {
            let mut out = BufWriter::with_capacity(1 << 18, file);
            let written = write(&mut stacks, &mut out)?;
            let file = out.into_inner().map_err(IntoInnerError::into_error)?;
            if let Some(decoder) = &decoder {
                file.rewind()?;
                let mut reader = Reader::open(&mut *file, limits::codec()).with_context(|| name.clone())?;
                original.prove(|sink| reader.restore(&**decoder, sink)).with_context(|| name.clone())?;
            }
            Ok(written)
        })?
    };
    let pixels: u64 = header.images.iter().map(|image| image.shape.pixels() as u64).sum();
    let verified = if args.no_verify { "not verified" } else { "verified" };
    eprintln!(
        "{name}: {} of {} with {}, {} -> {} bytes, {}, {verified}",
        stacks_word(header.images.len()),
        pixels_word(pixels),
        header.codec,
        raw_bytes,
        written.container_bytes,
        rates(pixels, raw_bytes, written.container_bytes),
    );
    Ok(())
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

/// Bits per pixel, and the ratio to the samples as they are stored without compression.
pub(crate) fn rates(pixels: u64, raw_bytes: u64, coded_bytes: u64) -> String {
    if pixels == 0 || coded_bytes == 0 {
        return "no pixels".to_owned();
    }
    let bits_per_pixel = 8.0 * coded_bytes as f64 / pixels as f64;
    format!("{bits_per_pixel:.4} bits per pixel, ratio {:.3}", raw_bytes as f64 / coded_bytes as f64)
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
