//! A stack of symbols, for bits-back coding: what is popped under one distribution may be pushed
//! back under it, and the stack is what it was.
//!
//! (Townsend, Bird, Barber 2019, arXiv:1901.04866.) The state is that of [`ans`](crate::ans): 64
//! bits, at least `2^32`, and words of 32 bits below it. Popping symbols that nobody has pushed is
//! how random numbers are drawn which a decoder gets back: a new stack makes up words for this and
//! counts them, since they are part of what is written.
//!
//! # Stream
//!
//! The state (8 bytes, little-endian), then the words from the bottom of the stack (4 bytes each,
//! little-endian).

use crate::{Distribution, Error, Interval, Result};

/// Lower bound of the state.
const LOWER: u64 = 1 << 32;

/// State of an empty stack: with low bits in the middle, or the first symbol that is popped would
/// always be the first of its alphabet, however rare.
const EMPTY: u64 = LOWER | 0x2AAA_AAAA;

const WHAT: &str = "stack of symbols";

/// Symbols, the last one pushed on top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    state: u64,
    words: Vec<u32>,
    /// Words that were made up; `None` where there must be enough of them.
    made_up: Option<u64>,
}

/// Word `number` of those that are made up: SplitMix64 (Steele, Lea, Flood 2014).
fn made_up(number: u64) -> u32 {
    let mut z = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) as u32
}

impl Default for Stack {
    fn default() -> Self {
        Self { state: EMPTY, words: vec![], made_up: Some(0) }
    }
}

impl Stack {
    /// An empty stack, which makes up words where it is popped beyond its bottom.
    pub fn new() -> Self {
        Self::default()
    }

    /// The stack of these bytes.
    ///
    /// # Errors
    /// If they are not what [`Stack::to_bytes`] gives.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (state, words) = bytes.split_first_chunk().ok_or(Error::Truncated { what: WHAT })?;
        let state = u64::from_le_bytes(*state);
        if state < LOWER || !words.len().is_multiple_of(4) {
            return Err(Error::corrupt(WHAT, "a state of at least 2^32 and whole words were expected"));
        }
        let words =
            words.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        Ok(Self { state, words: words.collect(), made_up: None })
    }

    /// All that is on the stack.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = self.words.iter().flat_map(|word| word.to_le_bytes());
        self.state.to_le_bytes().into_iter().chain(words).collect()
    }

    /// Bits of the words that were made up so far.
    pub fn initial_bits(&self) -> u64 {
        32 * self.made_up.unwrap_or(0)
    }

    /// Ends the reading: checks that nothing is left but the words that the writer made up.
    ///
    /// # Errors
    /// If something else is left: some symbols popped before are wrong.
    pub fn finish(self) -> Result<()> {
        let mut words = self.words.iter().rev().zip(0..);
        let is_bottom = self.state == EMPTY && words.all(|(&word, number)| word == made_up(number));
        if is_bottom { Ok(()) } else { Err(Error::corrupt(WHAT, "it does not end where its writer began")) }
    }

    /// Puts a symbol on top.
    ///
    /// # Errors
    /// [`Error::Symbol`] if the symbol is not in the alphabet.
    pub fn push(&mut self, symbol: u32, distribution: &(impl Distribution + ?Sized)) -> Result<()> {
        let Interval { start, width } = distribution.interval(symbol).ok_or(Error::Symbol { symbol })?;
        let (width, scale_bits) = (u64::from(width), distribution.scale_bits());
        if self.state >> (64 - scale_bits) >= width {
            self.words.push(self.state as u32);
            self.state >>= 32;
        }
        self.state = ((self.state / width) << scale_bits) + self.state % width + u64::from(start);
        Ok(())
    }

    /// Takes a symbol from the top.
    ///
    /// # Errors
    /// [`Error::Truncated`] if a stack that was read has no more words.
    pub fn pop(&mut self, distribution: &(impl Distribution + ?Sized)) -> Result<u32> {
        let scale_bits = distribution.scale_bits();
        let point = self.state as u32 & ((1 << scale_bits) - 1);
        let (symbol, Interval { start, width }) = distribution.locate(point);
        let mut state = u64::from(width) * (self.state >> scale_bits) + u64::from(point - start);
        if state < LOWER {
            let word = match (self.words.pop(), &mut self.made_up) {
                (Some(word), _) => word,
                (None, Some(count)) => {
                    *count += 1;
                    made_up(*count - 1)
                }
                (None, None) => return Err(Error::Truncated { what: WHAT }),
            };
            state = state << 32 | u64::from(word);
        }
        self.state = state;
        Ok(symbol)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests {
    use super::*;
    use crate::distributions::{Component, Mixture, SCALE_ONE};

    fn near(mean: i32) -> Mixture<1> {
        Mixture::new(&[Component { mean: mean << 8, scale: SCALE_ONE + 40, weight: 1 }], 30, 1).unwrap()
    }

    /// Pops and pushes in any order, undone in the reverse order, leave what was there.
    #[test]
    fn what_is_popped_can_be_pushed_back() {
        let mut stack = Stack::new();
        let mut log = vec![];
        for round in 0..3000_u32 {
            let wide = near(1000 + (round % 7) as i32);
            let drawn = stack.pop(&wide).unwrap();
            let symbol = 29_998 + round % 5;
            stack.push(symbol, &near(30_000)).unwrap();
            log.push((wide, drawn, symbol));
        }
        let drawn_mean = log.iter().map(|(_, drawn, _)| f64::from(*drawn)).sum::<f64>() / 3000.0;
        assert!((drawn_mean - 1003.0).abs() < 1.0, "{drawn_mean}");
        // Few words are made up: what is pushed pays for what is popped.
        assert!((32..=640).contains(&stack.initial_bits()), "{}", stack.initial_bits());
        let bytes = stack.to_bytes();
        let mut read = Stack::from_bytes(&bytes).unwrap();
        for (wide, drawn, symbol) in log.into_iter().rev() {
            assert_eq!(read.pop(&near(30_000)).unwrap(), symbol);
            read.push(drawn, &wide).unwrap();
        }
        read.finish().unwrap();
    }

    #[test]
    fn symbols_alone_come_back_from_the_top() {
        let mut stack = Stack::new();
        let symbols = [0, 65_535, 1000, 1001, 7];
        symbols.iter().for_each(|&symbol| stack.push(symbol, &near(1000)).unwrap());
        assert_eq!(stack.initial_bits(), 0);
        let mut read = Stack::from_bytes(&stack.to_bytes()).unwrap();
        for &symbol in symbols.iter().rev() {
            assert_eq!(read.pop(&near(1000)).unwrap(), symbol);
        }
        read.finish().unwrap();
    }

    #[test]
    fn damage_is_an_error() {
        for bytes in [&[][..], &[0; 8], &[255; 7], &[255; 10]] {
            assert!(Stack::from_bytes(bytes).is_err());
        }
        let mut stack = Stack::new();
        stack.push(1000, &near(1000)).unwrap();
        let mut read = Stack::from_bytes(&stack.to_bytes()).unwrap();
        assert!(read.clone().finish().is_err());
        assert!((0..50).any(|_| read.pop(&near(1000)).is_err()));
    }
}
