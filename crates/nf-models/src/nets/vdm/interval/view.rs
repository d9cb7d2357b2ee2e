//! What the network sees of a tile in a pass.

use super::order::{B, C, D, Known, Part};
use crate::intervals::{Intervals, UNKNOWN};
use crate::tile_stats::TileStats;
use nf_engine::math::{asinh, ln};

/// Features of a cell: `a` against the median and its three neighbours of the same kind, then `b`,
/// `c` and `d` against the mean of the `a` around them as far as they are known, then one over the
/// noise scale.
pub(super) const CELL_FEATURES: usize = 8;

/// Features of a target.
pub(super) const TARGET_FEATURES: usize = 13;

/// Predictors of a target.
pub(super) const PREDICTORS: usize = 8;

/// What is known around one target, and of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Target {
    /// For the network.
    pub(super) features: [f32; TARGET_FEATURES],
    /// For the mixture: in samples.
    pub(super) predictors: [f32; PREDICTORS],
    /// The unit of offsets and scales of the mixture, in samples.
    pub(super) local_scale: f32,
}

/// A distance in rows and columns, in units of the level's spacing.
type Offset = [isize; 2];

/// Eight neighbours, nearer ones first, each the mean of two pixels.
type Neighbours = [[Offset; 2]; 8];

const fn single(offset: Offset) -> [Offset; 2] {
    [offset, offset]
}

const SIDES: [[Offset; 2]; 4] = [single([0, -1]), single([0, 1]), single([-1, 0]), single([1, 0])];
const CORNERS: [[Offset; 2]; 4] = [single([-1, -1]), single([-1, 1]), single([1, -1]), single([1, 1])];

const fn joined(near: [[Offset; 2]; 4], next: [[Offset; 2]; 4]) -> Neighbours {
    [near[0], near[1], near[2], near[3], next[0], next[1], next[2], next[3]]
}

const D_A: Neighbours =
    joined(CORNERS, [[[-3, -1], [-3, 1]], [[3, -1], [3, 1]], [[-1, -3], [1, -3]], [[-1, 3], [1, 3]]]);
const D_EXACT_A: Neighbours = joined(CORNERS, SIDES);
const B_A: Neighbours = joined(
    [single([0, -1]), single([0, 1]), [[-2, -1], [-2, 1]], [[2, -1], [2, 1]]],
    [single([0, -3]), single([0, 3]), [[-2, -3], [-2, 3]], [[2, -3], [2, 3]]],
);
const B_AD: Neighbours =
    joined(SIDES, [[[-2, -1], [-2, 1]], [[2, -1], [2, 1]], [[-1, -2], [1, -2]], [[-1, 2], [1, 2]]]);
const ALL: Neighbours = joined(SIDES, CORNERS);

/// The neighbours of a target; of `c` those of `b` with rows and columns exchanged.
fn neighbours(part: Part, known: Known) -> Neighbours {
    let of_b = match (part, known) {
        (D, Known::A | Known::AD) => return D_A,
        (D, Known::ExactA) => return D_EXACT_A,
        (_, Known::All) => return ALL,
        (_, Known::AD) => B_AD,
        (_, Known::A | Known::ExactA) => B_A,
    };
    if part == B { of_b } else { of_b.map(|pair| pair.map(|[rows, columns]| [columns, rows])) }
}

/// A tile of one plane while it becomes known, seen at one level.
pub(super) struct View<'a> {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) stats: TileStats,
    pub(super) intervals: &'a Intervals,
    /// Distance of neighbouring pixels of the level.
    pub(super) spacing: usize,
}

impl View<'_> {
    /// Rows and columns of cells.
    pub(super) fn cells(&self) -> [usize; 2] {
        [self.height.div_ceil(2 * self.spacing), self.width.div_ceil(2 * self.spacing)]
    }

    /// The place of one pixel of a cell in the tile; `None` if it is outside.
    pub(super) fn place(&self, [y, x]: [usize; 2], part: Part) -> Option<usize> {
        let row = (2 * y + part[0]) * self.spacing;
        let column = (2 * x + part[1]) * self.spacing;
        (row < self.height && column < self.width).then_some(row * self.width + column)
    }

    /// What is known of a pixel at a distance from one of a cell. Outside of the tile that of the
    /// pixel as far on the other side, which is known as well; else that of the cell's `a`.
    fn at(&self, cell: [usize; 2], part: Part, offset: Offset) -> f32 {
        let along = |cell: usize, part: usize, offset: isize, extent: usize| {
            let from = ((2 * cell + part) * self.spacing) as isize;
            let step = offset * self.spacing as isize;
            let inside = |at: &isize| (0..extent as isize).contains(at);
            [from + step, from - step].into_iter().find(inside).map(|at| at as usize)
        };
        let row = along(cell[0], part[0], offset[0], self.height);
        let column = along(cell[1], part[1], offset[1], self.width);
        let own = 2 * self.spacing * (cell[0] * self.width + cell[1]);
        let place = row.zip(column).map_or(own, |(row, column)| row * self.width + column);
        self.intervals.middle(place)
    }

    /// The features of a cell.
    pub(super) fn cell_features(&self, cell: [usize; 2]) -> [f32; CELL_FEATURES] {
        let inverse = 1.0 / self.stats.noise_scale();
        let near = |difference: f32| asinh(difference * inverse);
        let a = [[0, 0], [0, 2], [2, 0], [2, 2]].map(|offset| self.at(cell, [0, 0], offset));
        let around = |part: Part, mean: f32| {
            let place = self.place(cell, part).filter(|&place| self.intervals.at(place).1 < UNKNOWN);
            place.map_or(0.0, |place| near(self.intervals.middle(place) - mean))
        };
        [
            near(a[0] - f32::from(self.stats.median)),
            near(a[0] - a[1]),
            near(a[0] - a[2]),
            near(a[0] - a[3]),
            around(B, 0.5 * (a[0] + a[1])),
            around(C, 0.5 * (a[0] + a[2])),
            around(D, 0.25 * (a[0] + a[1] + a[2] + a[3])),
            inverse,
        ]
    }

    /// What is known around a pixel of a cell at `place`.
    pub(super) fn target(&self, cell: [usize; 2], part: Part, known: Known, place: usize) -> Target {
        let scale = self.stats.noise_scale();
        let inverse = 1.0 / scale;
        let values = neighbours(part, known).map(|[one, other]| {
            let first = self.at(cell, part, one);
            if one == other { first } else { 0.5 * (first + self.at(cell, part, other)) }
        });
        let mean = |of: &[f32]| 0.25 * (of[0] + of[1] + of[2] + of[3]);
        let (near, next) = (mean(&values[..4]), mean(&values[4..]));
        let sizes: [f32; 4] = std::array::from_fn(|i| (values[i] - near).abs());
        let activity = 0.5 * mean(&sizes);
        let local_scale = (scale * scale + activity * activity).sqrt();
        let bits = self.intervals.at(place).1;
        // What is known of the target itself, where that is anything.
        let own = (bits < UNKNOWN).then(|| self.intervals.middle(place));
        let local = |value: f32| asinh((value - near) / local_scale);
        let mut features = [0.0; TARGET_FEATURES];
        features[0] = ln(f64::from(local_scale * inverse)) as f32;
        features[1] = asinh((near - f32::from(self.stats.median)) * inverse);
        for (feature, &value) in features[2..10].iter_mut().zip(&values) {
            *feature = local(value);
        }
        if let Some(own) = own {
            features[10] = local(own);
            features[11] = asinh((own - near) * inverse);
            features[12] = asinh((1_u32 << bits) as f32 * inverse);
        }
        let curved = near + 0.125 * (near - next);
        let [one, two, three, four, ..] = values;
        let predictors = [near, one, two, three, four, next, curved, own.unwrap_or(near)];
        Target { features, predictors, local_scale }
    }
}
