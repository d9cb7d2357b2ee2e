//! The noise of a detector: variance = read noise^2 + gain x signal.
//!
//! Two numbers, fitted to all pixels so far by least squares of their squared residuals (weights 1
//! / variance^2, outliers clipped). A regression of the scale on local features needs many more
//! pixels to learn the same.

use crate::maths::clamp_or_low;

/// Squared residuals count up to so many variances.
const CLIP: f32 = 9.0;
/// Share of the sums that is kept from pixel to pixel.
const KEEP: f32 = 1.0 - 1.0 / 50_000.0;
/// Pixels that the regression's scale counts for.
const PRIOR: f32 = 30.0;

/// Weighted sums: 1, signal, signal^2, squared residual, their product.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NoiseModel([f32; 5]);

impl NoiseModel {
    /// Standard deviation at `signal` (above the dark level), near `scale`, the regression's.
    #[inline(always)]
    pub(super) fn deviation(&self, signal: f32, scale: f32) -> f32 {
        let [weight, x, xx, y, xy] = self.0;
        let square = scale * scale;
        let determinant = weight * xx - x * x;
        let slope = if determinant > 1e-3 * weight * xx { (weight * xy - x * y) / determinant } else { 0.0 };
        let slope = if slope > 0.0 { slope } else { 0.0 };
        let variance = (y - slope * x) / (weight + 1e-12) + slope * signal;
        let variance = clamp_or_low(variance, 0.1 * square, 10.0 * square);
        let share = PRIOR / (PRIOR + weight * square * square);
        (variance * (1.0 - share) + square * share).sqrt()
    }

    /// A pixel at `signal`, whose residual was expected to have the deviation `scale`, has a
    /// squared residual of `square_z` times its square.
    #[inline(always)]
    pub(super) fn update(&mut self, signal: f32, scale: f32, square_z: f32) {
        let square = scale * scale;
        let weight = 1.0 / (square * square);
        let y = clamp_or_low(square_z, 0.0, CLIP) * square;
        let terms = [weight, weight * signal, weight * signal * signal, weight * y, weight * signal * y];
        for (sum, term) in self.0.iter_mut().zip(terms) {
            *sum = *sum * KEEP + term;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gain_and_read_noise_are_recovered() {
        let mut model = NoiseModel::default();
        for k in 0..20_000 {
            let signal = (k * 37 % 1000) as f32;
            let variance = 25.0 + 0.5 * signal;
            model.update(signal, variance.sqrt(), if k % 2 == 0 { 1.5 } else { 0.5 });
        }
        for signal in [0.0f32, 300.0, 900.0] {
            let expected = (25.0 + 0.5 * signal).sqrt();
            assert!((model.deviation(signal, expected * 1.3) / expected - 1.0).abs() < 0.02, "{signal}");
        }
        assert_eq!(NoiseModel::default().deviation(100.0, 7.0), 7.0);
    }
}
