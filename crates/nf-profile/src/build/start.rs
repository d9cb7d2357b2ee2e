//! Pieces of frames from which adaptive models start.

use super::Place;
use super::group::{Group, Plane};
use crate::Start;
use crate::format::MOST_START_PX;
use nf_image::{Image16, Shape};

/// Most pieces of one image.
const MOST: usize = 4;
/// Most planes of a piece that is a ramp.
const MOST_PLANES: usize = 8;

/// Pieces of the largest groups: of each the middle of its last plane, with the planes of the same
/// stack that belong to other groups, if these are the reads of a ramp.
pub(super) fn of_groups(place: &Place, groups: &[Group]) -> Vec<Start> {
    let mut order: Vec<&Group> = groups.iter().collect();
    order.sort_by_key(|group| std::cmp::Reverse(group.planes.len()));
    let mut stacks: Vec<u32> = vec![];
    let mut starts = vec![];
    for group in order {
        let Some(last) = group.planes.last() else { continue };
        if starts.len() == MOST || stacks.contains(&last.stack) {
            continue;
        }
        stacks.push(last.stack);
        let mut planes: Vec<&Plane> = groups
            .iter()
            .flat_map(|group| {
                let mut own = group.planes.iter().filter(|plane| plane.stack == last.stack);
                // A series of exposures has several planes of a stack in one group.
                own.next_back().filter(|_| own.next().is_none() || group.planes.contains(&last))
            })
            .copied()
            .collect();
        planes.sort_by_key(|plane| plane.read);
        planes.truncate(MOST_PLANES);
        starts.extend(piece(place, &planes));
    }
    starts
}

/// The middle of these planes.
fn piece(place: &Place, planes: &[&Plane]) -> Option<Start> {
    let width = place.width.min(1024);
    let height = place.height.min(MOST_START_PX / width.max(1)).max(1);
    let (top, left) = ((place.height - height) / 2, (place.width - width) / 2);
    let mut samples = vec![];
    for plane in planes {
        for row in top..top + height {
            samples.extend_from_slice(&plane.samples[row * place.width + left..][..width]);
        }
    }
    let stack = Image16::new(Shape::new(planes.len(), height, width), samples).ok()?;
    Some(Start { image: place.image.clone(), row: place.row + top, column: place.column + left, stack })
}
