//! A local folder of files, as a dataset.

use crate::blind::{self, Blind};
use crate::listing::{every_image_file, some_of};
use crate::manifest::{FileEntry, list};
use crate::names::{READABLE, image_stem, is_read_as_a_whole, is_rows, shown};
use crate::reader::ImageFile;
use crate::rows::{RowColumns, RowFile};
use crate::view::{HduChoice, MOST_IMAGES, PlaneChoice, View, centre};
use crate::{Card, Dataset, Error, Facts, FitsOptions, Result};
use nf_image::{Detector, Image16, Shape};
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Files of one folder seen through a view.
///
/// A file that cannot be read does not stop the others: it is one image of the set, under the
/// file's name, whose pixels are the reason ([`Dataset::image`] fails).
#[derive(Debug)]
pub struct FolderSet {
    card: Card,
    view: View,
    columns: RowColumns,
    fits: FitsOptions,
    blind: Vec<Blind>,
    files: Vec<File>,
    members: Vec<Member>,
}

/// One file, with the digest it must have and whether that has been seen to be so.
#[derive(Debug)]
struct File {
    path: PathBuf,
    /// Its name in the set.
    stem: String,
    content: Content,
    /// What is stated of it.
    entry: Option<FileEntry>,
    checked: OnceLock<()>,
}

#[derive(Debug)]
enum Content {
    Image,
    /// A Parquet file.
    Rows(Box<RowFile>),
    /// Why it cannot be read.
    Unreadable(String),
}

/// One image of one file.
#[derive(Clone, Copy, Debug)]
struct Member {
    file: usize,
    /// The row of a Parquet file.
    row: usize,
    stack: usize,
    /// Whether the stack's number is part of the name, because the file has several.
    is_numbered: bool,
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
    /// The images of `files` of `folder`; with no file listed, of every image file in the folder
    /// itself, sorted by name. Names that look like image files but cannot be read are told in the
    /// log.
    ///
    /// # Errors
    /// If there is no such folder, or none of the files is in it. A file that cannot be read is an
    /// image that fails.
    pub fn new(
        folder: &Path,
        files: &[FileEntry],
        view: View,
        columns: RowColumns,
        fits: FitsOptions,
        card: Card,
    ) -> Result<Self> {
        if !folder.is_dir() {
            let reason = "no such folder; name another with --data or NOISEFLOOR_DATA";
            return Err(Error::missing(folder.display().to_string(), reason));
        }
        let names: Vec<(OsString, Option<&FileEntry>)> = if files.is_empty() {
            let names = every_image_file(folder)?;
            if !names.left_out.is_empty() {
                let left_out = some_of(&names.left_out);
                tracing::warn!("{}: left out: {left_out}; names must end in {READABLE}", folder.display());
            }
            names.taken.into_iter().map(|name| (name, None)).collect()
        } else {
            files.iter().map(|file| (OsString::from(&file.name), Some(file))).collect()
        };
        if !names.iter().any(|(name, _)| folder.join(name).exists()) {
            let first = names.first().map_or_else(String::new, |(name, _)| shown(name));
            let reason = format!(
                "holds none of the dataset's {} files ({first}, ...); name another folder with --data or NOISEFLOOR_DATA",
                names.len()
            );
            return Err(Error::missing(folder.display().to_string(), reason));
        }
        let files = names.into_iter().map(|(name, entry)| (folder.join(&name), shown(&name), entry.cloned()));
        Ok(Self::empty(view, columns, fits, card).with_files(files.collect()))
    }

    /// The images of these files, wherever they lie. A file that cannot be read is an image that
    /// fails.
    pub fn of_files(paths: &[PathBuf], view: View, fits: FitsOptions, card: Card) -> Self {
        // By the names of the files where that tells them apart, or else with the folders.
        let name = |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).to_owned();
        let distinct = paths.iter().map(name).collect::<HashSet<_>>().len() == paths.len();
        let name = |path: &PathBuf| shown(&if distinct { name(path) } else { path.clone().into_os_string() });
        let files = paths.iter().map(|path| (path.clone(), name(path), None)).collect();
        Self::empty(view, RowColumns::default(), fits, card).with_files(files)
    }

    /// The same with the images of files, each with its name and what a manifest says of it.
    fn with_files(mut self, files: Vec<(PathBuf, String, Option<FileEntry>)>) -> Self {
        // Files that differ only in their endings go by their whole names.
        let stem = |name: &String| image_stem(name).unwrap_or(name).to_owned();
        let mut uses: HashMap<String, usize> = HashMap::new();
        files.iter().for_each(|(_, name, _)| *uses.entry(stem(name)).or_default() += 1);
        for (path, whole, entry) in files {
            let stem = Some(stem(&whole)).filter(|stem| uses[stem] == 1).unwrap_or_else(|| whole.clone());
            let mut file = File { path, stem, content: Content::Image, entry, checked: OnceLock::new() };
            if let Err(error) = self.add(&mut file, is_rows(&whole)) {
                file.content = Content::Unreadable(error.reason());
                self.members.push(self.member(0, 0, false, Taken::All));
            }
            self.files.push(file);
        }
        self
    }

    /// The images of one file.
    ///
    /// # Errors
    /// If it cannot be read or holds no image.
    pub fn of_file(path: &Path, view: View, fits: FitsOptions, card: Card) -> Result<Self> {
        let mut set = Self::empty(view, RowColumns::default(), fits, card);
        let name = path.file_name().map_or_else(String::new, shown);
        let mut file = File {
            path: path.to_owned(),
            stem: image_stem(&name).unwrap_or(&name).to_owned(),
            content: Content::Image,
            entry: None,
            checked: OnceLock::new(),
        };
        set.add(&mut file, is_rows(&name))?;
        set.files.push(file);
        Ok(set)
    }

    fn empty(view: View, columns: RowColumns, fits: FitsOptions, card: Card) -> Self {
        Self { card, view, columns, fits, blind: vec![], files: vec![], members: vec![] }
    }

    /// The same with what is known of blind regions besides the headers.
    pub fn with_blind(mut self, blind: Vec<Blind>) -> Self {
        self.blind = blind;
        self
    }

    /// Adds the images of the file that comes next; nothing of them after an error.
    fn add(&mut self, file: &mut File, is_rows: bool) -> Result<()> {
        if !is_rows {
            let members = self.members_of(file, 0)?;
            self.members.extend(members);
            return Ok(());
        }
        let rows = RowFile::open(&file.path, &self.columns, &self.fits)?;
        let count = rows.rows();
        if count > MOST_IMAGES {
            return Err(file.wrong(format!("states {count} rows, more than {MOST_IMAGES}")));
        }
        file.content = Content::Rows(Box::new(rows));
        for row in 0..count {
            // One row that cannot be read is one image that fails; the others are there.
            let members =
                self.members_of(file, row).unwrap_or_else(|_| vec![self.member(row, 0, false, Taken::All)]);
            self.members.extend(members);
        }
        Ok(())
    }

    fn member(&self, row: usize, stack: usize, is_numbered: bool, plane: Taken) -> Member {
        Member { file: self.files.len(), row, stack, is_numbered, plane }
    }

    /// The images of the file that comes next, or of one of its rows. A row is looked into only if
    /// its number of images depends on it.
    fn members_of(&self, file: &File, row: usize) -> Result<Vec<Member>> {
        let (first, each) = (self.view.hdus == HduChoice::First, self.view.planes == PlaneChoice::Each);
        let one = if self.view.planes == PlaneChoice::Middle { Taken::Middle } else { Taken::All };
        if matches!(file.content, Content::Rows(_)) && first && !each {
            return Ok(vec![self.member(row, 0, false, one)]);
        }
        let frames = file.open(row, &self.fits)?;
        // Said here, where every file is looked at once.
        if let Some(fault) = frames.fits().and_then(|fits| fits.fault()) {
            tracing::warn!("{}: {fault}; only the HDUs before it are read", file.path.display());
        }
        let stacks = if first { frames.stacks().min(1) } else { frames.stacks() };
        if stacks == 0 {
            return Err(file.wrong("holds no image".into()));
        }
        let mut members = vec![];
        for stack in 0..stacks {
            let planes = if each { self.view.planes_of(frames.shape(stack)?.planes) } else { 0..1 };
            if planes.len() > MOST_IMAGES - members.len().min(MOST_IMAGES) {
                return Err(file.wrong(format!("has more than {MOST_IMAGES} planes")));
            }
            let taken = |plane| if each { Taken::One(plane) } else { one };
            members.extend(planes.map(|plane| self.member(row, stack, stacks > 1, taken(plane))));
        }
        Ok(members)
    }

    /// What holds an image, which may have changed since it was looked at first.
    fn frames(&self, index: usize) -> Result<ImageFile> {
        let member = self.members[index];
        let file = &self.files[member.file];
        let frames = file.open(member.row, &self.fits)?;
        if frames.stacks() <= member.stack {
            return Err(file.wrong(format!("{} holds no image", self.name(index))));
        }
        Ok(frames)
    }
}

impl File {
    /// What the file holds, or one row of it.
    fn open(&self, row: usize, fits: &FitsOptions) -> Result<ImageFile> {
        match &self.content {
            Content::Image => ImageFile::open(&self.path, fits),
            Content::Rows(rows) => rows.read(row),
            Content::Unreadable(reason) => Err(self.wrong(reason.clone())),
        }
    }

    /// Whether it is a FITS file whose headers can be read without its pixels.
    fn is_plain_fits(&self) -> bool {
        let name = self.path.file_name().filter(|_| self.path.extension().is_some());
        name.is_some_and(|name| !is_read_as_a_whole(&name.to_string_lossy()))
    }

    fn wrong(&self, reason: String) -> Error {
        Error::Image { path: self.path.clone(), reason }
    }

    /// Compares the file with the digest that the manifest states, once.
    fn check(&self) -> Result<()> {
        let Some(entry) = &self.entry else { return Ok(()) };
        if entry.sha256.is_some() && self.checked.get().is_none() {
            entry.check(&self.path)?;
            // Two threads may both have looked; they saw the same.
            let _ = self.checked.set(());
        }
        Ok(())
    }
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
        let stated = manifest.files.iter().find(|file| file.name == *name).cloned();
        stated.unwrap_or_else(|| FileEntry::named(name))
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
        let Member { file, row, stack, is_numbered, plane } = self.members[index];
        let file = &self.files[file];
        let mut name = file.stem.clone();
        if matches!(file.content, Content::Rows(_)) {
            name += &format!(".{row:05}");
        }
        if is_numbered {
            name += &format!(".{stack}");
        }
        if let Taken::One(plane) = plane {
            name += &format!(".p{plane:03}");
        }
        name
    }

    fn image(&self, index: usize) -> Result<Image16> {
        let member = self.members[index];
        let file = &self.files[member.file];
        file.check()?;
        let frames = self.frames(index)?;
        let shape = frames.shape(member.stack)?;
        let one = |plane: usize| frames.read(member.stack, plane..plane + 1);
        let image = match member.plane {
            Taken::One(plane) => one(plane)?,
            Taken::Middle => one(shape.planes / 2)?,
            Taken::All => {
                frames.read(member.stack, self.view.planes_of(shape.planes))?.with_axis(self.view.axis)
            }
        };
        let (rows, columns) =
            (centre(shape.height, self.view.centre_px), centre(shape.width, self.view.centre_px));
        if rows.len() == shape.height && columns.len() == shape.width {
            let regions = blind::regions(&self.blind, &self.name(index), image.shape());
            let regions = regions.map_err(|reason| file.wrong(reason))?;
            let known = (!regions.is_empty())
                .then(|| Detector { instrument: frames.instrument(member.stack), regions });
            return Ok(match frames.detector(member.stack).or(known) {
                Some(detector) => image.with_detector(detector),
                None => image,
            });
        }
        Ok(image.crop(0..image.shape().planes, rows, columns))
    }

    fn shape(&self, index: usize) -> Result<Option<Shape>> {
        let member = self.members[index];
        let file = &self.files[member.file];
        // Others would be read as a whole.
        if matches!(file.content, Content::Rows(_)) || !file.is_plain_fits() {
            return Ok(None);
        }
        let frames = self.frames(index)?;
        let Shape { planes, height, width } = frames.shape(member.stack)?;
        let planes = if matches!(member.plane, Taken::All) { self.view.planes_of(planes).len() } else { 1 };
        let side = |extent| centre(extent, self.view.centre_px).len();
        Ok(Some(Shape::new(planes, side(height), side(width))))
    }

    fn file(&self, index: usize) -> usize {
        self.members[index].file
    }

    fn facts(&self, index: usize) -> Result<Facts> {
        let member = self.members[index];
        Ok(self.files[member.file].open(member.row, &self.fits)?.facts(member.stack))
    }
}
