//! Subtractive dither: every sample is quantised by one of several lattices, chosen by its place,
//! so that the mean error does not depend on the sample.
//!
//! Roberts (IRE Trans. Inf. Theory 8, 145, 1962); for astronomical images Pence, White, Seaman
//! (PASP 122, 1065, 2010). Lattices that lie apart by less than about the noise leave no bias: with
//! `n` of them it is that of a step `n` times smaller.

use nf_codec::Dither;

/// Lattices of integers, whose tables are stored, by the length of a bin: one for every position as
/// long as there are few, since others would not lie evenly; that shifts faint fluxes by a
/// twentieth of a sigma where the bin is four sigmas long.
pub(crate) fn tables(longest: usize) -> usize {
    if longest <= 64 { longest } else { 32 }
}

/// Lattices of wide integers and floating-point numbers.
pub(crate) const LATTICES: u8 = 64;

/// How far the lattice of a sample is shifted, in steps: -1/2 to 1/2, rising with the phase. That
/// is what its index has more than the value; codecs know it as [`Dither::shift`], rounded and of
/// the other sign. (Tables begin later with the phase instead.)
pub(crate) fn shift(dither: Dither, place: usize) -> f64 {
    (dither.phase(place as u64) as f64 + 0.5) / f64::from(dither.phases) - 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_know_the_shifts() {
        for phases in [2, 3, 16, LATTICES, 255] {
            let dither = Dither { seed: 7, phases };
            for place in 0..1000 {
                let known = f64::from(dither.shift(dither.phase(place as u64))) / 256.0;
                assert!((shift(dither, place) + known).abs() < 1.0 / 256.0, "{phases}");
            }
            let shifts: f64 = (0..100_000).map(|place| shift(dither, place)).sum();
            assert!((shifts / 1e5).abs() < 0.005);
        }
    }
}
