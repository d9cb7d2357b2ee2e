//! From a name to a dataset.

use crate::folder::{FolderSet, files_of_split};
use crate::hub::{HubSet, StreamOptions};
use crate::manifest::{Manifest, Source, list};
use crate::rows::RowColumns;
use crate::simulate::SimulatedSet;
use crate::tiles::TileStore;
use crate::{Card, Dataset, Error, Result};
use std::path::{Path, PathBuf};

/// What may be said about a dataset besides its name.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The folder that holds the files of a folder dataset, instead of the one its manifest names.
    pub data: Option<PathBuf>,
    /// View, instead of the one in the reference or the manifest's default.
    pub view: Option<String>,
    /// Split, instead of the one in the reference or the manifest's default.
    pub split: Option<String>,
    /// Where and how to stream datasets of the hub; from the environment's variables without.
    pub stream: Option<StreamOptions>,
}

/// Manifests that are part of the program.
const BUILT_IN: &[(&str, &str)] = &[
    ("gbi-16-2d", include_str!("../../../datasets/gbi-16-2d.toml")),
    ("gbi-16-2d-legacy", include_str!("../../../datasets/gbi-16-2d-legacy.toml")),
    ("gbi-16-4d", include_str!("../../../datasets/gbi-16-4d.toml")),
    ("hst", include_str!("../../../datasets/hst.toml")),
    ("jwst", include_str!("../../../datasets/jwst.toml")),
    ("jwst-res", include_str!("../../../datasets/jwst-res.toml")),
    ("keck", include_str!("../../../datasets/keck.toml")),
    ("lco", include_str!("../../../datasets/lco.toml")),
    ("real-instruments", include_str!("../../../datasets/real-instruments.toml")),
    ("real-open", include_str!("../../../datasets/real-open.toml")),
    ("sbi-16-2d", include_str!("../../../datasets/sbi-16-2d.toml")),
    ("sbi-16-3d", include_str!("../../../datasets/sbi-16-3d.toml")),
    ("sdss", include_str!("../../../datasets/sdss.toml")),
    ("sdss-3d", include_str!("../../../datasets/sdss-3d.toml")),
    ("sdss-3t", include_str!("../../../datasets/sdss-3t.toml")),
    ("sim-hst-acs", include_str!("../../../datasets/sim-hst-acs.toml")),
    ("sim-jwst-nircam", include_str!("../../../datasets/sim-jwst-nircam.toml")),
    ("sim-keck-lris", include_str!("../../../datasets/sim-keck-lris.toml")),
    ("sim-lco", include_str!("../../../datasets/sim-lco.toml")),
    ("sim-sdss", include_str!("../../../datasets/sim-sdss.toml")),
    ("sim-star-field", include_str!("../../../datasets/sim-star-field.toml")),
];

/// The variable that names the folder of folder datasets when no option does.
pub const DATA_VARIABLE: &str = "NOISEFLOOR_DATA";

/// Opens a dataset.
///
/// `reference` is `NAME[/VIEW][@SPLIT]`, where `NAME` is a manifest in `datasets/` of the working folder or one of
/// its parents, or one that is built in; or the path of a manifest, of a folder of image files, of
/// one image file, or of a tile store.
///
/// # Errors
/// If there is no such dataset, its manifest is wrong, or its files are not there.
pub fn open(reference: &str, options: &OpenOptions) -> Result<Box<dyn Dataset>> {
    let path = Path::new(reference);
    if path.is_dir() {
        let card = bare_card(reference);
        return Ok(Box::new(FolderSet::new(path, &[], whole(), RowColumns::default(), card)?));
    }
    if path.is_file() && TileStore::is_store(path) {
        return Ok(Box::new(TileStore::open(path)?));
    }
    if path.is_file() && path.extension().is_none_or(|ending| ending != "toml") {
        return Ok(Box::new(FolderSet::of_file(path, whole(), bare_card(reference))?));
    }
    let (rest, split) = match reference.rsplit_once('@') {
        Some((rest, split)) => (rest, Some(split)),
        None => (reference, None),
    };
    let (found, view) = locate(rest)?;
    let view = options.view.as_deref().or(view.as_deref());
    let split = options.split.as_deref().or(split);
    let manifest = Manifest::parse(&found.text, &found.name)?;
    build(&manifest, &found, view, split, options)
}

/// Names of the datasets that can be opened by name from here, each with its manifest, sorted.
///
/// # Errors
/// If a manifest cannot be read.
pub fn known_datasets() -> Result<Vec<Manifest>> {
    let mut manifests: std::collections::BTreeMap<String, Manifest> = Default::default();
    for (name, text) in BUILT_IN {
        manifests.insert((*name).to_owned(), Manifest::parse(text, name)?);
    }
    if let Some(folder) = datasets_folder() {
        for entry in std::fs::read_dir(&folder).map_err(Error::io(&folder))? {
            let path = entry.map_err(Error::io(&folder))?.path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
                let manifest = Manifest::parse(&text, &path.display().to_string())?;
                manifests.insert(manifest.name.clone(), manifest);
            }
        }
    }
    Ok(manifests.into_values().collect())
}

/// A manifest's text, what to call it, and the folder that its relative paths start from.
struct Found {
    text: String,
    name: String,
    root: PathBuf,
}

/// The manifest that a reference without split names, and the view in it.
fn locate(reference: &str) -> Result<(Found, Option<String>)> {
    if let Some(end) = reference.find(".toml") {
        let (path, rest) = reference.split_at(end + 5);
        let view = rest.strip_prefix('/').map(str::to_owned);
        return Ok((read(Path::new(path))?, view));
    }
    let (name, view) = match reference.split_once('/') {
        Some((name, view)) => (name, Some(view.to_owned())),
        None => (reference, None),
    };
    if let Some(folder) = datasets_folder() {
        let path = folder.join(format!("{name}.toml"));
        if path.is_file() {
            return Ok((read(&path)?, view));
        }
    }
    if let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
        let found =
            Found { text: (*text).to_owned(), name: format!("datasets/{name}.toml"), root: PathBuf::new() };
        return Ok((found, view));
    }
    let names: Vec<String> = known_datasets()?.into_iter().map(|manifest| manifest.name).collect();
    let reason = format!("no such dataset, folder or file; datasets known here: {}", list(names.iter()));
    Err(Error::missing(reference, reason))
}

fn read(path: &Path) -> Result<Found> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let root = if folder.file_name().is_some_and(|name| name == "datasets") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    Ok(Found { text, name: path.display().to_string(), root: root.to_owned() })
}

/// The nearest folder `datasets` at or above the working folder.
fn datasets_folder() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join("datasets")).find(|folder| folder.is_dir())
}

fn build(
    manifest: &Manifest,
    found: &Found,
    view: Option<&str>,
    split: Option<&str>,
    options: &OpenOptions,
) -> Result<Box<dyn Dataset>> {
    let card = |view: &str, split: &str| Card {
        name: manifest.name.clone(),
        title: manifest.title.clone(),
        instrument: manifest.instrument.clone(),
        licence: manifest.licence.clone(),
        origin: manifest.origin.clone(),
        view: view.to_owned(),
        split: split.to_owned(),
        digest: Manifest::digest(&found.text, view, split),
    };
    match &manifest.source {
        Source::Folder(folder) => {
            let (view_name, view) = manifest.view(view)?;
            let (split, files) = files_of_split(manifest, split)?;
            let folder = match &options.data {
                Some(data) => data.clone(),
                None => {
                    std::env::var_os(DATA_VARIABLE).map_or_else(|| found.root.join(folder), PathBuf::from)
                }
            };
            let card = card(&view_name, &split);
            let set = FolderSet::new(&folder, &files, view, manifest.parquet.clone(), card)?;
            Ok(Box::new(set.with_blind(manifest.blind.clone())))
        }
        Source::Hub(hub) => {
            let view = view.or(manifest.default_view.as_deref()).unwrap_or_default();
            let rule = hub.rules.get(view).ok_or_else(|| {
                let views = list(hub.rules.keys());
                let what = format!("{}/{view}", manifest.name);
                Error::missing(what, format!("no such view, there are: {views}"))
            })?;
            let split = split.or(manifest.default_split.as_deref()).unwrap_or("tiny-test");
            let stream = options.stream.clone().unwrap_or_else(StreamOptions::from_environment);
            let columns = &manifest.parquet;
            Ok(Box::new(HubSet::open(hub, columns, *rule, split, card(view, split), &stream)?))
        }
        Source::Simulator(simulator) => {
            let (view, simulator) = match view {
                None | Some("window") => ("window", simulator.clone()),
                Some("full") => ("full", simulator.clone().whole()),
                Some(other) => {
                    let reason = "a simulated dataset has the views window and full".to_owned();
                    return Err(Error::missing(format!("{}/{other}", manifest.name), reason));
                }
            };
            let first = manifest.seeds.keys().next().map(String::as_str);
            let split = split.or(manifest.default_split.as_deref()).or(first).unwrap_or_default();
            let seeds = manifest.seeds.get(split).ok_or_else(|| {
                let splits = list(manifest.seeds.keys());
                let what = format!("{}@{split}", manifest.name);
                Error::missing(what, format!("no such split, there are: {splits}"))
            })?;
            let card = card(view, split);
            Ok(Box::new(SimulatedSet::new(simulator, seeds.clone(), card)))
        }
    }
}

fn whole() -> crate::View {
    crate::View { hdus: crate::HduChoice::All, ..Default::default() }
}

/// The card of data that no manifest describes.
fn bare_card(path: &str) -> Card {
    let unknown = || "not stated".to_owned();
    Card {
        name: path.to_owned(),
        title: path.to_owned(),
        instrument: unknown(),
        licence: unknown(),
        origin: path.to_owned(),
        view: "whole".into(),
        split: "all".into(),
        digest: nf_image::Digest::of_bytes(path.as_bytes()),
    }
}
