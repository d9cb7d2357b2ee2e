//! A split of a repository, seen through a rule, as a dataset.

use super::client::{Hub, HubOptions, RemoteFile};
use super::rule::Rule;
use super::store::Store;
use crate::random::Pcg64;
use crate::rows::{RowColumns, RowFile};
use crate::{Card, Dataset, Download, Error, Facts, FitsOptions, Result};
use nf_image::Image16;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// A repository of the hub, as a manifest names it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct HubSource {
    /// `owner/name` of the dataset.
    pub repository: String,
    /// Branch, tag or commit.
    #[serde(default = "main_branch")]
    pub revision: String,
    /// Rules from files to images, by view.
    pub rules: BTreeMap<String, Rule>,
    /// Parquet files by split, instead of the benchmark's lists of FITS files: every row is a file's content.
    #[serde(default)]
    pub row_files: BTreeMap<String, Vec<String>>,
    /// Only rows of the split's list whose `image_id` starts so.
    #[serde(default)]
    pub id_prefix: Option<String>,
    /// Only rows of the split's list with this `telescope`.
    #[serde(default)]
    pub telescope: Option<String>,
}

fn main_branch() -> String {
    "main".into()
}

/// Splits that every repository of the benchmark has, each with its list, and the part of the list that is taken.
const SPLITS: [(&str, &str, Part); 6] = [
    ("tiny-train", "splits/tiny_train.jsonl", Part::All),
    ("tiny-test", "splits/tiny_test.jsonl", Part::All),
    ("full-train", "splits/full_train.jsonl", Part::All),
    ("full-test", "splits/full_test.jsonl", Part::All),
    ("full-fit", "splits/full_train.jsonl", Part::Fit),
    ("full-validation", "splits/full_train.jsonl", Part::Validation),
];

/// The benchmark's training code cuts the training list once more: its indices are shuffled by numpy's
/// `default_rng(42)`, the first 85 % (rounded down) are trained on, the rest validate.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    All,
    Fit,
    Validation,
}

impl Part {
    fn of<T>(self, rows: Vec<T>) -> Vec<T> {
        if self == Self::All {
            return rows;
        }
        let mut order: Vec<usize> = (0..rows.len()).collect();
        Pcg64::from_seed(42).shuffle(&mut order);
        let fit = rows.len() * 85 / 100;
        let chosen = if self == Self::Fit { &order[..fit] } else { &order[fit..] };
        let mut rows: Vec<Option<T>> = rows.into_iter().map(Some).collect();
        chosen.iter().filter_map(|&i| rows[i].take()).collect()
    }
}

/// A row of a split's list; fields that no rule needs are ignored.
#[derive(Deserialize)]
struct Row {
    image_id: Option<serde_json::Value>,
    image: String,
    telescope: Option<String>,
    ntimes: Option<serde_json::Value>,
}

impl Row {
    fn id(&self) -> String {
        match &self.image_id {
            Some(serde_json::Value::String(id)) => id.clone(),
            Some(other) => other.to_string(),
            None => self.image.rsplit('/').next().unwrap_or(&self.image).to_owned(),
        }
    }

    /// Groups of a ramp or epochs of a cube: `ntimes`, or the first number of `..._35-5-800-800.fits`.
    fn planes(&self) -> Option<usize> {
        match &self.ntimes {
            Some(serde_json::Value::Number(number)) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
            Some(serde_json::Value::String(text)) => text.parse().ok(),
            _ => {
                let stem = self.image.strip_suffix(".fits")?;
                let (rest, tail) = (stem.rsplit('_').next()?, 4);
                let numbers: Vec<&str> = rest.split('-').collect();
                (numbers.len() == tail).then(|| numbers[0].parse().ok())?
            }
        }
    }
}

/// What may be said about where and how to stream.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// The hub.
    pub hub: HubOptions,
    /// Folder for fetched files.
    pub cache: std::path::PathBuf,
    /// Bytes that they may take.
    pub budget_bytes: u64,
    /// Files fetched ahead of the one asked for.
    pub ahead: usize,
}

impl StreamOptions {
    /// From the environment's variables.
    pub fn from_environment() -> Self {
        Self {
            hub: HubOptions::from_environment(),
            cache: Store::default_root(),
            budget_bytes: Store::default_budget_bytes(),
            ahead: 2,
        }
    }
}

/// Images of a split; a file is fetched when the first image in it is asked for, and the next ones meanwhile.
pub struct HubSet {
    card: Card,
    rule: Rule,
    commit: String,
    store: Arc<Store>,
    files: Vec<RemoteFile>,
    members: Vec<Member>,
    ahead: usize,
    prefetch: Mutex<Sender<RemoteFile>>,
    columns: RowColumns,
    fits: FitsOptions,
    /// The Parquet file read last.
    rows: Mutex<Option<(usize, Arc<RowFile>)>>,
}

struct Member {
    name: String,
    file: usize,
    /// The row of a Parquet file.
    row: Option<usize>,
    item: usize,
}

impl HubSet {
    /// Opens a split: asks for the commit, the list of files and the split's list (of Parquet files, their footers), and
    /// for no image. `columns` says where Parquet files hold the images, `fits` how FITS files are read.
    ///
    /// # Errors
    /// If there is no such split, the hub does not answer, or a list makes no sense.
    pub fn open(
        source: &HubSource,
        columns: &RowColumns,
        fits: &FitsOptions,
        rule: Rule,
        split: &str,
        card: Card,
        options: &StreamOptions,
    ) -> Result<Self> {
        let no_split = |names: Vec<&str>| {
            let what = format!("{}@{split}", card.name);
            Error::missing(what, format!("no such split, there are: {}", names.join(", ")))
        };
        let row_files = match source.row_files.get(split) {
            None if !source.row_files.is_empty() => {
                return Err(no_split(source.row_files.keys().map(String::as_str).collect()));
            }
            found => found,
        };
        let list = SPLITS.iter().find(|(name, ..)| *name == split);
        if list.is_none() && row_files.is_none() {
            return Err(no_split(SPLITS.iter().map(|(name, ..)| *name).collect()));
        }
        let hub = Hub::new(options.hub.clone());
        let store = Arc::new(Store::new(&options.cache, options.budget_bytes, hub, &source.repository));
        let commit = store.commit(&source.revision)?;
        let tree: BTreeMap<String, RemoteFile> =
            store.files(&commit)?.into_iter().map(|file| (file.path.clone(), file)).collect();
        let find = |path: &str| {
            tree.get(path).cloned().ok_or_else(|| {
                Error::missing(format!("{}/{path}", source.repository), format!("not in commit {commit}"))
            })
        };
        let origin = format!("{} at commit {commit}", card.origin);
        let (prefetch, wanted) = channel();
        let mut set = Self {
            card: Card { origin, ..card },
            rule,
            commit: commit.clone(),
            store: Arc::clone(&store),
            files: vec![],
            members: vec![],
            ahead: options.ahead,
            prefetch: Mutex::new(prefetch),
            columns: columns.clone(),
            fits: fits.clone(),
            rows: Mutex::default(),
        };
        for path in row_files.into_iter().flatten() {
            let file = find(path)?;
            for row in 0..store.rows(&commit, &file)? {
                let stem = path.rsplit('/').next().and_then(crate::names::image_stem).unwrap_or(path);
                set.add(&file, &format!("{stem}.{row:05}"), Some(row), None)?;
            }
            set.files.push(file);
        }
        if let (None, Some((_, list, part))) = (row_files, list) {
            let list_path = store.fetch(&commit, &find(list)?)?;
            for row in part.of(read_rows(&list_path, list)?) {
                let id = row.id();
                if source.id_prefix.as_ref().is_some_and(|prefix| !id.starts_with(prefix))
                    || source.telescope.as_ref().is_some_and(|name| row.telescope.as_ref() != Some(name))
                {
                    continue;
                }
                let file = find(row.image.trim_start_matches("./"))?;
                set.add(&file, crate::names::image_stem(&id).unwrap_or(&id), None, row.planes())?;
                set.files.push(file);
            }
        }
        std::thread::spawn(move || fetch_ahead(&store, &commit, &wanted));
        Ok(set)
    }

    /// Adds the images of the file that comes next, or of one row of it.
    fn add(
        &mut self,
        file: &RemoteFile,
        stem: &str,
        row: Option<usize>,
        planes: Option<usize>,
    ) -> Result<()> {
        let endings = self.rule.endings(planes);
        let endings = endings.map_err(|reason| Error::Image { path: file.path.clone().into(), reason })?;
        let number = self.files.len();
        let member = |(item, ending)| Member { name: format!("{stem}{ending}"), file: number, row, item };
        self.members.extend(endings.iter().enumerate().map(member));
        Ok(())
    }

    /// A Parquet file that lies at `path`; the one that was read last is still open.
    fn row_file(&self, number: usize, path: &Path) -> Result<Arc<RowFile>> {
        let mut last = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((open, file)) = &*last
            && *open == number
        {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(RowFile::open(path, &self.columns, &self.fits)?);
        *last = Some((number, Arc::clone(&file)));
        Ok(file)
    }

    /// The commit that the images come from.
    pub fn commit(&self) -> &str {
        &self.commit
    }

    /// Files of the split, in its order.
    pub fn files(&self) -> &[RemoteFile] {
        &self.files
    }

    /// Fetches a file unless it is here.
    ///
    /// # Errors
    /// As for [`Store::fetch`].
    pub fn fetch(&self, file: &RemoteFile) -> Result<std::path::PathBuf> {
        self.store.fetch(&self.commit, file)
    }
}

/// Fetches what is asked for until nobody can ask any more; failures are left to whoever needs the file.
fn fetch_ahead(store: &Store, commit: &str, wanted: &Receiver<RemoteFile>) {
    for file in wanted {
        if let Err(error) = store.fetch(commit, &file) {
            tracing::debug!("prefetch: {error}");
        }
    }
}

fn read_rows(path: &Path, list: &str) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| Error::Manifest {
                file: list.to_owned(),
                reason: format!("line {}: {error}", number + 1),
            })
        })
        .collect()
}

impl Dataset for HubSet {
    fn card(&self) -> &Card {
        &self.card
    }

    fn len(&self) -> usize {
        self.members.len()
    }

    fn name(&self, index: usize) -> String {
        self.members[index].name.clone()
    }

    fn image(&self, index: usize) -> Result<Image16> {
        let member = &self.members[index];
        let path = self.store.fetch(&self.commit, &self.files[member.file])?;
        for file in self.files.iter().skip(member.file + 1).take(self.ahead) {
            if self.store.here(file).is_none() {
                // The thread at the other end lives as long as this sender.
                let _ = self.prefetch.lock().unwrap_or_else(PoisonError::into_inner).send(file.clone());
            }
        }
        let wrong = |reason| Error::Image { path: self.files[member.file].path.clone().into(), reason };
        if let Some(row) = member.row {
            let content = self.row_file(member.file, &path)?.read(row)?;
            return match content.fits() {
                Some(file) => self.rule.read(file, member.item).map_err(wrong),
                None if matches!(self.rule, Rule::Primary | Rule::Whole) => {
                    content.read(0, 0..content.shape(0)?.planes)
                }
                None => Err(wrong(format!("row {row} holds bare samples, its rule needs a FITS file"))),
            };
        }
        let file = self.fits.open(&path).map_err(|error| wrong(error.to_string()))?;
        self.rule.read(&file, member.item).map_err(wrong)
    }

    fn facts(&self, index: usize) -> Result<Facts> {
        let member = &self.members[index];
        let path = self.store.fetch(&self.commit, &self.files[member.file])?;
        if let Some(row) = member.row {
            let content = self.row_file(member.file, &path)?.read(row)?;
            return Ok(content.fits().map_or_else(Facts::default, |file| Facts::of_fits(file, None)));
        }
        let wrong = |error: nf_fits::Error| Error::Image {
            path: self.files[member.file].path.clone().into(),
            reason: error.to_string(),
        };
        Ok(Facts::of_fits(&self.fits.open(&path).map_err(wrong)?, None))
    }

    fn download(&self) -> Option<Download> {
        let missing: Vec<&RemoteFile> =
            self.files.iter().filter(|file| self.store.here(file).is_none()).collect();
        let bytes = |files: &mut dyn Iterator<Item = &RemoteFile>| files.map(|file| file.size_bytes).sum();
        Some(Download {
            files: self.files.len(),
            bytes: bytes(&mut self.files.iter()),
            missing_files: missing.len(),
            missing_bytes: bytes(&mut missing.into_iter()),
            budget_bytes: self.store.budget_bytes(),
        })
    }
}
