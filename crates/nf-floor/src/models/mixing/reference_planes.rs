//! Reference planes of a stack, as inputs of the model of a plane.
//!
//! A weighted sum of references planes predicts each pixel: the model codes what is left, so that a
//! pattern that stays from plane to plane costs nothing however strong it is. Two helpers, the
//! latest plane and the mean of all, each less that sum, are inputs beside the neighbours: together
//! with the sum they span what a linear prediction may need of the planes (noise that the sum
//! brought in, pixels that differ in one plane only).

use crate::maths::median_of_four;
use crate::predict::plane_sum::{UNIT, weighted_sum};

/// Values of a helper at a pixel: itself, W, N, NE, NW, E, S (all less the local reference), and
/// room for an excess.
pub(super) const PER_HELPER: usize = 8;
/// Number of helpers.
const HELPERS: usize = 2;

/// What the reference planes hold at the place of one pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct CoLocated {
    /// The weighted sum.
    pub(super) offset: f32,
    pub(super) helpers: [[f32; PER_HELPER]; HELPERS],
}

impl CoLocated {
    /// Without reference planes.
    pub(super) const NONE: Self = Self { offset: 0.0, helpers: [[0.0; PER_HELPER]; HELPERS] };
}

/// Reference planes, prepared for one tile.
#[derive(Debug)]
pub(super) struct ReferencePlanes {
    width: usize,
    offsets: Vec<f32>,
    /// With one more pixel on every side, which repeats the edge.
    helpers: [Vec<f32>; HELPERS],
}

impl ReferencePlanes {
    /// From planes of rows of `width`, latest first, and a weight for each.
    pub(super) fn new(width: usize, references: &[&[u16]], weights: &[i16]) -> Self {
        let height = references[0].len() / width;
        let offset = |i: usize| weighted_sum(references, weights, i) as f32 / UNIT as f32;
        let offsets: Vec<f32> = (0..width * height).map(offset).collect();
        let count = references.len() as f32;
        let mut helpers: [Vec<f32>; HELPERS] =
            std::array::from_fn(|_| Vec::with_capacity((width + 2) * (height + 2)));
        for y in 0..height + 2 {
            for x in 0..width + 2 {
                let i = y.saturating_sub(1).min(height - 1) * width + x.saturating_sub(1).min(width - 1);
                let sum: u32 = references.iter().map(|plane| u32::from(plane[i])).sum();
                helpers[0].push(f32::from(references[0][i]) - offsets[i]);
                helpers[1].push(sum as f32 / count - offsets[i]);
            }
        }
        Self { width, offsets, helpers }
    }

    /// The weighted sum at pixel `i`.
    pub(super) fn offset(&self, i: usize) -> f32 {
        self.offsets[i]
    }

    /// What the planes hold at row `y`, column `x`.
    pub(super) fn co_located(&self, y: usize, x: usize) -> CoLocated {
        let stride = self.width + 2;
        let at = (y + 1) * stride + x + 1;
        let helpers = [&self.helpers[0], &self.helpers[1]].map(|h| {
            let [c, w, n, ne] = [h[at], h[at - 1], h[at - stride], h[at - stride + 1]];
            let [nw, e, s] = [h[at - stride - 1], h[at + 1], h[at + stride]];
            let reference = median_of_four(w, n, ne, nw);
            [c, w, n, ne, nw, e, s, reference].map(|value| value - reference)
        });
        CoLocated { offset: self.offsets[y * self.width + x], helpers }
    }
}
