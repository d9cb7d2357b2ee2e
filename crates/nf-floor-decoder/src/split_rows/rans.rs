//! format-floor.md, 5.9: rANS in four lanes.

use super::table::Table;
use crate::Error;
use crate::bytes::Bytes;

/// The four states and the words that are left.
pub(crate) struct Rans<'a> {
    x: [u64; 4],
    /// The number of symbols that were read.
    symbols: usize,
    words: Bytes<'a>,
}

impl<'a> Rans<'a> {
    /// The decoder of these bytes.
    pub(crate) fn new(symbols: &'a [u8]) -> Result<Self, Error> {
        let mut words = Bytes::new(symbols);
        let mut x = [0; 4];
        for state in &mut x {
            *state = u64::from(words.u32()?);
            Error::unless(*state >= 1 << 16, "a state of rANS is too small")?;
        }
        Ok(Self { x, symbols: 0, words })
    }

    /// The next symbol, read with this table.
    pub(crate) fn symbol(&mut self, table: &Table) -> Result<i64, Error> {
        let x = &mut self.x[self.symbols % 4];
        self.symbols += 1;
        let point = *x % (1 << 14);
        let (symbol, a, g) = table.find(point as u32)?;
        *x = u64::from(g) * (*x >> 14) + point - u64::from(a);
        if *x < 1 << 16 {
            *x = (*x << 16) + u64::from(self.words.u16()?);
        }
        Ok(symbol)
    }

    /// An error unless all symbols were read.
    pub(crate) fn end(&self) -> Result<(), Error> {
        Error::unless(self.x == [1 << 16; 4], "a state of rANS is wrong at the end")?;
        self.words.end()
    }
}
