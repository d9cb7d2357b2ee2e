//! Maps and reference planes as inputs of the model of a plane.
//!
//! A weighted sum of them predicts each pixel: the model codes what is left, so that a pattern that
//! stays from plane to plane costs nothing however strong it is. Two helpers, the latest plane and
//! the mean of all, each less that sum, are inputs beside the neighbours: together with the sum
//! they span what a linear prediction may need of the planes (noise that the sum brought in, pixels
//! that differ in one plane only). Where there are no planes but the response of the pixels is
//! known, the second helper is what that response makes of the light.

use crate::maths::{clamp_or_low, median_of_four};
use crate::predict::terms::{Terms, Weights};

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

/// Maps and reference planes, prepared for one tile.
#[derive(Debug)]
pub(super) struct ReferencePlanes {
    width: usize,
    offsets: Vec<f32>,
    /// With one more pixel on every side, which repeats the edge.
    helpers: [Vec<f32>; HELPERS],
    /// The level without light at every pixel, if the second helper is a response.
    dark: Option<Vec<f32>>,
}

impl ReferencePlanes {
    /// From terms at `height` rows of `width` pixels, and their weights.
    pub(super) fn new(height: usize, width: usize, terms: &Terms, weights: &Weights) -> Self {
        let offsets: Vec<f32> = (0..width * height).map(|i| terms.offset(weights, i)).collect();
        let response = terms.response.filter(|_| terms.planes.is_empty());
        let mut helpers: [Vec<f32>; HELPERS] =
            std::array::from_fn(|_| Vec::with_capacity((width + 2) * (height + 2)));
        for y in 0..height + 2 {
            for x in 0..width + 2 {
                let i = y.saturating_sub(1).min(height - 1) * width + x.saturating_sub(1).min(width - 1);
                let [latest, mean] = terms.helpers(i);
                helpers[0].push(latest - offsets[i]);
                helpers[1].push(match response {
                    Some(response) => response[i] as f32 * (1.0 / (256.0 * 4096.0)),
                    None => mean - offsets[i],
                });
            }
        }
        let dark = response.map(|_| (0..width * height).map(|i| terms.helpers(i)[0]).collect());
        Self { width, offsets, helpers, dark }
    }

    /// The weighted sum at pixel `i`.
    pub(super) fn offset(&self, i: usize) -> f32 {
        self.offsets[i]
    }

    /// What the planes hold at row `y`, column `x`, around which the level, less the sum, is about
    /// `reference`.
    pub(super) fn co_located(&self, y: usize, x: usize, reference: f32) -> CoLocated {
        let stride = self.width + 2;
        let at = (y + 1) * stride + x + 1;
        let offset = self.offsets[y * self.width + x];
        let mut helpers = [&self.helpers[0], &self.helpers[1]].map(|h| {
            let [c, w, n, ne] = [h[at], h[at - 1], h[at - stride], h[at - stride + 1]];
            let [nw, e, s] = [h[at - stride - 1], h[at + 1], h[at + stride]];
            let reference = median_of_four(w, n, ne, nw);
            [c, w, n, ne, nw, e, s, reference].map(|value| value - reference)
        });
        if let Some(dark) = &self.dark {
            let light = clamp_or_low(reference + offset - dark[y * self.width + x], 0.0, 65_535.0);
            helpers[1].iter_mut().for_each(|value| *value *= light);
        }
        CoLocated { offset, helpers }
    }
}
