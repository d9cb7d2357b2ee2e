//! `noisefloor fits`: tile-compressed FITS files, packed, unpacked, verified, compared and cut.

use crate::files::batch::{Done, Job, each, expand, plan};
use crate::files::output::{fill_file, is_closed_text, text, write_file};
use crate::message::one_line;
use crate::registry::{DEFAULT_CODEC, open_fits};
use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::{Subcommand, ValueEnum};
use nf_fits::pack::{
    HduChecksums, Loss, Method, PackOptions, PackedFile, TileSize, UnpackedHdu, Verdict, compare,
    pack_proven, unpack, unpack_proven, verify,
};
use nf_fits::tiled::Quantise;
use nf_fits::tiled::quantise::Dither;
use nf_fits::{Checksums, FitsFile, HduKind, Target, cutout};
use std::io::Write;
use std::path::{Path, PathBuf};

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
    /// Check files: their sums, and whether every tile can be decoded
    Verify(Verify),
    /// Compare two files as they are without compression, byte for byte
    Compare(Compare),
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
    /// Tile sides, such as 256,256 (0: the whole axis), or `whole` [default: rows; about sixteen
    /// rows for hcompress; equal parts of about 1024,1024 for floor, where smaller tiles cost time
    /// and bytes]
    #[arg(long, value_name = "SIDES", value_parser = parse_tile)]
    tile: Option<TileSize>,
    /// Quantise floating-point pixels to Q steps per sigma of the noise (negative: the step
    /// itself); integer images are not changed
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
    /// Go on where the sums of a compressed image say that it is damaged
    #[arg(long, conflicts_with = "delete")]
    salvage: bool,
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
    /// The files; names or patterns such as 'night/*.fz'
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(clap::Args)]
struct Compare {
    /// The file
    file: PathBuf,
    /// What it should be without compression
    original: PathBuf,
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
                let file = open_fits(&job.input)?;
                let mut progress = shares(&file, 2, share);
                let done = fill_file(&job.output, args.out.force, |out| {
                    Ok(pack_proven(&file, out, &options, &mut progress)?)
                })?;
                Ok(finished(&file, report(&job.input, &done), args.out.delete))
            })
        }
        Verb::Unpack(args) => args.out.each(&args.files, unpacked_name, |job, share| {
            let Out { force, delete, .. } = args.out;
            ensure!(
                !delete || job.output != Path::new("-"),
                "what goes to a pipe cannot be read back; it is kept"
            );
            let mut file = open_fits(&job.input)?;
            if args.salvage {
                file = file.salvaged();
            }
            let mut progress = shares(&file, if delete { 2 } else { 1 }, share);
            let hdus = if delete {
                fill_file(&job.output, force, |out| {
                    unpack_proven(&file, out, &mut progress).map_err(with_way_out)
                })?
            } else {
                write_file(&job.output, force, |out| unpack(&file, out, &mut progress).map_err(with_way_out))?
            };
            restored(&file, &hdus, delete)
        }),
        Verb::Verify(args) => verify_each(&expand(&args.files)?),
        Verb::Compare(args) => compare_files(&args.file, &args.original),
        Verb::Cutout(args) => {
            let target = Target::locate(&args.target);
            let file = open_fits(&target.path)?;
            let image = target.image(&file).with_context(|| args.target.clone())?;
            let section = target.section(&image).with_context(|| args.target.clone())?;
            write_file(&args.output, args.force, |out| {
                let remarks = cutout(&image, &section, out).with_context(|| args.target.clone())?;
                remarks.iter().for_each(|remark| tracing::warn!("{}: {remark}", args.target));
                Ok(())
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
        work: impl FnMut(&Job, &mut dyn FnMut(f64)) -> Result<Done>,
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

/// The name of the packed file: the bytes of the input's, whatever they are, and `.fz`.
fn packed_name(input: &Path) -> Result<PathBuf> {
    let plain = if has_ending(input, "gz") { input.with_extension("") } else { input.to_owned() };
    ensure!(!has_ending(&plain, "fz"), "it is packed already; name the new file with --output");
    let mut name = plain.into_os_string();
    name.push(".fz");
    Ok(name.into())
}

fn unpacked_name(input: &Path) -> Result<PathBuf> {
    ensure!(has_ending(input, "fz"), "its name does not end in .fz; name the new file with --output");
    Ok(input.with_extension(""))
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// One line per file, one per HDU that needs words: never a loss in silence.
fn report(input: &Path, done: &PackedFile) -> Vec<String> {
    let ratio = done.bytes_before as f64 / done.bytes_after.max(1) as f64;
    let mut lines =
        vec![format!("{}: {} -> {} bytes, {ratio:.3}", input.display(), done.bytes_before, done.bytes_after)];
    for hdu in &done.hdus {
        if let Some(loss) = hdu.loss {
            let Loss { largest_error, exact_tiles, tiles } = loss;
            lines.push(match exact_tiles == tiles {
                true => format!("  HDU {}: no bits were lost, all tiles are kept exactly", hdu.index),
                false => format!(
                    "  HDU {}: bits were lost, largest error {largest_error}, {exact_tiles} of {tiles} tiles exact",
                    hdu.index
                ),
            });
        }
        if let Some(remark) = &hdu.remark {
            lines.push(format!("  HDU {}: {remark}", hdu.index));
        }
    }
    lines
}

/// What is left to say when the output is written: a file that may have been cut stays.
fn finished(file: &FitsFile, lines: Vec<String>, delete: bool) -> Done {
    let mut done = Done { lines, unfinished: None };
    if let Some(problem) = cut(file) {
        match delete {
            true => done.unfinished = Some(format!("{problem}; the output is written, and the input kept")),
            false => done.lines.push(format!("  {problem}")),
        }
    }
    done
}

/// What is said of a file whose last block is not whole.
fn cut(file: &FitsFile) -> Option<String> {
    let missing = file.missing_bytes();
    (missing > 0).then(|| format!("its last block lacks {missing} bytes, the file may have been cut"))
}

/// What is left to say of an unpacked file: never a compressed table left in silence.
fn restored(file: &FitsFile, hdus: &[UnpackedHdu], delete: bool) -> Result<Done> {
    let mut lines = Vec::new();
    for hdu in file.hdus().iter().filter(|hdu| matches!(hdu.kind(), HduKind::TiledImage(_))) {
        if file.is_salvaged() && file.checksums(hdu)?.is_wrong() {
            lines.push(format!("  HDU {}: unpacked although its sums are wrong", hdu.index()));
        }
    }
    for hdu in hdus.iter().filter(|hdu| hdu.checksums.is_wrong()) {
        let index = hdu.index;
        lines.push(format!("  HDU {index}: the sums of the original are not those of the restored image"));
    }
    let mut done = finished(file, lines, delete);
    let tables: Vec<String> =
        hdus.iter().filter(|hdu| hdu.still_compressed).map(|hdu| hdu.index.to_string()).collect();
    if !tables.is_empty() {
        done.unfinished = Some(format!(
            "HDU {}: a compressed table (ZTABLE), which this program cannot restore; it is written as it is, the \
             rest unpacked, and the input kept",
            tables.join(", ")
        ));
    }
    Ok(done)
}

/// Damage that can be passed over says how.
fn with_way_out(error: nf_fits::Error) -> anyhow::Error {
    match error {
        nf_fits::Error::Damaged { .. } => anyhow!("{error}; --salvage unpacks it all the same"),
        error => error.into(),
    }
}

fn compare_files(file: &Path, original: &Path) -> Result<()> {
    let verdicts = compare(&open_fits(file)?, &open_fits(original)?, &mut |_| {})?;
    let mut different = false;
    let mut out = text();
    for (index, verdict) in verdicts.iter().enumerate() {
        match verdict {
            Verdict::Identical => writeln!(out, "HDU {index}: identical")?,
            Verdict::Lossy { largest_error } => {
                writeln!(out, "HDU {index}: lossy, largest error {largest_error}")?;
            }
            Verdict::Different(problem) => {
                writeln!(out, "HDU {index}: DIFFERENT: {problem}")?;
                different = true;
            }
        }
    }
    ensure!(!different, "{} is not {}", file.display(), original.display());
    Ok(())
}

/// Checks every file; one that is damaged does not keep the others from being looked at.
fn verify_each(files: &[PathBuf]) -> Result<()> {
    if let [file] = files {
        return verify_file(file, "");
    }
    let mut failed = 0;
    for file in files {
        if let Err(error) = verify_file(file, &format!("{}: ", file.display())) {
            if is_closed_text(&error) {
                return Err(error);
            }
            eprintln!("{}", one_line(&error));
            failed += 1;
        }
    }
    ensure!(failed == 0, "{failed} of {} files are damaged or cannot be read", files.len());
    Ok(())
}

/// Prints one line per HDU.
fn verify_file(path: &Path, prefix: &str) -> Result<()> {
    let file = open_fits(path)?;
    let found = verify(&file).with_context(|| path.display().to_string())?;
    let word = |sums: Checksums| match sums {
        Checksums::None => "no sums",
        Checksums::Good => "good",
        Checksums::BadData => "BAD DATASUM",
        Checksums::BadHdu => "BAD CHECKSUM",
    };
    let mut out = text();
    for (index, HduChecksums { stored, image }) in found.iter().enumerate() {
        let image = image.map(|image| format!(", image inside: {}", word(image))).unwrap_or_default();
        writeln!(out, "{prefix}HDU {index}: {}{image}", word(*stored))?;
    }
    let wrong = |sums: &HduChecksums| sums.stored.is_wrong() || sums.image.is_some_and(Checksums::is_wrong);
    if let Some(problem) = cut(&file) {
        bail!("{}: {problem}", path.display());
    }
    ensure!(!found.iter().any(wrong), "{}: a checksum is wrong", path.display());
    Ok(())
}
