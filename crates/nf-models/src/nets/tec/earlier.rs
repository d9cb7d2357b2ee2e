//! What earlier planes say about a plane: guesses of its pixels, and what the networks see of them.
//!
//! With `a` and `b` the planes before, their medians moved to that of the plane, the references are
//! `a`, `(a + b) / 2` and `2 a - b`; the second plane of a tile has `b = a`.

use crate::context::{CONTEXT_FEATURES, Level, PIXEL_FEATURES, PREDICTORS, Plane, context, pixel_features};
use crate::tile::Tile;
use crate::tile_stats::{noise_scale, scale_step};
use nf_engine::FeatureMap;
use nf_engine::math::{asinh, ln};

/// Planes made of earlier ones that a plane is compared with.
const REFERENCES: usize = 3;

/// Features of a known pixel for the network of later planes: its own, and those of what it
/// deviates from the previous plane.
pub(super) const LATER_FEATURES: usize = 2 * PIXEL_FEATURES;

/// Features of a pixel's context: in the plane, of what the plane deviates from every reference,
/// and of both scales together.
pub(super) const LATER_CONTEXT: usize = (1 + REFERENCES) * CONTEXT_FEATURES + 2;

/// Guesses of a pixel: the predictors in the plane, every reference, and every reference corrected
/// by what it missed in the neighbourhood.
pub(super) const LATER_GUESSES: usize = PREDICTORS + 2 * REFERENCES;

/// Channels of what the context net sees.
pub(super) const EARLIER_CHANNELS: usize = 8;

/// What the neighbourhood of one pixel says, for the head: in samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guesses {
    pub(super) values: [f32; LATER_GUESSES],
    /// What is added to the logarithms of their weights: inverse variances, as far as the
    /// neighbourhood tells them. In a ramp, a guess from the plane itself is a hundred times
    /// further off than one from the plane before; in bands of different stars it is the other way
    /// round.
    pub(super) log_weights: [f32; LATER_GUESSES],
    /// The unit of offsets and scales.
    pub(super) scale: f32,
}

/// The planes before plane `plane` of a tile, whose samples they need not know.
#[derive(Debug)]
pub(super) struct Earlier {
    plane: usize,
    width: usize,
    /// Each in raster order, in samples around the plane's median.
    references: [Vec<f32>; REFERENCES],
    /// Noise scale of what the plane deviates from the previous one.
    level: Level,
}

impl Earlier {
    /// For plane `plane`, at least 1, which deviates from the one before with this noise scale.
    pub(super) fn new(tile: &Tile, plane: usize, scale_step: u8) -> Self {
        let median = f32::from(tile.stats[plane].median);
        let moved = |earlier: usize| {
            let Plane { samples, stats, .. } = tile.plane(earlier);
            let shift = median - f32::from(stats.median);
            samples.iter().map(move |&sample| f32::from(sample) + shift)
        };
        let [a, b] = [plane - 1, plane.saturating_sub(2)];
        let both = || moved(a).zip(moved(b));
        let references = [
            moved(a).collect(),
            both().map(|(a, b)| 0.5 * (a + b)).collect(),
            both().map(|(a, b)| 2.0 * a - b).collect(),
        ];
        let level = Level { median: 0.0, scale: noise_scale(scale_step) };
        Self { plane, width: tile.width, references, level }
    }

    /// The step of the noise scale of what a known plane deviates from the one before.
    pub(super) fn scale_step(tile: &Tile, plane: usize) -> u8 {
        let [own, before] = [plane, plane - 1].map(|plane| tile.plane(plane).samples);
        let deviations: Vec<i32> =
            own.iter().zip(before).map(|(&x, &a)| i32::from(x) - i32::from(a)).collect();
        let rows = deviations.chunks(tile.width);
        scale_step(rows.flat_map(|row| row.windows(2).map(|pair| pair[0].abs_diff(pair[1]))).collect())
    }

    /// Features of a known pixel.
    pub(super) fn features(&self, tile: &Tile, (y, x): (usize, usize), to: &mut [f32]) {
        let plane = tile.plane(self.plane);
        let (own, deviation) = to.split_at_mut(PIXEL_FEATURES);
        own.copy_from_slice(&plane.pixel_features(y, x));
        let deviates = |y, x| plane.at(y, x) - self.references[0][y * self.width + x];
        deviation.copy_from_slice(&pixel_features(deviates, self.level, (y, x)));
    }

    /// The context of a pixel: of the plane above it and to the left, of earlier ones everywhere.
    pub(super) fn context(&self, tile: &Tile, (y, x): (usize, usize), to: &mut [f32]) -> Guesses {
        let plane = tile.plane(self.plane);
        let own = plane.context(y, x);
        let (first, mut rest) = to.split_at_mut(CONTEXT_FEATURES);
        first.copy_from_slice(&own.features);
        let mut values = [0.0; LATER_GUESSES];
        values[..PREDICTORS].copy_from_slice(&own.predictors);
        let mut log_weights = [0.0; LATER_GUESSES];
        let (mut scale, spatial) = (own.local_scale, own.local_scale);
        // The median is the last predictor, and lies as far off as the mean of the neighbours.
        let off_median = own.predictors[0] - own.predictors[PREDICTORS - 1];
        log_weights[PREDICTORS - 1] = precision(spatial, spatial, off_median);
        for (index, reference) in self.references.iter().enumerate() {
            let deviates = |y, x| plane.at(y, x) - reference[y * self.width + x];
            let found = context(deviates, self.level, (y, x), self.width);
            let own;
            (own, rest) = rest.split_at_mut(CONTEXT_FEATURES);
            own.copy_from_slice(&found.features);
            let guess = reference[y * self.width + x];
            let (at, missed) = (PREDICTORS + 2 * index, found.predictors[0]);
            values[at] = guess;
            values[at + 1] = guess + missed;
            log_weights[at] = precision(spatial, found.local_scale, missed);
            log_weights[at + 1] = precision(spatial, found.local_scale, 0.0);
            if index == 0 {
                scale = smaller(scale, found.local_scale);
            }
        }
        rest[0] = ln(f64::from(self.level.scale / plane.stats.noise_scale())) as f32;
        rest[1] = if self.plane > 1 { 1.0 } else { 0.0 };
        Guesses { values, log_weights, scale }
    }

    /// What the context net sees.
    pub(super) fn inputs(&self, tile: &Tile) -> FeatureMap {
        let [a, b] = [self.plane - 1, self.plane.saturating_sub(2)].map(|plane| tile.plane(plane));
        let own = tile.stats[self.plane].noise_scale();
        let mut map = FeatureMap::zeros(tile.height, tile.width, EARLIER_CHANNELS);
        let constants = [
            ln(f64::from(a.stats.noise_scale() / own)) as f32,
            ln(f64::from(self.level.scale / own)) as f32,
            if self.plane > 1 { 1.0 } else { 0.0 },
        ];
        let inverse = 1.0 / a.stats.noise_scale();
        for (pixel, to) in map.values.chunks_exact_mut(EARLIER_CHANNELS).enumerate() {
            let (y, x) = (pixel / tile.width, pixel % tile.width);
            let [value, left, up] = a.pixel_features(y, x);
            let [before, ..] = b.pixel_features(y, x);
            // 2 a - b less a.
            let step = asinh((self.references[2][pixel] - self.references[0][pixel]) * inverse);
            to[..5].copy_from_slice(&[value, left, up, before, step]);
            to[5..].copy_from_slice(&constants);
        }
        map
    }
}

/// The logarithm of the inverse variance of a guess with this local scale that is off by `bias`,
/// over that of one with the local scale `unit`.
fn precision(unit: f32, scale: f32, bias: f32) -> f32 {
    ln(f64::from(unit * unit / (scale * scale + bias * bias))) as f32
}

/// A number near the smaller of both, and never above it.
fn smaller(s: f32, t: f32) -> f32 {
    s * t / (s * s + t * t).sqrt()
}
