//! Binary arithmetic coding: one decision, one probability.
//!
//! Carry-free interval coder in 64 bits (after the coders of the PAQ family): the interval `[low, high]` is
//! split in proportion to the probability, and leading bytes that both ends share leave at once.

use super::laws::Draw;

/// Probabilities are integers on the scale `2^PROBABILITY_BITS`.
pub(super) const PROBABILITY_BITS: u32 = 22;

/// One act that drives encoder, decoder and meter alike.
pub(super) trait Binary {
    /// Whether the model learns from the decisions.
    const TEACHES: bool = true;

    /// A pixel begins; `decide` has its decisions made by another coder beforehand, which must not teach.
    fn begin_pixel(&mut self, decide: impl FnOnce(&mut Draw<'_>) -> u32) {
        let _ = decide;
    }

    /// Codes `bit` whose probability of being set is `set` (strictly between 0 and the scale); returns the bit,
    /// which a decoder learns here (and ignores the one that it is given).
    fn code(&mut self, bit: bool, set: u32) -> bool;
}

/// Writes decisions.
#[derive(Debug)]
pub(super) struct Encoder {
    low: u64,
    high: u64,
    bytes: Vec<u8>,
}

/// Reads decisions; behind the end of the bytes it reads zeros.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    low: u64,
    high: u64,
    value: u64,
    bytes: &'a [u8],
    position: usize,
}

/// Last value of the lower part of the interval.
#[inline(always)]
fn split(low: u64, high: u64, set: u32) -> u64 {
    let range = high - low;
    let (coarse, fine) = (range >> PROBABILITY_BITS, range & ((1 << PROBABILITY_BITS) - 1));
    low + coarse * u64::from(set) + ((fine * u64::from(set)) >> PROBABILITY_BITS)
}

impl Encoder {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { low: 0, high: u64::MAX, bytes }
    }

    /// The bytes, ended by as few as tell the interval apart.
    pub(super) fn finish(mut self) -> Vec<u8> {
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

impl Binary for Encoder {
    #[inline(always)]
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

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut this = Self { low: 0, high: u64::MAX, value: 0, bytes, position: 0 };
        for _ in 0..8 {
            this.shift();
        }
        this
    }

    #[inline(always)]
    fn shift(&mut self) {
        self.value = self.value << 8 | u64::from(self.bytes.get(self.position).copied().unwrap_or(0));
        self.position += 1;
    }

    /// Whether the decisions read so far are all that the bytes hold.
    pub(super) fn is_at_end(&self) -> bool {
        (self.position - 8..=self.position).contains(&self.bytes.len())
    }
}

impl Binary for Decoder<'_> {
    #[inline(always)]
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
        fn decisions_return(decisions in prop::collection::vec((any::<bool>(), 1u32..1 << PROBABILITY_BITS), 0..600)) {
            let mut encoder = Encoder::new(Vec::new());
            for &(bit, set) in &decisions {
                encoder.code(bit, set);
            }
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            for &(bit, set) in &decisions {
                prop_assert_eq!(decoder.code(false, set), bit);
            }
            prop_assert!(decoder.is_at_end());
        }
    }

    #[test]
    fn length_is_the_information() {
        let mut encoder = Encoder::new(Vec::new());
        let set = 1 << (PROBABILITY_BITS - 4);
        for k in 0..160_000 {
            encoder.code(k % 16 == 0, set);
        }
        let bits = 160_000.0 * (0.25 + 15.0 / 16.0 * (16.0f64 / 15.0).log2());
        assert!((encoder.finish().len() as f64 * 8.0 - bits).abs() < 32.0);
    }
}
