//! Estimators of the noise of a frame. They disagree where a frame is not just noise on a smooth
//! sky, which is why there are several.
//!
//! The first three are those of cfitsio (`quantize.c`, after Stoehr et al., ASP Conf. Ser. 394,
//! 505, 2008): the median over each row of differences that cancel constant, linear and cubic
//! structure, scaled to the standard deviation of normal noise, and of those the median over rows.

use crate::median::median;
use nf_image::Image16;

/// An estimator by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigmaEstimator {
    /// `1.0483579 median |x_i - x_(i+2)|`.
    SecondOrder,
    /// `0.6052697 median |2 x_i - x_(i-2) - x_(i+2)|`.
    ThirdOrder,
    /// `0.1772048 median |6 x_i - 4 x_(i-2) - 4 x_(i+2) + x_(i-4) + x_(i+4)|`.
    FifthOrder,
    /// Standard deviation about the mean, after cutting values more than three of it away until
    /// nothing changes.
    SigmaClip,
}

impl SigmaEstimator {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SecondOrder, Self::ThirdOrder, Self::FifthOrder, Self::SigmaClip];

    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecondOrder => "2nd-order MAD",
            Self::ThirdOrder => "3rd-order MAD",
            Self::FifthOrder => "5th-order MAD",
            Self::SigmaClip => "3-sigma clip",
        }
    }

    /// Standard deviation of the noise in counts, all planes together; `None` if the image is too
    /// narrow.
    pub fn sigma(self, image: &Image16) -> Option<f64> {
        match self {
            Self::SecondOrder => mad(image, 1.048_357_9, &[(0, 1), (2, -1)]),
            Self::ThirdOrder => mad(image, 0.605_269_7, &[(0, -1), (2, 2), (4, -1)]),
            Self::FifthOrder => mad(image, 0.177_204_8, &[(0, 1), (2, -4), (4, 6), (6, -4), (8, 1)]),
            Self::SigmaClip => sigma_clip(image.samples()),
        }
    }
}

/// Scaled median over rows of the median over a row of the absolute value of a sum with these
/// offsets and weights.
fn mad(image: &Image16, factor: f64, taps: &[(usize, i64)]) -> Option<f64> {
    let width = image.shape().width;
    let reach = taps.last()?.0 + 1;
    if width < reach {
        return None;
    }
    let row_median = |row: &[u16]| {
        let sum = |w: &[u16]| taps.iter().map(|&(at, weight)| weight * i64::from(w[at])).sum::<i64>().abs();
        median(&mut row.windows(reach).map(sum).collect::<Vec<_>>(), i64::cmp)
    };
    let mut rows = image.samples().chunks(width).map(row_median).collect::<Option<Vec<_>>>()?;
    Some(factor * median(&mut rows, i64::cmp)? as f64)
}

fn sigma_clip(samples: &[u16]) -> Option<f64> {
    let mut counts = vec![0u64; 1 << 16];
    samples.iter().for_each(|&sample| counts[usize::from(sample)] += 1);
    let (mut low, mut high) = (0.0, 65_535.0);
    loop {
        let (first, last) = (f64::max(low, 0.0).ceil() as usize, f64::min(high, 65_535.0).floor() as usize);
        let moment = |power: i32| -> f64 {
            (first..=last).map(|code| counts[code] as f64 * (code as f64).powi(power)).sum()
        };
        let n = moment(0);
        if n == 0.0 {
            return None;
        }
        let mean = moment(1) / n;
        let sigma = (moment(2) / n - mean * mean).max(0.0).sqrt();
        let next = (mean - 3.0 * sigma, mean + 3.0 * sigma);
        // Cutting only ever removes values, so it ends when it no longer does.
        if next.0 <= low && next.1 >= high || sigma == 0.0 {
            return Some(sigma);
        }
        (low, high) = (next.0.max(low), next.1.min(high));
    }
}

/// Share of the pixels with a signal-to-noise ratio below 3: their value is less than three sigma
/// above the median of their plane, with sigma by the third-order estimator.
pub fn share_below_snr_3(image: &Image16) -> Option<f64> {
    let sigma = SigmaEstimator::ThirdOrder.sigma(image)?;
    let mut below = 0;
    for plane in 0..image.shape().planes {
        let samples = image.plane(plane);
        let background = f64::from(median(&mut samples.to_vec(), u16::cmp)?);
        below += samples.iter().filter(|&&x| f64::from(x) - background < 3.0 * sigma).count();
    }
    Some(below as f64 / image.samples().len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testdata::noise;

    #[test]
    fn every_estimator_finds_the_noise_of_a_flat_sky() {
        for sigma in [5.0, 40.0] {
            let image = noise(150, 400, sigma, |_, _| 3000.0);
            for estimator in SigmaEstimator::ALL {
                let found = estimator.sigma(&image).unwrap();
                assert!((found / sigma - 1.0).abs() < 0.06, "{estimator:?} of {sigma}: {found}");
            }
        }
        let image = noise(150, 400, 20.0, |_, _| 3000.0);
        assert!((share_below_snr_3(&image).unwrap() - 0.998_65).abs() < 0.001);
    }

    #[test]
    fn differences_cancel_a_slope_and_clipping_does_not() {
        let image = noise(150, 400, 10.0, |_, x| 1000.0 + 4.0 * x as f64);
        let of = |estimator: SigmaEstimator| estimator.sigma(&image).unwrap();
        assert!((of(SigmaEstimator::ThirdOrder) / 10.0 - 1.0).abs() < 0.06);
        assert!((of(SigmaEstimator::FifthOrder) / 10.0 - 1.0).abs() < 0.06);
        assert!(of(SigmaEstimator::SigmaClip) > 300.0);
        let narrow = image.crop(0..1, 0..9, 0..6);
        assert_eq!(SigmaEstimator::FifthOrder.sigma(&narrow), None);
    }

    #[test]
    fn clipping_ignores_stars() {
        let image = noise(150, 400, 10.0, |y, x| if (y + x) % 50 == 0 { 20_000.0 } else { 1000.0 });
        assert!((SigmaEstimator::SigmaClip.sigma(&image).unwrap() / 10.0 - 1.0).abs() < 0.06);
    }
}
