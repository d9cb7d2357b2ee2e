//! A ramp of groups: the residuals of a straight line through each pixel are read noise, and photon
//! noise of its slope.
//!
//! For white read noise the residuals of a line through `T` groups have `T - 2` degrees of freedom.
//! The median over pixels of the residual variance, scaled from the median to the mean of its
//! distribution, ignores pixels hit by cosmic rays; its normal entropy is what a group costs if
//! each pixel's offset and slope are known. It holds for uncorrelated noise: noise common to a row
//! can be predicted, and a codec may go below.

use crate::entropy::rounded_normal_bits;
use crate::estimate::{Estimate, Estimator};
use crate::median::median;
use nf_image::{Image16, PlaneAxis};

/// Standard deviation of the residuals of a sample, counts; `None` for fewer than four groups.
pub fn residual_sigma(image: &Image16) -> Option<f64> {
    let shape = image.shape();
    let groups = shape.planes;
    if groups < 4 || image.axis() != PlaneAxis::Group {
        return None;
    }
    let time = |t: usize| t as f64 - (groups - 1) as f64 / 2.0;
    let tt: f64 = (0..groups).map(|t| time(t).powi(2)).sum();
    let freedom = (groups - 2) as f64;
    let mut variances: Vec<f64> = (0..shape.plane_pixels())
        .map(|pixel| {
            let at = |t: usize| f64::from(image.plane(t)[pixel]);
            let mean = (0..groups).map(at).sum::<f64>() / groups as f64;
            let slope = (0..groups).map(|t| time(t) * at(t)).sum::<f64>() / tt;
            (0..groups).map(|t| (at(t) - mean - slope * time(t)).powi(2)).sum::<f64>() / freedom
        })
        .collect();
    // Median of chi squared by its mean (Wilson and Hilferty 1931); rounding adds a twelfth.
    let median_by_mean = (1.0 - 2.0 / (9.0 * freedom)).powi(3);
    let variance = median(&mut variances, f64::total_cmp)? / median_by_mean - 1.0 / 12.0;
    (variance > 0.0).then(|| variance.sqrt())
}

/// The entropy of a group given each pixel's line.
pub fn estimate(image: &Image16) -> Option<Estimate> {
    let sigma = residual_sigma(image)?;
    let meaning = "normal entropy of the residuals of a line through the groups of each pixel: a group \
                   whose offset and slope are known";
    let details = vec![format!("residual {sigma:.2} counts over {} groups", image.shape().planes)];
    let estimate = Estimate::new(Estimator::RampFit, Some(rounded_normal_bits(sigma)), meaning);
    Some(estimate.with(details, [("sigma_counts", sigma)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_data::random::Pcg64;
    use nf_data::simulate::draw::Gaussian;
    use nf_image::Shape;

    #[test]
    fn noise_of_ramps_with_cosmic_rays() {
        for (groups, sigma) in [(5, 7.0), (10, 12.0)] {
            let (mut random, mut gaussian) = (Pcg64::from_seed(8), Gaussian::default());
            let image = Image16::from_fn(Shape::new(groups, 80, 80), |t, y, x| {
                let jump = if (7 * y + x) % 40 == 0 && t > 1 { 900.0 } else { 0.0 };
                let line = 3000.0 + 40.0 * y as f64 + (10.0 + x as f64) * t as f64;
                (line + jump + sigma * gaussian.draw(&mut random)).round() as u16
            });
            assert!(residual_sigma(&image).is_none(), "planes that are no groups");
            let found = residual_sigma(&image.with_axis(PlaneAxis::Group)).unwrap();
            assert!((found / sigma - 1.0).abs() < 0.05, "{groups}: {found}");
        }
    }
}
