//! Numbers without a bound: the escape.

use super::Uniform;
use crate::{Distribution, Interval, MAX_SCALE_BITS, Result, SymbolCoder};

/// Codes any number; `n` costs about `2 * log2(n + 1) + 1` bits.
///
/// The Elias gamma code (Elias 1975) as laws: the bit length of `n + 1`, halving in likelihood with every
/// bit, then the bits below the leading one.
///
/// # Errors
/// Those of the coder.
pub fn code_gamma(coder: &mut impl SymbolCoder, number: &mut u32) -> Result<()> {
    let value = u64::from(*number) + 1;
    let mut low_bits = value.ilog2();
    coder.code(&mut low_bits, &LowBits)?;
    // Two pieces, because 32 bits do not fit one scale.
    let (high_part, low_part) = (low_bits / 2, low_bits.div_ceil(2));
    let mut high = (value >> low_part) as u32 & ((1 << high_part) - 1);
    let mut low = value as u32 & ((1 << low_part) - 1);
    coder.code(&mut high, &Uniform::of_bits(high_part)?)?;
    coder.code(&mut low, &Uniform::of_bits(low_part)?)?;
    let value = 1 << low_bits | u64::from(high) << low_part | u64::from(low);
    // Only a reader of hostile bytes can come by more than 32 bits: 2^32 is the largest value.
    *number = (value - 1).min(u64::from(u32::MAX)) as u32;
    Ok(())
}

/// The law of `0..=32` where each symbol is half as likely as the one before, down to one point.
struct LowBits;

/// The symbol from which on halving would leave less than one point for each.
const TAIL: u32 = 26;

/// Its tail of 16 points, shared by the symbols `26..=32`.
const TAIL_WIDTHS: [u32; 7] = [8, 3, 1, 1, 1, 1, 1];

impl Distribution for LowBits {
    fn scale_bits(&self) -> u32 {
        MAX_SCALE_BITS
    }

    fn interval(&self, symbol: u32) -> Option<Interval> {
        const END: u32 = 1 << MAX_SCALE_BITS;
        if symbol < TAIL {
            return Some(Interval { start: END - (END >> symbol), width: END >> (symbol + 1) });
        }
        let step = (symbol - TAIL) as usize;
        let width = *TAIL_WIDTHS.get(step)?;
        Some(Interval { start: END - TAIL_WIDTHS[step..].iter().sum::<u32>(), width })
    }

    fn locate(&self, point: u32) -> (u32, Interval) {
        let holds = |symbol: &u32| {
            self.interval(*symbol).is_some_and(|interval| point - interval.start < interval.width)
        };
        // Halving intervals: the leading ones of the point count the halves passed.
        let ones = (point << (32 - MAX_SCALE_BITS)).leading_ones();
        let symbol = (ones.min(TAIL)..=32).find(holds).expect("the intervals tile the scale");
        (symbol, self.interval(symbol).expect("found by its interval"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Meter, Reader, Writer};

    #[test]
    fn the_law_of_lengths_tiles_its_scale() {
        let mut end = 0;
        for symbol in 0..33 {
            let interval = LowBits.interval(symbol).unwrap();
            assert_eq!(interval.start, end);
            end += interval.width;
            for point in [interval.start, (interval.start + end) / 2, end - 1] {
                assert_eq!(LowBits.locate(point), (symbol, interval));
            }
        }
        assert_eq!(end, 1 << MAX_SCALE_BITS);
        assert_eq!(LowBits.interval(33), None);
    }

    #[test]
    fn any_number_comes_back() {
        let numbers: Vec<u32> = (0..32).flat_map(|bit| [1 << bit, (1 << bit) - 1, u32::MAX >> bit]).collect();
        let (mut writer, mut meter) = (Writer::new(), Meter::new());
        for &number in &numbers {
            code_gamma(&mut writer, &mut number.clone()).unwrap();
            code_gamma(&mut meter, &mut number.clone()).unwrap();
        }
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes);
        for &number in &numbers {
            let mut found = 77;
            code_gamma(&mut reader, &mut found).unwrap();
            assert_eq!(found, number);
        }
        reader.finish().unwrap();
        let gamma: u32 = numbers.iter().map(|&n| 2 * (u64::from(n) + 1).ilog2() + 1).sum();
        assert!((meter.bits() - f64::from(gamma)).abs() < 20.0, "{} bits against {gamma}", meter.bits());
    }
}
