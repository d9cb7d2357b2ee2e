//! A local folder of files, as a dataset.

use crate::blind::{self, Blind};
use crate::manifest::{FileEntry, list};
use crate::reader::{ImageFile, ROWS_ENDING, image_stem};
use crate::rows::{RowColumns, RowFile};
use crate::sha256::sha256_of_file;
use crate::view::{HduChoice, PlaneChoice, View, centre};
use crate::{Card, Dataset, Error, Facts, Result};
use nf_image::{Detector, Image16};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Files of one folder seen through a view.
#[derive(Debug)]
pub struct FolderSet {
    card: Card,
    view: View,
    columns: RowColumns,
    blind: Vec<Blind>,
    files: Vec<File>,
    members: Vec<Member>,
}

/// One file, with the digest it must have and whether that has been seen to be so.
#[derive(Debug)]
struct File {
    path: PathBuf,
    /// The rows, if it is a Parquet file.
    rows: Option<RowFile>,
    sha256: Option<String>,
    checked: OnceLock<()>,
}

/// One image of one file.
#[derive(Debug)]
struct Member {
    name: String,
    file: usize,
    /// The row of a Parquet file.
    row: usize,
    stack: usize,
    plane: Taken,
}

/// Planes of a stack that are taken.
#[derive(Clone, Copy, Debug)]
enum Taken {
    All,
    Middle,
    One(usize),
}

impl FolderSet {
    /// The images of `files` of `folder`; with no file listed, of every image file in the folder itself,
    /// sorted by name.
    ///
    /// # Errors
    /// If the folder or a file cannot be read, or a file holds no image.
    pub fn new(
        folder: &Path,
        files: &[FileEntry],
        view: View,
        columns: RowColumns,
        card: Card,
    ) -> Result<Self> {
        if !folder.is_dir() {
            let reason = "no such folder; name another with --data or NOISEFLOOR_DATA";
            return Err(Error::missing(folder.display().to_string(), reason));
        }
        let mut set = Self { card, view, columns, blind: vec![], files: vec![], members: vec![] };
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
        let columns = RowColumns::default();
        let mut set = Self { card, view, columns, blind: vec![], files: vec![], members: vec![] };
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        set.add(path.to_owned(), &name, None)?;
        Ok(set)
    }

    /// The same with what is known of blind regions besides the headers.
    pub fn with_blind(mut self, blind: Vec<Blind>) -> Self {
        self.blind = blind;
        self
    }

    fn add(&mut self, path: PathBuf, name: &str, sha256: Option<String>) -> Result<()> {
        let stem = image_stem(name).unwrap_or(name);
        let mut file = File { path, rows: None, sha256, checked: OnceLock::new() };
        if name.ends_with(ROWS_ENDING) {
            let rows = RowFile::open(&file.path, &self.columns)?;
            let count = rows.rows();
            file.rows = Some(rows);
            for row in 0..count {
                self.add_members(&file, &format!("{stem}.{row:05}"), row)?;
            }
        } else {
            self.add_members(&file, stem, 0)?;
        }
        self.files.push(file);
        Ok(())
    }

    /// The images of a file or of one row. A row is looked into only if its number of images depends on it.
    fn add_members(&mut self, file: &File, stem: &str, row: usize) -> Result<()> {
        let (first, each) = (self.view.hdus == HduChoice::First, self.view.planes == PlaneChoice::Each);
        let number = self.files.len();
        if file.rows.is_some() && first && !each {
            let plane = if self.view.planes == PlaneChoice::Middle { Taken::Middle } else { Taken::All };
            self.members.push(Member { name: stem.to_owned(), file: number, row, stack: 0, plane });
            return Ok(());
        }
        let frames = file.open(row)?;
        let stacks = if first { frames.stacks().min(1) } else { frames.stacks() };
        if stacks == 0 {
            return Err(Error::Image { path: file.path.clone(), reason: "holds no image".into() });
        }
        for stack in 0..stacks {
            let name = if stacks == 1 { stem.to_owned() } else { format!("{stem}.{stack}") };
            let mut add =
                |name: String, plane| self.members.push(Member { name, file: number, row, stack, plane });
            match self.view.planes {
                PlaneChoice::Stack => add(name, Taken::All),
                PlaneChoice::Middle => add(name, Taken::Middle),
                PlaneChoice::Each => (0..frames.shape(stack)?.planes)
                    .for_each(|plane| add(format!("{name}.p{plane:03}"), Taken::One(plane))),
            }
        }
        Ok(())
    }
}

impl File {
    /// What the file holds, or one row of it.
    fn open(&self, row: usize) -> Result<ImageFile> {
        match &self.rows {
            Some(rows) => rows.read(row),
            None => ImageFile::open(&self.path),
        }
    }

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
        let reason = "the folder holds no .fits, .fits.fz, .fits.gz, .npy or .parquet file";
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
        let frames = file.open(member.row)?;
        if frames.stacks() <= member.stack {
            let reason = format!("{} holds no image", member.name);
            return Err(Error::Image { path: file.path.clone(), reason });
        }
        let shape = frames.shape(member.stack)?;
        let one = |plane: usize| frames.read(member.stack, plane..plane + 1);
        let image = match member.plane {
            Taken::One(plane) => one(plane)?,
            Taken::Middle => one(shape.planes / 2)?,
            Taken::All => frames.read(member.stack, 0..shape.planes)?.with_axis(self.view.axis),
        };
        let (rows, columns) =
            (centre(shape.height, self.view.centre_px), centre(shape.width, self.view.centre_px));
        if rows.len() == shape.height && columns.len() == shape.width {
            let wrong = |reason| Error::Image { path: file.path.clone(), reason };
            let regions = blind::regions(&self.blind, &member.name, image.shape()).map_err(wrong)?;
            let known = (!regions.is_empty())
                .then(|| Detector { instrument: frames.instrument(member.stack), regions });
            return Ok(match frames.detector(member.stack).or(known) {
                Some(detector) => image.with_detector(detector),
                None => image,
            });
        }
        Ok(image.crop(0..image.shape().planes, rows, columns))
    }

    fn facts(&self, index: usize) -> Result<Facts> {
        let member = &self.members[index];
        Ok(self.files[member.file].open(member.row)?.facts(member.stack))
    }
}
