//! Binary decisions from bytes.

pub(super) struct Coder<'a> {
    low: u64,
    high: u64,
    value: u64,
    bytes: &'a [u8],
    taken: usize,
}

impl<'a> Coder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut this = Self { low: 0, high: u64::MAX, value: 0, bytes, taken: 0 };
        (0..8).for_each(|_| this.shift());
        this
    }

    fn shift(&mut self) {
        self.value = self.value << 8 | u64::from(self.bytes.get(self.taken).copied().unwrap_or(0));
        self.taken += 1;
    }

    /// Whether a decision of probability `set / 2^22` is set.
    pub(super) fn decide(&mut self, set: u32) -> bool {
        let range = u128::from(self.high - self.low);
        let middle = self.low + ((range * u128::from(set)) >> 22) as u64;
        let is_set = self.value <= middle;
        if is_set {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while self.low >> 56 == self.high >> 56 {
            self.low <<= 8;
            self.high = self.high << 8 | 0xFF;
            self.shift();
        }
        is_set
    }

    /// All bytes were read, and not more than the eight that a decision may look ahead.
    pub(super) fn is_at_end(&self) -> bool {
        self.taken - 8 <= self.bytes.len() && self.bytes.len() <= self.taken
    }
}
