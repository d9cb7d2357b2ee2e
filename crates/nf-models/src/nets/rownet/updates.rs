//! What is taken up of the samples of a half row: their residuals, and the running numbers of
//! columns.

use super::units::clamp;
use nf_simd::kernel;

kernel! {
    pub(super) fn find_residuals<'a>(samples: &'a [i16], locations: &'a [i32], residuals: &'a mut [i16]) -> () {
        for ((to, &sample), &location) in residuals.iter_mut().zip(samples).zip(locations) {
            let residual = 8 * (i32::from(sample) + 32768) - location;
            *to = residual.max(-32767).min(32767) as i16;
        }
    }

    /// Pixels further from the levels of their columns than what moves these.
    pub(super) fn count_apart<'a>(samples: &'a [i16], limits: &'a [i16], levels: &'a [i32]) -> u32 {
        let n = samples.len();
        let (limits, levels) = (&limits[..n], &levels[..n]);
        let mut count = 0;
        for i in 0..n {
            let apart = 16 * i32::from(samples[i]) - levels[i];
            count += u32::from(apart.abs() > 16 * i32::from(limits[i]));
        }
        count
    }

    /// Moves the levels of columns by a sixteenth of the way to the samples, which are cut off
    /// where they leave what enters the net; all the way if they begin `anew`.
    pub(super) fn update_levels<'a>(samples: &'a [i16], limits: &'a [i16], anew: bool, levels: &'a mut [i32]) -> () {
        let n = levels.len();
        let (samples, limits) = (&samples[..n], &limits[..n]);
        for i in 0..n {
            let limit = 16 * i32::from(limits[i]);
            let sample = 16 * i32::from(samples[i]);
            let apart = (sample - levels[i]).max(-limit).min(limit);
            levels[i] = if anew { sample } else { levels[i] + (apart >> 4) };
        }
    }

    /// Moves the means of columns by a sixteenth of the way to the residuals, cut off at half of
    /// what enters the net.
    pub(super) fn update_means<'a>(residuals: &'a [i16], limits: &'a [i16], means: &'a mut [i32]) -> () {
        let n = means.len();
        let (residuals, limits) = (&residuals[..n], &limits[..n]);
        for i in 0..n {
            let cut = i32::from(clamp(residuals[i], limits[i] >> 1));
            means[i] += (16 * cut - means[i]) >> 4;
        }
    }

    /// The same of the sizes of residuals, cut off at what enters the net.
    pub(super) fn update_sizes<'a>(residuals: &'a [i16], limits: &'a [i16], sizes: &'a mut [i32]) -> () {
        let n = sizes.len();
        let (residuals, limits) = (&residuals[..n], &limits[..n]);
        for i in 0..n {
            let size = i32::from(residuals[i].saturating_abs().min(limits[i]));
            sizes[i] += (16 * size - sizes[i]) >> 4;
        }
    }
}
