//! What stages of a progressive network have told about the samples of a tile.

/// Base-2 logarithm of the samples of an interval that says nothing.
pub(crate) const UNKNOWN: u8 = 16;

/// For every sample of a tile of one plane, in raster order, an interval of `2^bits` samples in
/// which it lies, `bits` at most 16.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intervals {
    low: Vec<u16>,
    bits: Vec<u8>,
}

impl Intervals {
    /// Nothing is known of so many samples.
    pub(crate) fn unknown(samples: usize) -> Self {
        Self { low: vec![0; samples], bits: vec![UNKNOWN; samples] }
    }

    /// First sample and bits of an interval.
    pub(crate) fn at(&self, place: usize) -> (u16, u8) {
        (self.low[place], self.bits[place])
    }

    /// The middle of an interval.
    pub(crate) fn middle(&self, place: usize) -> f32 {
        let (low, bits) = self.at(place);
        f32::from(low) + 0.5 * ((1_u32 << bits) - 1) as f32
    }

    /// The number of the cell of `2^cell_bits` samples that holds `sample`, which is in the
    /// interval.
    pub(crate) fn cell(&self, place: usize, sample: u16, cell_bits: u8) -> u32 {
        u32::from(sample - self.low[place]) >> cell_bits
    }

    /// Cuts the interval down to one of its cells of `2^cell_bits` samples.
    pub(crate) fn cut(&mut self, place: usize, cell: u32, cell_bits: u8) {
        self.low[place] += (cell << cell_bits) as u16;
        self.bits[place] = cell_bits;
    }

    /// The sample in the middle of every interval: at most `2^(bits - 1)` from the one that was
    /// coded, or equal where one sample is left.
    pub(crate) fn samples(&self) -> Vec<u16> {
        let middle = |(&low, &bits): (&u16, &u8)| low + ((1_u32 << bits) >> 1) as u16;
        self.low.iter().zip(&self.bits).map(middle).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_within_half_an_interval() {
        for sample in [0, 1, 255, 32_768, 54_321, u16::MAX] {
            let mut intervals = Intervals::unknown(1);
            for bits in [16, 9, 9, 4, 1, 0] {
                let cell = intervals.cell(0, sample, bits);
                intervals.cut(0, cell, bits);
                let found = intervals.samples()[0];
                assert!(u32::from(found.abs_diff(sample)) <= (1 << bits) >> 1, "{sample}: {found}");
                assert!((intervals.middle(0) - f32::from(sample)).abs() < ((1 << bits) as f32) * 0.5);
            }
            assert_eq!(intervals.samples(), [sample]);
        }
    }
}
