//! Hot pixels from frames without light, dead ones from bright frames.

use super::Place;
use super::amplifiers::is_dark;
use super::group::Group;
use super::pattern::{self, means_around};
use crate::{Area, DefectKind, Defects};

/// A hot pixel stands above those around it by so many standard deviations of such differences.
const HOT_SIGMAS: f32 = 6.0;
/// Fewest frames without light that tell hot pixels.
const FEWEST_DARKS: usize = 3;
/// A dead pixel makes less than this share of the light of those around it.
const DEAD_SHARE: f32 = 0.5;
/// What is more than this share of all pixels is no defect of pixels.
const MOST: f64 = 0.02;

/// The lists of defective pixels that these groups tell; `bright` is the number of the group whose
/// light tells the response.
pub(super) fn of_groups(place: &Place, groups: &[Group], bright: Option<usize>) -> Vec<Defects> {
    let levels = groups.iter().map(|group| pattern::layers(group).level()).enumerate();
    let Some((darkest, level)) = levels.min_by(|a, b| a.1.total_cmp(&b.1)) else { return vec![] };
    let group = &groups[darkest];
    let dark = pattern::layers(group).clipped_mean(place.width);
    let mut lists = vec![];
    if group.planes.len() >= FEWEST_DARKS && is_dark(place, group) {
        let around = means_around(&dark.values, place.height, place.width, 5.0 * dark.noise_dn + 1.0);
        let above: Vec<f32> = dark.values.iter().zip(&around).map(|(own, around)| own - around).collect();
        let mut sizes: Vec<f32> = above.iter().map(|above| above.abs()).collect();
        let spread = 1.4826 * pattern::median(&mut sizes);
        // At least the noise of one frame.
        let least = (HOT_SIGMAS * spread).max(dark.noise_dn * (group.planes.len() as f32).sqrt());
        lists.push((DefectKind::Hot, numbers(&above, |above| *above > least)));
    }
    if let Some(bright) = bright.filter(|bright| *bright != darkest) {
        let layers = pattern::layers(&groups[bright]);
        let light = layers.level() - level;
        let mean = layers.clipped_mean(place.width).values;
        let lit: Vec<f32> = mean.iter().zip(&dark.values).map(|(mean, dark)| mean - dark).collect();
        let around = means_around(&lit, place.height, place.width, DEAD_SHARE * light);
        let pairs: Vec<(f32, f32)> = lit.into_iter().zip(around).collect();
        // Of pixels that see light.
        let is_dead = |(lit, around): &(f32, f32)| *around > 0.2 * light && *lit < DEAD_SHARE * around;
        lists.push((DefectKind::Dead, numbers(&pairs, is_dead)));
    }
    let most = (MOST * (place.height * place.width) as f64) as usize;
    let Place { image, row, column, height, width } = place;
    let area = Area { row: *row, column: *column, height: *height, width: *width };
    lists.retain(|(_, pixels)| pixels.len() <= most);
    let list = |(kind, pixels)| Defects { kind, image: image.clone(), area: area.clone(), pixels };
    lists.into_iter().map(list).collect()
}

/// The numbers of the pixels that are so.
fn numbers<T>(pixels: &[T], is_so: impl Fn(&T) -> bool) -> Vec<u32> {
    pixels.iter().zip(0..).filter(|(pixel, _)| is_so(pixel)).map(|(_, number)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::group::Plane;
    use nf_image::Shape;
    use nf_image::testing::noise;

    #[test]
    fn hot_and_dead_pixels_are_found_and_no_others() {
        let shape = Shape::frame(200, 220);
        let place = Place { image: "A".into(), row: 4, column: 2, height: 200, width: 220 };
        let plane = |kind: &str, stack: u32, level: f64| {
            let mut samples = noise(shape, level, 5.0, u64::from(stack)).samples().to_vec();
            samples[500] += 300;
            samples[7000] += 60;
            samples[4000] = 500 + ((level - 500.0) / 4.0) as u16;
            // A ray.
            samples[100 + stack as usize] += 500;
            Plane { exposures: kind.into(), stack, read: 0, samples }
        };
        let planes = |kind: &str, first: u32, level: f64| -> Vec<Plane> {
            (first..first + 4).map(|stack| plane(kind, stack, level)).collect()
        };
        let sets = [planes("DARK", 0, 500.0), planes("FLAT", 4, 5000.0)];
        let groups: Vec<Group> = sets.iter().map(|set| Group { planes: set.iter().collect() }).collect();
        let lists = of_groups(&place, &groups, Some(1));
        let pixels = |kind| &lists.iter().find(|list| list.kind == kind).unwrap().pixels[..];
        assert_eq!((pixels(DefectKind::Hot), pixels(DefectKind::Dead)), (&[500, 7000][..], &[4000][..]));
        assert_eq!(lists[0].places().next(), Some([4 + 500 / 220, 2 + 500 % 220]));
        // Two darks cannot tell a ray from a hot pixel, and frames of a sky have stars.
        let two = Group { planes: groups[0].planes[..2].to_vec() };
        assert!(of_groups(&place, &[two], None).is_empty());
        assert!(of_groups(&place, &groups[1..], None).is_empty());
    }
}
