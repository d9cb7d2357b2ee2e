//! Where a repository's files lie in a cache of the hub's clients.
//!
//! ```text
//! CACHE/.locks/datasets--OWNER--NAME/DIGEST.lock   held by whoever fetches the blob
//! CACHE/datasets--OWNER--NAME/
//!   blobs/DIGEST                whole files under the digests that the hub states (its ETags)
//!   refs/REVISION               the commit that a branch or tag stood for when the hub was asked
//!   snapshots/COMMIT/PATH       links to the blobs
//!   trees/COMMIT.json           the files of a commit
//! ```
//!
//! `blobs/DIGEST.part` and the folder `.noisefloor` are ours; other clients pass over them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Result, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder of one repository in a cache.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    root: PathBuf,
    name: String,
}

impl Layout {
    pub(super) fn new(root: &Path, repository: &str) -> Self {
        Self { root: root.to_owned(), name: crate::file_stem(&cache_name(repository)) }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.folder().join("blobs")
    }

    pub(super) fn blob(&self, digest: &str) -> PathBuf {
        self.blobs().join(digest)
    }

    /// What was begun of a blob.
    pub(super) fn part(&self, digest: &str) -> PathBuf {
        self.blobs().join(format!("{digest}.part"))
    }

    pub(super) fn locks(&self) -> PathBuf {
        self.root.join(".locks").join(&self.name)
    }

    /// The file that is locked while a blob is fetched, by other clients of the hub as well.
    pub(super) fn lock(&self, digest: &str) -> PathBuf {
        self.locks().join(format!("{digest}.lock"))
    }

    /// `None` for a revision that is no path.
    pub(super) fn reference(&self, revision: &str) -> Option<PathBuf> {
        Some(self.folder().join("refs").join(inside(revision)?))
    }

    /// Where the project kept it before it wrote this layout.
    pub(super) fn former_reference(&self, revision: &str) -> PathBuf {
        self.folder().join("refs").join(crate::file_stem(&revision.replace('/', "--")))
    }

    pub(super) fn tree(&self, commit: &str) -> PathBuf {
        self.folder().join("trees").join(format!("{commit}.json"))
    }

    pub(super) fn snapshots(&self) -> PathBuf {
        self.folder().join("snapshots")
    }

    /// Where a file of a commit is found by its path; `None` for a path that leads elsewhere.
    pub(super) fn snapshot(&self, commit: &str, path: &str) -> Option<PathBuf> {
        Some(self.snapshots().join(commit).join(inside(path)?))
    }

    /// What only this project keeps there.
    pub(super) fn own(&self) -> PathBuf {
        self.folder().join(".noisefloor")
    }

    /// The footer of a Parquet file that need not be here.
    pub(super) fn footer(&self, digest: &str) -> PathBuf {
        self.own().join("footers").join(digest)
    }

    /// Makes a blob found under its path in a commit. Whether that was new.
    ///
    /// # Errors
    /// If neither a link nor another name of the same file can be made.
    pub(super) fn link(&self, commit: &str, path: &str, digest: &str) -> Result<bool> {
        let wrong = || std::io::Error::new(ErrorKind::InvalidInput, "leads out of the snapshot");
        let place = self.snapshot(commit, path).ok_or_else(wrong)?;
        match fs::symlink_metadata(&place) {
            // A link to a blob that is gone is made anew.
            Ok(meta) if meta.is_symlink() && fs::read_link(&place)?.file_name() != Some(digest.as_ref()) => {
                fs::remove_file(&place)?;
            }
            Ok(_) => return Ok(false),
            Err(_) => {}
        }
        let folder = place.parent().ok_or_else(wrong)?;
        fs::create_dir_all(folder)?;
        // Relative, so that the cache can be moved: up to the repository's folder and down again.
        let is_name = |part: &Component<'_>| matches!(part, Component::Normal(_));
        let depth = Path::new(path).components().filter(is_name).count();
        let target: PathBuf = std::iter::repeat_n("..", depth + 1).chain(["blobs", digest]).collect();
        match symlink(&target, &place) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(_) => fs::hard_link(self.blob(digest), &place).map(|()| true),
        }
    }

    /// All links of all commits, by the digests that they lead to.
    pub(super) fn links(&self) -> BTreeMap<String, Vec<PathBuf>> {
        let mut links: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let mut folders = vec![self.snapshots()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(kind) if kind.is_symlink() => {
                        let target = fs::read_link(entry.path()).ok();
                        let name = target.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
                        if let Some(digest) = name {
                            links.entry(digest.to_owned()).or_default().push(entry.path());
                        }
                    }
                    _ => {}
                }
            }
        }
        links
    }

    /// Writes a small file whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let folder = self.own();
        fs::create_dir_all(&folder)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        // Not beside the file: other clients take what lies in `refs` for a revision.
        let (part, mut out) = loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let part = folder.join(format!("{}-{number}.part", std::process::id()));
            match fs::File::create_new(&part) {
                Ok(out) => break (part, out),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        };
        let written = out.write_all(bytes).and_then(|()| fs::rename(&part, path));
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written
    }
}

#[cfg(unix)]
fn symlink(target: &Path, place: &Path) -> Result<()> {
    std::os::unix::fs::symlink(target, place)
}

#[cfg(windows)]
fn symlink(target: &Path, place: &Path) -> Result<()> {
    std::os::windows::fs::symlink_file(target, place)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// The name under which clients of the hub keep a repository.
pub(super) fn cache_name(repository: &str) -> String {
    format!("datasets--{}", repository.replace('/', "--"))
}

/// A path from a list, if it stays below the folder that it is joined to.
pub(super) fn inside(path: &str) -> Option<&Path> {
    let path = Path::new(path);
    let is_plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    (path.components().all(is_plain) && path.components().count() > 0).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        for path in ["", "..", "a/../../b", "/etc/passwd", "../x"] {
            assert_eq!(inside(path), None, "{path}");
        }
        assert_eq!(inside("./data/a.fits"), Some(Path::new("./data/a.fits")));
    }

    #[test]
    fn files_are_found_by_their_path_through_relative_links() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), "owner/name");
        let (commit, digest) = ("c".repeat(40), "d".repeat(64));
        fs::create_dir_all(layout.blobs()).unwrap();
        fs::write(layout.blob(&digest), "pixels").unwrap();
        assert!(layout.link(&commit, "./data/LCO/a.fits", &digest).unwrap());
        assert!(!layout.link(&commit, "data/LCO/a.fits", &digest).unwrap());
        assert!(layout.link(&commit, "../../../etc/passwd", &digest).is_err());
        let found = dir.path().join(format!("datasets--owner--name/snapshots/{commit}/data/LCO/a.fits"));
        assert_eq!(fs::read_to_string(&found).unwrap(), "pixels");
        if cfg!(unix) {
            let target = fs::read_link(&found).unwrap();
            assert_eq!(target, Path::new("../../../../blobs").join(&digest));
            assert_eq!(layout.links(), [(digest, vec![found])].into());
        }
    }

    #[test]
    fn revisions_with_slashes_are_folders() {
        let layout = Layout::new(Path::new("/c"), "o/n");
        let reference = |revision: &str| layout.reference(revision);
        assert_eq!(
            reference("refs/convert/parquet"),
            Some("/c/datasets--o--n/refs/refs/convert/parquet".into())
        );
        assert_eq!(reference("../../x"), None);
    }
}
