//! The noise of an array, from its own samples.
//!
//! Where a stack has pairs of planes that show the same field, their differences say it by photon
//! transfer. Otherwise neighbours in a row do: `|2 x_i - x_(i-2) - x_(i+2)|` cancels constant and
//! linear structure (Stoehr et al., ASP Conf. Ser. 394, 505, 2008), and its median grows with the
//! level as the noise does. Structure can only add to such a difference, so the slope is the
//! smallest that any range of levels shows: too small a noise costs bits, too large a one would
//! cost the samples.

use crate::noise::{Noise, NoiseModel, NoiseSource};
use crate::sample::{Array, each_type, stack_shape};
use crate::{Error, Result, Sample, Samples};
use nf_image::{Image16, Shape};
use nf_noise::median::median;
use nf_noise::photon_transfer::Transfer;

/// Differences that are looked at, spread over the array.
const MOST_DIFFERENCES: usize = 1 << 20;
/// Fewest of a level.
const FEWEST: usize = 200;
/// Fewest ranges of levels with light that tell a slope.
const FEWEST_LEVELS: usize = 2;
/// Shares of the differences below which each range of levels ends.
const LEVELS: [f64; 9] = [0.1, 0.3, 0.5, 0.7, 0.85, 0.93, 0.97, 0.99, 1.0];
/// Pairs whose noise is larger than that of neighbours by more than this show different fields.
const MOST_PAIR_RATIO: f64 = 1.25;
/// So do planes whose medians differ by more standard deviations than these.
const MOST_PAIR_SHIFT_SIGMA: f64 = 2.0;

/// Median level and noise variance of samples of similar level.
#[derive(Clone, Copy, Debug)]
struct Point {
    level: f64,
    variance: f64,
}

/// Measures the noise of an array.
///
/// # Errors
/// [`Error::Noise`] if there are too few samples, or no noise is found.
pub fn measure(array: &Array) -> Result<Noise> {
    let shape = stack_shape(array.axes());
    let points = points(array, shape);
    let dark = *points.first().ok_or_else(|| {
        let reason = "there are too few samples to measure it; give the offset, the gain and the read noise";
        Error::Noise(reason.to_owned())
    })?;
    if dark.variance <= 0.0 {
        let reason = "its samples show none (a sigma of zero); give the offset, the gain and the read noise, \
                      or a bound in dn";
        return Err(Error::Noise(reason.to_owned()));
    }
    if let Some(noise) = pairs(array, shape, dark) {
        return Ok(noise);
    }
    let sigma = dark.variance.sqrt();
    let lit: Vec<f64> = points
        .iter()
        .filter(|point| point.level > dark.level + 3.0 * sigma)
        .map(|point| (point.variance - dark.variance) / (point.level - dark.level))
        .collect();
    // A single range may be nothing but cosmic rays and bad columns.
    let slope = match lit.len() {
        FEWEST_LEVELS.. => lit.into_iter().fold(f64::INFINITY, f64::min).max(0.0),
        _ => 0.0,
    };
    let model = NoiseModel::new(dark.level, slope, sigma)?;
    Ok(Noise { model, source: NoiseSource::Neighbours })
}

/// Ranges of levels, the darkest first.
fn points(array: &Array, shape: Shape) -> Vec<Point> {
    // Rounding to integers adds a twelfth to the variance, which is no noise of the detector.
    let rounding = if array.samples().sample_type().is_float() { 0.0 } else { 1.0 / 12.0 };
    let mut found = each_type!(array.samples(), values => differences(values, shape));
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut points = Vec::new();
    let mut start = 0;
    for share in LEVELS {
        let end = (share * found.len() as f64) as usize;
        if end - start < FEWEST {
            continue;
        }
        let level = found[start + (end - start) / 2].0;
        let mut sizes: Vec<f64> = found[start..end].iter().map(|(_, size)| *size).collect();
        if let Some(size) = median(&mut sizes, f64::total_cmp) {
            // The factor makes the median of normal noise its standard deviation.
            points.push(Point { level, variance: (0.605_269_7 * size).powi(2) - rounding });
        }
        start = end;
    }
    points
}

/// Level and size of differences of finite samples in a row.
fn differences<T: Sample>(values: &[T], shape: Shape) -> Vec<(f64, f64)> {
    let rows = shape.planes * shape.height;
    let per_row = shape.width.saturating_sub(4);
    if per_row == 0 {
        return Vec::new();
    }
    let step = (rows.saturating_mul(per_row)).div_ceil(MOST_DIFFERENCES).max(1);
    values
        .chunks(shape.width)
        .step_by(step)
        .flat_map(|row| row.windows(5))
        .map(|w| [w[0].value(), w[2].value(), w[4].value()])
        .filter(|three| three.iter().all(|value| value.is_finite()))
        .map(|[a, b, c]| ((a + b + c) / 3.0, (2.0 * b - a - c).abs()))
        .filter(|(level, size)| level.is_finite() && size.is_finite())
        .collect()
}

/// Photon transfer of the planes of an array of 16-bit samples, if they show the same field.
fn pairs(array: &Array, shape: Shape, dark: Point) -> Option<Noise> {
    let (samples, shift) = match array.samples() {
        Samples::U16(values) => (values.clone(), 0.0),
        Samples::I16(values) => (values.iter().map(|&x| x as u16 ^ 0x8000).collect(), 32768.0),
        _ => return None,
    };
    let image = Image16::new(shape, samples).ok()?;
    let medians: Vec<f64> = (0..shape.planes).map(|plane| plane_median(image.plane(plane))).collect();
    let most = MOST_PAIR_SHIFT_SIGMA * dark.variance.sqrt();
    if medians.chunks_exact(2).any(|pair| (pair[0] - pair[1]).abs() > most) {
        return None;
    }
    let transfer = Transfer::of(&image)?;
    let offset = transfer.bins.first()?.mean;
    let variance = transfer.intercept + transfer.slope * offset;
    if variance <= 0.0 || variance.sqrt() > MOST_PAIR_RATIO * dark.variance.sqrt() {
        return None;
    }
    let model = NoiseModel::new(offset, transfer.slope, variance.sqrt()).ok()?.shifted(shift);
    Some(Noise { model, source: NoiseSource::Pairs })
}

fn plane_median(plane: &[u16]) -> f64 {
    let mut samples: Vec<u16> = plane.iter().step_by(plane.len() / (1 << 16) + 1).copied().collect();
    median(&mut samples, u16::cmp).map_or(0.0, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::testing::Rng;

    /// A field of gain 2 e/DN, read noise 4 DN and offset 500 DN that brightens to the right.
    fn field(planes: usize, seed: u64) -> Vec<f64> {
        let mut random = Rng::new(seed);
        let truth = NoiseModel::from_gain(500.0, 2.0, 4.0).unwrap();
        (0..planes * 256 * 512)
            .map(|i| {
                let mean = 500.0 + 10.0 * (i % 512) as f64;
                (mean + truth.sigma(mean) * random.normal()).round()
            })
            .collect()
    }

    fn found(array: &Array, read: f64, source: NoiseSource) {
        let noise = measure(array).unwrap();
        assert_eq!(noise.source, source);
        assert!((noise.model.slope_dn() / 0.5 - 1.0).abs() < 0.15, "{noise:?}");
        // The darkest tenth has light of its own.
        let sigma = noise.model.sigma(noise.model.offset_dn());
        assert!(sigma > read && sigma < 4.0 * read, "{noise:?}");
    }

    #[test]
    fn gain_and_read_noise_of_a_frame_and_of_pairs() {
        let frame = field(1, 1);
        found(&Array::new(vec![256, 512], frame.clone()).unwrap(), 4.0, NoiseSource::Neighbours);
        let single: Vec<f32> = frame.iter().map(|&x| x as f32).collect();
        found(&Array::new(vec![256, 512], single).unwrap(), 4.0, NoiseSource::Neighbours);
        let pair: Vec<u16> = field(2, 2).iter().map(|&x| x as u16).collect();
        found(&Array::new(vec![2, 256, 512], pair.clone()).unwrap(), 4.0, NoiseSource::Pairs);
        let signed: Vec<i16> = pair.iter().map(|&x| (x ^ 0x8000) as i16).collect();
        let noise = measure(&Array::new(vec![2, 256, 512], signed).unwrap()).unwrap();
        assert!(noise.model.offset_dn() < -32_000.0 && noise.source == NoiseSource::Pairs, "{noise:?}");
    }

    #[test]
    fn planes_of_different_fields_are_no_pairs() {
        let mut bands: Vec<u16> = field(2, 3).iter().map(|&x| x as u16).collect();
        let mut random = Rng::new(9);
        let mut brighter = bands.clone();
        bands[256 * 512..].iter_mut().for_each(|x| *x += random.below(900) as u16);
        brighter[256 * 512..].iter_mut().for_each(|x| *x += 30);
        for planes in [bands, brighter] {
            let noise = measure(&Array::new(vec![2, 256, 512], planes).unwrap()).unwrap();
            assert_eq!(noise.source, NoiseSource::Neighbours);
        }
    }

    #[test]
    fn no_noise_is_no_measurement() {
        let flat = measure(&Array::new(vec![100, 100], vec![7u16; 10_000]).unwrap());
        assert!(flat.unwrap_err().to_string().contains("sigma of zero"));
        let few = measure(&Array::new(vec![3, 5], vec![0.5f32; 15]).unwrap());
        assert!(few.unwrap_err().to_string().contains("too few"));
        let nan = measure(&Array::new(vec![100, 100], vec![f64::NAN; 10_000]).unwrap());
        assert!(nan.unwrap_err().to_string().contains("too few"));
    }
}
