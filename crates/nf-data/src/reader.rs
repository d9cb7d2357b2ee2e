//! Image files: what stacks of 16-bit frames a file holds.

use crate::{Error, Result};
use nf_fits::{FitsFile, npy};
use nf_image::{Image16, Shape};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Endings of the names of image files, longest first.
const ENDINGS: [&str; 7] = [".fits.fz", ".fits.gz", ".fit.gz", ".fits", ".fit", ".fts", ".npy"];

/// A file's name without the ending that says it holds images; `None` if it has no such ending.
pub(crate) fn image_stem(name: &str) -> Option<&str> {
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))
}

/// An open image file.
pub(crate) struct ImageFile {
    path: PathBuf,
    content: Content,
}

enum Content {
    /// With the indices of its image HDUs, empty ones left out.
    Fits(FitsFile, Vec<usize>),
    Npy(Image16),
}

impl ImageFile {
    /// Reads what the file holds; of a FITS file, only headers.
    ///
    /// # Errors
    /// If it cannot be read or is neither FITS nor NumPy.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let wrong = |error: nf_fits::Error| Error::Image { path: path.to_owned(), reason: error.to_string() };
        let content = if path.extension().is_some_and(|ending| ending == "npy") {
            let bytes = std::fs::read(path).map_err(Error::io(path))?;
            Content::Npy(npy::read(&bytes, &nf_fits::Limits::default()).map_err(wrong)?)
        } else {
            let file = FitsFile::open(path).map_err(wrong)?;
            let images = file.image_hdus().filter(|hdu| hdu.pixels() > 0).map(|hdu| hdu.index()).collect();
            Content::Fits(file, images)
        };
        Ok(Self { path: path.to_owned(), content })
    }

    /// Number of stacks: image HDUs with pixels, in the file's order.
    pub(crate) fn stacks(&self) -> usize {
        match &self.content {
            Content::Fits(_, images) => images.len(),
            Content::Npy(_) => 1,
        }
    }

    /// Extent of a stack.
    pub(crate) fn shape(&self, stack: usize) -> Result<Shape> {
        match &self.content {
            Content::Fits(file, images) => {
                Ok(file.image(images[stack]).map_err(|error| self.wrong(error))?.shape())
            }
            Content::Npy(image) => Ok(image.shape()),
        }
    }

    /// Some planes of a stack.
    pub(crate) fn read(&self, stack: usize, planes: Range<usize>) -> Result<Image16> {
        match &self.content {
            Content::Fits(file, images) => file
                .image(images[stack])
                .and_then(|hdu| hdu.read_planes(planes))
                .map_err(|error| self.wrong(error)),
            Content::Npy(image) => {
                let shape = image.shape();
                Ok(image.crop(planes, 0..shape.height, 0..shape.width))
            }
        }
    }

    fn wrong(&self, error: nf_fits::Error) -> Error {
        Error::Image { path: self.path.clone(), reason: error.to_string() }
    }
}
