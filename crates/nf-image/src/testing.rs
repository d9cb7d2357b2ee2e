//! Random numbers and frames for tests, benchmarks and examples (feature `testing`).
//!
//! The random bits are the same on every machine and in every release, so that a test that fails
//! once fails again. Normal numbers go through the machine's logarithm, so no golden file depends
//! on them.

mod outside;

pub use outside::{Outside, has_fpack, peer_python, real_frames};

use crate::{Image16, Shape};

/// A generator of 64-bit random numbers: SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable
/// pseudorandom number generators"). Neighbouring seeds give unrelated sequences.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// A random sample value.
    pub fn next_u16(&mut self) -> u16 {
        (self.next_u64() >> 48) as u16
    }

    /// A number in `0..end`.
    ///
    /// # Panics
    /// If `end` is zero.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next_u64() % end as u64) as usize
    }

    /// Uniform in `0.0..1.0`.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normal with mean 0 and standard deviation 1, by the polar method (Marsaglia and Bray 1964).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }
}

/// A frame of normal noise with this mean and standard deviation, in sample values.
pub fn noise(shape: Shape, mean: f64, deviation: f64, seed: u64) -> Image16 {
    let mut rng = Rng::new(seed);
    Image16::from_fn(shape, |_, _, _| sample(mean + deviation * rng.normal()))
}

/// A star on a sloping sky with noise of `deviation` sample values and cosmic rays. Stacks also
/// have a fixed pattern that all planes share, and a sky that rises from plane to plane.
pub fn scene(shape: Shape, deviation: f64, seed: u64) -> Image16 {
    let mut rng = Rng::new(seed);
    let pattern_deviation = if shape.planes > 1 { 4.0 * deviation } else { 0.0 };
    let pattern: Vec<f64> =
        (0..shape.height * shape.width).map(|_| pattern_deviation * rng.normal()).collect();
    Image16::from_fn(shape, |plane, y, x| {
        let distance = (y as f64 - 20.0).powi(2) + (x as f64 - 30.0).powi(2);
        let star = 5000.0 / (1.0 + distance / 9.0);
        let ray = if rng.below(200) == 0 { rng.below(30_000) as f64 } else { 0.0 };
        let sky = 900.0 + 13.0 * plane as f64 + 0.3 * x as f64;
        sample(sky + star + ray + pattern[y * shape.width + x] + deviation * rng.normal())
    })
}

fn sample(value: f64) -> u16 {
    value.round().clamp(0.0, f64::from(u16::MAX)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_pinned() {
        // The first numbers of the authors' reference implementation for seed 1234567.
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn normal_numbers_have_mean_zero_and_variance_one() {
        let mut rng = Rng::new(3);
        let numbers: Vec<f64> = (0..100_000).map(|_| rng.normal()).collect();
        let mean = numbers.iter().sum::<f64>() / 1e5;
        let variance = numbers.iter().map(|x| x * x).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }
}
