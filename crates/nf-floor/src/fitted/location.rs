//! Where a pixel's value is expected: a weighted sum of what lies around it.
//!
//! The inputs of the sum are deviations from a robust centre. Those of pixels are clipped, so that a cosmic
//! ray or a hot pixel nearby does not drag the sum along; what was clipped off the nearest ones are inputs of
//! their own, with their own weights, so that a star's flank still counts. Running means of the row (same and
//! other column parity) and of the columns come beside them. The weights are fitted per tile and per class of
//! surroundings, and sent.

use super::plane::{ABOVE, MARGIN};
use super::surroundings::Around;

/// Fraction bits of a location.
pub(crate) const LOCATION_BITS: u32 = 6;

/// Fraction bits of a weight.
pub(crate) const WEIGHT_BITS: u32 = 13;

/// Columns of the window: from 8 left to 7 right.
const WINDOW: usize = 16;
const WINDOW_LEFT: usize = 8;

/// Lanes of pixels: the rows above, nearest first, 16 columns each; then the eight pixels to the left.
pub(crate) const PIXELS: usize = ABOVE * WINDOW + WINDOW_LEFT;

/// Lanes of excesses over the clip, of the pixels in [`EXCESS_OF`].
pub(crate) const EXCESSES: usize = 12;

/// Lanes of running means.
pub(crate) const MEANS: usize = 4;

/// All lanes.
pub(crate) const LANES: usize = PIXELS + EXCESSES + MEANS;

/// Values of all lanes at one pixel, DN (means: DN / 8).
pub(crate) type Inputs = [i16; LANES];

/// Lane of the pixel `dy` rows below and `dx` columns right.
const fn lane(dy: isize, dx: isize) -> usize {
    let column = (dx + WINDOW_LEFT as isize) as usize;
    if dy == 0 { ABOVE * WINDOW + column } else { (-dy - 1) as usize * WINDOW + column }
}

/// The pixels whose excess is an input: W, N, NE, NW, WW, NN, NEE, NWW, NNE, NNW, WWW, NNEE.
pub(crate) const EXCESS_OF: [usize; EXCESSES] = [
    lane(0, -1),
    lane(-1, 0),
    lane(-1, 1),
    lane(-1, -1),
    lane(0, -2),
    lane(-2, 0),
    lane(-1, 2),
    lane(-1, -2),
    lane(-2, 1),
    lane(-2, -1),
    lane(0, -3),
    lane(-2, 2),
];

/// The lanes of pixels, nearest first: in order of `5 dy^2 + 3 dx^2`, as rows carry further than columns;
/// equals in order of lanes.
pub(crate) const NEAREST: [u8; PIXELS] = {
    let mut lanes = [0; PIXELS];
    let mut keys = [0; PIXELS];
    let mut i = 0;
    while i < PIXELS {
        let (row, column) = (i / WINDOW, i % WINDOW);
        let dy = if row < ABOVE { row as i32 + 1 } else { 0 };
        let dx = column as i32 - WINDOW_LEFT as i32;
        let key = 5 * dy * dy + 3 * dx * dx;
        let mut at = i;
        while at > 0 && keys[at - 1] > key {
            keys[at] = keys[at - 1];
            lanes[at] = lanes[at - 1];
            at -= 1;
        }
        keys[at] = key;
        lanes[at] = i as u8;
        i += 1;
    }
    lanes
};

/// Weights of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Weights {
    /// One per lane, `WEIGHT_BITS` fraction bits.
    pub(crate) lanes: Inputs,
    /// Added to the sum, DN, `LOCATION_BITS` fraction bits.
    pub(crate) offset: i32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { lanes: [0; LANES], offset: 0 }
    }
}

/// The inputs of column `x`.
#[inline(always)]
pub(crate) fn inputs(
    x: usize,
    above: &[&[i16]; ABOVE],
    row: &[i16],
    around: Around,
    means: [i16; MEANS],
) -> Inputs {
    let mut lanes = [0; LANES];
    let start = MARGIN - WINDOW_LEFT + x;
    for (r, above) in above.iter().enumerate() {
        lanes[r * WINDOW..][..WINDOW].copy_from_slice(&above[start..start + WINDOW]);
    }
    lanes[ABOVE * WINDOW..PIXELS].copy_from_slice(&row[start..start + WINDOW_LEFT]);
    let mut off = [0; PIXELS];
    for (off, lane) in off.iter_mut().zip(&mut lanes) {
        *off = lane.saturating_sub(around.center);
        *lane = (*off).max(-around.clip).min(around.clip);
    }
    for (i, &of) in EXCESS_OF.iter().enumerate() {
        lanes[PIXELS + i] = off[of] - lanes[of];
    }
    lanes[PIXELS + EXCESSES..].copy_from_slice(&means);
    lanes
}

/// The location that `inputs` around `center` give, DN above 0, `LOCATION_BITS` fraction bits.
#[inline(always)]
pub(crate) fn locate(inputs: &Inputs, center: i16, weights: &Weights) -> i32 {
    let mut sum = 0_i32;
    for (&input, &weight) in inputs.iter().zip(&weights.lanes) {
        sum = sum.wrapping_add(i32::from(input) * i32::from(weight));
    }
    at(center)
        .saturating_add(sum >> (WEIGHT_BITS - LOCATION_BITS))
        .saturating_add(weights.offset)
        .clamp(0, MAX)
}

/// The highest location.
const MAX: i32 = 65535 << LOCATION_BITS;

/// The location of a sample.
#[inline(always)]
pub(crate) fn at(value: i16) -> i32 {
    (i32::from(value) + 0x8000) << LOCATION_BITS
}
