//! Any widths over at most 65536 symbols.

use crate::{Distribution, Error, Interval, MAX_SCALE_BITS, Result};

/// A distribution given symbol by symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Categorical {
    scale_bits: u32,
    /// Start of every symbol's interval, and the end of the last.
    starts: Vec<u32>,
    /// The symbol that holds the first point of each of equal runs of points, and the last symbol.
    guide: Vec<u16>,
    guide_shift: u32,
}

impl Categorical {
    /// Most symbols.
    pub const MAX_SYMBOLS: usize = 1 << 16;

    /// The distribution with exactly these widths.
    ///
    /// # Errors
    /// [`Error::Distribution`] if there are none or more than 65536, one is 0, `scale_bits` is not
    /// in `1..=30`, or they do not sum to `2^scale_bits`.
    pub fn new(widths: &[u32], scale_bits: u32) -> Result<Self> {
        check_size(widths.len(), scale_bits)?;
        if let Some(symbol) = widths.iter().position(|&width| width == 0) {
            return Err(Error::distribution(format!("symbol {symbol} has no width")));
        }
        let sum: u64 = widths.iter().map(|&width| u64::from(width)).sum();
        if sum != 1 << scale_bits {
            return Err(Error::distribution(format!("widths sum to {sum}, expected 2^{scale_bits}")));
        }
        let ends = widths.iter().scan(0, |end, width| {
            *end += width;
            Some(*end)
        });
        let starts: Vec<u32> = std::iter::once(0).chain(ends).collect();
        // About as many runs as symbols: then few symbols are left to search.
        let guide_bits = widths.len().next_power_of_two().ilog2().min(scale_bits);
        let guide_shift = scale_bits - guide_bits;
        let mut guide = Vec::with_capacity((1 << guide_bits) + 1);
        for (symbol, &end) in starts[1..].iter().enumerate() {
            guide.resize(end.div_ceil(1 << guide_shift) as usize, symbol as u16);
        }
        guide.push((widths.len() - 1) as u16);
        Ok(Self { scale_bits, starts, guide, guide_shift })
    }

    /// Number of symbols.
    pub fn symbols(&self) -> usize {
        self.starts.len() - 1
    }
}

impl Distribution for Categorical {
    fn scale_bits(&self) -> u32 {
        self.scale_bits
    }

    fn interval(&self, symbol: u32) -> Option<Interval> {
        let start = *self.starts.get(symbol as usize)?;
        let end = *self.starts.get(symbol as usize + 1)?;
        Some(Interval { start, width: end - start })
    }

    fn locate(&self, point: u32) -> (u32, Interval) {
        let run = (point >> self.guide_shift) as usize;
        let (first, last) = (usize::from(self.guide[run]), usize::from(self.guide[run + 1]));
        let symbol = first + self.starts[first + 1..=last].partition_point(|&start| start <= point);
        let start = self.starts[symbol];
        (symbol as u32, Interval { start, width: self.starts[symbol + 1] - start })
    }
}

fn check_size(symbols: usize, scale_bits: u32) -> Result<()> {
    if symbols == 0 || symbols > Categorical::MAX_SYMBOLS {
        return Err(Error::distribution(format!(
            "{symbols} symbols, expected 1..={}",
            Categorical::MAX_SYMBOLS
        )));
    }
    if !(1..=MAX_SCALE_BITS).contains(&scale_bits) {
        return Err(Error::distribution(format!(
            "a scale of 2^{scale_bits}, expected 2^1..=2^{MAX_SCALE_BITS}"
        )));
    }
    Ok(())
}
