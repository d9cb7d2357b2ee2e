//! What the darks and the response say of the pattern of other groups.
//!
//! The mean of twenty science frames has a fifth of their noise in it. Flats know the response far
//! better, and darks the hot pixels: of a group, both together predict how every pixel differs from
//! those around it, and only where its mean says surely otherwise it is believed.

use super::Place;
use super::group::Group;
use super::pattern::{self, Mean, means_around, shrunk};
use super::response::UNITS;
use crate::Map;

/// About the number of pixels that are looked at.
const PIXELS: usize = 40_000;
/// Rounds of the fit.
const ROUNDS: usize = 5;
/// A prediction has to take off at least this share of the differences from the pixels around.
const LEAST_GAIN: f64 = 0.002;

/// How pixels differ from those around them in a group without light and, as a share of the light,
/// by their response.
pub(super) struct Known {
    dark_group: usize,
    /// Differences of the darkest group, and its means around.
    dark: Vec<f32>,
    dark_around: Vec<f32>,
    /// The response less one, and the group that it was made from.
    response: Option<(usize, Vec<f32>)>,
}

impl Known {
    /// Of the groups of a place, whose response is that of one of them.
    pub(super) fn of_groups(
        place: &Place,
        groups: &[Group],
        response: Option<&(usize, Map)>,
    ) -> Option<Self> {
        let levels = groups.iter().map(|group| pattern::layers(group).level()).enumerate();
        let dark_group = levels.min_by(|a, b| a.1.total_cmp(&b.1))?.0;
        let Mean { values: mean, noise_dn, .. } =
            pattern::layers(&groups[dark_group]).clipped_mean(place.width);
        let dark_around = means_around(&mean, place.height, place.width, 5.0 * noise_dn + 1.0);
        let dark = mean.iter().zip(&dark_around).map(|(mean, around)| mean - around).collect();
        let response = response
            .and_then(|(group, map)| Some((*group, map.dn()?.into_iter().map(|dn| dn / UNITS).collect())));
        Some(Self { dark_group, dark, dark_around, response })
    }

    /// The pattern of a group: its mean, moved towards what the others predict as far as its
    /// distance from that is likely to be noise; none if they predict nothing. With its noise.
    pub(super) fn values(&self, place: &Place, (number, group): (usize, &Group)) -> Option<(Vec<f32>, f32)> {
        if number == self.dark_group {
            return None;
        }
        let response = self.response.as_ref().filter(|(of, _)| *of != number).map(|(_, values)| values);
        let mean = pattern::layers(group).clipped_mean(place.width);
        let around = means_around(&mean.values, place.height, place.width, 5.0 * mean.noise_dn + 1.0);
        let values = &mean.values;
        let regressors = |i: usize| {
            let light = (around[i] - self.dark_around[i]).max(0.0);
            [f64::from(self.dark[i]), response.map_or(0.0, |values| f64::from(values[i] * light))]
        };
        let step = (values.len() / PIXELS).max(1) | 1;
        let some: Vec<([f64; 2], f64)> = (0..values.len())
            .step_by(step)
            .map(|i| (regressors(i), f64::from(values[i] - around[i])))
            .collect();
        let weights = fit(&some)?;
        let predicted: Vec<f32> = (0..values.len())
            .map(|i| {
                let [dark, light] = regressors(i);
                around[i] + (weights[0] * dark + weights[1] * light) as f32
            })
            .collect();
        Some((shrunk(place, &mean, &predicted), mean.noise_dn))
    }
}

/// Weights of two regressors that leave the least of a target, by reweighted least squares; none if
/// they leave nearly all of it.
fn fit(pixels: &[([f64; 2], f64)]) -> Option<[f64; 2]> {
    let left = |weights: [f64; 2], ([a, b], target): &([f64; 2], f64)| {
        (target - weights[0] * a - weights[1] * b).abs()
    };
    let mean = |weights: [f64; 2]| {
        pixels.iter().map(|pixel| left(weights, pixel)).sum::<f64>() / pixels.len().max(1) as f64
    };
    let mut weights = [0.0; 2];
    for round in 0..ROUNDS {
        let floor = 0.3 * mean(weights).max(0.01);
        let (mut products, mut targets) = ([[1e-9, 0.0], [0.0, 1e-9]], [0.0; 2]);
        for pixel in pixels {
            let weight = if round == 0 { 1.0 } else { 1.0 / (left(weights, pixel) + floor) };
            let (inputs, target) = pixel;
            for k in 0..2 {
                targets[k] += weight * inputs[k] * target;
                for j in 0..2 {
                    products[k][j] += weight * inputs[k] * inputs[j];
                }
            }
        }
        let [[aa, ab], [_, bb]] = products;
        let determinant = (aa * bb - ab * ab).max(1e-12 * aa * bb);
        weights = [
            (targets[0] * bb - targets[1] * ab) / determinant,
            (targets[1] * aa - targets[0] * ab) / determinant,
        ];
    }
    (mean(weights) < (1.0 - LEAST_GAIN) * mean([0.0; 2])).then_some(weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::group::Plane;
    use nf_image::testing::Rng;

    #[test]
    fn flats_and_darks_know_the_pattern_of_science_frames_better_than_these() {
        let (height, width) = (60, 70);
        let mut rng = Rng::new(5);
        let mut deviation = |rms: f64| {
            let sum: usize = (0..12).map(|_| rng.below(1001)).sum();
            rms * (sum as f64 / 1000.0 - 6.0)
        };
        let response: Vec<f64> = (0..height * width).map(|_| deviation(0.01)).collect();
        let dark: Vec<f64> = (0..height * width).map(|_| deviation(20.0)).collect();
        let mut planes = |stack: u32, count: u32, light: f64| -> Vec<Plane> {
            let truth = |i: usize| 1000.0 + dark[i] + light * (1.0 + response[i]);
            let mut plane = |stack: u32| {
                let noise = (25.0 + light).sqrt();
                let samples = (0..height * width).map(|i| (truth(i) + deviation(noise)).round() as u16);
                Plane { exposures: String::new(), stack, read: 0, samples: samples.collect() }
            };
            (stack..stack + count).map(&mut plane).collect()
        };
        let sets = [planes(0, 4, 2000.0), planes(4, 10, 30_000.0), planes(14, 10, 0.0)];
        let groups: Vec<Group> = sets.iter().map(|set| Group { planes: set.iter().collect() }).collect();
        let place = Place { image: String::new(), row: 0, column: 0, height, width };
        let found = crate::build::response::of_groups(&place, &groups);
        assert_eq!(found.as_ref().map(|(group, _)| *group), Some(1));
        let known = Known::of_groups(&place, &groups, found.as_ref()).unwrap();
        let error = |values: &[f32]| {
            let squares = (0..height * width).map(|i| {
                let truth = 3000.0 + dark[i] + 2000.0 * response[i];
                (f64::from(values[i]) - truth).powi(2)
            });
            (squares.sum::<f64>() / (height * width) as f64).sqrt()
        };
        let own = error(&pattern::values(&place, &pattern::layers(&groups[0])).0);
        let joint = error(&known.values(&place, (0, &groups[0])).unwrap().0);
        assert!(joint < 0.5 * own, "{joint} DN, alone {own} DN");
        assert!(known.values(&place, (2, &groups[2])).is_none());
    }
}
