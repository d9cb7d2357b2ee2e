//! `noisefloor fits`: tile-compressed FITS files, packed, unpacked, verified and cut.

use crate::files::output::write_file;
use crate::registry::{DEFAULT_CODEC, RegistryTiles};
use anyhow::{Context, Result, bail, ensure};
use clap::{Subcommand, ValueEnum};
use nf_fits::pack::{
    Method, PackOptions, PackedFile, TileSize, Verdict, pack_file, unpack_file, verify, verify_checksums,
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
    /// FITS files, plain, gzipped or packed
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The algorithm; what it cannot take without loss gets RICE_1 or GZIP_2
    #[arg(long, value_enum, default_value_t = To::Rice)]
    to: To,
    /// The codec of `--to floor`
    #[arg(long, value_name = "SPEC", default_value = DEFAULT_CODEC)]
    codec: String,
    /// Tile sides, such as 256,256 (0: the whole axis), or `whole`
    #[arg(long, value_name = "SIDES", value_parser = parse_tile)]
    tile: Option<TileSize>,
    /// Quantise floating-point pixels to this many steps per sigma of the noise (negative: the step itself)
    #[arg(long, value_name = "Q", allow_hyphen_values = true)]
    quantise: Option<f32>,
    /// Dithering of quantised pixels: 0 (none), 1 or 2 (exact zeros stay)
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=2), default_value_t = 1, requires = "quantise")]
    dither: u8,
    /// Seed of the dithering (default: from the first tile)
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=10_000), requires = "quantise")]
    seed: Option<i64>,
    /// HCOMPRESS_1 with loss: in units of the noise (negative: the quantisation itself)
    #[arg(long, value_name = "SCALE", allow_hyphen_values = true, default_value_t = 0.0)]
    hcompress_scale: f32,
    /// Have HCOMPRESS_1 smoothed by readers
    #[arg(long)]
    smooth: bool,
    #[command(flatten)]
    out: Out,
}

#[derive(clap::Args)]
struct Unpack {
    /// Packed files
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    out: Out,
}

#[derive(clap::Args)]
struct Out {
    /// Name of the file to write (for one input)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace files that exist
    #[arg(short, long)]
    force: bool,
    /// Remove every input once its output has been read back and compared
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
        Verb::Pack(args) => each_file(&args.files, &args.out, packed_name, |input, output| {
            let done = pack_file(
                input,
                output,
                &args.options(),
                Arc::new(RegistryTiles),
                args.out.force,
                &mut |_| {},
            )?;
            report(input, &done);
            Ok(())
        }),
        Verb::Unpack(args) => each_file(&args.files, &args.out, unpacked_name, |input, output| {
            unpack_file(input, output, Arc::new(RegistryTiles), args.out.force, &mut |_| {})?;
            if args.out.delete {
                compare(input, output).context("the unpacked file, read back")?;
            }
            Ok(())
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

/// Goes through all files; one that fails does not stop the others.
fn each_file(
    files: &[PathBuf],
    out: &Out,
    name: impl Fn(&Path) -> Result<PathBuf>,
    mut work: impl FnMut(&Path, &Path) -> Result<()>,
) -> Result<()> {
    ensure!(out.output.is_none() || files.len() == 1, "--output names one file, {} are given", files.len());
    let bar = indicatif::ProgressBar::new(if files.len() > 1 { files.len() as u64 } else { 0 });
    if files.len() <= 1 {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let mut failed = Vec::new();
    for input in files {
        let one = || -> Result<()> {
            let output = out.output.clone().map_or_else(|| name(input), Ok)?;
            work(input, &output)?;
            if out.delete {
                std::fs::remove_file(input)?;
            }
            Ok(())
        };
        let mut one = one;
        if let Err(error) = one() {
            bar.suspend(|| eprintln!("{}: {error:#}", input.display()));
            failed.push(input);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    match failed[..] {
        [] => Ok(()),
        [input] => bail!("{} failed", input.display()),
        _ => bail!("{} of {} files failed", failed.len(), files.len()),
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
fn report(input: &Path, done: &PackedFile) {
    let ratio = done.bytes_before as f64 / done.bytes_after.max(1) as f64;
    eprintln!("{}: {} -> {} bytes, {ratio:.3}", input.display(), done.bytes_before, done.bytes_after);
    for hdu in &done.hdus {
        if let Some(loss) = hdu.loss {
            eprintln!(
                "  HDU {}: bits were lost, largest error {}, {} of {} tiles exact",
                hdu.index, loss.largest_error, loss.exact_tiles, loss.tiles
            );
        }
        if let Some(remark) = &hdu.remark {
            eprintln!("  HDU {}: {remark}", hdu.index);
        }
    }
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
