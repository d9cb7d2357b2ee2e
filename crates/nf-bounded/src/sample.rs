//! Arrays of one to four axes, of integers and floating-point numbers.

use crate::{Error, Result};
use nf_image::{Digest, Shape};
use std::fmt;
use std::sync::OnceLock;

/// The type of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleType {
    /// Unsigned 8 bits.
    U8,
    /// Signed 16 bits.
    I16,
    /// Unsigned 16 bits.
    U16,
    /// Signed 32 bits.
    I32,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
}

impl SampleType {
    /// Every type, in the order of the container's codes.
    pub const ALL: [Self; 6] = [Self::U8, Self::I16, Self::U16, Self::I32, Self::F32, Self::F64];

    /// Its name in NumPy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I16 => "int16",
            Self::U16 => "uint16",
            Self::I32 => "int32",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// Bytes of one sample.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Whether samples are floating-point numbers.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

impl fmt::Display for SampleType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the quantisers need of a type. Every sample is exact as `f64`.
pub trait Sample: Copy + PartialOrd + Send + Sync + 'static {
    /// The type.
    const TYPE: SampleType;
    /// Its bits, in the low end.
    fn bits(self) -> u64;
    /// The sample of these bits; higher ones are ignored.
    fn of_bits(bits: u64) -> Self;
    /// Its value, exactly.
    fn value(self) -> f64;
    /// Its value as a whole number: exactly, of integers.
    fn whole(self) -> i64;
    /// The sample nearest to a value; integers saturate at the ends of their range.
    fn nearest(value: f64) -> Self;
}

macro_rules! integers {
    ($($type:ty, $unsigned:ty, $name:ident;)*) => {$(
        impl Sample for $type {
            const TYPE: SampleType = SampleType::$name;
            fn bits(self) -> u64 { u64::from(self as $unsigned) }
            fn of_bits(bits: u64) -> Self { bits as $unsigned as $type }
            fn value(self) -> f64 { f64::from(self) }
            fn whole(self) -> i64 { i64::from(self) }
            fn nearest(value: f64) -> Self { value.round() as $type }
        }
    )*};
}
integers! { u8, u8, U8; i16, u16, I16; u16, u16, U16; i32, u32, I32; }

impl Sample for f32 {
    const TYPE: SampleType = SampleType::F32;
    fn bits(self) -> u64 {
        u64::from(self.to_bits())
    }
    fn of_bits(bits: u64) -> Self {
        Self::from_bits(bits as u32)
    }
    fn value(self) -> f64 {
        f64::from(self)
    }
    fn whole(self) -> i64 {
        self as i64
    }
    fn nearest(value: f64) -> Self {
        value as f32
    }
}

impl Sample for f64 {
    const TYPE: SampleType = SampleType::F64;
    fn bits(self) -> u64 {
        self.to_bits()
    }
    fn of_bits(bits: u64) -> Self {
        Self::from_bits(bits)
    }
    fn value(self) -> f64 {
        self
    }
    fn whole(self) -> i64 {
        self as i64
    }
    fn nearest(value: f64) -> Self {
        value
    }
}

/// The samples of an array, the last axis fastest.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names of the types")]
pub enum Samples {
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Runs `$body` with `$values` bound to the vector inside, whatever its type.
macro_rules! each_type {
    ($samples:expr, $values:ident => $body:expr) => {
        match $samples {
            $crate::Samples::U8($values) => $body,
            $crate::Samples::I16($values) => $body,
            $crate::Samples::U16($values) => $body,
            $crate::Samples::I32($values) => $body,
            $crate::Samples::F32($values) => $body,
            $crate::Samples::F64($values) => $body,
        }
    };
}
pub(crate) use each_type;

impl Samples {
    /// Their type.
    pub fn sample_type(&self) -> SampleType {
        match self {
            Self::U8(_) => SampleType::U8,
            Self::I16(_) => SampleType::I16,
            Self::U16(_) => SampleType::U16,
            Self::I32(_) => SampleType::I32,
            Self::F32(_) => SampleType::F32,
            Self::F64(_) => SampleType::F64,
        }
    }

    /// So many samples of value zero.
    pub(crate) fn zeros(sample: SampleType, count: usize) -> Self {
        match sample {
            SampleType::U8 => Self::U8(vec![0; count]),
            SampleType::I16 => Self::I16(vec![0; count]),
            SampleType::U16 => Self::U16(vec![0; count]),
            SampleType::I32 => Self::I32(vec![0; count]),
            SampleType::F32 => Self::F32(vec![0.0; count]),
            SampleType::F64 => Self::F64(vec![0.0; count]),
        }
    }

    /// Copies rows of samples of the same type: where each begins there and here, and its length.
    pub(crate) fn copy_rows(&mut self, from: &Self, rows: impl IntoIterator<Item = (usize, usize, usize)>) {
        fn copy<T: Copy>(from: &[T], to: &mut [T], rows: impl IntoIterator<Item = (usize, usize, usize)>) {
            for (source, target, length) in rows {
                to[target..target + length].copy_from_slice(&from[source..source + length]);
            }
        }
        match (from, self) {
            (Self::U8(from), Self::U8(to)) => copy(from, to, rows),
            (Self::I16(from), Self::I16(to)) => copy(from, to, rows),
            (Self::U16(from), Self::U16(to)) => copy(from, to, rows),
            (Self::I32(from), Self::I32(to)) => copy(from, to, rows),
            (Self::F32(from), Self::F32(to)) => copy(from, to, rows),
            (Self::F64(from), Self::F64(to)) => copy(from, to, rows),
            _ => {}
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        each_type!(self, values => values.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of one, exactly.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn value(&self, place: usize) -> f64 {
        each_type!(self, values => values[place].value())
    }

    /// Hands out their little-endian bytes in pieces.
    pub fn each_le_bytes(&self, take: &mut dyn FnMut(&[u8])) {
        const PIECE: usize = 1 << 19;
        let mut bytes = Vec::new();
        each_type!(self, values => for piece in values.chunks(PIECE) {
            if cfg!(target_endian = "little") {
                take(bytemuck::cast_slice(piece));
            } else {
                bytes.clear();
                piece.iter().for_each(|sample| bytes.extend_from_slice(&sample.to_le_bytes()));
                take(&bytes);
            }
        });
    }

    /// BLAKE3 of their little-endian bytes.
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        self.each_le_bytes(&mut |bytes| {
            hasher.update_rayon(bytes);
        });
        Digest(*hasher.finalize().as_bytes())
    }
}

macro_rules! from_vector {
    ($($type:ty, $name:ident;)*) => {$(
        impl From<Vec<$type>> for Samples {
            fn from(values: Vec<$type>) -> Self {
                Self::$name(values)
            }
        }
    )*};
}
from_vector! { u8, U8; i16, I16; u16, U16; i32, I32; f32, F32; f64, F64; }

/// Samples with their axes.
#[derive(Clone, Debug)]
pub struct Array {
    axes: Vec<usize>,
    samples: Samples,
    /// Worked out when it is first asked for.
    digest: OnceLock<Digest>,
}

/// Most axes of an array.
pub const MAX_AXES: usize = 4;

impl Array {
    /// An array; `axes` are its lengths, the last one fastest (C order).
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not one to four axes, or not as many samples as they say.
    pub fn new(axes: Vec<usize>, samples: impl Into<Samples>) -> Result<Self> {
        let samples = samples.into();
        let reason = if axes.is_empty() || axes.len() > MAX_AXES {
            "an array has one to four axes"
        } else if checked_samples(&axes) != Some(samples.len()) {
            "the product of the axes is the number of samples"
        } else {
            return Ok(Self { axes, samples, digest: OnceLock::new() });
        };
        Err(Error::Shape { axes, samples: samples.len(), reason })
    }

    /// Its lengths, the last axis fastest.
    pub fn axes(&self) -> &[usize] {
        &self.axes
    }

    /// Its samples.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// [`Samples::digest`], worked out once.
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| self.samples.digest())
    }

    /// The samples themselves.
    pub fn into_samples(self) -> Samples {
        self.samples
    }
}

/// The number of samples of these axes, if it can be counted.
pub(crate) fn checked_samples(axes: &[usize]) -> Option<usize> {
    axes.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis))
}

/// Longest array of one axis that is coded as one row.
const MAX_ROW: usize = 4096;
/// Length of the rows that longer ones are cut into.
const ROW: usize = 1024;

/// The stack that an array's indices are coded as: all axes before the last two are planes; a long
/// array of one axis is cut into rows of 1024, the last one filled up.
pub fn stack_shape(axes: &[usize]) -> Shape {
    match *axes {
        [length] if length > MAX_ROW => Shape::frame(length.div_ceil(ROW), ROW),
        [length] => Shape::frame(1, length),
        [.., height, width] => Shape::new(axes[..axes.len() - 2].iter().product(), height, width),
        [] => Shape::frame(0, 0),
    }
}
