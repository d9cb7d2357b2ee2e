//! A dataset on paper: `datasets/<name>.toml`.

use crate::blind::Blind;
use crate::file_digest::sha256_of_file;
use crate::hub::HubSource;
use crate::reader::ImageFile;
use crate::rows::RowColumns;
use crate::simulate::Simulator;
use crate::view::View;
use crate::{Error, FitsOptions, Result};
use nf_image::{Digest, Shape};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// A manifest; unknown fields are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The dataset's name: the file's name without `.toml`.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Instrument or instruments.
    pub instrument: String,
    /// Licence of the pixels.
    pub licence: String,
    /// Where the pixels come from.
    pub origin: String,
    /// Where they are to be had.
    pub source: Source,
    /// The view taken when none is asked for.
    #[serde(default)]
    pub default_view: Option<String>,
    /// The split taken when none is asked for.
    #[serde(default)]
    pub default_split: Option<String>,
    /// Rules from files to images, by name.
    #[serde(default)]
    pub views: BTreeMap<String, View>,
    /// Which columns of Parquet files hold the images, where their types do not tell.
    #[serde(default)]
    pub parquet: RowColumns,
    /// Files of a folder, in order, with what is known of each.
    #[serde(default, rename = "file")]
    pub files: Vec<FileEntry>,
    /// Addresses of original files, tried in order; see
    /// [`MIRROR_VARIABLE`](crate::originals::MIRROR_VARIABLE).
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// The dataset whose files these are, if it is another one.
    #[serde(default)]
    pub frames_of: Option<String>,
    /// Blind regions of detectors whose headers do not tell.
    #[serde(default)]
    pub blind: Vec<Blind>,
    /// Lists of file names, by split. A file is in at most one of `train`, `validation` and `test`.
    #[serde(default)]
    pub splits: BTreeMap<String, Vec<String>>,
    /// Exposures of a simulator, by split: lists of seeds.
    #[serde(default)]
    pub seeds: BTreeMap<String, Vec<u32>>,
}

/// Where the pixels are to be had: exactly one of the variants.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A folder of files, relative to the folder that holds `datasets/` (or to the working folder).
    Folder(String),
    /// A simulator.
    Simulator(Simulator),
    /// A repository of the Hugging Face hub.
    Hub(HubSource),
}

/// One file of a folder.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its path below the folder.
    pub name: String,
    /// SHA-256 of its bytes, if the dataset insists on it.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Its instrument, where the dataset has several.
    #[serde(default)]
    pub instrument: Option<String>,
    /// Its licence, where the dataset has several.
    #[serde(default)]
    pub licence: Option<String>,
    /// The images in it, in order. A file of other bytes than `sha256` states is right if its
    /// images are.
    #[serde(default)]
    pub images: Vec<ImageEntry>,
    /// The files that its images come from, in order; of several, each gives the same number of
    /// planes.
    #[serde(default)]
    pub sources: Vec<Original>,
}

/// One image of a file.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ImageEntry {
    /// Planes, rows and columns.
    pub shape: [usize; 3],
    /// Digest of its samples ([`nf_image::Image16::digest`]), hexadecimal.
    pub blake3: String,
}

impl ImageEntry {
    pub(crate) fn shape(&self) -> Shape {
        let [planes, height, width] = self.shape;
        Shape::new(planes, height, width)
    }
}

/// A file in a public repository.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Original {
    /// `owner/name`.
    pub repository: String,
    /// Branch, tag or commit.
    #[serde(default = "head")]
    pub revision: String,
    /// Path in the repository.
    pub path: String,
    /// The git object of its bytes, hexadecimal, where that is known.
    #[serde(default)]
    pub git_blob: Option<String>,
    /// The published package that the dataset's file was made from, where it was not the
    /// repository.
    #[serde(default)]
    pub package: Option<String>,
}

fn head() -> String {
    "HEAD".into()
}

impl FileEntry {
    /// A file of which only the name is known.
    pub(crate) fn named(name: &str) -> Self {
        let name = name.to_owned();
        Self { name, sha256: None, instrument: None, licence: None, images: vec![], sources: vec![] }
    }

    /// Compares a file with what is stated of it: its bytes, or else its images.
    ///
    /// # Errors
    /// If it cannot be read, or is another one.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        let Some(expected) = &self.sha256 else { return self.check_images(path) };
        let found = sha256_of_file(path)?;
        if found.eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        if self.images.is_empty() {
            return Err(Error::Digest { path: path.to_owned(), expected: expected.clone(), found });
        }
        self.check_images(path)
    }

    /// Compares the images of a file with those that are stated.
    ///
    /// # Errors
    /// If it cannot be read, or they are others.
    pub(crate) fn check_images(&self, path: &Path) -> Result<()> {
        if self.images.is_empty() {
            return Ok(());
        }
        let file = ImageFile::open(path, &FitsOptions::default())?;
        if file.stacks() != self.images.len() {
            let reason = format!("holds {} images, expected {}", file.stacks(), self.images.len());
            return Err(Error::Image { path: path.to_owned(), reason });
        }
        for (stack, image) in self.images.iter().enumerate() {
            let found = file.read(stack, 0..file.shape(stack)?.planes)?;
            let (expected, digest) = (image.blake3.clone(), found.digest().to_string());
            if found.shape() != image.shape() || digest != expected {
                return Err(Error::Digest { path: path.to_owned(), expected, found: digest });
            }
        }
        Ok(())
    }
}

/// Splits of which a file may be in one only.
const EXCLUSIVE: [&str; 3] = ["train", "validation", "test"];

impl Manifest {
    /// Reads a manifest; `file` names it in errors.
    ///
    /// # Errors
    /// [`Error::Manifest`], in one line with the line and field at fault.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let manifest: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count());
            let at = text.lines().nth(line.saturating_sub(1)).unwrap_or("").trim();
            let reason = error.message().replace('\n', "; ");
            Error::Manifest { file: file.to_owned(), reason: format!("line {line} ('{at}'): {reason}") }
        })?;
        let wrong = |reason: String| Err(Error::Manifest { file: file.to_owned(), reason });
        if manifest.name.is_empty()
            || !manifest.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        {
            return wrong(format!("name: '{}' must be letters, digits and -_. only", manifest.name));
        }
        if let Some(view) = &manifest.default_view {
            let known = match &manifest.source {
                Source::Hub(hub) => hub.rules.contains_key(view),
                _ => manifest.views.contains_key(view),
            };
            if !known {
                return wrong(format!("default_view: there is no view '{view}'"));
            }
        }
        match &manifest.source {
            Source::Simulator(simulator) => {
                if let Err(reason) = simulator.check() {
                    return wrong(format!("source.simulator: {reason}"));
                }
                if manifest.seeds.is_empty() {
                    return wrong("seeds: a simulator needs a list of seeds for at least one split".into());
                }
            }
            Source::Folder(_) | Source::Hub(_) => {
                if !manifest.seeds.is_empty() {
                    return wrong("seeds: only a simulator has seeds".into());
                }
                if let Source::Hub(hub) = &manifest.source
                    && (hub.rules.is_empty() || manifest.default_view.is_none())
                {
                    return wrong("source.hub.rules: at least one rule and a default_view are needed".into());
                }
            }
        }
        if let Err(reason) = manifest.check_splits() {
            return wrong(reason);
        }
        Ok(manifest)
    }

    fn check_splits(&self) -> Result<(), String> {
        let mut owner: BTreeMap<&str, &str> = BTreeMap::new();
        for split in EXCLUSIVE {
            for file in self.splits.get(split).into_iter().flatten() {
                if let Some(other) = owner.insert(file, split) {
                    return Err(format!("splits.{split}: '{file}' is in '{other}' already"));
                }
            }
        }
        for (split, files) in &self.splits {
            if let Some(file) = files.iter().find(|file| !is_inside(file)) {
                return Err(format!("splits.{split}: '{file}' must be a path below the folder"));
            }
        }
        if !self.files.is_empty() {
            for (split, files) in &self.splits {
                if let Some(file) = files.iter().find(|file| !self.files.iter().any(|f| f.name == **file)) {
                    return Err(format!("splits.{split}: there is no [[file]] named '{file}'"));
                }
            }
        }
        for file in &self.files {
            if !is_inside(&file.name) {
                return Err(format!("file.name: '{}' must be a path below the folder", file.name));
            }
            if !file.sources.is_empty() && (file.images.is_empty() || file.name.contains(['/', '\\'])) {
                return Err(format!(
                    "file.sources: '{}' needs images, and a name without a folder",
                    file.name
                ));
            }
            if let Some(hex) = &file.sha256
                && (hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()))
            {
                return Err(format!("file.sha256: '{hex}' of '{}' is not 64 hexadecimal digits", file.name));
            }
        }
        Ok(())
    }

    /// The view asked for, the default view, or all HDUs as stacks if the manifest names no view.
    ///
    /// # Errors
    /// If there is no view of that name.
    pub fn view(&self, asked: Option<&str>) -> Result<(String, View)> {
        let Some(name) = asked.or(self.default_view.as_deref()) else {
            let whole = View { hdus: crate::view::HduChoice::All, ..View::default() };
            return Ok(("whole".to_owned(), whole));
        };
        match self.views.get(name) {
            Some(view) => Ok((name.to_owned(), view.clone())),
            None => Err(Error::missing(
                format!("{}/{name}", self.name),
                format!("no such view, there are: {}", list(self.views.keys())),
            )),
        }
    }

    /// Fingerprint of a view and split: of the manifest's text and the two names.
    pub(crate) fn digest(text: &str, view: &str, split: &str) -> Digest {
        Digest::of_bytes(format!("{view}\n{split}\n{text}").as_bytes())
    }
}

/// Whether a path leads to a place below the folder that it is joined to.
fn is_inside(path: &str) -> bool {
    let path = Path::new(path);
    path.components().count() > 0
        && path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// Names in a row, for messages.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "name = 'x'\ntitle = 't'\ninstrument = 'i'\nlicence = 'l'\norigin = 'o'\n";

    fn error(rest: &str) -> String {
        Manifest::parse(&format!("{HEAD}{rest}"), "datasets/x.toml").unwrap_err().to_string()
    }

    #[test]
    fn errors_name_file_line_and_field() {
        let text = error("[source]\nfolder = 'd'\ncolour = 1\n");
        assert!(text.starts_with("datasets/x.toml: line "), "{text}");
        assert!(!text.contains('\n'), "{text}");
        assert!(error("folder = 'd'\n[source]\nfolder='d'").contains("unknown field `folder`"));
        assert!(error("").contains("missing field `source`"));
        assert!(error("[source]\nfolder='d'\n[views.v]\nhdus='third'").contains("hdus='third'"));
        assert!(error("[source]\nfolder='d'\n[views.v]\naxis='depth'").contains("unknown plane axis"));
        assert!(error("default_view='v'\n[source]\nfolder='d'").contains("no view 'v'"));
        let seeds = "[source.simulator.ccd]\ngain_e_per_dn = 0.0\n[seeds]\ntest=[1]";
        assert!(error(seeds).contains("source.simulator: gain_e_per_dn must be above zero"));
        assert!(error("[source.simulator.ccd]\nsky_e = 10.0").contains("seeds"));
    }

    #[test]
    fn a_file_is_on_one_side_only() {
        let text = error("[source]\nfolder='d'\n[splits]\ntrain=['a']\ntest=['b', 'a']");
        assert!(text.contains("'a' is in 'train' already"), "{text}");
        assert!(error("[source]\nfolder='d'\n[[file]]\nname='../a'").contains("below the folder"));
        let stranger = error("[source]\nfolder='d'\n[splits]\ntest=['b']\n[[file]]\nname='a'");
        assert!(stranger.contains("no [[file]] named 'b'"), "{stranger}");
    }
}
