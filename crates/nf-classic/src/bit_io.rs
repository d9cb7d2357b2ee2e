//! Bits into bytes and back, highest bit first.

/// Collects bits.
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// The bits not yet in `bytes`, at the low end.
    pending: u64,
    /// How many they are; below 32 between calls.
    pending_bits: u32,
}

impl BitWriter {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), pending: 0, pending_bits: 0 }
    }

    /// Appends the low `bits` (at most 32) bits of `value`, whose other bits are zero.
    #[inline]
    pub(crate) fn put(&mut self, value: u32, bits: u32) {
        debug_assert!(bits <= 32 && u64::from(value) >> bits == 0);
        self.pending = self.pending << bits | u64::from(value);
        self.pending_bits += bits;
        if self.pending_bits >= 32 {
            self.pending_bits -= 32;
            let word = (self.pending >> self.pending_bits) as u32;
            self.bytes.extend_from_slice(&word.to_be_bytes());
        }
    }

    /// Appends zeros up to the next whole byte.
    pub(crate) fn align(&mut self) {
        self.put(0, self.pending_bits.wrapping_neg() % 8);
        while self.pending_bits > 0 {
            self.pending_bits -= 8;
            self.bytes.push((self.pending >> self.pending_bits) as u8);
        }
    }

    /// The bytes, after [`BitWriter::align`].
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        debug_assert_eq!(self.pending_bits, 0);
        self.bytes
    }
}

/// Hands out bits; beyond the end of its bytes it hands out zeros and remembers that it did.
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bytes moved into the window, imagined ones behind the end included.
    position: usize,
    /// The next bits, at the high end; those below `valid_bits` are zero or a foretaste of the next
    /// byte.
    window: u64,
    valid_bits: u32,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, window: 0, valid_bits: 0 }
    }

    /// Makes at least 56 bits ready to be taken.
    #[inline]
    pub(crate) fn refill(&mut self) {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let word = match rest.first_chunk::<8>() {
            Some(&chunk) => u64::from_be_bytes(chunk),
            None => {
                let mut chunk = [0; 8];
                chunk[..rest.len()].copy_from_slice(rest);
                u64::from_be_bytes(chunk)
            }
        };
        self.window |= word >> self.valid_bits;
        let taken = (63 - self.valid_bits) / 8;
        self.position += taken as usize;
        self.valid_bits += 8 * taken;
    }

    /// The next `bits` bits, of those that [`BitReader::refill`] made ready.
    #[inline]
    pub(crate) fn take(&mut self, bits: u32) -> u32 {
        debug_assert!(bits <= 32 && bits <= self.valid_bits);
        let value = (self.window >> 32 >> (32 - bits)) as u32;
        self.window <<= bits;
        self.valid_bits -= bits;
        value
    }

    /// Takes zeros and the one after them, but at most `most` (at most 31) zeros and then no one;
    /// gives the number of zeros.
    #[inline]
    pub(crate) fn take_zeros(&mut self, most: u32) -> u32 {
        let zeros = self.window.leading_zeros().min(most);
        self.take(if zeros == most { most } else { zeros + 1 });
        zeros
    }

    /// Takes a Golomb-Rice code: `z` zeros, a one, then `split` (at most 16) low bits; gives
    /// `z << split | low`. `None` if there are more than `most_zeros` zeros, or the bytes end in
    /// them.
    #[inline]
    pub(crate) fn take_golomb_rice(&mut self, split: u32, most_zeros: u32) -> Option<u32> {
        // Refilling only when the code may reach behind the valid bits keeps the chain from code to
        // code short.
        let mut zeros = self.window.leading_zeros();
        if zeros + 1 + split > self.valid_bits {
            self.refill();
            zeros = self.window.leading_zeros();
        }
        if zeros >= 32 || zeros > most_zeros {
            return self.take_long_golomb_rice(split, most_zeros);
        }
        let one_and_low = (self.window << zeros >> (63 - split)) as u32;
        let bits = zeros + 1 + split;
        self.window <<= bits;
        self.valid_bits -= bits;
        Some((zeros << split) + one_and_low - (1 << split))
    }

    /// The same for codes of 32 zeros and more, or none at all.
    #[cold]
    fn take_long_golomb_rice(&mut self, split: u32, most_zeros: u32) -> Option<u32> {
        let mut zeros = 0;
        loop {
            self.refill();
            let here = self.window.leading_zeros().min(32);
            self.take(here);
            zeros += here;
            if zeros > most_zeros || self.is_overrun() {
                return None;
            }
            if here < 32 {
                self.refill();
                self.take(1);
                return Some(zeros << split | self.take(split));
            }
        }
    }

    /// Skips to the next whole byte.
    pub(crate) fn align(&mut self) {
        let bits = self.valid_bits % 8;
        self.window <<= bits;
        self.valid_bits -= bits;
    }

    /// Whether bits behind the end have been handed out.
    pub(crate) fn is_overrun(&self) -> bool {
        self.position > self.bytes.len() + self.valid_bits as usize / 8
    }

    /// The bytes of which no bit has been handed out, or `None` when it is overrun.
    pub(crate) fn unread_bytes(&self) -> Option<usize> {
        (self.bytes.len() + self.valid_bits as usize / 8).checked_sub(self.position)
    }
}
