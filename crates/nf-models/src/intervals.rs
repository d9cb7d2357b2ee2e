//! What stages of a progressive network have told about the samples of a tile.

/// Base-2 logarithm of the samples of an interval that says nothing.
pub(crate) const UNKNOWN: u8 = 16;

/// For every sample of a tile of one plane, in raster order, an interval of `2^bits` integers in
/// which it lies, `bits` at most 16. Its ends may lie beyond all samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intervals {
    low: Vec<i32>,
    bits: Vec<u8>,
}

impl Intervals {
    /// Nothing is known of so many samples.
    pub(crate) fn unknown(samples: usize) -> Self {
        Self { low: vec![0; samples], bits: vec![UNKNOWN; samples] }
    }

    /// First integer and bits of an interval.
    pub(crate) fn at(&self, place: usize) -> (i32, u8) {
        (self.low[place], self.bits[place])
    }

    /// The middle of an interval.
    pub(crate) fn middle(&self, place: usize) -> f32 {
        let (low, bits) = self.at(place);
        low as f32 + 0.5 * ((1_u32 << bits) - 1) as f32
    }

    /// Changes an interval.
    pub(crate) fn set(&mut self, place: usize, low: i32, bits: u8) {
        self.low[place] = low;
        self.bits[place] = bits;
    }

    /// The sample in the middle of every interval: at most `2^(bits - 1)` from the one that was
    /// coded, or equal where one sample is left.
    pub(crate) fn samples(&self) -> Vec<u16> {
        let middle = |(&low, &bits): (&i32, &u8)| (low + ((1 << bits) >> 1)).clamp(0, 65_535) as u16;
        self.low.iter().zip(&self.bits).map(middle).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_within_half_an_interval() {
        for (sample, bits) in [(0_u16, 4_u8), (1, 1), (255, 9), (32_768, 16), (54_321, 0), (u16::MAX, 12)] {
            for shift in [0, (1 << bits) / 3] {
                let low = (((i32::from(sample) + shift) >> bits) << bits) - shift;
                let mut intervals = Intervals::unknown(1);
                intervals.set(0, low, bits);
                let found = intervals.samples()[0];
                assert!(u32::from(found.abs_diff(sample)) <= (1 << bits) >> 1, "{sample}: {found}");
                assert!((intervals.middle(0) - f32::from(sample)).abs() < 0.5 * (1 << bits) as f32);
                assert_eq!(intervals.at(0), (low, bits));
            }
        }
    }
}
