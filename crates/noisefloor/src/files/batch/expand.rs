//! From names, patterns and folders to files.

use super::pattern;
use anyhow::{Error, Result, anyhow, ensure};
use nf_archive::walk::{place, walk};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its name.
    pub(crate) path: PathBuf,
    /// Its name below the folder that was given; the last part of one that was given by itself.
    pub(crate) below: PathBuf,
}

impl Found {
    fn alone(path: PathBuf) -> Self {
        let below = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
        Self { path, below }
    }
}

/// What names, patterns and folders mean.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    /// The files, in order, each once.
    pub(crate) files: Vec<Found>,
    /// Names that cannot be inputs.
    pub(crate) wrong: Vec<Error>,
    /// Folders below those given that could not be read.
    pub(crate) unread: Vec<(PathBuf, Error)>,
}

/// The files that names and patterns mean, in order, each once. A name that exists is taken as it
/// is, whatever characters it has; of a pattern (`*`, `?`, `[a-z]`, `**`) only files count, sorted.
/// With `recursive`, the files below a folder count for which `takes` holds.
///
/// # Errors
/// If a pattern makes no sense, or no file fits it.
pub(crate) fn expand(names: &[PathBuf], recursive: bool, takes: fn(&Path) -> bool) -> Result<Expanded> {
    let mut found = Expanded::default();
    for name in names {
        let pattern = name.to_str().filter(|text| text.contains(['*', '?', '[']) && !name.exists());
        let Some(pattern) = pattern else {
            found.take(name, recursive, takes);
            continue;
        };
        let fitting = pattern::fitting(pattern)?;
        found.unread.extend(fitting.unread.into_iter().map(|(path, error)| (path, error.into())));
        let known = found.files.len();
        for path in fitting.paths {
            let below = below_pattern(pattern, &path);
            found.files.extend(path.is_file().then_some(Found { path, below }));
        }
        ensure!(found.files.len() > known, "no file fits the pattern '{pattern}'");
    }
    let mut seen = HashSet::new();
    found.files.retain(|file| seen.insert(place(&file.path)));
    Ok(found)
}

impl Expanded {
    /// One name that is no pattern.
    fn take(&mut self, name: &Path, recursive: bool, takes: fn(&Path) -> bool) {
        if name == Path::new("-") {
            return self.files.push(Found::alone(name.to_owned()));
        }
        match fs::metadata(name) {
            Err(error) => self.wrong.push(Error::new(error).context(name.display().to_string())),
            Ok(meta) if !meta.is_dir() => self.files.push(Found::alone(name.to_owned())),
            Ok(_) if !recursive => {
                self.wrong.push(anyhow!("{}: this is a folder; -r takes the files in it", name.display()));
            }
            Ok(_) => {
                let walked = walk(name, &takes, &|_| true);
                if walked.files.is_empty() && walked.failed.is_empty() {
                    let reason = match walked.others {
                        0 => "there is no file in this folder".to_owned(),
                        others => format!("none of the {others} files in this folder is one to take"),
                    };
                    self.wrong.push(anyhow!("{}: {reason}", name.display()));
                }
                for path in walked.files {
                    let below = path.strip_prefix(name).unwrap_or(&path).to_owned();
                    self.files.push(Found { path, below });
                }
                self.unread.extend(walked.failed.into_iter().map(|(path, error)| (path, error.into())));
            }
        }
    }
}

/// The part of a file's name that a pattern left open, and what follows.
fn below_pattern(pattern: &str, path: &Path) -> PathBuf {
    let fixed: PathBuf = Path::new(pattern)
        .components()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']))
        .collect();
    path.strip_prefix(&fixed).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::kinds::is_fits;

    #[test]
    fn patterns_are_files_in_order_each_once() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for name in ["b.fits", "a.fits", "c.txt", "d[1].fits", ".hidden.fits"] {
            fs::write(folder.path().join(name), name).expect("it can be written to");
        }
        fs::create_dir(folder.path().join("e.fits")).expect("a folder can be made");
        fs::write(folder.path().join("e.fits/f.fits"), "").expect("it can be written to");
        let expanded = |names: &[&str], recursive: bool| -> Result<Vec<String>> {
            let names: Vec<_> = names.iter().map(|name| folder.path().join(name)).collect();
            let Expanded { files, wrong, unread } = expand(&names, recursive, is_fits)?;
            assert!(unread.is_empty());
            match wrong.into_iter().next() {
                Some(wrong) => Err(wrong),
                None => Ok(files.iter().map(|file| file.below.display().to_string()).collect()),
            }
        };
        assert_eq!(expanded(&["*.fits"], false).expect("some fit"), ["a.fits", "b.fits", "d[1].fits"]);
        assert_eq!(expanded(&["b.fits", "?.fits"], false).expect("some fit"), ["b.fits", "a.fits"]);
        assert_eq!(expanded(&["d[1].fits"], false).expect("it is a name"), ["d[1].fits"]);
        assert_eq!(expanded(&["*/*.fits"], false).expect("one fits"), ["e.fits/f.fits"]);
        assert!(expanded(&["absent.fits"], false).is_err());
        assert!(expanded(&["e.fits"], false).is_err_and(|error| error.to_string().contains("-r takes")));
        assert_eq!(expanded(&["e.fits"], true).expect("there is one"), ["f.fits"]);
        let all = expanded(&["", "a.fits"], true).expect("there are four");
        assert_eq!(all, ["a.fits", "b.fits", "d[1].fits", "e.fits/f.fits"]);
        assert!(expanded(&["*.fz"], false).is_err_and(|error| error.to_string().contains("no file fits")));
        assert!(expanded(&["***"], false).is_err());
    }
}
