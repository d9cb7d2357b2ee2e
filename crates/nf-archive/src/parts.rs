//! Files that are being written, under temporary names `.noisefloor-*.part`.
//!
//! A part goes when its writer fails or is interrupted. One whose process was killed stays; the
//! next run that writes into the folder removes it. What tells the two apart is a lock: the writer
//! holds it as long as it lives.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;

const PREFIX: &str = ".noisefloor-";
const SUFFIX: &str = ".part";

/// The parts of this process, which an interruption removes.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
/// The folders that this process has looked through.
static CLEANED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn locked(set: &Mutex<BTreeSet<PathBuf>>) -> MutexGuard<'_, BTreeSet<PathBuf>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that has no final name yet; it is removed when it is dropped before [`Part::finish`].
pub(crate) struct Part {
    file: NamedTempFile,
    _listed: Listed,
}

/// An entry of [`UNFINISHED`].
struct Listed(PathBuf);

impl Drop for Listed {
    fn drop(&mut self) {
        locked(&UNFINISHED).remove(&self.0);
    }
}

impl Part {
    /// An empty file in `folder`; `mode` are its permissions where the system knows such.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn begin(folder: &Path, mode: Option<u32>) -> io::Result<Self> {
        let folder = fs::canonicalize(folder)?;
        if locked(&CLEANED).insert(folder.clone()) {
            remove_abandoned(&folder);
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        if let Some(mode) = mode {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(mode));
        }
        #[cfg(not(unix))]
        let _ = mode;
        loop {
            let file = builder.tempfile_in(&folder)?;
            // Where files cannot be locked, nobody else can lock this one either, and it is left
            // alone.
            let _ = file.as_file().lock();
            // Another run may have taken it for abandoned in the moment before the lock.
            if file.path().try_exists().unwrap_or(true) {
                locked(&UNFINISHED).insert(file.path().to_owned());
                let listed = Listed(file.path().to_owned());
                return Ok(Self { file, _listed: listed });
            }
        }
    }

    pub(crate) fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Gives the file its final name.
    ///
    /// # Errors
    /// If the system refuses, or there is such a file and `force` is not given.
    pub(crate) fn finish(self, path: &Path, force: bool) -> io::Result<()> {
        let persisted = if force { self.file.persist(path) } else { self.file.persist_noclobber(path) };
        persisted.map(drop).map_err(|error| error.error)
    }
}

/// Removes the parts of this process, which is about to end.
pub fn remove_unfinished() {
    for path in &*locked(&UNFINISHED) {
        // There is nobody left to tell.
        let _ = fs::remove_file(path);
    }
}

/// Removes the parts in `folder` whose processes are gone; what cannot be opened or locked is left
/// alone.
pub fn remove_abandoned(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let is_part = name.starts_with(PREFIX.as_bytes()) && name.ends_with(SUFFIX.as_bytes());
        if !is_part || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
            && fs::remove_file(entry.path()).is_ok()
        {
            tracing::debug!("{}: removed, its process is gone", entry.path().display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(folder: &Path) -> usize {
        fs::read_dir(folder).expect("a folder").count()
    }

    #[test]
    fn parts_without_a_process_go_and_others_stay() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        for name in [".noisefloor-dead.part", "other.part", ".noisefloor-x.txt"] {
            fs::write(path(name), name).expect("it can be written to");
        }
        fs::create_dir(path(".noisefloor-folder.part")).expect("a folder");
        let alive = File::create(path(".noisefloor-alive.part")).expect("a file");
        alive.lock().expect("it can be locked");
        let mut part = Part::begin(folder.path(), None).expect("a part");
        assert_eq!(parts(folder.path()), 5, "the dead one is gone, and there is ours");
        assert!(path(".noisefloor-alive.part").exists() && !path(".noisefloor-dead.part").exists());
        io::Write::write_all(part.file(), b"all").expect("it can be written to");
        part.finish(&path("done"), false).expect("there is none");
        assert_eq!(fs::read(path("done")).expect("it is there"), b"all");
        drop(Part::begin(folder.path(), None).expect("a part"));
        assert_eq!(parts(folder.path()), 5, "a part that is not finished is removed");
        let refused = Part::begin(folder.path(), None).expect("a part").finish(&path("done"), false);
        assert!(refused.is_err() && parts(folder.path()) == 5);
        assert!(locked(&UNFINISHED).iter().all(|part| !part.starts_with(folder.path())));
    }
}
