//! format-floor.md, 8.1 and 8.21: rANS in sixteen lanes.

use super::LANES;
use crate::Error;
use crate::bytes::Bytes;

/// The states of the lanes and the words that are left.
pub(crate) struct Lanes<'a> {
    states: [u64; LANES],
    words: Bytes<'a>,
}

impl<'a> Lanes<'a> {
    /// Reads the states; the rest are words.
    pub(crate) fn read(mut bytes: Bytes<'a>) -> Result<Self, Error> {
        let mut states = [0; LANES];
        for state in &mut states {
            *state = bytes.u64()?;
            let valid = *state >> 31 != 0 && *state >> 63 == 0;
            Error::unless(valid, "a state is out of its bounds")?;
        }
        Ok(Self { states, words: bytes })
    }

    /// `x mod 2^n` of the state `x` of a lane.
    pub(crate) fn point(&self, lane: usize, n: u32) -> i64 {
        (self.states[lane] % (1 << n)) as i64
    }

    /// 8.21: advances the state of a lane by the interval from `start` to `end - 1`, in which its
    /// point is.
    pub(crate) fn advance(&mut self, lane: usize, start: i64, end: i64, n: u32) -> Result<(), Error> {
        let x = self.states[lane];
        let width = (end - start) as u64;
        let mut x = width * (x >> n) + x % (1 << n) - start as u64;
        if x < 1 << 31 {
            x = (x << 32) + u64::from(self.words.u32()?);
        }
        self.states[lane] = x;
        Ok(())
    }

    /// An error unless all pixels were read.
    pub(crate) fn end(&self) -> Result<(), Error> {
        Error::unless(self.states == [1 << 31; LANES], "a state is wrong at the end")?;
        self.words.end()
    }
}
