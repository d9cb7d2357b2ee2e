//! From a name to a dataset.

use crate::data_folder::DataFolder;
use crate::folder::{FolderSet, files_of_split};
use crate::hub::{HubSet, Opening, StreamOptions, default_root};
use crate::manifest::{FileEntry, Manifest, Source, list};
use crate::names::shown;
use crate::rows::RowColumns;
use crate::simulate::SimulatedSet;
use crate::tiles::TileStore;
use crate::{Card, Dataset, Error, FitsOptions, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What may be said about a dataset besides its name.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The folder that holds the dataset's files, instead of the one its manifest names or of the
    /// hub. Of a dataset of the hub it is a copy of the repository, a folder of such copies
    /// (`OWNER/NAME` or `NAME`), or the cache of another client of the hub. A simulated dataset has
    /// no files.
    pub data: Option<PathBuf>,
    /// View, instead of the one in the reference or the manifest's default.
    pub view: Option<String>,
    /// Split, instead of the one in the reference or the manifest's default.
    pub split: Option<String>,
    /// Where and how to stream datasets of the hub; from the environment's variables without.
    pub stream: Option<StreamOptions>,
    /// How FITS files are read: codecs of FLOOR_1 tiles, and limits.
    pub fits: FitsOptions,
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
    ("sim-white", include_str!("../../../datasets/sim-white.toml")),
];

/// Opens a dataset.
///
/// `reference` is `NAME[/VIEW][@SPLIT]`, where `NAME` is a manifest in `datasets/` of the working
/// folder or one of its parents, or one that is built in; or the path of a manifest, of a folder of
/// image files, of one image file, or of a tile store; or the paths of several image files, one a
/// line. Of a folder or of several files, one that cannot be read is an image that fails when it is
/// asked for; the others are there.
///
/// # Errors
/// If there is no such dataset, its manifest is wrong, or its files are not there.
pub fn open(reference: impl AsRef<OsStr>, options: &OpenOptions) -> Result<Box<dyn Dataset>> {
    let path = Path::new(reference.as_ref());
    if path.exists() && options.data.is_some() && path.extension().is_none_or(|ending| ending != "toml") {
        tracing::warn!(
            "{}: read where it lies; the folder for data is for datasets that are given by name",
            path.display()
        );
    }
    if let Some(lines) = path.to_str().filter(|text| text.contains('\n') && !path.exists()) {
        let paths: Vec<PathBuf> = lines.lines().map(PathBuf::from).collect();
        if let Some(missing) = paths.iter().find(|path| !path.is_file()) {
            return Err(Error::missing(missing.display().to_string(), "no such file"));
        }
        let card = Card::undescribed(&format!("{} files", paths.len()));
        let card = Card { digest: nf_image::Digest::of_bytes(lines.as_bytes()), ..card };
        return Ok(Box::new(FolderSet::of_files(&paths, whole(), options.fits.clone(), card)));
    }
    if path.is_dir() {
        let (columns, fits) = (RowColumns::default(), options.fits.clone());
        return Ok(Box::new(FolderSet::new(path, &[], whole(), columns, fits, bare_card(path))?));
    }
    if path.is_file() && TileStore::is_store(path) {
        return Ok(Box::new(TileStore::open(path)?));
    }
    if path.is_file() && path.extension().is_none_or(|ending| ending != "toml") {
        return Ok(Box::new(FolderSet::of_file(path, whole(), options.fits.clone(), bare_card(path))?));
    }
    let Reference { found, view, split } = locate(path)?;
    let split = split.as_deref();
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

/// What a reference names.
struct Reference {
    found: Found,
    view: Option<String>,
    split: Option<String>,
}

/// The manifest that a reference names, and the view and split in it.
fn locate(path: &Path) -> Result<Reference> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    // The path of a manifest ends with the first part that has the ending; folders may have any
    // name.
    let mut folder = PathBuf::new();
    let mut parts = path.components();
    while let Some(part) = parts.next() {
        let part = part.as_os_str();
        if let Some((file, more)) = part.to_str().and_then(manifest_file)
            && parts.as_path().to_str().is_some_and(|rest| more.is_empty() || rest.is_empty())
        {
            let rest = parts.as_path().to_str().unwrap_or_default();
            let (view, split) = split_off(if rest.is_empty() { more } else { rest });
            let view = Some(view).filter(|view| !view.is_empty());
            return Ok(Reference {
                found: read(&folder.join(file))?,
                view: owned(view),
                split: owned(split),
            });
        }
        folder.push(part);
    }
    let Some(reference) = path.to_str() else {
        return Err(Error::missing(path.display().to_string(), "no such folder or file"));
    };
    let (rest, split) = split_off(reference);
    let (name, view) = match rest.split_once('/') {
        Some((name, view)) => (name, Some(view)),
        None => (rest, None),
    };
    let here = |found| Ok(Reference { found, view: owned(view), split: owned(split) });
    if let Some(folder) = datasets_folder() {
        let path = folder.join(format!("{name}.toml"));
        if path.is_file() {
            return here(read(&path)?);
        }
    }
    if let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
        let found =
            Found { text: (*text).to_owned(), name: format!("datasets/{name}.toml"), root: PathBuf::new() };
        return here(found);
    }
    let names: Vec<String> = known_datasets()?.into_iter().map(|manifest| manifest.name).collect();
    let reason = format!("no such dataset, folder or file; datasets known here: {}", list(names.iter()));
    Err(Error::missing(reference, reason))
}

/// A part of a path that names a manifest: the file, and what follows its ending (`@SPLIT` or
/// nothing).
fn manifest_file(part: &str) -> Option<(&str, &str)> {
    let (file, more) = part.split_at(part.find(".toml")? + ".toml".len());
    (more.is_empty() || more.starts_with('@')).then_some((file, more))
}

/// A reference without its split, and that.
fn split_off(reference: &str) -> (&str, Option<&str>) {
    match reference.rsplit_once('@') {
        Some((rest, split)) => (rest, Some(split)),
        None => (reference, None),
    }
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
    let data = DataFolder::of(options.data.as_deref());
    match &manifest.source {
        Source::Folder(folder) => {
            let (view_name, view) = manifest.view(view)?;
            let (split, files) = files_of_split(manifest, split)?;
            let folder = frames_folder(manifest, found, folder, data, options);
            let (card, columns, fits) =
                (card(&view_name, &split), manifest.parquet.clone(), options.fits.clone());
            let set = FolderSet::new(&folder, &files, view, columns, fits, card);
            let set = set.map_err(|error| match (error, frames_name(manifest)) {
                (Error::Missing { what, reason }, Some(name)) => Error::missing(
                    what,
                    format!("{reason}, or fetch the frames: noisefloor data fetch {name}"),
                ),
                (error, _) => error,
            })?;
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
            let opening = Opening {
                columns: &manifest.parquet,
                fits: &options.fits,
                rule: *rule,
                split,
                data: data.as_ref(),
                stream: &stream,
            };
            Ok(Box::new(HubSet::open(hub, card(view, split), &opening)?))
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

/// The dataset whose frames these are, if they can be fetched at their origins.
fn frames_name(manifest: &Manifest) -> Option<&str> {
    let own = manifest.files.iter().any(|file| !file.sources.is_empty());
    manifest.frames_of.as_deref().or(own.then_some(manifest.name.as_str()))
}

/// The folder in which the files of a folder dataset are looked for: the one that is named, the
/// manifest's, or that of fetched frames.
fn frames_folder(
    manifest: &Manifest,
    found: &Found,
    folder: &str,
    data: Option<DataFolder>,
    options: &OpenOptions,
) -> PathBuf {
    let stated = found.root.join(folder);
    match (data, frames_name(manifest)) {
        (Some(data), _) => data.path,
        (None, Some(name)) if !stated.is_dir() => {
            let cache = options.stream.as_ref().map(|stream| stream.cache.clone());
            cache.unwrap_or_else(default_root).join("frames").join(name)
        }
        _ => stated,
    }
}

/// Frames that can be fetched at their origins.
pub(crate) struct Frames {
    pub(crate) folder: PathBuf,
    pub(crate) files: Vec<FileEntry>,
    pub(crate) mirrors: Vec<String>,
}

/// The frames of a dataset; `None` if its manifest states no origins.
///
/// # Errors
/// If there is no such dataset or split.
pub(crate) fn frames(reference: &OsStr, options: &OpenOptions) -> Result<Option<Frames>> {
    let path = Path::new(reference);
    if path.exists() && path.extension().is_none_or(|ending| ending != "toml") {
        return Ok(None);
    }
    let Reference { found, split, .. } = locate(path)?;
    let manifest = Manifest::parse(&found.text, &found.name)?;
    let (Source::Folder(folder), Some(name)) = (&manifest.source, frames_name(&manifest)) else {
        return Ok(None);
    };
    let (_, mut files) = files_of_split(&manifest, options.split.as_deref().or(split.as_deref()))?;
    let folder = frames_folder(&manifest, &found, folder, DataFolder::of(options.data.as_deref()), options);
    let mut mirrors = manifest.mirrors.clone();
    if name != manifest.name {
        let Reference { found, .. } = locate(Path::new(name))?;
        let whole = Manifest::parse(&found.text, &found.name)?;
        let stated = |file: &FileEntry| whole.files.iter().find(|other| other.name == file.name).cloned();
        files =
            if files.is_empty() { whole.files.clone() } else { files.iter().filter_map(stated).collect() };
        mirrors = whole.mirrors;
    }
    files.retain(|file| !file.sources.is_empty());
    Ok(Some(Frames { folder, files, mirrors }))
}

fn whole() -> crate::View {
    crate::View { hdus: crate::HduChoice::All, ..Default::default() }
}

/// The card of a file or folder that no manifest describes.
fn bare_card(path: &Path) -> Card {
    Card::undescribed(&shown(path.as_os_str()))
}
