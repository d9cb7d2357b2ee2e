//! NumPy arrays as stacks, borrowed: bands are taken out of them while they are coded, in whatever
//! order and byte order they lie.

use crate::error::{Failure, Kind, Result};
use nf_codec::container::{ImageSource, SampleFormat};
use nf_fits::npy::{ValueForm, stack_shape};
use nf_image::{Image16, PlaneAxis, Shape};
use numpy::ndarray::{ArrayViewD, Axis, Slice};
use numpy::{PyArrayDescrMethods, PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// A borrowed array of words of 8 or 16 bits.
#[derive(FromPyObject)]
pub(crate) enum Words<'py> {
    /// Of 16 bits; of any sign and byte order, as `descr` says.
    Wide(PyReadonlyArrayDyn<'py, u16>),
    /// Of 8 bits.
    Narrow(PyReadonlyArrayDyn<'py, u8>),
}

/// Views of it, without the interpreter.
enum View<'a> {
    Wide(ArrayViewD<'a, u16>),
    Narrow(ArrayViewD<'a, u8>),
}

/// A borrowed array as the stack whose samples `docs/python.md` defines: signed values shifted by
/// half of their range, leading axes flattened to planes.
pub(crate) struct ArraySource<'a> {
    view: View<'a>,
    form: ValueForm,
    shape: Shape,
}

impl<'a> ArraySource<'a> {
    /// The stack of an array of NumPy's type `descr`.
    ///
    /// # Errors
    /// If `descr` is no integer of 8 or 16 bits, or not as wide as the words.
    pub(crate) fn new(words: &'a Words<'_>, descr: &str) -> Result<Self> {
        let view = match words {
            Words::Wide(array) => View::Wide(array.as_array()),
            Words::Narrow(array) => View::Narrow(array.as_array()),
        };
        let form = ValueForm::parse(descr).filter(|form| form.wide == matches!(view, View::Wide(_)));
        let form = form.ok_or_else(|| {
            let message = format!("an array of '{descr}' cannot be coded, expected integers of 8 or 16 bits");
            Failure::new(Kind::Unsupported, message)
        })?;
        let axes = match &view {
            View::Wide(view) => view.shape(),
            View::Narrow(view) => view.shape(),
        };
        // An array in memory has fewer elements than a usize can count; one without elements may
        // still have too many planes.
        let shape = stack_shape(axes).ok_or_else(|| {
            Failure::new(Kind::Unsupported, format!("a shape of {axes:?} has too many planes"))
        })?;
        Ok(Self { view, form, shape })
    }

    /// The axes as NumPy counts them.
    pub(crate) fn axes(&self) -> &[usize] {
        match &self.view {
            View::Wide(view) => view.shape(),
            View::Narrow(view) => view.shape(),
        }
    }

    /// How a file of this array stores a sample, and what was added to the value.
    pub(crate) fn format(&self) -> (SampleFormat, i64) {
        let format = match (self.form.wide, self.form.big_endian) {
            (false, _) => SampleFormat::U8,
            (true, false) => SampleFormat::U16Le,
            (true, true) => SampleFormat::I16Be,
        };
        (format, i64::from(self.form.offset()))
    }

    /// The whole array as a stack of its own.
    pub(crate) fn to_image(&self) -> Image16 {
        self.copy(0..self.shape.planes, 0..self.shape.height)
    }

    fn copy(&self, planes: Range<usize>, rows: Range<usize>) -> Image16 {
        let shape = Shape::new(planes.len(), rows.len(), self.shape.width);
        let mut samples = Vec::with_capacity(shape.pixels());
        let offset = self.form.offset();
        match &self.view {
            // NumPy's view of foreign words as native ones leaves their bytes as they are.
            View::Wide(view) if self.form.big_endian != cfg!(target_endian = "big") => {
                copy_rows(view, planes, rows, &mut samples, |word: u16| word.swap_bytes() ^ offset);
            }
            View::Wide(view) => copy_rows(view, planes, rows, &mut samples, |word: u16| word ^ offset),
            View::Narrow(view) => {
                copy_rows(view, planes, rows, &mut samples, |byte: u8| u16::from(byte) ^ offset);
            }
        }
        Image16::new(shape, samples).expect("as many samples as the rows have")
    }
}

/// Appends the samples of these rows of these planes.
fn copy_rows<T: Copy>(
    view: &ArrayViewD<'_, T>,
    planes: Range<usize>,
    rows: Range<usize>,
    samples: &mut Vec<u16>,
    sample: impl Fn(T) -> u16,
) {
    let leading = view.ndim().saturating_sub(2);
    for mut plane in planes {
        let mut place = vec![0; leading];
        for axis in (0..leading).rev() {
            place[axis] = plane % view.shape()[axis];
            plane /= view.shape()[axis];
        }
        let mut of_plane = view.view();
        for index in place {
            of_plane = of_plane.index_axis_move(Axis(0), index);
        }
        if of_plane.ndim() == 2 {
            of_plane.slice_axis_inplace(Axis(0), Slice::from(rows.clone()));
        } else if rows.is_empty() {
            continue;
        }
        match of_plane.as_slice() {
            Some(words) => samples.extend(words.iter().map(|&word| sample(word))),
            None => samples.extend(of_plane.iter().map(|&word| sample(word))),
        }
    }
}

/// Bands are copied even where they could be borrowed: another thread of Python may write to the
/// array meanwhile, and what is coded and compared must be one and the same.
impl ImageSource for ArraySource<'_> {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn axis(&self) -> PlaneAxis {
        PlaneAxis::None
    }

    fn band(&mut self, planes: Range<usize>, rows: Range<usize>) -> nf_codec::Result<Cow<'_, Image16>> {
        Ok(Cow::Owned(self.copy(planes, rows)))
    }
}

/// Refuses what is no array of words in memory, in words.
pub(crate) fn words<'py>(array: &Bound<'py, PyAny>) -> Result<Words<'py>> {
    array.extract().map_err(|_| {
        let found = match array.cast::<PyUntypedArray>() {
            Ok(array) => format!("an array of {} with itemsize {}", array.dtype(), array.dtype().itemsize()),
            Err(_) => "no NumPy array".to_owned(),
        };
        Failure::new(Kind::Unsupported, format!("{found}; expected native uint16 or uint8 words"))
    })
}
