//! Encoding with tables, last symbol first.

use super::{HEAD_BYTES, LANES, LOWER, common_scale_bits};
use crate::frequencies::MAX_SYMBOLS;
use crate::{Distribution, Error, Frequencies, Result};

/// What the encoder needs of one symbol of one table.
#[derive(Clone, Copy, Debug, Default)]
struct Symbol {
    /// `ceil(2^64 / frequency)`: the high half of its product with a state is the quotient.
    reciprocal: u64,
    frequency: u32,
    /// Added to the state along with the quotient times `2^scale_bits - frequency`.
    bias: u32,
}

impl Symbol {
    fn new(frequency: u32, start: u32, scale_bits: u32) -> Self {
        match frequency {
            0 => Self::default(),
            // 2^64 does not fit: this reciprocal gives x - 1 for x, and the bias makes up for it.
            1 => Self { reciprocal: u64::MAX, frequency, bias: start + (1 << scale_bits) - 1 },
            _ => Self { reciprocal: u64::MAX / u64::from(frequency) + 1, frequency, bias: start },
        }
    }
}

/// A set of tables made ready for encoding: 4 KiB per table.
#[derive(Clone, Debug)]
pub struct EncodeTables {
    scale_bits: u32,
    tables: Vec<[Symbol; MAX_SYMBOLS]>,
}

impl EncodeTables {
    /// Tables of these distributions; a symbol names its table by the position in this list.
    ///
    /// # Errors
    /// [`Error::Distribution`] if there is none, or their scales differ.
    pub fn new(distributions: &[Frequencies]) -> Result<Self> {
        let scale_bits = common_scale_bits(distributions)?;
        let table = |distribution: &Frequencies| {
            let mut table = [Symbol::default(); MAX_SYMBOLS];
            for (symbol, entry) in table.iter_mut().enumerate() {
                if let Some(interval) = distribution.interval(symbol as u32) {
                    *entry = Symbol::new(interval.width, interval.start, scale_bits);
                }
            }
            table
        };
        Ok(Self { scale_bits, tables: distributions.iter().map(table).collect() })
    }
}

impl EncodeTables {
    /// The stream of these symbols, `symbols[i]` under table `indices[i]`.
    ///
    /// # Errors
    /// [`Error::Table`] for an index beyond the tables; [`Error::Symbol`] for a symbol of frequency
    /// 0.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn encode(&self, indices: &[u16], symbols: &[u8]) -> Result<Vec<u8>> {
        assert_eq!(indices.len(), symbols.len(), "one table index per symbol");
        let mut states = [LOWER; LANES];
        // The words come last first, at most one per symbol: they are written from the end.
        let mut bytes = vec![0; HEAD_BYTES + 2 * symbols.len()];
        let (words, _) = bytes[HEAD_BYTES..].as_chunks_mut();
        let mut out = Words { left: words.len(), words };
        // rANS encodes the last symbol first: those of the unfinished turn, then whole turns.
        let (index_turns, index_rest) = indices.as_chunks::<LANES>();
        let (symbol_turns, symbol_rest) = symbols.as_chunks::<LANES>();
        for (lane, (&index, &symbol)) in index_rest.iter().zip(symbol_rest).enumerate().rev() {
            step(self, &mut states[lane], &mut out, index, symbol)?;
        }
        for (indices, symbols) in index_turns.iter().zip(symbol_turns).rev() {
            for lane in (0..LANES).rev() {
                step(self, &mut states[lane], &mut out, indices[lane], symbols[lane])?;
            }
        }
        let start = 2 * out.left;
        for (bytes, state) in bytes[start..start + HEAD_BYTES].as_chunks_mut().0.iter_mut().zip(states) {
            *bytes = state.to_le_bytes();
        }
        bytes.copy_within(start.., 0);
        bytes.truncate(bytes.len() - start);
        Ok(bytes)
    }
}

/// Words on their way out, as many as symbols at most; the last ones are written.
pub(super) struct Words<'a> {
    pub(super) words: &'a mut [[u8; 2]],
    /// How many are not yet.
    pub(super) left: usize,
}

/// Encodes one symbol into one state.
#[inline(always)]
fn step(tables: &EncodeTables, state: &mut u32, out: &mut Words<'_>, index: u16, symbol: u8) -> Result<()> {
    let Some(table) = tables.tables.get(usize::from(index)) else {
        return Err(Error::Table { index: usize::from(index), tables: tables.tables.len() });
    };
    let Symbol { reciprocal, frequency, bias } = table[usize::from(symbol)];
    if frequency == 0 {
        return Err(Error::Symbol { symbol: u32::from(symbol) });
    }
    let mut x = *state;
    // Write always, keep only if due: a branch would be mispredicted as often as not.
    out.words[out.left - 1] = (x as u16).to_le_bytes();
    let due = x >> (32 - tables.scale_bits) >= frequency;
    out.left -= usize::from(due);
    x = if due { x >> 16 } else { x };
    let quotient = ((u128::from(x) * u128::from(reciprocal)) >> 64) as u32;
    // quotient * 2^scale_bits + start + (x - quotient * frequency), and below 2^32 as the word is
    // out.
    *state = x.wrapping_add(bias).wrapping_add(quotient.wrapping_mul((1 << tables.scale_bits) - frequency));
    Ok(())
}
