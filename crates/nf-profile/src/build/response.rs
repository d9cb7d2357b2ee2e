//! The response of pixels to light, from groups of bright planes.

use super::Place;
use super::group::Group;
use super::pattern;
use crate::{Map, MapKind};
use nf_image::{Image16, Shape};

/// The response's unit: a DN of the map is this share of it.
pub(super) const UNITS: f32 = 4096.0;
/// A group is bright if its level is this many DN above the darkest.
const LEAST_LIGHT_DN: f32 = 400.0;
/// Responses beyond this are no response but a scene.
const MOST: f32 = 0.5;

/// The map of the response, from the group whose light tells most, if any tells anything; with the
/// number of that group.
pub(super) fn of_groups(place: &Place, groups: &[Group]) -> Option<(usize, Map)> {
    let Place { height, width, .. } = *place;
    let levels: Vec<f32> = groups.iter().map(|group| pattern::layers(group).level()).collect();
    let darkest = levels.iter().copied().enumerate().min_by(|a, b| a.1.total_cmp(&b.1))?.0;
    let dark = pattern::layers(&groups[darkest]).clipped_mean(width).values;
    let mut best: Option<(f32, usize, Map)> = None;
    for (number, (group, own)) in groups.iter().zip(&levels).enumerate() {
        let light = own - levels[darkest];
        if light < LEAST_LIGHT_DN || group.planes.len() < 2 {
            continue;
        }
        let pattern::Mean { values: mean, noise_dn, .. } = pattern::layers(group).clipped_mean(width);
        let lit: Vec<f32> = mean.iter().zip(&dark).map(|(mean, dark)| mean - dark).collect();
        let around = pattern::means_around(&lit, height, width, 0.2 * light);
        let values: Vec<f32> = lit
            .iter()
            .zip(&around)
            .map(
                |(lit, around)| {
                    if *around > 0.2 * light { (lit / around - 1.0).clamp(-MOST, MOST) } else { 0.0 }
                },
            )
            .collect();
        // Of the pixels that see light.
        let mut sizes: Vec<f32> = values
            .iter()
            .zip(&around)
            .filter(|(_, around)| **around > 0.2 * light)
            .step_by((values.len() / 50_000).max(1))
            .map(|(value, _)| value.abs())
            .collect();
        let spread = 1.4826 * pattern::median(&mut sizes);
        let noise = noise_dn / light;
        // What is left of the spread without noise, over that noise.
        let told = (spread * spread - noise * noise).max(0.0).sqrt() / noise.max(1e-6);
        if told < 0.5 || best.as_ref().is_some_and(|(most, ..)| *most >= told) {
            continue;
        }
        let share = (told * told) / (1.0 + told * told);
        let values: Vec<f32> = values.iter().map(|value| value * share * UNITS).collect();
        let mut map = Map {
            kind: MapKind::Response,
            image: place.image.clone(),
            exposures: group.first().exposures.clone(),
            read: group.first().read,
            row: place.row,
            column: place.column,
            height,
            width,
            frames: group.planes.len() as u32,
            noise_dn: noise * UNITS,
            base_dn: 0,
            fraction_bits: 0,
            pixels: Image16::zeros(Shape::frame(0, 0)).into(),
        };
        map.set_values(&values);
        best = Some((told, number, map));
    }
    best.map(|(_, number, map)| (number, map))
}
