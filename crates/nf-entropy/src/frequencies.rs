//! A distribution over at most 256 symbols: integer frequencies that sum to a power of two.

use crate::bits::{BitReader, BitWriter};
use crate::normalise::normalise;
use crate::{Distribution, Error, Interval, Result};

/// Most symbols of one [`Frequencies`].
pub(crate) const MAX_SYMBOLS: usize = 256;

/// Finest scale of [`Frequencies`]: `2^14` points, 16 for each of 1024 average symbols.
pub(crate) const MAX_SCALE_BITS: u32 = 14;

const WHAT: &str = "frequency table";

/// Frequencies of the symbols `0..len`, `len <= 256`, that sum to `2^scale_bits`,
/// `scale_bits <= 14`.
///
/// A symbol of frequency 0 is outside the alphabet and cannot be coded. As a [`Distribution`] this
/// is the distribution that the tables of [`table`](crate::table) code with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frequencies {
    scale_bits: u32,
    frequencies: Vec<u16>,
    /// Sum of the frequencies of lower symbols.
    starts: Vec<u16>,
}

impl Frequencies {
    /// The distribution with exactly these frequencies.
    ///
    /// # Errors
    /// [`Error::Distribution`] if there are more than 256, `scale_bits` is not in `1..=14`, or the
    /// sum is not `2^scale_bits`.
    pub fn new(frequencies: Vec<u16>, scale_bits: u32) -> Result<Self> {
        check_size(frequencies.len(), scale_bits)?;
        let sum: u32 = frequencies.iter().map(|&frequency| u32::from(frequency)).sum();
        if sum != 1 << scale_bits {
            return Err(Error::distribution(format!("frequencies sum to {sum}, expected 2^{scale_bits}")));
        }
        let starts = frequencies.iter().scan(0, |end, frequency| {
            let start = *end;
            *end += frequency;
            Some(start)
        });
        Ok(Self { scale_bits, starts: starts.collect(), frequencies })
    }

    /// The distribution nearest to `counts`: nearly the fewest bits for symbols that occur so
    /// often.
    ///
    /// Every symbol with a count keeps a frequency of at least 1; the others get none. Integers
    /// only, so equal counts give equal distributions on every machine.
    ///
    /// # Errors
    /// [`Error::Distribution`] if all counts are zero, there are more than 256 of them or more
    /// non-zero ones than points, or `scale_bits` is not in `1..=14`.
    pub fn from_counts(counts: &[u32], scale_bits: u32) -> Result<Self> {
        check_size(counts.len(), scale_bits)?;
        let frequencies = normalise(counts, scale_bits)?;
        Self::new(frequencies.into_iter().map(|frequency| frequency as u16).collect(), scale_bits)
    }

    /// The frequencies, symbol by symbol.
    pub fn frequencies(&self) -> &[u16] {
        &self.frequencies
    }

    /// Appends the distribution to a bit stream: about `log2(frequency) + 1` bits per symbol for
    /// smooth distributions.
    ///
    /// Scale (4 bits), number of symbols less one (8 bits), then per symbol the bit length of its
    /// frequency, as the zigzagged difference from the one before in Elias gamma code (one bit if
    /// they are equal), and the bits below the leading one.
    pub fn write(&self, writer: &mut BitWriter) {
        writer.write(u64::from(self.scale_bits), 4);
        writer.write(self.frequencies.len() as u64 - 1, 8);
        let mut previous = 0;
        for &frequency in &self.frequencies {
            let length = (16 - frequency.leading_zeros()) as i32;
            let step = length - previous;
            writer.write_gamma(((step << 1) ^ (step >> 31)) as u32);
            if length > 1 {
                writer.write(u64::from(frequency) ^ (1 << (length - 1)), length as u32 - 1);
            }
            previous = length;
        }
    }

    /// The distribution that [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`] if the bits are not such a distribution. Reads at
    /// most 256 symbols.
    pub fn read(reader: &mut BitReader<'_>) -> Result<Self> {
        let scale_bits = reader.read(4) as u32;
        let len = reader.read(8) as usize + 1;
        let mut frequencies = Vec::with_capacity(len);
        let mut previous = 0_i32;
        for _ in 0..len {
            let folded = reader.read_gamma()?;
            let step = (folded >> 1) as i32 ^ -((folded & 1) as i32);
            let length = previous.saturating_add(step);
            if !(0..=15).contains(&length) {
                return Err(Error::corrupt(
                    WHAT,
                    format!("a frequency of {length} bits, expected at most 15"),
                ));
            }
            frequencies.push(match length {
                0 => 0,
                _ => 1 << (length - 1) | reader.read(length as u32 - 1) as u16,
            });
            previous = length;
        }
        reader.check()?;
        Self::new(frequencies, scale_bits).map_err(|error| Error::corrupt(WHAT, error.to_string()))
    }
}

impl Distribution for Frequencies {
    fn scale_bits(&self) -> u32 {
        self.scale_bits
    }

    fn interval(&self, symbol: u32) -> Option<Interval> {
        let width = u32::from(*self.frequencies.get(symbol as usize)?);
        let start = u32::from(self.starts[symbol as usize]);
        (width > 0).then_some(Interval { start, width })
    }

    fn locate(&self, point: u32) -> (u32, Interval) {
        // Of symbols with equal starts, only the last can have a width.
        let above = self.starts.partition_point(|&start| u32::from(start) <= point);
        let symbol = above - 1;
        let interval =
            Interval { start: u32::from(self.starts[symbol]), width: u32::from(self.frequencies[symbol]) };
        (symbol as u32, interval)
    }
}

fn check_size(symbols: usize, scale_bits: u32) -> Result<()> {
    if symbols == 0 || symbols > MAX_SYMBOLS {
        return Err(Error::distribution(format!("{symbols} symbols, expected 1..={MAX_SYMBOLS}")));
    }
    if !(1..=MAX_SCALE_BITS).contains(&scale_bits) {
        return Err(Error::distribution(format!(
            "a scale of 2^{scale_bits}, expected 2^1..=2^{MAX_SCALE_BITS}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bits of all symbols under a distribution, in float: a yardstick for tests only.
    fn bits(counts: &[u32], distribution: &[u16], scale_bits: u32) -> f64 {
        let cost = |(&count, &frequency): (&u32, &u16)| match count {
            0 => 0.0,
            _ => f64::from(count) * (f64::from(scale_bits) - f64::from(frequency).log2()),
        };
        counts.iter().zip(distribution).map(cost).sum()
    }

    fn arbitrary_counts() -> impl Strategy<Value = Vec<u32>> {
        let count =
            (any::<u32>(), 0_u32..40).prop_map(|(count, shift)| count.checked_shr(shift).unwrap_or(0));
        prop::collection::vec(count, 1..=MAX_SYMBOLS)
    }

    proptest! {
        #[test]
        fn normalised_distributions_keep_every_used_symbol(counts in arbitrary_counts(), scale_bits in 8..=MAX_SCALE_BITS) {
            prop_assume!(counts.iter().any(|&count| count > 0));
            let distribution = Frequencies::from_counts(&counts, scale_bits).unwrap();
            for (&count, &frequency) in counts.iter().zip(distribution.frequencies()) {
                prop_assert_eq!(count > 0, frequency > 0);
            }
        }

        #[test]
        fn no_single_move_of_a_point_saves_much(counts in prop::collection::vec(0_u32..10_000, 2..20)) {
            prop_assume!(counts.iter().any(|&count| count > 0));
            let distribution = Frequencies::from_counts(&counts, 8).unwrap();
            let before = bits(&counts, distribution.frequencies(), 8);
            let total: u32 = counts.iter().sum();
            for from in 0..counts.len() {
                for to in (0..counts.len()).filter(|&to| to != from && counts[to] > 0) {
                    let mut moved = distribution.frequencies().to_vec();
                    if moved[from] < 2 {
                        continue;
                    }
                    moved[from] -= 1;
                    moved[to] += 1;
                    prop_assert!(bits(&counts, &moved, 8) > before - 1e-3 * f64::from(total));
                }
            }
        }

        #[test]
        fn written_distributions_come_back(counts in arbitrary_counts(), scale_bits in 8..=MAX_SCALE_BITS) {
            prop_assume!(counts.iter().any(|&count| count > 0));
            let distribution = Frequencies::from_counts(&counts, scale_bits).unwrap();
            let mut writer = BitWriter::new();
            distribution.write(&mut writer);
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            prop_assert_eq!(Frequencies::read(&mut reader), Ok(distribution.clone()));
            prop_assert_eq!(reader.finish(), Ok(()));
            for end in 0..bytes.len() {
                prop_assert!(Frequencies::read(&mut BitReader::new(&bytes[..end])).is_err());
            }
        }

        #[test]
        fn hostile_distributions_are_refused_or_whole(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(distribution) = Frequencies::read(&mut BitReader::new(&bytes)) {
                let sum: u32 = distribution.frequencies().iter().map(|&frequency| u32::from(frequency)).sum();
                prop_assert_eq!(sum, 1 << distribution.scale_bits());
            }
        }

        #[test]
        fn intervals_tile_the_scale(counts in arbitrary_counts()) {
            prop_assume!(counts.iter().any(|&count| count > 0));
            let distribution = Frequencies::from_counts(&counts, 12).unwrap();
            let mut end = 0;
            for symbol in 0..counts.len() as u32 {
                let Some(interval) = distribution.interval(symbol) else { continue };
                prop_assert_eq!(interval.start, end);
                end += interval.width;
                for point in interval.start..end {
                    prop_assert_eq!(distribution.locate(point), (symbol, interval));
                }
            }
            prop_assert_eq!(end, 1 << 12);
            prop_assert_eq!(distribution.interval(counts.len() as u32), None);
        }
    }

    #[test]
    fn distributions_of_one_symbol_hold_the_whole_scale() {
        let distribution = Frequencies::from_counts(&[0, 7, 0], 14).unwrap();
        assert_eq!(distribution.frequencies(), [0, 1 << 14, 0]);
        assert_eq!(distribution.locate(0), (1, Interval { start: 0, width: 1 << 14 }));
    }

    #[test]
    fn normalisation_is_pinned() {
        let distribution = |counts: &[u32], scale_bits| {
            Frequencies::from_counts(counts, scale_bits).unwrap().frequencies().to_vec()
        };
        assert_eq!(distribution(&[1, 1, 1], 8), [86, 85, 85]);
        assert_eq!(distribution(&[1_000_000, 1, 1, 0, 1], 4), [13, 1, 1, 0, 1]);
        assert_eq!(distribution(&[u32::MAX; 256], 8), [1; 256]);
        assert_eq!(distribution(&[3, 5, 9, 17, 30, 17, 9, 5, 3], 5), [1, 2, 3, 5, 10, 5, 3, 2, 1]);
    }

    #[test]
    fn written_distributions_are_pinned() {
        let distribution = Frequencies::new(vec![0, 1, 3, 10, 30, 100, 70, 30, 10, 1, 1, 0], 8).unwrap();
        let mut writer = BitWriter::new();
        distribution.write(&mut writer);
        let hex: String = writer.finish().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "b8d0ce64676483b8440b");
    }

    #[test]
    fn smooth_distributions_are_written_in_few_bytes() {
        let counts: Vec<u32> =
            (0..100_i32).map(|x| (1e6 * (-f64::from(x - 50).powi(2) / 300.0).exp()) as u32).collect();
        let mut writer = BitWriter::new();
        Frequencies::from_counts(&counts, 14).unwrap().write(&mut writer);
        assert!(writer.len_bits() < 800, "{} bits", writer.len_bits());
    }

    #[test]
    fn numbers_that_make_no_distribution_are_refused() {
        assert!(Frequencies::new(vec![], 8).is_err());
        assert!(Frequencies::new(vec![1; 257], 8).is_err());
        assert!(Frequencies::new(vec![1, 2], 2).is_err());
        assert!(Frequencies::new(vec![1 << 14, 1 << 14], 15).is_err());
        assert!(Frequencies::new(vec![1], 0).is_err());
        assert!(Frequencies::from_counts(&[0, 0], 8).is_err());
        assert!(Frequencies::from_counts(&[1; 17], 4).is_err());
    }
}
