//! Numbers of variable length, and deflating them.

use crate::{Error, Result};
use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use std::io::Read;

/// Takes numbers and bytes from the front of bytes that may end too early.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// `what` names the bytes in errors.
    pub(crate) fn new(rest: &'a [u8], what: &'static str) -> Self {
        Self { rest, what }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn corrupt(&self, reason: impl Into<String>) -> Error {
        Error::corrupt(self.what, reason)
    }

    pub(crate) fn take(&mut self, length: u64) -> Result<&'a [u8]> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let split = self.rest.split_at_checked(length);
        let (taken, rest) = split.ok_or_else(|| nf_codec::Error::truncated(self.what))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) =
            self.rest.split_first_chunk().ok_or_else(|| nf_codec::Error::truncated(self.what))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// A number of [`nf_codec::put_varint`]; it may have more bytes than it needs.
    pub(crate) fn number(&mut self) -> Result<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.corrupt("a number of more than 64 bits"))
    }

    /// The element of `all` with this code, counted from `first`.
    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T], first: u8, name: &str) -> Result<T> {
        let code = self.u8()?;
        let found = code.checked_sub(first).and_then(|place| all.get(usize::from(place)));
        found.copied().ok_or_else(|| self.corrupt(format!("an unknown {name} {code}")))
    }
}

/// The bytes deflated (zlib), with their own length (u64) and that of the stream (u64) before it.
pub(crate) fn put_deflated(bytes: &[u8], out: &mut Vec<u8>) {
    let mut stream = Vec::new();
    ZlibEncoder::new(bytes, Compression::best())
        .read_to_end(&mut stream)
        .expect("deflating from memory to memory does not fail");
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend((stream.len() as u64).to_le_bytes());
    out.extend(stream);
}

/// What [`put_deflated`] wrote; no more than `most` bytes are believed.
pub(crate) fn take_deflated(fields: &mut Fields<'_>, most: u64) -> Result<Vec<u8>> {
    let (length, stream_bytes) = (fields.u64()?, fields.u64()?);
    let stream = fields.take(stream_bytes)?;
    if length > most {
        return Err(fields.corrupt(format!("{length} bytes where at most {most} can be")));
    }
    let mut bytes = Vec::new();
    // One byte more than announced, to see whether there are more.
    let inflated = ZlibDecoder::new(stream).take(length + 1).read_to_end(&mut bytes);
    match inflated {
        Ok(_) if bytes.len() as u64 == length => Ok(bytes),
        _ => Err(fields.corrupt("it does not inflate to what it announces")),
    }
}
