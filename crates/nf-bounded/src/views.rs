//! Arrays from and to those of the crate `ndarray` (feature `ndarray`).

use crate::{Array, Error, Result, Samples};
use ndarray::{ArrayD, ArrayView, Dimension, IxDyn};

impl Array {
    /// The array of a view of one to four axes, whatever its strides.
    ///
    /// # Errors
    /// [`Error::Shape`] if it has no or more axes.
    pub fn of_view<T: Clone, D: Dimension>(view: &ArrayView<'_, T, D>) -> Result<Self>
    where
        Samples: From<Vec<T>>,
    {
        Self::new(view.shape().to_vec(), view.iter().cloned().collect::<Vec<T>>())
    }
}

macro_rules! try_from_array {
    ($($type:ty, $name:ident;)*) => {$(
        impl TryFrom<Array> for ArrayD<$type> {
            type Error = Error;

            /// Fails with the array's axes where its samples are of another type.
            fn try_from(array: Array) -> Result<Self> {
                let axes = array.axes().to_vec();
                let samples = array.samples().len();
                let wrong = |reason| Error::Shape { axes: axes.clone(), samples, reason };
                let Samples::$name(values) = array.into_samples() else {
                    return Err(wrong("its samples are of another type"));
                };
                Self::from_shape_vec(IxDyn(&axes), values).map_err(|_| wrong("the axes do not fit"))
            }
        }
    )*};
}
try_from_array! { u8, U8; i16, I16; u16, U16; i32, I32; f32, F32; f64, F64; }

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis, Slice};

    #[test]
    fn views_of_every_stride_are_taken_in_their_order() {
        let whole = Array2::from_shape_fn((4, 6), |(y, x)| (10 * y + x) as f32);
        let mut view = whole.view();
        view.slice_axis_inplace(Axis(0), Slice::new(0, None, 2));
        view.slice_axis_inplace(Axis(1), Slice::new(1, None, 3));
        let array = Array::of_view(&view.reversed_axes()).unwrap();
        assert_eq!(array.axes(), [2, 2]);
        let Samples::F32(values) = array.samples() else { panic!("the type is kept") };
        assert_eq!(values, &[1.0, 21.0, 4.0, 24.0]);
        let back: ArrayD<f32> = array.clone().try_into().unwrap();
        assert_eq!(back[[1, 0]], 4.0);
        assert!(ArrayD::<u16>::try_from(array).is_err());
        let five = ArrayD::<u8>::zeros(IxDyn(&[1, 1, 1, 1, 1]));
        assert!(Array::of_view(&five.view()).is_err());
    }
}
