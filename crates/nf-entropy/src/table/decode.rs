//! Decoding with tables, first symbol first.

use super::calibrated::{Calibration, MAPPED_BITS, check_scale};
use super::{HEAD_BYTES, LANES, LOWER, WHAT, common_scale_bits};
use crate::frequencies::MAX_SYMBOLS;
use crate::{Distribution, Error, Frequencies, Result};

/// Finest scale on which every point has a slot that holds its symbol: 4 KiB per table.
const EXACT_SCALE_BITS: u32 = 12;

/// On finer scales the slots stand for runs of points and hold the first symbol: 1 KiB per table.
///
/// A search of mostly no or one step follows. Exact slots on a scale of 2^14 were faster with few
/// tables (measured: 368 against 207 Msymbol/s for one table, 243 against 193 for 64) and hopeless
/// with many (27 against 165 for 512 tables taken at random), because 8 MiB of slots do not stay in
/// the cache.
const COARSE_SLOT_BITS: u32 = 10;

/// A set of tables made ready for a [`TableDecoder`]: 2 to 5 KiB per table.
#[derive(Clone, Debug)]
pub struct DecodeTables {
    scale_bits: u32,
    /// A slot stands for `2^slot_shift` points.
    slot_shift: u32,
    /// The first symbol of every slot, table by table.
    slots: Vec<u8>,
    /// Frequency and start of every symbol, table by table.
    symbols: Vec<[(u16, u16); MAX_SYMBOLS]>,
}

impl DecodeTables {
    /// Tables of these distributions; a symbol names its table by the position in this list.
    ///
    /// # Errors
    /// [`Error::Distribution`] if there is none, or their scales differ.
    pub fn new(distributions: &[Frequencies]) -> Result<Self> {
        let scale_bits = common_scale_bits(distributions)?;
        let slot_shift = if scale_bits <= EXACT_SCALE_BITS { 0 } else { scale_bits - COARSE_SLOT_BITS };
        let mut slots = Vec::with_capacity(distributions.len() << (scale_bits - slot_shift));
        let mut symbols = Vec::with_capacity(distributions.len());
        for distribution in distributions {
            let before = slots.len();
            let mut table = [(0, 0); MAX_SYMBOLS];
            let mut end = 0;
            for (symbol, entry) in table.iter_mut().enumerate() {
                let width = distribution.interval(symbol as u32).map_or(0, |interval| interval.width);
                *entry = (width as u16, end as u16);
                end += width;
                // It is the first symbol of the slots that begin before its end and have none yet.
                slots.resize(before + end.div_ceil(1 << slot_shift) as usize, symbol as u8);
            }
            symbols.push(table);
        }
        Ok(Self { scale_bits, slot_shift, slots, symbols })
    }

    /// As [`step`](Self::step), under recalibrated tables.
    #[inline(always)]
    fn step_calibrated(&self, calibration: &Calibration<'_>, state: u32, index: u16) -> Result<(u8, u32)> {
        let Some(table) = self.symbols.get(usize::from(index)) else {
            return Err(Error::Table { index: usize::from(index), tables: self.symbols.len() });
        };
        let map = calibration.map(index)?;
        let point = state & ((1 << MAPPED_BITS) - 1);
        let slot_bits = self.scale_bits - self.slot_shift;
        let slot = usize::from(index) << slot_bits | (map.rank(point) >> self.slot_shift) as usize;
        let mut symbol = usize::from(self.slots[slot]);
        let (frequency, start) = table[symbol];
        let mut rank = u32::from(start) + u32::from(frequency);
        let (mut start, mut end) = (map.map(u32::from(start)), map.map(rank));
        // The last symbol with a frequency ends at the scale, and the search with it.
        while point >= end {
            symbol = (symbol + 1) % MAX_SYMBOLS;
            rank += u32::from(table[symbol].0);
            (start, end) = (end, map.map(rank));
        }
        Ok((symbol as u8, (end - start) * (state >> MAPPED_BITS) + (point - start)))
    }

    /// Decodes one symbol from one state, before the word that may be due: symbol and next state.
    #[inline(always)]
    fn step<const EXACT: bool>(&self, state: u32, index: u16) -> Result<(u8, u32)> {
        let Some(table) = self.symbols.get(usize::from(index)) else {
            return Err(Error::Table { index: usize::from(index), tables: self.symbols.len() });
        };
        let point = state & ((1 << self.scale_bits) - 1);
        let slot_bits = self.scale_bits - self.slot_shift;
        let slot = usize::from(index) << slot_bits | (point >> self.slot_shift) as usize;
        let mut symbol = usize::from(self.slots[slot]);
        let (mut frequency, mut start) = table[symbol];
        if !EXACT {
            // One step without a branch, as it is a toss-up; then more, which are rare. The
            // frequencies sum to the scale, so the search ends before the table does.
            let next = table[(symbol + 1) % MAX_SYMBOLS];
            let beyond = point - u32::from(start) >= u32::from(frequency);
            symbol += usize::from(beyond);
            (frequency, start) = if beyond { next } else { (frequency, start) };
            while point - u32::from(start) >= u32::from(frequency) {
                symbol = (symbol + 1) % MAX_SYMBOLS;
                (frequency, start) = table[symbol];
            }
        }
        // Below 2^32 whatever the state: frequency <= 2^scale_bits, and the point is less than the
        // frequency above the start.
        let next = u32::from(frequency) * (state >> self.scale_bits) + (point - u32::from(start));
        Ok((symbol as u8, next))
    }
}

/// Decodes symbols, the first first.
///
/// Past the end of the bytes it reads zeros and remembers that it did, so wrong symbols may come
/// out of a corrupt stream until [`finish`](Self::finish) reports it.
#[derive(Clone, Debug)]
pub struct TableDecoder<'a> {
    tables: &'a DecodeTables,
    states: [u32; LANES],
    /// Lane of the next symbol.
    lane: usize,
    words: &'a [u8],
    /// Bytes of words taken, those past the end included.
    taken: usize,
    calibration: Option<Calibration<'a>>,
}

impl<'a> TableDecoder<'a> {
    /// Begins a stream.
    ///
    /// # Errors
    /// [`Error::Truncated`] if it is shorter than its states; [`Error::Corrupt`] if no encoder
    /// leaves such states.
    pub fn new(tables: &'a DecodeTables, bytes: &'a [u8]) -> Result<Self> {
        let (head, words) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or(Error::Truncated { what: WHAT })?;
        let mut states = [0; LANES];
        for (state, bytes) in states.iter_mut().zip(head.as_chunks().0) {
            *state = u32::from_le_bytes(*bytes);
            if *state < LOWER {
                return Err(Error::corrupt(WHAT, format!("a state of {state}, expected at least 2^16")));
            }
        }
        Ok(Self { tables, states, lane: 0, words, taken: 0, calibration: None })
    }

    /// Begins a stream of tables that were recalibrated.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`Error::Distribution`] for tables of another scale than maps have.
    pub fn calibrated(
        tables: &'a DecodeTables,
        calibration: Calibration<'a>,
        bytes: &'a [u8],
    ) -> Result<Self> {
        check_scale(tables.scale_bits)?;
        Ok(Self { calibration: Some(calibration), ..Self::new(tables, bytes)? })
    }

    /// The next symbol, under table `index`.
    ///
    /// # Errors
    /// [`Error::Table`] for an index beyond the tables.
    #[inline]
    fn symbol(&mut self, index: u16) -> Result<u8> {
        let state = self.states[self.lane];
        let (symbol, mut next) = match (&self.calibration, self.tables.slot_shift) {
            (Some(calibration), _) => self.tables.step_calibrated(calibration, state, index)?,
            (None, 0) => self.tables.step::<true>(state, index)?,
            (None, _) => self.tables.step::<false>(state, index)?,
        };
        let word = match self.words.get(self.taken..).and_then(|rest| rest.first_chunk()) {
            Some(word) => u32::from(u16::from_le_bytes(*word)),
            None => 0,
        };
        let due = next < LOWER;
        next = if due { next << 16 | word } else { next };
        self.taken += if due { 2 } else { 0 };
        self.states[self.lane] = next;
        self.lane = (self.lane + 1) % LANES;
        Ok(symbol)
    }

    /// The next symbols: `symbols[i]` under table `indices[i]`.
    ///
    /// # Errors
    /// [`Error::Table`] for an index beyond the tables.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn decode(&mut self, indices: &[u16], symbols: &mut [u8]) -> Result<()> {
        assert_eq!(indices.len(), symbols.len(), "one table index per symbol");
        let tables = self.tables;
        match (self.calibration, tables.slot_shift) {
            (Some(calibration), _) => self.decode_in_turns(indices, symbols, |state, index| {
                tables.step_calibrated(&calibration, state, index)
            }),
            (None, 0) => {
                self.decode_in_turns(indices, symbols, |state, index| tables.step::<true>(state, index))
            }
            (None, _) => {
                self.decode_in_turns(indices, symbols, |state, index| tables.step::<false>(state, index))
            }
        }
    }

    #[inline(always)]
    fn decode_in_turns(
        &mut self,
        indices: &[u16],
        symbols: &mut [u8],
        step: impl Fn(u32, u16) -> Result<(u8, u32)>,
    ) -> Result<()> {
        // Up to the first symbol of lane 0, then in whole turns, then the rest.
        let ahead = ((LANES - self.lane) % LANES).min(symbols.len());
        let (index_ahead, indices) = indices.split_at(ahead);
        let (symbol_ahead, symbols) = symbols.split_at_mut(ahead);
        self.decode_one_by_one(index_ahead, symbol_ahead)?;

        let (mut states, mut taken) = (self.states, self.taken);
        let (index_turns, _) = indices.as_chunks::<LANES>();
        let (symbol_turns, _) = symbols.as_chunks_mut::<LANES>();
        let mut turns = 0;
        for (indices, symbols) in index_turns.iter().zip(symbol_turns) {
            // A turn takes at most one word per lane; the last turns near the end go one by one.
            let Some(window) = self.words.get(taken..).and_then(|rest| rest.first_chunk()) else { break };
            let mut window = u64::from_le_bytes(*window);
            for lane in 0..LANES {
                let (symbol, next) = step(states[lane], indices[lane])?;
                let due = next < LOWER;
                states[lane] = if due { next << 16 | window as u16 as u32 } else { next };
                window = if due { window >> 16 } else { window };
                taken += if due { 2 } else { 0 };
                symbols[lane] = symbol;
            }
            turns += 1;
        }
        (self.states, self.taken) = (states, taken);
        let done = turns * LANES;
        self.decode_one_by_one(&indices[done..], &mut symbols[done..])
    }

    fn decode_one_by_one(&mut self, indices: &[u16], symbols: &mut [u8]) -> Result<()> {
        for (&index, symbol) in indices.iter().zip(symbols) {
            *symbol = self.symbol(index)?;
        }
        Ok(())
    }

    /// Ends the decoding, and checks that the stream ends here.
    ///
    /// # Errors
    /// [`Error::Truncated`] if words were read past the end; [`Error::Corrupt`] if words are left
    /// over or the states are not those that an encoder starts with: some symbols decoded before
    /// are wrong.
    pub fn finish(self) -> Result<()> {
        if self.taken > self.words.len() {
            return Err(Error::Truncated { what: WHAT });
        }
        let left = self.words.len() - self.taken;
        if left > 0 {
            return Err(Error::corrupt(WHAT, format!("{left} bytes are left over")));
        }
        if self.states != [LOWER; LANES] {
            return Err(Error::corrupt(WHAT, "the states do not end where encoding starts"));
        }
        Ok(())
    }
}
