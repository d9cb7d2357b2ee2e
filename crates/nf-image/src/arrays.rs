//! Stacks as arrays of the crate `ndarray`, and arrays as stacks (feature `ndarray`).

use crate::{Image16, ImageRef, OrderError, Shape};
use ndarray::{Array2, Array3, ArrayView2, ArrayView3, ArrayViewMut3, Axis};

impl Image16 {
    /// The samples as an array of planes, rows and columns; nothing is copied.
    pub fn view(&self) -> ArrayView3<'_, u16> {
        ArrayView3::from_shape(extents(self.shape()), self.samples()).expect("the samples of the shape")
    }

    /// The same, to be written.
    pub fn view_mut(&mut self) -> ArrayViewMut3<'_, u16> {
        let shape = extents(self.shape());
        ArrayViewMut3::from_shape(shape, self.samples_mut()).expect("the samples of the shape")
    }
}

fn extents(shape: Shape) -> [usize; 3] {
    [shape.planes, shape.height, shape.width]
}

fn shape_of(extents: &[usize]) -> Shape {
    Shape::new(extents[0], extents[1], extents[2])
}

/// One copy, whatever the strides.
impl From<ArrayView3<'_, u16>> for Image16 {
    fn from(view: ArrayView3<'_, u16>) -> Self {
        let samples = match view.as_slice() {
            Some(samples) => samples.to_vec(),
            None => view.iter().copied().collect(),
        };
        Self::new(shape_of(view.shape()), samples).expect("as many samples as the array has")
    }
}

/// A single frame, by one copy, whatever the strides.
impl From<ArrayView2<'_, u16>> for Image16 {
    fn from(view: ArrayView2<'_, u16>) -> Self {
        view.insert_axis(Axis(0)).into()
    }
}

/// Without a copy, if the array is whole and in C order; otherwise by one.
impl From<Array3<u16>> for Image16 {
    fn from(array: Array3<u16>) -> Self {
        if !array.is_standard_layout() {
            return array.view().into();
        }
        let (shape, pixels) = (shape_of(array.shape()), array.len());
        let (mut samples, offset) = array.into_raw_vec_and_offset();
        // What was sliced away may still lie before and behind.
        let start = offset.unwrap_or(0);
        if start > 0 {
            samples.drain(..start);
        }
        samples.truncate(pixels);
        Self::new(shape, samples).expect("as many samples as the array has")
    }
}

/// As from an array of three axes.
impl From<Array2<u16>> for Image16 {
    fn from(array: Array2<u16>) -> Self {
        array.insert_axis(Axis(0)).into()
    }
}

/// Without a copy.
impl From<Image16> for Array3<u16> {
    fn from(image: Image16) -> Self {
        let shape = extents(image.shape());
        Self::from_shape_vec(shape, image.into_samples()).expect("the samples of the shape")
    }
}

/// Without a copy; an array in another order than C is refused, and `Image16::from` copies it.
impl<'a> TryFrom<ArrayView3<'a, u16>> for ImageRef<'a> {
    type Error = OrderError;

    fn try_from(view: ArrayView3<'a, u16>) -> Result<Self, OrderError> {
        let shape = shape_of(view.shape());
        view.to_slice().and_then(|samples| Self::new(shape, samples).ok()).ok_or(OrderError { shape })
    }
}

/// As from an array of three axes.
impl<'a> TryFrom<ArrayView2<'a, u16>> for ImageRef<'a> {
    type Error = OrderError;

    fn try_from(view: ArrayView2<'a, u16>) -> Result<Self, OrderError> {
        view.insert_axis(Axis(0)).try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Slice;

    fn array() -> Array3<u16> {
        Array3::from_shape_fn((2, 3, 4), |(p, r, c)| (100 * p + 10 * r + c) as u16)
    }

    #[test]
    fn a_view_is_the_memory_of_the_stack() {
        let mut image = Image16::from(array());
        assert_eq!(image.view(), array());
        assert_eq!(image.view().as_ptr(), image.samples().as_ptr());
        image.view_mut()[[1, 2, 3]] = 7;
        assert_eq!(image.row(1, 2)[3], 7);
        for shape in [Shape::frame(0, 0), Shape::new(0, 4, 4), Shape::frame(3, 0)] {
            assert_eq!(Image16::zeros(shape).view().shape(), extents(shape));
        }
    }

    #[test]
    fn arrays_become_stacks_without_a_copy_where_they_lie_in_order() {
        let array = array();
        let place = array.as_ptr();
        let image = Image16::from(array);
        assert_eq!(image.samples().as_ptr(), place);
        let back = Array3::from(image);
        assert_eq!((back.as_ptr(), back.shape()), (place, &[2, 3, 4][..]));
        let frame = Array2::from_shape_fn((3, 4), |(r, c)| (10 * r + c) as u16);
        let place = frame.as_ptr();
        let image = Image16::from(frame);
        assert_eq!((image.samples().as_ptr(), image.shape()), (place, Shape::frame(3, 4)));
    }

    #[test]
    fn arrays_in_any_order_become_the_same_stack() {
        let cut = |axis, start, end, step| {
            move |array: &mut Array3<u16>| {
                array.slice_axis_inplace(Axis(axis), Slice::new(start, end, step));
            }
        };
        type Change<'a> = &'a dyn Fn(&mut Array3<u16>);
        let slices: [Change<'_>; 6] = [
            &cut(0, 1, None, 1),
            &cut(0, 0, Some(1), 1),
            &cut(1, 1, None, 1),
            &cut(1, 0, None, 2),
            &cut(2, 0, None, -1),
            &|array| array.swap_axes(0, 2),
        ];
        for (n, slice) in slices.into_iter().enumerate() {
            let mut array = array();
            slice(&mut array);
            let expected: Vec<u16> = array.iter().copied().collect();
            let of_view = Image16::from(array.view());
            assert_eq!((of_view.samples(), of_view.view().shape()), (&expected[..], array.shape()), "{n}");
            assert_eq!(ImageRef::try_from(array.view()).is_ok(), array.is_standard_layout(), "{n}");
            assert_eq!(Image16::from(array), of_view, "{n}");
        }
    }

    #[test]
    fn views_in_order_are_borrowed_and_others_refused() {
        let array = array();
        let borrowed = ImageRef::try_from(array.view()).unwrap();
        assert_eq!(borrowed.samples().as_ptr(), array.as_ptr());
        let plane = array.index_axis(Axis(0), 1);
        let borrowed = ImageRef::try_from(plane).unwrap();
        assert_eq!((borrowed.shape(), borrowed.row(0, 1)), (Shape::frame(3, 4), &[110, 111, 112, 113][..]));
        let error = ImageRef::try_from(array.slice_axis(Axis(2), Slice::from(..2))).unwrap_err();
        assert_eq!(error, OrderError { shape: Shape::new(2, 3, 2) });
        assert_eq!(Image16::from(plane).samples(), borrowed.samples());
    }
}
