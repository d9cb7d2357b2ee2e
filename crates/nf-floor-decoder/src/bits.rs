//! format-floor.md, 4: bit streams.

use crate::Error;

/// A bit stream that is read from its start.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    /// The number of bits that were read.
    position: usize,
}

impl<'a> Bits<'a> {
    /// The bit stream in `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next bit.
    fn bit(&mut self) -> Result<u64, Error> {
        let byte = self.bytes.get(self.position / 8);
        let byte = byte.ok_or(Error::new("a bit stream ends too early"))?;
        let bit = (byte >> (self.position % 8)) & 1;
        self.position += 1;
        Ok(u64::from(bit))
    }

    /// 4.1: `u(n)`, for `n` at most 32.
    pub(crate) fn u(&mut self, n: u32) -> Result<u64, Error> {
        let mut number = 0;
        for place in 0..n {
            number |= self.bit()? << place;
        }
        Ok(number)
    }

    /// 4.2: an Elias gamma code, from 1 to `2^32`.
    pub(crate) fn gamma(&mut self) -> Result<u64, Error> {
        let mut e = 0;
        while self.bit()? == 0 {
            e += 1;
            Error::unless(e <= 32, "a gamma code has more than 32 zeros")?;
        }
        let number = (1 << e) + self.u(e)?;
        Error::unless(number <= 1 << 32, "a gamma code is above 2^32")?;
        Ok(number)
    }

    /// 4.3: a group of `n` numbers, each less than `2^32`.
    pub(crate) fn group(&mut self, n: usize) -> Result<Vec<u64>, Error> {
        let k = self.u(4)? as u32;
        let mut numbers = Vec::new();
        for _ in 0..n {
            let q = self.gamma()? - 1;
            let number = (q << k) + self.u(k)?;
            Error::unless(number < 1 << 32, "a number of a group is too large")?;
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// 4.1: an error unless the stream is at its end.
    pub(crate) fn end(&self) -> Result<(), Error> {
        Error::unless(self.position.div_ceil(8) == self.bytes.len(), "bytes are left over")?;
        if !self.position.is_multiple_of(8)
            && let Some(last) = self.bytes.last()
        {
            Error::unless(last >> (self.position % 8) == 0, "unread bits are not zeros")?;
        }
        Ok(())
    }
}

/// 4.4: the number with a sign that `v` stands for.
pub(crate) fn signed(v: u64) -> i64 {
    let half = (v / 2) as i64;
    if v.is_multiple_of(2) { half } else { -half - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_from_the_least_significant_end() {
        let mut bits = Bits::new(&[0b0000_1101, 0b0000_0010]);
        assert_eq!(bits.u(0), Ok(0));
        assert_eq!(bits.u(3), Ok(5));
        assert_eq!(bits.u(7), Ok(0b100_0001));
        assert!(bits.end().is_ok());
        assert!(Bits::new(&[0]).end().is_err());
        let mut bits = Bits::new(&[0b10]);
        assert_eq!(bits.u(1), Ok(0));
        assert!(bits.end().is_err());
        assert!(bits.u(8).is_err());
    }

    #[test]
    fn gamma_codes_and_signs() {
        // From the first bit on: 1, 010, 00101.
        let mut bits = Bits::new(&[0b0100_0101, 1]);
        assert_eq!(bits.gamma(), Ok(1));
        assert_eq!(bits.gamma(), Ok(2));
        assert_eq!(bits.gamma(), Ok(4 + 2));
        assert!(Bits::new(&[0; 20]).gamma().is_err());
        assert_eq!([0, 1, 2, 3, 4].map(signed), [0, -1, 1, -2, 2]);
        assert_eq!(signed((1 << 32) - 1), -(1 << 31));
    }
}
