//! From residuals to symbols with raw low bits, and back.

/// Symbols: bins in the middle, ranges that double on either side.
pub(super) const SYMBOLS: usize = 128;

/// Bins below and above zero.
const BINS: i32 = 51;

/// The symbol of the bin that begins at zero.
const ZERO: i32 = 64;

/// The first range holds `2^FIRST_RANGE_BITS` bins.
const FIRST_RANGE_BITS: u32 = 4;

/// Ranges on either side.
const RANGES: u32 = 13;

/// Octaves of scales below 4 DN, which have bins of one sample and phases: places of the location
/// within a bin.
pub(super) const FINE_OCTAVES: usize = 5;
const FINE_SCALES: i32 = (FINE_OCTAVES * super::scale::SCALES_PER_OCTAVE) as i32;

/// Fraction bits of the phases, of dithered tiles or others. The location of a dithered pixel lies
/// anywhere within a bin, however quiet the tile is, and the narrower the distribution, the more
/// that matters.
pub(super) const fn phase_bits(dithered: bool) -> u32 {
    if dithered { 4 } else { 2 }
}

/// Contexts: scales, each with phases.
pub(super) const fn contexts(dithered: bool) -> usize {
    super::scale::SCALES << phase_bits(dithered)
}

/// Raw low bits of the bins of a scale.
#[inline(always)]
pub(super) fn low_bits(scale: i32) -> u32 {
    let octave = scale >> 3;
    if octave > 5 { (octave - 5) as u32 } else { 0 }
}

/// The sample from which the residual is counted, and the context. The location is at least -1.
#[inline(always)]
pub(super) fn base<const DITHERED: usize>(location: f32, scale: i32) -> (i32, i32) {
    // Adding 3 2^22 rounds to an integer, which is then the low bits of the number.
    const ROUND: f32 = 12_582_912.0;
    let bits = phase_bits(DITHERED > 0);
    let parts = (location * (1 << bits) as f32 + ROUND).to_bits() as i32 - ROUND.to_bits() as i32;
    let fine = scale < FINE_SCALES;
    let base = (parts + if fine { 0 } else { 1 << (bits - 1) }) >> bits;
    let phase = if fine { parts & ((1 << bits) - 1) } else { 0 };
    (base, scale << bits | phase)
}

/// The symbol of a residual if it falls into a bin of `2^low` samples; beyond [`SYMBOLS`] if not.
#[inline(always)]
pub(super) fn bin(residual: i32, low: u32) -> i32 {
    let bin = residual >> low;
    let inside = ((bin + BINS) as u32) < 2 * BINS as u32;
    if inside { bin + ZERO } else { i32::MAX }
}

/// A symbol and the raw bits that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outlier {
    pub(super) symbol: u8,
    pub(super) raw: u32,
    pub(super) raw_bits: u32,
}

/// The symbol of a residual outside all bins.
pub(super) fn outlier(residual: i32, low: u32) -> Outlier {
    let bin = residual >> low;
    let low_part = (residual & ((1 << low) - 1)) as u32;
    // Bins counted outwards from the first that is not a symbol of its own.
    let (outwards, above) = if bin < 0 { (-BINS - 1 - bin, false) } else { (bin - BINS, true) };
    let range = (((outwards >> FIRST_RANGE_BITS) + 1) as u32).ilog2();
    let first = ((1 << range) - 1) << FIRST_RANGE_BITS;
    let symbol = if above { ZERO + BINS + range as i32 } else { ZERO - BINS - 1 - range as i32 };
    Outlier {
        symbol: symbol as u8,
        raw: ((outwards - first) as u32) << low | low_part,
        raw_bits: FIRST_RANGE_BITS + range + low,
    }
}

/// Whether a symbol is a bin.
#[inline(always)]
pub(super) fn is_bin(symbol: u8) -> bool {
    ((i32::from(symbol) - (ZERO - BINS)) as u32) < 2 * BINS as u32
}

/// The residual at the lower edge of a bin.
#[inline(always)]
pub(super) fn edge(symbol: u8, low: u32) -> i32 {
    (i32::from(symbol) - ZERO) << low
}

/// Raw bits that follow a symbol that is no bin.
pub(super) fn outlier_bits(symbol: u8, low: u32) -> u32 {
    FIRST_RANGE_BITS + range(symbol).0 + low
}

/// The range of a symbol that is no bin, and whether it lies above.
fn range(symbol: u8) -> (u32, bool) {
    let above = i32::from(symbol) - (ZERO + BINS);
    if above >= 0 {
        (above as u32, true)
    } else {
        ((ZERO - BINS - 1 - i32::from(symbol)).max(0) as u32, false)
    }
}

/// The residual of an outlier.
pub(super) fn outlying(symbol: u8, raw: u32, low: u32) -> i32 {
    let (range, above) = range(symbol);
    let outwards = (((1 << range) - 1) << FIRST_RANGE_BITS) + (raw >> low) as i32;
    let bin = if above { outwards + BINS } else { -BINS - 1 - outwards };
    (bin << low) + (raw & ((1 << low) - 1)) as i32
}

const _: () = assert!(ZERO - BINS == RANGES as i32 && ZERO + BINS + RANGES as i32 == SYMBOLS as i32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residuals_come_back() {
        for low in 0..=10 {
            for residual in (-65_535..=65_535).step_by(7).chain(-2000..2000) {
                let symbol = bin(residual, low);
                if symbol < SYMBOLS as i32 {
                    let raw = residual & ((1 << low) - 1);
                    assert!(is_bin(symbol as u8));
                    assert_eq!(edge(symbol as u8, low) + raw, residual);
                } else {
                    let Outlier { symbol, raw, raw_bits } = outlier(residual, low);
                    assert!(!is_bin(symbol) && usize::from(symbol) < SYMBOLS);
                    assert_eq!(raw_bits, outlier_bits(symbol, low));
                    assert!(u64::from(raw) < 1 << raw_bits);
                    assert_eq!(outlying(symbol, raw, low), residual);
                }
            }
        }
    }
}
