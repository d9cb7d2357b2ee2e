//! How the bytes of a column are compressed.

use crate::form::Form;
use crate::tiled::{gzip, rice};

/// Values that share a parameter of RICE_1. The convention has no keyword for another number.
const RICE_BLOCK: usize = 32;

/// ZCTYPn: how a column of a compressed table is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnAlgorithm {
    /// RICE_1, for integers of 8, 16 and 32 bits.
    Rice,
    /// GZIP_1.
    Gzip1,
    /// GZIP_2: the bytes sorted by significance before.
    Gzip2,
    /// NOCOMPRESS.
    None,
}

impl ColumnAlgorithm {
    /// The value of ZCTYPn.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rice => "RICE_1",
            Self::Gzip1 => "GZIP_1",
            Self::Gzip2 => "GZIP_2",
            Self::None => "NOCOMPRESS",
        }
    }

    /// The algorithm of that name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        match name.trim() {
            "RICE_1" | "RICE_ONE" => Some(Self::Rice),
            "GZIP_1" => Some(Self::Gzip1),
            "GZIP_2" => Some(Self::Gzip2),
            "NOCOMPRESS" => Some(Self::None),
            _ => None,
        }
    }

    /// Whether it takes values of this type.
    pub(crate) fn takes(self, code: u8) -> bool {
        self != Self::Rice || matches!(code, b'B' | b'I' | b'J')
    }

    /// The bytes that stand for `plain`, big-endian values of `kind`.
    pub(crate) fn encode(
        self,
        kind: Values,
        plain: &[u8],
        level: u32,
        deflater: &mut gzip::Deflater,
    ) -> Vec<u8> {
        match self {
            Self::Rice => {
                let mut out = Vec::new();
                match kind.code {
                    b'B' => rice::encode(plain, RICE_BLOCK, &mut out),
                    b'I' => rice::encode(&values(plain, i16::from_be_bytes), RICE_BLOCK, &mut out),
                    _ => rice::encode(&values(plain, i32::from_be_bytes), RICE_BLOCK, &mut out),
                }
                out
            }
            Self::Gzip2 if kind.shuffled() > 1 => {
                deflater.gzip(&gzip::shuffle(plain, kind.shuffled()), level)
            }
            Self::Gzip1 | Self::Gzip2 => deflater.gzip(plain, level),
            Self::None => plain.to_vec(),
        }
    }

    /// The `len` bytes of big-endian values of `kind` that `bytes` stand for.
    ///
    /// # Errors
    /// If they do not, before anything is allocated that they could not stand for.
    pub(crate) fn decode(
        self,
        kind: Values,
        bytes: &[u8],
        len: usize,
        inflater: &mut gzip::Inflater,
    ) -> Result<Vec<u8>, String> {
        let count = match kind.code {
            b'I' => len / 2,
            b'J' => len / 4,
            _ => len,
        };
        let needed = match (self, kind.code) {
            (Self::Rice, b'B') => rice::min_bytes::<u8>(count, RICE_BLOCK),
            (Self::Rice, b'I') => rice::min_bytes::<i16>(count, RICE_BLOCK),
            (Self::Rice, _) => rice::min_bytes::<i32>(count, RICE_BLOCK),
            (Self::Gzip1 | Self::Gzip2, _) => gzip::min_bytes(len),
            (Self::None, _) => len,
        };
        if bytes.len() < needed {
            return Err(format!("{len} bytes need at least {needed}, {} are stored", bytes.len()));
        }
        let decoded = match (self, kind.code) {
            (Self::Rice, b'B') => rice::decode::<u8>(bytes, count, RICE_BLOCK)?,
            (Self::Rice, b'I') => be_bytes(&rice::decode(bytes, count, RICE_BLOCK)?, i16::to_be_bytes),
            (Self::Rice, _) => be_bytes(&rice::decode(bytes, count, RICE_BLOCK)?, i32::to_be_bytes),
            (Self::Gzip1, _) => inflater.inflate(bytes, len)?,
            (Self::Gzip2, _) => match kind.shuffled() {
                0 | 1 => inflater.inflate(bytes, len)?,
                width => gzip::unshuffle(&inflater.inflate(bytes, len)?, width),
            },
            (Self::None, _) => bytes.to_vec(),
        };
        if decoded.len() != len {
            return Err(format!("{} bytes are stored, expected {len}", decoded.len()));
        }
        Ok(decoded)
    }
}

/// What the bytes of a column or an array are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values {
    code: u8,
    in_heap: bool,
}

impl Values {
    /// The values that stand in the rows of a column.
    pub(crate) fn of_rows(form: Form) -> Self {
        Self { code: form.code, in_heap: false }
    }

    /// The values of arrays in the heap.
    pub(crate) fn of_arrays(form: Form) -> Self {
        Self { code: form.element, in_heap: true }
    }

    /// Bytes of a value whose bytes GZIP_2 sorts. It is as `fpack` has it: complex numbers are
    /// sorted in the heap only, as values of eight bytes.
    fn shuffled(self) -> usize {
        match self.code {
            b'I' => 2,
            b'J' | b'E' => 4,
            b'K' | b'D' => 8,
            b'C' if self.in_heap => 8,
            _ => 1,
        }
    }
}

fn values<const N: usize, T>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|value| of(*value)).collect()
}

fn be_bytes<const N: usize, T: Copy>(values: &[T], of: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| of(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_algorithm_keeps_every_type(bytes in proptest::collection::vec(any::<u8>(), 0..60), in_heap: bool) {
            let plain = [&bytes[..], &[0; 40]].concat();
            for code in *b"LXBAIJKEDCM" {
                let plain = &plain[..plain.len() / 16 * 16];
                let kind = Values { code, in_heap };
                use ColumnAlgorithm::*;
                for algorithm in [Rice, Gzip1, Gzip2, None].into_iter().filter(|algorithm| algorithm.takes(code)) {
                    let coded = algorithm.encode(kind, plain, 6, &mut gzip::Deflater::default());
                    let decode = |bytes: &[u8], len| algorithm.decode(kind, bytes, len, &mut gzip::Inflater::default());
                    prop_assert_eq!(&decode(&coded, plain.len()).unwrap(), plain);
                    prop_assert!(decode(&coded, 1 << 40).is_err());
                    prop_assert!(decode(&[], plain.len()).is_err());
                }
            }
        }
    }
}
