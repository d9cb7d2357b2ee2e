//! Contexts of a binary decision: the values of the causal neighbourhood alone.
//!
//! A decision splits `low..high` at `middle`. Where the nearest pixels lie in that split is a
//! context, and every context has a bias of the mixture. Biases learn what no distribution of one
//! mean and one scale can express: wings of stars, hot pixels and columns, patterns of converters,
//! exact repeats.

use crate::predict::neighbourhood::Offset;

/// The pixels of the neighbourhood (rows up, columns right).
#[rustfmt::skip]
pub(super) const PIXELS: [Offset; 17] = [
    (0, -1), (1, 0), (1, 1), (1, -1), (0, -2), (2, 0), (1, 2), (0, -3), (0, -6), (2, 2), (2, -2),
    (2, 1), (2, -1), (1, -2), (3, 0), (4, 0), (0, -4),
];
const W: usize = 0;
const N: usize = 1;
const NE: usize = 2;
const NW: usize = 3;
const WW: usize = 4;
const NN: usize = 5;
const NEE: usize = 6;
/// Replaced by the pixel of a reference plane where there is one.
pub(super) const WWW: usize = 7;
const FAR_W: usize = 8;
const NWW: usize = 13;
const NNN: usize = 14;
const NNNN: usize = 15;
const WWWW: usize = 16;
/// Behind the pixels: the column's mean, and the simple prediction of the nearest pixels.
pub(super) const COLUMN: usize = 17;
pub(super) const SIMPLE: usize = 18;
/// Values of the neighbourhood.
pub(super) const VALUES: usize = PIXELS.len() + 2;
/// The nearest of them.
const NEAR: usize = 15;

/// Contexts of a decision.
pub(super) const CONTEXTS: usize = 11;
/// Values of a context at one depth, and depths: bits left in an aligned block, octaves of a
/// search.
const PER_DEPTH: usize = 256;
const DEPTHS: usize = 17 + 17;
/// Values of a context.
pub(super) const ENTRIES: usize = DEPTHS * PER_DEPTH;

/// A decision: is the value, known to be in `low..high`, at least `middle`?
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    pub(super) low: u32,
    pub(super) middle: u32,
    pub(super) high: u32,
    /// Bits left, if the interval is an aligned block; otherwise the block is being searched for.
    pub(super) bits: Option<u32>,
}

impl Split {
    /// Of each value: whether it is at least `middle`, and whether it is inside.
    #[inline(always)]
    fn sides(&self, values: [u32; 4]) -> usize {
        let mut sides = 0;
        for (k, value) in values.into_iter().enumerate() {
            sides |= usize::from(value >= self.middle) << k;
            sides |= usize::from(value >= self.low && value < self.high) << (4 + k);
        }
        sides
    }

    /// Of each value: whether it is at least `middle`.
    #[inline(always)]
    fn above(&self, values: [u32; 8]) -> usize {
        let mut above = 0;
        for (k, value) in values.into_iter().enumerate() {
            above |= usize::from(value >= self.middle) << k;
        }
        above
    }

    /// The distance of `prediction`, and how many of the nearest pixels are at least `middle`.
    #[inline(always)]
    fn above_count(&self, inverse_half: f32, prediction: u32, around: &[u32; VALUES]) -> usize {
        let above: usize = around[..NEAR].iter().map(|&value| usize::from(value >= self.middle)).sum();
        self.distances(inverse_half, [0, prediction]) % 16 * 16 + above
    }

    /// Distances of two values from `middle` in halves of the interval, -8 to 7, packed in a byte.
    #[inline(always)]
    fn distances(&self, inverse_half: f32, values: [u32; 2]) -> usize {
        let position = |value: u32| {
            let distance = (value as i32 - self.middle as i32) as f32 * inverse_half + 8.0;
            // Positive numbers are cut at the point: steps of one half, all of the same width.
            let distance = if distance > 0.0 { distance } else { 0.0 };
            (if distance < 15.0 { distance } else { 15.0 }) as usize
        };
        position(values[0]) * 16 + position(values[1])
    }

    /// The value of every context. `around` holds the values of [`PIXELS`] and what follows them,
    /// `prediction` is the expected value.
    #[inline(always)]
    pub(super) fn contexts(&self, around: &[u32; VALUES], prediction: u32) -> [usize; CONTEXTS] {
        let depth = self.bits.unwrap_or_else(|| 17 + (self.high - self.low).ilog2()) as usize;
        let inverse_half = 1.0 / ((self.high - self.low) / 2) as f32;
        let v = |k: usize| around[k];
        let mut values = [
            self.above_count(inverse_half, prediction, around),
            self.sides([v(W), v(N), v(NE), v(NW)]),
            self.sides([v(WW), v(N), v(NN), v(NEE)]),
            self.sides([v(NE), v(NW), v(WW), v(WWW)]),
            self.distances(inverse_half, [v(W), v(N)]),
            self.distances(inverse_half, [v(WW), v(NN)]),
            self.distances(inverse_half, [v(COLUMN), v(SIMPLE)]),
            self.distances(inverse_half, [v(N), v(NE)]),
            self.sides([v(N), v(NN), v(NNN), v(NNNN)]),
            self.sides([v(WW), v(WWWW), v(FAR_W), v(NNNN)]),
            self.above([v(W), v(N), v(NE), v(NW), v(WW), v(NN), v(NEE), v(NWW)]),
        ];
        for value in &mut values {
            *value += depth * PER_DEPTH;
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_positions_in_the_split_and_stay_in_range() {
        let split = Split { low: 64, middle: 68, high: 72, bits: Some(3) };
        assert_eq!(split.above([63, 64, 67, 68, 71, 72, 0, 69]), 0b1011_1000);
        assert_eq!(split.sides([63, 64, 68, 72]), 0b0110_1100);
        assert_eq!(split.distances(0.25, [68, 64]), 8 * 16 + 7);
        assert_eq!(split.distances(0.25, [0, 65_535]), 15);
        for bits in [None, Some(16)] {
            for value in [0, 65_535] {
                let widest = Split { low: 0, middle: 1 << 15, high: 1 << 16, bits };
                for entry in widest.contexts(&[value; VALUES], value) {
                    assert!(entry < ENTRIES);
                }
            }
        }
    }
}
