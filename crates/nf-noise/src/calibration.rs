//! Whether predictive distributions are those of the pixels.
//!
//! The probability integral transform (PIT, Dawid 1984) of a pixel is the mass that its predictive
//! distribution puts below it, with a random part of the pixel's own mass so that it is continuous.
//! If the distributions are right, PIT values are uniform and independent of each other: the
//! histogram is flat, and their normal quantiles have no correlation at any lag. What the histogram
//! lacks of flatness costs bits, and so does what is correlated.

use crate::estimate::{Estimate, Estimator};

/// Cells of the histogram.
pub const CELLS: usize = 20;

/// Farthest lag of the map of correlations, pixels.
pub const LAG: usize = 6;

/// What calibrated models exceed once in a thousand frames: the quantile 0.999 of chi-square with
/// [`CELLS`] - 1 degrees of freedom.
pub const CHI_SQUARE_BOUND: f64 = 43.82;

/// How pixels lie within their predictive distributions.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Share of the pixels in each cell of PIT values, times the number of cells.
    pub histogram: Vec<f64>,
    /// Pearson's statistic of that histogram about the flat one.
    pub chi_square: f64,
    /// Correlation of the normal quantiles at every lag of 0 to [`LAG`] rows down and up to [`LAG`]
    /// columns to either side, row by row from lag (0, -LAG); lag (0, 0) and those before it, which
    /// repeat others, are zero.
    pub correlations: Vec<f64>,
}

impl Calibration {
    /// Of a frame with rows of `width` pixels. `pit_intervals` holds for each pixel the mass below
    /// its value, and that mass plus its own; `uniform` draws the place within it, in `0.0..1.0`.
    pub fn of(pit_intervals: &[[f32; 2]], width: usize, mut uniform: impl FnMut() -> f64) -> Self {
        let place = |&[below, up_to]: &[f32; 2]| below + uniform() as f32 * (up_to - below);
        let pits: Vec<f32> = pit_intervals.iter().map(place).collect();
        let histogram = histogram(&pits);
        let expected = pits.len() as f64 / CELLS as f64;
        let chi_square = histogram.iter().map(|share| expected * (share - 1.0).powi(2)).sum();
        Self { histogram, chi_square, correlations: correlations(&pits, width) }
    }

    /// Lag (rows down, columns right) and size of the correlation farthest from zero.
    fn strongest(&self) -> (usize, i64, f64) {
        let side = 2 * LAG + 1;
        let map = &self.correlations;
        let at = (0..map.len()).max_by(|&a, &b| map[a].abs().total_cmp(&map[b].abs())).unwrap_or(0);
        (at / side, (at % side) as i64 - LAG as i64, map.get(at).copied().unwrap_or(0.0))
    }

    /// Verdict on the predictive distributions of `codec`.
    pub fn estimate(&self, codec: &str) -> Estimate {
        let (dy, dx, r) = self.strongest();
        let uneven = histogram_bits(&self.histogram);
        let correlated = -0.5 * (1.0 - (r * r).min(0.999)).log2();
        let verdict = if self.chi_square <= CHI_SQUARE_BOUND { "flat" } else { "not flat" };
        let meaning = "whether the codec's predictive distributions are those of the pixels: PIT values \
                       should be uniform and uncorrelated";
        let details = vec![
            format!(
                "PIT histogram of {codec} {verdict}: chi-square {:.1} of {} degrees of freedom, \
                 {uneven:.4} bits/pixel",
                self.chi_square,
                CELLS - 1
            ),
            format!(
                "strongest correlation {r:+.4} at lag ({dy}, {dx}), worth {correlated:.4} bits/pixel alone"
            ),
        ];
        let figures = [
            ("chi_square", self.chi_square),
            ("degrees_of_freedom", (CELLS - 1) as f64),
            ("uneven_bits_per_pixel", uneven),
            ("strongest_correlation", r),
            ("strongest_correlation_rows_down", dy as f64),
            ("strongest_correlation_columns_right", dx as f64),
            ("strongest_correlation_bits_per_pixel", correlated),
        ];
        Estimate::new(Estimator::Calibration, None, meaning).with(details, figures)
    }
}

/// Share of the pixels in each cell, times the number of cells: all 1 if the distributions are
/// right.
fn histogram(pits: &[f32]) -> Vec<f64> {
    let mut counts = [0u64; CELLS];
    for &pit in pits {
        counts[((f64::from(pit) * CELLS as f64) as usize).min(CELLS - 1)] += 1;
    }
    counts.iter().map(|&count| count as f64 * CELLS as f64 / pits.len().max(1) as f64).collect()
}

/// What the departure from flatness costs, bits per pixel: the divergence of the histogram from the
/// uniform distribution.
fn histogram_bits(histogram: &[f64]) -> f64 {
    let cells = histogram.len() as f64;
    histogram.iter().filter(|&&share| share > 0.0).map(|share| share / cells * share.log2()).sum()
}

/// Correlations of the normal quantiles of PIT values, in the order of
/// [`Calibration::correlations`].
fn correlations(pits: &[f32], width: usize) -> Vec<f64> {
    let quantiles: Vec<f64> = pits.iter().map(|&p| normal_quantile(f64::from(p))).collect();
    let n = quantiles.len() as f64;
    let mean = quantiles.iter().sum::<f64>() / n;
    let variance = quantiles.iter().map(|q| (q - mean).powi(2)).sum::<f64>() / n;
    let height = quantiles.len() / width.max(1);
    let side = 2 * LAG + 1;
    let at = |dy: usize, dx: i64| -> f64 {
        let (mut sum, mut count) = (0.0, 0usize);
        for y in 0..height.saturating_sub(dy) {
            let (first, last) = (0.max(-dx) as usize, (width as i64 - dx.max(0)).max(0) as usize);
            for x in first..last {
                let other = (x as i64 + dx) as usize;
                sum += (quantiles[y * width + x] - mean) * (quantiles[(y + dy) * width + other] - mean);
                count += 1;
            }
        }
        if count == 0 || variance <= 0.0 { 0.0 } else { sum / count as f64 / variance }
    };
    (0..side * (LAG + 1))
        .map(|i| {
            let (dy, dx) = (i / side, (i % side) as i64 - LAG as i64);
            if dy == 0 && dx <= 0 { 0.0 } else { at(dy, dx) }
        })
        .collect()
}

/// Quantile of the normal distribution to about 0.03, which hardly changes a correlation: Shore,
/// Applied Statistics 31, 108 (1982).
fn normal_quantile(p: f64) -> f64 {
    let p = p.clamp(1e-6, 1.0 - 1e-6);
    if p >= 0.5 {
        5.5556 * (1.0 - ((1.0 - p) / p).powf(0.1186))
    } else {
        -5.5556 * (1.0 - (p / (1.0 - p)).powf(0.1186))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::normal_cdf;
    use crate::testdata::noise;
    use nf_data::random::Pcg64;

    #[test]
    fn uniform_pit_values_are_flat_and_uncorrelated() {
        let mut random = Pcg64::from_seed(1);
        let flat: Vec<f32> = (0..90_000).map(|_| random.uniform() as f32).collect();
        assert!(histogram(&flat).iter().all(|share| (share - 1.0).abs() < 0.07));
        assert!(histogram_bits(&histogram(&flat)) < 0.001);
        let map = correlations(&flat, 300);
        assert!(map.iter().all(|r| r.abs() < 0.02), "{map:?}");

        // Distributions twice too wide: PIT values crowd in the middle.
        let narrow: Vec<f32> = flat.iter().map(|p| 0.25 + 0.5 * p).collect();
        assert!((histogram_bits(&histogram(&narrow)) - 1.0).abs() < 0.01);
        // The same value twice in a row, in steps of two columns.
        let twice: Vec<f32> = (0..90_000).map(|i| flat[i / 2 * 2]).collect();
        let map = correlations(&twice, 300);
        let right = map[LAG + 1];
        assert!((right - 0.5).abs() < 0.02, "{right}");
        assert!(map[LAG + 2].abs() < 0.02);
    }

    /// PIT intervals of normal noise about a known mean, under normal distributions whose sigma is
    /// `scale` times the true one.
    fn pit_intervals_of_noise(scale: f64) -> Vec<[f32; 2]> {
        let sigma = 3.0;
        let image = noise(200, 200, sigma, |_, _| 700.25);
        let below = |edge: f64| normal_cdf((edge - 700.25) / (scale * sigma)) as f32;
        let interval = |&x: &u16| [below(f64::from(x) - 0.5), below(f64::from(x) + 0.5)];
        image.samples().iter().map(interval).collect()
    }

    #[test]
    fn pit_histogram_tells_the_right_scale_from_a_wrong_one() {
        let mut random = Pcg64::from_seed(5);
        let mut of = |scale| Calibration::of(&pit_intervals_of_noise(scale), 200, || random.uniform());
        let right = of(1.0);
        assert!(right.chi_square < CHI_SQUARE_BOUND, "{}", right.chi_square);
        assert!(right.estimate("x").details[0].contains("histogram of x flat"));
        for scale in [0.9, 1.1] {
            let wrong = of(scale);
            assert!(wrong.chi_square > 5.0 * CHI_SQUARE_BOUND, "{scale}: {}", wrong.chi_square);
            assert!(wrong.estimate("x").details[0].contains("not flat"));
            // A scale that is wrong by e costs 1.44 e^2 bits.
            assert!((histogram_bits(&wrong.histogram) - 0.0144).abs() < 0.006);
        }
    }

    #[test]
    fn quantiles() {
        for (p, q) in [(0.5, 0.0), (0.841_345, 1.0), (0.022_75, -2.0), (0.998_65, 3.0)] {
            assert!((normal_quantile(p) - q).abs() < 0.05, "{p}: {}", normal_quantile(p));
        }
    }
}
