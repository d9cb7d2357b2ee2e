//! FITS files: plain images, and the tiled-image compression convention.
//!
//! ```no_run
//! use nf_fits::FitsFile;
//!
//! let file = FitsFile::open("frame.fits.fz")?; // plain, .gz, .bz2, .Z, or tile-compressed: seen from the bytes
//! for hdu in file.image_hdus() {
//!     println!("HDU {}: {} {}", hdu.index(), hdu.sample_type(), hdu.shape());
//!     let stack = hdu.read()?; // nf_image::Image16, with the Detector that the header names
//!     println!("{} {:?}", stack.digest().short(), stack.detector());
//! }
//! # Ok::<(), nf_fits::Error>(())
//! ```
//!
//! Opening reads headers only; pixels are read on request and by position, whole
//! ([`ImageHdu::read`]), by planes and rows ([`ImageHdu::read_planes`], [`ImageHdu::read_rows`]) or
//! by [`Section`]. Nothing is allocated because a header claims it: sizes are checked against the
//! file first.
//!
//! What to look at for what:
//!
//! - [`FitsFile`], [`Hdu`], [`Header`], [`Card`]: what a file holds; [`describe`]: the same in
//!   words and numbers.
//! - [`ImageHdu`]: reading an image; [`Pixels`] as stored, or samples through [`SampleMap`].
//! - [`FitsWriter`], [`write_image`]: writing plain images, with the original header where there is
//!   one.
//! - [`tiled`]: compressed images; [`TableTiling`]: compressed tables; [`pack`]: whole files,
//!   packed, unpacked and verified.
//! - [`npy`]: NumPy files.
//! - [`Limits`], [`Error`].
#![forbid(unsafe_code)]

mod bounded;
mod card;
mod checksum;
mod cutout;
pub mod describe;
mod detector;
mod error;
mod file;
mod form;
mod geometry;
mod hdu;
mod header;
mod image;
mod inflate;
mod limits;
pub mod npy;
pub mod pack;
mod pixel_form;
mod pixels;
mod positions;
mod read_ahead;
mod samples16;
mod scale;
mod section;
mod source;
mod sums;
mod tables;
mod target;
#[cfg(test)]
mod testdata;
pub mod tiled;
mod unlzw;
mod write;

pub use bounded::{BoundCards, BoundTolerance, Rescaled};
pub use card::{CARD_BYTES, Card, Value};
pub use checksum::Checksums;
pub use cutout::cutout;
pub use detector::origin as detector_origin;
pub use error::{Error, Result};
pub use file::FitsFile;
pub use geometry::Geometry;
pub use hdu::{Hdu, HduKind};
pub use header::{BLOCK_BYTES, Header};
pub use image::ImageHdu;
pub use limits::Limits;
pub use pixel_form::PixelForm;
pub use pixels::{Pixels, SampleType};
pub use samples16::SampleMap;
pub use scale::PhysicalScale;
pub use section::Section;
pub use tables::{ColumnAlgorithm, TableTiling};
pub use target::Target;
pub use write::{FitsWriter, write_image};

// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
