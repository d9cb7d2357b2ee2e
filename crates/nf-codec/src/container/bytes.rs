//! Taking integers out of bytes that may end too early.

use crate::{Error, Result};

/// The bytes of one part of a container, taken from the front.
pub(super) struct Bytes<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Bytes<'a> {
    /// `what` names the part in errors.
    pub(super) fn new(rest: &'a [u8], what: &'static str) -> Self {
        Self { rest, what }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8]> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| Error::truncated(self.what))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| Error::truncated(self.what))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn digest(&mut self) -> Result<nf_image::Digest> {
        Ok(nf_image::Digest(self.array()?))
    }

    /// Text without control characters, which a terminal would obey.
    pub(super) fn text(&mut self, bytes: &[u8]) -> Result<String> {
        let text = String::from_utf8(bytes.to_vec()).ok().filter(|text| !text.chars().any(char::is_control));
        text.ok_or_else(|| Error::corrupt(self.what, "text that is not printable UTF-8"))
    }
}
