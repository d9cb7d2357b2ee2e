//! Gain, read noise and offset of amplifiers by photon transfer, from pairs of planes of a group.

use super::Place;
use super::group::{Group, Plane};
use super::pattern;
use crate::{Amplifier, Area, Dark};
use nf_image::{Image16, Region, RegionKind, Shape};
use nf_noise::photon_transfer::Transfer;
use std::collections::BTreeMap;

/// Most planes of a group that are compared in pairs.
const MOST_PLANES: usize = 8;
/// Frames without light differ in their noise by at most this factor from place to place.
const MOST_UNEVEN: f64 = 1.5;

/// The amplifiers of a place that these groups tell anything of. `regions` are those of its
/// detector; without any it has one amplifier, and no pixels that never see light.
pub(super) fn of_groups(place: &Place, regions: &[Region], groups: &[Group]) -> Vec<Amplifier> {
    let whole = whole(place);
    let inside = |region: &&Region| region.rows.end <= place.height && region.columns.end <= place.width;
    let mut by_number: BTreeMap<usize, Vec<&Region>> = BTreeMap::new();
    for region in regions.iter().filter(inside) {
        by_number.entry(region.amplifier).or_default().push(region);
    }
    if by_number.is_empty() {
        by_number.insert(0, vec![&whole]);
    }
    by_number.iter().filter_map(|(number, regions)| amplifier(place, *number, regions, groups)).collect()
}

/// The amplifier of these regions; none if nothing is known of it.
fn amplifier(place: &Place, number: usize, regions: &[&Region], groups: &[Group]) -> Option<Amplifier> {
    let pixels = |region: &&&Region| region.rows.len() * region.columns.len();
    let of_kind = |lit: bool| regions.iter().filter(move |region| (region.kind == RegionKind::Active) == lit);
    let lit = of_kind(true).max_by_key(pixels)?;
    let unexposed = of_kind(false).max_by_key(pixels);
    let gain = gain(place, lit, groups);
    let dark = unexposed
        .and_then(|region| groups.iter().find_map(|group| dark(place, region, group)))
        .or_else(|| groups.iter().filter(|group| says_dark(group)).find_map(|group| dark(place, lit, group)));
    (gain.is_some() || dark.is_some()).then(|| Amplifier {
        image: place.image.clone(),
        number: number.try_into().unwrap_or(u16::MAX),
        area: Area {
            row: place.row + lit.rows.start,
            column: place.column + lit.columns.start,
            height: lit.rows.len(),
            width: lit.columns.len(),
        },
        gain_electrons_per_dn: gain.map(|gain| gain as f32),
        dark,
    })
}

fn whole(place: &Place) -> Region {
    Region {
        kind: RegionKind::Active,
        amplifier: 0,
        rows: 0..place.height,
        columns: 0..place.width,
        reversed_columns: false,
        reversed_rows: false,
    }
}

/// Whether there is no light in a group: the kind of exposures says so, and the noise is the same
/// everywhere. Some instruments call every exposure a dark.
pub(super) fn is_dark(place: &Place, group: &Group) -> bool {
    says_dark(group) && dark(place, &whole(place), group).is_some()
}

fn says_dark(group: &Group) -> bool {
    let kind = group.first().exposures.to_ascii_lowercase();
    ["bias", "zero", "dark"].iter().any(|word| kind.contains(word))
}

/// Electrons per DN from the darkest group and the one that tells most with it.
fn gain(place: &Place, region: &Region, groups: &[Group]) -> Option<f64> {
    let pairs: Vec<Vec<&Plane>> = groups.iter().map(|group| in_pairs(group)).collect();
    let levels = groups.iter().map(|group| pattern::layers(group).level()).enumerate();
    let of_two = levels.filter(|(number, _)| !pairs[*number].is_empty());
    let darkest = of_two.min_by(|a, b| a.1.total_cmp(&b.1))?.0;
    let transfers = (0..groups.len()).filter_map(|number| {
        let others = if number == darkest { &[][..] } else { &pairs[number] };
        Transfer::of(&stack(place, region, &[&pairs[darkest], others].concat())?)
    });
    let known = transfers.filter_map(|transfer| Some((transfer.light_over_dark()?, transfer.gain()?)));
    known.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, gain)| gain)
}

/// Level and noise of a region of a group, if its noise is the same everywhere.
fn dark(place: &Place, region: &Region, group: &Group) -> Option<Dark> {
    let planes = in_pairs(group);
    let stack = stack(place, region, &planes)?;
    let transfer = Transfer::of(&stack)?;
    let mut variances: Vec<f32> = transfer.bins.iter().map(|bin| bin.variance as f32).collect();
    let variance = f64::from(pattern::median(&mut variances));
    let most = transfer.bins.iter().map(|bin| bin.variance).fold(0.0, f64::max);
    let mut samples: Vec<f32> = stack.samples().iter().map(|&sample| f32::from(sample)).collect();
    (variance > 0.0 && most < MOST_UNEVEN * variance).then(|| Dark {
        // Of integers: their mean is finer than their median.
        offset_dn: clipped_mean(&mut samples),
        read_noise_dn: variance.sqrt() as f32,
    })
}

/// The mean of the middle half of values.
fn clipped_mean(values: &mut [f32]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let middle = &values[values.len() / 4..values.len() - values.len() / 4];
    (middle.iter().map(|value| f64::from(*value)).sum::<f64>() / middle.len().max(1) as f64) as f32
}

/// Planes of a group of which every two successive ones have about the same light.
fn in_pairs<'a>(group: &Group<'a>) -> Vec<&'a Plane> {
    let level = |plane: &Plane| {
        let step = (plane.samples.len() / 10_000).max(1) | 1;
        let mut some: Vec<f32> = plane.samples.iter().step_by(step).map(|&x| f32::from(x)).collect();
        pattern::median(&mut some)
    };
    let mut planes: Vec<(f32, &Plane)> = group.planes.iter().map(|plane| (level(plane), *plane)).collect();
    planes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = planes.len().min(MOST_PLANES) / 2 * 2;
    planes.into_iter().take(count).map(|(_, plane)| plane).collect()
}

/// A region of planes as a stack; none of no planes.
fn stack(place: &Place, region: &Region, planes: &[&Plane]) -> Option<Image16> {
    let shape = Shape::new(planes.len(), region.rows.len(), region.columns.len());
    let rows = |plane: &Plane| -> Vec<u16> {
        let row = |row: usize| &plane.samples[row * place.width..][region.columns.clone()];
        region.rows.clone().flat_map(row).copied().collect()
    };
    let samples = planes.iter().flat_map(|plane| rows(plane)).collect();
    (!planes.is_empty()).then(|| Image16::new(shape, samples).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::testing::Rng;

    const HEIGHT: usize = 400;
    const WIDTH: usize = 232;

    /// A plane of a light that grows to the right, with a gain of 2 electrons per DN, a read noise
    /// of 3 DN at an offset of 1000 DN, and 32 columns of overscan.
    fn plane(kind: &str, stack: u32, light_dn: f64) -> Plane {
        let mut rng = Rng::new(u64::from(stack) + 1);
        let mut deviation = |rms: f64| {
            let sum: usize = (0..12).map(|_| rng.below(1001)).sum();
            rms * (sum as f64 / 1000.0 - 6.0)
        };
        let samples = (0..HEIGHT * WIDTH).map(|i| {
            let lit = if i % WIDTH < 200 { light_dn * (0.5 + (i % WIDTH) as f64 / 200.0) } else { 0.0 };
            (1000.0 + lit + deviation((9.0 + lit / 2.0).sqrt())).round() as u16
        });
        Plane { exposures: kind.into(), stack, read: 0, samples: samples.collect() }
    }

    fn found(planes: &[&[Plane]], regions: &[Region]) -> Vec<Amplifier> {
        let groups: Vec<Group> = planes.iter().map(|set| Group { planes: set.iter().collect() }).collect();
        let place = Place { image: "A".into(), row: 10, column: 20, height: HEIGHT, width: WIDTH };
        of_groups(&place, regions, &groups)
    }

    fn near(found: f32, truth: f32, share: f32) {
        assert!((found / truth - 1.0).abs() < share, "{found}, expected {truth}");
    }

    #[test]
    fn biases_and_flats_tell_gain_noise_and_offset() {
        let biases = [plane("BIAS", 0, 0.0), plane("BIAS", 1, 0.0)];
        let flats = [plane("FLAT", 2, 8000.0), plane("FLAT", 3, 8100.0), plane("FLAT", 4, 9000.0)];
        let both = found(&[&flats, &biases], &[]);
        assert_eq!(both.len(), 1);
        near(both[0].gain_electrons_per_dn.unwrap(), 2.0, 0.05);
        near(both[0].dark.unwrap().read_noise_dn, 3.0, 0.05);
        near(both[0].dark.unwrap().offset_dn, 1000.0, 1e-4);
        near(both[0].read_noise_electrons().unwrap(), 6.0, 0.06);
        // Biases have no light, single planes no pair.
        assert_eq!(found(&[&biases], &[])[0].gain_electrons_per_dn, None);
        assert!(found(&[&flats[..1], &biases[..1]], &[]).is_empty());
        // What is called a dark and has light is none.
        let called = [plane("DARK", 2, 8000.0), plane("DARK", 3, 8000.0)];
        assert!(found(&[&called], &[]).iter().all(|amplifier| amplifier.dark.is_none()));
    }

    #[test]
    fn an_overscan_needs_no_biases() {
        let region = |kind, columns| Region {
            kind,
            amplifier: 3,
            rows: 0..HEIGHT,
            columns,
            reversed_columns: false,
            reversed_rows: false,
        };
        let regions = [region(RegionKind::Active, 0..200), region(RegionKind::Overscan, 200..232)];
        let flats: Vec<Plane> = (0..4).map(|stack| plane("", stack, 8000.0)).collect();
        let found = found(&[&flats], &regions);
        let Amplifier { number, area, dark, gain_electrons_per_dn: gain, .. } = &found[0];
        assert_eq!((*number, area.row, area.column, area.width), (3, 10, 20, 200));
        near(gain.unwrap(), 2.0, 0.06);
        near(dark.unwrap().read_noise_dn, 3.0, 0.06);
        near(dark.unwrap().offset_dn, 1000.0, 1e-4);
    }
}
