//! A local folder of files, as a dataset.

use crate::manifest::{FileEntry, list};
use crate::reader::{ImageFile, image_stem};
use crate::sha256::sha256_of_file;
use crate::view::{HduChoice, PlaneChoice, View, centre};
use crate::{Card, Dataset, Error, Result};
use nf_image::Image16;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Files of one folder seen through a view.
#[derive(Debug)]
pub struct FolderSet {
    card: Card,
    view: View,
    files: Vec<File>,
    members: Vec<Member>,
}

/// One file, with the digest it must have and whether that has been seen to be so.
#[derive(Debug)]
struct File {
    path: PathBuf,
    sha256: Option<String>,
    checked: OnceLock<()>,
}

/// One image of one file.
#[derive(Debug)]
struct Member {
    name: String,
    file: usize,
    stack: usize,
    /// The only plane taken, or all.
    plane: Option<usize>,
}

impl FolderSet {
    /// The images of `files` of `folder`; with no file listed, of every image file in the folder itself,
    /// sorted by name.
    ///
    /// # Errors
    /// If the folder or a file cannot be read, or a file holds no image.
    pub fn new(folder: &Path, files: &[FileEntry], view: View, card: Card) -> Result<Self> {
        if !folder.is_dir() {
            let reason = "no such folder; name another with --data or NOISEFLOOR_DATA";
            return Err(Error::missing(folder.display().to_string(), reason));
        }
        let mut set = Self { card, view, files: vec![], members: vec![] };
        if files.is_empty() {
            for name in every_image_file(folder)? {
                set.add(folder.join(&name), &name, None)?;
            }
        }
        for file in files {
            set.add(folder.join(&file.name), &file.name, file.sha256.clone())?;
        }
        Ok(set)
    }

    /// The images of one file.
    ///
    /// # Errors
    /// If it cannot be read or holds no image.
    pub fn of_file(path: &Path, view: View, card: Card) -> Result<Self> {
        let mut set = Self { card, view, files: vec![], members: vec![] };
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        set.add(path.to_owned(), &name, None)?;
        Ok(set)
    }

    fn add(&mut self, path: PathBuf, name: &str, sha256: Option<String>) -> Result<()> {
        let frames = ImageFile::open(&path)?;
        let stem = image_stem(name).unwrap_or(name);
        let stacks = match self.view.hdus {
            HduChoice::First => frames.stacks().min(1),
            HduChoice::All => frames.stacks(),
        };
        if stacks == 0 {
            return Err(Error::Image { path, reason: "holds no image".into() });
        }
        let file = self.files.len();
        for stack in 0..stacks {
            let name = if stacks == 1 { stem.to_owned() } else { format!("{stem}.{stack}") };
            let planes = frames.shape(stack)?.planes;
            match self.view.planes {
                PlaneChoice::Stack => self.members.push(Member { name, file, stack, plane: None }),
                PlaneChoice::Middle => {
                    self.members.push(Member { name, file, stack, plane: Some(planes / 2) });
                }
                PlaneChoice::Each => {
                    for plane in 0..planes {
                        let name = format!("{name}.p{plane:03}");
                        self.members.push(Member { name, file, stack, plane: Some(plane) });
                    }
                }
            }
        }
        self.files.push(File { path, sha256, checked: OnceLock::new() });
        Ok(())
    }
}

impl File {
    /// Compares the file with the digest that the manifest states, once.
    fn check(&self) -> Result<()> {
        let Some(expected) = &self.sha256 else { return Ok(()) };
        if self.checked.get().is_none() {
            let found = sha256_of_file(&self.path)?;
            if !found.eq_ignore_ascii_case(expected) {
                return Err(Error::Digest { path: self.path.clone(), expected: expected.clone(), found });
            }
            // Two threads may both have looked; they saw the same.
            let _ = self.checked.set(());
        }
        Ok(())
    }
}

fn every_image_file(folder: &Path) -> Result<Vec<String>> {
    let mut names = vec![];
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if image_stem(&name).is_some() {
            names.push(name);
        }
    }
    names.sort();
    if names.is_empty() {
        let reason = "the folder holds no .fits, .fits.fz, .fits.gz or .npy file";
        return Err(Error::missing(folder.display().to_string(), reason));
    }
    Ok(names)
}

/// The files of a split, in its order.
///
/// # Errors
/// If there is no such split.
pub(crate) fn files_of_split(
    manifest: &crate::Manifest,
    split: Option<&str>,
) -> Result<(String, Vec<FileEntry>)> {
    let Some(split) = split.or(manifest.default_split.as_deref()).filter(|&split| split != "all") else {
        return Ok(("all".to_owned(), manifest.files.clone()));
    };
    let names = manifest.splits.get(split).ok_or_else(|| {
        let splits = list(manifest.splits.keys());
        Error::missing(
            format!("{}@{split}", manifest.name),
            format!("no such split, there are: all, {splits}"),
        )
    })?;
    let entry = |name: &String| {
        manifest.files.iter().find(|file| file.name == *name).cloned().unwrap_or_else(|| FileEntry {
            name: name.clone(),
            sha256: None,
            instrument: None,
            licence: None,
        })
    };
    Ok((split.to_owned(), names.iter().map(entry).collect()))
}

impl Dataset for FolderSet {
    fn card(&self) -> &Card {
        &self.card
    }

    fn len(&self) -> usize {
        self.members.len()
    }

    fn name(&self, index: usize) -> String {
        self.members[index].name.clone()
    }

    fn image(&self, index: usize) -> Result<Image16> {
        let member = &self.members[index];
        let file = &self.files[member.file];
        file.check()?;
        let frames = ImageFile::open(&file.path)?;
        let shape = frames.shape(member.stack)?;
        let image = match member.plane {
            Some(plane) => frames.read(member.stack, plane..plane + 1)?,
            None => frames.read(member.stack, 0..shape.planes)?.with_axis(self.view.axis),
        };
        let (rows, columns) =
            (centre(shape.height, self.view.centre_px), centre(shape.width, self.view.centre_px));
        if rows.len() == shape.height && columns.len() == shape.width {
            return Ok(image);
        }
        Ok(image.crop(0..image.shape().planes, rows, columns))
    }
}
