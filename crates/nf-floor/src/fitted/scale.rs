//! How far a pixel may lie from its location: a weighted sum of what tells of noise.
//!
//! Inputs are the residuals of the pixels around, differences among the nearest pixels, the distance
//! between location and robust centre, and the noise law: the square root of the location (shot noise) and
//! its height above the usual one (stars: the brighter, the less certain).

use super::location::LOCATION_BITS;
use super::plane::{ABOVE, MARGIN};
use super::surroundings::Around;

/// Fraction bits of residuals, DN, in a tile of unit 0.
const RESIDUAL_BITS: u32 = 2;

/// Largest residual that is told from larger ones.
const MAX_RESIDUAL: u32 = (1 << 14) - 1;

/// Fraction bits of the weights; and the largest of them.
pub(crate) const SCALE_WEIGHT_BITS: u32 = 10;
pub(crate) const MAX_SCALE_WEIGHT: u16 = 4095;

/// Scales of a pixel: eight per octave, from 1/8 DN.
pub(crate) const SCALES: usize = 128;

/// Inputs of the scale.
pub(crate) const SCALE_INPUTS: usize = 17;

/// Rows above whose residuals matter.
const RESIDUAL_ROWS: usize = 3;

/// Weights of the scale.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScaleWeights {
    /// One per input, at most [`MAX_SCALE_WEIGHT`], `SCALE_WEIGHT_BITS` fraction bits:
    /// 0 residual W; 1 WW; 2 the next two to the left; 3 N; 4 NW; 5 NE; 6 NWW and NEE; 7 NN; 8 NNW and NNE;
    /// 9 seven more above; 10 |W - NW|; 11 |N - NW|; 12 |N - NE|; 13 root of the location; 14 one;
    /// 15 |location - centre|; 16 height of the location above the usual sample.
    pub(crate) inputs: [u16; SCALE_INPUTS],
    /// The usual sample.
    pub(crate) usual: u16,
    /// Residuals count in `2^unit / 4` DN.
    pub(crate) unit: u32,
}

/// Residuals of the rows in work, and what is known of the scale before a row begins.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    width: usize,
    /// The current row and `RESIDUAL_ROWS` above, nearest first, with margins: absolute residuals.
    residuals: [Vec<u16>; RESIDUAL_ROWS + 1],
    /// Weighted sum of the inputs that look at rows above, per column.
    above: Vec<i32>,
    /// Weighted inputs that depend on the location only.
    law: Vec<i32>,
    weights: [i32; SCALE_INPUTS],
    unit: u32,
}

/// Entries of the law, and DN per entry as a power of two.
const LAW: usize = 4096;
const LAW_SHIFT: u32 = 4;

/// Inputs 13, 14 and 16 at a location, DN.
fn law(location: u32, weights: &ScaleWeights) -> [i32; 3] {
    let to_unit = |value: u64| ((value << RESIDUAL_BITS) >> weights.unit) as i32;
    let height = u64::from(location.saturating_sub(u32::from(weights.usual)));
    // The root of the location in DN, with four more fraction bits for the sake of small ones.
    let root = (u64::from(location) << (2 * (RESIDUAL_BITS + 4))).isqrt() >> 4 >> weights.unit;
    [root as i32, 1 << RESIDUAL_BITS, to_unit(height).min(MAX_RESIDUAL as i32)]
}

impl Noise {
    pub(crate) fn new(width: usize, weights: &ScaleWeights) -> Self {
        let wide = weights.inputs.map(i32::from);
        let law = (0..LAW as u32)
            .map(|i| {
                let [root, one, height] = law((i << LAW_SHIFT) + (1 << LAW_SHIFT) / 2, weights);
                root * wide[13] + one * wide[14] + height * wide[16]
            })
            .collect();
        Self {
            width,
            residuals: std::array::from_fn(|_| vec![0; width + 2 * MARGIN]),
            above: vec![0; width],
            law,
            weights: wide,
            unit: weights.unit,
        }
    }

    /// Prepares the next row.
    #[inline(always)]
    pub(crate) fn enter(&mut self) {
        let w = self.width;
        let ended = &mut self.residuals[0];
        let last = ended[MARGIN + w - 1];
        ended[MARGIN + w..].fill(last);
        self.residuals.rotate_right(1);
        let first = self.residuals[1][MARGIN];
        self.residuals[0][..MARGIN].fill(first);
        let row = |r: usize, dx: isize| &self.residuals[r][MARGIN.wrapping_add_signed(dx)..][..w];
        let k = &self.weights;
        let (n, nw, ne) = (row(1, 0), row(1, -1), row(1, 1));
        let (nww, nee) = (row(1, -2), row(1, 2));
        let (nn, nnw, nne) = (row(2, 0), row(2, -1), row(2, 1));
        let far = [row(1, -3), row(1, 3), row(2, -2), row(2, 2), row(3, -1), row(3, 0), row(3, 1)];
        for (x, sum) in self.above[..w].iter_mut().enumerate() {
            let i = |value: u16| i32::from(value);
            let remote: i32 = far.iter().map(|row| i(row[x])).sum();
            *sum = i(n[x]) * k[3]
                + i(nw[x]) * k[4]
                + i(ne[x]) * k[5]
                + (i(nww[x]) + i(nee[x])) * k[6]
                + i(nn[x]) * k[7]
                + (i(nnw[x]) + i(nne[x])) * k[8]
                + remote * k[9];
        }
    }

    /// The scale's index at column `x`, and the scale itself, DN, `LOCATION_BITS` fraction bits.
    #[inline(always)]
    pub(crate) fn at(
        &self,
        x: usize,
        above: &[&[i16]; ABOVE],
        row: &[i16],
        around: Around,
        location: i32,
    ) -> (u8, i32) {
        let k = &self.weights;
        let left = &self.residuals[0][MARGIN + x - 4..MARGIN + x];
        let i = |value: u16| i32::from(value);
        let sum = self.above[x]
            + i(left[3]) * k[0]
            + i(left[2]) * k[1]
            + (i(left[1]) + i(left[0])) * k[2]
            + self.gap(row[MARGIN + x - 1], above[0][MARGIN + x - 1]) * k[10]
            + self.gap(above[0][MARGIN + x], above[0][MARGIN + x - 1]) * k[11]
            + self.gap(above[0][MARGIN + x], above[0][MARGIN + x + 1]) * k[12]
            + self.law[(location >> (LOCATION_BITS + LAW_SHIFT)) as usize]
            + self.shift(location, around) * k[15];
        let sum = (sum as u32).max(1);
        // Eight steps per octave from the leading one and the five bits after it.
        let octave = sum.ilog2();
        let step = STEPS[((u64::from(sum) << 5 >> octave) & 31) as usize];
        let index = (octave * 8 + u32::from(step) + 8 * self.unit) as i32 - Self::FIRST;
        let wide = (i64::from(sum) << self.unit) >> (SCALE_WEIGHT_BITS + RESIDUAL_BITS - LOCATION_BITS);
        (index.clamp(0, SCALES as i32 - 1) as u8, wide.min(1 << 28) as i32)
    }

    /// Eighths of octaves below the first scale, 1/8 DN, in units of the sum.
    const FIRST: i32 = 8 * (SCALE_WEIGHT_BITS + RESIDUAL_BITS - 3) as i32;

    #[inline(always)]
    fn gap(&self, a: i16, b: i16) -> i32 {
        (u32::from(a.abs_diff(b)) << RESIDUAL_BITS >> self.unit).min(MAX_RESIDUAL) as i32
    }

    #[inline(always)]
    fn shift(&self, location: i32, around: Around) -> i32 {
        self.residual(location - super::location::at(around.center)) as i32
    }

    /// A residual, `LOCATION_BITS` fraction bits, as the scale sees it.
    #[inline(always)]
    fn residual(&self, residual: i32) -> u16 {
        (residual.unsigned_abs() >> (LOCATION_BITS - RESIDUAL_BITS) >> self.unit).min(MAX_RESIDUAL) as u16
    }

    /// Takes in the residual of column `x`.
    #[inline(always)]
    pub(crate) fn learn(&mut self, x: usize, residual: i32) {
        self.residuals[0][MARGIN + x] = self.residual(residual);
    }

    /// All inputs at column `x`: what [`at`](Self::at) weights, for the fit.
    pub(crate) fn inputs(
        &self,
        x: usize,
        above: &[&[i16]; ABOVE],
        row: &[i16],
        around: Around,
        location: i32,
        weights: &ScaleWeights,
    ) -> [i32; SCALE_INPUTS] {
        let r = |y: usize, dx: isize| i32::from(self.residuals[y][(MARGIN + x).wrapping_add_signed(dx)]);
        let [root, one, height] = law(location as u32 >> LOCATION_BITS, weights);
        [
            r(0, -1),
            r(0, -2),
            r(0, -3) + r(0, -4),
            r(1, 0),
            r(1, -1),
            r(1, 1),
            r(1, -2) + r(1, 2),
            r(2, 0),
            r(2, -1) + r(2, 1),
            r(1, -3) + r(1, 3) + r(2, -2) + r(2, 2) + r(3, -1) + r(3, 0) + r(3, 1),
            self.gap(row[MARGIN + x - 1], above[0][MARGIN + x - 1]),
            self.gap(above[0][MARGIN + x], above[0][MARGIN + x - 1]),
            self.gap(above[0][MARGIN + x], above[0][MARGIN + x + 1]),
            root,
            one,
            self.shift(location, around),
            height,
        ]
    }
}

/// Which eighth of an octave a number is in, by the five bits `i` after its leading one:
/// `floor(8 log2(1 + (i + 1/2) / 32))`.
const STEPS: [u8; 32] =
    [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7];
