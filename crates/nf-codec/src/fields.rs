//! Taking integers and text out of bytes that may end too early.

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
