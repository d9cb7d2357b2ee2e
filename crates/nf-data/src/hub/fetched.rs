//! What this project has fetched into a cache, and what of it goes first when there is too much.
//!
//! The cache may be shared with other clients of the hub, whose files are not ours to remove. So
//! every blob that we fetch has a mark, `.noisefloor/fetched/DIGEST`, which says when it was
//! finished and which links we made to it. A blob without a mark, of another time, or with a link
//! that we did not make stays.

use super::client::RemoteFile;
use super::layout::Layout;
use crate::lock::Lock;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Debug, Default, Deserialize, Serialize)]
struct Mark {
    /// Modification time of the blob in nanoseconds since 1970; `None` while it is unfinished.
    finished_ns: Option<u64>,
    /// Links that were made to it, below `snapshots`.
    links: BTreeSet<PathBuf>,
}

/// The files that this project has fetched into a repository's folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetched<'a>(pub(super) &'a Layout);

impl Fetched<'_> {
    fn folder(&self) -> PathBuf {
        self.0.own().join("fetched")
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder().join(digest)
    }

    /// Makes the folder of marks. Where there was none, and no snapshots, an earlier version of
    /// this project has fetched all that is there.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn prepare(&self) -> std::io::Result<()> {
        if self.folder().is_dir() {
            return Ok(());
        }
        let is_former = !self.0.snapshots().exists();
        for entry in fs::read_dir(self.0.blobs()).into_iter().flatten().flatten().filter(|_| is_former) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let digest = name.split('.').next().unwrap_or_default();
            if super::is_hash(digest) {
                let is_whole = digest == name;
                let finished_ns = is_whole.then(|| modified_ns(&entry.path())).flatten();
                self.write(digest, &Mark { finished_ns, ..Mark::default() })?;
                if let (Some(used), Ok(mark)) =
                    (finished_ns, File::options().append(true).open(self.path(digest)))
                {
                    let _ = mark.set_modified(UNIX_EPOCH + std::time::Duration::from_nanos(used));
                }
            }
        }
        fs::create_dir_all(self.folder())
    }

    fn read(&self, digest: &str) -> Option<Mark> {
        serde_json::from_str(&fs::read_to_string(self.path(digest)).ok()?).ok()
    }

    fn write(&self, digest: &str, mark: &Mark) -> std::io::Result<()> {
        let text = serde_json::to_string(mark).expect("numbers and paths of text are JSON");
        self.0.write(&self.path(digest), text.as_bytes())
    }

    /// Notes that a blob is being fetched.
    ///
    /// # Errors
    /// If that cannot be written.
    pub(super) fn begin(&self, digest: &str) -> std::io::Result<()> {
        let links = self.read(digest).unwrap_or_default().links;
        self.write(digest, &Mark { finished_ns: None, links })
    }

    /// Notes that a blob is whole.
    ///
    /// # Errors
    /// If that cannot be written.
    pub(super) fn finish(&self, digest: &str) -> std::io::Result<()> {
        let links = self.read(digest).unwrap_or_default().links;
        self.write(digest, &Mark { finished_ns: modified_ns(&self.0.blob(digest)), links })
    }

    /// Notes that a blob is used now; a failure costs only the order in which files are dropped.
    pub(super) fn touch(&self, digest: &str) {
        if let Ok(mark) = File::options().append(true).open(self.path(digest)) {
            let _ = mark.set_modified(SystemTime::now());
        }
    }

    /// Makes a blob found under its path in a commit. That others do not find it is no error.
    pub(super) fn link(&self, commit: &str, file: &RemoteFile) {
        let made = self.0.link(commit, &file.path, &file.digest);
        let noted = made.and_then(|is_new| match self.read(&file.digest).filter(|_| is_new) {
            Some(mut mark) => {
                mark.links.insert(Path::new(commit).join(file.path.trim_start_matches("./")));
                self.write(&file.digest, &mark)
            }
            None => Ok(()),
        });
        if let Err(error) = noted {
            tracing::debug!("{}: other clients will not find it: {error}", file.path);
        }
    }

    /// Drops the least recently used files until `file` fits in with the others; what `is_busy`
    /// stays.
    ///
    /// # Errors
    /// If the file alone is larger than what they may take.
    pub(super) fn make_space(
        &self,
        file: &RemoteFile,
        budget_bytes: u64,
        is_busy: &dyn Fn(&str) -> bool,
    ) -> Result<()> {
        if file.size_bytes > budget_bytes {
            let (size, variable) = (file.size_bytes, super::BUDGET_VARIABLE);
            let reason = format!("{size} bytes, the budget is {budget_bytes}; {variable} sets another");
            return Err(Error::missing(file.path.clone(), reason));
        }
        let mut held: Vec<(SystemTime, u64, String)> = vec![];
        for entry in fs::read_dir(self.folder()).into_iter().flatten().flatten() {
            let digest = entry.file_name().to_string_lossy().into_owned();
            if digest != file.digest && super::is_hash(&digest) {
                let used = entry.metadata().and_then(|meta| meta.modified()).unwrap_or(UNIX_EPOCH);
                held.push((used, self.files_of(&digest).map(|(_, bytes)| bytes).sum(), digest));
            }
        }
        held.sort();
        let mut total = held.iter().fold(0u64, |sum, (_, bytes, _)| sum.saturating_add(*bytes));
        let mut links = None;
        for (_, bytes, digest) in held {
            if total.saturating_add(file.size_bytes) <= budget_bytes {
                break;
            }
            // What this or another process is fetching stays.
            if is_busy(&digest) {
                continue;
            }
            let Ok(Some(_lock)) = Lock::attempt(&self.0.lock(&digest)) else { continue };
            self.drop_blob(&digest, links.get_or_insert_with(|| self.0.links()));
            total = total.saturating_sub(bytes);
        }
        Ok(())
    }

    /// The files of a blob: itself, and what was begun of it.
    fn files_of(&self, digest: &str) -> impl Iterator<Item = (PathBuf, u64)> {
        [self.0.blob(digest), self.0.part(digest)].into_iter().filter_map(|path| {
            let meta = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
            Some((path, meta.len()))
        })
    }

    /// Removes a blob and the links to it; if others use it, only its mark.
    fn drop_blob(&self, digest: &str, links: &BTreeMap<String, Vec<PathBuf>>) {
        let Some(mark) = self.read(digest) else { return };
        let snapshots = self.0.snapshots();
        let whole = self.0.blob(digest);
        let is_ours =
            |link: &PathBuf| link.strip_prefix(&snapshots).is_ok_and(|link| mark.links.contains(link));
        let all = links.get(digest).map_or(&[][..], Vec::as_slice);
        let is_other = fs::symlink_metadata(&whole).is_ok() && modified_ns(&whole) != mark.finished_ns;
        if !is_other && all.iter().all(is_ours) {
            for link in &mark.links {
                let place = snapshots.join(link);
                let _ = fs::remove_file(&place);
                // Folders that are empty now, up to the commit's.
                let up = place.ancestors().skip(1).take_while(|folder| *folder != snapshots);
                up.for_each(|folder| drop(fs::remove_dir(folder)));
            }
            for (path, _) in self.files_of(digest) {
                if fs::remove_file(&path).is_ok() {
                    tracing::debug!("dropped {} to stay within the budget", path.display());
                }
            }
        }
        let _ = fs::remove_file(self.path(digest));
    }
}

fn modified_ns(path: &Path) -> Option<u64> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    u64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(digit: char) -> RemoteFile {
        let digest = digit.to_string().repeat(64);
        RemoteFile {
            path: format!("data/{digit}.fits"),
            size_bytes: 100,
            git_blob: String::new(),
            xet_hash: None,
            digest,
        }
    }

    fn put(layout: &Layout, file: &RemoteFile, links: &[&str]) {
        let fetched = Fetched(layout);
        fs::create_dir_all(layout.blobs()).unwrap();
        fs::create_dir_all(layout.locks()).unwrap();
        fetched.prepare().unwrap();
        fetched.begin(&file.digest).unwrap();
        fs::write(layout.blob(&file.digest), [0; 100]).unwrap();
        fetched.finish(&file.digest).unwrap();
        links.iter().for_each(|commit| fetched.link(commit, file));
    }

    #[cfg(unix)]
    #[test]
    fn only_what_we_fetched_is_dropped_with_its_links() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), "o/n");
        let here = |digit| layout.blob(&file(digit).digest).exists();
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        // Ours; ours with a link that another made; another's; ours, and made anew by another.
        put(&layout, &file('a'), &[&one, &two]);
        put(&layout, &file('b'), &[&one]);
        assert!(layout.link(&two, "elsewhere.fits", &file('b').digest).unwrap());
        fs::write(layout.blob(&file('c').digest), [0; 100]).unwrap();
        put(&layout, &file('d'), &[&one]);
        let blob = File::options().append(true).open(layout.blob(&file('d').digest)).unwrap();
        blob.set_modified(SystemTime::now() + std::time::Duration::from_secs(9)).unwrap();

        Fetched(&layout).make_space(&file('e'), 150, &|_| false).unwrap();
        assert_eq!(['a', 'b', 'c', 'd'].map(here), [false, true, true, true]);
        let left = layout.links();
        assert_eq!(left.keys().cloned().collect::<Vec<_>>(), ['b', 'd'].map(|digit| file(digit).digest));
        assert!(left.values().flatten().all(|link| fs::metadata(link).is_ok()), "no link leads nowhere");
        assert!(layout.snapshots().join(&two).join("elsewhere.fits").exists());
        // What turned out to be another's is not counted any more.
        assert_eq!(fs::read_dir(layout.own().join("fetched")).unwrap().count(), 0);

        let error = Fetched(&layout).make_space(&file('e'), 99, &|_| false).unwrap_err().to_string();
        assert!(error.contains("100 bytes, the budget is 99; NOISEFLOOR_CACHE_GB"), "{error}");
    }

    #[test]
    fn what_is_busy_or_locked_stays_and_older_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), "o/n");
        for digit in ['a', 'b', 'c', 'd'] {
            put(&layout, &file(digit), &[]);
            std::thread::sleep(std::time::Duration::from_millis(15));
        }
        Fetched(&layout).touch(&file('c').digest);
        let _held = Lock::attempt(&layout.lock(&file('b').digest)).unwrap().unwrap();
        let busy = file('a').digest;
        Fetched(&layout).make_space(&file('e'), 400, &|digest| digest == busy).unwrap();
        let here = |digit| layout.blob(&file(digit).digest).exists();
        assert_eq!(['a', 'b', 'c', 'd'].map(here), [true, true, true, false]);
    }

    #[test]
    fn files_of_earlier_versions_are_ours_where_nobody_else_was() {
        for is_shared in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let layout = Layout::new(dir.path(), "o/n");
            fs::create_dir_all(layout.blobs()).unwrap();
            fs::create_dir_all(layout.locks()).unwrap();
            fs::write(layout.blob(&file('a').digest), [0; 100]).unwrap();
            if is_shared {
                fs::create_dir_all(layout.snapshots()).unwrap();
            }
            Fetched(&layout).prepare().unwrap();
            Fetched(&layout).make_space(&file('e'), 100, &|_| false).unwrap();
            assert_eq!(layout.blob(&file('a').digest).exists(), is_shared);
        }
    }
}
