//! A stack of 16-bit frames.

use crate::{Detector, Digest, PlaneAxis, Shape};
use std::ops::Range;

/// A stack of planes of unsigned 16-bit samples; a single frame is a stack of one.
///
/// The samples are contiguous: plane by plane, in a plane row by row, in a row column by column.
/// Signed FITS data become unsigned in the reader, through BZERO; no other meaning is attached to
/// the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image16 {
    shape: Shape,
    axis: PlaneAxis,
    samples: Vec<u16>,
    detector: Option<Detector>,
}

/// The number of samples is not the number of pixels that the shape announces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a shape of {shape} needs {expected} samples, {found} were given", expected = shape_words(.shape))]
pub struct ShapeError {
    /// The shape announced.
    pub shape: Shape,
    /// The number of samples given.
    pub found: usize,
}

fn shape_words(shape: &Shape) -> String {
    shape.checked_pixels().map_or_else(|| "more than addressable".to_owned(), |n| n.to_string())
}

impl Image16 {
    /// A stack from its samples, plane by plane, row by row.
    ///
    /// # Errors
    /// If the number of samples differs from the number of pixels of `shape`.
    pub fn new(shape: Shape, samples: Vec<u16>) -> Result<Self, ShapeError> {
        if shape.checked_pixels() != Some(samples.len()) {
            return Err(ShapeError { shape, found: samples.len() });
        }
        Ok(Self { shape, axis: PlaneAxis::None, samples, detector: None })
    }

    /// A stack whose samples are all zero.
    pub fn zeros(shape: Shape) -> Self {
        Self { shape, axis: PlaneAxis::None, samples: vec![0; shape.pixels()], detector: None }
    }

    /// A stack whose sample at (plane, row, column) is `f(plane, row, column)`.
    pub fn from_fn(shape: Shape, mut f: impl FnMut(usize, usize, usize) -> u16) -> Self {
        let mut samples = Vec::with_capacity(shape.pixels());
        for plane in 0..shape.planes {
            for row in 0..shape.height {
                samples.extend((0..shape.width).map(|column| f(plane, row, column)));
            }
        }
        Self { shape, axis: PlaneAxis::None, samples, detector: None }
    }

    /// The same stack with another meaning of its planes.
    pub fn with_axis(mut self, axis: PlaneAxis) -> Self {
        self.axis = axis;
        self
    }

    /// The same stack with what is known of its detector.
    pub fn with_detector(mut self, detector: Detector) -> Self {
        self.detector = Some(detector);
        self
    }

    /// Its extent.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// What the next plane means.
    pub fn axis(&self) -> PlaneAxis {
        self.axis
    }

    /// What is known of the detector.
    pub fn detector(&self) -> Option<&Detector> {
        self.detector.as_ref()
    }

    /// All samples, plane by plane, row by row.
    pub fn samples(&self) -> &[u16] {
        &self.samples
    }

    /// All samples, to be written.
    pub fn samples_mut(&mut self) -> &mut [u16] {
        &mut self.samples
    }

    /// The samples themselves.
    pub fn into_samples(self) -> Vec<u16> {
        self.samples
    }

    /// The samples of one plane, row by row.
    pub fn plane(&self, plane: usize) -> &[u16] {
        let n = self.shape.plane_pixels();
        &self.samples[plane * n..(plane + 1) * n]
    }

    /// The samples of one row.
    pub fn row(&self, plane: usize, row: usize) -> &[u16] {
        let width = self.shape.width;
        &self.plane(plane)[row * width..(row + 1) * width]
    }

    /// A copy of a box of pixels; axis kept, detector dropped (its regions would be displaced).
    ///
    /// # Panics
    /// If a range reaches beyond the stack.
    pub fn crop(&self, planes: Range<usize>, rows: Range<usize>, columns: Range<usize>) -> Self {
        let shape = Shape::new(planes.len(), rows.len(), columns.len());
        let mut samples = Vec::with_capacity(shape.pixels());
        for plane in planes {
            for row in rows.clone() {
                samples.extend_from_slice(&self.row(plane, row)[columns.clone()]);
            }
        }
        Self { shape, axis: self.axis, samples, detector: None }
    }

    /// Writes the pixels of `tile` over the box whose first corner is (plane, row, column).
    ///
    /// # Panics
    /// If the box reaches beyond the stack.
    pub fn paste(&mut self, tile: &Image16, plane: usize, row: usize, column: usize) {
        let (own, its) = (self.shape, tile.shape);
        for p in 0..its.planes {
            for r in 0..its.height {
                let start = ((plane + p) * own.height + row + r) * own.width + column;
                self.samples[start..start + its.width].copy_from_slice(tile.row(p, r));
            }
        }
    }

    /// Fingerprint of the samples, by [`Digest::of_planes`]. Extents within a plane are not part of
    /// it; the container states them beside it.
    pub fn digest(&self) -> Digest {
        let planes: Vec<Digest> =
            (0..self.shape.planes).map(|plane| Digest::of_samples(self.plane(plane))).collect();
        Digest::of_planes(&planes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(shape: Shape) -> Image16 {
        Image16::from_fn(shape, |p, r, c| (p * 10_000 + r * 100 + c) as u16)
    }

    #[test]
    fn crop_takes_the_box_and_paste_puts_it_back() {
        let whole = ramp(Shape::new(3, 5, 7));
        let cut = whole.crop(1..3, 2..4, 3..7);
        assert_eq!(cut.shape(), Shape::new(2, 2, 4));
        assert_eq!(cut.row(1, 0), &[20_203, 20_204, 20_205, 20_206]);
        let mut blank = whole.clone();
        blank.samples_mut()[7 * 5 + 2 * 7 + 3] = 0;
        blank.paste(&cut, 1, 2, 3);
        assert_eq!(blank, whole);
    }

    #[test]
    fn a_wrong_number_of_samples_is_refused() {
        let error = Image16::new(Shape::frame(2, 2), vec![0; 3]).unwrap_err();
        assert_eq!(error.to_string(), "a shape of 2x2 needs 4 samples, 3 were given");
        let lie = Shape::new(usize::MAX, usize::MAX, 2);
        assert!(Image16::new(lie, vec![]).unwrap_err().to_string().contains("more than addressable"));
    }

    #[test]
    fn empty_stacks_are_stacks() {
        for shape in [Shape::frame(0, 0), Shape::new(0, 4, 4), Shape::frame(3, 0)] {
            assert_eq!(Image16::zeros(shape).samples().len(), 0);
        }
    }
}
