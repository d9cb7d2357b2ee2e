//! Pixels of every type that FITS knows, as they are stored: before BSCALE and BZERO.

use std::fmt;

/// How the file stores a pixel (BITPIX, or ZBITPIX of a compressed image).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleType {
    /// BITPIX 8: unsigned bytes.
    U8,
    /// BITPIX 16: signed, big-endian.
    I16,
    /// BITPIX 32: signed, big-endian.
    I32,
    /// BITPIX 64: signed, big-endian.
    I64,
    /// BITPIX -32: IEEE single precision.
    F32,
    /// BITPIX -64: IEEE double precision.
    F64,
}

impl SampleType {
    /// The type of a BITPIX value, if it is one of the six.
    pub fn from_bitpix(bitpix: i64) -> Option<Self> {
        Some(match bitpix {
            8 => Self::U8,
            16 => Self::I16,
            32 => Self::I32,
            64 => Self::I64,
            -32 => Self::F32,
            -64 => Self::F64,
            _ => return None,
        })
    }

    /// Its BITPIX value.
    pub fn bitpix(self) -> i64 {
        match self {
            Self::U8 => 8,
            Self::I16 => 16,
            Self::I32 => 32,
            Self::I64 => 64,
            Self::F32 => -32,
            Self::F64 => -64,
        }
    }

    /// Its name in NumPy.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// Bytes of one pixel.
    pub fn bytes(self) -> usize {
        self.bitpix().unsigned_abs() as usize / 8
    }

    /// Whether pixels are floating-point numbers.
    pub fn is_float(self) -> bool {
        self.bitpix() < 0
    }
}

impl fmt::Display for SampleType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A run of pixels of one type, as stored in the file.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Pixels {
    U8(Vec<u8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Runs `$body` with `$values` bound to the vector inside, whatever its type.
macro_rules! each_type {
    ($pixels:expr, $values:ident => $body:expr) => {
        match $pixels {
            $crate::Pixels::U8($values) => $body,
            $crate::Pixels::I16($values) => $body,
            $crate::Pixels::I32($values) => $body,
            $crate::Pixels::I64($values) => $body,
            $crate::Pixels::F32($values) => $body,
            $crate::Pixels::F64($values) => $body,
        }
    };
}
pub(crate) use each_type;

impl Pixels {
    /// `len` pixels of zero.
    pub fn zeros(sample: SampleType, len: usize) -> Self {
        match sample {
            SampleType::U8 => Self::U8(vec![0; len]),
            SampleType::I16 => Self::I16(vec![0; len]),
            SampleType::I32 => Self::I32(vec![0; len]),
            SampleType::I64 => Self::I64(vec![0; len]),
            SampleType::F32 => Self::F32(vec![0.0; len]),
            SampleType::F64 => Self::F64(vec![0.0; len]),
        }
    }

    /// Their type.
    pub fn sample_type(&self) -> SampleType {
        match self {
            Self::U8(_) => SampleType::U8,
            Self::I16(_) => SampleType::I16,
            Self::I32(_) => SampleType::I32,
            Self::I64(_) => SampleType::I64,
            Self::F32(_) => SampleType::F32,
            Self::F64(_) => SampleType::F64,
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

    /// Takes pixels from their big-endian bytes; a last incomplete pixel is left out.
    pub fn from_be_bytes(sample: SampleType, bytes: &[u8]) -> Self {
        match sample {
            SampleType::U8 => Self::U8(bytes.to_vec()),
            SampleType::I16 => Self::I16(from_be(bytes)),
            SampleType::I32 => Self::I32(from_be(bytes)),
            SampleType::I64 => Self::I64(from_be(bytes)),
            SampleType::F32 => Self::F32(from_be(bytes)),
            SampleType::F64 => Self::F64(from_be(bytes)),
        }
    }

    /// Appends their big-endian bytes, as a FITS file stores them.
    pub fn write_be_bytes(&self, out: &mut Vec<u8>) {
        each_type!(self, values => values.iter().for_each(|value| out.extend_from_slice(&value.to_be_bytes())));
    }
}

/// A type of pixel; exact copies only, so that not even a NaN changes.
pub(crate) trait Sample: Copy + Default + Send + Sync + PartialEq + 'static {
    /// Bytes of one pixel.
    const BYTES: usize;

    /// From `BYTES` big-endian bytes.
    fn from_be(bytes: &[u8]) -> Self;
}

macro_rules! impl_sample {
    ($($type:ty),*) => {$(
        impl Sample for $type {
            const BYTES: usize = size_of::<$type>();

            fn from_be(bytes: &[u8]) -> Self {
                Self::from_be_bytes(bytes.try_into().expect("the caller cuts exact pieces"))
            }
        }
    )*};
}
impl_sample!(u8, i16, i32, i64, f32, f64);

pub(crate) fn from_be<T: Sample>(bytes: &[u8]) -> Vec<T> {
    bytes.chunks_exact(T::BYTES).map(T::from_be).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_endian_round_trip_keeps_every_bit() {
        let bytes: Vec<u8> = (0..=255).chain([0x7f, 0xa0, 0, 1, 0xff, 0xf0, 0, 1]).collect();
        for bitpix in [8, 16, 32, 64, -32, -64] {
            let sample = SampleType::from_bitpix(bitpix).unwrap();
            let pixels = Pixels::from_be_bytes(sample, &bytes);
            assert_eq!((pixels.sample_type(), pixels.len()), (sample, bytes.len() / sample.bytes()));
            let mut back = Vec::new();
            pixels.write_be_bytes(&mut back);
            assert_eq!(back, bytes);
        }
        assert_eq!(SampleType::from_bitpix(24), None);
    }
}
