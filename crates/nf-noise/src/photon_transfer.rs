//! Two exposures of the same field: what differs between them is noise.
//!
//! In blocks of a pair `a, b`, half the variance of `a - b` is the noise variance of one exposure,
//! and it grows with the mean as `variance = read_noise^2 + (mean - bias) / gain` in counts
//! (Janesick, Photon Transfer, SPIE 2007). A line through many blocks gives the variance of every
//! pixel from a smoothed mean, without knowing the bias; from it follows the entropy of a pixel
//! whose mean is known.

use crate::entropy::rounded_normal_bits;
use crate::estimate::{Estimate, Estimator};
use crate::median::median;
use nf_image::{Image16, PlaneAxis};

const BLOCK_PX: usize = 16;

/// Blocks of similar means share a median, so that stars and cosmic rays do not bend the line.
const BINS: usize = 24;

/// Variances of bins that are a photon transfer differ from the line by at most this share, but for
/// a few bins where light has an edge, and in the median by at most that.
const MOST_BINS_OFF_LINE: usize = 2;
const MOST_OFF_LINE: f64 = 0.25;
const MEDIAN_OFF_LINE: f64 = 0.05;

/// Blocks of similar mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Mean of the blocks, counts.
    pub mean: f64,
    /// Median noise variance of one exposure, counts squared.
    pub variance: f64,
    /// Number of blocks.
    pub blocks: usize,
}

/// Noise variance as a function of the mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// Blocks pooled by mean, darkest first.
    pub bins: Vec<Bin>,
    /// Variance at mean zero, counts squared; negative where there is a bias level.
    pub intercept: f64,
    /// Variance by mean, counts: the inverse of the gain.
    pub slope: f64,
    /// Mean over the blocks of the entropy of a pixel.
    pub bits_per_pixel: f64,
}

impl Transfer {
    /// From successive planes of a stack that is neither a ramp nor a set of bands; `None` for
    /// others and for too few blocks.
    pub fn of(image: &Image16) -> Option<Self> {
        let shape = image.shape();
        if shape.planes < 2 || !matches!(image.axis(), PlaneAxis::None | PlaneAxis::Time) {
            return None;
        }
        let mut blocks: Vec<(f64, f64)> = vec![];
        for pair in 0..shape.planes / 2 {
            for y in (0..=shape.height.checked_sub(BLOCK_PX)?).step_by(BLOCK_PX) {
                for x in (0..=shape.width.checked_sub(BLOCK_PX)?).step_by(BLOCK_PX) {
                    blocks.push(block(image, 2 * pair, y, x));
                }
            }
        }
        if blocks.len() < 4 * BINS {
            return None;
        }
        blocks.sort_by(|a, b| a.0.total_cmp(&b.0));
        let bins: Vec<Bin> = blocks.chunks(blocks.len().div_ceil(BINS)).map(pooled).collect::<Option<_>>()?;
        let (intercept, slope) = line(&bins);
        let sigma = |mean: f64| (intercept + slope * mean).max(1e-6).sqrt();
        let bits = blocks.iter().map(|b| rounded_normal_bits(sigma(b.0))).sum::<f64>();
        Some(Self { bits_per_pixel: bits / blocks.len() as f64, bins, intercept, slope })
    }

    /// What light adds to the noise variance of the brightest blocks, over the variance of the
    /// darkest; `None` without noise.
    pub fn light_over_dark(&self) -> Option<f64> {
        let (first, last) = (self.bins.first()?, self.bins.last()?);
        (first.variance > 0.0).then(|| self.slope * (last.mean - first.mean) / first.variance)
    }

    /// The gain in electrons per count, where it is measured and not extrapolated: light at least
    /// doubles the noise variance, and the blocks lie on the line, but for a few where light has an
    /// edge. Pairs of a sky whose stars moved do not.
    pub fn gain(&self) -> Option<f64> {
        let off = |bin: &Bin, (intercept, slope): (f64, f64)| {
            (bin.variance / (intercept + slope * bin.mean) - 1.0).abs()
        };
        let near = |bin: &Bin| off(bin, (self.intercept, self.slope)) < MOST_OFF_LINE;
        let bins: Vec<Bin> = self.bins.iter().copied().filter(near).collect();
        if bins.len() + MOST_BINS_OFF_LINE < self.bins.len() {
            return None;
        }
        let line = line(&bins);
        let mut shares: Vec<f64> = bins.iter().map(|bin| off(bin, line)).collect();
        let is_straight = median(&mut shares, f64::total_cmp)? < MEDIAN_OFF_LINE;
        (is_straight && line.1 > 0.0 && self.light_over_dark()? >= 1.0).then(|| 1.0 / line.1)
    }

    /// The entropy of a pixel whose mean is known, with the noise of the darkest blocks and the
    /// gain.
    pub fn estimate(&self) -> Estimate {
        let dark_mean = self.bins.first().map_or(0.0, |bin| bin.mean);
        let dark_sigma = (self.intercept + self.slope * dark_mean).max(0.0).sqrt();
        let meaning = "entropy of normal noise whose variance follows from the smoothed mean by a line \
                       through pairs of exposures; assumes that both show the same field";
        let mut details = vec![format!("noise of the darkest blocks {dark_sigma:.2} counts")];
        let estimate = Estimate::new(Estimator::PhotonTransfer, Some(self.bits_per_pixel), meaning);
        if self.slope <= 0.0 {
            return estimate.with(details, [("dark_sigma_counts", dark_sigma)]);
        }
        let gain = 1.0 / self.slope;
        details.push(format!("gain {gain:.3} electrons per count"));
        let figures = [("dark_sigma_counts", dark_sigma), ("gain_electrons_per_count", gain)];
        estimate.with(details, figures)
    }
}

/// Mean and variance of blocks of similar mean.
fn pooled(blocks: &[(f64, f64)]) -> Option<Bin> {
    // The median of a variance of n - 1 degrees of freedom lies below its mean by a factor of about
    // (1 - 2 / (9 (n - 1)))^3.
    let freedom = (BLOCK_PX * BLOCK_PX - 1) as f64;
    let correction = (1.0 - 2.0 / (9.0 * freedom)).powi(-3);
    let mut variances: Vec<f64> = blocks.iter().map(|b| b.1).collect();
    Some(Bin {
        mean: blocks.iter().map(|b| b.0).sum::<f64>() / blocks.len() as f64,
        variance: correction * median(&mut variances, f64::total_cmp)?,
        blocks: blocks.len(),
    })
}

/// Mean of both planes, and half the variance of their difference, of one block.
fn block(image: &Image16, plane: usize, y: usize, x: usize) -> (f64, f64) {
    let (mut sum, mut difference, mut square) = (0.0, 0.0, 0.0);
    for row in y..y + BLOCK_PX {
        let (a, b) = (&image.row(plane, row)[x..x + BLOCK_PX], &image.row(plane + 1, row)[x..x + BLOCK_PX]);
        for (&a, &b) in a.iter().zip(b) {
            let (a, b) = (f64::from(a), f64::from(b));
            sum += a + b;
            difference += a - b;
            square += (a - b) * (a - b);
        }
    }
    let n = (BLOCK_PX * BLOCK_PX) as f64;
    // Rounding to integers adds a twelfth to the variance of each exposure, which is no noise of
    // the detector.
    let variance = (square - difference * difference / n) / (2.0 * (n - 1.0)) - 1.0 / 12.0;
    (sum / (2.0 * n), variance.max(0.0))
}

/// Intercept and slope, each bin weighted by the inverse of its squared variance, with which its
/// scatter grows.
fn line(bins: &[Bin]) -> (f64, f64) {
    let weight = |bin: &Bin| bin.blocks as f64 / bin.variance.max(0.01).powi(2);
    let total: f64 = bins.iter().map(weight).sum();
    let mean = |of: fn(&Bin) -> f64| bins.iter().map(|bin| weight(bin) * of(bin)).sum::<f64>() / total;
    let (x, y) = (mean(|bin| bin.mean), mean(|bin| bin.variance));
    let (xx, xy) = bins.iter().fold((0.0, 0.0), |(xx, xy), bin| {
        let (dx, dy) = (bin.mean - x, bin.variance - y);
        (xx + weight(bin) * dx.powi(2), xy + weight(bin) * dx * dy)
    });
    // Light does not take noise away; a frame without light has no slope to measure.
    let slope = if xx > 0.0 { (xy / xx).max(0.0) } else { 0.0 };
    (y - slope * x, slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testdata::noise;
    use nf_data::random::Pcg64;
    use nf_data::simulate::draw::Gaussian;
    use nf_image::Shape;

    #[test]
    fn gain_read_noise_and_bits_of_simulated_pairs() {
        let (gain, read, bias) = (2.0, 4.0, 500.0);
        let (mut random, mut gaussian) = (Pcg64::from_seed(5), Gaussian::default());
        let mut bits = 0.0;
        let image = Image16::from_fn(Shape::new(2, 256, 256), |_, y, x| {
            let light = 10.0 + 3.0 * y as f64 + 2.0 * x as f64;
            let sigma = (read * read + light / gain).sqrt();
            bits += rounded_normal_bits(sigma);
            (bias + light + sigma * gaussian.draw(&mut random)).round() as u16
        });
        let found = Transfer::of(&image).unwrap();
        assert!((1.0 / found.slope / gain - 1.0).abs() < 0.05, "{found:?}");
        let dark = found.intercept + found.slope * bias;
        assert!((dark.sqrt() / read - 1.0).abs() < 0.15, "{dark}");
        let truth = bits / image.samples().len() as f64;
        assert!((found.bits_per_pixel - truth).abs() < 0.02, "{} {truth}", found.bits_per_pixel);
        assert!(found.estimate().figures["gain_electrons_per_count"] > 1.9);
        assert!((found.gain().unwrap() / gain - 1.0).abs() < 0.05);
        // A scene that moved is no noise, and without light there is no gain.
        let moved = Image16::from_fn(image.shape(), |plane, y, x| {
            image.row(plane, y)[x] + if x > 128 && (x + plane) % 9 == 0 { 200 } else { 0 }
        });
        assert_eq!(Transfer::of(&moved).unwrap().gain(), None);
        let dark = noise(256, 256, 5.0, |_, _| 500.0);
        let pair = Image16::new(Shape::new(2, 128, 256), dark.samples().to_vec()).unwrap();
        assert_eq!(Transfer::of(&pair).unwrap().gain(), None);
        assert_eq!(Transfer::of(&image.with_axis(PlaneAxis::Group)), None);
    }
}
