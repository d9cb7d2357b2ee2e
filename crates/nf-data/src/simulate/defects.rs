//! What a detector adds to a scene: hot pixels, cosmic rays, bleeding, trails, drifting levels.

use super::describe::{count_bits, uniform_bits};
use super::draw::{Gaussian, poisson};
use super::scene::{Scene, power_law};
use crate::random::Pcg64;
use serde::Deserialize;

/// Cosmic rays of an exposure.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CosmicRays {
    /// Tracks per million pixels in the whole exposure.
    pub tracks_per_mpx: f64,
    /// Typical length of a track, pixels; lengths are exponential.
    pub length_px: f64,
    /// Median charge left in a pixel of a track, electrons; charges are log-normal with a factor of
    /// two.
    pub charge_e: f64,
    /// How much a track's direction wanders per pixel, radian; thick detectors show worms.
    pub wander_rad: f64,
}

impl CosmicRays {
    /// Adds tracks to the active part of a scene; returns what describing them costs over noise of
    /// `sigma_e` electrons, bits.
    pub fn add(&self, scene: &mut Scene, sigma_e: f64, generator: &mut Pcg64) -> f64 {
        let (rows, columns) = scene.lit();
        let area = (rows.len() * columns.len()) as f64;
        let count = poisson(self.tracks_per_mpx * area * 1e-6, generator);
        let mut bits = count_bits(count);
        let mut gaussian = Gaussian::default();
        for _ in 0..count {
            let mut y = rows.start as f64 + generator.uniform() * rows.len() as f64;
            let mut x = columns.start as f64 + generator.uniform() * columns.len() as f64;
            let mut angle = std::f64::consts::TAU * generator.uniform();
            let length = 1.0 - self.length_px * libm::log(1.0 - generator.uniform());
            bits += libm::log2(area) + libm::log2(length + 1.0) * 2.0 + 1.0;
            for _ in 0..(length.ceil() as usize).min(200) {
                let charge_e = self.charge_e * libm::exp(std::f64::consts::LN_2 * gaussian.draw(generator));
                if scene.add_at(y, x, charge_e) {
                    // The next pixel of a track is one of three; its charge is known to its own
                    // noise.
                    let noise_e = (sigma_e * sigma_e + charge_e).sqrt();
                    bits += libm::log2(3.0) + uniform_bits(4.0 * self.charge_e, noise_e);
                }
                y += libm::sin(angle);
                x += libm::cos(angle);
                angle += self.wander_rad * gaussian.draw(generator);
            }
        }
        bits.max(0.0)
    }
}

/// Adds hot pixels, a property of the detector: a fraction of the lit pixels gathers `faintest_e`
/// to `brightest_e` electrons of dark charge, by a power law.
pub fn add_hot_pixels(
    scene: &mut Scene,
    fraction: f64,
    faintest_e: f64,
    brightest_e: f64,
    generator: &mut Pcg64,
) {
    let (rows, columns) = scene.lit();
    let count = poisson(fraction * (rows.len() * columns.len()) as f64, generator);
    for _ in 0..count {
        let y = rows.start as f64 + generator.uniform() * rows.len() as f64;
        let x = columns.start as f64 + generator.uniform() * columns.len() as f64;
        let charge_e = power_law(faintest_e, brightest_e, generator);
        scene.add_at(y, x, charge_e);
    }
}

/// Charge above `full_well_e` spills along the column, half of it each way, until every pixel holds
/// what it can; what reaches the edge of the scene is lost.
pub fn bleed(scene: &mut Scene, full_well_e: f32) {
    for column in 0..scene.width {
        for downwards in [true, false] {
            let mut carried = 0.0f32;
            for step in 0..scene.height {
                let row = if downwards { step } else { scene.height - 1 - step };
                let pixel = &mut scene.mean_e[row * scene.width + column];
                let own_excess = (*pixel - full_well_e).max(0.0);
                // The first pass sends half of the excess one way and leaves half for the second
                // pass.
                let sent = if downwards { 0.5 * own_excess } else { own_excess };
                let kept = *pixel - sent;
                let room = (full_well_e - kept).max(0.0);
                let taken = carried.min(room);
                *pixel = kept + taken;
                carried = carried - taken + sent;
            }
        }
        for row in 0..scene.height {
            let pixel = &mut scene.mean_e[row * scene.width + column];
            *pixel = pixel.min(full_well_e);
        }
    }
}

/// Charge left behind in transfers: of what a pixel holds, `loss` per row of distance from the
/// read-out (row 0 of the full array) is released into the rows that follow, decaying by
/// `1 - 1/length_px` a row.
pub fn trail(scene: &mut Scene, loss: f64, length_px: f64, background_e: f32) {
    let keep = (1.0 - 1.0 / length_px) as f32;
    for column in 0..scene.width {
        let mut trapped = 0.0f32;
        for row in 0..scene.height {
            let distance = (scene.origin.0 + row) as f64;
            let pixel = &mut scene.mean_e[row * scene.width + column];
            let lost = (*pixel - background_e).max(0.0) * (loss * distance).min(0.5) as f32;
            let released = trapped * (1.0 - keep);
            trapped = trapped - released + lost;
            *pixel += released - lost;
        }
    }
}

/// A level that drifts from row to row: the sum of four first-order processes whose memories are 1,
/// 8, 64 and 512 rows, each of a quarter of the variance, which is close to 1/f noise. DN, one
/// value per row.
pub fn drift(rows: usize, rms: f64, generator: &mut Pcg64) -> Vec<f32> {
    let mut gaussian = Gaussian::default();
    let share = 0.5 * rms;
    let memories = [1.0, 8.0, 64.0, 512.0].map(|rows: f64| libm::exp(-1.0 / rows));
    let mut states = memories.map(|_| share * gaussian.draw(generator));
    (0..rows)
        .map(|_| {
            for (state, memory) in states.iter_mut().zip(memories) {
                *state = memory * *state + share * (1.0 - memory * memory).sqrt() * gaussian.draw(generator);
            }
            states.iter().sum::<f64>() as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bleeding_keeps_the_charge_and_the_full_well() {
        let mut scene = Scene::dark(101, 3);
        scene.mean_e[50 * 3 + 1] = 1050.0;
        bleed(&mut scene, 100.0);
        let sum: f32 = scene.mean_e.iter().sum();
        assert!((sum - 1050.0).abs() < 1.0, "{sum}");
        assert!(scene.mean_e.iter().all(|&x| x <= 100.0));
        assert!((0..101).all(|row| scene.mean_e[row * 3] == 0.0 && scene.mean_e[row * 3 + 2] == 0.0));
        let wet: Vec<usize> = (0..101).filter(|row| scene.mean_e[row * 3 + 1] > 0.0).collect();
        assert!(wet.contains(&46) && wet.contains(&54) && wet.len() <= 12, "{wet:?}");
    }

    #[test]
    fn trails_follow_and_keep_the_charge() {
        let mut scene = Scene::dark(200, 1);
        scene.mean_e[100] = 1000.0;
        trail(&mut scene, 1e-3, 5.0, 0.0);
        assert!((scene.mean_e[100] - 900.0).abs() < 1.0);
        assert!(scene.mean_e[99] == 0.0 && scene.mean_e[101] > scene.mean_e[103]);
        let sum: f32 = scene.mean_e.iter().sum();
        assert!((995.0..=1000.1).contains(&sum), "{sum}");
    }

    #[test]
    fn drifts_have_their_rms_and_remember() {
        let mut generator = Pcg64::from_seed(3);
        let level = drift(200_000, 2.0, &mut generator);
        let square: f64 = level.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 2e5;
        assert!((square.sqrt() - 2.0).abs() < 0.15, "{}", square.sqrt());
        let next: f64 = level.windows(2).map(|w| f64::from(w[0] * w[1])).sum::<f64>() / 2e5;
        assert!((0.6..0.95).contains(&(next / square)));
    }

    #[test]
    fn rays_hit_as_many_pixels_as_they_should() {
        let mut scene = Scene::dark(1000, 1000);
        let rays = CosmicRays { tracks_per_mpx: 1000.0, length_px: 4.0, charge_e: 800.0, wander_rad: 0.1 };
        let bits = rays.add(&mut scene, 5.0, &mut Pcg64::from_seed(9));
        let hit = scene.mean_e.iter().filter(|&&x| x > 0.0).count();
        assert!((3000..7000).contains(&hit), "{hit}");
        assert!(bits > 20.0 * 1000.0 && bits < 100.0 * 1000.0, "{bits}");
    }
}
