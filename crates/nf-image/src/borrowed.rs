//! A stack in memory that belongs to somebody else.

use crate::{Image16, PlaneAxis, Shape, ShapeError};
use std::ops::Range;

/// A stack whose samples are borrowed: a part of a memory map, an array of another library, or an
/// [`Image16`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageRef<'a> {
    shape: Shape,
    axis: PlaneAxis,
    origin: [usize; 2],
    samples: &'a [u16],
}

impl<'a> ImageRef<'a> {
    /// A stack of these samples, plane by plane, row by row.
    ///
    /// # Errors
    /// If the number of samples differs from the number of pixels of `shape`.
    pub fn new(shape: Shape, samples: &'a [u16]) -> Result<Self, ShapeError> {
        if shape.checked_pixels() != Some(samples.len()) {
            return Err(ShapeError { shape, found: samples.len() });
        }
        Ok(Self { shape, axis: PlaneAxis::None, origin: [0, 0], samples })
    }

    /// The same stack with another meaning of its planes.
    pub fn with_axis(self, axis: PlaneAxis) -> Self {
        Self { axis, ..self }
    }

    /// The same stack, whose first pixel lies at this row and column of its detector.
    pub fn with_origin(self, origin: [usize; 2]) -> Self {
        Self { origin, ..self }
    }

    /// Its extent.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// What the next plane means.
    pub fn axis(&self) -> PlaneAxis {
        self.axis
    }

    /// Row and column of the detector where its first pixel lies; (0, 0) unless
    /// [`with_origin`](Self::with_origin) said otherwise.
    pub fn origin(&self) -> [usize; 2] {
        self.origin
    }

    /// All samples, plane by plane, row by row.
    pub fn samples(&self) -> &'a [u16] {
        self.samples
    }

    /// The samples of one plane, row by row.
    ///
    /// # Panics
    /// If there is no such plane.
    pub fn plane(&self, plane: usize) -> &'a [u16] {
        let pixels = self.shape.plane_pixels();
        &self.samples[plane * pixels..][..pixels]
    }

    /// The samples of one row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, plane: usize, row: usize) -> &'a [u16] {
        let Shape { height, width, .. } = self.shape;
        &self.samples[(plane * height + row) * width..][..width]
    }

    /// The full rows `rows` of the planes `planes`, if they lie side by side: all rows, or those of
    /// one plane.
    ///
    /// # Panics
    /// If a range reaches beyond the stack.
    pub fn band(&self, planes: Range<usize>, rows: Range<usize>) -> Option<Self> {
        let Shape { height, width, .. } = self.shape;
        if planes.len() != 1 && rows.len() != height {
            return None;
        }
        let shape = Shape::new(planes.len(), rows.len(), width);
        let samples = &self.samples[(planes.start * height + rows.start) * width..][..shape.pixels()];
        Some(Self { shape, samples, ..*self })
    }

    /// A copy of a box of pixels; the axis is kept.
    ///
    /// # Panics
    /// If a range reaches beyond the stack.
    pub fn crop(&self, planes: Range<usize>, rows: Range<usize>, columns: Range<usize>) -> Image16 {
        let shape = Shape::new(planes.len(), rows.len(), columns.len());
        let mut samples = Vec::with_capacity(shape.pixels());
        for plane in planes {
            for row in rows.clone() {
                samples.extend_from_slice(&self.row(plane, row)[columns.clone()]);
            }
        }
        Image16::new(shape, samples).expect("as many samples as the box has pixels").with_axis(self.axis)
    }

    /// A copy of the stack.
    pub fn to_image(&self) -> Image16 {
        Image16::new(self.shape, self.samples.to_vec())
            .expect("as many samples as the shape has pixels")
            .with_axis(self.axis)
    }
}

/// The samples of an array do not lie side by side, plane by plane, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an array of {shape} is not contiguous in C order, and can only be copied (Image16::from)")]
pub struct OrderError {
    /// Extents of the array.
    pub shape: Shape,
}

/// What is known of the detector stays behind.
impl<'a> From<&'a Image16> for ImageRef<'a> {
    fn from(image: &'a Image16) -> Self {
        Self { shape: image.shape(), axis: image.axis(), origin: [0, 0], samples: image.samples() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_borrowed_stack_is_the_stack() {
        let shape = Shape::new(2, 3, 4);
        let image =
            Image16::from_fn(shape, |p, r, c| (100 * p + 10 * r + c) as u16).with_axis(PlaneAxis::Time);
        let borrowed = ImageRef::from(&image);
        assert_eq!(borrowed.to_image(), image);
        assert_eq!(borrowed.row(1, 2), image.row(1, 2));
        assert_eq!(borrowed.plane(1), image.plane(1));
        for (planes, rows) in [(0..2, 0..3), (1..2, 1..3), (1..1, 0..3), (0..1, 2..2), (1..2, 0..3)] {
            let band = borrowed.band(planes.clone(), rows.clone()).unwrap();
            assert_eq!(band.to_image(), image.crop(planes, rows, 0..4));
        }
        assert_eq!(borrowed.band(0..2, 1..3), None);
        assert_eq!(borrowed.crop(1..2, 0..2, 1..3), image.crop(1..2, 0..2, 1..3));
        assert_eq!(borrowed, ImageRef::new(shape, image.samples()).unwrap().with_axis(PlaneAxis::Time));
        assert!(ImageRef::new(Shape::frame(2, 2), image.samples()).is_err());
    }
}
