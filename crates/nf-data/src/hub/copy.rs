//! Copies of a repository that lie on the disk: what other clients of the hub have fetched
//! ([`Layout`]), and folders.

use super::client::RemoteFile;
use super::layout::{Layout, cache_name, inside};
use super::pattern;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A folder that holds files of a repository under their paths.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Copy {
    folder: PathBuf,
    /// The commit that the files are of, where that is known.
    commit: Option<String>,
}

/// Files of an index are small: a list or a footer that claims more is wrong.
const MOST_REF_BYTES: u64 = 200;

impl Copy {
    /// The copy of `repository` in `data`: in the layout of the hub's clients, as `OWNER/NAME` or
    /// `NAME`, or the folder itself; only one that holds `wanted` counts.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none.
    pub(crate) fn in_folder(data: &Path, repository: &str, revision: &str, wanted: &str) -> Result<Self> {
        let cached = Self::in_cache(&Layout::new(data, repository), revision);
        let name = repository.rsplit('/').next().unwrap_or(repository);
        let plain = [data.join(repository), data.join(name), data.to_owned()];
        let plain = plain.into_iter().map(|folder| Self { folder, commit: None });
        let holds = |copy: &Self| copy.holds(wanted);
        cached.into_iter().chain(plain).find(holds).ok_or_else(|| {
            let reason = format!(
                "holds no copy of {repository}; looked for {wanted} in it, in {repository}, in {name} and in {}/snapshots",
                cache_name(repository)
            );
            Error::missing(data.display().to_string(), reason)
        })
    }

    /// The snapshot that another client keeps in a cache: of the commit that its `refs` name for
    /// the revision, or else the only one there is.
    pub(super) fn in_cache(cache: &Layout, revision: &str) -> Option<Self> {
        let snapshots = cache.snapshots();
        let named = || {
            let path = cache.reference(revision)?;
            let is_short = std::fs::metadata(&path).is_ok_and(|meta| meta.len() <= MOST_REF_BYTES);
            is_short.then(|| std::fs::read_to_string(path).ok())?
        };
        let only = || {
            let mut entries = std::fs::read_dir(&snapshots).ok()?;
            let first = entries.next()?.ok()?.file_name().into_string().ok();
            first.filter(|_| entries.next().is_none())
        };
        let snapshot = |commit: String| {
            let commit = commit.trim();
            let folder = snapshots.join(commit);
            (super::is_hash(commit) && folder.is_dir())
                .then(|| Self { folder, commit: Some(commit.to_owned()) })
        };
        snapshot(revision.to_owned())
            .or_else(|| named().and_then(snapshot))
            .or_else(|| only().and_then(snapshot))
    }

    /// Where the files come from, in words.
    pub(crate) fn origin(&self) -> String {
        match &self.commit {
            Some(commit) => format!("at commit {commit}"),
            None => format!("from the copy in {}", self.folder.display()),
        }
    }

    /// A file by its path in the repository; its digest is not known.
    ///
    /// # Errors
    /// [`Error::Missing`] if it is not there.
    pub(crate) fn find(&self, path: &str) -> Result<RemoteFile> {
        let missing = || {
            Error::missing(self.folder.join(path).display().to_string(), "not in this copy of the dataset")
        };
        let place = self.path(path).ok_or_else(missing)?;
        let meta = std::fs::metadata(place).ok().filter(std::fs::Metadata::is_file).ok_or_else(missing)?;
        let (digest, git_blob) = (String::new(), String::new());
        Ok(RemoteFile { path: path.to_owned(), size_bytes: meta.len(), digest, git_blob, xet_hash: None })
    }

    /// Paths that a pattern stands for, sorted.
    pub(crate) fn matching(&self, pattern: &str) -> Vec<String> {
        let (folder, name) = pattern::split(pattern);
        let entries = self.path(folder).and_then(|place| std::fs::read_dir(place).ok());
        let names =
            entries.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut paths: Vec<String> = names
            .filter(|found| pattern::name_matches(name, found))
            .map(|found| format!("{folder}{found}"))
            .collect();
        paths.sort();
        paths
    }

    /// Whether a file, or one that a pattern stands for, is there.
    pub(crate) fn holds(&self, pattern: &str) -> bool {
        let found = if pattern.contains('*') { self.matching(pattern) } else { vec![pattern.to_owned()] };
        found.first().is_some_and(|path| self.find(path).is_ok())
    }

    /// Where a file of that path lies; `None` for a path that leads out of the folder.
    pub(crate) fn path(&self, path: &str) -> Option<PathBuf> {
        Some(self.folder.join(inside(path)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn snapshots_are_found_by_reference_by_commit_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        let [first, second] = ["a", "b"].map(|digit| digit.repeat(40));
        let layout = Layout::new(dir.path(), "o/n");
        let of = |revision: &str| Copy::in_cache(&layout, revision).and_then(|copy| copy.commit);
        fs::create_dir_all(layout.snapshots().join(&first)).unwrap();
        assert_eq!(of("main").as_ref(), Some(&first));
        fs::create_dir_all(layout.snapshots().join(&second)).unwrap();
        assert_eq!(of("main"), None);
        fs::create_dir_all(layout.folder().join("refs/refs")).unwrap();
        fs::write(layout.folder().join("refs/main"), format!("{second}\n")).unwrap();
        fs::write(layout.folder().join("refs/refs/x"), "../../secret").unwrap();
        assert_eq!(of("main").as_ref(), Some(&second));
        assert_eq!(of(&first).as_ref(), Some(&first));
        assert_eq!(of("refs/x"), None);
        assert_eq!(of("../refs/main"), None);
    }
}
