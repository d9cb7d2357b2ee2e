//! Whether a codec's laws are those of the pixels.
//!
//! The probability integral transform (Dawid 1984) of a pixel is the mass that its law puts below it, with a random part of the pixel's own
//! mass so that it is continuous. If the laws are right these are uniform, and independent of each other: the histogram is flat, and
//! their normal quantiles have no correlation at any lag. What the histogram lacks of flatness costs bits, and so does what is
//! correlated.

/// Cells of the histogram.
pub(super) const CELLS: usize = 20;

/// Farthest lag of the map, pixels.
pub(super) const LAG: usize = 6;

/// Share of the pixels in each cell, times the number of cells: all 1 if laws are right.
pub(super) fn histogram(positions: &[f32]) -> Vec<f64> {
    let mut counts = [0u64; CELLS];
    for &position in positions {
        counts[((f64::from(position) * CELLS as f64) as usize).min(CELLS - 1)] += 1;
    }
    counts.iter().map(|&count| count as f64 * CELLS as f64 / positions.len().max(1) as f64).collect()
}

/// What the departure from flatness costs, bits per pixel: the divergence of the histogram from the uniform law.
pub(super) fn histogram_bits(histogram: &[f64]) -> f64 {
    let cells = histogram.len() as f64;
    histogram.iter().filter(|&&share| share > 0.0).map(|share| share / cells * share.log2()).sum()
}

/// Correlation of the normal quantiles of positions at every lag up to [`LAG`] rows down and columns to either side, row by row
/// from lag (0, -LAG); the lag (0, 0) and those before it, which repeat others, are zero.
pub(super) fn correlations(positions: &[f32], width: usize) -> Vec<f64> {
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

    #[test]
    fn quantiles() {
        for (p, q) in [(0.5, 0.0), (0.841_345, 1.0), (0.022_75, -2.0), (0.998_65, 3.0)] {
            assert!((normal_quantile(p) - q).abs() < 0.05, "{p}: {}", normal_quantile(p));
        }
    }
}
