//! rANS for any distribution: one state of 64 bits, words of 32 bits, scales up to `2^30`.
//!
//! (Duda 2013, arXiv:1311.2540, in the range variant that Giesen 2014, arXiv:1402.3392, describes.)
//!
//! # Stream
//!
//! Blocks of [`BLOCK_SYMBOLS`] symbols, the last one shorter, one after another without lengths:
//! the reader takes from each what it needs. A block is the state that decoding starts with (8
//! bytes, little-endian) and then words (4 bytes each, little-endian) in the order in which
//! decoding needs them. To decode a symbol on a scale of `2^S`, the interval that holds `x mod 2^S`
//! is looked up, `x <- width * (x >> S) + (x mod 2^S) - start`, and, if now `x < 2^32`,
//! `x <- 2^32 * x + word`. Each block ends in the state `2^32`; a reader that finds it otherwise
//! reports an error. A stream of no symbols has no bytes.
//!
//! # Why not a library
//!
//! The crate constriction has an excellent coder of the same kind, and is the oracle of this one in
//! `tests/reference.rs`: same distributions, sizes within 64 bits + 0.01 % of each other. A file
//! format must not depend on the internals of another crate, though, nor on the float arithmetic of
//! its ready-made distributions. Speed is no reason either way. Million symbols per second, one
//! core of a busy x86-64 server, best of 100 runs; constriction's coder (`DefaultAnsCoder` 0.5)
//! under the same integer distributions, and under its own:
//!
//! | distribution | encode | decode | constriction, ours: encode | decode | its own: encode | decode |
//! |---|---|---|---|---|---|---|
//! | one categorical distribution, 256 symbols, scale 2^24 | 180 | 95 | 220 | 99 | 248 | 48 |
//! | one logistic per symbol over 16 bits | 77 | 35 | 47 | 36 | - | - |
//! | a mixture of 3 logistics per symbol | 42 | 16 | 31 | 17 | - | - |
//! | a mixture of 10 logistics per symbol | 13.4 | 7.4 | 12.7 | 7.4 | - | - |
//!
//! The coders decode equally fast: what takes time is the distribution.
//!
//! (`cargo bench -p nf-entropy`; the distributions are built anew for every symbol, as after a
//! network.)

use crate::{Distribution, Error, Interval, Result, SymbolCoder};

/// Symbols of a block: the writer's memory (12 MiB) against 32 bits lost per block.
pub const BLOCK_SYMBOLS: usize = 1 << 20;

/// State before the last symbol of a block is encoded, and lower bound of all states.
const LOWER: u64 = 1 << 32;

const WHAT: &str = "rANS stream";

/// Writes symbols: keeps the intervals of a block, then pushes them into the state in reverse.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    block: Vec<(Interval, u8)>,
    /// Words of the block being pushed, in reverse; kept for its memory.
    words: Vec<u32>,
    bytes: Vec<u8>,
}

impl Writer {
    /// A writer of an empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// The stream of all symbols coded.
    pub fn finish(mut self) -> Vec<u8> {
        self.push_block();
        self.bytes
    }

    fn push_block(&mut self) {
        if self.block.is_empty() {
            return;
        }
        let mut x = LOWER;
        for &(Interval { start, width }, scale_bits) in self.block.iter().rev() {
            let width = u64::from(width);
            if x >> (64 - scale_bits) >= width {
                self.words.push(x as u32);
                x >>= 32;
            }
            x = ((x / width) << scale_bits) + x % width + u64::from(start);
        }
        self.bytes.extend_from_slice(&x.to_le_bytes());
        self.bytes.extend(self.words.iter().rev().flat_map(|word| word.to_le_bytes()));
        self.words.clear();
        self.block.clear();
    }
}

impl SymbolCoder for Writer {
    #[inline]
    fn code(&mut self, symbol: &mut u32, distribution: &impl Distribution) -> Result<()> {
        let interval = distribution.interval(*symbol).ok_or(Error::Symbol { symbol: *symbol })?;
        self.block.push((interval, distribution.scale_bits() as u8));
        if self.block.len() == BLOCK_SYMBOLS {
            self.push_block();
        }
        Ok(())
    }
}

/// Reads the symbols that a [`Writer`] wrote.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    state: u64,
    /// Symbols until the next block begins.
    left: usize,
}

/// Where a [`Reader`] has got to in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    rest_bytes: usize,
    state: u64,
    left: usize,
}

impl<'a> Reader<'a> {
    /// Begins a stream.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, state: LOWER, left: 0 }
    }

    /// Where it has got to, to go on from there by [`Reader::resume`] without borrowing the bytes
    /// meanwhile.
    pub fn place(&self) -> Place {
        Place { rest_bytes: self.bytes.len(), state: self.state, left: self.left }
    }

    /// Goes on where a reader of the same bytes had got to.
    ///
    /// # Errors
    /// [`Error::Truncated`] if the bytes are fewer than that reader had left; other bytes than its
    /// own give wrong symbols or an error.
    pub fn resume(bytes: &'a [u8], place: Place) -> Result<Self> {
        let read = bytes.len().checked_sub(place.rest_bytes).ok_or(Error::Truncated { what: WHAT })?;
        Ok(Self { bytes: &bytes[read..], state: place.state, left: place.left })
    }

    #[cold]
    fn begin_block(&mut self) -> Result<()> {
        self.check_state()?;
        let (state, rest) = self.bytes.split_first_chunk().ok_or(Error::Truncated { what: WHAT })?;
        let state = u64::from_le_bytes(*state);
        if state < LOWER {
            return Err(Error::corrupt(WHAT, format!("a state of {state}, expected at least 2^32")));
        }
        *self = Self { bytes: rest, state, left: BLOCK_SYMBOLS };
        Ok(())
    }

    fn check_state(&self) -> Result<()> {
        match self.state {
            LOWER => Ok(()),
            _ => Err(Error::corrupt(WHAT, "the state does not end where encoding starts")),
        }
    }

    /// Ends the reading, and checks that the stream ends here.
    ///
    /// It finds most damage but is no checksum: a flipped bit may turn a symbol into one of equal
    /// width and leave no other trace.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if bytes are left over, or the state is not the one that encoding starts
    /// with: some symbols read before are wrong.
    pub fn finish(self) -> Result<()> {
        self.check_state()?;
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(Error::corrupt(WHAT, format!("{left} bytes are left over"))),
        }
    }
}

impl SymbolCoder for Reader<'_> {
    #[inline]
    fn code(&mut self, symbol: &mut u32, distribution: &impl Distribution) -> Result<()> {
        if self.left == 0 {
            self.begin_block()?;
        }
        let scale_bits = distribution.scale_bits();
        let point = self.state as u32 & ((1 << scale_bits) - 1);
        let (found, Interval { start, width }) = distribution.locate(point);
        let mut x = u64::from(width) * (self.state >> scale_bits) + u64::from(point - start);
        if x < LOWER {
            let (word, rest) = self.bytes.split_first_chunk().ok_or(Error::Truncated { what: WHAT })?;
            x = x << 32 | u64::from(u32::from_le_bytes(*word));
            self.bytes = rest;
        }
        self.state = x;
        self.left -= 1;
        *symbol = found;
        Ok(())
    }
}
