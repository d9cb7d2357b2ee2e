//! Numbers in bit streams.

use super::Wrong;

/// Bits of bytes, each byte from its least significant end.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    fn bit(&mut self) -> Result<u64, Wrong> {
        let byte = *self.bytes.get(self.position / 8).ok_or("bits beyond the end")?;
        let bit = byte >> (self.position % 8) & 1;
        self.position += 1;
        Ok(u64::from(bit))
    }

    /// `u(n)`: the first bit is the lowest of the number.
    pub(super) fn u(&mut self, n: u32) -> Result<u64, Wrong> {
        let mut number = 0;
        for k in 0..n {
            number += self.bit()? << k;
        }
        Ok(number)
    }

    /// The number of at least 1 that an Elias gamma code stands for.
    pub(super) fn gamma(&mut self) -> Result<u64, Wrong> {
        let mut low_bits = 0;
        while self.bit()? == 0 {
            low_bits += 1;
            if low_bits > 32 {
                return Err("an Elias gamma code of more than 32 zeros".into());
            }
        }
        Ok((1 << low_bits) + self.u(low_bits)?)
    }

    /// A group of `count` numbers.
    pub(super) fn group(&mut self, count: usize) -> Result<Vec<i64>, Wrong> {
        let k = self.u(4)? as u32;
        let mut numbers = Vec::new();
        for _ in 0..count {
            let high = self.gamma()? - 1;
            let number = (high << k) + self.u(k)?;
            if number >= 1 << 32 {
                return Err("a number of more than 32 bits".into());
            }
            numbers.push(number as i64);
        }
        Ok(numbers)
    }

    /// A group of `count` signed numbers.
    pub(super) fn signed(&mut self, count: usize) -> Result<Vec<i64>, Wrong> {
        Ok(self.group(count)?.into_iter().map(signed).collect())
    }

    /// Nothing may be left but zeros in the last byte.
    pub(super) fn finish(mut self) -> Result<(), Wrong> {
        if self.bytes.len() != self.position.div_ceil(8) {
            return Err(format!("{} bytes, of which {} bits are used", self.bytes.len(), self.position));
        }
        while !self.position.is_multiple_of(8) {
            if self.bit()? == 1 {
                return Err("padding that is not zero".into());
            }
        }
        Ok(())
    }
}

/// The signed number that `2v` or `-2v - 1` stands for.
pub(super) fn signed(number: i64) -> i64 {
    if number % 2 == 0 { number / 2 } else { -(number + 1) / 2 }
}
