//! The image type: a stack of 16-bit detector frames.
//!
//! - [`Image16`]: the pixels with their [`Shape`] and [`PlaneAxis`].
//! - [`ImageRef`]: the same in memory that belongs to somebody else.
//! - With the feature `ndarray` (on by default): [`Image16::view`], and stacks from and to arrays
//!   of that crate.
//! - [`Detector`]: what is known of the chip that made them.
//! - [`TileBox`] and [`Grid`]: boxes of pixels, and stacks cut into them.
//! - [`in_order`]: results of parallel work, or the first error.
//! - [`transpose`]: columns as rows.
//! - [`Digest`]: a fingerprint of pixels, or of anything else that must not change.
//! - `testing` (a feature): random numbers and frames for tests.
#![forbid(unsafe_code)]

#[cfg(feature = "ndarray")]
mod arrays;
mod borrowed;
mod detector;
mod digest;
mod grid;
mod image;
mod in_order;
mod shape;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod transpose;

pub use borrowed::{ImageRef, OrderError};
pub use detector::{Detector, Region, RegionKind};
pub use digest::{Digest, SampleDigester, StackDigester};
pub use grid::{Grid, TileBox};
pub use image::{Image16, ShapeError};
pub use in_order::in_order;
pub use shape::{PlaneAxis, Shape};
pub use transpose::transpose;

// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
