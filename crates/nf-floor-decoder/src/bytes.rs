//! format-floor.md, 1.2 and 2.1: stored numbers.

use crate::Error;

/// The bytes that are still to be read.
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// All of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes that were not read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(Error::new("the bytes end too early")),
        }
    }

    /// The next `N` bytes.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// The next u8.
    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// The next u16.
    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// The next i16.
    pub(crate) fn i16(&mut self) -> Result<i16, Error> {
        Ok(i16::from_le_bytes(self.array()?))
    }

    /// The next u32.
    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// The next u64.
    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// 2.1: the next varint, less than `2^35`.
    pub(crate) fn varint(&mut self) -> Result<u64, Error> {
        self.groups(5, "a varint has more than five bytes")
    }

    /// 20.1: the next long varint.
    pub(crate) fn long_varint(&mut self) -> Result<u64, Error> {
        self.groups(10, "a long varint has more than ten bytes")
    }

    /// A number in at most `most` groups of seven bits; `longer` is the error if there are more.
    fn groups(&mut self, most: u32, longer: &'static str) -> Result<u64, Error> {
        let mut number = 0;
        for group in 0..most {
            let byte = self.u8()?;
            // What is beyond 2^64 is dropped.
            number |= u64::from(byte & 127) << (7 * group);
            if byte < 128 {
                return Ok(number);
            }
        }
        Err(Error::new(longer))
    }

    /// The next varint, as a number of things in memory.
    pub(crate) fn varint_usize(&mut self) -> Result<usize, Error> {
        usize::try_from(self.varint()?).map_err(|_| Error::new("a varint is too large"))
    }

    /// An error if bytes are left.
    pub(crate) fn end(&self) -> Result<(), Error> {
        Error::unless(self.rest.is_empty(), "bytes are left over")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_has_its_least_significant_group_first() {
        let mut bytes = Bytes::new(&[0x80, 0x01, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]);
        assert_eq!(bytes.varint(), Ok(128));
        assert_eq!(bytes.varint(), Ok(127));
        assert_eq!(bytes.varint(), Ok((1 << 35) - 1));
        assert!(bytes.end().is_ok());
        assert!(bytes.varint().is_err());
        assert!(Bytes::new(&[0x80; 6]).varint().is_err());
    }

    #[test]
    fn numbers_are_little_endian() {
        let mut bytes = Bytes::new(&[1, 2, 0xFF, 0xFF, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(bytes.u16(), Ok(0x0201));
        assert_eq!(bytes.i16(), Ok(-1));
        assert_eq!(bytes.u32(), Ok(1));
        assert_eq!(bytes.u64(), Ok(0x0100_0000_0000_0002));
        assert!(bytes.u8().is_err());
    }
}
