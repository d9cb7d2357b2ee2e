//! Stacks as NumPy arrays, in the type and with the axes that the original had.

use nf_codec::container::{Header, SampleFormat, Segment};
use nf_fits::{BLOCK_BYTES, npy};
use nf_image::{Image16, Shape};
use numpy::{IntoPyArray, PyArrayMethods};
use pyo3::prelude::*;

/// The type of the values that samples stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueType {
    U16,
    I16,
    U8,
    I8,
    Bool,
}

impl ValueType {
    /// NumPy's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::Bool => "bool",
        }
    }
}

/// What a stack was before it was coded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Original {
    pub(crate) value_type: ValueType,
    /// NumPy's type with its byte order, where an array was coded.
    pub(crate) descr: Option<String>,
    /// As NumPy counts them; their stack is that of the container. Of an array in Fortran order,
    /// those of the transposed one.
    pub(crate) axes: Vec<usize>,
    /// Whether the array was in Fortran order.
    pub(crate) fortran: bool,
}

impl Original {
    /// What the layout of a container says of stack `image`; where it says nothing, samples are
    /// their own values.
    pub(crate) fn of(header: &Header, image: usize) -> Self {
        let shape = header.images[image].shape;
        let plain = Self { value_type: ValueType::U16, descr: None, axes: stack_axes(shape), fortran: false };
        let Some(layout) = &header.layout else { return plain };
        let mut before: &[u8] = &[];
        for segment in &layout.segments {
            match segment {
                Segment::Verbatim(bytes) => before = bytes,
                Segment::Samples { image: found, format, .. } if *found as usize == image => {
                    let known = match npy::is_npy(before) {
                        true => of_npy(before),
                        false => of_fits(before, *format),
                    };
                    return known.filter(|own| npy::stack_shape(&own.axes) == Some(shape)).unwrap_or(plain);
                }
                Segment::Samples { .. } => before = &[],
            }
        }
        plain
    }
}

fn stack_axes(shape: Shape) -> Vec<usize> {
    match shape.planes {
        1 => vec![shape.height, shape.width],
        planes => vec![planes, shape.height, shape.width],
    }
}

fn of_npy(header: &[u8]) -> Option<Original> {
    let npy::NpyHeader { descr, form, mut axes, fortran, .. } = npy::parse_header(header).ok()?;
    let value_type = match (form.wide, form.signed) {
        (true, false) => ValueType::U16,
        (true, true) => ValueType::I16,
        (false, true) => ValueType::I8,
        (false, false) if descr.ends_with("b1") => ValueType::Bool,
        (false, false) => ValueType::U8,
    };
    if fortran {
        axes.reverse();
    }
    Some(Original { value_type, descr: Some(descr), axes, fortran })
}

/// From the header at the end of the bytes before the samples. Stored values are given where BSCALE
/// and BZERO make anything but integers of 16 bits of them.
fn of_fits(before: &[u8], format: SampleFormat) -> Option<Original> {
    let starts = (0..=before.len().checked_sub(BLOCK_BYTES)?).rev().step_by(BLOCK_BYTES);
    let begins =
        |at: &usize| before[*at..].starts_with(b"SIMPLE  ") || before[*at..].starts_with(b"XTENSION");
    let start = starts.into_iter().find(begins)?;
    let header = nf_fits::Header::from_bytes(before[start..].to_vec()).ok()?;
    let count = usize::try_from(header.integer("NAXIS").ok()??).ok().filter(|&n| n <= 999)?;
    let axis = |n: usize| usize::try_from(header.integer(&format!("NAXIS{n}")).ok()??).ok();
    let axes = (1..=count).rev().map(axis).collect::<Option<Vec<_>>>()?;
    let scale = header.physical_scale();
    let value_type = match format {
        SampleFormat::U8 => ValueType::U8,
        SampleFormat::I16Be if (scale.scale, scale.zero) != (1.0, 32_768.0) => ValueType::I16,
        // The sum of a wide value and BZERO is the sample.
        _ => ValueType::U16,
    };
    Some(Original { value_type, descr: None, axes, fortran: false })
}

/// Values in memory, ready to become an array.
pub(crate) enum Values {
    U16(Vec<u16>),
    I16(Vec<i16>),
    U8(Vec<u8>),
    I8(Vec<i8>),
    Bool(Vec<bool>),
}

impl Values {
    /// The values that samples stand for; those of 16 bits are changed where they lie.
    pub(crate) fn of(image: Image16, value_type: ValueType) -> Self {
        let mut samples = image.into_samples();
        match value_type {
            ValueType::U16 => Self::U16(samples),
            ValueType::I16 => {
                samples.iter_mut().for_each(|sample| *sample ^= 0x8000);
                Self::I16(bytemuck::allocation::cast_vec(samples))
            }
            ValueType::U8 => Self::U8(samples.iter().map(|&sample| sample as u8).collect()),
            ValueType::I8 => Self::I8(samples.iter().map(|&sample| (sample as u8 ^ 0x80) as i8).collect()),
            ValueType::Bool => Self::Bool(samples.iter().map(|&sample| sample != 0).collect()),
        }
    }

    /// As an array of these axes, which takes the memory over.
    pub(crate) fn into_array<'py>(self, py: Python<'py>, axes: &[usize]) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::U16(values) => shaped(py, values, axes),
            Self::I16(values) => shaped(py, values, axes),
            Self::U8(values) => shaped(py, values, axes),
            Self::I8(values) => shaped(py, values, axes),
            Self::Bool(values) => shaped(py, values, axes),
        }
    }
}

/// A vector as an array of these axes, without a copy.
pub(crate) fn shaped<'py, T: numpy::Element>(
    py: Python<'py>,
    values: Vec<T>,
    axes: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    Ok(values.into_pyarray(py).reshape(axes.to_vec())?.into_any())
}
