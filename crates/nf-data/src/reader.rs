//! Image files: what stacks of 16-bit frames a file holds.

use crate::{Error, Facts, FitsOptions, Result, facts};
use nf_fits::{FitsFile, npy};
use nf_image::{Detector, Image16, Shape};
use std::ops::Range;
use std::path::{Path, PathBuf};

fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"))
}

/// An open image file.
pub(crate) struct ImageFile {
    path: PathBuf,
    content: Content,
}

enum Content {
    /// With the indices of its image HDUs, empty ones left out.
    Fits(FitsFile, Vec<usize>),
    /// A NumPy file, or samples that a table held; with the bytes of a value where they are known.
    Plain(Image16, Option<usize>),
}

impl ImageFile {
    /// Reads what the file holds; of a FITS file, only headers.
    ///
    /// # Errors
    /// If it cannot be read or is neither FITS nor NumPy.
    pub(crate) fn open(path: &Path, fits: &FitsOptions) -> Result<Self> {
        if is_npy(path) {
            return Self::of_bytes(path, std::fs::read(path).map_err(Error::io(path))?, fits);
        }
        fits.open(path).map(|file| Self::of_fits(path, file)).map_err(Self::wrong_in(path))
    }

    /// Reads what bytes hold; `path` names them in errors.
    ///
    /// # Errors
    /// If they are neither FITS nor NumPy.
    pub(crate) fn of_bytes(path: &Path, bytes: Vec<u8>, fits: &FitsOptions) -> Result<Self> {
        if npy::is_npy(&bytes) || is_npy(path) {
            let file = npy::parse(&bytes, &fits.limits).map_err(Self::wrong_in(path))?;
            let content = Content::Plain(file.image, Some(file.form.bytes()));
            return Ok(Self { path: path.to_owned(), content });
        }
        fits.of_bytes(bytes).map(|file| Self::of_fits(path, file)).map_err(Self::wrong_in(path))
    }

    fn of_fits(path: &Path, file: FitsFile) -> Self {
        let images = file.image_hdus().filter(|hdu| hdu.pixels() > 0).map(|hdu| hdu.index()).collect();
        Self { path: path.to_owned(), content: Content::Fits(file, images) }
    }

    /// Samples that are here already.
    pub(crate) fn of_image(image: Image16) -> Self {
        Self { path: PathBuf::new(), content: Content::Plain(image, None) }
    }

    /// The FITS file, if it is one.
    pub(crate) fn fits(&self) -> Option<&FitsFile> {
        match &self.content {
            Content::Fits(file, _) => Some(file),
            Content::Plain(..) => None,
        }
    }

    /// What the header of a stack says.
    pub(crate) fn facts(&self, stack: usize) -> Facts {
        match &self.content {
            Content::Fits(file, images) => Facts::of_fits(file, images.get(stack).copied()),
            Content::Plain(_, pixel_bytes) => Facts { pixel_bytes: *pixel_bytes, ..Facts::default() },
        }
    }

    /// What the header of a stack says of blind regions.
    pub(crate) fn detector(&self, stack: usize) -> Option<Detector> {
        match &self.content {
            Content::Fits(file, images) => facts::detector(file, *images.get(stack)?),
            Content::Plain(..) => None,
        }
    }

    /// The instrument that the header of a stack names; empty if it is silent.
    pub(crate) fn instrument(&self, stack: usize) -> String {
        match &self.content {
            Content::Fits(file, images) => {
                images.get(stack).map(|&hdu| facts::instrument(file, hdu)).unwrap_or_default()
            }
            Content::Plain(..) => String::new(),
        }
    }

    /// Number of stacks: image HDUs with pixels, in the file's order.
    pub(crate) fn stacks(&self) -> usize {
        match &self.content {
            Content::Fits(_, images) => images.len(),
            Content::Plain(..) => 1,
        }
    }

    /// Extent of a stack.
    pub(crate) fn shape(&self, stack: usize) -> Result<Shape> {
        match &self.content {
            Content::Fits(file, images) => {
                Ok(file.image(images[stack]).map_err(|error| self.wrong(error))?.shape())
            }
            Content::Plain(image, _) => Ok(image.shape()),
        }
    }

    /// Some planes of a stack.
    pub(crate) fn read(&self, stack: usize, planes: Range<usize>) -> Result<Image16> {
        match &self.content {
            Content::Fits(file, images) => file
                .image(images[stack])
                .and_then(|hdu| hdu.read_planes(planes))
                .map_err(|error| self.wrong(error)),
            Content::Plain(image, _) => {
                let shape = image.shape();
                Ok(image.crop(planes, 0..shape.height, 0..shape.width))
            }
        }
    }

    fn wrong(&self, error: nf_fits::Error) -> Error {
        Self::wrong_in(&self.path)(error)
    }

    fn wrong_in(path: &Path) -> impl Fn(nf_fits::Error) -> Error + '_ {
        move |error| {
            let (text, name) = (error.to_string(), format!("{}: ", path.display()));
            // Where the reader below names the file as well, it is named once.
            let reason = text.strip_prefix(&name).map_or_else(|| text.clone(), str::to_owned);
            let path = path.to_owned();
            match error {
                nf_fits::Error::Limit { .. } => Error::Limit { path, reason },
                _ => Error::Image { path, reason },
            }
        }
    }
}
