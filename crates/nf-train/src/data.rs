//! The images of an experiment in memory, and tiles cut out of them.

use crate::{Error, Experiment, Result};
use nf_data::{Card, OpenOptions};
use nf_image::{Image16, Shape};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// An image with its name.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its name in its dataset.
    pub name: String,
    /// Its pixels.
    pub image: Image16,
}

/// What is trained on, and what is not.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// Images that tiles are drawn from.
    pub train: Vec<Frame>,
    /// Images that only validate.
    pub validation: Vec<Frame>,
    /// The datasets they come from, in the order of the experiment.
    pub cards: Vec<Card>,
}

impl Frames {
    /// Reads the datasets of an experiment, opened with `options`. All images stay in memory.
    ///
    /// # Errors
    /// If a dataset cannot be read, nothing is left to train on or to validate on, or an image is
    /// smaller than a tile.
    pub fn read(experiment: &Experiment, options: &OpenOptions) -> Result<Self> {
        let choice = &experiment.data;
        let mut frames = Self::default();
        for reference in &choice.train {
            let held_out = |name: &str| choice.hold_out.iter().any(|prefix| name.starts_with(prefix));
            let (validation, train) = frames
                .images(reference, options)?
                .into_iter()
                .partition(|frame: &Frame| held_out(&frame.name));
            frames.train.extend::<Vec<Frame>>(train);
            frames.validation.extend::<Vec<Frame>>(validation);
        }
        for reference in &choice.validation {
            let images = frames.images(reference, options)?;
            frames.validation.extend(images);
        }
        frames.train.truncate(choice.max_images.unwrap_or(usize::MAX));
        for prefix in &choice.hold_out {
            if !frames.validation.iter().any(|frame| frame.name.starts_with(prefix)) {
                return Err(Error::Frames(format!("data.hold_out: no image's name begins with '{prefix}'")));
            }
        }
        frames.check(experiment)?;
        Ok(frames)
    }

    fn images(&mut self, reference: &str, options: &OpenOptions) -> Result<Vec<Frame>> {
        let set = nf_data::open(reference, options)?;
        self.cards.push(set.card().clone());
        let most_bytes = available_memory_bytes();
        let read_bytes = AtomicU64::new(0);
        let read = |index: usize| {
            let image = set.image(index)?;
            let bytes = image.shape().raw_bytes() as u64;
            let sum = read_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
            if most_bytes.is_some_and(|most| sum > most) {
                return Err(Error::Frames(format!(
                    "{reference}: its images do not fit into the memory that is free; \
                     cut tiles of it into a smaller store (noisefloor data pack) and name that in data.train"
                )));
            }
            Ok(Frame { name: set.name(index), image })
        };
        (0..set.len()).into_par_iter().map(read).collect()
    }

    /// Refuses to go on where a tile could not be cut.
    ///
    /// # Errors
    /// [`Error::Frames`], naming the image and the setting.
    pub fn check(&self, experiment: &Experiment) -> Result<()> {
        let Experiment { tiles, data, .. } = experiment;
        let (height_px, width_px) = experiment.validation_tile_px();
        let sets = [
            (&self.train, "data.train", "tiles", tiles.height_px, tiles.width_px, data.train.join(", ")),
            (
                &self.validation,
                "data",
                "validation",
                height_px,
                width_px,
                "hold_out or validation".to_owned(),
            ),
        ];
        for (frames, setting, section, height, width, named) in sets {
            if frames.is_empty() {
                return Err(Error::Frames(format!("{setting}: no image is left in {named}")));
            }
            for frame in frames {
                let shape = frame.image.shape();
                if shape.height < height || shape.width < width {
                    return Err(Error::Frames(format!(
                        "{}: {shape} pixels, smaller than a tile of {height}x{width}; \
                         lower {section}.height_px and {section}.width_px, or leave the image out",
                        frame.name
                    )));
                }
                if shape.planes < tiles.planes {
                    let planes = tiles.planes;
                    return Err(Error::Frames(format!(
                        "{}: {} planes where a tile has {planes}; change tiles.planes or the view in data",
                        frame.name, shape.planes
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Memory that can be had without swapping, where the system tells.
pub(crate) fn available_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Samples of some tiles of one shape, tile by tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Number of tiles.
    pub tiles: usize,
    /// Shape of each.
    pub shape: Shape,
    /// The samples.
    pub samples: Vec<u16>,
}

impl Batch {
    /// No tiles yet.
    pub fn of_shape(shape: Shape) -> Self {
        Self { tiles: 0, shape, samples: vec![] }
    }

    /// Adds the tile whose first corner is (plane, row, column), mirrored if asked.
    ///
    /// # Panics
    /// If it reaches beyond the image.
    pub fn push(&mut self, image: &Image16, corner: [usize; 3], mirror_rows: bool, mirror_columns: bool) {
        let [plane, row, column] = corner;
        for p in plane..plane + self.shape.planes {
            for r in 0..self.shape.height {
                let r = if mirror_rows { self.shape.height - 1 - r } else { r };
                let line = &image.row(p, row + r)[column..column + self.shape.width];
                if mirror_columns {
                    self.samples.extend(line.iter().rev());
                } else {
                    self.samples.extend_from_slice(line);
                }
            }
        }
        self.tiles += 1;
    }

    /// The tiles as batches of at most `size`.
    pub fn split(&self, size: usize) -> Vec<Self> {
        let pixels = self.shape.pixels() * size;
        let part = |samples: &[u16]| Self {
            tiles: samples.len() / self.shape.pixels(),
            shape: self.shape,
            samples: samples.to_vec(),
        };
        self.samples.chunks(pixels).map(part).collect()
    }
}
