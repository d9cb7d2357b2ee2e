//! The noise of an image's background, from medians of absolute differences of pixels in a row.
//!
//! As in F. Stoehr et al., *DER_SNR: A simple and general spectroscopic signal-to-noise measurement
//! algorithm* (ST-ECF Newsletter 42, 2007): differences of second, third and fifth order between
//! pixels two apart, each scaled so that Gaussian noise gives its own sigma. Per row the median, of
//! those the median; the smallest of the three orders counts, because structure makes all of them
//! larger.

/// What is known of the pixels of a tile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Statistics {
    /// Pixels that are not null.
    pub(super) good: usize,
    /// The smallest of them.
    pub(super) min: f64,
    /// The largest of them.
    pub(super) max: f64,
    /// The sigma of the noise; 0 where there are too few pixels, or no noise.
    pub(super) sigma: f64,
}

/// A type of pixel whose differences are taken in its own precision.
pub(super) trait NoisePixel: Copy + PartialEq {
    fn is_null(self) -> bool;
    fn to_f64(self) -> f64;
    /// Absolute differences of second, third and fifth order around the middle of nine pixels.
    fn differences(v: &[Self; 9]) -> [f64; 3];
}

macro_rules! noise_pixel {
    ($type:ty, $is_null:expr, $wide:ty) => {
        impl NoisePixel for $type {
            fn is_null(self) -> bool {
                $is_null(self)
            }

            fn to_f64(self) -> f64 {
                self as f64
            }

            fn differences(v: &[Self; 9]) -> [f64; 3] {
                let v = v.map(|value| value as $wide);
                [
                    f64::from((v[4] - v[6]).abs()),
                    f64::from((2.0 * v[4] - v[2] - v[6]).abs()),
                    f64::from((6.0 * v[4] - 4.0 * v[2] - 4.0 * v[6] + v[0] + v[8]).abs()),
                ]
            }
        }
    };
}
noise_pixel!(f32, f32::is_nan, f32);
noise_pixel!(f64, f64::is_nan, f64);
noise_pixel!(i32, |_| false, f64);

/// Pixels that the differences of one pixel reach over.
const REACH_PX: usize = 9;

/// Statistics of rows of `width` pixels; rows that are too short are taken as one.
pub(super) fn statistics<T: NoisePixel>(pixels: &[T], width: usize) -> Statistics {
    let good = pixels.iter().filter(|pixel| !pixel.is_null());
    let (mut min, mut max, mut count) = (f64::INFINITY, f64::NEG_INFINITY, 0);
    for pixel in good {
        min = min.min(pixel.to_f64());
        max = max.max(pixel.to_f64());
        count += 1;
    }
    let width = if width < REACH_PX { pixels.len() } else { width };
    let mut medians: [Vec<f64>; 3] = Default::default();
    if width >= REACH_PX {
        let mut differences: [Vec<f64>; 3] = Default::default();
        for row in pixels.chunks(width) {
            row_differences(row, &mut differences);
            // A row counts if it has a difference of the higher orders; one value of second order
            // means nothing beside several of the others.
            let [second, third, _] = &differences;
            let counts = !third.is_empty();
            let second_counts = if third.len() == 1 { second.len() == 1 } else { second.len() > 1 };
            for (order, (medians, differences)) in medians.iter_mut().zip(&mut differences).enumerate() {
                if counts && (order > 0 || second_counts) {
                    medians.push(lower_median(differences));
                }
            }
        }
    }
    // 1.4826 / sqrt(2), / sqrt(6), / sqrt(70): a Gaussian's sigma from the median of each order.
    const TO_SIGMA: [f64; 3] = [1.048_357_9, 0.605_269_7, 0.177_204_8];
    let [second, third, fifth] = [0, 1, 2].map(|order| TO_SIGMA[order] * median(&mut medians[order]));
    let mut sigma = third;
    for other in [second, fifth] {
        if other != 0.0 && other < sigma {
            sigma = other;
        }
    }
    Statistics { good: count, min, max, sigma }
}

/// The differences of all pixels of a row that have four others on both sides; nulls are passed
/// over, and pixels in constant surroundings left out.
fn row_differences<T: NoisePixel>(row: &[T], out: &mut [Vec<f64>; 3]) {
    out.iter_mut().for_each(Vec::clear);
    let mut good = row.iter().copied().filter(|pixel| !pixel.is_null());
    let Some(first) = good.next() else { return };
    let mut v = [first; REACH_PX];
    for place in &mut v[1..REACH_PX - 1] {
        let Some(pixel) = good.next() else { return };
        *place = pixel;
    }
    for pixel in good {
        v[REACH_PX - 1] = pixel;
        let [second, third, fifth] = T::differences(&v);
        if !(v[4] == v[5] && v[5] == v[6]) {
            out[0].push(second);
        }
        if !v[2..7].iter().all(|value| *value == v[4]) {
            out[1].push(third);
            out[2].push(fifth);
        }
        v.copy_within(1.., 0);
    }
}

/// The median, or the lower of the two middle values.
fn lower_median(values: &mut [f64]) -> f64 {
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// The median, or the mean of the two middle values; 0 of nothing.
fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums of uniform numbers: nearly Gaussian, sigma 1.
    fn gaussian(n: usize) -> Vec<f64> {
        let mut state = 1u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..n).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
    }

    #[test]
    fn gaussian_noise_gives_its_sigma_also_on_a_slope_and_among_nulls() {
        let mut pixels = gaussian(20_000);
        pixels.iter_mut().enumerate().for_each(|(i, p)| *p = *p * 7.0 + (i % 100) as f64 * 3.0);
        pixels.iter_mut().step_by(17).for_each(|p| *p = f64::NAN);
        let found = statistics(&pixels, 100);
        assert!((found.sigma / 7.0 - 1.0).abs() < 0.03, "{}", found.sigma);
        assert_eq!(found.good, 20_000 - 20_000usize.div_ceil(17));
    }

    #[test]
    fn constant_short_and_empty_tiles_have_no_noise() {
        assert_eq!(statistics(&[3.0f32; 100], 10).sigma, 0.0);
        assert_eq!(
            statistics(&[1.0f32, 2.0, 5.0], 3),
            Statistics { good: 3, min: 1.0, max: 5.0, sigma: 0.0 }
        );
        assert_eq!(statistics(&[f32::NAN; 30], 10).good, 0);
    }
}
