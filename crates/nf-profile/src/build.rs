//! A profile from frames.
//!
//! Planes of one image (such as one amplifier) are gathered in groups that share a pattern, by what
//! their pixels say: reads of a ramp, biases, darks and flats find together without a header. Every
//! group becomes the map of its mean, if leaving one plane out shows that the others predict it.

mod amplifiers;
mod defects;
mod group;
mod joint;
mod pattern;
mod response;
mod start;
mod update;

use crate::{Amplifier, Defects, Map, MapKind, Parts, Profile, Start, format};
use group::{Group, Plane};
use nf_codec::{Codec, Error, Result};
use nf_image::{Image16, Region, Shape};
use rayon::prelude::*;
use update::Known;

/// Gathers planes of one detector.
#[derive(Default)]
pub struct Builder {
    images: Vec<Gathered>,
    frames: u32,
    /// Of an older profile.
    old_maps: Vec<Map>,
    old_starts: Vec<Start>,
    old_amplifiers: Vec<Amplifier>,
    old_defects: Vec<Defects>,
    old_frames: u32,
}

/// The planes of one image at one place of the detector.
struct Gathered {
    place: Place,
    planes: Vec<Plane>,
    /// Those of its detector, if any frame states them.
    regions: Vec<Region>,
}

/// An image of a file, and where it lies on the detector.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    image: String,
    row: usize,
    column: usize,
    height: usize,
    width: usize,
}

impl Place {
    /// Whether a map is of this place.
    fn is_of(&self, map: &Map) -> bool {
        let Map { image, row, column, height, width, .. } = map;
        (image, row, column, height, width)
            == (&self.image, &self.row, &self.column, &self.height, &self.width)
    }
}

/// What became of a group of planes, for the report of a build.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupReport {
    /// The image that it belongs to.
    pub image: String,
    /// The kind of exposures of its first plane.
    pub exposures: String,
    /// How many planes it has.
    pub planes: usize,
    /// Mean absolute difference of neighbours of a plane that was left out, after the mean of the
    /// others was taken off (by the share that fits best), over that before; none of a single
    /// plane.
    pub left_out: Option<f64>,
    /// Whether it became a map.
    pub is_map: bool,
}

/// A map has to take off at least this share of the differences of neighbours.
const LEAST_GAIN: f64 = 0.002;

impl Builder {
    /// Begins with what an older profile knows: its maps count for as many frames as they are the
    /// mean of, up to 200.
    pub fn update(profile: &Profile) -> Self {
        Self {
            old_maps: profile.maps().to_vec(),
            old_starts: profile.starts().to_vec(),
            old_amplifiers: profile.amplifiers().to_vec(),
            old_defects: profile.defects().to_vec(),
            old_frames: profile.frames(),
            ..Self::default()
        }
    }

    /// Takes the planes of a stack.
    ///
    /// `image` names the image of the file, such as the name of its extension; `exposures` is the
    /// kind of exposure, for people; `row` and `column` are where its first pixel lies on the
    /// detector.
    pub fn add(&mut self, image: &str, exposures: &str, [row, column]: [usize; 2], stack: &Image16) {
        let Shape { planes, height, width } = stack.shape();
        if height * width == 0 {
            return;
        }
        self.frames += 1;
        let place = Place { image: image.to_owned(), row, column, height, width };
        let at = self.images.iter().position(|known| known.place == place).unwrap_or_else(|| {
            self.images.push(Gathered { place, planes: vec![], regions: vec![] });
            self.images.len() - 1
        });
        if self.images[at].regions.is_empty() {
            self.images[at].regions = stack.detector().map_or(vec![], |detector| detector.regions.clone());
        }
        for plane in 0..planes {
            let read = if planes > 1 { plane as u16 } else { 0 };
            let samples = stack.plane(plane).to_vec();
            let (exposures, stack) = (exposures.to_owned(), self.frames);
            self.images[at].planes.push(Plane { exposures, stack, read, samples });
        }
    }

    /// How many stacks were taken.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// The profile of what was gathered, with the maps' pixels coded by `codec`, and what became of
    /// every group.
    ///
    /// # Errors
    /// If there are no planes, or [`format::write`] fails.
    pub fn finish(
        self,
        name: &str,
        cards: Vec<(String, String)>,
        codec: &dyn Codec,
    ) -> Result<(Profile, Vec<GroupReport>)> {
        if self.images.is_empty() {
            return Err(Error::corrupt("the profile", "no frame with pixels, expected at least two frames"));
        }
        let (mut maps, mut reports, mut starts) = (vec![], vec![], vec![]);
        let (mut amplifiers, mut defects) = (vec![], vec![]);
        let mut taken = vec![];
        for Gathered { place, planes, regions } in &self.images {
            let groups = group::groups(planes, place.width);
            let response = response::of_groups(place, &groups);
            amplifiers.extend(amplifiers::of_groups(place, regions, &groups));
            defects.extend(defects::of_groups(place, &groups, response.as_ref().map(|(group, _)| *group)));
            let patterns = patterns(place, &groups, response.as_ref());
            let left_out: Vec<Option<f64>> = groups.par_iter().map(|group| left_out(place, group)).collect();
            for ((group, (values, noise_dn)), left_out) in groups.iter().zip(patterns).zip(left_out) {
                let mut known = Known { values, noise_dn, frames: group.planes.len() as u32 };
                let mut is_map = left_out.is_some_and(|ratio| ratio < 1.0 - LEAST_GAIN);
                let single = match group.planes[..] {
                    [plane] => Some(&plane.samples),
                    _ => None,
                };
                if let Some(samples) = single {
                    // Nothing of it can be told from noise before an old map is taken off.
                    known.values = samples.iter().map(|&sample| f32::from(sample)).collect();
                }
                if let Some(old) = update::find(&self.old_maps, &taken, place, &known) {
                    let map = &self.old_maps[old];
                    if let Some(own) = single.and_then(|samples| update::of_plane(map, place, samples)) {
                        known = own;
                    }
                    known = update::joined(map, &known);
                    taken.push(old);
                    is_map = true;
                }
                reports.push(GroupReport {
                    image: place.image.clone(),
                    exposures: group.first().exposures.clone(),
                    planes: group.planes.len(),
                    left_out,
                    is_map,
                });
                maps.extend(is_map.then(|| pattern::map(place, group, &known)));
            }
            if let Some((_, new)) = response {
                let is_own = |map: &Map| map.kind == MapKind::Response && place.is_of(map);
                let old = self.old_maps.iter().position(is_own);
                if old.is_none_or(|old| new.noise_dn < self.old_maps[old].noise_dn) {
                    taken.extend(old);
                    maps.push(new);
                }
            }
            starts.extend(start::of_groups(place, &groups));
        }
        // What the new frames say nothing of stays.
        let kept = self.old_maps.iter().enumerate().filter(|(index, _)| !taken.contains(index));
        maps.extend(kept.map(|(_, map)| map.clone()));
        let is_new = |start: &&Start| starts.iter().all(|new: &Start| new.image != start.image);
        let kept: Vec<Start> = self.old_starts.iter().filter(is_new).cloned().collect();
        starts.extend(kept);
        let amplifiers = update::amplifiers(self.old_amplifiers, amplifiers);
        let defects = update::defects(self.old_defects, defects);
        let frames = self.frames + self.old_frames;
        let parts = Parts { name: name.to_owned(), cards, frames, maps, starts, amplifiers, defects };
        Ok((format::write(parts, codec)?, reports))
    }
}

/// The pattern of every group, and its noise.
fn patterns(place: &Place, groups: &[Group], response: Option<&(usize, Map)>) -> Vec<(Vec<f32>, f32)> {
    let known = joint::Known::of_groups(place, groups, response);
    let mut patterns: Vec<Option<(Vec<f32>, f32)>> = groups.iter().map(|_| None).collect();
    for group in 0..groups.len() {
        if patterns[group].is_some() {
            continue;
        }
        let reads = group::reads(groups, group);
        if let ([_], Some(known)) = (&reads[..], &known) {
            patterns[group] = known.values(place, (group, &groups[group]));
        }
        if patterns[group].is_none() {
            let ramp: Vec<&Group> = reads.iter().map(|&read| &groups[read]).collect();
            for (read, pattern) in reads.into_iter().zip(pattern::of_ramp(place, &ramp)) {
                patterns[read] = Some(pattern);
            }
        }
    }
    patterns.into_iter().flatten().collect()
}

/// Differences of neighbours of the last plane after the pattern of the others was taken off, over
/// those before; none if there are no others.
fn left_out(place: &Place, group: &Group) -> Option<f64> {
    let (last, others) = group.planes.split_last().filter(|(_, others)| !others.is_empty())?;
    let others = Group { planes: others.to_vec() };
    let values = pattern::values(place, &pattern::layers(&others)).0;
    Some(group::remaining(&last.samples, place.width, |i| f64::from(values[i])))
}
