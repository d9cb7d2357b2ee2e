//! Files of frames, and datasets by their names: what the verbs take that measure.

use super::expand::{Expanded, expand};
use anyhow::{Error, Result};
use nf_archive::walk::place;
use nf_profile::library;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The inputs.
#[derive(clap::Args)]
pub(crate) struct DataInputs {
    /// Frames, patterns such as 'night/*.fits', folders (those in them with -r), manifests, or
    /// datasets: NAME[/VIEW][@SPLIT]
    #[arg(value_name = "INPUT")]
    names: Vec<PathBuf>,
    /// Take the frames in folders, at any depth
    #[arg(short, long)]
    recursive: bool,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// A file that exists.
    File(PathBuf),
    /// What `nf_data::open` understands: a folder, a manifest, a dataset; or the name of nothing.
    Data(PathBuf),
    /// The standard input.
    Stream,
}

impl DataInputs {
    /// The names as they were given.
    pub(crate) fn names(&self) -> &[PathBuf] {
        &self.names
    }

    /// What is meant, in order, each file once; a name that cannot be used costs itself only.
    pub(crate) fn meant(&self) -> Vec<Result<Meant>> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for name in &self.names {
            match self.of_name(name) {
                Err(error) => all.push(Err(error)),
                Ok(found) => all.extend(found.into_iter().filter(|meant| match meant {
                    Ok(Meant::File(path)) => seen.insert(place(path)),
                    _ => true,
                })),
            }
        }
        all
    }

    fn of_name(&self, name: &PathBuf) -> Result<Vec<Result<Meant>>> {
        if name == Path::new("-") {
            return Ok(vec![Ok(Meant::Stream)]);
        }
        let is_pattern = !name.exists() && name.to_string_lossy().contains(['*', '?', '[']);
        if !(is_pattern || self.recursive && name.is_dir()) {
            let is_file = name.is_file() && name.extension().is_none_or(|ending| ending != "toml");
            if is_file {
                library::look_beside(name);
            } else if name.is_dir() {
                library::look_in(name);
            }
            return Ok(vec![Ok(if is_file { Meant::File(name.clone()) } else { Meant::Data(name.clone()) })]);
        }
        let Expanded { files, wrong, unread } = expand(std::slice::from_ref(name), true, is_image)?;
        let unread = unread.into_iter().map(|(path, error)| error.context(path.display().to_string()));
        let failed = wrong.into_iter().chain(unread).map(|error: Error| Err(error));
        files.iter().for_each(|file| library::look_beside(&file.path));
        Ok(files.into_iter().map(|file| Ok(Meant::File(file.path))).chain(failed).collect())
    }
}

fn is_image(path: &Path) -> bool {
    path.file_name().is_some_and(|name| nf_data::is_image_name(&name.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_patterns_folders_and_datasets() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("night/deep")).expect("folders can be made");
        for name in ["night/a.fits", "night/b.txt", "night/deep/c.npy", "own.toml"] {
            fs::write(path(name), "").expect("it can be written to");
        }
        let meant = |names: &[&str], recursive: bool| -> Vec<String> {
            let names =
                names.iter().map(|name| if name.contains('/') { path(name) } else { PathBuf::from(name) });
            let inputs = DataInputs { names: names.collect(), recursive };
            let below = |path: &Path| path.strip_prefix(folder.path()).unwrap_or(path).display().to_string();
            let word = |meant: Result<Meant>| match meant {
                Ok(Meant::File(path)) => format!("file {}", below(&path)),
                Ok(Meant::Data(path)) => format!("data {}", below(&path)),
                Ok(Meant::Stream) => "-".to_owned(),
                Err(_) => "wrong".to_owned(),
            };
            inputs.meant().into_iter().map(word).collect()
        };
        assert_eq!(meant(&["night/", "sim-lco", "-"], false), ["data night", "data sim-lco", "-"]);
        assert_eq!(meant(&["night/"], true), ["file night/a.fits", "file night/deep/c.npy"]);
        assert_eq!(
            meant(&["night/*.fits", "night/a.fits", "night/*.fz"], false),
            ["file night/a.fits", "wrong"]
        );
        assert_eq!(meant(&["./own.toml", "nowhere/a.fits"], true), ["data own.toml", "data nowhere/a.fits"]);
    }
}
