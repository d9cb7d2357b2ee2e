//! Whether a codec's laws are those of the pixels.
//!
//! The probability integral transform (Dawid 1984) of a pixel is the mass that its law puts below it, with a random part of the pixel's own
//! mass so that it is continuous. If the laws are right these are uniform, and independent of each other: the histogram is flat, and
//! their normal quantiles have no correlation at any lag. What the histogram lacks of flatness costs bits, and so does what is
//! correlated.

use super::Finding;
use nf_codec::Laws;

/// Cells of the histogram.
pub(super) const CELLS: usize = 20;

/// Farthest lag of the map, pixels.
pub(super) const LAG: usize = 6;

/// What right laws exceed once in a thousand frames: the quantile 0.999 of chi-square with [`CELLS`] - 1 degrees of freedom.
pub(super) const CHI_SQUARE_BOUND: f64 = 43.82;

/// How pixels lie within their laws.
#[derive(Clone, Debug)]
pub(super) struct Calibration {
    /// Share of the pixels in each cell of positions, times the number of cells.
    pub(super) histogram: Vec<f64>,
    /// Pearson's statistic of that histogram about the flat one.
    pub(super) chi_square: f64,
    /// Correlations, as [`correlations`] orders them.
    pub(super) correlations: Vec<f64>,
}

impl Calibration {
    /// Of a frame with rows of `width`; a pixel's position within its own mass is drawn from `uniform`.
    pub(super) fn of(laws: &Laws, width: usize, mut uniform: impl FnMut() -> f64) -> Self {
        let position = |&[below, up_to]: &[f32; 2]| below + uniform() as f32 * (up_to - below);
        let positions: Vec<f32> = laws.intervals.iter().map(position).collect();
        let histogram = histogram(&positions);
        let expected = positions.len() as f64 / CELLS as f64;
        let chi_square = histogram.iter().map(|share| expected * (share - 1.0).powi(2)).sum();
        Self { histogram, chi_square, correlations: correlations(&positions, width) }
    }

    /// Lag (rows down, columns right) and size of the correlation farthest from zero.
    fn strongest(&self) -> (usize, i64, f64) {
        let side = 2 * LAG + 1;
        let map = &self.correlations;
        let at = (0..map.len()).max_by(|&a, &b| map[a].abs().total_cmp(&map[b].abs())).unwrap_or(0);
        (at / side, (at % side) as i64 - LAG as i64, map.get(at).copied().unwrap_or(0.0))
    }

    pub(super) fn finding(&self, codec: &str) -> Finding {
        let (dy, dx, r) = self.strongest();
        let uneven = histogram_bits(&self.histogram);
        let correlated = -0.5 * (1.0 - (r * r).min(0.999)).log2();
        let figures = [
            ("chi_square", self.chi_square),
            ("degrees_of_freedom", (CELLS - 1) as f64),
            ("uneven_bits_per_pixel", uneven),
            ("strongest_correlation", r),
            ("strongest_correlation_rows_down", dy as f64),
            ("strongest_correlation_columns_right", dx as f64),
            ("strongest_correlation_bits_per_pixel", correlated),
        ];
        let verdict = if self.chi_square <= CHI_SQUARE_BOUND { "flat" } else { "not flat" };
        Finding {
            estimator: "calibration".into(),
            bits_per_pixel: None,
            meaning: "whether the codec's laws are those of the pixels: positions within them should be uniform and uncorrelated".into(),
            details: vec![
                format!(
                    "positions in the laws of {codec} {verdict}: chi-square {:.1} of {} degrees of freedom, {uneven:.4} bits/pixel",
                    self.chi_square,
                    CELLS - 1
                ),
                format!("strongest correlation {r:+.4} at lag ({dy}, {dx}), worth {correlated:.4} bits/pixel alone"),
            ],
            figures: figures.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }
}

/// Share of the pixels in each cell, times the number of cells: all 1 if laws are right.
fn histogram(positions: &[f32]) -> Vec<f64> {
    let mut counts = [0u64; CELLS];
    for &position in positions {
        counts[((f64::from(position) * CELLS as f64) as usize).min(CELLS - 1)] += 1;
    }
    counts.iter().map(|&count| count as f64 * CELLS as f64 / positions.len().max(1) as f64).collect()
}

/// What the departure from flatness costs, bits per pixel: the divergence of the histogram from the uniform law.
fn histogram_bits(histogram: &[f64]) -> f64 {
    let cells = histogram.len() as f64;
    histogram.iter().filter(|&&share| share > 0.0).map(|share| share / cells * share.log2()).sum()
}

/// Correlation of the normal quantiles of positions at every lag up to [`LAG`] rows down and columns to either side, row by row
/// from lag (0, -LAG); the lag (0, 0) and those before it, which repeat others, are zero.
fn correlations(positions: &[f32], width: usize) -> Vec<f64> {
    let quantiles: Vec<f64> = positions.iter().map(|&p| normal_quantile(f64::from(p))).collect();
    let n = quantiles.len() as f64;
    let mean = quantiles.iter().sum::<f64>() / n;
    let variance = quantiles.iter().map(|q| (q - mean).powi(2)).sum::<f64>() / n;
    let height = quantiles.len() / width;
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

/// Quantile of the normal law to about 0.03, which a correlation does not feel: Shore, Applied Statistics 31, 108 (1982).
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
    use nf_data::random::Pcg64;

    #[test]
    fn right_laws_are_flat_and_uncorrelated_and_wrong_ones_are_found() {
        let mut random = Pcg64::from_seed(1);
        let flat: Vec<f32> = (0..90_000).map(|_| random.uniform() as f32).collect();
        assert!(histogram(&flat).iter().all(|share| (share - 1.0).abs() < 0.07));
        assert!(histogram_bits(&histogram(&flat)) < 0.001);
        let map = correlations(&flat, 300);
        assert!(map.iter().all(|r| r.abs() < 0.02), "{map:?}");

        // Laws twice too wide: positions crowd in the middle.
        let narrow: Vec<f32> = flat.iter().map(|p| 0.25 + 0.5 * p).collect();
        assert!((histogram_bits(&histogram(&narrow)) - 1.0).abs() < 0.01);
        // The same value twice in a row, in steps of two columns.
        let twice: Vec<f32> = (0..90_000).map(|i| flat[i / 2 * 2]).collect();
        let map = correlations(&twice, 300);
        let right = map[LAG + 1];
        assert!((right - 0.5).abs() < 0.02, "{right}");
        assert!(map[LAG + 2].abs() < 0.02);
    }

    /// Mass of the standard normal law below `z`, by steps of the density.
    fn normal_mass(z: f64) -> f64 {
        const STEPS: usize = 400;
        let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let (low, step) = (-9.0, (z.max(-9.0) + 9.0) / STEPS as f64);
        (0..STEPS).map(|i| step * density(low + (i as f64 + 0.5) * step)).sum::<f64>().min(1.0)
    }

    /// The laws of normal noise about a known mean, with a sigma that is `scale` times the true one.
    fn laws_of_noise(scale: f64) -> Laws {
        let sigma = 3.0;
        let image = crate::limit::tests::noise(200, 200, sigma, |_, _| 700.25);
        let mass: Vec<f32> = (600..800)
            .map(|code| normal_mass((f64::from(code) + 0.5 - 700.25) / (scale * sigma)) as f32)
            .collect();
        let interval = |&x: &u16| [mass[usize::from(x) - 601], mass[usize::from(x) - 600]];
        Laws { intervals: image.samples().iter().map(interval).collect(), ..Laws::default() }
    }

    #[test]
    fn noise_is_flat_in_its_own_law_and_not_in_one_of_another_scale() {
        let mut random = Pcg64::from_seed(5);
        let mut of = |scale| Calibration::of(&laws_of_noise(scale), 200, || random.uniform());
        let right = of(1.0);
        assert!(right.chi_square < CHI_SQUARE_BOUND, "{}", right.chi_square);
        assert!(right.finding("x").details[0].contains("laws of x flat"));
        for scale in [0.9, 1.1] {
            let wrong = of(scale);
            assert!(wrong.chi_square > 5.0 * CHI_SQUARE_BOUND, "{scale}: {}", wrong.chi_square);
            assert!(wrong.finding("x").details[0].contains("not flat"));
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
