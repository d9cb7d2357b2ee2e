//! Pieces of frames from which adaptive models start.

use super::Place;
use super::group::{Group, Plane, reads};
use crate::Start;
use crate::format::MOST_START_PX;
use nf_image::{Image16, Shape};

/// Most starts of one image.
const MOST: usize = 4;
/// Most reads of a start that is a ramp.
const MOST_READS: usize = 8;

/// Starts of the largest groups: of each the middle of its last planes, with the planes of the same
/// stacks that are groups of their own, if these are the reads of a ramp.
pub(super) fn of_groups(place: &Place, groups: &[Group]) -> Vec<Start> {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|&group| std::cmp::Reverse(groups[group].planes.len()));
    let mut used: Vec<usize> = vec![];
    let mut starts = vec![];
    for group in order {
        if starts.len() < MOST && !used.contains(&group) {
            let mut reads = reads(groups, group);
            reads.truncate(MOST_READS);
            used.extend(&reads);
            starts.extend(start(place, groups, &reads));
        }
    }
    starts
}

/// The middle of the last exposures of these reads, as many as there is room for.
fn start(place: &Place, groups: &[Group], reads: &[usize]) -> Option<Start> {
    let width = place.width.min(1024);
    let height = place.height.min(MOST_START_PX / width.max(1)).max(1);
    let (top, left) = ((place.height - height) / 2, (place.width - width) / 2);
    let planes = reads.iter().map(|&read| groups[read].planes.len()).min()?;
    let exposures = planes.min(MOST_START_PX / (width * height).max(1)).max(1);
    let mut samples = vec![];
    for exposure in (1..=exposures).rev() {
        for &read in reads {
            let planes = &groups[read].planes;
            let plane: &Plane = planes[planes.len() - exposure];
            for row in top..top + height {
                samples.extend_from_slice(&plane.samples[row * place.width + left..][..width]);
            }
        }
    }
    let shape = Shape::new(exposures * reads.len(), height, width);
    let stack = Image16::new(shape, samples).ok()?;
    let (image, row, column) = (place.image.clone(), place.row + top, place.column + left);
    Some(Start { image, row, column, reads: reads.len(), stack: stack.into() })
}
