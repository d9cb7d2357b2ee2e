//! The data of an experiment: images that tiles are drawn from, and tiles that validate.
//!
//! - [`Frames::read`]: opens the datasets, and reads what fits into `data.memory_mb`.
//! - `Loader`: the tiles of every step; from memory, from a tile store by its index, or from a
//!   window over a larger set (`pool`, in the `order` of a seed).

mod loader;
mod members;
mod order;
mod pool;
mod source;
#[cfg(test)]
mod tests;

pub use loader::LoadReport;
pub(crate) use loader::{Handles, Loader};
pub(crate) use members::Members;
pub(crate) use source::available_memory_bytes;

use crate::batch::Batch;
use crate::sampling::validation_tiles;
use crate::{Error, Experiment, Result, TileChoice};
use nf_data::hub::StreamOptions;
use nf_data::{Card, Dataset, OpenOptions};
use nf_image::{Image16, Shape};
use source::{Kind, Source};
use std::sync::Arc;

/// An image with its name.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its name in its dataset.
    pub name: String,
    /// Its pixels.
    pub image: Image16,
}

impl Frame {
    fn check(&self, fit: TileFit) -> Result<()> {
        fit.check(self.image.shape(), || self.name.clone())
    }
}

/// What is trained on, and what is not.
pub struct Frames {
    sources: Vec<Source>,
    validation: Batch,
    validation_names: Vec<String>,
    cards: Vec<Card>,
    notes: Vec<String>,
}

impl Frames {
    /// Opens the datasets of an experiment with `options`, and cuts the tiles that validate. Images
    /// stay in memory where they fit into `data.memory_mb`.
    ///
    /// # Errors
    /// If a dataset cannot be read or is not here as a whole while the network is off, nothing is
    /// left to train on or to validate on, or an image is smaller than a tile.
    pub fn read(experiment: &Experiment, options: &OpenOptions) -> Result<Self> {
        let stream = options.stream.clone().unwrap_or_else(StreamOptions::from_environment);
        // Files are fetched in the order in which they will be needed, which is not that of the
        // set.
        let stream = StreamOptions { ahead: 0, ..stream };
        let opening = Opening { is_offline: stream.hub.offline, notes: vec![] };
        let options = OpenOptions { stream: Some(stream), ..options.clone() };
        opening.read(experiment, &options)
    }

    /// Images that are in memory already.
    ///
    /// # Errors
    /// If one is smaller than a tile, or there are none.
    pub fn in_memory(train: Vec<Frame>, validation: &[Frame], experiment: &Experiment) -> Result<Self> {
        let choice = &experiment.data;
        if train.is_empty() {
            return Err(nothing("data.train", &choice.references().join(", ")));
        }
        if validation.is_empty() {
            return Err(nothing("data", "hold_out or validation"));
        }
        let fit = TileFit::of_training(experiment);
        train.iter().try_for_each(|frame| frame.check(fit))?;
        let images = train.into_iter().map(|frame| frame.image).collect();
        let fit = TileFit::of_validation(experiment);
        Ok(Self {
            sources: vec![Source::in_memory(images, experiment.tiles.draw)],
            validation: source::validation_of(validation, fit, cutter(experiment, fit))?,
            validation_names: validation.iter().map(|frame| frame.name.clone()).collect(),
            cards: vec![],
            notes: vec![],
        })
    }

    /// Number of images that are trained on.
    pub fn images(&self) -> usize {
        self.sources.iter().map(|source| source.images).sum()
    }

    /// Names of the images that validate.
    pub fn validation_names(&self) -> &[String] {
        &self.validation_names
    }

    /// The datasets, in the order of the experiment.
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// What the user should know before the run begins, one line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The tiles that validate.
    pub(crate) fn validation(&self) -> &Batch {
        &self.validation
    }
}

/// The validation tiles of an image.
fn cutter(experiment: &Experiment, fit: TileFit) -> impl Fn(&Image16, usize) -> Batch + Sync {
    let (tiles, seed) = (experiment.validation.tiles_per_image, experiment.seed);
    move |image, index| validation_tiles(image, index, fit.tile, tiles, seed)
}

fn nothing(setting: &str, named: &str) -> Error {
    Error::Frames(format!("{setting}: no image is left in {named}"))
}

/// The datasets of an experiment on their way to [`Frames`].
struct Opening {
    is_offline: bool,
    notes: Vec<String>,
}

impl Opening {
    fn read(mut self, experiment: &Experiment, options: &OpenOptions) -> Result<Frames> {
        let choice = &experiment.data;
        let mut cards = vec![];
        // Datasets without weights are one source, those with weights one each.
        let mut sources: Vec<(f64, Members)> = vec![];
        let mut validation = Members::default();
        for set_choice in &choice.train {
            let set = self.open(set_choice.reference(), options)?;
            cards.push(set.card().clone());
            let held_out = |&image: &usize| {
                let name = if choice.hold_out.is_empty() { String::new() } else { set.name(image) };
                choice.hold_out.iter().any(|prefix| name.starts_with(prefix))
            };
            let (held_out, train): (Vec<usize>, Vec<usize>) = (0..set.len()).partition(held_out);
            validation.add(&set, held_out);
            match (set_choice.weight(), sources.last_mut()) {
                (None, Some((_, members))) => members.add(&set, train),
                (weight, _) => {
                    let mut members = Members::default();
                    members.add(&set, train);
                    sources.push((weight.unwrap_or(1.0), members));
                }
            }
        }
        for reference in &choice.validation {
            let set = self.open(reference, options)?;
            cards.push(set.card().clone());
            validation.add(&set, 0..set.len());
        }
        for prefix in &choice.hold_out {
            let mut names = (0..validation.len()).map(|member| validation.name(member));
            if !names.any(|name| name.starts_with(prefix)) {
                return Err(Error::Frames(format!("data.hold_out: no image's name begins with '{prefix}'")));
            }
        }
        validation.truncate(experiment.validation.max_images.unwrap_or(usize::MAX));
        if validation.is_empty() {
            return Err(nothing("data", "hold_out or validation"));
        }
        let weights: f64 = sources.iter().map(|(weight, _)| weight).sum();
        let memory_bytes = choice.memory_bytes() / sources.len().max(1) as u64;
        let fit = TileFit::of_training(experiment);
        let mut opened = vec![];
        for ((weight, mut members), set_choice) in sources.into_iter().zip(&choice.train) {
            members.truncate(choice.max_images.unwrap_or(usize::MAX));
            if members.is_empty() {
                let all = choice.references().join(", ");
                let named = if set_choice.weight().is_some() { set_choice.reference() } else { &all };
                return Err(nothing("data.train", named));
            }
            let source = Source::open(members, fit, experiment.tiles.draw, memory_bytes)?;
            opened.push(Source { share: weight / weights, ..source });
        }
        self.notes.extend(opened.iter().filter_map(|source| note(source, choice.memory_mb)));
        let fit = TileFit::of_validation(experiment);
        Ok(Frames {
            sources: opened,
            validation: source::validation(&validation, fit, cutter(experiment, fit))?,
            validation_names: (0..validation.len()).map(|member| validation.name(member)).collect(),
            cards,
            notes: self.notes,
        })
    }

    /// Opens a dataset, which must have images and be here or within reach.
    fn open(&mut self, reference: &str, options: &OpenOptions) -> Result<Arc<dyn Dataset>> {
        let set: Arc<dyn Dataset> = nf_data::open(reference, options)?.into();
        if set.is_empty() {
            return Err(Error::Frames(format!(
                "{reference}: there are no images in {}; name another split or view (noisefloor data inspect \
                 shows what one holds)",
                set.card()
            )));
        }
        let missing: Vec<usize> = (0..set.len()).filter(|&image| !set.is_here(image)).collect();
        let Some(&first) = missing.first() else { return Ok(set) };
        let count = format!("{} of the {} images of {}", missing.len(), set.len(), set.card());
        match set.download().filter(|_| !self.is_offline) {
            Some(download) => self.notes.push(format!(
                "{count} are not on this disk yet ({:.1} GB); they are fetched when they are needed",
                download.missing_bytes as f64 / 1e9
            )),
            None => {
                return Err(Error::Frames(format!(
                    "{count} are not on this disk, the first is {}, and no network may be used; fetch them where \
                     there is one (noisefloor data fetch {reference}), or name another copy with --data",
                    set.name(first)
                )));
            }
        }
        Ok(set)
    }
}

/// How a source is read, where it is not in memory.
fn note(source: &Source, memory_mb: u64) -> Option<String> {
    let images = source.images;
    match source.kind {
        Kind::Memory(..) => None,
        Kind::Disk(..) => Some(format!("{images} tiles are read from their store as they are drawn")),
        Kind::Window(_) => Some(format!(
            "{images} images take more than data.memory_mb = {memory_mb}: a window of them is in memory at a time"
        )),
    }
}

/// What tiles need of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TileFit {
    pub(crate) tile: Shape,
    section: &'static str,
}

impl TileFit {
    pub(crate) fn tile_of(tiles: &TileChoice) -> Shape {
        Shape::new(tiles.planes, tiles.height_px, tiles.width_px)
    }

    pub(crate) fn of_training(experiment: &Experiment) -> Self {
        Self { tile: Self::tile_of(&experiment.tiles), section: "tiles" }
    }

    fn of_validation(experiment: &Experiment) -> Self {
        let (height, width) = experiment.validation_tile_px();
        Self { tile: Shape::new(experiment.tiles.planes, height, width), section: "validation" }
    }

    /// Refuses to go on where a tile could not be cut out of an image of this extent.
    ///
    /// # Errors
    /// [`Error::Frames`], naming the image and the setting.
    pub(crate) fn check(self, shape: Shape, name: impl FnOnce() -> String) -> Result<()> {
        let Shape { planes, height, width } = self.tile;
        let section = self.section;
        if shape.height < height || shape.width < width {
            return Err(Error::Frames(format!(
                "{}: {shape} pixels, smaller than a tile of {height}x{width}; \
                 lower {section}.height_px and {section}.width_px, or leave the image out",
                name()
            )));
        }
        if shape.planes < planes {
            return Err(Error::Frames(format!(
                "{}: {} planes where a tile has {planes}; change tiles.planes or the view in data",
                name(),
                shape.planes
            )));
        }
        Ok(())
    }
}
