//! The pattern that the planes of a group share.

use super::Place;
use super::group::Group;
use crate::{Map, MapKind};
use rayon::prelude::*;

/// Samples further than this many standard deviations from their pixel's median are left out:
/// cosmic rays.
const CLIP_SIGMAS: f32 = 5.0;
/// Pixels on every side of a pixel that its own pattern stands out from.
const REACH_PX: usize = 3;

/// The pattern of a group, in DN: the mean of its planes, less what is likely to be noise; and the
/// noise of the mean.
pub(super) fn values(place: &Place, group: &Group) -> (Vec<f32>, f32) {
    let (mean, noise_dn) = clipped_mean(place.width, group);
    (shrunk(&mean, place.height, place.width, noise_dn), noise_dn)
}

/// The map of a group.
pub(super) fn map(place: &Place, group: &Group) -> Map {
    let Place { height, width, .. } = *place;
    let (values, noise_dn) = values(place, group);
    let mut map = Map {
        kind: MapKind::Offset,
        image: place.image.clone(),
        exposures: group.first().exposures.clone(),
        read: group.first().read,
        row: place.row,
        column: place.column,
        height,
        width,
        frames: group.planes.len() as u32,
        noise_dn,
        base_dn: 0,
        fraction_bits: 0,
        samples: vec![],
    };
    map.set_values(&values);
    map
}

/// The mean of every pixel over the planes of a group, less their levels, with outliers left out;
/// and the standard deviation of these means.
pub(super) fn clipped_mean(width: usize, group: &Group) -> (Vec<f32>, f32) {
    let levels = group.levels();
    let level = levels.iter().sum::<f32>() / levels.len() as f32;
    let shifts: Vec<f32> = levels.iter().map(|own| level - own).collect();
    let sigma = noise(group, &shifts);
    let mut means = vec![0.0; group.first().samples.len()];
    means.par_chunks_mut(width).enumerate().for_each(|(row, means)| {
        let mut some = vec![0.0; group.planes.len()];
        for (column, mean) in means.iter_mut().enumerate() {
            let i = row * width + column;
            for ((value, plane), shift) in some.iter_mut().zip(&group.planes).zip(&shifts) {
                *value = f32::from(plane.samples[i]) + shift;
            }
            *mean = mean_without_outliers(&mut some, sigma);
        }
    });
    (means, sigma / (group.planes.len() as f32).sqrt())
}

/// The mean of values within [`CLIP_SIGMAS`] of their median; of two values far apart the smaller,
/// since rays only add.
fn mean_without_outliers(values: &mut [f32], sigma: f32) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let median = values[(values.len() - 1) / 2];
    let reach = CLIP_SIGMAS * sigma + 1.0;
    let (mut sum, mut count) = (0.0, 0.0f32);
    for value in values.iter().filter(|&&value| (value - median).abs() <= reach) {
        sum += value;
        count += 1.0;
    }
    sum / count.max(1.0)
}

/// Standard deviation of a sample about the mean of its pixel, robustly.
fn noise(group: &Group, shifts: &[f32]) -> f32 {
    let (first, rest) = (&group.first().samples, &group.planes[1..]);
    let step = (first.len() / 20_000).max(1);
    let mut differences: Vec<f32> = vec![];
    for (plane, shift) in rest.iter().zip(&shifts[1..]) {
        let apart = |i: usize| f32::from(plane.samples[i]) + shift - f32::from(first[i]) - shifts[0];
        differences.extend((0..first.len()).step_by(step).map(|i| apart(i).abs()));
    }
    if differences.is_empty() {
        return alone(first);
    }
    let middle = differences.len() / 2;
    let median = *differences.select_nth_unstable_by(middle, f32::total_cmp).1;
    // Of a difference of two samples; at least the noise of rounding.
    (1.4826 * median / 2f32.sqrt()).max(0.29)
}

/// Standard deviation of the noise of a single plane, from differences of neighbours, robustly.
fn alone(samples: &[u16]) -> f32 {
    let mut differences: Vec<f32> = samples
        .windows(2)
        .step_by((samples.len() / 20_000).max(1) | 1)
        .map(|pair| (f32::from(pair[0]) - f32::from(pair[1])).abs())
        .collect();
    if differences.is_empty() {
        return 0.29;
    }
    let middle = differences.len() / 2;
    (1.4826 * *differences.select_nth_unstable_by(middle, f32::total_cmp).1 / 2f32.sqrt()).max(0.29)
}

/// Moves every value towards the mean around it, by as much as its distance is likely to be noise:
/// fully where all pixels differ by noise alone, not at all where one stands out.
fn shrunk(values: &[f32], height: usize, width: usize, noise_dn: f32) -> Vec<f32> {
    let around = means_around(values, height, width, 5.0 * noise_dn + 1.0);
    let mut squares: Vec<f32> = values
        .iter()
        .zip(&around)
        .step_by((values.len() / 50_000).max(1))
        .map(|(value, around)| (value - around).abs())
        .collect();
    let middle = squares.len() / 2;
    let spread = 1.4826 * *squares.select_nth_unstable_by(middle, f32::total_cmp).1;
    let (variance, noise) = (spread * spread, noise_dn * noise_dn);
    let share = ((variance - noise) / variance.max(1e-6)).clamp(0.0, 1.0);
    values
        .iter()
        .zip(&around)
        .map(|(value, around)| {
            let distance = value - around;
            let sure = 1.0 - 9.0 * variance.max(noise) / (distance * distance).max(1e-6);
            around + distance * share.max(sure)
        })
        .collect()
}

/// The mean of the pixels around every pixel, without itself and with outliers moved to `clip` from
/// the median of the nearest four.
pub(super) fn means_around(values: &[f32], height: usize, width: usize, clip: f32) -> Vec<f32> {
    let at = |y: usize, x: usize| values[y.min(height - 1) * width + x.min(width - 1)];
    let mut out = vec![0.0; values.len()];
    out.par_chunks_mut(width).enumerate().for_each(|(y, out)| {
        for (x, out) in out.iter_mut().enumerate() {
            let (up, left) = (y.saturating_sub(1), x.saturating_sub(1));
            let mut near = [at(up, x), at(y + 1, x), at(y, left), at(y, x + 1)];
            near.sort_unstable_by(f32::total_cmp);
            let middle = 0.5 * (near[1] + near[2]);
            let (mut sum, mut count) = (0.0, 0.0f32);
            for row in y.saturating_sub(REACH_PX)..(y + REACH_PX + 1).min(height) {
                for column in x.saturating_sub(REACH_PX)..(x + REACH_PX + 1).min(width) {
                    if (row, column) != (y, x) {
                        sum += at(row, column).clamp(middle - clip, middle + clip);
                        count += 1.0;
                    }
                }
            }
            *out = if count > 0.0 { sum / count } else { middle };
        }
    });
    out
}
