//! Which detector profile the stacks of a file are coded with.
//!
//! A profile comes into question if no keyword of the detector contradicts it and it may know a
//! stack: its maps have all pixels of it, or it has seen pieces of such frames. Whether it is used
//! is decided by content: pieces of the stacks are coded with every profile that comes into
//! question and without, and the smallest wins. What is coded without needs no profile.

use crate::Tools;
use anyhow::{Context, Result, bail, ensure};
use nf_codec::container::ImageSource;
use nf_codec::{Codec, Spec};
use nf_image::{Image16, ImageRef, Shape};
use nf_profile::{Outline, format, knows_profiles, library};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What is said instead of a file or folder: profiles are looked for where decoders look.
pub const AUTO: &str = "auto";

/// The option of `floor`.
pub(crate) const KEY: &str = "profile";
/// Sides of the pieces that are coded to compare profiles, in pixels.
const PIECE_PX: usize = 256;
/// Most stacks of a file of which a piece is coded, and most planes of a piece.
const PIECES: usize = 4;
const PIECE_PLANES: usize = 2;
/// About what naming a profile costs: in the header of a container, and in a stream.
const NAME_BYTES: f64 = 60.0;

/// The profiles that a file may be coded with.
pub struct Profiles {
    from: From,
}

enum From {
    /// The one that was named: it is that of the frames, or they are refused.
    One(Arc<Outline>),
    Folder(Vec<Arc<Outline>>),
    /// Wherever decoders look, when a file is coded: the profiles of each folder, read once.
    Everywhere(Mutex<HashMap<PathBuf, Vec<Arc<Outline>>>>),
}

/// The stacks of a file, and what its headers say of their detector.
pub struct Frames<'a, 'b> {
    /// Keywords of the detector.
    pub cards: &'a [(String, String)],
    /// Its stacks.
    pub stacks: &'a mut [&'b mut dyn ImageSource],
}

/// What the stacks of a file are coded with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The spec, with a profile if one makes them smaller.
    pub spec: Spec,
    /// What there is to say of it: that there is no profile of the detector, or that a keyword
    /// contradicts the one that was named.
    pub remark: Option<String>,
}

/// Refuses a codec that knows no profiles, or has one already.
///
/// # Errors
/// If it is such a codec.
pub fn check_codec(spec: &Spec) -> Result<()> {
    ensure!(knows_profiles(spec), "--profile: only the codec floor knows profiles, not {spec}");
    ensure!(
        spec.get(KEY).is_none(),
        "--profile: the codec {spec} names a profile already; leave out one of the two"
    );
    Ok(())
}

impl Profiles {
    /// The profile in a file, those in a folder, or of [`AUTO`] wherever decoders look.
    ///
    /// # Errors
    /// If it cannot be read, or holds no profile.
    pub fn of(path: &Path, tools: &Tools) -> Result<Self> {
        let from = if path == Path::new(AUTO) {
            From::Everywhere(Mutex::default())
        } else if path.is_dir() {
            library::look_in(path);
            let files = library::files(path);
            ensure!(!files.is_empty(), "{}: there is no profile (*.nfp) in this folder", path.display());
            let found = readable(&files, tools);
            ensure!(!found.is_empty(), "{}: none of its profiles can be read", path.display());
            From::Folder(found)
        } else {
            let found = Arc::new(outline(path, tools)?);
            library::look_at(path);
            From::One(found)
        };
        Ok(Self { from })
    }

    /// What receipts and messages call the choice: the one profile, or [`AUTO`].
    pub fn label(&self) -> String {
        match &self.from {
            From::One(outline) => outline.id.to_string(),
            From::Folder(_) | From::Everywhere(_) => AUTO.to_owned(),
        }
    }

    /// The spec with the profile that makes the stacks of a file smallest, or without if none does.
    ///
    /// # Errors
    /// If the one profile that was named is not that of the file, a profile is damaged, or the
    /// stacks cannot be read.
    pub fn choose(&self, spec: &Spec, frames: Frames<'_, '_>, tools: &Tools) -> Result<Choice> {
        let Frames { cards, stacks } = frames;
        let mut remark = None;
        let candidates: Vec<Arc<Outline>> = match &self.from {
            From::One(outline) => {
                remark = check(outline, cards, stacks)?;
                vec![Arc::clone(outline)]
            }
            From::Folder(outlines) => fitting(outlines.iter().cloned(), cards, stacks),
            From::Everywhere(known) => fitting(everywhere(known, tools), cards, stacks),
        };
        if candidates.is_empty() {
            remark = Some("no profile of this detector was found; coded without".to_owned());
            return Ok(Choice { spec: spec.clone(), remark });
        }
        let pieces = Pieces::of(stacks)?;
        // Maps show at a fast level; what only adaptive models gain needs the level itself.
        let fast = spec.clone().without("level");
        for trial in [&fast, spec] {
            let plain = pieces.bytes(trial, tools)?;
            let mut best = (plain - NAME_BYTES * pieces.share, None);
            for candidate in &candidates {
                let id = candidate.id.to_string();
                let bytes = pieces.bytes(&trial.clone().set(KEY, &id), tools)?;
                if bytes < best.0 {
                    best = (bytes, Some(id));
                }
            }
            if let Some(id) = best.1 {
                return Ok(Choice { spec: spec.clone().set(KEY, id), remark });
            }
            if spec.get("level") != Some("max") {
                break;
            }
        }
        Ok(Choice { spec: spec.clone(), remark })
    }
}

/// The profiles in the folders that decoders look in; `known` has those of folders read before.
fn everywhere(known: &Mutex<HashMap<PathBuf, Vec<Arc<Outline>>>>, tools: &Tools) -> Vec<Arc<Outline>> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let read = |folder: PathBuf| {
        let found = known.entry(folder);
        found.or_insert_with_key(|folder| readable(&library::files(folder), tools)).clone()
    };
    library::folders().into_iter().flat_map(read).collect()
}

/// What these profiles say of themselves; one that is damaged is told and passed over.
fn readable(files: &[PathBuf], tools: &Tools) -> Vec<Arc<Outline>> {
    let read = |path: &PathBuf| {
        let found = outline(path, tools);
        found.inspect_err(|error| tracing::warn!("{}: passed over: {error:#}", path.display())).ok()
    };
    files.iter().filter_map(read).map(Arc::new).collect()
}

fn outline(path: &Path, tools: &Tools) -> Result<Outline> {
    let name = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(name)?;
    format::outline(&bytes, &tools.codec_limits()).with_context(name)
}

/// Keywords that state how pixels are binned: maps of other bins say nothing.
const BINS: [&str; 2] = ["CCDSUM", "BINNING"];
/// Where a window lies is told by its place, not by its name.
const WINDOW: &str = "SUBARRAY";

/// The first keyword of which profile and headers have different values: keyword, that of the
/// headers, that of the profile.
fn contradiction<'a>(
    outline: &'a Outline,
    cards: &'a [(String, String)],
    counts: impl Fn(&str) -> bool,
) -> Option<[&'a str; 3]> {
    let own = outline.cards.iter().filter(|(keyword, _)| keyword != WINDOW && counts(keyword));
    let mut pairs = own.flat_map(|known| cards.iter().map(move |card| (known, card)));
    pairs
        .find(|((keyword, value), (other, found))| keyword == other && value != found)
        .map(|((keyword, value), (_, found))| [keyword.as_str(), found, value])
}

/// Whether it may know one of the stacks.
fn knows(outline: &Outline, stacks: &[&mut dyn ImageSource]) -> bool {
    stacks.iter().any(|stack| outline.knows(stack.origin(), stack.shape()))
}

fn fitting(
    outlines: impl IntoIterator<Item = Arc<Outline>>,
    cards: &[(String, String)],
    stacks: &[&mut dyn ImageSource],
) -> Vec<Arc<Outline>> {
    let fits =
        |outline: &Arc<Outline>| contradiction(outline, cards, |_| true).is_none() && knows(outline, stacks);
    let mut found: Vec<Arc<Outline>> = vec![];
    for outline in outlines.into_iter().filter(fits) {
        if found.iter().all(|known| known.id != outline.id) {
            found.push(outline);
        }
    }
    found
}

/// Refuses a profile that was named for frames of another kind; a remark if only a keyword differs.
fn check(
    outline: &Outline,
    cards: &[(String, String)],
    stacks: &[&mut dyn ImageSource],
) -> Result<Option<String>> {
    const WAY_OUT: &str = "--profile auto or a folder of profiles takes the one that fits";
    let id = &outline.id;
    if let Some([keyword, found, known]) = contradiction(outline, cards, |keyword| BINS.contains(&keyword)) {
        bail!("its {keyword} is '{found}', that of the profile {id} is '{known}'; {WAY_OUT}");
    }
    if !knows(outline, stacks) {
        let place = |[row, column]: [usize; 2], height: usize, width: usize| {
            format!("{height} x {width} pixels from row {row}, column {column}")
        };
        let own = stacks.first().map(|stack| {
            let shape = stack.shape();
            place(stack.origin(), shape.height, shape.width)
        });
        let known = outline
            .areas
            .iter()
            .chain(&outline.starts)
            .next()
            .map(|area| place([area.row, area.column], area.height, area.width));
        bail!(
            "it has {}, the maps of the profile {id} have {}; {WAY_OUT}",
            own.unwrap_or_else(|| "no pixels".to_owned()),
            known.unwrap_or_else(|| "none".to_owned())
        );
    }
    let other = contradiction(outline, cards, |_| true);
    Ok(other.map(|[keyword, found, known]| {
        format!("its {keyword} is '{found}', that of the profile {id} is '{known}'")
    }))
}

/// Pieces of the stacks of a file, each with its place on the detector.
struct Pieces {
    pieces: Vec<(Image16, [usize; 2])>,
    /// Which share of all pixels they have.
    share: f64,
}

impl Pieces {
    fn of(stacks: &mut [&mut dyn ImageSource]) -> Result<Self> {
        let step = stacks.len().div_ceil(PIECES).max(1);
        let all: usize = stacks.iter().map(|stack| stack.shape().pixels()).sum();
        let mut pieces = vec![];
        for stack in stacks.iter_mut().step_by(step) {
            let Shape { planes, height, width } = stack.shape();
            let middle = |length: usize| {
                let side = length.min(PIECE_PX);
                (length - side) / 2..(length - side) / 2 + side
            };
            let (rows, columns, planes) = (middle(height), middle(width), planes.min(PIECE_PLANES));
            let [row, column] = stack.origin();
            let band = stack.band(0..planes, rows.clone())?;
            let piece = band.crop(0..planes, 0..rows.len(), columns.clone());
            pieces.push((piece, [row + rows.start, column + columns.start]));
        }
        let coded: usize = pieces.iter().map(|(piece, _)| piece.shape().pixels()).sum();
        Ok(Self { pieces, share: coded as f64 / all.max(1) as f64 })
    }

    /// Bytes of all pieces by this spec.
    fn bytes(&self, spec: &Spec, tools: &Tools) -> Result<f64> {
        let codec: Box<dyn Codec> = tools.registry().build(spec)?;
        let bytes = |(piece, place): &(Image16, [usize; 2])| {
            Ok(codec.encode_ref(ImageRef::from(piece).with_origin(*place))?.len() as f64)
        };
        self.pieces.iter().map(bytes).sum()
    }
}
