//! The pattern that the planes of a group share.

use super::Place;
use super::group::Group;
use super::update::Known;
use crate::{Map, MapKind};
use nf_image::{Image16, Shape};
use rayon::prelude::*;

/// Samples further than this many standard deviations from their pixel's median are left out:
/// cosmic rays.
const CLIP_SIGMAS: f32 = 5.0;
/// Side of the blocks in which the noise and the spread of a pattern are measured: both follow the
/// light.
const BLOCK_PX: usize = 32;
/// Pixels on every side of a pixel that its own pattern stands out from.
const REACH_PX: usize = 3;

/// Values of the same pixels, one layer over another.
pub(super) struct Layers<F: Fn(usize, usize) -> f32 + Sync> {
    count: usize,
    pixels: usize,
    /// Of a layer and a pixel.
    value: F,
}

/// The mean of layers.
pub(super) struct Mean {
    /// Of every pixel.
    pub(super) values: Vec<f32>,
    /// The variance of each, as far as its layers tell.
    variances: Vec<f32>,
    /// The standard deviation of most of them.
    pub(super) noise_dn: f32,
}

/// The planes of a group.
pub(super) fn layers(group: &Group<'_>) -> Layers<impl Fn(usize, usize) -> f32 + Sync> {
    let (count, pixels) = (group.planes.len(), group.first().samples.len());
    Layers { count, pixels, value: |layer, i| f32::from(group.planes[layer].samples[i]) }
}

/// The differences of two reads of the same ramps.
fn increments(before: &Group<'_>, after: &Group<'_>) -> Layers<impl Fn(usize, usize) -> f32 + Sync> {
    let (count, pixels) = (after.planes.len().min(before.planes.len()), after.first().samples.len());
    let sample = |group: &Group, layer: usize, i: usize| f32::from(group.planes[layer].samples[i]);
    Layers { count, pixels, value: move |layer, i| sample(after, layer, i) - sample(before, layer, i) }
}

/// The pattern that layers share, in DN: their mean, less what is likely to be noise; and the noise
/// of the mean.
pub(super) fn values<F: Fn(usize, usize) -> f32 + Sync>(
    place: &Place,
    layers: &Layers<F>,
) -> (Vec<f32>, f32) {
    let mean = layers.clipped_mean(place.width);
    let around = means_around(&mean.values, place.height, place.width, 5.0 * mean.noise_dn + 1.0);
    (shrunk(place, &mean, &around), mean.noise_dn)
}

/// A single layer with pixels that stand out from those around, such as cosmic rays, replaced by
/// the mean of these; and its noise.
pub(super) fn without_outliers(place: &Place, layer: &[f32]) -> (Vec<f32>, f32) {
    let layers = Layers { count: 1, pixels: layer.len(), value: |_, i: usize| layer[i] };
    let noise_dn = layers.noise(&[0.0]);
    let reach = CLIP_SIGMAS * noise_dn + 1.0;
    let around = means_around(layer, place.height, place.width, reach);
    let kept = |(&value, &around): (&f32, &f32)| if (value - around).abs() <= reach { value } else { around };
    (layer.iter().zip(&around).map(kept).collect(), noise_dn)
}

/// The patterns of the reads of ramps: that of the first read, and what every read adds to the one
/// before. A read shares the noise of the reset with the one before, so that their difference is
/// known better than either.
pub(super) fn of_ramp(place: &Place, reads: &[&Group]) -> Vec<(Vec<f32>, f32)> {
    let mut patterns = vec![values(place, &layers(reads[0]))];
    for pair in reads.windows(2) {
        let (added, noise_dn) = values(place, &increments(pair[0], pair[1]));
        let mut values = patterns[patterns.len() - 1].0.clone();
        values.iter_mut().zip(added).for_each(|(value, added)| *value += added);
        patterns.push((values, noise_dn));
    }
    patterns
}

/// The map of a group that has this pattern.
pub(super) fn map(place: &Place, group: &Group, known: &Known) -> Map {
    let mut map = Map {
        kind: MapKind::Offset,
        image: place.image.clone(),
        exposures: group.first().exposures.clone(),
        read: group.first().read,
        row: place.row,
        column: place.column,
        height: place.height,
        width: place.width,
        frames: known.frames,
        noise_dn: known.noise_dn,
        base_dn: 0,
        fraction_bits: 0,
        pixels: Image16::zeros(Shape::frame(0, 0)).into(),
    };
    map.set_values(&known.values);
    map
}

impl<F: Fn(usize, usize) -> f32 + Sync> Layers<F> {
    /// The level of every layer: the median of a part of its pixels.
    fn levels(&self) -> Vec<f32> {
        let step = (self.pixels / 40_000).max(1) | 1;
        let level = |layer: usize| {
            let mut some: Vec<f32> = (0..self.pixels).step_by(step).map(|i| (self.value)(layer, i)).collect();
            median(&mut some)
        };
        (0..self.count).map(level).collect()
    }

    /// The mean of the levels.
    pub(super) fn level(&self) -> f32 {
        self.levels().iter().sum::<f32>() / self.count.max(1) as f32
    }

    /// The mean of every pixel over the layers, less their levels, with outliers left out.
    pub(super) fn clipped_mean(&self, width: usize) -> Mean {
        let levels = self.levels();
        let level = levels.iter().sum::<f32>() / self.count.max(1) as f32;
        let shifts: Vec<f32> = levels.iter().map(|own| level - own).collect();
        let sigma = self.noise(&shifts);
        let (mut values, mut variances) = (vec![0.0; self.pixels], vec![0.0; self.pixels]);
        let rows = values.par_chunks_mut(width).zip(variances.par_chunks_mut(width));
        rows.enumerate().for_each(|(row, (values, variances))| {
            let mut some = vec![0.0; self.count];
            for (column, (mean, variance)) in values.iter_mut().zip(variances).enumerate() {
                let i = row * width + column;
                for ((layer, value), shift) in some.iter_mut().enumerate().zip(&shifts) {
                    *value = (self.value)(layer, i) + shift;
                }
                (*mean, *variance) = mean_without_outliers(&mut some, sigma);
            }
        });
        Mean { values, variances, noise_dn: sigma / (self.count as f32).sqrt() }
    }

    /// Standard deviation of a value about the mean of its pixel, robustly; of a single layer from
    /// differences of neighbours.
    fn noise(&self, shifts: &[f32]) -> f32 {
        let step = (self.pixels / 20_000).max(1) | 1;
        let apart =
            |layer: usize, i: usize| (self.value)(layer, i) + shifts[layer] - (self.value)(0, i) - shifts[0];
        let neighbours = |i: usize| (self.value)(0, i) - (self.value)(0, i - 1);
        let mut differences: Vec<f32> = match self.count {
            1 => (1..self.pixels).step_by(step).map(|i| neighbours(i).abs()).collect(),
            _ => (1..self.count)
                .flat_map(|layer| (0..self.pixels).step_by(step).map(move |i| (layer, i)))
                .map(|(layer, i)| apart(layer, i).abs())
                .collect(),
        };
        // Of a difference of two values; at least the noise of rounding.
        (1.4826 * median(&mut differences) / 2f32.sqrt()).max(0.29)
    }
}

/// The middle of values; 0 of none.
pub(super) fn median(values: &mut [f32]) -> f32 {
    match values.len() {
        0 => 0.0,
        count => *values.select_nth_unstable_by(count / 2, f32::total_cmp).1,
    }
}

/// The mean of values within [`CLIP_SIGMAS`] of their median; of two values far apart the smaller,
/// since rays only add. With its variance: that of all values if only one is left.
fn mean_without_outliers(values: &mut [f32], sigma: f32) -> (f32, f32) {
    values.sort_unstable_by(f32::total_cmp);
    let median = values[(values.len() - 1) / 2];
    let reach = CLIP_SIGMAS * sigma + 1.0;
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0f32);
    for value in values.iter().filter(|&&value| (value - median).abs() <= reach) {
        sum += value - median;
        squares += (value - median) * (value - median);
        count += 1.0;
    }
    let mean = sum / count.max(1.0);
    let variance = match count > 1.0 {
        true => ((squares - count * mean * mean) / ((count - 1.0) * count)).max(0.0),
        false => sigma * sigma,
    };
    (median + mean, variance)
}

/// Moves every value towards what is `expected` of it, by as much as its distance is likely to be
/// noise: fully where all pixels around differ by noise alone, not at all where one stands out.
pub(super) fn shrunk(place: &Place, mean: &Mean, expected: &[f32]) -> Vec<f32> {
    let Place { height, width, .. } = *place;
    let mut shrunk = mean.values.clone();
    let bands = shrunk.par_chunks_mut(BLOCK_PX * width).enumerate();
    bands.for_each(|(band, shrunk)| {
        let rows = band * BLOCK_PX..((band + 1) * BLOCK_PX).min(height);
        for left in (0..width).step_by(BLOCK_PX) {
            let columns = left..(left + BLOCK_PX).min(width);
            let pixels: Vec<usize> = rows
                .clone()
                .flat_map(|row| columns.clone().map(move |column| row * width + column))
                .collect();
            let distance = |i: usize| mean.values[i] - expected[i];
            let mut distances: Vec<f32> = pixels.iter().map(|&i| distance(i).abs()).collect();
            let spread = 1.4826 * median(&mut distances);
            let variance = spread * spread;
            let noise = pixels.iter().map(|&i| mean.variances[i]).sum::<f32>() / pixels.len() as f32;
            let share = ((variance - noise) / variance.max(1e-6)).clamp(0.0, 1.0);
            for i in pixels {
                let distance = distance(i);
                let sure = 1.0 - 9.0 * variance.max(noise) / (distance * distance).max(1e-6);
                shrunk[i - rows.start * width] = expected[i] + distance * share.max(sure);
            }
        }
    });
    shrunk
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
