//! Variance as a line over the signal, fitted to all pixels so far.

use super::arithmetic::bound;

/// Weighted sums: 1, signal, signal^2, squared residual, signal times squared residual.
#[derive(Default)]
pub(super) struct NoiseLaw([f32; 5]);

impl NoiseLaw {
    /// The standard deviation at `signal`, near `scale`.
    pub(super) fn deviation(&self, signal: f32, scale: f32) -> f32 {
        let [weight, x, xx, y, xy] = self.0;
        let square = scale * scale;
        let spread = weight * xx - x * x;
        let slope = if spread > 1e-3 * weight * xx { (weight * xy - x * y) / spread } else { 0.0 };
        let slope = if slope > 0.0 { slope } else { 0.0 };
        let variance = (y - slope * x) / (weight + 1e-12) + slope * signal;
        let variance = bound(variance, 0.1 * square, 10.0 * square);
        let share = 30.0 / (30.0 + weight * square * square);
        (variance * (1.0 - share) + square * share).sqrt()
    }

    pub(super) fn learn(&mut self, signal: f32, scale: f32, square_z: f32) {
        let square = scale * scale;
        let weight = 1.0 / (square * square);
        let y = bound(square_z, 0.0, 9.0) * square;
        let news = [weight, weight * signal, weight * signal * signal, weight * y, weight * signal * y];
        for (sum, new) in self.0.iter_mut().zip(news) {
            *sum = *sum * (1.0 - 1.0 / 50_000.0) + new;
        }
    }
}
