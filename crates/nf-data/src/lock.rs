//! One of several processes at a time, by a file that the others wait for.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// A lock that is held until it is dropped; the system lets go of it when the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    /// `None` where the file system knows no locks.
    file: Option<File>,
    /// Whether the empty file goes with the lock.
    removes_file: bool,
}

impl Lock {
    /// Waits for the lock; `waiting` is told if another holds it. The file is removed with it.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub(crate) fn wait(path: &Path, waiting: impl FnOnce()) -> Result<Self> {
        Ok(Self::wait_shared(path, waiting)?.removing_file())
    }

    /// The same for a file that other programs lock as well: it stays, since they may not see that
    /// it was removed.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub(crate) fn wait_shared(path: &Path, waiting: impl FnOnce()) -> Result<Self> {
        if let Some(lock) = Self::attempt(path)? {
            return Ok(lock);
        }
        waiting();
        loop {
            let file = open(path)?;
            file.lock()?;
            if is_still(path, &file) {
                return Ok(Self::of(path, Some(file)));
            }
        }
    }

    fn of(path: &Path, file: Option<File>) -> Self {
        Self { path: path.to_owned(), file, removes_file: false }
    }

    /// The lock, unless another holds it. The file stays.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub(crate) fn attempt(path: &Path) -> Result<Option<Self>> {
        loop {
            let file = open(path)?;
            match file.try_lock() {
                Ok(()) if is_still(path, &file) => {
                    return Ok(Some(Self::of(path, Some(file))));
                }
                // It was removed by whoever held it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) if knows_no_locks(&error) => {
                    let _ = fs::remove_file(path);
                    return Ok(Some(Self::of(path, None)));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// The same lock, with which its file goes: nothing but this program locks it.
    pub(crate) fn removing_file(mut self) -> Self {
        self.removes_file = true;
        self
    }

    /// Whether other processes are really kept out.
    pub(crate) fn excludes_others(&self) -> bool {
        self.file.is_some()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is held, so that nobody holds a file of this name that is gone. Elsewhere than
        // on Unix that could not be seen, and the empty file stays.
        if cfg!(unix) && self.removes_file && self.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

/// Network file systems may be mounted without locks.
fn knows_no_locks(error: &Error) -> bool {
    error.kind() == ErrorKind::Unsupported || error.raw_os_error() == Some(NO_LOCKS)
}

/// ENOLCK.
const NO_LOCKS: i32 = if cfg!(target_os = "linux") { 37 } else { 77 };

/// Whether the file that is open is the one of this name.
#[cfg(unix)]
fn is_still(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |meta: fs::Metadata| (meta.dev(), meta.ino());
    match (fs::metadata(path), file.metadata()) {
        (Ok(named), Ok(open)) => identity(named) == identity(open),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still(_: &Path, _: &File) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn one_at_a_time_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let held = Lock::wait(&path, || ()).unwrap();
        assert!(Lock::attempt(&path).unwrap().is_none());
        drop(held);
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock = Lock::wait(&path, || ()).unwrap();
                        assert!(lock.excludes_others());
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), usize::from(cfg!(not(unix))));
    }
}
