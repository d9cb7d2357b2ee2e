//! format-floor.md, 5.4: a frequency table.

use crate::Error;
use crate::bits::{Bits, signed};

/// The frequencies of the symbols, and their sums before every symbol.
pub(crate) struct Table {
    frequencies: Vec<u32>,
    starts: Vec<u32>,
}

impl Table {
    /// Reads a table.
    pub(crate) fn read(bits: &mut Bits<'_>) -> Result<Self, Error> {
        Error::unless(bits.u(4)? == 14, "a frequency table is not one of 14 bits")?;
        let m = bits.u(8)? + 1;
        Error::unless(m <= 128, "a frequency table has more than 128 symbols")?;
        let mut frequencies = Vec::new();
        let mut starts = Vec::new();
        let mut b = 0;
        let mut sum = 0;
        for _ in 0..m {
            b += signed(bits.gamma()? - 1);
            Error::unless((0..=15).contains(&b), "a frequency has more than 15 bits")?;
            let frequency = match b as u32 {
                0 => 0,
                b => (1 << (b - 1)) + bits.u(b - 1)? as u32,
            };
            starts.push(sum);
            frequencies.push(frequency);
            sum += frequency;
        }
        Error::unless(sum == 1 << 14, "frequencies do not sum to 2^14")?;
        Ok(Self { frequencies, starts })
    }

    /// 20.4: reads a short table.
    pub(crate) fn read_short(bits: &mut Bits<'_>) -> Result<Self, Error> {
        let first = bits.u(7)? as usize;
        let m = bits.u(7)? as usize + 1;
        Error::unless(first + m <= 128, "a frequency table has more than 128 symbols")?;
        let mut frequencies = vec![0; first];
        let mut b = 0;
        for _ in 0..m {
            b += signed(bits.gamma()? - 1);
            Error::unless((0..=15).contains(&b), "a frequency has more than 15 bits")?;
            frequencies.push(match b as u32 {
                0 => 0,
                b => {
                    let k = (b - 1).min(4);
                    ((1 << k) + bits.u(k)? as i64) << (b - 1 - k)
                }
            });
        }
        let most = frequencies.iter().copied().max().unwrap_or(0);
        let sum: i64 = frequencies.iter().sum();
        for frequency in &mut frequencies {
            if *frequency == most {
                *frequency += (1 << 14) - sum;
                Error::unless(*frequency > 0, "frequencies are too large for their table")?;
                break;
            }
        }
        let mut starts = Vec::new();
        let mut start = 0;
        for &frequency in &frequencies {
            starts.push(start as u32);
            start += frequency;
        }
        Ok(Self { frequencies: frequencies.into_iter().map(|frequency| frequency as u32).collect(), starts })
    }

    /// 5.9, step 2: the symbol of a point (less than `2^14`), its start and its frequency.
    pub(crate) fn find(&self, point: u32) -> Result<(i64, u32, u32), Error> {
        for (symbol, (&a, &g)) in self.starts.iter().zip(&self.frequencies).enumerate() {
            if a <= point && point < a + g {
                return Ok((symbol as i64, a, g));
            }
        }
        Err(Error::new("no symbol has this point"))
    }
}
