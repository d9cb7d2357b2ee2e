//! Laws over a sample given its location: tables, one per scale, shape and phase, built when first needed.
//!
//! A law speaks of *bins* of `2^low_bits` samples, so that 4 to 8 bins make a scale when it is 8 DN or more;
//! the low bits are sent as they are. The phase is where in its bin the location lies, in sixteenths.
//! Symbols 13 to 114 are the 102 bins around the location; 12 down to 0, and 115 up to 127, stand for the
//! ranges of 16, 32, 64 ... bins that follow below and above, and the place in the range is sent in raw bits.

use super::coder::{Interval, SCALE_BITS};
use super::location::LOCATION_BITS;
use super::scale::SCALES;
use super::shapes::{SHAPES, mass_below};

/// Symbols of a law.
pub(crate) const SYMBOLS: usize = 128;

/// Symbols of bins, the first of them, and how far below the location's own bin they begin.
const BINS: i32 = 102;
const FIRST_BIN: i32 = 13;
const BINS_BELOW: i32 = 51;

/// Ranges on each side.
const RANGES: i32 = 13;

/// Bits of the narrowest range.
const RANGE_BITS: u32 = 4;

/// Phases of a bin.
const PHASES: usize = 16;
const PHASE_BITS: u32 = 4;

/// Where every symbol of a law starts on the scale.
pub(crate) type Starts = [u16; SYMBOLS];

/// Which law: number of a table set by [`Laws::request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LawId(u16);

/// One scale and shape at all phases.
struct Law {
    /// `log2` of the samples in a bin.
    low_bits: u32,
    scale: u8,
    shape: u8,
    built: u32,
    phases: Box<[Starts; PHASES]>,
}

/// All laws of a tile.
pub(crate) struct Laws {
    laws: Vec<Law>,
    /// Law of (scale, shape), plus one; zero where there is none yet.
    numbers: Vec<u16>,
}

/// A sample as symbol and raw bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    pub(crate) symbol: u8,
    /// Raw bits: the place in a range, then the low bits.
    pub(crate) raw: u32,
    pub(crate) raw_bits: u32,
}

/// Width of scale `index`, DN.
pub(crate) fn width(index: usize) -> f64 {
    /// `2^(i/8)`.
    const EIGHTHS: [f64; 8] = [
        1.0,
        1.090_507_732_665_257_7,
        1.189_207_115_002_721,
        1.296_839_554_651_009_6,
        std::f64::consts::SQRT_2,
        1.542_210_825_407_940_7,
        1.681_792_830_507_429,
        1.834_008_086_409_342_4,
    ];
    EIGHTHS[index % 8] * (1_u64 << (index / 8)) as f64 / 8.0
}

/// Low bits of a law of scale `index`: a scale of `2^n` to `2^(n+1)` DN has `n - 2` of them.
fn low_bits(index: usize) -> u32 {
    (index as u32 / 8).saturating_sub(3 + 2)
}

impl Laws {
    pub(crate) fn new() -> Self {
        Self { laws: Vec::new(), numbers: vec![0; SCALES * SHAPES] }
    }

    /// The law of this scale and shape.
    pub(crate) fn request(&mut self, scale: usize, shape: usize) -> LawId {
        let number = &mut self.numbers[scale * SHAPES + shape];
        if *number == 0 {
            self.laws.push(Law {
                low_bits: low_bits(scale),
                scale: scale as u8,
                shape: shape as u8,
                built: 0,
                phases: vec![[0; SYMBOLS]; PHASES].into_boxed_slice().try_into().expect("PHASES tables"),
            });
            *number = self.laws.len() as u16;
        }
        LawId(*number - 1)
    }

    /// The starts of a law for a location, the bin of its first bin symbol, and its low bits.
    #[inline(always)]
    pub(crate) fn at(&mut self, law: LawId, location: i32) -> (&Starts, i32, u32) {
        let law = &mut self.laws[usize::from(law.0)];
        // The sample x is the interval from x - 1/2 to x + 1/2; half a DN up, it is from x to x + 1.
        let place = location + (1 << (LOCATION_BITS - 1));
        let shift = LOCATION_BITS + law.low_bits;
        let phase = (place >> (shift - PHASE_BITS)) as usize % PHASES;
        if law.built >> phase & 1 == 0 {
            law.build(phase);
        }
        (&law.phases[phase], (place >> shift) - BINS_BELOW, law.low_bits)
    }
}

/// The symbol of a sample.
#[inline(always)]
pub(crate) fn symbol_of(sample: u16, first_bin: i32, low_bits: u32) -> Symbol {
    let bin = i32::from(sample) >> low_bits;
    let low = u32::from(sample) & ((1 << low_bits) - 1);
    let at = bin - first_bin;
    if (at as u32) < BINS as u32 {
        return Symbol { symbol: (FIRST_BIN + at) as u8, raw: low, raw_bits: low_bits };
    }
    // How far beyond the bins, counted so that range r begins at 16 * 2^r.
    let beyond = (if at < 0 { -1 - at } else { at - BINS }) as u32 + (1 << RANGE_BITS);
    let bits = beyond.ilog2();
    let range = (bits - RANGE_BITS) as i32;
    let symbol = if at < 0 { FIRST_BIN - 1 - range } else { FIRST_BIN + BINS + range };
    let place = beyond ^ (1 << bits);
    Symbol { symbol: symbol as u8, raw: place | low << bits, raw_bits: bits + low_bits }
}

/// The number of raw bits that follow a symbol.
#[inline(always)]
pub(crate) fn raw_bits(symbol: u8, low_bits: u32) -> u32 {
    let at = i32::from(symbol) - FIRST_BIN;
    if (at as u32) < BINS as u32 {
        return low_bits;
    }
    let range = if at < 0 { -1 - at } else { at - BINS };
    RANGE_BITS + range as u32 + low_bits
}

/// The sample of a symbol; wrong streams may give any sample.
#[inline(always)]
pub(crate) fn sample_of(symbol: u8, raw: u32, first_bin: i32, low_bits: u32) -> u16 {
    let at = i32::from(symbol) - FIRST_BIN;
    if (at as u32) < BINS as u32 {
        return (((first_bin + at) << low_bits) | raw as i32) as u16;
    }
    let range = if at < 0 { -1 - at } else { at - BINS };
    let bits = RANGE_BITS + range as u32;
    let place = (raw & ((1 << bits) - 1)) as i32;
    let beyond = (1 << bits) + place - (1 << RANGE_BITS);
    let at = if at < 0 { -1 - beyond } else { BINS + beyond };
    (((first_bin + at) << low_bits) | (raw >> bits) as i32) as u16
}

/// The symbol whose interval holds a point.
#[inline(always)]
pub(crate) fn symbol_at(starts: &Starts, point: u16) -> (u8, Interval) {
    let mut count = 0_u8;
    for &start in starts {
        count += u8::from(start <= point);
    }
    let symbol = count - 1;
    (symbol, interval(starts, symbol))
}

/// The interval of a symbol.
#[inline(always)]
pub(crate) fn interval(starts: &Starts, symbol: u8) -> Interval {
    let i = usize::from(symbol);
    let start = starts[i];
    // The last interval ends where the scale does, which wraps to zero.
    let end = starts[(i + 1) % SYMBOLS];
    Interval { start, width_less_one: end.wrapping_sub(start).wrapping_sub(1) }
}

impl Law {
    #[cold]
    fn build(&mut self, phase: usize) {
        let bins_per_scale = width(usize::from(self.scale)) / f64::from(1 << self.low_bits);
        let center = (phase as f64 + 0.5) / PHASES as f64 + f64::from(BINS_BELOW);
        self.phases[phase] = starts(usize::from(self.shape), bins_per_scale, center);
        self.built |= 1 << phase;
    }
}

/// The starts of a shape of this width around `center`, in bins from the first bin's lower edge.
fn starts(shape: usize, width: f64, center: f64) -> Starts {
    // Every symbol gets one point; the rest is shared out by mass.
    let shared = f64::from((1 << SCALE_BITS) - SYMBOLS as u32);
    let point = |edge: i32| (mass_below(shape, (f64::from(edge) - center) / width) * shared) as u32;
    let mut edges = [0; SYMBOLS];
    for range in 0..RANGES {
        // Ranges begin this far beyond the bins; those below are named by their far end.
        let near = (1 << (RANGE_BITS + range as u32)) - (1 << RANGE_BITS);
        let far = (2 << (RANGE_BITS + range as u32)) - (1 << RANGE_BITS);
        edges[(FIRST_BIN - 1 - range) as usize] = -far;
        edges[(FIRST_BIN + BINS + range) as usize] = BINS + near;
    }
    for bin in 0..BINS {
        edges[(FIRST_BIN + bin) as usize] = bin;
    }
    let mut starts = [0; SYMBOLS];
    for (symbol, start) in starts.iter_mut().enumerate().skip(1) {
        *start = (point(edges[symbol]) + symbol as u32) as u16;
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_a_symbol_and_comes_back() {
        for low_bits in [0, 1, 5, 9] {
            for location in [0_i32, 40, 20_000, 65_535] {
                let first_bin = (location >> low_bits) - BINS_BELOW;
                for sample in 0..=u16::MAX {
                    let symbol = symbol_of(sample, first_bin, low_bits);
                    assert!(usize::from(symbol.symbol) < SYMBOLS);
                    assert_eq!(raw_bits(symbol.symbol, low_bits), symbol.raw_bits);
                    assert_eq!(sample_of(symbol.symbol, symbol.raw, first_bin, low_bits), sample);
                }
            }
        }
    }

    #[test]
    fn intervals_tile_the_scale() {
        for scale in [0, 13, 24, 40, 60, 127] {
            for shape in 0..SHAPES {
                let mut laws = Laws::new();
                let law = laws.request(scale, shape);
                for location in [0, 1000, 64_000, 4_000_000] {
                    let (starts, ..) = laws.at(law, location);
                    let mut end = 0_u32;
                    for symbol in 0..SYMBOLS as u8 {
                        let found = interval(starts, symbol);
                        assert_eq!(u32::from(found.start), end);
                        end += u32::from(found.width_less_one) + 1;
                        for point in [found.start, found.start + found.width_less_one] {
                            assert_eq!(symbol_at(starts, point), (symbol, found));
                        }
                    }
                    assert_eq!(end, 1 << SCALE_BITS);
                }
            }
        }
    }
}
