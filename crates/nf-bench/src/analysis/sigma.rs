//! Estimators of the noise of a frame. They disagree where a frame is not just noise on a smooth sky, which is why there are several.
//!
//! The first three are those of cfitsio (`quantize.c`, after Stoehr et al., ASP Conf. Ser. 394, 505, 2008): the median over each row of
//! differences that cancel constant, linear and cubic structure, scaled to the standard deviation of normal noise, and
//! of those the median over rows.

use nf_image::Image16;

/// An estimator by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// `1.0483579 median |x_i - x_(i+2)|`.
    SecondOrder,
    /// `0.6052697 median |2 x_i - x_(i-2) - x_(i+2)|`.
    ThirdOrder,
    /// `0.1772048 median |6 x_i - 4 x_(i-2) - 4 x_(i+2) + x_(i-4) + x_(i+4)|`.
    FifthOrder,
    /// Standard deviation about the mean after cutting, until nothing changes, what is more than three of it away.
    SigmaClip,
}

impl Estimator {
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

    /// Standard deviation of the noise in counts, all planes together; `None` if the image is too narrow.
    pub fn sigma(self, image: &Image16) -> Option<f64> {
        match self {
            Self::SecondOrder => mad(image, 1.048_357_9, &[(0, 1), (2, -1)]),
            Self::ThirdOrder => mad(image, 0.605_269_7, &[(0, -1), (2, 2), (4, -1)]),
            Self::FifthOrder => mad(image, 0.177_204_8, &[(0, 1), (2, -4), (4, 6), (6, -4), (8, 1)]),
            Self::SigmaClip => sigma_clip(image.samples()),
        }
    }
}

/// Scaled median over rows of the median over a row of the absolute value of a sum with these offsets and weights.
fn mad(image: &Image16, factor: f64, taps: &[(usize, i64)]) -> Option<f64> {
    let width = image.shape().width;
    let reach = taps.last()?.0 + 1;
    if width < reach || image.samples().is_empty() {
        return None;
    }
    let mut rows: Vec<i64> = image
        .samples()
        .chunks(width)
        .map(|row| {
            let sum =
                |w: &[u16]| taps.iter().map(|&(at, weight)| weight * i64::from(w[at])).sum::<i64>().abs();
            median(&mut row.windows(reach).map(sum).collect::<Vec<_>>())
        })
        .collect();
    Some(factor * median(&mut rows) as f64)
}

fn median(values: &mut [i64]) -> i64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
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
        // Cutting only ever removes; when it no longer does, it is through.
        if next.0 <= low && next.1 >= high || sigma == 0.0 {
            return Some(sigma);
        }
        (low, high) = (next.0.max(low), next.1.min(high));
    }
}

/// Share of the pixels whose value is less than three sigma above the background: below SNR 3, with the median of each plane as
/// background and the third-order estimate as sigma.
pub fn share_below_snr_3(image: &Image16) -> Option<f64> {
    let sigma = Estimator::ThirdOrder.sigma(image)?;
    let below: usize = (0..image.shape().planes)
        .map(|plane| {
            let samples = image.plane(plane);
            let background = median(&mut samples.iter().map(|&x| i64::from(x)).collect::<Vec<_>>()) as f64;
            samples.iter().filter(|&&x| f64::from(x) - background < 3.0 * sigma).count()
        })
        .sum();
    Some(below as f64 / image.samples().len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_data::random::Pcg64;
    use nf_data::simulate::draw::Gaussian;
    use nf_image::Shape;

    fn noise(sigma: f64, sky: impl Fn(usize, usize) -> f64) -> Image16 {
        let (mut random, mut gaussian) = (Pcg64::from_seed(11), Gaussian::default());
        Image16::from_fn(Shape::frame(150, 400), |_, y, x| {
            (sky(y, x) + sigma * gaussian.draw(&mut random)).round().clamp(0.0, 65_535.0) as u16
        })
    }

    #[test]
    fn all_find_the_noise_of_a_flat_sky() {
        for sigma in [5.0, 40.0] {
            let image = noise(sigma, |_, _| 3000.0);
            for estimator in Estimator::ALL {
                let found = estimator.sigma(&image).unwrap();
                assert!((found / sigma - 1.0).abs() < 0.06, "{estimator:?} of {sigma}: {found}");
            }
        }
        let image = noise(20.0, |_, _| 3000.0);
        assert!((share_below_snr_3(&image).unwrap() - 0.998_65).abs() < 0.001);
    }

    #[test]
    fn differences_do_not_see_a_slope_and_clipping_does() {
        let image = noise(10.0, |_, x| 1000.0 + 4.0 * x as f64);
        let of = |estimator: Estimator| estimator.sigma(&image).unwrap();
        assert!((of(Estimator::ThirdOrder) / 10.0 - 1.0).abs() < 0.06);
        assert!((of(Estimator::FifthOrder) / 10.0 - 1.0).abs() < 0.06);
        assert!(of(Estimator::SigmaClip) > 300.0);
        let narrow = image.crop(0..1, 0..9, 0..6);
        assert_eq!(Estimator::FifthOrder.sigma(&narrow), None);
    }

    #[test]
    fn clipping_forgets_stars() {
        let image = noise(10.0, |y, x| if (y + x) % 50 == 0 { 20_000.0 } else { 1000.0 });
        assert!((Estimator::SigmaClip.sigma(&image).unwrap() / 10.0 - 1.0).abs() < 0.06);
    }
}
