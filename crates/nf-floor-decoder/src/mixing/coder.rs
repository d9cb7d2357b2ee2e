//! format-floor-max.md, 18: the binary arithmetic coder.

use crate::Error;
use crate::notation::{clamp, trunc};

/// 18.1: the state.
pub(crate) struct Coder<'a> {
    coded: &'a [u8],
    low: u64,
    high: u64,
    value: u64,
    /// The number of bytes that were read, missing ones included.
    read: usize,
}

impl<'a> Coder<'a> {
    /// The decoder of these bytes.
    pub(crate) fn new(coded: &'a [u8]) -> Self {
        let mut coder = Self { coded, low: 0, high: u64::MAX, value: 0, read: 0 };
        for _ in 0..8 {
            coder.value = (coder.value << 8) + coder.byte();
        }
        coder
    }

    /// The next byte, 0 where it is missing.
    fn byte(&mut self) -> u64 {
        let byte = self.coded.get(self.read).copied().unwrap_or(0);
        self.read += 1;
        u64::from(byte)
    }

    /// 17.2 and 18.2: reads a decision of the probability `q`.
    pub(crate) fn decide(&mut self, q: f32) -> Result<bool, Error> {
        let most = (1 << 22) - 1;
        let k = trunc(clamp(q * (1 << 22) as f32, 0.0, most as f32)).max(1) as u64;
        // 1.
        let product = u128::from(self.high - self.low) * u128::from(k);
        let middle = self.low + (product >> 22) as u64;
        // 2.
        let yes = self.value <= middle;
        if yes {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        // 3.
        while self.low >> 56 == self.high >> 56 {
            self.low <<= 8;
            self.high = (self.high << 8) + 255;
            self.value = (self.value << 8) + self.byte();
        }
        // 18.3: more bytes are missing than may be.
        Error::unless(self.read <= self.coded.len() + 8, "the coded bytes end too early")?;
        Ok(yes)
    }

    /// 18.3: an error unless all bytes were read.
    pub(crate) fn end(&self) -> Result<(), Error> {
        Error::unless(self.coded.len() <= self.read, "bytes are left over")
    }
}
