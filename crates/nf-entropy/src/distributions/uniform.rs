//! Every symbol alike.

use crate::{Distribution, Error, Interval, MAX_SCALE_BITS, Result};

/// The distribution under which all symbols below a bound are equally likely, as nearly as the
/// scale allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uniform {
    symbols: u32,
    scale_bits: u32,
}

impl Uniform {
    /// The distribution over `0..symbols`; exact if that is a power of two.
    ///
    /// # Errors
    /// [`Error::Distribution`] if `symbols` is not in `1..=2^30`.
    pub fn new(symbols: u32) -> Result<Self> {
        if symbols == 0 || symbols > 1 << MAX_SCALE_BITS {
            return Err(Error::distribution(format!(
                "{symbols} equal symbols, expected 1..=2^{MAX_SCALE_BITS}"
            )));
        }
        let scale_bits = match symbols {
            1 => 1,
            _ if symbols.is_power_of_two() => symbols.ilog2(),
            _ => MAX_SCALE_BITS,
        };
        Ok(Self { symbols, scale_bits })
    }

    fn start(&self, symbol: u32) -> u32 {
        ((u64::from(symbol) << self.scale_bits) / u64::from(self.symbols)) as u32
    }
}

impl Distribution for Uniform {
    fn scale_bits(&self) -> u32 {
        self.scale_bits
    }

    fn interval(&self, symbol: u32) -> Option<Interval> {
        if symbol >= self.symbols {
            return None;
        }
        let start = self.start(symbol);
        Some(Interval { start, width: self.start(symbol + 1) - start })
    }

    fn locate(&self, point: u32) -> (u32, Interval) {
        // floor(s * 2^S / n) <= p is s * 2^S / n < p + 1; the last such s is ceil((p + 1) * n /
        // 2^S) - 1.
        let symbol = (((u64::from(point) + 1) * u64::from(self.symbols) - 1) >> self.scale_bits) as u32;
        let start = self.start(symbol);
        (symbol, Interval { start, width: self.start(symbol + 1) - start })
    }
}
