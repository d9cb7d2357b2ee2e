//! From samples to symbols with raw low bits, and back.
//!
//! Symbols are bins in the middle, and ranges that grow fourfold on either side. A bin is as wide
//! as a sample, or wider where the scale is above 16 samples, so that a scale is 8 to 16 bins.

/// Bins below and above zero.
pub(super) const BINS: i32 = 51;

/// Ranges on either side.
pub(super) const RANGES: i32 = 7;

/// The symbol of the bin around zero.
pub(super) const ZERO: i32 = BINS + RANGES;

/// All symbols.
pub(super) const SYMBOLS: usize = 2 * ZERO as usize;

/// The first range holds `2^FIRST_RANGE_BITS` bins.
pub(super) const FIRST_RANGE_BITS: u32 = 4;

/// Scales: eight to an octave, the first an eighth of a sample.
pub(super) const SCALES: i32 = 128;

/// Places of a scale among the tables: as many as it has phases.
pub(super) const PLACES: usize = 32 * 8 + 8 * 4 + 8 * 2 + 8;

/// What the distribution of a sample says about its coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    /// Where residuals are counted from.
    pub(super) base: i32,
    /// Raw bits of a bin.
    pub(super) low: u32,
    /// Which of the [`PLACES`].
    pub(super) place: i32,
}

/// The coding of a sample at `location`, in eighths, with a scale.
#[inline(always)]
pub(super) fn coding(location: i32, scale: i32) -> Coding {
    let octave = (scale >> 3) - 3;
    let low = (octave - 3).max(0) as u32;
    // A location counts in eighths of a scale.
    let phase_bits = (3 - octave).max(0).min(3) as u32;
    let dropped = 3 - phase_bits;
    // Bins of several samples: their middle is half a sample below the middle of their numbers.
    let half = if low > 0 { 8 } else { (1 << dropped) >> 1 };
    let position = (location + half) >> dropped;
    let base = (position >> phase_bits) - ((1 << low) >> 1);
    let phase = position & ((1 << phase_bits) - 1);
    let fine = match octave {
        ..=0 => 8 * scale,
        1 => 256 + 4 * (scale - 32),
        2 => 288 + 2 * (scale - 40),
        _ => 304 + (scale & 7),
    };
    Coding { base, low, place: fine + phase }
}

/// The scale in bins, times 16, and phases of a place: inverse of [`coding`] for tables.
pub(super) fn places() -> Vec<(i32, i32, i32)> {
    let mut places = Vec::with_capacity(PLACES);
    for scale in 0..56 {
        let octave = scale / 8 - 3;
        let phase_bits = (3 - octave).clamp(0, 3);
        places.extend((0..1 << phase_bits).map(|phase| (scale, phase, phase_bits)));
    }
    places
}

/// A symbol and the raw bits that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coded {
    pub(super) symbol: u8,
    pub(super) raw: u32,
    pub(super) raw_bits: u32,
}

/// The symbol of the bin of a residual; beyond [`SYMBOLS`] if it is in none.
#[inline(always)]
pub(super) fn bin(residual: i32, low: u32) -> i32 {
    let bin = residual >> low;
    let inside = ((bin + BINS) as u32) < 2 * BINS as u32;
    if inside { bin + ZERO } else { i32::MAX }
}

/// What a residual is coded as.
#[inline]
pub(super) fn coded(residual: i32, low: u32) -> Coded {
    let low_part = (residual & ((1 << low) - 1)) as u32;
    let symbol = bin(residual, low);
    if symbol < SYMBOLS as i32 {
        return Coded { symbol: symbol as u8, raw: low_part, raw_bits: low };
    }
    let bin = residual >> low;
    // Bins counted outwards from the first that is not a symbol of its own.
    let (outwards, above) = if bin < 0 { (-BINS - 1 - bin, false) } else { (bin - BINS, true) };
    let range = ((outwards as u32 >> FIRST_RANGE_BITS) * 3 + 1).ilog2() / 2;
    let symbol = if above { ZERO + BINS + range as i32 } else { ZERO - BINS - 1 - range as i32 };
    let raw = (outwards as u32 - first(range)) << low | low_part;
    Coded { symbol: symbol as u8, raw, raw_bits: FIRST_RANGE_BITS + 2 * range + low }
}

/// Bins on the inner side of a range.
pub(super) fn first(range: u32) -> u32 {
    (((1 << (2 * range)) - 1) / 3) << FIRST_RANGE_BITS
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

/// The range of a symbol that is no bin, and whether it lies above.
fn range(symbol: u8) -> (u32, bool) {
    let above = i32::from(symbol) - (ZERO + BINS);
    match above >= 0 {
        true => (above as u32, true),
        false => ((ZERO - BINS - 1 - i32::from(symbol)).max(0) as u32, false),
    }
}

/// Raw bits that follow a symbol that is no bin.
pub(super) fn outlier_bits(symbol: u8, low: u32) -> u32 {
    FIRST_RANGE_BITS + 2 * range(symbol).0 + low
}

/// The residual of a symbol that is no bin.
pub(super) fn outlying(symbol: u8, raw: u32, low: u32) -> i32 {
    let (range, above) = range(symbol);
    let outwards = (first(range) + (raw >> low)) as i32;
    let bin = if above { outwards + BINS } else { -BINS - 1 - outwards };
    // Wrong symbols of a damaged stream may lie far beyond all samples.
    (bin.wrapping_shl(low)).wrapping_add((raw & ((1 << low) - 1)) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residuals_come_back() {
        for low in 0..=10 {
            for residual in (-66_000..=66_000).step_by(7).chain(-2000..2000) {
                let Coded { symbol, raw, raw_bits } = coded(residual, low);
                assert!(usize::from(symbol) < SYMBOLS && u64::from(raw) < 1 << raw_bits);
                if is_bin(symbol) {
                    assert_eq!((edge(symbol, low) + raw as i32, raw_bits), (residual, low));
                } else {
                    assert_eq!(raw_bits, outlier_bits(symbol, low));
                    assert_eq!(outlying(symbol, raw, low), residual);
                }
            }
        }
    }

    #[test]
    fn every_place_has_a_scale_and_a_phase() {
        let places = places();
        assert_eq!(places.len(), PLACES);
        for scale in 0..SCALES {
            for location in 80..88 {
                let Coding { base, place, low } = coding(location, scale);
                let (of, phase, phase_bits) = places[place as usize];
                assert!(of == scale || of >= 48 && of % 8 == scale % 8);
                let middle = f64::from(base)
                    + f64::from(1 << low >> 1)
                    + f64::from(phase) / f64::from(1 << phase_bits)
                    - if low > 0 { 0.5 } else { 0.0 };
                let scale = 2_f64.powf(f64::from(scale) / 8.0 - 3.0);
                assert!(
                    (middle - f64::from(location) / 8.0).abs()
                        <= 0.0625 * scale.max(1.0) + 0.5 * f64::from(phase_bits == 0),
                    "{scale} {location} {middle}"
                );
            }
        }
    }
}
