//! A split of a repository, seen through a rule, as a dataset.

use super::client::RemoteFile;
use super::locked;
use super::place::{Files, Place};
use super::repository::Repository;
use super::rule::Rule;
use super::source::{HubSource, StreamOptions};
use super::split::{Part, Row, read_rows};
use crate::data_folder::DataFolder;
use crate::names::{image_stem, printable};
use crate::rows::{RowColumns, RowFile};
use crate::view::MOST_IMAGES;
use crate::{Card, Dataset, Download, Error, Facts, FitsOptions, Result};
use nf_image::Image16;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// Images of a split; a file is fetched when the first image in it is asked for, and the next ones
/// meanwhile.
///
/// A row of the split's list whose file is not there is one image that fails; the others are there.
pub struct HubSet {
    card: Card,
    rule: Rule,
    repository: Arc<Repository>,
    files: Vec<Entry>,
    members: Vec<Member>,
    /// Files that are not of this part of the split, and their bytes.
    left_out: (usize, u64),
    ahead: usize,
    prefetch: Mutex<Sender<RemoteFile>>,
    columns: RowColumns,
    fits: FitsOptions,
    /// The Parquet file read last.
    rows: Mutex<Option<(usize, Arc<RowFile>)>>,
}

/// A file of the split.
enum Entry {
    There(RemoteFile),
    /// Its path, and why it cannot be had.
    Absent(String, String),
}

impl Entry {
    fn file(&self) -> Result<&RemoteFile> {
        match self {
            Self::There(file) => Ok(file),
            Self::Absent(path, reason) => Err(Error::missing(path, reason)),
        }
    }
}

struct Member {
    name: String,
    file: usize,
    /// The row of a Parquet file.
    row: Option<usize>,
    item: usize,
}

/// What a hub dataset is opened with besides its source.
pub(crate) struct Opening<'a> {
    /// Where Parquet files hold the images.
    pub(crate) columns: &'a RowColumns,
    pub(crate) fits: &'a FitsOptions,
    pub(crate) rule: Rule,
    pub(crate) split: &'a str,
    /// A folder that may hold a copy of the repository.
    pub(crate) data: Option<&'a DataFolder>,
    pub(crate) stream: &'a StreamOptions,
}

/// Bytes of a split's list.
const MOST_LIST_BYTES: u64 = 64 << 20;

impl HubSet {
    /// Opens a split: asks for the commit, the list of files and the split's list (of Parquet
    /// files, their footers), and for no image.
    ///
    /// # Errors
    /// If there is no such split, the hub does not answer, or a list makes no sense.
    pub(crate) fn open(source: &HubSource, card: Card, opening: &Opening<'_>) -> Result<Self> {
        let Opening { columns, fits, rule, split, data, stream } = *opening;
        let open = |place: &Place<'_>| {
            let repository =
                Repository::open(&source.repository, place.revision, place.wanted(), data, stream)?;
            repository.all(place.wanted()).map(|_| repository)
        };
        let places = Place::of(source, split, &card)?;
        let (place, repository) = match (open(&places[0]), places.get(1)) {
            (Ok(repository), _) => (&places[0], repository),
            (Err(error @ Error::Missing { .. }), Some(other)) => {
                tracing::warn!("{error}; the Parquet files of {} are used", other.revision);
                (other, open(other)?)
            }
            (Err(error), _) => return Err(error),
        };
        let repository = Arc::new(repository);
        let (prefetch, asked) = channel();
        let mut set = Self {
            card: Card { origin: format!("{} {}", card.origin, repository.origin()), ..card },
            rule,
            repository: Arc::clone(&repository),
            files: vec![],
            members: vec![],
            left_out: (0, 0),
            ahead: stream.ahead,
            prefetch: Mutex::new(prefetch),
            columns: columns.clone(),
            fits: fits.clone(),
            rows: Mutex::default(),
        };
        match place.files {
            Files::Rows(patterns) => {
                for pattern in patterns {
                    repository.all(pattern)?.into_iter().try_for_each(|file| set.add_row_file(file))?;
                }
            }
            Files::List(list, part) => set.add_list(source, list, part)?,
        }
        set.refuse_if_empty()?;
        set.keep_first(stream.most_bytes);
        set.refuse_if_all_absent()?;
        std::thread::spawn(move || fetch_ahead(&repository, &asked));
        Ok(set)
    }

    fn add_row_file(&mut self, file: RemoteFile) -> Result<()> {
        let path = &file.path;
        let rows = self.repository.rows(&file)?;
        let stem = path.rsplit('/').next().and_then(image_stem).unwrap_or(path).to_owned();
        for row in 0..rows {
            self.add(&format!("{stem}.{row:05}"), Some(row), None)
                .map_err(|reason| Error::Image { path: path.into(), reason })?;
        }
        self.files.push(Entry::There(file));
        Ok(())
    }

    /// Adds the files of a split's list.
    fn add_list(&mut self, source: &HubSource, list: &str, part: Part) -> Result<()> {
        let file = self.repository.find(list)?;
        if file.size_bytes > MOST_LIST_BYTES {
            let reason = format!("a list of {} bytes, at most {MOST_LIST_BYTES} are read", file.size_bytes);
            return Err(Error::Manifest { file: list.to_owned(), reason });
        }
        let rows = read_rows(&self.repository.fetch(&file)?, list)?;
        // The benchmark cuts the list of an experiment, not that of its repository.
        let rows: Vec<Row> = rows.into_iter().filter(|row| source.takes(row)).collect();
        part.of(rows).iter().try_for_each(|row| self.add_listed(row))
    }

    fn add_listed(&mut self, row: &Row) -> Result<()> {
        let (id, path) = (row.id(), row.image.trim_start_matches("./"));
        let stem = image_stem(&id).unwrap_or(&id);
        let found = self.repository.find(path).map_err(|error| match error {
            Error::Missing { reason, .. } => reason,
            other => other.to_string(),
        });
        let added = found.and_then(|file| self.add(stem, None, row.planes()).map(|()| file));
        let entry = match added {
            Ok(file) => Entry::There(file),
            Err(reason) => {
                self.members.push(self.member(stem.to_owned(), None, 0));
                Entry::Absent(printable(path), reason)
            }
        };
        self.files.push(entry);
        if self.members.len() > MOST_IMAGES {
            return Err(Error::missing(
                self.card.to_string(),
                format!("lists more than {MOST_IMAGES} images"),
            ));
        }
        Ok(())
    }

    /// Adds the images of the file that comes next, or of one row of it.
    fn add(&mut self, stem: &str, row: Option<usize>, planes: Option<usize>) -> Result<(), String> {
        let endings = self.rule.endings(planes)?;
        if self.members.len() + endings.len() > MOST_IMAGES {
            return Err(format!("brings the dataset to more than {MOST_IMAGES} images"));
        }
        for (item, ending) in endings.iter().enumerate() {
            self.members.push(self.member(format!("{stem}{ending}"), row, item));
        }
        Ok(())
    }

    fn member(&self, name: String, row: Option<usize>, item: usize) -> Member {
        Member { name: printable(&name), file: self.files.len(), row, item }
    }

    /// A split without images is a mistake of whoever wrote its list, or of the manifest's choice
    /// of rows.
    fn refuse_if_empty(&self) -> Result<()> {
        if self.members.is_empty() {
            let reason =
                "the split lists no image of this dataset; see its list and the manifest's choice of rows";
            return Err(Error::missing(self.card.to_string(), reason));
        }
        Ok(())
    }

    /// Leaves out all but the first files, of so many bytes together.
    fn keep_first(&mut self, most_bytes: Option<u64>) {
        let Some(most_bytes) = most_bytes else { return };
        let mut bytes = 0u64;
        let mut fits = |entry: &Entry| {
            bytes = bytes.saturating_add(entry.file().map_or(0, |file| file.size_bytes));
            bytes <= most_bytes
        };
        let kept = self.files.iter().position(|entry| !fits(entry)).unwrap_or(self.files.len());
        self.left_out = sum(self.files[kept..].iter().filter_map(|entry| entry.file().ok()));
        self.files.truncate(kept);
        self.members.retain(|member| member.file < kept);
    }

    /// A copy that holds none of the images is no copy of this split.
    fn refuse_if_all_absent(&self) -> Result<()> {
        let all = self.files.iter().all(|entry| matches!(entry, Entry::Absent(..)));
        match self.files.first() {
            Some(first) if all => first.file().map(drop),
            _ => Ok(()),
        }
    }

    /// An image's file, after it was fetched if need be, and its path in the repository.
    fn fetched(&self, member: &Member) -> Result<(std::path::PathBuf, &str)> {
        let file = self.files[member.file].file()?;
        Ok((self.repository.fetch(file)?, &file.path))
    }

    /// A Parquet file that lies at `path`; the one that was read last is still open.
    fn row_file(&self, number: usize, path: &Path) -> Result<Arc<RowFile>> {
        let mut last = locked(&self.rows);
        if let Some((open, file)) = &*last
            && *open == number
        {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(RowFile::open(path, &self.columns, &self.fits)?);
        *last = Some((number, Arc::clone(&file)));
        Ok(file)
    }
}

/// Fetches what is asked for until nobody can ask any more; failures are left to whoever needs the
/// file.
fn fetch_ahead(repository: &Repository, asked: &Receiver<RemoteFile>) {
    for file in asked {
        if let Err(error) = repository.fetch(&file) {
            tracing::debug!("prefetch: {error}");
        }
    }
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
        let (path, name) = self.fetched(member)?;
        let next = self.files.iter().skip(member.file + 1).filter_map(|entry| entry.file().ok());
        for file in next.take(self.ahead).filter(|file| !self.repository.is_here(file)) {
            // The thread at the other end lives as long as this sender.
            let _ = locked(&self.prefetch).send(file.clone());
        }
        let wrong = |reason| Error::Image { path: name.into(), reason };
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

    fn file(&self, index: usize) -> usize {
        self.members[index].file
    }

    fn is_here(&self, index: usize) -> bool {
        let file = self.files[self.members[index].file].file();
        file.is_ok_and(|file| self.repository.is_here(file))
    }

    fn fetch(&self, index: usize) -> Result<()> {
        self.fetched(&self.members[index]).map(drop)
    }

    fn facts(&self, index: usize) -> Result<Facts> {
        let member = &self.members[index];
        let (path, name) = self.fetched(member)?;
        if let Some(row) = member.row {
            let content = self.row_file(member.file, &path)?.read(row)?;
            return Ok(content.fits().map_or_else(Facts::default, |file| Facts::of_fits(file, None)));
        }
        let wrong = |error: nf_fits::Error| Error::Image { path: name.into(), reason: error.to_string() };
        Ok(Facts::of_fits(&self.fits.open(&path).map_err(wrong)?, None))
    }

    fn download(&self) -> Option<Download> {
        let store = self.repository.store()?;
        let there: Vec<&RemoteFile> = self.files.iter().filter_map(|entry| entry.file().ok()).collect();
        let (files, bytes) = sum(there.iter().copied());
        let missing: Vec<&RemoteFile> =
            there.into_iter().filter(|file| !self.repository.is_here(file)).collect();
        let begun_bytes = missing.iter().map(|file| store.begun_bytes(file)).fold(0, u64::saturating_add);
        let (missing_files, missing_bytes) = sum(missing.into_iter());
        let (left_out_files, left_out_bytes) = self.left_out;
        Some(Download {
            files,
            bytes,
            missing_files,
            missing_bytes,
            begun_bytes,
            left_out_files,
            left_out_bytes,
            budget_bytes: store.budget_bytes(),
            folder: store.folder(),
        })
    }
}

/// How many files, and of how many bytes. The sizes are what a list states: their sum may be
/// anything.
fn sum<'a>(files: impl Iterator<Item = &'a RemoteFile>) -> (usize, u64) {
    files.fold((0, 0), |(files, bytes), file| (files + 1, bytes.saturating_add(file.size_bytes)))
}
