//! Binary arithmetic coding: one decision, one probability.
//!
//! A carry-free interval coder in 64 bits, after the coders of the PAQ family (Mahoney 2005). The
//! interval `[low, high]` is split in proportion to the probability, and leading bytes that both
//! ends share are written at once. Suited to models that change with every decision.
//!
//! # Stream
//!
//! To decode a decision whose probability of being set is `q / 2^22`, with `value` the next eight
//! bytes of the stream, most significant first, and zeros behind its end:
//! `middle = low + floor((high - low) q / 2^22)`; the decision is set if `value <= middle`, and
//! then `high = middle`, else `low = middle + 1`. While the top bytes of `low` and `high` agree,
//! both shift left by one byte.

use crate::{Error, Result};

/// Probabilities are integers on the scale `2^PROBABILITY_BITS`.
pub const PROBABILITY_BITS: u32 = 22;

const WHAT: &str = "binary arithmetic stream";

/// Encodes or decodes decisions.
pub trait BinaryCoder {
    /// Codes `bit`, whose probability of being set is `set / 2^22` (`0 < set < 2^22`), and returns
    /// it. A decoder ignores `bit` and returns the bit that it reads.
    fn code(&mut self, bit: bool, set: u32) -> bool;
}

/// The last value of the lower part of an interval.
#[inline(always)]
fn split(low: u64, high: u64, set: u32) -> u64 {
    let range = high - low;
    let (coarse, fine) = (range >> PROBABILITY_BITS, range & ((1 << PROBABILITY_BITS) - 1));
    low + coarse * u64::from(set) + ((fine * u64::from(set)) >> PROBABILITY_BITS)
}

/// Writes decisions.
#[derive(Clone, Debug)]
pub struct BinaryEncoder {
    low: u64,
    high: u64,
    bytes: Vec<u8>,
}

impl BinaryEncoder {
    /// An encoder that appends to `bytes`.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { low: 0, high: u64::MAX, bytes }
    }

    /// All bytes, ended by as few as identify the interval.
    pub fn finish(mut self) -> Vec<u8> {
        for count in 1..8 {
            let shift = 64 - 8 * count;
            if let Some(top) = (self.low >> shift).checked_add(1)
                && top << shift <= self.high
                && top >> (8 * count) == 0
            {
                self.bytes.extend_from_slice(&(top << shift).to_be_bytes()[..count as usize]);
                return self.bytes;
            }
        }
        self.bytes.extend_from_slice(&self.high.to_be_bytes());
        self.bytes
    }
}

impl BinaryCoder for BinaryEncoder {
    #[inline]
    fn code(&mut self, bit: bool, set: u32) -> bool {
        let middle = split(self.low, self.high, set);
        if bit {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while (self.low ^ self.high) >> 56 == 0 {
            self.bytes.push((self.high >> 56) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
        }
        bit
    }
}

/// Reads decisions; behind the end of the bytes it reads zeros, and [`finish`](Self::finish)
/// reports it.
#[derive(Clone, Debug)]
pub struct BinaryDecoder<'a> {
    low: u64,
    high: u64,
    value: u64,
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BinaryDecoder<'a> {
    /// Begins a stream.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut this = Self { low: 0, high: u64::MAX, value: 0, bytes, position: 0 };
        for _ in 0..8 {
            this.shift();
        }
        this
    }

    #[inline]
    fn shift(&mut self) {
        self.value = self.value << 8 | u64::from(self.bytes.get(self.position).copied().unwrap_or(0));
        self.position += 1;
    }

    /// Ends the decoding: the decisions read must be all that the bytes hold.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bytes behind the end were needed; [`Error::Corrupt`] if bytes are
    /// left over.
    pub fn finish(self) -> Result<()> {
        // The last eight bytes are looked at ahead of time.
        if self.bytes.len() < self.position - 8 {
            return Err(Error::Truncated { what: WHAT });
        }
        match self.bytes.len().saturating_sub(self.position) {
            0 => Ok(()),
            left => Err(Error::corrupt(WHAT, format!("{left} bytes are left over"))),
        }
    }
}

impl BinaryCoder for BinaryDecoder<'_> {
    #[inline]
    fn code(&mut self, _: bool, set: u32) -> bool {
        let middle = split(self.low, self.high, set);
        let bit = self.value <= middle;
        if bit {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while (self.low ^ self.high) >> 56 == 0 {
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
            self.shift();
        }
        bit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decisions_round_trip(
            decisions in prop::collection::vec((any::<bool>(), 1u32..1 << PROBABILITY_BITS), 0..600),
        ) {
            let mut encoder = BinaryEncoder::new(vec![9]);
            for &(bit, set) in &decisions {
                encoder.code(bit, set);
            }
            let bytes = encoder.finish();
            let decode = |bytes: &[u8]| {
                let mut decoder = BinaryDecoder::new(bytes);
                let bits: Vec<bool> = decisions.iter().map(|&(_, set)| decoder.code(false, set)).collect();
                decoder.finish().map(|()| bits)
            };
            let bits: Vec<bool> = decisions.iter().map(|decision| decision.0).collect();
            prop_assert_eq!(decode(&bytes[1..]), Ok(bits));
            let longer = [&bytes[1..], &[0; 9]].concat();
            let is_corrupt = matches!(decode(&longer), Err(Error::Corrupt { .. }));
            prop_assert!(is_corrupt);
        }
    }

    #[test]
    fn truncation_is_found() {
        let mut encoder = BinaryEncoder::new(Vec::new());
        for k in 0..4000_u32 {
            encoder.code(k % 3 == 0, 1 << 20);
        }
        let bytes = encoder.finish();
        let mut decoder = BinaryDecoder::new(&bytes[..bytes.len() / 2]);
        for _ in 0..4000 {
            decoder.code(false, 1 << 20);
        }
        assert_eq!(decoder.finish(), Err(Error::Truncated { what: WHAT }));
    }

    #[test]
    fn the_length_is_the_information() {
        let mut encoder = BinaryEncoder::new(Vec::new());
        let set = 1 << (PROBABILITY_BITS - 4);
        for k in 0..160_000 {
            encoder.code(k % 16 == 0, set);
        }
        let bits = 160_000.0 * (0.25 + 15.0 / 16.0 * (16.0f64 / 15.0).log2());
        assert!((encoder.finish().len() as f64 * 8.0 - bits).abs() < 32.0);
    }
}
