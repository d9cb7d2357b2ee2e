//! Range ANS (Duda 2013) in one state per lane, and how encoder and decoder take part in the traversal.

use super::codes::{FINE_BITS, Fine};
use super::lanes::LANES;
use super::law::{BLOCK, BLOCKS, Laws, MASS_BITS, Place};
use std::ops::Range;

/// States are at least this between symbols, and below `2^63`; words are 32 bits.
const LOWER: u64 = 1 << 31;
const WORD_BITS: u32 = 32;

/// One act that drives encoder and decoder alike: both see the samples in the same order, under the same laws.
pub(super) trait Coder {
    /// The blocks of the samples of these lanes, and the masses below the next blocks; a decoder learns them here, and does not look at `values`.
    fn blocks(
        &mut self,
        lanes: Range<usize>,
        values: &[u16; LANES],
        laws: &Laws,
        at: &Place,
    ) -> [[u32; LANES]; 2];
    /// The place of the sample within its block.
    fn place(&mut self, lane: usize, value: u16, fine: &Fine) -> usize;
}

/// Notes the symbols, which are coded last first in the end.
#[derive(Debug)]
pub(super) struct Encoder {
    /// Start (28 bits), lane (4), frequency less one (28), whether it is a place (1).
    symbols: Vec<u64>,
}

impl Encoder {
    pub(super) fn new(pixels: usize) -> Self {
        Self { symbols: Vec::with_capacity(2 * pixels) }
    }

    #[inline(always)]
    fn note(&mut self, lane: usize, start: u32, end: u32, place: bool) {
        let less_one = u64::from(end - start - 1);
        self.symbols.push(u64::from(start) | (lane as u64) << 28 | less_one << 32 | u64::from(place) << 60);
    }

    /// Appends the states and the words to `bytes`.
    pub(super) fn finish(self, bytes: &mut Vec<u8>) {
        let mut states = [LOWER; LANES];
        let mut words: Vec<u32> = Vec::with_capacity(self.symbols.len() / 4);
        for symbol in self.symbols.into_iter().rev() {
            let start = symbol & ((1 << 28) - 1);
            let lane = (symbol >> 28) as usize & (LANES - 1);
            let frequency = (symbol >> 32 & ((1 << 28) - 1)) + 1;
            let bits = if symbol >> 60 == 0 { MASS_BITS } else { FINE_BITS };
            let mut state = states[lane];
            if state >= frequency << (63 - bits) {
                words.push(state as u32);
                state >>= WORD_BITS;
            }
            states[lane] = ((state / frequency) << bits) + state % frequency + start;
        }
        bytes.reserve_exact(8 * LANES + 4 * words.len());
        states.iter().for_each(|state| bytes.extend_from_slice(&state.to_le_bytes()));
        words.iter().rev().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    }
}

impl Coder for Encoder {
    #[inline(always)]
    fn blocks(
        &mut self,
        lanes: Range<usize>,
        values: &[u16; LANES],
        laws: &Laws,
        at: &Place,
    ) -> [[u32; LANES]; 2] {
        let (mut blocks, mut next) = ([0; LANES], [0; LANES]);
        for k in 0..LANES {
            blocks[k] = u32::from(values[k]) / BLOCK as u32;
            next[k] = blocks[k] + 1;
        }
        let (starts, ends) = (laws.below_blocks(at, &blocks), laws.below_blocks(at, &next));
        for lane in lanes {
            self.note(lane, starts[lane], ends[lane], false);
        }
        [blocks, ends]
    }

    #[inline(always)]
    fn place(&mut self, lane: usize, value: u16, fine: &Fine) -> usize {
        let place = usize::from(value) % BLOCK;
        self.note(lane, fine.starts[place], fine.starts[place + 1], true);
        place
    }
}

/// Reads the symbols; behind the end of the bytes it reads zeros, and remembers that it did.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    states: [u64; LANES],
    words: &'a [u8],
    /// Bytes taken, those behind the end included.
    taken: usize,
}

impl<'a> Decoder<'a> {
    /// `None` if the bytes are fewer than the states, or no encoder leaves such states.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (head, words) = bytes.split_at_checked(8 * LANES)?;
        let mut states = [0; LANES];
        for (state, bytes) in states.iter_mut().zip(head.as_chunks().0) {
            *state = u64::from_le_bytes(*bytes);
        }
        let valid = states.iter().all(|state| (LOWER..1 << 63).contains(state));
        valid.then_some(Self { states, words, taken: 0 })
    }

    /// Whether the symbols read so far are all that the bytes hold.
    pub(super) fn is_at_end(&self) -> bool {
        self.taken == self.words.len() && self.states == [LOWER; LANES]
    }

    #[inline(always)]
    fn advance(&mut self, lane: usize, bits: u32, start: u32, end: u32) {
        let state = self.states[lane];
        let point = state & ((1 << bits) - 1);
        let mut state = u64::from(end - start) * (state >> bits) + (point - u64::from(start));
        if state < LOWER {
            let word = self.words.get(self.taken..).and_then(|rest| rest.first_chunk());
            state = state << WORD_BITS | u64::from(word.map_or(0, |word| u32::from_le_bytes(*word)));
            self.taken += 4;
        }
        self.states[lane] = state;
    }
}

/// The block of `lane` that holds `point`, and the masses below it and the next one: doors are opened outwards from `guess`, then halves
/// taken.
#[inline(always)]
fn find(laws: &Laws, at: &Place, lane: usize, guess: u32, point: u32) -> (u32, u32, u32) {
    let below = |block: usize| laws.below_block(at, lane, block);
    let guess = guess as usize;
    let (mut low, mut high) = (0, BLOCKS);
    let (mut start, mut end) = (0, 1 << MASS_BITS);
    let mass = below(guess);
    let mut stride = 1;
    if mass <= point {
        (low, start) = (guess, mass);
        while low + stride < BLOCKS {
            let mass = below(low + stride);
            if mass > point {
                (high, end) = (low + stride, mass);
                break;
            }
            (low, start) = (low + stride, mass);
            stride *= 2;
        }
    } else {
        (high, end) = (guess, mass);
        while high > stride {
            let mass = below(high - stride);
            if mass <= point {
                (low, start) = (high - stride, mass);
                break;
            }
            (high, end) = (high - stride, mass);
            stride *= 2;
        }
    }
    while high - low > 1 {
        let middle = (low + high) / 2;
        let mass = below(middle);
        if mass <= point {
            (low, start) = (middle, mass);
        } else {
            (high, end) = (middle, mass);
        }
    }
    (low as u32, start, end)
}

impl Coder for Decoder<'_> {
    #[inline(always)]
    fn blocks(
        &mut self,
        lanes: Range<usize>,
        _: &[u16; LANES],
        laws: &Laws,
        at: &Place,
    ) -> [[u32; LANES]; 2] {
        let mut points = [0; LANES];
        for (point, state) in points.iter_mut().zip(&self.states) {
            *point = *state as u32 & ((1 << MASS_BITS) - 1);
        }
        let mut blocks = laws.guess(at, &points);
        let mut next = blocks;
        next.iter_mut().for_each(|block| *block += 1);
        let (mut starts, mut ends) = (laws.below_blocks(at, &blocks), laws.below_blocks(at, &next));
        for lane in lanes {
            if points[lane] < starts[lane] || points[lane] >= ends[lane] {
                (blocks[lane], starts[lane], ends[lane]) = find(laws, at, lane, blocks[lane], points[lane]);
            }
            self.advance(lane, MASS_BITS, starts[lane], ends[lane]);
        }
        [blocks, ends]
    }

    #[inline(always)]
    fn place(&mut self, lane: usize, _: u16, fine: &Fine) -> usize {
        let point = self.states[lane] as u32 & ((1 << FINE_BITS) - 1);
        let mut place = 0;
        for start in &fine.starts[1..BLOCK] {
            place += usize::from(*start <= point);
        }
        self.advance(lane, FINE_BITS, fine.starts[place], fine.starts[place + 1]);
        place
    }
}
