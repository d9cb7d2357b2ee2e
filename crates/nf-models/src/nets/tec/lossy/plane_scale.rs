//! A plane in units of its noise.

use crate::tile_stats::TileStats;

/// Largest size of a value in noise units that the network sees.
const LARGEST: f32 = 512.0;

/// How samples of a plane become numbers whose noise is 1, and back.
///
/// With `u` the noise scales of a sample above the median and `k` the shot noise, the variance of
/// `u` is `1 + k |u|`, and the number is `(2 / k) (sqrt(1 + k |u|) - 1)` with the sign of `u`:
/// linear near the median, as a root far out. Additions, multiplications, divisions and roots only.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlaneScale {
    median: f32,
    noise_scale: f32,
    shot_noise: f32,
}

impl PlaneScale {
    pub(super) fn new(stats: TileStats, shot_noise: f32) -> Self {
        Self { median: f32::from(stats.median), noise_scale: stats.noise_scale(), shot_noise }
    }

    pub(super) fn to_noise_units(self, sample: u16) -> f32 {
        let u = (f32::from(sample) - self.median) / self.noise_scale;
        let size = 2.0 / self.shot_noise * ((1.0 + self.shot_noise * u.abs()).sqrt() - 1.0);
        size.min(LARGEST).copysign(u)
    }

    /// The nearest sample.
    pub(super) fn sample(self, value: f32) -> u16 {
        let size = value.abs();
        let u = (size + 0.25 * self.shot_noise * size * size).copysign(value);
        // What is no number becomes 0.
        (self.median + self.noise_scale * u).round() as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_back() {
        for (median, scale_step) in [(0, 0), (1000, 4), (30_000, 17), (65_535, 9)] {
            let scale = PlaneScale::new(TileStats { median, scale_step }, 0.25);
            for sample in (0..=u16::MAX).step_by(13) {
                let value = scale.to_noise_units(sample);
                let near = i32::from(scale.sample(value)) - i32::from(sample);
                assert!(near.abs() <= 1 || value.abs() == LARGEST, "{sample}: {near}");
            }
        }
        let scale = PlaneScale::new(TileStats { median: 1000, scale_step: 8 }, 0.25);
        assert_eq!([scale.sample(f32::NAN), scale.sample(1e30), scale.sample(-1e30)], [0, u16::MAX, 0]);
        // Noise of the variance that is meant is 1 far out.
        let far = scale.to_noise_units(41_000) - scale.to_noise_units(40_999);
        let noise = 4.0 * (1.0 + 0.25 * (40_000.0 / 4.0_f32)).sqrt();
        assert!((far * noise - 1.0).abs() < 0.02, "{}", far * noise);
    }
}
