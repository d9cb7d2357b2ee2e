//! `noisefloor data`: list, fetch, inspect, pack and simulate datasets.

mod fetch;
mod pack;

use crate::files::output::{text, write_file};
use crate::message::say;
use crate::registry::fits_options;
use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use nf_data::inspect::Statistics;
use nf_data::{Dataset, OpenOptions, Source, file_stem};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Parser)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List the datasets that can be named
    List,
    /// Fetch every file of a dataset, from the hub or from where its frames are published, and
    /// check all pixels
    Fetch(fetch::Args),
    /// Print the description of a dataset and statistics of its images
    Inspect(Inspect),
    /// Cut a dataset into tiles for training, in one Parquet file
    Pack(pack::Args),
    /// Write simulated frames as FITS files, and print the entropy of each
    Simulate(Simulate),
}

/// NAME[/VIEW][@SPLIT], a manifest, a folder or a file
#[derive(clap::Args)]
struct Which {
    /// NAME[/VIEW][@SPLIT], the path of a manifest, a folder or an image file
    dataset: OsString,
    /// Folder that holds the dataset's files, or a copy of its repository on the hub [env:
    /// NOISEFLOOR_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Inspect {
    #[command(flatten)]
    which: Which,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    /// Only the first N images
    #[arg(long, value_name = "N")]
    first: Option<usize>,
    /// Write a PNG of the middle plane of every image to this folder
    #[arg(long, value_name = "DIR")]
    preview: Option<PathBuf>,
    /// Replace previews that exist
    #[arg(long, requires = "preview")]
    force: bool,
}

#[derive(clap::Args)]
struct Simulate {
    /// A simulated dataset: NAME[/window|/full][@SPLIT]
    dataset: String,
    /// Folder to write the files to
    folder: PathBuf,
    /// Only the first N exposures
    #[arg(long, value_name = "N")]
    first: Option<usize>,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.verb {
        Verb::List => list(),
        Verb::Fetch(args) => fetch::run(args),
        Verb::Inspect(args) => inspect(args),
        Verb::Pack(args) => pack::run(args),
        Verb::Simulate(args) => simulate(args),
    }
}

impl Which {
    fn options(&self) -> OpenOptions {
        OpenOptions { data: self.data.clone(), fits: fits_options(), ..OpenOptions::default() }
    }
}

fn open(which: &Which) -> anyhow::Result<Box<dyn Dataset>> {
    Ok(nf_data::open(&which.dataset, &which.options())?)
}

/// Images of a dataset that could not be read: each is named at once, and the command fails at its
/// end.
#[derive(Default)]
struct Unreadable {
    images: usize,
}

impl Unreadable {
    fn tell(&mut self, error: nf_data::Error) {
        say(&crate::message::one_line(&error.into()));
        self.images += 1;
    }

    fn finish(self, of: usize) -> anyhow::Result<()> {
        match self.images {
            0 => Ok(()),
            images => bail!("{images} of {of} images could not be read, see above"),
        }
    }
}

fn list() -> anyhow::Result<()> {
    let mut out = text();
    for manifest in nf_data::known_datasets()? {
        let kind = match &manifest.source {
            Source::Folder(_) => "folder",
            Source::Simulator(_) => "simulator",
            Source::Hub(_) => "hub",
        };
        writeln!(out, "{:<18} {kind:<10} {}", manifest.name, manifest.title)?;
    }
    Ok(())
}

/// A bar that counts images, where somebody watches.
fn progress_bar(images: usize) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} images, {msg}")?;
    Ok(ProgressBar::new(images as u64).with_style(style))
}

fn inspect(args: &Inspect) -> anyhow::Result<()> {
    let mut options = args.which.options();
    options.fits.readable_parts = true;
    let set = nf_data::open(&args.which.dataset, &options)?;
    let mut out = text();
    if !args.json {
        let card = set.card();
        writeln!(out, "{card}: {}", card.title)?;
        writeln!(
            out,
            "instrument  {}\nlicence     {}\norigin      {}",
            card.instrument, card.licence, card.origin
        )?;
        writeln!(out, "images      {}\ndigest      {}", set.len(), card.digest.short())?;
    }
    let count = set.len().min(args.first.unwrap_or(usize::MAX));
    let mut unreadable = Unreadable::default();
    for index in 0..count {
        let name = set.name(index);
        let image = match set.image(index) {
            Ok(image) => image,
            Err(error) => {
                unreadable.tell(error);
                continue;
            }
        };
        let found = Statistics::of(&image);
        if args.json {
            writeln!(out, "{}", json(&name, &image, found.as_ref()))?;
        } else {
            writeln!(out, "\n{name}  {}  planes: {}{}", image.shape(), image.axis(), instrument(&image))?;
            match found {
                Some(found) => print(&mut out, &found)?,
                None => writeln!(out, "  no pixels")?,
            }
        }
        if let Some(folder) = &args.preview {
            let plane = image.shape().planes / 2;
            if let Some(bytes) = nf_data::preview_png(&image, plane, 1024) {
                write(folder, &format!("{}.png", file_stem(&name)), args.force, &bytes)?;
            }
        }
    }
    unreadable.finish(count)
}

/// What the image itself says of its instrument, to be put behind its shape.
fn instrument(image: &nf_image::Image16) -> String {
    image.detector().map_or_else(String::new, |detector| format!("  {}", detector.instrument))
}

fn print(out: &mut impl Write, found: &Statistics) -> std::io::Result<()> {
    writeln!(
        out,
        "  min {}  median {}  max {}  noise sigma {:.2}",
        found.min, found.median, found.max, found.noise_sigma
    )?;
    writeln!(
        out,
        "  codes: {} distinct; {} of {} between the 1st and 99th percentile missing; {:.2} % odd",
        found.distinct_codes,
        found.missing_codes,
        found.span_codes,
        100.0 * found.odd_share
    )?;
    writeln!(out, "  {:.2} % equal to their left neighbour", 100.0 * found.equal_share)?;
    for region in &found.blind {
        writeln!(
            out,
            "  {:?} of amplifier {}: {:.3} bits per sample over {} samples",
            region.kind, region.amplifier, region.entropy_bits, region.pixels
        )?;
    }
    Ok(())
}

fn json(name: &str, image: &nf_image::Image16, found: Option<&Statistics>) -> serde_json::Value {
    let shape = image.shape();
    let mut value = serde_json::json!({
        "name": name,
        "planes": shape.planes,
        "height": shape.height,
        "width": shape.width,
        "axis": image.axis().name(),
        "digest": image.digest().to_string(),
        "instrument": image.detector().map(|detector| &detector.instrument),
    });
    if let Some(found) = found {
        let blind = |region: &nf_data::inspect::BlindRegion| {
            serde_json::json!({
                "kind": format!("{:?}", region.kind).to_lowercase(),
                "amplifier": region.amplifier,
                "pixels": region.pixels,
                "entropy_bits": region.entropy_bits,
            })
        };
        value["statistics"] = serde_json::json!({
            "min": found.min,
            "median": found.median,
            "max": found.max,
            "distinct_codes": found.distinct_codes,
            "missing_codes": found.missing_codes,
            "span_codes": found.span_codes,
            "odd_share": found.odd_share,
            "equal_share": found.equal_share,
            "noise_sigma": found.noise_sigma,
            "blind": found.blind.iter().map(blind).collect::<Vec<_>>(),
        });
    }
    value
}

fn simulate(args: &Simulate) -> anyhow::Result<()> {
    let set = nf_data::open(&args.dataset, &OpenOptions::default())?;
    let mut out = text();
    for index in 0..set.len().min(args.first.unwrap_or(usize::MAX)) {
        let Some(oracle) = set.oracle(index)? else { bail!("{} is not a simulated dataset", set.card()) };
        let (name, image) = (set.name(index), set.image(index)?);
        let bytes = nf_fits::write_image(&image, None).with_context(|| name.clone())?;
        let path = write(&args.folder, &format!("{}.fits", file_stem(&name)), args.force, &bytes)?;
        let pixels = image.shape().pixels().max(1) as f64;
        write!(
            out,
            "{} {} {:.4} bits per pixel",
            path.display(),
            image.shape(),
            oracle.given_layers_bits / pixels
        )?;
        match oracle.layers_bits {
            Some(bits) => {
                writeln!(out, ", {:.4} with its layers", (oracle.given_layers_bits + bits) / pixels)?
            }
            None => writeln!(out)?,
        }
    }
    Ok(())
}

/// Writes a file into a folder, which is made if need be.
fn write(folder: &Path, name: &str, force: bool, bytes: &[u8]) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    write_file(&path, force, |out| {
        out.write_all(bytes).with_context(|| format!("{}: cannot be written", path.display()))
    })?;
    Ok(path)
}
