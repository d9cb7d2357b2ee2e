//! Planes that share a pattern.
//!
//! How much two planes share is the ratio of the mean absolute differences of neighbours in their
//! difference to what two planes of the same differences would have if they were independent: 1 for
//! noise, little for a strong pattern. A plane belongs with those whose ratio is nearly its least.

use rayon::prelude::*;

/// About the number of pairs of neighbours that are looked at.
const PAIRS: usize = 40_000;
/// Planes belong together up to this multiple of their least ratio.
const SLACK: f64 = 1.1;
/// Planes whose ratio is above this must also have differences of about the same size.
const LOOSE: f64 = 0.7;
const LIKE_SIZE: f64 = 1.4;
/// All pairs of so many planes are compared; the others join those of them that they share most
/// with.
const MOST_COMPARED: usize = 64;
/// Planes of one stack are a ramp if their ratio is at most this multiple of that across stacks.
const MOST_OF_RAMP: f64 = 0.8;
/// Differences count up to so many times their median: stars and rays are no pattern.
const CLIP_MEDIANS: f64 = 8.0;
/// Rounds of the fit of a share.
const ROUNDS: usize = 5;

/// A plane of a stack.
#[derive(PartialEq)]
pub(super) struct Plane {
    /// The kind of exposure.
    pub(super) exposures: String,
    /// The number of its stack.
    pub(super) stack: u32,
    /// Its place in its stack.
    pub(super) read: u16,
    pub(super) samples: Vec<u16>,
}

/// Planes of one image that share a pattern; at least one.
pub(super) struct Group<'a> {
    pub(super) planes: Vec<&'a Plane>,
}

/// The groups of these planes.
pub(super) fn groups(planes: &[Plane], width: usize) -> Vec<Group<'_>> {
    let compared = planes.len().min(MOST_COMPARED);
    let sizes: Vec<f64> = planes.par_iter().map(|plane| size(&plane.samples, width)).collect();
    let rows: Vec<Vec<f64>> = (0..planes.len())
        .into_par_iter()
        .map(|i| {
            let ratio = |j: usize| {
                if i == j {
                    f64::INFINITY
                } else {
                    ratio(&planes[i].samples, &planes[j].samples, (sizes[i], sizes[j]), width)
                }
            };
            (0..compared).map(ratio).collect()
        })
        .collect();
    // The reads of a ramp have a pattern each.
    let is_ramp = is_ramp(&planes[..compared], &rows);
    let may = |i: usize, j: usize| !is_ramp || planes[i].read == planes[j].read;
    let least =
        |i: usize| (0..compared).filter(|&j| may(i, j)).map(|j| rows[i][j]).fold(f64::INFINITY, f64::min);
    let least: Vec<f64> = (0..planes.len()).map(least).collect();
    let belong = |i: usize, j: usize| {
        let ratio = rows[i][j];
        let alike = (sizes[i] / sizes[j].max(1e-9)).max(sizes[j] / sizes[i].max(1e-9)) < LIKE_SIZE;
        may(i, j) && ratio <= SLACK * least[i].max(least[j]) && (ratio < LOOSE || alike)
    };
    // Connected components: every plane has the number of the first of its component.
    let mut component: Vec<usize> = (0..planes.len()).collect();
    for i in 0..planes.len() {
        for j in 0..i.min(compared) {
            if belong(i, j) {
                let (from, to) = (component[i].max(component[j]), component[i].min(component[j]));
                component.iter_mut().filter(|number| **number == from).for_each(|number| *number = to);
            }
        }
    }
    let mut numbers: Vec<usize> = component.clone();
    numbers.sort_unstable();
    numbers.dedup();
    let members = |number: usize| planes.iter().zip(&component).filter(move |(_, own)| **own == number);
    numbers
        .into_iter()
        .map(|number| Group { planes: members(number).map(|(plane, _)| plane).collect() })
        .collect()
}

/// Whether planes of one stack share what those of different stacks at the same place do not, as
/// the reads of a ramp share the noise of their reset.
fn is_ramp(planes: &[Plane], rows: &[Vec<f64>]) -> bool {
    let mean = |counts: fn(&Plane, &Plane) -> bool| {
        let pairs = (0..planes.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
        let ratios: Vec<f64> =
            pairs.filter(|&(i, j)| counts(&planes[i], &planes[j])).map(|(i, j)| rows[i][j]).collect();
        (!ratios.is_empty()).then(|| ratios.iter().sum::<f64>() / ratios.len() as f64)
    };
    let within = mean(|a, b| a.stack == b.stack && a.read.abs_diff(b.read) == 1);
    let across = mean(|a, b| a.stack != b.stack && a.read == b.read);
    matches!((within, across), (Some(within), Some(across)) if within < MOST_OF_RAMP * across)
}

impl Group<'_> {
    /// The first plane.
    pub(super) fn first(&self) -> &Plane {
        self.planes[0]
    }
}

/// The groups that are reads of the same ramps as `group`, itself among them, in the order of the
/// reads; itself alone if it is no read of a ramp.
pub(super) fn reads(groups: &[Group], group: usize) -> Vec<usize> {
    let stacks = |group: &Group| -> Vec<u32> { group.planes.iter().map(|plane| plane.stack).collect() };
    let own = stacks(&groups[group]);
    let is_series = own.windows(2).any(|pair| pair[0] == pair[1]);
    let same = |other: usize| other == group || !is_series && stacks(&groups[other]) == own;
    let mut reads: Vec<usize> = (0..groups.len()).filter(|&other| same(other)).collect();
    reads.sort_by_key(|&read| groups[read].first().read);
    reads
}

/// Places of the right pixels of pairs of horizontal neighbours.
fn pairs(pixels: usize, width: usize) -> impl Iterator<Item = usize> + Clone {
    // An odd step visits all columns of frames of every usual width.
    let step = (pixels / PAIRS).max(1) | 1;
    (0..pixels).step_by(step).filter(move |i| i % width != 0)
}

/// Mean absolute difference of neighbours, without outliers.
fn size(samples: &[u16], width: usize) -> f64 {
    clipped_mean(pairs(samples.len(), width).map(|i| f64::from(samples[i]) - f64::from(samples[i - 1])))
}

fn clipped_mean(differences: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = differences.map(f64::abs).collect();
    if all.is_empty() {
        return 0.0;
    }
    let middle = all.len() / 2;
    let clip = CLIP_MEDIANS * all.select_nth_unstable_by(middle, f64::total_cmp).1.max(0.5);
    all.iter().map(|difference| difference.min(clip)).sum::<f64>() / all.len() as f64
}

/// How much two planes share, whose differences of neighbours have these sizes.
fn ratio(a: &[u16], b: &[u16], sizes: (f64, f64), width: usize) -> f64 {
    let apart = |i: usize| f64::from(a[i]) - f64::from(b[i]);
    let apart = clipped_mean(pairs(a.len(), width).map(|i| apart(i) - apart(i - 1)));
    apart / sizes.0.hypot(sizes.1).max(1e-6)
}

/// Mean absolute difference of neighbours in a plane after a share of `pattern` was taken off, the
/// one that leaves least, over that before.
pub(super) fn remaining<T: Copy + Into<f64>>(
    plane: &[T],
    width: usize,
    pattern: impl Fn(usize) -> f64,
) -> f64 {
    let plane_value = |i: usize| plane[i].into();
    let pairs: Vec<(f64, f64)> = pairs(plane.len(), width)
        .map(|i| (pattern(i) - pattern(i - 1), plane_value(i) - plane_value(i - 1)))
        .collect();
    let mean = |share: f64| {
        pairs.iter().map(|(x, y)| (y - share * x).abs()).sum::<f64>() / pairs.len().max(1) as f64
    };
    let mut share = 0.0;
    for round in 0..ROUNDS {
        let floor = 0.3 * mean(share).max(0.1);
        let (mut products, mut squares) = (0.0, 1e-9);
        for (x, y) in &pairs {
            let weight = if round == 0 { 1.0 } else { 1.0 / ((y - share * x).abs() + floor) };
            products += weight * x * y;
            squares += weight * x * x;
        }
        share = products / squares;
    }
    mean(share) / mean(0.0).max(1e-9)
}
