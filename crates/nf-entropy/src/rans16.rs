//! Interleaved rANS in sixteen lanes, for adaptive models whose intervals are known only while
//! coding.
//!
//! (Duda 2013, arXiv:1311.2540; interleaving: Giesen 2014, arXiv:1402.3392.) The caller names the
//! lane of every symbol and hands in its interval on a scale of its choice, so that sixteen pixels
//! can be modelled side by side in vector registers.
//!
//! # Stream
//!
//! Sixteen states (8 bytes each, little-endian), from `2^31` to `2^63 - 1`, then words (4 bytes
//! each, little-endian) in the order in which decoding needs them. To decode a symbol of a lane on
//! a scale of `2^S`, the interval that holds `x mod 2^S` is looked up,
//! `x <- width * (x >> S) + (x mod 2^S) - start`, and, if now `x < 2^31`, `x <- 2^32 * x + word`.
//! At the end every state is `2^31` and no word is left.

use crate::{Error, Interval, Result};

/// Number of states.
pub const LANES: usize = 16;

/// Finest scale of an interval.
pub const MAX_SCALE_BITS: u32 = 28;

/// Coarsest scale of an interval: a symbol that is kept has four bits for its scale.
pub const MIN_SCALE_BITS: u32 = MAX_SCALE_BITS - 15;

/// States are at least this between symbols, and below `2^63`; words have 32 bits.
const LOWER: u64 = 1 << 31;
const WORD_BITS: u32 = 32;

const WHAT: &str = "16-lane rANS stream";

/// Keeps the symbols until the end, because rANS encodes the last one first.
#[derive(Clone, Debug)]
pub struct Encoder {
    /// Start (28 bits), lane (4), width less one (28), `MAX_SCALE_BITS` less the scale (4).
    symbols: Vec<u64>,
}

impl Encoder {
    /// An encoder with room for `symbols` symbols.
    pub fn with_capacity(symbols: usize) -> Self {
        Self { symbols: Vec::with_capacity(symbols) }
    }

    /// Encodes the symbol with this interval on a scale of `2^scale_bits`.
    #[inline(always)]
    pub fn push(&mut self, lane: usize, Interval { start, width }: Interval, scale_bits: u32) {
        debug_assert!(lane < LANES && (MIN_SCALE_BITS..=MAX_SCALE_BITS).contains(&scale_bits));
        debug_assert!(width > 0 && start + width <= 1 << scale_bits, "{width} points from {start}");
        let coarseness = u64::from(MAX_SCALE_BITS - scale_bits);
        let symbol = u64::from(start) | (lane as u64) << 28 | u64::from(width - 1) << 32 | coarseness << 60;
        self.symbols.push(symbol);
    }

    /// Appends the stream to `bytes`.
    pub fn finish(self, bytes: &mut Vec<u8>) {
        let mut states = [LOWER; LANES];
        let mut words: Vec<u32> = Vec::with_capacity(self.symbols.len() / 4);
        for symbol in self.symbols.into_iter().rev() {
            let start = symbol & ((1 << 28) - 1);
            let lane = (symbol >> 28) as usize % LANES;
            let width = (symbol >> 32 & ((1 << 28) - 1)) + 1;
            let scale_bits = MAX_SCALE_BITS - (symbol >> 60) as u32;
            let mut state = states[lane];
            if state >= width << (63 - scale_bits) {
                words.push(state as u32);
                state >>= WORD_BITS;
            }
            states[lane] = ((state / width) << scale_bits) + state % width + start;
        }
        bytes.reserve_exact(8 * LANES + 4 * words.len());
        states.iter().for_each(|state| bytes.extend_from_slice(&state.to_le_bytes()));
        words.iter().rev().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    }
}

/// Reads what an [`Encoder`] wrote, symbol by symbol: [`point`](Self::point), then
/// [`advance`](Self::advance).
///
/// Behind the end of the bytes it reads zeros and remembers that it did, so wrong symbols may come
/// out of a corrupt stream until [`finish`](Self::finish) reports it.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    states: [u64; LANES],
    words: &'a [u8],
    /// Bytes of words taken, those behind the end included.
    taken: usize,
}

impl<'a> Decoder<'a> {
    /// Begins a stream.
    ///
    /// # Errors
    /// [`Error::Truncated`] if it is shorter than its states; [`Error::Corrupt`] if no encoder
    /// leaves such states.
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        let (head, words) = bytes.split_at_checked(8 * LANES).ok_or(Error::Truncated { what: WHAT })?;
        let mut states = [0; LANES];
        for (state, bytes) in states.iter_mut().zip(head.as_chunks().0) {
            *state = u64::from_le_bytes(*bytes);
            if !(LOWER..1 << 63).contains(state) {
                let reason = format!("a state of {state}, expected 2^31 to 2^63 - 1");
                return Err(Error::corrupt(WHAT, reason));
            }
        }
        Ok(Self { states, words, taken: 0 })
    }

    /// The point of a scale of `2^scale_bits` that the interval of the lane's next symbol holds.
    #[inline(always)]
    pub fn point(&self, lane: usize, scale_bits: u32) -> u32 {
        self.states[lane] as u32 & ((1 << scale_bits) - 1)
    }

    /// Goes on to the next symbol of a lane; the interval of this one holds its
    /// [`point`](Self::point).
    #[inline(always)]
    pub fn advance(&mut self, lane: usize, Interval { start, width }: Interval, scale_bits: u32) {
        let state = self.states[lane];
        let point = state & ((1 << scale_bits) - 1);
        let mut state = u64::from(width) * (state >> scale_bits) + (point - u64::from(start));
        if state < LOWER {
            let word = self.words.get(self.taken..).and_then(|rest| rest.first_chunk());
            state = state << WORD_BITS | u64::from(word.map_or(0, |word| u32::from_le_bytes(*word)));
            self.taken += 4;
        }
        self.states[lane] = state;
    }

    /// Ends the decoding: the symbols read must be all that the bytes hold.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bytes behind the end were needed; [`Error::Corrupt`] if bytes are
    /// left over or the states are not those that an encoder starts with: some symbols read before
    /// are wrong.
    pub fn finish(self) -> Result<()> {
        if self.taken > self.words.len() {
            return Err(Error::Truncated { what: WHAT });
        }
        match self.words.len() - self.taken {
            0 if self.states == [LOWER; LANES] => Ok(()),
            0 => Err(Error::corrupt(WHAT, "the states do not end where encoding starts")),
            left => Err(Error::corrupt(WHAT, format!("{left} bytes are left over"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::testing::Rng;

    /// A symbol: lane, interval, scale.
    type Symbol = (usize, Interval, u32);

    fn message(symbols: usize) -> Vec<Symbol> {
        let mut rng = Rng::new(1);
        let symbol = |_| {
            let scale_bits = MIN_SCALE_BITS + rng.below(16) as u32;
            let (a, b) = (rng.below(1 << scale_bits) as u32, rng.below(1 << scale_bits) as u32);
            let interval = Interval { start: a.min(b), width: a.abs_diff(b) + 1 };
            (rng.below(LANES), interval, scale_bits)
        };
        (0..symbols).map(symbol).collect()
    }

    fn encode(message: &[Symbol]) -> Vec<u8> {
        let mut encoder = Encoder::with_capacity(message.len());
        message.iter().for_each(|&(lane, interval, bits)| encoder.push(lane, interval, bits));
        let mut bytes = Vec::new();
        encoder.finish(&mut bytes);
        bytes
    }

    /// Whether every point is in its interval, and the stream ends with the message.
    fn decodes(message: &[Symbol], bytes: &[u8]) -> Result<bool> {
        let mut decoder = Decoder::new(bytes)?;
        for &(lane, interval, bits) in message {
            let point = decoder.point(lane, bits);
            if point < interval.start || point - interval.start >= interval.width {
                return Ok(false);
            }
            decoder.advance(lane, interval, bits);
        }
        decoder.finish().map(|()| true)
    }

    #[test]
    fn symbols_round_trip_at_their_information() {
        let message = message(5000);
        let bytes = encode(&message);
        assert_eq!(decodes(&message, &bytes), Ok(true));
        let bits = |(_, interval, bits): &Symbol| f64::from(*bits) - f64::from(interval.width).log2();
        let bits: f64 = message.iter().map(bits).sum();
        let excess = 8.0 * bytes.len() as f64 - bits;
        // A state of 64 bits holds at most 32 bits of information.
        assert!((32.0 * LANES as f64..=64.0 * LANES as f64).contains(&excess), "{excess}");
        assert_eq!(decodes(&[], &encode(&[])), Ok(true));
    }

    #[test]
    fn truncation_and_extension_are_found() {
        let message = message(300);
        let bytes = encode(&message);
        for end in 0..bytes.len() {
            assert_ne!(decodes(&message, &bytes[..end]), Ok(true), "cut at {end}");
        }
        assert_ne!(decodes(&message, &[&bytes[..], &[0]].concat()), Ok(true));
        let mut low_state = bytes.clone();
        low_state[..8].copy_from_slice(&(LOWER - 1).to_le_bytes());
        assert!(matches!(Decoder::new(&low_state), Err(Error::Corrupt { .. })));
    }
}
