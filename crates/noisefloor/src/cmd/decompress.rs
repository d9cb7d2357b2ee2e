//! `noisefloor decompress`: containers in, the original files or a region of one out.

use super::bound::decompress as bound;
use super::compress::container_facts;
use super::salvage;
use super::stages;
use crate::files::batch::{Done, Files, Job, Rules};
use crate::files::form::{self, Form, Formed};
use crate::files::kinds::{
    BOUNDED, CONTAINER, is_any_container, is_bounded, is_container, is_fits, is_plain, with_ending, without,
};
use crate::files::output::{fill_file, is_stream, write_file};
use crate::files::profile::NeededProfile;
use crate::files::source::Source;
use crate::limits;
use crate::registry::registry;
use anyhow::{Context, Result, anyhow, bail, ensure};
use nf_archive::input::FileKind;
use nf_bounded::Bound;
use nf_codec::container::Reader;
use nf_codec::{Codec, Stage};
use nf_image::{Shape, TileBox};
use std::io::{BufWriter, Read, Seek, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor decompress --output-dir again packed/*.nfl")]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    profile: NeededProfile,
    /// Only these pixels: Y0:Y1,X0:X1 or Y0:Y1,X0:X1,P0:P1 (counted from 0, ends excluded)
    #[arg(long, value_name = "REGION", value_parser = Region::parse, help_heading = "Parts", conflicts_with = "delete")]
    region: Option<Region>,
    /// Only this stack, counted from 0 (required for .npy and --region if there are several)
    #[arg(short, long, value_name = "N", help_heading = "Parts", conflicts_with = "delete")]
    stack: Option<usize>,
    /// Only as many stages as tell every sample within this: 4dn, 0.5sigma (codecs with stages)
    #[arg(long, value_name = "BOUND", value_parser = stages::parse, help_heading = "Parts", conflicts_with_all = ["delete", "salvage"])]
    within: Option<Bound>,
    /// Write what is intact of a damaged container; every lost tile is told, and the exit code is 1
    #[arg(long, conflicts_with_all = ["delete", "region"], help_heading = "Damage")]
    salvage: bool,
    /// Value of the pixels of lost tiles, or the nearest that their image can hold
    #[arg(
        long,
        value_name = "VALUE",
        default_value_t = 0,
        requires = "salvage",
        help_heading = "Damage",
        allow_negative_numbers = true
    )]
    fill: i64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    args.profile.make_known()?;
    if let Some(region) = args.files.misplaced(|text| Region::parse(text).is_ok()) {
        bail!("{}: there is no such file; a region is asked for by --region", region.display());
    }
    let is_part = args.region.is_some() || args.stack.is_some();
    let name = |input: &Path| match is_part {
        true => bail!("a part of it needs a name of its own, with --output"),
        false => original_name(input),
    };
    let rules = Rules { verb: "decompress", takes: is_any_container, is_output: is_plain, name: &name };
    args.files.each(&rules, |job, _| decompress(args, job))
}

/// The name of the file in a container: without `.nfl`, and with the ending of its kind.
pub(crate) fn original_name(input: &Path) -> Result<PathBuf> {
    if is_bounded(input) {
        let plain = without(input, BOUNDED);
        return Ok(if is_plain(&plain) { plain } else { with_ending(plain, bound::ending(input)) });
    }
    ensure!(is_container(input), "its name does not end in .nfl; name the new file with --output");
    let plain = without(input, CONTAINER);
    if is_plain(&plain) {
        return Ok(plain);
    }
    // One that cannot be read is told when its turn comes.
    let reader = Source::open(input).ok().and_then(|source| {
        let reader = Reader::open(source.reader().ok()?, limits::codec()).ok()?;
        reader.header().layout.as_ref().map(FileKind::of_layout)
    });
    Ok(with_ending(plain, if reader == Some(FileKind::Npy) { "npy" } else { "fits" }))
}

fn decompress(args: &Args, job: &Job) -> Result<Done> {
    let source = Source::open(&job.input)?;
    let name = source.name();
    if bound::is_bounded(&source)? {
        ensure!(args.within.is_none(), "{name}: it holds one bound only, which `info` tells");
        ensure!(
            !args.files.delete(),
            "{name}: --delete is for containers of 16-bit frames; this one may not hold the original: it is kept"
        );
        let of_shape =
            |shape| args.region.as_ref().map_or(Ok(TileBox::whole(shape)), |region| region.within(shape));
        let region = args.region.as_ref().map(|_| &of_shape as &dyn Fn(Shape) -> Result<TileBox>);
        let salvage = args.salvage.then_some(args.fill);
        let part = bound::Part { stack: args.stack, region, salvage };
        return bound::decompress(&source, &job.output, &part, args.files.force());
    }
    let mut reader = Reader::open(source.reader()?, limits::codec()).with_context(|| name.clone())?;
    let original = reader.header().layout.as_ref().map_or(FileKind::Fits, FileKind::of_layout);
    let output = job.output.as_path();
    let kind = match () {
        () if is_fits(output) => FileKind::Fits,
        () if is_plain(output) => FileKind::Npy,
        // The standard output, a pipe or a device has no name to go by.
        () if is_stream(output) => original,
        () => bail!("{}: expected a name that ends in .fits or .npy, or -", output.display()),
    };
    if args.salvage {
        let (stack, fill) = (args.stack, args.fill);
        return salvage::run(
            &mut reader,
            &name,
            job,
            &salvage::Wishes { kind, stack, fill, force: args.files.force() },
        );
    }
    let (force, delete) = (args.files.force(), args.files.delete());
    ensure!(
        !delete || reader.header().cut.is_none(),
        "{name}: what it holds is not the original; it is kept"
    );
    let mut lines: Vec<String> =
        stages::cut_words(reader.header()).into_iter().map(|words| format!("{name}: {words}")).collect();
    let mut bound_dn = reader.header().cut.as_ref().map_or(0, |cut| cut.bound_dn);
    if let Some(within) = &args.within {
        let stage;
        (reader, stage) = to_stage(reader, within).with_context(|| name.clone())?;
        lines = vec![format!("{name}: {}", stages::words(&stage))];
        bound_dn = stage.bound_dn;
    }
    let mut write = |out: &mut dyn Write| {
        write_pixels(&mut reader, args, kind, bound_dn, out).with_context(|| name.clone())
    };
    if delete {
        ensure!(kind == original, "as another kind of file it is not the original; it is kept");
        fill_file(output, force, |file| {
            let mut out =
                Hashing { out: BufWriter::with_capacity(1 << 18, &mut *file), digest: blake3::Hasher::new() };
            write(&mut out)?;
            out.flush()?;
            let decoded = out.digest.finalize();
            drop(out);
            file.rewind()?;
            let read_back = blake3::Hasher::new().update_reader(&*file)?.finalize();
            ensure!(
                read_back == decoded,
                "{}: it reads back otherwise than it was written",
                output.display()
            );
            Ok(())
        })?;
    } else {
        write_file(output, force, |out| write(out).map_err(with_way_out))?;
    }
    let digests: Vec<_> = (0..reader.header().images.len()).map(|i| reader.digest(i)).collect();
    let mut facts = container_facts(reader.header(), &digests);
    if bound_dn > 0 {
        facts.insert("lossless".to_owned(), serde_json::json!(false));
        facts.insert("bound_dn".to_owned(), serde_json::json!(bound_dn));
    }
    Ok(Done { facts, lines, ..Done::default() })
}

/// The container decoded to the first stage within a bound, and that stage.
fn to_stage<R: Read + Seek>(mut reader: Reader<R>, within: &Bound) -> Result<(Reader<R>, Stage)> {
    let codec = reader.codec(&registry())?;
    let (number, stage) = stages::choose(&reader.stages(&*codec)?, within)?;
    Ok((if stage.bound_dn == 0 { reader } else { reader.to_stage(number) }, stage))
}

/// Damage that can be passed over says how.
fn with_way_out(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<nf_codec::Error>() {
        Some(nf_codec::Error::Corrupt { .. }) => anyhow!("{error:#}; --salvage writes what is intact"),
        _ => error,
    }
}

/// A destination, and the digest of all that it was given.
struct Hashing<W: Write> {
    out: W,
    digest: blake3::Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn write_pixels(
    reader: &mut Reader<impl Read + Seek>,
    args: &Args,
    kind: FileKind,
    bound_dn: u32,
    out: &mut dyn Write,
) -> Result<()> {
    let codec = reader.codec(&registry())?;
    let whole_file = args.region.is_none() && args.stack.is_none();
    if whole_file && reader.header().layout.as_ref().is_some_and(|layout| FileKind::of_layout(layout) == kind)
    {
        return match bound_dn {
            0 => Ok(reader.restore(&*codec, out)?),
            bound_dn => stages::restore(reader, &*codec, bound_dn, out),
        };
    }
    if bound_dn == 0 {
        return write_part(reader, args, kind, &*codec, out);
    }
    let mut bytes = Vec::new();
    write_part(reader, args, kind, &*codec, &mut bytes)?;
    // Nobody has the original of a region by itself.
    let all = stages::originals(reader);
    let stacks = if args.region.is_some() { 0..0 } else { args.stack.map_or(0..all.len(), |n| n..n + 1) };
    let mut originals = all[stacks].iter().cloned();
    stages::mark(bytes, bound_dn, None, &mut |_| Some(originals.next().unwrap_or_default()), out)
}

/// The pixels that are asked for, as a file that is not the one in the container.
fn write_part(
    reader: &mut Reader<impl Read + Seek>,
    args: &Args,
    kind: FileKind,
    codec: &dyn Codec,
    out: &mut dyn Write,
) -> Result<()> {
    if args.region.is_none() && args.stack.is_none() && kind == FileKind::Fits {
        // Stack by stack: several need not fit the memory together.
        let stacks = reader.header().images.len();
        return form::write_fits((0..stacks).map(|stack| decode(reader, stack, None, codec)), out);
    }
    let stack = chosen(reader.header().images.len(), args.stack)?;
    form::write(kind, decode(reader, stack, args.region.as_ref(), codec)?, out)
}

/// The stack that is asked for, of so many.
pub(super) fn chosen(stacks: usize, asked: Option<usize>) -> Result<usize> {
    let stack = match asked {
        Some(stack) => stack,
        None if stacks == 1 => 0,
        None => bail!("there are {stacks} stacks, choose one with --stack"),
    };
    ensure!(stack < stacks, "there is no stack {stack}, they are numbered 0 to {}", stacks.saturating_sub(1));
    Ok(stack)
}

fn decode(
    reader: &mut Reader<impl Read + Seek>,
    stack: usize,
    region: Option<&Region>,
    codec: &dyn Codec,
) -> Result<Formed> {
    let form = Form::of_stack(reader.header().layout.as_ref(), stack)?;
    let image = match region {
        None => reader.decode(stack, codec)?,
        Some(region) => {
            let place = region.within(reader.header().images[stack].shape)?;
            reader.decode_region(stack, &place, codec)?
        }
    };
    Ok((image, form))
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
