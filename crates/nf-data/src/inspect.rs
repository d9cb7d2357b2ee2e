//! What an image is like, in a few numbers.

use nf_image::{Image16, Region, RegionKind};

/// Statistics of an image; all planes together.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Smallest sample.
    pub min: u16,
    /// Median sample.
    pub median: u16,
    /// Largest sample.
    pub max: u16,
    /// Number of different codes.
    pub distinct_codes: usize,
    /// Codes between the 1st and 99th percentile that never occur.
    pub missing_codes: usize,
    /// Codes between the 1st and 99th percentile.
    pub span_codes: usize,
    /// Share of odd samples.
    pub odd_share: f64,
    /// Share of samples equal to their left neighbour.
    pub equal_share: f64,
    /// Standard deviation of the noise, by the robust third-order estimator of `fpack`.
    pub noise_sigma: f64,
    /// Blind regions, with the entropy of their samples after the median of each row is taken off.
    pub blind: Vec<BlindRegion>,
}

/// A region that sees no light.
#[derive(Clone, Debug, PartialEq)]
pub struct BlindRegion {
    /// What it is.
    pub kind: RegionKind,
    /// The amplifier that read it.
    pub amplifier: usize,
    /// Its samples in the first plane.
    pub pixels: usize,
    /// Entropy of the histogram of samples minus their row's median, bits per sample: read noise
    /// and converter alone.
    pub entropy_bits: f64,
}

impl Statistics {
    /// Measures an image; `None` if it has no pixels.
    pub fn of(image: &Image16) -> Option<Self> {
        let samples = image.samples();
        if samples.is_empty() {
            return None;
        }
        let mut counts = vec![0u64; 1 << 16];
        samples.iter().for_each(|&x| counts[usize::from(x)] += 1);
        let n = samples.len() as u64;
        let quantile = |rank: u64| {
            let mut seen = 0;
            counts.iter().position(|&count| {
                seen += count;
                seen > rank
            })
        };
        let at = |rank: u64| quantile(rank.min(n - 1)).unwrap_or(0);
        let span = at(n / 100)..=at(n - 1 - n / 100);
        let width = image.shape().width;
        let pairs = samples.chunks(width).flat_map(|row| row.windows(2));
        let equal = pairs.filter(|pair| pair[0] == pair[1]).count();
        let compared = (width - 1) * (samples.len() / width);
        Some(Self {
            min: at(0) as u16,
            median: at(n / 2) as u16,
            max: at(n - 1) as u16,
            distinct_codes: counts.iter().filter(|&&count| count > 0).count(),
            missing_codes: counts[span.clone()].iter().filter(|&&count| count == 0).count(),
            span_codes: span.count(),
            odd_share: counts.iter().skip(1).step_by(2).sum::<u64>() as f64 / n as f64,
            equal_share: if compared == 0 { 0.0 } else { equal as f64 / compared as f64 },
            noise_sigma: noise_sigma(image),
            blind: blind_regions(image),
        })
    }
}

/// `0.6052697 median |2 x_i - x_(i-2) - x_(i+2)|` of every row, and of those the median over rows
/// (cfitsio's third-order noise estimate; Stoehr et al. 2008). Zero for images narrower than five
/// pixels.
pub fn noise_sigma(image: &Image16) -> f64 {
    let width = image.shape().width;
    if width < 5 {
        return 0.0;
    }
    let mut rows: Vec<i64> = image
        .samples()
        .chunks(width)
        .map(|row| {
            let mut differences: Vec<i64> = row
                .windows(5)
                .map(|w| (2 * i64::from(w[2]) - i64::from(w[0]) - i64::from(w[4])).abs())
                .collect();
            median(&mut differences)
        })
        .collect();
    0.605_269_7 * median(&mut rows) as f64
}

fn median(values: &mut [i64]) -> i64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}

fn blind_regions(image: &Image16) -> Vec<BlindRegion> {
    let shape = image.shape();
    let inside = |region: &&Region| {
        region.kind != RegionKind::Active
            && region.rows.end <= shape.height
            && region.columns.end <= shape.width
            && !region.rows.is_empty()
            && !region.columns.is_empty()
    };
    let regions = image.detector().map_or(&[][..], |detector| &detector.regions);
    regions
        .iter()
        .filter(inside)
        .map(|region| {
            let mut counts = std::collections::HashMap::<i64, u64>::new();
            for row in region.rows.clone() {
                let line = image.row(0, row)[region.columns.clone()].iter();
                let mut values: Vec<i64> = line.map(|&x| i64::from(x)).collect();
                let level = median(&mut values);
                values.iter().for_each(|value| *counts.entry(value - level).or_default() += 1);
            }
            let pixels = region.rows.len() * region.columns.len();
            // Summed in a fixed order, so that the last digit is always the same.
            let mut counts: Vec<u64> = counts.into_values().collect();
            counts.sort_unstable();
            let share = |count: &u64| *count as f64 / pixels as f64;
            let entropy_bits = counts.iter().map(share).map(|p| -p * p.log2()).sum();
            BlindRegion { kind: region.kind, amplifier: region.amplifier, pixels, entropy_bits }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Pcg64;
    use crate::simulate::draw::Gaussian;
    use nf_image::{Detector, Shape};

    fn noise(sigma: f64) -> Image16 {
        let (mut generator, mut gaussian) = (Pcg64::from_seed(4), Gaussian::default());
        Image16::from_fn(Shape::frame(200, 300), |_, row, column| {
            let level = 1000.0 + 3.0 * row as f64 + 0.5 * column as f64;
            (level + sigma * gaussian.draw(&mut generator)).round() as u16
        })
    }

    #[test]
    fn noise_is_found_under_a_gradient() {
        for sigma in [2.0, 9.0, 40.0] {
            let found = noise_sigma(&noise(sigma));
            // Medians of integers come in steps, here of 0.6.
            assert!((found - sigma).abs() < 0.3 + 0.05 * sigma, "{sigma}: {found}");
        }
    }

    #[test]
    fn plain_numbers_are_right() {
        let image = Image16::new(Shape::frame(2, 4), vec![2, 2, 4, 9, 2, 2, 2, 9]).unwrap();
        let found = Statistics::of(&image).unwrap();
        assert_eq!((found.min, found.median, found.max, found.distinct_codes), (2, 2, 9, 3));
        assert_eq!((found.span_codes, found.missing_codes), (8, 5));
        assert_eq!((found.odd_share, found.equal_share), (0.25, 0.5));
        assert_eq!(Statistics::of(&Image16::zeros(Shape::frame(0, 4))), None);
        assert_eq!(Statistics::of(&Image16::zeros(Shape::frame(3, 1))).unwrap().equal_share, 0.0);
    }

    #[test]
    fn blind_regions_show_their_noise() {
        let image = noise(4.0);
        let region = |columns, kind| Region {
            kind,
            amplifier: 1,
            rows: 0..200,
            columns,
            reversed_columns: false,
            reversed_rows: false,
        };
        let regions = vec![region(0..40, RegionKind::Overscan), region(40..300, RegionKind::Active)];
        let image = image.with_detector(Detector { instrument: "x".into(), regions });
        let blind = Statistics::of(&image).unwrap().blind;
        assert_eq!((blind.len(), blind[0].pixels), (1, 8000));
        // log2(4 sqrt(2 pi e)) = 4.05, and a gradient of 20 within the row.
        assert!((4.3..5.4).contains(&blind[0].entropy_bits), "{}", blind[0].entropy_bits);
    }
}
