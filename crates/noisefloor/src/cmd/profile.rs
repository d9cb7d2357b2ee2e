//! `noisefloor profile`: what many frames of one detector have in common, learned and described.

use crate::files::batch::{Inputs, refuse};
use crate::files::kinds::is_compressible;
use crate::files::output::{ensure_distinct, text, write_file};
use crate::files::profile::read;
use crate::files::source::Source;
use crate::limits;
use crate::message::say;
use crate::registry::{fits_of_bytes, open_fits};
use anyhow::{Context, Result, bail, ensure};
use nf_archive::{detector, plain};
use nf_fits::{FitsFile, Header, npy};
use nf_floor::PROFILE_CODEC;
use nf_image::Image16;
use nf_profile::build::{Builder, GroupReport};
use nf_profile::{Amplifier, Area, Defects, Profile, legal_name};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Learn a detector from frames, so that no frame has to tell it again
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Build a profile from frames of one detector: biases, darks, flats, science
    Build(BuildArgs),
    /// Join a profile with more frames of its detector
    Update(UpdateArgs),
    /// Describe a profile: detector, maps, gain and noise, defective pixels, size, key
    Info(InfoArgs),
}

#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor profile build -o kast-blue.nfp 'night1/*.fits'")]
struct BuildArgs {
    #[command(flatten)]
    inputs: Inputs,
    /// Where the profile goes
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// What streams call it: letters, digits, - and _ [default: from the name of the output]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Replace the output if it exists
    #[arg(short, long)]
    force: bool,
    /// Say only what failed
    #[arg(short, long)]
    quiet: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor profile update kast-blue.nfp -o kast-blue-2.nfp 'night2/*.fits'")]
struct UpdateArgs {
    /// The older profile, which stays as it is: streams name it
    profile: PathBuf,
    #[command(flatten)]
    build: BuildArgs,
}

#[derive(clap::Args)]
struct InfoArgs {
    /// Profile
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write a picture (PNG) of every map to this folder
    #[arg(long, value_name = "DIR")]
    preview: Option<PathBuf>,
    /// Replace pictures that exist
    #[arg(long, requires = "preview")]
    force: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.verb {
        Verb::Build(args) => build(args, None),
        Verb::Update(args) => {
            ensure_distinct(&args.profile, &args.build.output)?;
            build(&args.build, Some(&read(&args.profile)?))
        }
        Verb::Info(args) => info(args),
    }
}

fn build(args: &BuildArgs, older: Option<&Profile>) -> Result<()> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => default_name(&args.output)?,
    };
    let expanded = args.inputs.expand(is_compressible)?;
    refuse(expanded.wrong)?;
    for found in &expanded.files {
        ensure_distinct(&found.path, &args.output)?;
    }
    expanded.unread.iter().for_each(|(path, error)| say(&plain(&format!("{}: {error:#}", path.display()))));
    let mut failed = expanded.unread.len();
    // An output that must not be replaced is told before hours of work.
    let (profile, groups) = write_file(&args.output, args.force, |out| {
        let mut builder = older.map(Builder::update).unwrap_or_default();
        // What not all frames share says nothing of the detector.
        let mut shared: Option<Vec<(String, String)>> = older.map(|older| older.cards().to_vec());
        for found in &expanded.files {
            match add(&mut builder, &found.path) {
                Ok(None) => {}
                Ok(Some(own)) => match &mut shared {
                    Some(cards) => cards.retain(|card| own.contains(card)),
                    None => shared = Some(own),
                },
                Err(error) => {
                    say(&plain(&format!("{error:#}")));
                    failed += 1;
                }
            }
        }
        let frames = builder.frames();
        ensure!(frames > 0, "no frame could be read, expected at least two frames of one detector");
        let (profile, groups) = builder.finish(&name, shared.unwrap_or_default(), &PROFILE_CODEC)?;
        ensure!(
            !(profile.maps().is_empty() && profile.starts().is_empty()),
            "{frames} frames, and no pattern that they share: a profile would save nothing; it takes at least \
             two frames of one kind, better ten"
        );
        out.write_all(profile.bytes())?;
        Ok((profile, groups))
    })?;
    if !args.quiet {
        let mut out = text();
        groups.iter().try_for_each(|group| writeln!(out, "{}", plain(&group_words(group))))?;
        writeln!(out, "{}: {}", args.output.display(), words(&profile))?;
    }
    match failed {
        0 => Ok(()),
        1 => bail!("one input could not be read, see above; the profile is of the others"),
        failed => bail!("{failed} inputs could not be read, see above; the profile is of the others"),
    }
}

/// From the name of the output, with other characters than a name has replaced.
fn default_name(output: &Path) -> Result<String> {
    let stem = output.file_stem().context("the output has no name, expected a file such as kast-blue.nfp")?;
    Ok(legal_name(&stem.to_string_lossy()))
}

/// Takes all images of a file; returns the keywords of its detector, if it has a header.
fn add(builder: &mut Builder, path: &Path) -> Result<Option<Vec<(String, String)>>> {
    let name = path.display().to_string();
    let source = Source::open(path)?;
    if npy::is_npy(&source.first(8)?) {
        let mut bytes = vec![];
        source.reader()?.read_to_end(&mut bytes)?;
        let image = npy::parse(&bytes, &limits::fits()).with_context(|| name)?.image;
        builder.add("", "", [0, 0], &image);
        return Ok(None);
    }
    let file = match source {
        Source::Disk(path) => open_fits(&path)?,
        Source::Memory(bytes, _) => fits_of_bytes(bytes).with_context(|| name.clone())?,
    };
    let images = images(&file).with_context(|| name.clone())?;
    ensure!(!images.is_empty(), "{name}: there is no image of 16-bit samples in this file");
    let primary = file.hdus()[0].header();
    for (header, image_name, image) in &images {
        let exposures = detector::exposures(&[header, primary]).unwrap_or_default();
        for stack in stacks(header, image) {
            builder.add(image_name, &exposures, detector::origin(header), &stack);
        }
    }
    Ok(Some(detector::cards_of(&file)))
}

/// The stacks of an image: it has several where there are more than three axes.
fn stacks(header: &Header, image: &Image16) -> Vec<Image16> {
    let shape = image.shape();
    let reads = header.integer("NAXIS3").ok().flatten().and_then(|reads| usize::try_from(reads).ok());
    let reads =
        reads.filter(|&reads| reads > 0 && shape.planes.is_multiple_of(reads)).unwrap_or(shape.planes);
    let cut = |first: usize| {
        let stack = image.crop(first..first + reads, 0..shape.height, 0..shape.width);
        match image.detector() {
            Some(detector) => stack.with_detector(detector.clone()),
            None => stack,
        }
    };
    (0..shape.planes).step_by(reads.max(1)).map(cut).collect()
}

/// Header, name and pixels of every image of 16-bit samples.
fn images(file: &FitsFile) -> Result<Vec<(Header, String, Image16)>> {
    let mut images = vec![];
    for image in file.image_hdus() {
        match image.read() {
            Ok(stack) => {
                let name = image.hdu().name().unwrap_or_default();
                images.push((image.image_header().into_owned(), name, stack));
            }
            Err(nf_fits::Error::NotU16 { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(images)
}

fn group_words(group: &GroupReport) -> String {
    let GroupReport { image, exposures, planes, left_out, is_map } = group;
    let image = if image.is_empty() { "image" } else { image };
    let exposures = if exposures.is_empty() { String::new() } else { format!(", {exposures}") };
    let planes = if *planes == 1 { "1 plane".to_owned() } else { format!("{planes} planes") };
    let left_out = match left_out {
        Some(left_out) => format!("the pattern takes off {:.1} %", 100.0 * (1.0 - left_out)),
        None => "nothing to compare with".to_owned(),
    };
    format!("{image}{exposures}: {planes}, {left_out}{}", if *is_map { "" } else { "; no map" })
}

fn words(profile: &Profile) -> String {
    let maps = profile.maps().len();
    format!(
        "profile {}, {maps} map{} of {} frames, {} bytes",
        profile.id(),
        if maps == 1 { "" } else { "s" },
        profile.frames(),
        profile.bytes().len()
    )
}

fn info(args: &InfoArgs) -> Result<()> {
    let profile = read(&args.file)?;
    if let Some(folder) = &args.preview {
        pictures(&profile, folder, args.force)?;
    }
    let mut out = text();
    if args.json {
        writeln!(out, "{:#}", facts(&args.file, &profile))?;
        return Ok(());
    }
    writeln!(out, "{}: {}", args.file.display(), words(&profile))?;
    for (keyword, value) in profile.cards() {
        writeln!(out, "  {keyword} = {}", plain(value))?;
    }
    for map in profile.maps() {
        writeln!(
            out,
            "  {} of {}{}: {} x {} pixels at row {}, column {}, {} frames, noise {:.3} DN",
            map.kind.name(),
            image_words(&map.image),
            if map.exposures.is_empty() {
                String::new()
            } else {
                format!(" ({}, read {})", map.exposures, map.read)
            },
            map.height,
            map.width,
            map.row,
            map.column,
            map.frames,
            map.noise_dn,
        )?;
    }
    profile
        .amplifiers()
        .iter()
        .try_for_each(|amplifier| writeln!(out, "  {}", amplifier_words(amplifier)))?;
    for Defects { kind, image, pixels, .. } in profile.defects() {
        let count = pixels.len();
        let pixels = if count == 1 { "pixel" } else { "pixels" };
        writeln!(out, "  {count} {} {pixels} of {}", kind.name(), image_words(image))?;
    }
    Ok(())
}

fn image_words(image: &str) -> &str {
    if image.is_empty() { "the image" } else { image }
}

fn amplifier_words(amplifier: &Amplifier) -> String {
    let Amplifier { image, number, area, gain_electrons_per_dn: gain, dark } = amplifier;
    let Area { row, column, height, width } = area;
    let gain = gain.map_or("gain unknown".to_owned(), |gain| format!("gain {gain:.3} e-/DN"));
    let noise = match (dark, amplifier.read_noise_electrons()) {
        (Some(dark), Some(electrons)) => {
            format!("read noise {:.3} DN ({electrons:.2} e-)", dark.read_noise_dn)
        }
        (Some(dark), None) => format!("read noise {:.3} DN", dark.read_noise_dn),
        (None, _) => "read noise and offset unknown".to_owned(),
    };
    let offset = dark.map_or(String::new(), |dark| format!(", offset {:.1} DN", dark.offset_dn));
    format!(
        "amplifier {number} of {}: {height} x {width} pixels at row {row}, column {column}, {gain}, {noise}{offset}",
        image_words(image)
    )
}

/// A picture of every map, its longer side at most so many pixels.
const PICTURE_PX: usize = 1024;

/// Writes the maps as pictures: the number of the map, its kind, its image and its read in their
/// names.
fn pictures(profile: &Profile, folder: &Path, force: bool) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (number, map) in profile.maps().iter().enumerate() {
        let Some(png) = map.picture().and_then(|image| nf_data::preview_png(&image, 0, PICTURE_PX)) else {
            continue;
        };
        let image: String = legal_name(&map.image).chars().take(40).collect();
        let image = if image.is_empty() { image } else { format!("-{image}") };
        let name = format!("{}-map{number}-{}{image}-read{}.png", profile.name(), map.kind.name(), map.read);
        write_file(&folder.join(name), force, |out| Ok(out.write_all(&png)?))?;
    }
    Ok(())
}

fn facts(path: &Path, profile: &Profile) -> Value {
    let cards: serde_json::Map<String, Value> =
        profile.cards().iter().map(|(keyword, value)| (keyword.clone(), json!(value))).collect();
    let maps: Vec<Value> = profile
        .maps()
        .iter()
        .map(|map| {
            json!({
                "kind": map.kind.name(),
                "image": map.image,
                "exposures": map.exposures,
                "read": map.read,
                "row": map.row,
                "column": map.column,
                "shape": [map.height, map.width],
                "frames": map.frames,
                "noise_dn": map.noise_dn,
            })
        })
        .collect();
    let area = |area: &Area| json!([area.row, area.column, area.height, area.width]);
    let amplifiers: Vec<Value> = profile
        .amplifiers()
        .iter()
        .map(|amplifier| {
            json!({
                "image": amplifier.image,
                "number": amplifier.number,
                "row_column_height_width": area(&amplifier.area),
                "gain_electrons_per_dn": amplifier.gain_electrons_per_dn,
                "read_noise_dn": amplifier.dark.map(|dark| dark.read_noise_dn),
                "read_noise_electrons": amplifier.read_noise_electrons(),
                "offset_dn": amplifier.dark.map(|dark| dark.offset_dn),
            })
        })
        .collect();
    let defects: Vec<Value> = profile
        .defects()
        .iter()
        .map(|defects| {
            json!({
                "kind": defects.kind.name(),
                "image": defects.image,
                "rows_columns": defects.places().collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "file": path.display().to_string(),
        "kind": "profile",
        "id": profile.id().to_string(),
        "digest": profile.digest().to_string(),
        "bytes": profile.bytes().len(),
        "frames": profile.frames(),
        "detector": cards,
        "maps": maps,
        "amplifiers": amplifiers,
        "defects": defects,
    })
}
