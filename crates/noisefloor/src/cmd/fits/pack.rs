//! `noisefloor fits pack`.

use super::opened::{open, reason_to_keep, shares};
use crate::cmd::bound::BoundOptions;
use crate::cmd::bound::pack::{Changed, changed};
use crate::cmd::compress::bits_per_pixel;
use crate::cmd::level::LevelFlag;
use crate::files::batch::{Done, Files, Job, Rules};
use crate::files::kinds::{PACKED, is_fits_or_zipped, is_packed, unzipped, with_ending};
use crate::files::output::{fill_file, spool};
use crate::files::profile::ProfileFlag;
use crate::registry::{DEFAULT_CODEC, tools};
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use nf_archive::profiles::{Choice, Frames, Profiles};
use nf_archive::{detector, input};
use nf_codec::container::ImageSource;
use nf_fits::FitsFile;
use nf_fits::pack::{Loss, Method, PackOptions, PackedFile, Tables, TileSize, pack_proven};
use nf_fits::tiled::Quantise;
use nf_fits::tiled::quantise::Dither;
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Compress the images of FITS files in tiles, and binary tables with --tables; FILE becomes
/// FILE.fz. Directives in headers (FZALGOR, FZTILE) hold where --to and --tile are not given.
/// fpack's flags are in docs/archives.md.
#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor fits pack --to gzip2 --output-dir packed 'night/*.fits'")]
pub(super) struct Args {
    #[command(flatten)]
    files: Files,
    /// Algorithm; what it cannot code without loss gets RICE_1 or GZIP_2 [default: rice]
    #[arg(long, value_enum, help_heading = "Coding")]
    to: Option<To>,
    /// The codec of `--to floor` [default: floor]
    #[arg(long, value_name = "SPEC", help_heading = "Coding")]
    codec: Option<String>,
    #[command(flatten)]
    level: LevelFlag,
    #[command(flatten)]
    profile: ProfileFlag,
    /// Tile sides, such as 256,256 (0: the whole axis), or `whole` [default: rows; about sixteen
    /// rows for hcompress; about 1024,1024 for floor]
    #[arg(short, long, value_name = "SIDES", value_parser = parse_tile, help_heading = "Coding")]
    tile: Option<TileSize>,
    /// Binary tables: `keep` them as they are, `pack` them as well as images, or pack `only` them
    #[arg(
        long,
        value_enum,
        value_name = "WHICH",
        default_value_t,
        hide_possible_values = true,
        help_heading = "Coding"
    )]
    tables: Which,
    /// fpack's -g, -g1, -g2: the same as --to gzip1 or --to gzip2
    #[arg(short = 'g', hide = true, conflicts_with = "to")]
    gzip: bool,
    /// fpack's -d: the same as --to none
    #[arg(short = 'd', hide = true, conflicts_with_all = ["to", "gzip"])]
    plain: bool,
    /// fpack's -p: the same as --to plio
    #[arg(short = 'p', hide = true, conflicts_with_all = ["to", "gzip", "plain"])]
    plio: bool,
    /// fpack's -w: the same as --tile whole
    #[arg(short = 'w', hide = true, conflicts_with = "tile")]
    whole: bool,
    /// fpack's -S: the same as --output -
    #[arg(short = 'S', hide = true, conflicts_with = "output")]
    stdout: bool,
    /// fpack's -Y: nobody is asked anything
    #[arg(short = 'Y', hide = true)]
    yes: bool,
    /// Quantise floating-point pixels to Q steps per sigma of the noise (negative: the step
    /// itself); integer images are not changed
    #[arg(
        long,
        value_name = "Q",
        allow_hyphen_values = true,
        help_heading = "Loss",
        conflicts_with = "bound"
    )]
    quantise: Option<f32>,
    /// Dither of quantised pixels: 0, 1, 2 (zeros exact)
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=2), default_value_t = 1, requires = "quantise", help_heading = "Loss")]
    dither: u8,
    /// Seed of the dithering [default: from the first tile]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=10_000), requires = "quantise", help_heading = "Loss")]
    seed: Option<i64>,
    /// Scale of lossy HCOMPRESS_1, in noise (negative: in DN)
    #[arg(
        short = 's',
        long,
        value_name = "SCALE",
        allow_hyphen_values = true,
        default_value_t = 0.0,
        help_heading = "Loss"
    )]
    hcompress_scale: f32,
    /// Ask readers to smooth HCOMPRESS_1 images
    #[arg(long, help_heading = "Loss")]
    smooth: bool,
    #[command(flatten)]
    bound: BoundOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    Rice,
    Gzip1,
    Gzip2,
    Plio,
    Hcompress,
    None,
    Floor,
}

/// What becomes of binary tables.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Which {
    #[default]
    Keep,
    Pack,
    Only,
}

pub(super) fn run(args: &Args) -> Result<()> {
    if let Some(level) = args.files.misplaced(|text| text.parse::<f32>().is_ok()) {
        bail!("{}: there is no such file; fpack's -q LEVEL is --quantise LEVEL here", level.display());
    }
    let rules = Rules {
        verb: "fits pack",
        takes: is_fits_or_zipped,
        is_output: is_packed,
        name: &|input| if args.stdout { Ok("-".into()) } else { packed_name(input) },
    };
    let options = args.options()?;
    let profiles = args.profiles(&options)?;
    ensure!(
        !(args.files.delete() && args.bound.bound.is_some()),
        "--delete with --bound would leave no original; delete it yourself when you are sure"
    );
    args.files.each(&rules, |job, share| {
        let Changed { file, lines } = match changed(&job.input, &args.bound)? {
            Some(changed) => changed,
            None => Changed { file: open(&job.input)?, lines: vec![] },
        };
        let file = Arc::new(file);
        let options = match &profiles {
            Some(profiles) => &with_profile(&options, profiles, &file, &job.input)?,
            None => &options,
        };
        let mut progress = shares(&file, 2, share);
        let mut pack = |out: &mut File| Ok(pack_proven(&file, out, options, &mut progress)?);
        let done = match job.output == Path::new("-") {
            true => spool(pack)?,
            false => fill_file(&job.output, args.files.force(), |out| pack(out))?,
        };
        let mut done = finished(&file, job, &done, args.files.delete());
        done.lines.extend(lines);
        Ok(done)
    })
}

/// The options with the profile that fits the images of a file, if one makes them smaller.
fn with_profile(
    options: &PackOptions,
    profiles: &Profiles,
    file: &Arc<FitsFile>,
    path: &Path,
) -> Result<PackOptions> {
    let Method::Floor { spec } = &options.method else { return Ok(options.clone()) };
    let mut stacks = input::stacks(file);
    let mut stacks: Vec<&mut dyn ImageSource> =
        stacks.iter_mut().map(|stack| &mut **stack as &mut dyn ImageSource).collect();
    let frames = Frames { cards: &detector::cards_of(file), stacks: &mut stacks };
    let chosen = profiles.choose(&spec.parse()?, frames, &tools());
    let Choice { spec, remark } = chosen.with_context(|| path.display().to_string())?;
    if let Some(remark) = remark {
        tracing::warn!("{}: {remark}", path.display());
    }
    let spec = spec.to_string();
    Ok(PackOptions { method: Method::Floor { spec }, ..options.clone() })
}

impl Args {
    /// The profiles that were asked for.
    fn profiles(&self, options: &PackOptions) -> Result<Option<Profiles>> {
        match &options.method {
            Method::Floor { spec } => self.profile.profiles(&spec.parse()?),
            _ => {
                ensure!(!self.profile.is_given(), "--profile: only floor knows profiles; add --to floor");
                Ok(None)
            }
        }
    }

    fn options(&self) -> Result<PackOptions> {
        // `-g2` is read as `-g -2`.
        let number = self.level.number();
        let to = match (self.gzip, self.plain) {
            (true, _) => Some(match number {
                None | Some(1) => To::Gzip1,
                Some(2) => To::Gzip2,
                Some(other) => bail!("-g{other}: fpack knows -g, -g1 and -g2"),
            }),
            (_, true) => Some(To::None),
            _ if self.plio => Some(To::Plio),
            _ => self.to,
        };
        let spec = match self.level.codec().filter(|_| !self.gzip) {
            None => self.codec.clone().unwrap_or_else(|| DEFAULT_CODEC.to_owned()),
            Some(_) if to != Some(To::Floor) => bail!("levels are those of floor; add --to floor"),
            Some(spec) => spec.to_string(),
        };
        ensure!(
            self.codec.is_none() || to == Some(To::Floor),
            "--codec is the codec of --to floor; add --to floor"
        );
        ensure!(
            self.hcompress_scale == 0.0 || self.bound.bound.is_none(),
            "--hcompress-scale with --bound would lose twice; choose one of them"
        );
        ensure!(
            self.hcompress_scale == 0.0 && !self.smooth || to == Some(To::Hcompress),
            "--hcompress-scale and --smooth are options of --to hcompress; add --to hcompress"
        );
        let method = match to.unwrap_or(To::Rice) {
            To::Rice => Method::Rice,
            To::Gzip1 => Method::Gzip1,
            To::Gzip2 => Method::Gzip2,
            To::Plio => Method::Plio,
            To::Hcompress => Method::Hcompress { scale: self.hcompress_scale, smooth: self.smooth },
            To::None => Method::None,
            To::Floor => Method::Floor { spec },
        };
        let dither = [Dither::None, Dither::Subtractive1, Dither::Subtractive2][usize::from(self.dither)];
        let mut options = PackOptions::new(method);
        let tile = if self.whole { Some(TileSize::Whole) } else { self.tile.clone() };
        options.heed_algorithm = to.is_none();
        options.heed_tile = tile.is_none();
        options.tile = tile.unwrap_or(TileSize::Suitable);
        options.tables = match self.tables {
            Which::Keep => Tables::Keep,
            Which::Pack => Tables::Pack,
            Which::Only => Tables::Only,
        };
        options.quantise = self.quantise.map(|level| Quantise { level, dither, seed: self.seed });
        Ok(options)
    }
}

fn parse_tile(text: &str) -> Result<TileSize, String> {
    if text == "whole" {
        return Ok(TileSize::Whole);
    }
    // `-table` is read as `-t able`.
    match text {
        "able" => return Err("fpack's -table is `--tables pack`".to_owned()),
        "ableonly" => return Err("fpack's -tableonly is `--tables only`".to_owned()),
        _ => {}
    }
    let sides = text.split(',').map(|side| side.trim().parse::<usize>()).collect::<Result<_, _>>();
    sides
        .map(TileSize::Axes)
        .map_err(|_| format!("'{text}' is no tile, expected sides such as 256,256, or whole"))
}

/// The name of the packed file: the bytes of the input's, whatever they are, and `.fz`.
fn packed_name(input: &Path) -> Result<PathBuf> {
    let plain = unzipped(input);
    ensure!(!is_packed(&plain), "it is packed already; name the new file with --output");
    Ok(with_ending(plain, PACKED))
}

/// One line per file, one per HDU that needs words: never a loss in silence.
fn report(input: &Path, done: &PackedFile) -> Vec<String> {
    let ratio = done.bytes_before as f64 / done.bytes_after.max(1) as f64;
    let mut algorithms: Vec<&str> = Vec::new();
    let of_hdus = done.hdus.iter().filter_map(|hdu| hdu.algorithm.as_deref());
    // Columns of a table have algorithms of their own.
    for name in of_hdus.flat_map(|names| names.split(", ")) {
        if !algorithms.contains(&name) {
            algorithms.push(name);
        }
    }
    let with = if algorithms.is_empty() { "nothing packed".to_owned() } else { algorithms.join(", ") };
    let mut lines = vec![format!(
        "{}: {} -> {} bytes, {with}, ratio {ratio:.3}",
        input.display(),
        done.bytes_before,
        done.bytes_after
    )];
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
fn finished(file: &FitsFile, job: &Job, packed: &PackedFile, delete: bool) -> Done {
    let pixels = file.image_hdus().map(|image| image.pixels()).sum();
    let hdus: Vec<Value> = packed
        .hdus
        .iter()
        .map(|hdu| {
            json!({
                "hdu": hdu.index,
                "name": hdu.name,
                "algorithm": hdu.algorithm,
                "bytes_before": hdu.bytes_before,
                "bytes_after": hdu.bytes_after,
                "largest_error": hdu.loss.map(|loss| loss.largest_error),
                "remark": hdu.remark,
            })
        })
        .collect();
    let facts = [
        ("pixels", json!(pixels)),
        ("bits_per_pixel", json!(bits_per_pixel(pixels, packed.bytes_after))),
        ("bytes_before", json!(packed.bytes_before)),
        ("bytes_after", json!(packed.bytes_after)),
        ("hdus", Value::Array(hdus)),
        ("verified", json!(true)),
    ];
    let mut done = Done { lines: report(&job.input, packed), ..Done::default() };
    done.facts = facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    done.keeping(reason_to_keep(file), delete);
    done
}
