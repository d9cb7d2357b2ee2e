//! Models of a tile's samples, each with a payload of its own. They do not know each other.
//!
//! - [`split_rows`]: even and odd columns of a row as wholes, with a model fitted to the tile and
//!   stored.
//! - [`wavefront`]: sixteen rows at a time, with a model that adapts to what was coded.
//! - [`mixing`]: pixel by pixel, adaptive mixing of many predictions at every binary decision.

pub mod mixing;
pub mod split_rows;
pub mod wavefront;

use nf_image::Image16;

/// The samples of a tile, row by row.
#[derive(Clone, Copy, Debug)]
pub struct TileView<'a> {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `height * width` samples.
    pub samples: &'a [u16],
}

impl<'a> TileView<'a> {
    /// `samples` as rows of `width`.
    ///
    /// # Panics
    /// If there are not `height * width` of them.
    pub fn new(height: usize, width: usize, samples: &'a [u16]) -> Self {
        assert_eq!(
            Some(samples.len()),
            height.checked_mul(width),
            "a tile has as many samples as its extent"
        );
        Self { height, width, samples }
    }

    /// All planes of an image, one below the other.
    pub fn of(image: &'a Image16) -> Self {
        let shape = image.shape();
        Self::new(shape.planes * shape.height, shape.width, image.samples())
    }
}
