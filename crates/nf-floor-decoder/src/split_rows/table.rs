//! format-floor.md, 5.4 and 20.4: a frequency table.

use crate::Error;
use crate::bits::{Bits, signed};

/// The frequencies of the symbols, and their sums before every symbol.
pub(crate) struct Table {
    frequencies: Vec<u32>,
    starts: Vec<u32>,
}

/// The frequencies of `m` symbols, of each the first bit and up to `most` bits after it.
fn read_frequencies(bits: &mut Bits<'_>, m: usize, most: u32) -> Result<Vec<i64>, Error> {
    let mut frequencies = Vec::new();
    let mut b = 0;
    for _ in 0..m {
        b += signed(bits.gamma()? - 1);
        Error::unless((0..=15).contains(&b), "a frequency has more than 15 bits")?;
        frequencies.push(match b as u32 {
            0 => 0,
            b => {
                let k = (b - 1).min(most);
                ((1 << k) + bits.u(k)? as i64) << (b - 1 - k)
            }
        });
    }
    Ok(frequencies)
}

impl Table {
    /// The table of these frequencies.
    fn new(frequencies: Vec<i64>) -> Self {
        let frequencies: Vec<u32> = frequencies.into_iter().map(|frequency| frequency as u32).collect();
        let mut starts = Vec::new();
        let mut start = 0;
        for frequency in &frequencies {
            starts.push(start);
            start += frequency;
        }
        Self { frequencies, starts }
    }

    /// Reads a table.
    pub(crate) fn read(bits: &mut Bits<'_>) -> Result<Self, Error> {
        Error::unless(bits.u(4)? == 14, "a frequency table is not one of 14 bits")?;
        let m = bits.u(8)? as usize + 1;
        Error::unless(m <= 128, "a frequency table has more than 128 symbols")?;
        let frequencies = read_frequencies(bits, m, 14)?;
        Error::unless(frequencies.iter().sum::<i64>() == 1 << 14, "frequencies do not sum to 2^14")?;
        Ok(Self::new(frequencies))
    }

    /// 20.4: reads a short table.
    pub(crate) fn read_short(bits: &mut Bits<'_>) -> Result<Self, Error> {
        let first = bits.u(7)? as usize;
        let m = bits.u(7)? as usize + 1;
        Error::unless(first + m <= 128, "a frequency table has more than 128 symbols")?;
        let mut frequencies = vec![0; first];
        frequencies.extend(read_frequencies(bits, m, 4)?);
        let most = frequencies.iter().copied().max().unwrap_or(0);
        let sum: i64 = frequencies.iter().sum();
        for frequency in &mut frequencies {
            if *frequency == most {
                *frequency += (1 << 14) - sum;
                Error::unless(*frequency > 0, "frequencies are too large for their table")?;
                break;
            }
        }
        Ok(Self::new(frequencies))
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
