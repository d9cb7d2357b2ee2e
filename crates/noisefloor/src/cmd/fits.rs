//! `noisefloor fits`: tile-compressed FITS files, packed, unpacked, verified and cut.

use crate::files::batch::{Job, each, expand, plan};
use crate::files::output::{fill_file, write_file};
use crate::registry::{DEFAULT_CODEC, RegistryTiles};
use anyhow::{Context, Result, ensure};
use clap::{Subcommand, ValueEnum};
use nf_fits::pack::{
    Method, PackOptions, PackedFile, TileSize, Verdict, pack_proven, unpack, unpack_proven, verify,
    verify_checksums,
};
use nf_fits::tiled::Quantise;
use nf_fits::tiled::quantise::Dither;
use nf_fits::{Checksums, FitsFile, Target, cutout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compress the images of FITS files in tiles; FILE becomes FILE.fz
    Pack(Pack),
    /// Restore the original of packed files; FILE.fz becomes FILE
    Unpack(Unpack),
    /// Check the sums of a file, or compare two files as they are without compression
    Verify(Verify),
    /// Write a section of an image, as FILE[HDU][x0:x1,y0:y1] (counted from 1, ends included)
    Cutout(Cutout),
}

#[derive(clap::Args)]
struct Pack {
    /// FITS files, plain, gzipped or packed; names or patterns such as 'night/*.fits'
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Algorithm; images that it cannot code without loss get RICE_1 or GZIP_2
    #[arg(long, value_enum, default_value_t = To::Rice)]
    to: To,
    /// The codec of `--to floor`
    #[arg(long, value_name = "SPEC", default_value = DEFAULT_CODEC)]
    codec: String,
    /// Tile sides, such as 256,256 (0: the whole axis), or `whole`
    #[arg(long, value_name = "SIDES", value_parser = parse_tile)]
    tile: Option<TileSize>,
    /// Quantise floating-point pixels to Q steps per sigma of the noise (negative: the step itself)
    #[arg(long, value_name = "Q", allow_hyphen_values = true)]
    quantise: Option<f32>,
    /// Dithering of quantised pixels: 0 (none), 1, or 2 (zeros are kept exactly)
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=2), default_value_t = 1, requires = "quantise")]
    dither: u8,
    /// Seed of the dithering [default: from the first tile]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=10_000), requires = "quantise")]
    seed: Option<i64>,
    /// Lossy HCOMPRESS_1: scale in units of the noise (negative: the scale itself)
    #[arg(long, value_name = "SCALE", allow_hyphen_values = true, default_value_t = 0.0)]
    hcompress_scale: f32,
    /// Ask readers to smooth HCOMPRESS_1 images
    #[arg(long)]
    smooth: bool,
    #[command(flatten)]
    out: Out,
}

#[derive(clap::Args)]
struct Unpack {
    /// Packed files; names or patterns such as 'night/*.fz'
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    out: Out,
}

#[derive(clap::Args)]
struct Out {
    /// File to write, for a single input; `unpack` accepts `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace files that exist
    #[arg(short, long)]
    force: bool,
    /// Delete each input after its output has been read back and compared
    #[arg(long)]
    delete: bool,
}

#[derive(clap::Args)]
struct Verify {
    /// The file
    file: PathBuf,
    /// What it should be without compression
    original: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Cutout {
    /// FILE, FILE[HDU], FILE[x0:x1,y0:y1] or FILE[HDU][x0:x1,y0:y1]; HDU is a number or a name
    target: String,
    /// FITS file to write; `-` is the standard output
    output: PathBuf,
    /// Replace OUTPUT if it exists
    #[arg(short, long)]
    force: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum To {
    Rice,
    Gzip1,
    Gzip2,
    Plio,
    Hcompress,
    None,
    Floor,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.verb {
        Verb::Pack(args) => {
            let options = args.options();
            args.out.each(&args.files, packed_name, |job, share| {
                ensure!(job.output != Path::new("-"), "a packed file is not written in order; name one");
                let file = open(&job.input)?;
                let mut progress = shares(&file, 2, share);
                let done = fill_file(&job.output, args.out.force, |out| {
                    Ok(pack_proven(&file, out, &options, &mut progress)?)
                })?;
                Ok(report(&job.input, &done))
            })
        }
        Verb::Unpack(args) => args.out.each(&args.files, unpacked_name, |job, share| {
            let Out { force, delete, .. } = args.out;
            ensure!(
                !delete || job.output != Path::new("-"),
                "what goes to a pipe cannot be read back; it is kept"
            );
            let file = open(&job.input)?;
            if delete {
                let mut progress = shares(&file, 2, share);
                fill_file(&job.output, force, |out| Ok(unpack_proven(&file, out, &mut progress)?))?;
            } else {
                let mut progress = shares(&file, 1, share);
                write_file(&job.output, force, |out| Ok(unpack(&file, out, &mut progress)?))?;
            }
            Ok(String::new())
        }),
        Verb::Verify(args) => match &args.original {
            Some(original) => compare(&args.file, original),
            None => check_sums(&args.file),
        },
        Verb::Cutout(args) => {
            let target = Target::parse(&args.target);
            let file = open(Path::new(&target.path))?;
            let image = target.image(&file).with_context(|| args.target.clone())?;
            let section = target.section(&image).with_context(|| args.target.clone())?;
            write_file(&args.output, args.force, |out| {
                cutout(&image, &section, out).with_context(|| args.target.clone())
            })
        }
    }
}

impl Pack {
    fn options(&self) -> PackOptions {
        let method = match self.to {
            To::Rice => Method::Rice,
            To::Gzip1 => Method::Gzip1,
            To::Gzip2 => Method::Gzip2,
            To::Plio => Method::Plio,
            To::Hcompress => Method::Hcompress { scale: self.hcompress_scale, smooth: self.smooth },
            To::None => Method::None,
            To::Floor => Method::Floor { spec: self.codec.clone() },
        };
        let dither = [Dither::None, Dither::Subtractive1, Dither::Subtractive2][usize::from(self.dither)];
        let mut options = PackOptions::new(method);
        options.tile = self.tile.clone().unwrap_or(TileSize::Suitable);
        options.quantise = self.quantise.map(|level| Quantise { level, dither, seed: self.seed });
        options
    }
}

fn parse_tile(text: &str) -> Result<TileSize, String> {
    if text == "whole" {
        return Ok(TileSize::Whole);
    }
    let sides = text.split(',').map(|side| side.trim().parse::<usize>()).collect::<Result<_, _>>();
    sides
        .map(TileSize::Axes)
        .map_err(|_| format!("'{text}' is no tile, expected sides such as 256,256, or whole"))
}

impl Out {
    /// Does the work for all files that are meant.
    fn each(
        &self,
        files: &[PathBuf],
        name: impl Fn(&Path) -> Result<PathBuf>,
        work: impl FnMut(&Job, &mut dyn FnMut(f64)) -> Result<String>,
    ) -> Result<()> {
        each(plan(&expand(files)?, self.output.as_deref(), name)?, self.delete, work)
    }
}

/// Turns pixels done into the share of a file whose pixels are seen so many times.
fn shares<'a>(file: &FitsFile, times: u64, share: &'a mut dyn FnMut(f64)) -> impl FnMut(u64) + use<'a> {
    let all: u64 = times * file.image_hdus().map(|image| image.pixels()).sum::<u64>();
    let mut done = 0;
    move |pixels| {
        done += pixels;
        share(done as f64 / all.max(1) as f64);
    }
}

fn packed_name(input: &Path) -> Result<PathBuf> {
    let name = input.display().to_string();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    ensure!(!plain.ends_with(".fz"), "it is packed already; name the new file with --output");
    Ok(format!("{plain}.fz").into())
}

fn unpacked_name(input: &Path) -> Result<PathBuf> {
    let name = input.display().to_string();
    let plain =
        name.strip_suffix(".fz").context("its name does not end in .fz; name the new file with --output")?;
    Ok(plain.into())
}

fn open(path: &Path) -> Result<FitsFile> {
    Ok(FitsFile::open(path).with_context(|| path.display().to_string())?.with_codec(Arc::new(RegistryTiles)))
}

/// One line per file, one per HDU that needs words: never a loss in silence.
fn report(input: &Path, done: &PackedFile) -> String {
    let ratio = done.bytes_before as f64 / done.bytes_after.max(1) as f64;
    let mut lines =
        vec![format!("{}: {} -> {} bytes, {ratio:.3}", input.display(), done.bytes_before, done.bytes_after)];
    for hdu in &done.hdus {
        if let Some(loss) = hdu.loss {
            lines.push(format!(
                "  HDU {}: bits were lost, largest error {}, {} of {} tiles exact",
                hdu.index, loss.largest_error, loss.exact_tiles, loss.tiles
            ));
        }
        if let Some(remark) = &hdu.remark {
            lines.push(format!("  HDU {}: {remark}", hdu.index));
        }
    }
    lines.join("\n")
}

fn compare(file: &Path, original: &Path) -> Result<()> {
    let verdicts = verify(&open(file)?, &open(original)?, &mut |_| {})?;
    let mut different = false;
    for (index, verdict) in verdicts.iter().enumerate() {
        match verdict {
            Verdict::Identical => println!("HDU {index}: identical"),
            Verdict::Lossy { largest_error } => println!("HDU {index}: lossy, largest error {largest_error}"),
            Verdict::Different(problem) => {
                println!("HDU {index}: DIFFERENT: {problem}");
                different = true;
            }
        }
    }
    ensure!(!different, "{} is not {}", file.display(), original.display());
    Ok(())
}

fn check_sums(path: &Path) -> Result<()> {
    let sums = verify_checksums(&open(path)?).with_context(|| path.display().to_string())?;
    let word = |sums: Checksums| match sums {
        Checksums::None => "no sums",
        Checksums::Good => "good",
        Checksums::BadData => "BAD DATASUM",
        Checksums::BadHdu => "BAD CHECKSUM",
    };
    let mut bad = false;
    for (index, found) in sums.iter().enumerate() {
        let image = found.image.map(|image| format!(", image inside: {}", word(image))).unwrap_or_default();
        println!("HDU {index}: {}{image}", word(found.stored));
        let wrong = |sums: Checksums| matches!(sums, Checksums::BadData | Checksums::BadHdu);
        bad |= wrong(found.stored) || found.image.is_some_and(wrong);
    }
    ensure!(!bad, "{}: a checksum is wrong", path.display());
    Ok(())
}
