//! Tables of frequencies, and symbols coded with them by rANS in four lanes.

use super::Wrong;
use super::bits::{Bits, signed};

/// Frequencies of symbols; they sum to 2^14.
pub(super) struct Table(Vec<u32>);

impl Table {
    pub(super) fn read(bits: &mut Bits<'_>) -> Result<Self, Wrong> {
        if bits.u(4)? != 14 {
            return Err("a table of another scale".into());
        }
        let symbols = bits.u(8)? + 1;
        if symbols > 128 {
            return Err(format!("a table of {symbols} symbols"));
        }
        let mut frequencies = Vec::new();
        let mut length = 0;
        for _ in 0..symbols {
            length += signed(bits.gamma()? as i64 - 1);
            if !(0..=15).contains(&length) {
                return Err(format!("a frequency of {length} bits"));
            }
            frequencies.push(match length {
                0 => 0,
                _ => (1 << (length - 1)) + bits.u(length as u32 - 1)? as u32,
            });
        }
        match frequencies.iter().sum::<u32>() {
            16_384 => Ok(Self(frequencies)),
            sum => Err(format!("frequencies that sum to {sum}")),
        }
    }

    /// The symbol that holds a point, its start and its width.
    fn at(&self, point: u32) -> (usize, u32, u32) {
        let mut start = 0;
        for (symbol, &width) in self.0.iter().enumerate() {
            if point < start + width {
                return (symbol, start, width);
            }
            start += width;
        }
        unreachable!("points are below 2^14")
    }
}

pub(super) struct Decoder<'a> {
    states: [u32; 4],
    words: &'a [u8],
    symbols: usize,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Wrong> {
        if bytes.len() < 16 {
            return Err("no room for four states".into());
        }
        let (head, words) = bytes.split_at(16);
        let state =
            |i: usize| u32::from_le_bytes([head[4 * i], head[4 * i + 1], head[4 * i + 2], head[4 * i + 3]]);
        let states = [state(0), state(1), state(2), state(3)];
        if states.iter().any(|&state| state < 1 << 16) {
            return Err("a state below 2^16".into());
        }
        Ok(Self { states, words, symbols: 0 })
    }

    pub(super) fn symbol(&mut self, table: &Table) -> Result<usize, Wrong> {
        let state = &mut self.states[self.symbols % 4];
        self.symbols += 1;
        let point = *state % (1 << 14);
        let (symbol, start, width) = table.at(point);
        *state = width * (*state >> 14) + point - start;
        if *state < 1 << 16 {
            if self.words.len() < 2 {
                return Err("words beyond the end".into());
            }
            let (word, rest) = self.words.split_at(2);
            *state = (*state << 16) + u32::from(u16::from_le_bytes([word[0], word[1]]));
            self.words = rest;
        }
        Ok(symbol)
    }

    pub(super) fn finish(self) -> Result<(), Wrong> {
        if self.states != [1 << 16; 4] || !self.words.is_empty() {
            return Err("the symbols do not end where encoding starts".into());
        }
        Ok(())
    }
}
