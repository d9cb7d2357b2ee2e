//! What a causal network sees of a pixel and of the pixels before it, and the predictors that its
//! head weighs.

use crate::tile_stats::TileStats;
use nf_engine::math::{asinh, ln};

/// Features of a pixel itself: `asinh` of its distance from the median, from its left and from its
/// upper neighbour, in noise scales.
pub(crate) const PIXEL_FEATURES: usize = 3;

/// Features of a pixel's causal neighbourhood.
pub(crate) const CONTEXT_FEATURES: usize = 9;

/// Predictors of a pixel from its causal neighbourhood.
pub(crate) const PREDICTORS: usize = 7;

/// One plane of a tile, its samples in raster order.
#[derive(Clone, Copy)]
pub(crate) struct Plane<'a> {
    pub(crate) samples: &'a [u16],
    pub(crate) width: usize,
    pub(crate) stats: TileStats,
}

/// What the causal neighbourhood of one pixel says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct CausalContext {
    /// For the network: in noise scales, compressed.
    pub(crate) features: [f32; CONTEXT_FEATURES],
    /// For the head: in samples.
    pub(crate) predictors: [f32; PREDICTORS],
    /// The unit of the head's offsets and scales, in samples: noise scale and local activity
    /// together.
    pub(crate) local_scale: f32,
}

impl Plane<'_> {
    /// The sample at (y, x).
    pub(crate) fn at(&self, y: usize, x: usize) -> f32 {
        f32::from(self.samples[y * self.width + x])
    }

    /// Features of the pixel itself, once it is known.
    pub(crate) fn pixel_features(&self, y: usize, x: usize) -> [f32; PIXEL_FEATURES] {
        pixel_features(|y, x| self.at(y, x), self.level(), (y, x))
    }

    /// The context of a pixel: of pixels above and to the left only. Neighbours outside of the tile
    /// take the value of one inside, or the median.
    pub(crate) fn context(&self, y: usize, x: usize) -> CausalContext {
        self.context_within(y, x, self.width)
    }

    /// The same where only the first `width` columns are known.
    pub(crate) fn context_within(&self, y: usize, x: usize, width: usize) -> CausalContext {
        context(|y, x| self.at(y, x), self.level(), (y, x), width)
    }

    fn level(&self) -> Level {
        Level { median: f32::from(self.stats.median), scale: self.stats.noise_scale() }
    }
}

/// Around what the values of a plane lie, and how far they scatter: in samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) median: f32,
    /// The noise scale.
    pub(crate) scale: f32,
}

/// [`Plane::pixel_features`] of any values `at(y, x)`.
pub(crate) fn pixel_features(
    at: impl Fn(usize, usize) -> f32,
    Level { median, scale }: Level,
    (y, x): (usize, usize),
) -> [f32; PIXEL_FEATURES] {
    let inverse = 1.0 / scale;
    let own = at(y, x);
    let left = if x > 0 { at(y, x - 1) } else { median };
    let up = if y > 0 { at(y - 1, x) } else { median };
    [asinh((own - median) * inverse), asinh((own - left) * inverse), asinh((own - up) * inverse)]
}

/// [`Plane::context_within`] of any values `at(y, x)`.
pub(crate) fn context(
    at: impl Fn(usize, usize) -> f32,
    Level { median, scale }: Level,
    (y, x): (usize, usize),
    width: usize,
) -> CausalContext {
    let last = x + 1 == width;
    let (w, n) = match (y > 0, x > 0) {
        (true, true) => (at(y, x - 1), at(y - 1, x)),
        (true, false) => (at(y - 1, x), at(y - 1, x)),
        (false, true) => (at(y, x - 1), at(y, x - 1)),
        (false, false) => (median, median),
    };
    let nw = if y > 0 && x > 0 { at(y - 1, x - 1) } else { n };
    let ne = if y > 0 && !last { at(y - 1, x + 1) } else { n };
    let ww = if x > 1 { at(y, x - 2) } else { w };
    let nn = if y > 1 { at(y - 2, x) } else { n };
    let mean = 0.25 * (w + n + nw + ne);
    let activity = 0.125 * ((w - nw).abs() + (n - nw).abs() + (n - ne).abs() + (w - n).abs());
    let local_scale = (scale * scale + activity * activity).sqrt();
    let inverse = 1.0 / scale;
    let near = |value: f32| asinh((value - mean) * inverse);
    CausalContext {
        features: [
            asinh((mean - median) * inverse),
            ln(f64::from(local_scale * inverse)) as f32,
            near(w),
            near(n),
            near(nw),
            near(ne),
            near(ww),
            near(nn),
            // How far apart the integers are, in noise scales.
            inverse,
        ],
        predictors: [mean, w, n, nw, ne, w + n - nw, median],
        local_scale,
    }
}
