//! Earlier planes of a stack, as the model of a plane sees them.
//!
//! A weighted sum of earlier planes foretells each pixel: the model codes what is left, so that a pattern that
//! stays from plane to plane costs nothing however strong it is. Two helpers, the latest plane and the mean of
//! all, each less that sum, are inputs beside the neighbours: with the sum they span what a linear prediction may need
//! of the planes (noise that the sum took over, pixels that differ in one plane only).

use nf_codec::{Error, Result};

/// Values of a helper at a pixel: itself, W, N, NE, NW, E, S (all less the local reference), and room for an excess.
pub(super) const PER_HELPER: usize = 8;
/// Number of helpers.
const HELPERS: usize = 2;
/// Weights count in units of 1 / UNIT.
pub(crate) const UNIT: i32 = 256;
/// Largest weight, either sign; four of them times the largest sample fit 31 bits.
pub(crate) const MAX_WEIGHT: i16 = 4095;

/// What earlier planes show of one pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glimpse {
    /// The weighted sum.
    pub(super) offset: f32,
    pub(super) helpers: [[f32; PER_HELPER]; HELPERS],
}

impl Glimpse {
    /// Nothing.
    pub(super) const NONE: Self = Self { offset: 0.0, helpers: [[0.0; PER_HELPER]; HELPERS] };
}

/// The weighted sum of the planes at pixel `i`, in units of 1 / [`UNIT`].
#[inline(always)]
pub(crate) fn weighted_sum(earlier: &[&[u16]], weights: &[i16], i: usize) -> i32 {
    earlier.iter().zip(weights).map(|(plane, &weight)| i32::from(weight) * i32::from(plane[i])).sum()
}

/// The weights of `count` planes, and the bytes behind them.
///
/// # Errors
/// If there are fewer bytes, or a weight is beyond [`MAX_WEIGHT`].
pub(crate) fn split_weights<'a>(what: &str, payload: &'a [u8], count: usize) -> Result<(Vec<i16>, &'a [u8])> {
    let Some((bytes, rest)) = payload.split_at_checked(2 * count) else { return Err(Error::truncated(what)) };
    let weights: Vec<i16> =
        bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    if let Some(weight) = weights.iter().find(|weight| weight.unsigned_abs() > MAX_WEIGHT.unsigned_abs()) {
        return Err(Error::corrupt(what, format!("a weight of {weight}, at most {MAX_WEIGHT} is allowed")));
    }
    Ok((weights, rest))
}

/// Earlier planes, prepared for one tile.
#[derive(Debug)]
pub(super) struct Given {
    width: usize,
    offsets: Vec<f32>,
    /// With one more pixel on every side, which repeats the edge.
    helpers: [Vec<f32>; HELPERS],
}

impl Given {
    /// From planes of rows of `width`, latest first, and a weight for each.
    pub(super) fn new(width: usize, earlier: &[&[u16]], weights: &[i16]) -> Self {
        let height = earlier[0].len() / width;
        let offset = |i: usize| weighted_sum(earlier, weights, i) as f32 / UNIT as f32;
        let offsets: Vec<f32> = (0..width * height).map(offset).collect();
        let count = earlier.len() as f32;
        let mut helpers: [Vec<f32>; HELPERS] =
            std::array::from_fn(|_| Vec::with_capacity((width + 2) * (height + 2)));
        for y in 0..height + 2 {
            for x in 0..width + 2 {
                let i = y.saturating_sub(1).min(height - 1) * width + x.saturating_sub(1).min(width - 1);
                let sum: u32 = earlier.iter().map(|plane| u32::from(plane[i])).sum();
                helpers[0].push(f32::from(earlier[0][i]) - offsets[i]);
                helpers[1].push(sum as f32 / count - offsets[i]);
            }
        }
        Self { width, offsets, helpers }
    }

    /// What the sum foretells of pixel `i`.
    pub(super) fn offset(&self, i: usize) -> f32 {
        self.offsets[i]
    }

    #[inline(always)]
    pub(super) fn glimpse(&self, y: usize, x: usize) -> Glimpse {
        let stride = self.width + 2;
        let at = (y + 1) * stride + x + 1;
        let helpers = [&self.helpers[0], &self.helpers[1]].map(|h| {
            let [c, w, n, ne] = [h[at], h[at - 1], h[at - stride], h[at - stride + 1]];
            let [nw, e, s] = [h[at - stride - 1], h[at + 1], h[at + stride]];
            let (low_1, high_1) = if w < n { (w, n) } else { (n, w) };
            let (low_2, high_2) = if ne < nw { (ne, nw) } else { (nw, ne) };
            let low = if low_1 > low_2 { low_1 } else { low_2 };
            let high = if high_1 < high_2 { high_1 } else { high_2 };
            let reference = (low + high) * 0.5;
            [c, w, n, ne, nw, e, s, reference].map(|value| value - reference)
        });
        Glimpse { offset: self.offsets[y * self.width + x], helpers }
    }
}
