//! The names that a pattern fits (`*`, `?`, `[a-z]`, and `**` for folders of any depth).
//!
//! The crate `glob` matches single names; it does not walk folders here, because it fails as a
//! whole at the first name that is no UTF-8.

use anyhow::{Context, Result};
use glob::{MatchOptions, Pattern};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// What a pattern means.
#[derive(Debug, Default)]
pub(super) struct Fitting {
    /// What it fits, sorted folder by folder.
    pub(super) paths: Vec<PathBuf>,
    /// Folders that could not be read.
    pub(super) unread: Vec<(PathBuf, io::Error)>,
}

/// All that a pattern fits. Hidden names are fitted only by a part that begins with a dot.
///
/// # Errors
/// If the pattern makes no sense.
pub(super) fn fitting(pattern: &str) -> Result<Fitting> {
    let parts: Vec<Part> = Path::new(pattern)
        .components()
        .map(Part::of)
        .collect::<Result<_>>()
        .with_context(|| format!("the pattern '{pattern}'"))?;
    let mut found = Fitting::default();
    found.take(Path::new(""), &parts);
    Ok(found)
}

/// One part of a path.
enum Part {
    /// As it stands.
    Name(PathBuf),
    /// Names that fit.
    Names(Pattern),
    /// Folders of any depth, none included.
    AnyFolders,
}

impl Part {
    fn of(component: Component<'_>) -> Result<Self> {
        let text = component.as_os_str().to_string_lossy();
        Ok(match &*text {
            "**" => Self::AnyFolders,
            text if text.contains(['*', '?', '[']) => Self::Names(Pattern::new(text)?),
            _ => Self::Name(component.as_os_str().into()),
        })
    }
}

impl Fitting {
    /// Takes what the parts fit below a folder, of which the empty path is the working folder.
    fn take(&mut self, folder: &Path, parts: &[Part]) {
        let Some((part, rest)) = parts.split_first() else {
            return self.paths.push(folder.to_owned());
        };
        let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
        match part {
            Part::Name(name) => {
                let path = folder.join(name);
                if path.symlink_metadata().is_ok() {
                    self.take(&path, rest);
                }
            }
            Part::Names(pattern) => {
                for path in self.entries(folder) {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    if pattern.matches_with(&name, options) && (rest.is_empty() || path.is_dir()) {
                        self.take(&path, rest);
                    }
                }
            }
            Part::AnyFolders => {
                if !rest.is_empty() {
                    self.take(folder, rest);
                }
                for path in self.entries(folder) {
                    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
                    // Links may lead in a circle.
                    let is_folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
                    if !hidden && is_folder {
                        self.take(&path, parts);
                    } else if !hidden && rest.is_empty() {
                        self.paths.push(path);
                    }
                }
            }
        }
    }

    /// What a folder holds, sorted by name.
    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        let read = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let names: io::Result<Vec<_>> =
            fs::read_dir(read).and_then(|entries| entries.map(|e| Ok(e?.file_name())).collect());
        match names {
            Ok(mut names) => {
                names.sort();
                names.into_iter().map(|name| folder.join(name)).collect()
            }
            Err(error) => {
                if folder.is_dir() {
                    self.unread.push((folder.to_owned(), error));
                }
                vec![]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_fit_names_folders_and_any_depth() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["a/b/c", ".h", "d"] {
            fs::create_dir_all(path(name)).expect("a folder can be made");
        }
        for name in ["x.fits", "a/x.fits", "a/b/y.fits", "a/b/c/x.fits", ".h/x.fits", "d/.x.fits"] {
            fs::write(path(name), "").expect("it can be written to");
        }
        let found = |pattern: &str| -> Vec<String> {
            let pattern = path(pattern).display().to_string();
            let found = fitting(&pattern).expect("a pattern");
            assert!(found.unread.is_empty());
            let below = |path: &PathBuf| path.strip_prefix(folder.path()).expect("below").to_owned();
            found.paths.iter().map(|path| below(path).display().to_string()).collect()
        };
        assert_eq!(found("*.fits"), ["x.fits"]);
        assert_eq!(found("?/*.fits"), ["a/x.fits"]);
        assert_eq!(found("**/*.fits"), ["x.fits", "a/x.fits", "a/b/y.fits", "a/b/c/x.fits"]);
        assert_eq!(found("a/**/x.fits"), ["a/x.fits", "a/b/c/x.fits"]);
        assert_eq!(found(".h/*"), [".h/x.fits"]);
        assert_eq!(found("[a-c]/b/*"), ["a/b/c", "a/b/y.fits"]);
        assert_eq!(found("*/z*"), Vec::<String>::new());
        assert!(fitting("a/***").is_err() && fitting("[").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_are_fitted_and_harm_no_other() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let odd = folder.path().join(OsStr::from_bytes(b"z\xff.fits"));
        let odd_folder = folder.path().join(OsStr::from_bytes(b"\xfe"));
        fs::create_dir(&odd_folder).expect("a folder can be made");
        let inside = odd_folder.join("t.fits");
        let good = folder.path().join("ok.fits");
        for path in [&odd, &inside, &good] {
            fs::write(path, "").expect("it can be written to");
        }
        let all = |pattern: &str| {
            fitting(&folder.path().join(pattern).display().to_string()).expect("a pattern").paths
        };
        assert_eq!(all("*.fits"), [good.clone(), odd]);
        assert_eq!(all("o*.fits"), [good]);
        assert_eq!(all("*/t.fits"), [inside]);
    }
}
