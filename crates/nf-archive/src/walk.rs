//! The files below a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a walk met.
#[derive(Debug, Default)]
pub struct Walk {
    /// Files that were wanted, sorted by name.
    pub files: Vec<PathBuf>,
    /// Files that were not.
    pub others: u64,
    /// Folders and entries that could not be read.
    pub failed: Vec<(PathBuf, io::Error)>,
}

/// The files below `folder`, at any depth, for which `wanted` holds.
///
/// Hidden entries are passed over, links to folders are not followed (they may lead in a circle),
/// and a folder that cannot be read is told and does not end the walk.
pub fn walk(folder: &Path, wanted: &dyn Fn(&Path) -> bool, enter: &dyn Fn(&Path) -> bool) -> Walk {
    let mut found = Walk::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                found.failed.push((folder, error));
                continue;
            }
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    found.failed.push((folder.clone(), error));
                    break;
                }
            };
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    if enter(&path) {
                        folders.push(path);
                    }
                }
                // Of a link, what it leads to counts.
                Ok(kind) if kind.is_file() || kind.is_symlink() && path.is_file() => {
                    if wanted(&path) {
                        found.files.push(path);
                    } else {
                        found.others += 1;
                    }
                }
                Ok(_) => {}
                Err(error) => found.failed.push((path, error)),
            }
        }
    }
    found.files.sort();
    found
}

/// The same for all names of one file, as far as the system can tell.
pub fn place(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let in_folder = || Some(fs::canonicalize(folder).ok()?.join(path.file_name()?));
    fs::canonicalize(path).ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_at_any_depth_in_order_and_nothing_hidden() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["b/deep", "a", ".hidden", "out"] {
            fs::create_dir_all(path(name)).expect("a folder can be made");
        }
        for name in ["z.fits", "b/deep/y.fits", "a/x.txt", ".hidden/w.fits", ".v.fits", "out/u.fits"] {
            fs::write(path(name), name).expect("it can be written to");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path(), path("a/circle")).expect("a link can be made");
            std::os::unix::fs::symlink(path("z.fits"), path("a/link.fits")).expect("a link can be made");
        }
        let is_fits = |path: &Path| path.extension().is_some_and(|ending| ending == "fits");
        let found = walk(folder.path(), &is_fits, &|folder| !folder.ends_with("out"));
        let mut expected = vec![path("b/deep/y.fits"), path("z.fits")];
        if cfg!(unix) {
            expected.insert(0, path("a/link.fits"));
        }
        assert_eq!((found.files, found.others, found.failed.len()), (expected, 1, 0));
        assert_eq!(walk(&path("absent"), &is_fits, &|_| true).failed.len(), 1);
    }
}
