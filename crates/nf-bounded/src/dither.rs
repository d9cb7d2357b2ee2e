//! Subtractive dither: every sample is quantised by one of several lattices, chosen by its place,
//! so that the mean error does not depend on the sample.
//!
//! Roberts (IRE Trans. Inf. Theory 8, 145, 1962); for astronomical images Pence, White, Seaman
//! (PASP 122, 1065, 2010). Lattices that lie apart by less than about the noise leave no bias: with
//! `n` of them it is that of a step `n` times smaller.

/// Which lattice a place has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dither {
    /// Chooses the sequence.
    pub seed: u64,
    /// Number of lattices, 1 to 255.
    pub(crate) phases: u8,
}

/// Most lattices of integers, whose tables are stored.
pub(crate) const MAX_TABLES: usize = 16;
/// Lattices of wide integers and floating-point numbers.
pub(crate) const LATTICES: u8 = 64;

impl Dither {
    /// The lattice of a sample, by its place in the array: bits of SplitMix64 (Steele, Lea and
    /// Flood 2014), so that any region can be decoded alone.
    pub(crate) fn phase(self, place: usize) -> usize {
        let mut z = self.seed.wrapping_add((place as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        ((u128::from(z) * u128::from(self.phases)) >> 64) as usize
    }

    /// How far the lattice of a sample is shifted, in steps: -1/2 to 1/2.
    pub(crate) fn shift(self, place: usize) -> f64 {
        (self.phase(place) as f64 + 0.5) / f64::from(self.phases) - 0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_equally_often_there() {
        let dither = Dither { seed: 7, phases: 5 };
        let mut counts = [0; 5];
        (0..100_000).for_each(|place| counts[dither.phase(place)] += 1);
        assert!(counts.iter().all(|&count: &i32| (count - 20_000).abs() < 600), "{counts:?}");
        let shifts: f64 = (0..100_000).map(|place| dither.shift(place)).sum();
        assert!((shifts / 1e5).abs() < 0.005);
        // The sequence is part of the format.
        assert_eq!([0, 1, 2, 3, 4].map(|place| Dither { seed: 1, phases: 200 }.phase(place)), PINNED);
    }

    const PINNED: [usize; 5] = [113, 149, 194, 88, 88];
}
