//! Raw bits: low bits that no distribution can compress, and escapes.
//!
//! Bits fill bytes from the least significant end, and the last byte is padded with zeros. Reader
//! and writer hold 64 bits in a register and touch memory once per 56 to 64 bits.

use crate::{Error, Result};

/// Most bits of one [`BitWriter::write`] or [`BitReader::read`].
pub const MAX_BITS: u32 = 56;

const WHAT: &str = "bit stream";

/// Writes numbers of 0 to 56 bits, least significant bit first.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    pending_bits: u32,
}

impl BitWriter {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the low `bits` bits of `value`; higher bits must be zero.
    #[inline]
    pub fn write(&mut self, value: u64, bits: u32) {
        debug_assert!(bits <= MAX_BITS && value >> bits == 0, "{value} in {bits} bits");
        self.pending |= value << self.pending_bits;
        let filled = self.pending_bits + bits;
        if filled < 64 {
            self.pending_bits = filled;
        } else {
            self.bytes.extend_from_slice(&self.pending.to_le_bytes());
            // The register held at least 8 bits before, because bits <= 56: the shift is below 64.
            self.pending = value >> (64 - self.pending_bits);
            self.pending_bits = filled - 64;
        }
    }

    /// Appends `value` as Elias gamma code of `value + 1`: `2 * floor(log2(value + 1)) + 1` bits.
    ///
    /// As many zeros as the number has bits after its first, a one, then those bits. (Elias 1975,
    /// "Universal codeword sets and representations of the integers", with the low bits last.)
    pub fn write_gamma(&mut self, value: u32) {
        let number = u64::from(value) + 1;
        let low_bits = 63 - number.leading_zeros();
        self.write(1 << low_bits, low_bits + 1);
        self.write(number ^ (1 << low_bits), low_bits);
    }

    /// Number of bits written so far.
    pub fn len_bits(&self) -> u64 {
        self.bytes.len() as u64 * 8 + u64::from(self.pending_bits)
    }

    /// The bytes, the last one padded with zero bits.
    pub fn finish(mut self) -> Vec<u8> {
        let tail = self.pending.to_le_bytes();
        self.bytes.extend_from_slice(&tail[..self.pending_bits.div_ceil(8) as usize]);
        self.bytes
    }
}

/// Reads what a [`BitWriter`] wrote.
///
/// Past the end of the bytes it reads zeros and remembers that it did: loops bounded by a count may
/// ask once, at their end, through [`check`](Self::check) or [`finish`](Self::finish).
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bytes taken into the register, those past the end included.
    taken: u64,
    pending: u64,
    pending_bits: u32,
}

impl<'a> BitReader<'a> {
    /// Reads `bytes` from their first bit.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, taken: 0, pending: 0, pending_bits: 0 }
    }

    /// Leaves at least 56 bits in the register.
    ///
    /// Takes eight bytes whatever is needed, and counts those of which all bits found room; the
    /// bits of the others are ORed again by the next refill, onto themselves.
    #[inline]
    fn refill(&mut self) {
        let word = match self.bytes.get(self.taken as usize..).and_then(|rest| rest.first_chunk()) {
            Some(word) => u64::from_le_bytes(*word),
            None => self.last_word(),
        };
        self.pending |= word << self.pending_bits;
        self.taken += u64::from((63 - self.pending_bits) >> 3);
        self.pending_bits |= 56;
    }

    #[cold]
    fn last_word(&self) -> u64 {
        let rest = self.bytes.get(self.taken as usize..).unwrap_or_default();
        rest.iter().take(8).rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
    }

    /// The next `bits` bits, at most 56; zeros past the end.
    #[inline]
    pub fn read(&mut self, bits: u32) -> u64 {
        debug_assert!(bits <= MAX_BITS);
        if self.pending_bits < bits {
            self.refill();
        }
        let value = self.pending & ((1 << bits) - 1);
        self.pending >>= bits;
        self.pending_bits -= bits;
        value
    }

    /// The number that [`BitWriter::write_gamma`] wrote.
    ///
    /// # Errors
    /// If the code is longer than that of any `u32`, or begins past the end.
    pub fn read_gamma(&mut self) -> Result<u32> {
        if self.pending_bits < 33 {
            self.refill();
        }
        let low_bits = self.pending.trailing_zeros();
        if low_bits > 32 {
            self.check()?;
            return Err(Error::corrupt(WHAT, "more than 32 zeros before an Elias gamma code"));
        }
        self.read(low_bits + 1);
        let number = self.read(low_bits) | 1 << low_bits;
        u32::try_from(number - 1).map_err(|_| Error::corrupt(WHAT, "Elias gamma code beyond 32 bits"))
    }

    /// Number of bits read so far, those past the end included.
    pub fn position_bits(&self) -> u64 {
        self.taken * 8 - u64::from(self.pending_bits)
    }

    /// Whether everything read so far was there.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bits were read past the end.
    pub fn check(&self) -> Result<()> {
        match self.position_bits() <= self.bytes.len() as u64 * 8 {
            true => Ok(()),
            false => Err(Error::Truncated { what: WHAT }),
        }
    }

    /// Ends the reading: nothing may be left but the padding of the last byte.
    ///
    /// # Errors
    /// If bits were read past the end, bytes are left over, or the padding is not zero.
    pub fn finish(mut self) -> Result<()> {
        self.check()?;
        let left = self.bytes.len() as u64 * 8 - self.position_bits();
        if left >= 8 {
            return Err(Error::corrupt(WHAT, format!("{left} bits are left over")));
        }
        match self.read(left as u32) {
            0 => Ok(()),
            _ => Err(Error::corrupt(WHAT, "the padding is not zero")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_of_any_size_come_back(numbers in prop::collection::vec((any::<u64>(), 0..=MAX_BITS), 0..300)) {
            let numbers: Vec<(u64, u32)> =
                numbers.into_iter().map(|(value, bits)| (value & ((1 << bits) - 1), bits)).collect();
            let mut writer = BitWriter::new();
            for &(value, bits) in &numbers {
                writer.write(value, bits);
            }
            let bits = writer.len_bits();
            let bytes = writer.finish();
            prop_assert_eq!(bytes.len() as u64, bits.div_ceil(8));
            let mut reader = BitReader::new(&bytes);
            for &(value, bits) in &numbers {
                prop_assert_eq!(reader.read(bits), value);
            }
            prop_assert_eq!(reader.position_bits(), bits);
            prop_assert_eq!(reader.finish(), Ok(()));
            for end in 0..bytes.len() {
                let mut reader = BitReader::new(&bytes[..end]);
                for &(_, bits) in &numbers {
                    reader.read(bits);
                }
                prop_assert_eq!(reader.finish(), Err(Error::Truncated { what: WHAT }));
            }
        }

        #[test]
        fn gamma_codes_come_back(numbers in prop::collection::vec((any::<u32>(), 0_u32..32), 0..300)) {
            let numbers: Vec<u32> = numbers.into_iter().map(|(value, shift)| value >> shift).collect();
            let mut writer = BitWriter::new();
            for &value in &numbers {
                writer.write_gamma(value);
            }
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            for &value in &numbers {
                prop_assert_eq!(reader.read_gamma(), Ok(value));
            }
            prop_assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn the_bytes_are_pinned() {
        let mut writer = BitWriter::new();
        writer.write(0b101, 3);
        writer.write_gamma(0);
        writer.write_gamma(6);
        writer.write_gamma(u32::MAX);
        writer.write(0x00ab_cdef_0123_4567 >> 1, 55);
        assert_eq!(
            writer.finish(),
            [0xcd, 0x01, 0, 0, 0, 0x02, 0, 0, 0, 0xcc, 0x8a, 0x46, 0x02, 0xde, 0x9b, 0x57, 0x01]
        );
    }

    #[test]
    fn hostile_gamma_codes_are_refused() {
        let zeros = [0_u8; 16];
        assert!(matches!(BitReader::new(&zeros).read_gamma(), Err(Error::Corrupt { .. })));
        assert!(BitReader::new(&[]).read_gamma().is_err());
        // 33 bits: one more than any u32 needs.
        let mut writer = BitWriter::new();
        writer.write(1 << 32, 33);
        writer.write(1, 32);
        assert!(matches!(BitReader::new(&writer.finish()).read_gamma(), Err(Error::Corrupt { .. })));
        let mut reader = BitReader::new(&[0, 0, 0, 128]);
        assert!(reader.read_gamma().is_ok(), "the low bits are past the end");
        assert_eq!(reader.check(), Err(Error::Truncated { what: WHAT }));
    }

    #[test]
    fn leftovers_and_padding_are_refused() {
        let mut reader = BitReader::new(&[0, 0]);
        reader.read(7);
        assert!(matches!(reader.finish(), Err(Error::Corrupt { .. })));
        let mut reader = BitReader::new(&[0b100]);
        reader.read(2);
        assert!(matches!(reader.finish(), Err(Error::Corrupt { .. })));
    }
}
