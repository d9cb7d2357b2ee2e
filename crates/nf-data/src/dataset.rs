//! What a dataset promises.

use crate::{Facts, Result};
use nf_image::{Digest, Image16, Shape};
use std::fmt;

/// A finite list of images in a fixed order.
///
/// # What implementers promise
///
/// 1. `len` and `name` cost nothing that touches pixels, and never change during the dataset's
///    life.
/// 2. `image(i)` gives the same pixels every time, on every machine; one image is in memory at a
///    time unless the caller keeps more. Members may be read from several threads.
/// 3. Membership and order come from lists in the manifest, never from a draw at run time.
pub trait Dataset: Send + Sync {
    /// What the data are.
    fn card(&self) -> &Card;

    /// How many images there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of an image, unique in the dataset.
    ///
    /// # Panics
    /// If `index` is not below `len`.
    fn name(&self, index: usize) -> String;

    /// The pixels of an image.
    ///
    /// # Errors
    /// If its file is missing, is not what the manifest describes, or holds no such image.
    ///
    /// # Panics
    /// If `index` is not below `len`.
    fn image(&self, index: usize) -> Result<Image16>;

    /// The extent of an image, where it can be told without reading its pixels; the same as
    /// [`Dataset::image`] gives.
    ///
    /// # Errors
    /// As for [`Dataset::image`], as far as it is seen without pixels.
    ///
    /// # Panics
    /// If `index` is not below `len`.
    fn shape(&self, index: usize) -> Result<Option<Shape>> {
        let _ = index;
        Ok(None)
    }

    /// The number of the file that an image lies in, for those who read in an order of their own:
    /// images of one file follow one another and are cheapest in order.
    ///
    /// # Panics
    /// If `index` is not below `len`.
    fn file(&self, index: usize) -> usize {
        index
    }

    /// Whether every image is one short read, wherever it lies, so that nothing is gained by
    /// reading in order or by keeping images in memory.
    fn is_read_at_random(&self) -> bool {
        false
    }

    /// Whether the file of an image is on this disk.
    ///
    /// # Panics
    /// If `index` is not below `len`.
    fn is_here(&self, index: usize) -> bool {
        let _ = index;
        true
    }

    /// Brings the file of an image to this disk, so that [`Dataset::image`] need not.
    ///
    /// # Errors
    /// If it cannot be had.
    ///
    /// # Panics
    /// If `index` is not below `len`.
    fn fetch(&self, index: usize) -> Result<()> {
        let _ = index;
        Ok(())
    }

    /// What the header of an image says besides its pixels; nothing where there is no header.
    ///
    /// # Errors
    /// As for [`Dataset::image`].
    ///
    /// # Panics
    /// If `index` is not below `len`.
    fn facts(&self, index: usize) -> Result<Facts> {
        let _ = index;
        Ok(Facts::default())
    }

    /// What fetching all of it takes; `None` where nothing is fetched.
    fn download(&self) -> Option<Download> {
        None
    }

    /// What the image is worth in bits to who knows the distribution it was drawn from; `None`
    /// where nobody does.
    ///
    /// Costs up to a few microseconds per pixel.
    ///
    /// # Errors
    /// As for [`Dataset::image`].
    ///
    /// # Panics
    /// If `index` is not below `len`.
    fn oracle(&self, index: usize) -> Result<Option<Oracle>> {
        let _ = index;
        Ok(None)
    }
}

/// What fetching a dataset takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Files of the dataset.
    pub files: usize,
    /// Their size, bytes.
    pub bytes: u64,
    /// Files that are not here yet.
    pub missing_files: usize,
    /// Their size, bytes.
    pub missing_bytes: u64,
    /// Bytes of these that an interrupted fetch has left.
    pub begun_bytes: u64,
    /// Files that a limit leaves out, which are not counted above.
    pub left_out_files: usize,
    /// Their size, bytes.
    pub left_out_bytes: u64,
    /// What fetched files of its repository may take on this disk, bytes.
    pub budget_bytes: u64,
    /// Where they are put.
    pub folder: std::path::PathBuf,
}

/// What a simulated image is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Oracle {
    /// -log2 of the probability of the pixels under their distribution, given everything that was
    /// certain before the noise was drawn (sky, sources, cosmic rays, detector maps): no code can
    /// be shorter on average.
    pub given_layers_bits: f64,
    /// What a description of this exposure's own layers costs on top, where it is known.
    pub layers_bits: Option<f64>,
}

/// What a dataset is.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// Its name, as in tables and file names.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Instrument or instruments.
    pub instrument: String,
    /// Licence of the pixels.
    pub licence: String,
    /// Where the pixels come from.
    pub origin: String,
    /// The view: which images of a file are taken, and what of them.
    pub view: String,
    /// The split.
    pub split: String,
    /// Fingerprint of everything in the manifest that decides pixels and order.
    pub digest: Digest,
}

impl Card {
    /// The card of data that no manifest describes.
    pub fn undescribed(name: &str) -> Self {
        let unknown = || "not stated".to_owned();
        Self {
            name: name.to_owned(),
            title: name.to_owned(),
            instrument: unknown(),
            licence: unknown(),
            origin: name.to_owned(),
            view: "whole".to_owned(),
            split: "all".to_owned(),
            digest: Digest::of_bytes(name.as_bytes()),
        }
    }
}

impl fmt::Display for Card {
    /// `name/view@split`, as it is asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.name, self.view, self.split)
    }
}
