//! One rANS state of 64 bits for intervals on a scale of 2^16.
//!
//! Wide enough that the widest law loses nothing, and one state because each pixel's law depends on the pixel
//! before: there is nothing to interleave. (Duda 2013, arXiv:1311.2540.)

use nf_codec::{Error, Result};

/// Bits of the scale.
pub(crate) const SCALE_BITS: u32 = 16;

/// Between symbols a state is at least this.
const LOWER: u64 = 1 << 31;

/// A symbol's place on the scale: where it starts, and its width less one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) start: u16,
    pub(crate) width_less_one: u16,
}

/// The stream of these intervals: eight bytes of state, then words of four bytes; little-endian.
pub(crate) fn encode(intervals: &[Interval]) -> Vec<u8> {
    let mut words = Vec::with_capacity(intervals.len() / 4 + 16);
    let mut state = LOWER;
    for interval in intervals.iter().rev() {
        let width = u64::from(interval.width_less_one) + 1;
        // One word at most: afterwards the state is below 2^63 whatever the interval.
        if state >= width << (63 - SCALE_BITS) {
            words.push(state as u32);
            state >>= 32;
        }
        state = ((state / width) << SCALE_BITS) + state % width + u64::from(interval.start);
    }
    let mut bytes = Vec::with_capacity(8 + 4 * words.len());
    bytes.extend_from_slice(&state.to_le_bytes());
    for word in words.iter().rev() {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// Reads what [`encode`] wrote.
///
/// Past the end it reads zeros, and [`Decoder::finish`] tells.
#[derive(Clone, Debug)]
pub(crate) struct Decoder<'a> {
    state: u64,
    words: &'a [u8],
    taken: usize,
}

impl<'a> Decoder<'a> {
    /// Begins a stream.
    pub(crate) fn new(what: &str, bytes: &'a [u8]) -> Result<Self> {
        let (state, words) = bytes.split_first_chunk().ok_or_else(|| Error::truncated(what))?;
        let state = u64::from_le_bytes(*state);
        if !(LOWER..1 << 63).contains(&state) || words.len() % 4 != 0 {
            return Err(Error::corrupt(what, "no encoder leaves such a state"));
        }
        Ok(Self { state, words, taken: 0 })
    }

    /// The point of the scale that the next symbol's interval holds.
    #[inline(always)]
    pub(crate) fn point(&self) -> u16 {
        self.state as u16
    }

    /// Takes the symbol of that interval.
    #[inline(always)]
    pub(crate) fn take(&mut self, interval: Interval) {
        let width = u64::from(interval.width_less_one) + 1;
        let above = u64::from(self.point().wrapping_sub(interval.start));
        self.state = width * (self.state >> SCALE_BITS) + above;
        if self.state < LOWER {
            let word = match self.words.get(self.taken..).and_then(|rest| rest.first_chunk()) {
                Some(word) => u32::from_le_bytes(*word),
                None => 0,
            };
            self.state = self.state << 32 | u64::from(word);
            self.taken += 4;
        }
    }

    /// Ends the reading.
    pub(crate) fn finish(self, what: &str) -> Result<()> {
        if self.taken > self.words.len() {
            return Err(Error::truncated(what));
        }
        if self.taken < self.words.len() || self.state != LOWER {
            return Err(Error::corrupt(what, "the stream does not end where the pixels do"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn intervals_come_back(cuts in prop::collection::vec((0_u16..=u16::MAX, 0_u16..=u16::MAX), 0..400)) {
            let intervals: Vec<Interval> = cuts
                .iter()
                .map(|&(a, b)| Interval { start: a.min(b), width_less_one: a.max(b) - a.min(b) })
                .collect();
            let bytes = encode(&intervals);
            let mut decoder = Decoder::new("test", &bytes).unwrap();
            for interval in &intervals {
                let point = decoder.point();
                prop_assert!(point >= interval.start && point - interval.start <= interval.width_less_one);
                decoder.take(*interval);
            }
            prop_assert!(decoder.finish("test").is_ok());
        }
    }
}
