//! Images of several datasets, as one list.

use super::TileFit;
use crate::{Error, Result};
use nf_data::Dataset;
use nf_image::{Image16, Shape};
use rayon::prelude::*;
use std::sync::Arc;

/// Some images of some datasets.
#[derive(Clone, Default)]
pub(crate) struct Members {
    sets: Vec<Arc<dyn Dataset>>,
    /// Number of the dataset, and of the image in it.
    places: Vec<(u32, u32)>,
}

impl Members {
    /// Adds images of a dataset, by their numbers.
    pub(crate) fn add(&mut self, set: &Arc<dyn Dataset>, images: impl IntoIterator<Item = usize>) {
        let number = self.sets.len() as u32;
        self.sets.push(Arc::clone(set));
        self.places.extend(images.into_iter().map(|image| (number, image as u32)));
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Keeps the first so many.
    pub(crate) fn truncate(&mut self, most: usize) {
        self.places.truncate(most);
    }

    fn at(&self, member: usize) -> (&dyn Dataset, usize) {
        let (set, image) = self.places[member];
        (&*self.sets[set as usize], image as usize)
    }

    pub(crate) fn name(&self, member: usize) -> String {
        let (set, image) = self.at(member);
        set.name(image)
    }

    pub(crate) fn image(&self, member: usize) -> Result<Image16> {
        let (set, image) = self.at(member);
        Ok(set.image(image)?)
    }

    /// An image that tiles can be cut out of.
    ///
    /// # Errors
    /// If it cannot be read or is smaller than a tile.
    pub(crate) fn image_for(&self, member: usize, fit: TileFit) -> Result<Image16> {
        let image = self.image(member)?;
        fit.check(image.shape(), || self.name(member))?;
        Ok(image)
    }

    /// The extent of an image, if it is known without its pixels.
    pub(crate) fn shape(&self, member: usize) -> Result<Option<Shape>> {
        let (set, image) = self.at(member);
        Ok(set.shape(image)?)
    }

    pub(crate) fn is_here(&self, member: usize) -> bool {
        let (set, image) = self.at(member);
        set.is_here(image)
    }

    pub(crate) fn fetch(&self, member: usize) -> Result<()> {
        let (set, image) = self.at(member);
        Ok(set.fetch(image)?)
    }

    /// Which file every image lies in: equal ones that follow one another are one file.
    pub(crate) fn files(&self) -> impl Iterator<Item = (u32, usize)> {
        self.places.iter().map(|&(set, image)| (set, self.sets[set as usize].file(image as usize)))
    }

    /// Whether every image is one short read.
    pub(crate) fn are_read_at_random(&self) -> bool {
        !self.is_empty() && self.places.iter().all(|&(set, _)| self.sets[set as usize].is_read_at_random())
    }

    /// How many files of the usual size the disk may hold; `None` where nothing is fetched.
    pub(crate) fn files_within_budget(&self) -> Option<u64> {
        let downloads = self.sets.iter().filter_map(|set| set.download());
        downloads.map(|all| all.budget_bytes / (all.bytes / all.files.max(1) as u64).max(1)).min()
    }

    /// The extents of the images, as far as they are known before pixels are read.
    ///
    /// # Errors
    /// If images cannot be read; names the first and counts them.
    pub(crate) fn shapes(&self) -> Result<Vec<Option<Shape>>> {
        let shape = |member| self.shape(member);
        let found: Vec<Result<Option<Shape>>> = (0..self.len()).into_par_iter().map(shape).collect();
        let bad = found.iter().filter(|shape| shape.is_err()).count();
        match found.into_iter().collect::<Result<Vec<_>, _>>() {
            Ok(shapes) => Ok(shapes),
            Err(first) if bad == 1 => Err(first),
            Err(first) => Err(Error::Frames(format!(
                "{bad} of {} images cannot be read, the first of them: {first}",
                self.len()
            ))),
        }
    }
}
