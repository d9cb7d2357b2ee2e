//! A profile from frames.
//!
//! Planes of one image (such as one amplifier) are gathered in groups that share a pattern, by what
//! their pixels say: reads of a ramp, biases, darks and flats find together without a header. Every
//! group becomes the map of its mean, if leaving one plane out shows that the others predict it.

mod group;
mod pattern;
mod response;
mod start;

use crate::{Map, Profile};
use group::{Group, Plane};
use nf_codec::{Codec, Error, Result};
use nf_image::{Image16, Shape};
use rayon::prelude::*;

/// Gathers planes of one detector.
#[derive(Default)]
pub struct Builder {
    images: Vec<Gathered>,
    frames: u32,
}

/// The planes of one image at one place of the detector.
struct Gathered {
    place: Place,
    planes: Vec<Plane>,
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
            self.images.push(Gathered { place, planes: vec![] });
            self.images.len() - 1
        });
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
    /// If there are no planes, or [`Profile::new`] fails.
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
        for Gathered { place, planes } in &self.images {
            let groups = group::groups(planes, place.width);
            let made: Vec<(Option<Map>, GroupReport)> =
                groups.par_iter().map(|group| one_map(place, group)).collect();
            let mut own: Vec<Map> = vec![];
            for (map, report) in made {
                own.extend(map);
                reports.push(report);
            }
            own.extend(response::of_groups(place, &groups));
            maps.extend(own);
            starts.extend(start::of_groups(place, &groups));
        }
        Ok((Profile::new(name, cards, self.frames, maps, starts, codec)?, reports))
    }
}

/// The map of a group, if it helps.
fn one_map(place: &Place, group: &Group) -> (Option<Map>, GroupReport) {
    let left_out = left_out(place, group);
    let is_map = left_out.is_some_and(|ratio| ratio < 1.0 - LEAST_GAIN);
    let report = GroupReport {
        image: place.image.clone(),
        exposures: group.first().exposures.clone(),
        planes: group.planes.len(),
        left_out,
        is_map,
    };
    (is_map.then(|| pattern::map(place, group)), report)
}

/// Differences of neighbours of the last plane after the pattern of the others was taken off, over
/// those before; none if there are no others.
fn left_out(place: &Place, group: &Group) -> Option<f64> {
    let (last, others) = group.planes.split_last().filter(|(_, others)| !others.is_empty())?;
    let values = pattern::values(place, &Group { planes: others.to_vec() }).0;
    Some(group::remaining(&last.samples, place.width, |i| f64::from(values[i])))
}
