//! Samplers of the two noises of a detector.
//!
//! Only additions, multiplications, divisions, square roots (exact by IEEE 754) and the pinned
//! `libm` crate's logarithm and exponential: no platform library, so a seed gives the same numbers
//! everywhere.

use crate::random::Pcg64;
use std::sync::LazyLock;

/// Standard normal deviates (Marsaglia and Bray's polar method, two at a time).
#[derive(Clone, Debug, Default)]
pub struct Gaussian {
    spare: Option<f64>,
}

impl Gaussian {
    /// The next deviate.
    pub fn draw(&mut self, generator: &mut Pcg64) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let u = 2.0 * generator.uniform() - 1.0;
            let v = 2.0 * generator.uniform() - 1.0;
            let square = u * u + v * v;
            if square < 1.0 && square > 0.0 {
                let scale = (-2.0 * libm::log(square) / square).sqrt();
                self.spare = Some(v * scale);
                return u * scale;
            }
        }
    }
}

/// A Poisson count of mean `mean` (0 for a mean of zero or below).
///
/// Below 10 by multiplication of uniforms (Knuth); above by transformed rejection (W. Hörmann 1993,
/// "The transformed rejection method for generating Poisson random variables", algorithm PTRS).
pub fn poisson(mean: f64, generator: &mut Pcg64) -> u64 {
    if mean <= 0.0 {
        0
    } else if mean < 10.0 {
        let limit = libm::exp(-mean);
        let mut product = generator.uniform();
        let mut count = 0;
        while product > limit {
            product *= generator.uniform();
            count += 1;
        }
        count
    } else {
        transformed_rejection(mean, generator)
    }
}

fn transformed_rejection(mean: f64, generator: &mut Pcg64) -> u64 {
    let b = 0.931 + 2.53 * mean.sqrt();
    let a = -0.059 + 0.02483 * b;
    let squeeze = 0.9277 - 3.6224 / (b - 2.0);
    loop {
        let u = generator.uniform() - 0.5;
        let v = generator.uniform();
        let distance = 0.5 - u.abs();
        if distance <= 0.0 {
            continue;
        }
        let k = ((2.0 * a / distance + b) * u + mean + 0.43).floor();
        if distance >= 0.07 && v <= squeeze {
            return k as u64;
        }
        if k < 0.0 || (distance < 0.013 && v > distance) {
            continue;
        }
        let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        let left = libm::log(v * inverse_alpha / (a / (distance * distance) + b));
        if left <= k * libm::log(mean) - mean - ln_factorial(k as u64) {
            return k as u64;
        }
    }
}

/// ln k!, from a table below 1024 and from Stirling's series above (relative error below 1e-15).
pub fn ln_factorial(k: u64) -> f64 {
    static TABLE: LazyLock<Vec<f64>> = LazyLock::new(|| {
        let mut sum = 0.0;
        let mut table = vec![0.0];
        table.extend((1..1024).map(|k| {
            sum += libm::log(f64::from(k));
            sum
        }));
        table
    });
    if let Some(&value) = TABLE.get(k as usize) {
        return value;
    }
    const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;
    let n = k as f64;
    let inverse = 1.0 / n;
    (n + 0.5) * libm::log(n) - n + HALF_LN_TWO_PI + inverse * (1.0 / 12.0 - inverse * inverse * (1.0 / 360.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chi-square over the counts, cells of expectation below 10 pooled; returns (statistic,
    /// cells).
    fn chi_square(mean: f64, draws: usize) -> (f64, usize) {
        let mut generator = Pcg64::from_seed(mean.to_bits());
        let top = (mean + 12.0 * mean.sqrt() + 20.0) as usize;
        let mut counts = vec![0usize; top + 1];
        for _ in 0..draws {
            counts[(poisson(mean, &mut generator) as usize).min(top)] += 1;
        }
        let (mut statistic, mut cells) = (0.0, 0);
        let (mut expected, mut seen) = (0.0, 0);
        for (k, &count) in counts.iter().enumerate() {
            expected += draws as f64 * (k as f64 * mean.ln() - mean - ln_factorial(k as u64)).exp();
            seen += count;
            if expected >= 10.0 {
                statistic += (seen as f64 - expected).powi(2) / expected;
                cells += 1;
                (expected, seen) = (0.0, 0);
            }
        }
        (statistic, cells)
    }

    #[test]
    fn poisson_counts_follow_their_law() {
        for mean in [0.1, 1.0, 4.5, 9.99, 10.0, 11.0, 37.5, 400.0, 12_345.6] {
            let (statistic, cells) = chi_square(mean, 400_000);
            let freedom = cells as f64 - 1.0;
            let deviation = (statistic - freedom) / (2.0 * freedom).sqrt();
            assert!(deviation.abs() < 4.0, "mean {mean}: chi-square {statistic:.1} over {cells} cells");
        }
    }

    #[test]
    fn gaussian_deviates_have_the_right_moments_and_tails() {
        let (mut generator, mut gaussian) = (Pcg64::from_seed(5), Gaussian::default());
        let n = 1_000_000;
        let draws: Vec<f64> = (0..n).map(|_| gaussian.draw(&mut generator)).collect();
        let moment = |power: i32| draws.iter().map(|z| z.powi(power)).sum::<f64>() / f64::from(n);
        assert!(moment(1).abs() < 0.004);
        assert!((moment(2) - 1.0).abs() < 0.006);
        assert!(moment(3).abs() < 0.016);
        assert!((moment(4) - 3.0).abs() < 0.04);
        let beyond_3 = draws.iter().filter(|z| z.abs() > 3.0).count() as f64;
        assert!((beyond_3 / f64::from(n) - 0.002_699_8).abs() < 0.000_2);
    }

    #[test]
    fn ln_factorial_joins_its_two_halves() {
        let exact: f64 = (1..=1500).map(|k| f64::from(k).ln()).sum();
        assert!((ln_factorial(1500) / exact - 1.0).abs() < 1e-14);
        assert_eq!(ln_factorial(0), 0.0);
        assert_eq!(ln_factorial(1), 0.0);
    }

    #[test]
    fn no_light_no_counts() {
        let mut generator = Pcg64::from_seed(1);
        assert_eq!(poisson(0.0, &mut generator), 0);
        assert_eq!(poisson(-3.0, &mut generator), 0);
        assert_eq!(poisson(f64::NAN.max(0.0), &mut generator), 0);
    }
}
