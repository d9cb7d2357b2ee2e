//! The versions of the container.

use crate::Result;
use crate::fields::read_varint;

/// A version, by what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Version 1: numbers of fixed widths, all records written out.
    FixedWidths,
    /// Version 2: varints, a dictionary, nothing that goes without saying.
    Varints,
}

impl Version {
    /// The version of this number, which is known.
    pub(super) fn of(number: u16) -> Self {
        if number == 1 { Self::FixedWidths } else { Self::Varints }
    }

    /// The last bytes of a container.
    pub(super) fn end_magic(self) -> &'static [u8] {
        match self {
            Self::FixedWidths => b"NFLEND\r\n",
            Self::Varints => b"NF",
        }
    }

    /// Bytes of the length of the index.
    pub(super) fn index_length_bytes(self) -> usize {
        match self {
            Self::FixedWidths => 8,
            Self::Varints => 4,
        }
    }

    /// Bytes after the index: its CRC, its length, the end magic.
    pub(super) fn suffix_bytes(self) -> usize {
        4 + self.index_length_bytes() + self.end_magic().len()
    }

    /// The number whose bytes `next` gives: of `N` bytes where widths are fixed.
    ///
    /// # Errors
    /// Those of `next`, and if a varint has more than 64 bits or more bytes than it needs.
    pub(super) fn number<const N: usize>(
        self,
        mut next: impl FnMut() -> Result<u8>,
        what: &'static str,
    ) -> Result<u64> {
        match self {
            Self::FixedWidths => {
                (0..N).try_fold(0, |number, byte| Ok(number | u64::from(next()?) << (8 * byte)))
            }
            Self::Varints => read_varint(next, what),
        }
    }
}

/// Signed numbers as unsigned ones, those of small magnitude first: 0, -1, 1, -2, 2 ...
pub(super) fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_numbers_round_trip() {
        for number in [0, 1, -1, 32768, -32768, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
    }
}
