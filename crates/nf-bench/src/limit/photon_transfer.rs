//! Two exposures of the same field: what differs between them is noise.
//!
//! In blocks of a pair `a, b`, half the variance of `a - b` is the noise variance of one exposure, and it grows with the mean as
//! `variance = read_noise^2 + (mean - bias) / gain` in counts (Janesick, Photon Transfer, SPIE 2007). A line through many blocks gives the variance
//! of every pixel from a smoothed mean, without knowing the bias; from it follows the entropy of a pixel whose mean is known.

use super::Finding;
use super::entropy::{median, rounded_normal_bits};
use nf_image::{Image16, PlaneAxis};
use std::collections::BTreeMap;

const BLOCK_PX: usize = 16;

/// Blocks whose means are neighbours share a median, so that stars and cosmic rays do not bend the line.
const BINS: usize = 24;

/// Mean and noise variance of blocks, pooled by mean.
pub(super) struct Transfer {
    /// (mean, variance, blocks), dark first.
    pub(super) bins: Vec<(f64, f64, usize)>,
    /// Variance at mean zero, and by count.
    pub(super) line: (f64, f64),
    /// Mean over blocks of the entropy of a pixel.
    pub(super) bits_per_pixel: f64,
}

/// From successive planes of a stack that is no ramp and no set of bands.
pub(super) fn transfer(image: &Image16) -> Option<Transfer> {
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
    // The median of a variance of n - 1 degrees of freedom lies below its mean by a factor of about 1 - 2 / (9 (n - 1)), cubed.
    let freedom = (BLOCK_PX * BLOCK_PX - 1) as f64;
    let correction = (1.0 - 2.0 / (9.0 * freedom)).powi(-3);
    let bins: Vec<(f64, f64, usize)> = blocks
        .chunks(blocks.len().div_ceil(BINS))
        .map(|bin| {
            let mean = bin.iter().map(|b| b.0).sum::<f64>() / bin.len() as f64;
            (mean, correction * median(&mut bin.iter().map(|b| b.1).collect::<Vec<_>>()), bin.len())
        })
        .collect();
    let line = line(&bins);
    let sigma = |mean: f64| (line.0 + line.1 * mean).max(1e-6).sqrt();
    let bits = blocks.iter().map(|b| rounded_normal_bits(sigma(b.0))).sum::<f64>() / blocks.len() as f64;
    Some(Transfer { bins, line, bits_per_pixel: bits })
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
    // Rounding to integers adds a twelfth to the variance of each exposure, which is no noise of the detector.
    let variance = (square - difference * difference / n) / (2.0 * (n - 1.0)) - 1.0 / 12.0;
    (sum / (2.0 * n), variance.max(0.0))
}

/// Intercept and slope, each bin weighed by the inverse of its squared variance, which is what its scatter grows with.
fn line(bins: &[(f64, f64, usize)]) -> (f64, f64) {
    let weight = |b: &(f64, f64, usize)| b.2 as f64 / b.1.max(0.01).powi(2);
    let total: f64 = bins.iter().map(weight).sum();
    let mean =
        |of: fn(&(f64, f64, usize)) -> f64| bins.iter().map(|b| weight(b) * of(b)).sum::<f64>() / total;
    let (x, y) = (mean(|b| b.0), mean(|b| b.1));
    let (xx, xy) = bins.iter().fold((0.0, 0.0), |(xx, xy), b| {
        (xx + weight(b) * (b.0 - x).powi(2), xy + weight(b) * (b.0 - x) * (b.1 - y))
    });
    // Light does not take noise away; a frame without light has no slope to measure.
    let slope = if xx > 0.0 { (xy / xx).max(0.0) } else { 0.0 };
    (y - slope * x, slope)
}

pub(super) fn finding(image: &Image16) -> Option<(Finding, Transfer)> {
    let transfer = transfer(image)?;
    let (at_zero, slope) = transfer.line;
    let dark = transfer.bins.first().map_or(0.0, |bin| bin.0);
    let mut details =
        vec![format!("noise of the darkest blocks {:.2} counts", (at_zero + slope * dark).max(0.0).sqrt())];
    let mut figures: BTreeMap<String, f64> =
        [("dark_sigma_counts".to_owned(), (at_zero + slope * dark).max(0.0).sqrt())].into();
    if slope > 0.0 {
        figures.insert("gain_electrons_per_count".to_owned(), 1.0 / slope);
        details.push(format!("gain {:.3} electrons per count", 1.0 / slope));
    }
    let finding = Finding {
        estimator: "photon transfer".into(),
        bits_per_pixel: Some(transfer.bits_per_pixel),
        meaning: "entropy of normal noise whose variance follows from the smoothed mean by a line through pairs of exposures; assumes that \
                  both show the same field"
            .into(),
        details,
        figures,
    };
    Some((finding, transfer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_data::random::Pcg64;
    use nf_data::simulate::draw::Gaussian;
    use nf_image::Shape;

    #[test]
    fn gain_read_noise_and_bits_of_simulated_pairs_are_found() {
        let (gain, read, bias) = (2.0, 4.0, 500.0);
        let (mut random, mut gaussian) = (Pcg64::from_seed(5), Gaussian::default());
        let mut bits = 0.0;
        let image = Image16::from_fn(Shape::new(2, 256, 256), |_, y, x| {
            let light = 10.0 + 3.0 * y as f64 + 2.0 * x as f64;
            let sigma = (read * read + light / gain).sqrt();
            bits += rounded_normal_bits(sigma);
            (bias + light + sigma * gaussian.draw(&mut random)).round() as u16
        });
        let found = transfer(&image).unwrap();
        assert!((1.0 / found.line.1 / gain - 1.0).abs() < 0.05, "{:?}", found.line);
        let dark = found.line.0 + found.line.1 * bias;
        assert!((dark.sqrt() / read - 1.0).abs() < 0.15, "{dark}");
        let truth = bits / image.samples().len() as f64;
        assert!((found.bits_per_pixel - truth).abs() < 0.02, "{} {truth}", found.bits_per_pixel);
        assert!(transfer(&image.clone().with_axis(PlaneAxis::Group)).is_none());
    }
}
