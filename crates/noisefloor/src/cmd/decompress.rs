//! `noisefloor decompress`: a container in, the original file or a region of it out.

use crate::files::input::{self, FileKind};
use crate::files::output::{ensure_distinct, write_file};
use crate::files::source::Source;
use crate::limits;
use crate::registry::registry;
use anyhow::{Context, Result, bail, ensure};
use nf_codec::Codec;
use nf_codec::container::Reader;
use nf_image::{Image16, Shape, TileBox};
use std::io::{Read, Seek, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Container to read; `-` reads standard input
    input: PathBuf,
    /// File to write, .fits or .npy; `-` writes the original file to standard output
    output: PathBuf,
    /// Only these pixels: Y0:Y1,X0:X1 or Y0:Y1,X0:X1,P0:P1 (counted from 0, ends excluded)
    #[arg(short, long, value_name = "REGION", value_parser = Region::parse)]
    region: Option<Region>,
    /// Only this stack, counted from 0 (required for .npy and --region if there are several)
    #[arg(short, long, value_name = "N")]
    stack: Option<usize>,
    /// Replace OUTPUT if it exists
    #[arg(short, long)]
    force: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let source = Source::open(&args.input)?;
    let name = source.name();
    ensure_distinct(&args.input, &args.output)?;
    let mut reader = Reader::open(source.reader()?, limits::codec()).with_context(|| name.clone())?;
    let original = reader.header().layout.as_ref().map_or(FileKind::Fits, FileKind::of_layout);
    let kind = match args.output.extension().and_then(|e| e.to_str()).map(str::to_lowercase).as_deref() {
        Some("npy") => FileKind::Npy,
        Some("fits" | "fit" | "fts") => FileKind::Fits,
        // The standard output, a pipe or a device has no name to go by.
        _ if args.output == Path::new("-") || args.output.exists() && !args.output.is_file() => original,
        _ => bail!("{}: expected a name that ends in .fits or .npy, or -", args.output.display()),
    };
    write_file(&args.output, args.force, |out| {
        write_pixels(&mut reader, args, kind, out).with_context(|| name.clone())
    })
}

fn write_pixels(
    reader: &mut Reader<impl Read + Seek>,
    args: &Args,
    kind: FileKind,
    out: &mut dyn Write,
) -> Result<()> {
    let codec = reader.codec(&registry())?;
    let whole_file = args.region.is_none() && args.stack.is_none();
    if whole_file && reader.header().layout.as_ref().is_some_and(|layout| FileKind::of_layout(layout) == kind)
    {
        return Ok(reader.restore(&*codec, out)?);
    }
    if whole_file && kind == FileKind::Fits {
        // Stack by stack: several need not fit the memory together.
        let stacks = reader.header().images.len();
        return input::write_fits((0..stacks).map(|i| Ok(reader.decode(i, &*codec)?)), out);
    }
    let image = decode_stack(reader, args, &*codec)?;
    match kind {
        FileKind::Fits => input::write_fits([Ok(image)], out),
        FileKind::Npy => input::write_npy(&image, out),
    }
}

fn decode_stack(reader: &mut Reader<impl Read + Seek>, args: &Args, codec: &dyn Codec) -> Result<Image16> {
    let stacks = reader.header().images.len();
    let stack = match args.stack {
        Some(stack) => stack,
        None if stacks == 1 => 0,
        None => bail!("there are {stacks} stacks, choose one with --stack"),
    };
    ensure!(stack < stacks, "there is no stack {stack}, they are numbered 0 to {}", stacks.saturating_sub(1));
    match &args.region {
        None => Ok(reader.decode(stack, codec)?),
        Some(region) => {
            let place = region.within(reader.header().images[stack].shape)?;
            Ok(reader.decode_region(stack, &place, codec)?)
        }
    }
}

/// Rows, columns, and planes if not all.
#[derive(Clone, Debug)]
struct Region {
    rows: Range<usize>,
    columns: Range<usize>,
    planes: Option<Range<usize>>,
}

impl Region {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no region, expected Y0:Y1,X0:X1 or Y0:Y1,X0:X1,P0:P1");
        let range = |part: &str| {
            let (start, end) = part.split_once(':')?;
            let (start, end) = (start.parse().ok()?, end.parse().ok()?);
            (start < end).then_some(start..end)
        };
        let ranges: Vec<Range<usize>> =
            text.split(',').map(range).collect::<Option<_>>().ok_or_else(wrong)?;
        match &ranges[..] {
            [rows, columns] => Ok(Self { rows: rows.clone(), columns: columns.clone(), planes: None }),
            [rows, columns, planes] => {
                Ok(Self { rows: rows.clone(), columns: columns.clone(), planes: Some(planes.clone()) })
            }
            _ => Err(wrong()),
        }
    }

    fn within(&self, shape: Shape) -> Result<TileBox> {
        let planes = self.planes.clone().unwrap_or(0..shape.planes);
        ensure!(
            planes.end <= shape.planes && self.rows.end <= shape.height && self.columns.end <= shape.width,
            "the region reaches beyond the stack of {shape} pixels (planes x rows x columns)"
        );
        Ok(TileBox { planes, rows: self.rows.clone(), columns: self.columns.clone() })
    }
}
