//! One way to the files of a repository: from the hub, or from a copy on the disk.

use super::client::RemoteFile;
use super::copy::Copy;
use super::pattern;
use super::source::StreamOptions;
use super::store::Store;
use crate::data_folder::DataFolder;
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Files of one commit.
pub(crate) enum Repository {
    /// Fetched from the hub when they are needed.
    Hub { store: Box<Store>, commit: String, files: BTreeMap<String, RemoteFile> },
    /// A copy, of which only what is there can be had.
    Copy(Copy),
}

impl Repository {
    /// Finds the files of a repository's revision, of which `wanted` is needed first: in `data`
    /// where that is named; or else from the hub, from what was fetched before, or from what other
    /// clients have fetched.
    ///
    /// # Errors
    /// If `data` is asked for and holds no copy, the hub refuses, or nobody is asked and nothing is
    /// known.
    pub(crate) fn open(
        repository: &str,
        revision: &str,
        wanted: &str,
        data: Option<&DataFolder>,
        options: &StreamOptions,
    ) -> Result<Self> {
        if let Some(data) = data {
            match Copy::in_folder(&data.path, repository, revision, wanted) {
                Ok(copy) => return Ok(Self::Copy(copy)),
                Err(error) if data.is_asked_for => return Err(error),
                // The variable names a folder for all datasets, and need not hold this one.
                Err(error) => tracing::debug!("{error}"),
            }
        }
        let store = Store::new(options, repository);
        let asked = store.commit(revision).and_then(|commit| Ok((store.files(&commit)?, commit)));
        let (files, commit) = match asked {
            Ok(found) => found,
            Err(error @ Error::Missing { .. }) => {
                let copy = store.copies(revision).find(|copy| copy.holds(wanted));
                match (store.known(revision), copy) {
                    (Some((commit, files)), _) => {
                        tracing::warn!("{error}; what is known from before is used");
                        (files, commit)
                    }
                    (None, Some(copy)) => {
                        tracing::debug!("{error}; a copy is used, {}", copy.origin());
                        return Ok(Self::Copy(copy));
                    }
                    (None, None) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        let files = files.into_iter().map(|file| (file.path.clone(), file)).collect();
        Ok(Self::Hub { store: Box::new(store), commit, files })
    }

    /// Paths that a pattern stands for, sorted: a star is anything but a slash. Of a copy, and of a
    /// pattern without a star, the pattern itself.
    fn matching(&self, pattern: &str) -> Vec<String> {
        match self {
            Self::Hub { files, .. } if pattern.contains('*') => {
                files.keys().filter(|path| pattern::matches(pattern, path)).cloned().collect()
            }
            Self::Copy(copy) if pattern.contains('*') => copy.matching(pattern),
            _ => vec![pattern.to_owned()],
        }
    }

    /// What of it is read, in words.
    pub(crate) fn origin(&self) -> String {
        match self {
            Self::Hub { commit, .. } => format!("at commit {commit}"),
            Self::Copy(copy) => copy.origin(),
        }
    }

    /// A file by its path.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none.
    pub(crate) fn find(&self, path: &str) -> Result<RemoteFile> {
        match self {
            Self::Hub { commit, files, .. } => {
                let missing = || Error::missing(path, format!("not in commit {commit}"));
                files.get(path).cloned().ok_or_else(missing)
            }
            Self::Copy(copy) => copy.find(path),
        }
    }

    /// The files that a pattern stands for.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none.
    pub(crate) fn all(&self, pattern: &str) -> Result<Vec<RemoteFile>> {
        let paths = self.matching(pattern);
        if paths.is_empty() {
            return Err(Error::missing(pattern, format!("no file of such a name {}", self.origin())));
        }
        paths.iter().map(|path| self.find(path)).collect()
    }

    /// Where a file lies, after it was fetched if need be.
    ///
    /// # Errors
    /// If it cannot be had.
    pub(crate) fn fetch(&self, file: &RemoteFile) -> Result<PathBuf> {
        match self {
            Self::Hub { store, commit, .. } => store.fetch(commit, file),
            Self::Copy(copy) => {
                copy.path(&file.path).ok_or_else(|| Error::missing(&file.path, "leads out of the copy"))
            }
        }
    }

    /// Whether a file need not be fetched.
    pub(crate) fn is_here(&self, file: &RemoteFile) -> bool {
        match self {
            Self::Hub { store, commit, .. } => store.here(commit, file).is_some(),
            Self::Copy(_) => true,
        }
    }

    /// Number of rows of a Parquet file, of which no more than the footer is fetched.
    ///
    /// # Errors
    /// If that cannot be had, or is no footer of a Parquet file.
    pub(crate) fn rows(&self, file: &RemoteFile) -> Result<usize> {
        match self {
            Self::Hub { store, commit, .. } => store.rows(commit, file),
            Self::Copy(_) => crate::rows::rows_of_file(&self.fetch(file)?),
        }
    }

    /// Where files are fetched to, and from; `None` where nothing is fetched.
    pub(crate) fn store(&self) -> Option<&Store> {
        match self {
            Self::Hub { store, .. } => Some(store),
            Self::Copy(_) => None,
        }
    }
}
