//! Integers and text in bytes that may end too early.

use crate::{Error, Result};
use nf_image::Digest;

/// The fields of a record, taken from the front; integers are little-endian.
pub struct Fields<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// `what` names the record in errors.
    pub fn new(rest: &'a [u8], what: &'static str) -> Self {
        Self { rest, what }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`] if there are fewer; so for all the following.
    pub fn take(&mut self, length: u64) -> Result<&'a [u8]> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| Error::truncated(self.what))?;
        self.rest = rest;
        Ok(taken)
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| Error::truncated(self.what))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// An integer of one byte.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// An integer of two bytes.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// An integer of four bytes.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// An integer of eight bytes.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// An integer in groups of seven bits, the least significant first, as [`put_varint`] writes
    /// it.
    ///
    /// # Errors
    /// As [`take`](Self::take); and if it has more than 64 bits, or more bytes than it needs.
    pub fn varint(&mut self) -> Result<u64> {
        let what = self.what;
        read_varint(|| self.u8(), what)
    }

    /// A digest of 32 bytes.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn digest(&mut self) -> Result<Digest> {
        Ok(Digest(self.array()?))
    }

    /// `bytes` as text without control characters, which a terminal would obey.
    ///
    /// # Errors
    /// If it is not printable UTF-8.
    pub fn text(&mut self, bytes: &[u8]) -> Result<String> {
        let text = String::from_utf8(bytes.to_vec()).ok().filter(|text| !text.chars().any(char::is_control));
        text.ok_or_else(|| Error::corrupt(self.what, "text that is not printable UTF-8"))
    }
}

/// Appends an integer in groups of seven bits, the least significant first; bit 7 is set in all
/// bytes but the last.
pub fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// An integer whose bytes come one by one.
pub(crate) fn read_varint(mut next: impl FnMut() -> Result<u8>, what: &'static str) -> Result<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = next()?;
        let group = u64::from(byte & 0x7f);
        if group << shift >> shift != group || (byte == 0 && shift > 0) {
            break;
        }
        number |= group << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Error::corrupt(what, "a number of too many bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_round_trip_and_have_one_form() {
        for number in (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) - 1]).chain([u64::MAX]) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            let mut fields = Fields::new(&bytes, "a test");
            assert_eq!(fields.varint().unwrap(), number);
            assert!(fields.is_empty());
            assert!(Fields::new(&bytes[..bytes.len() - 1], "a test").varint().is_err());
        }
        for wrong in [&[0x80, 0][..], &[0xff; 10], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]]
        {
            assert!(matches!(Fields::new(wrong, "a test").varint(), Err(Error::Corrupt { .. })), "{wrong:?}");
        }
    }
}
