//! The ideal size of symbols under distributions.

use crate::{Distribution, Error, Interval, Result, SymbolCoder};

/// Fixed-point unit of a [`Meter`]: 2^-32 bit.
const UNIT_BITS: u32 = 32;

impl Interval {
    /// Information in bits of a symbol with this share of a scale of `2^scale_bits`:
    /// `scale_bits - log2(width)`.
    ///
    /// For reports, never for coding; still the same on every machine, because it is IEEE
    /// arithmetic in a fixed order.
    pub fn information_bits(self, scale_bits: u32) -> f64 {
        f64::from(scale_bits) - log2(self.width)
    }
}

/// Base-2 logarithm, good to 1e-14: `log2(2^e * m) = e + 2 * artanh((m - 1) / (m + 1)) / ln 2` for
/// `m` near 1.
fn log2(number: u32) -> f64 {
    debug_assert!(number > 0);
    let mut exponent = number.ilog2() as i32;
    let mut mantissa = f64::from(number) / (1_u64 << exponent) as f64;
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // |ratio| <= 0.172, so the first power left out is below 1e-15.
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = (0..10).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    f64::from(exponent) + 2.0 * std::f64::consts::LOG2_E * ratio * series
}

/// Adds up the information of symbols: the size in bits of an ideal coder's stream.
///
/// The sum is exact, in units of 2^-32 bit to which every term is rounded, so it depends neither on
/// the order of the symbols nor on the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    units: u128,
}

impl Meter {
    /// A meter at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bits so far.
    pub fn bits(&self) -> f64 {
        self.units as f64 / (1_u64 << UNIT_BITS) as f64
    }
}

impl SymbolCoder for Meter {
    fn code(&mut self, symbol: &mut u32, distribution: &impl Distribution) -> Result<()> {
        let interval = distribution.interval(*symbol).ok_or(Error::Symbol { symbol: *symbol })?;
        let units = interval.information_bits(distribution.scale_bits()) * (1_u64 << UNIT_BITS) as f64;
        self.units += (units + 0.5) as u128;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_right() {
        for exponent in 0..31 {
            assert_eq!(log2(1 << exponent), f64::from(exponent));
            for number in
                [1_u32, 3, 5, 1000, 12_345, 46_340, 46_341, 65_535, 1_000_003].map(|n| n << exponent >> 1)
            {
                if number > 0 {
                    assert!((log2(number) - f64::from(number).log2()).abs() < 2e-14, "{number}");
                }
            }
        }
        assert!((log2(u32::MAX) - 32.0).abs() < 1e-9);
    }
}
