//! The order in which pixels become known.
//!
//! Pixels `2^levels` apart come first. A level halves the distance: of each cell of 2 x 2 pixels
//! `a b / c d`, `a` is known; then `d` is coded, then `b` and `c` together, all exactly. On the
//! finest level the three are coded in stages, first cells of many samples, then finer ones, then
//! exactly; after each stage every sample of the tile is known within half a cell.

use super::VdmIntervalConfig;
use crate::intervals::UNKNOWN;
use crate::tile_stats::TileStats;

/// One pixel of a cell of 2 x 2: its row and column there.
pub(super) type Part = [usize; 2];

pub(super) const B: Part = [0, 1];
pub(super) const C: Part = [1, 0];
pub(super) const D: Part = [1, 1];

/// Which neighbours of a target are worth looking at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Only `a` is known.
    A,
    /// Only `a` is known exactly, of all others an interval.
    ExactA,
    /// `a` and `d` are known better than the others.
    AD,
    /// All are known equally well, but for `a`.
    All,
}

/// A kind of pass: passes of one kind share their first and last layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) targets: &'static [Part],
    pub(super) known: Known,
}

/// One pass over all cells of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    /// Distance of neighbouring pixels of the level.
    pub(super) spacing: usize,
    /// Its place in the list of kinds.
    pub(super) kind: usize,
    /// The stage that it belongs to.
    pub(super) stage: usize,
    /// The width of the cells that were coded before: see `widths_log2`.
    from: Option<i8>,
    /// The width of the cells that are coded, `None` for single samples.
    to: Option<i8>,
}

impl Pass {
    /// Base-2 logarithms of the samples of intervals before and after the pass in a tile with these
    /// statistics. The first is above the second, or there is nothing to code.
    pub(super) fn bits(&self, stats: TileStats) -> [u8; 2] {
        let after = self.to.map_or(0, |width| cell_bits(width, stats));
        [self.from.map_or(UNKNOWN, |width| cell_bits(width, stats)), after]
    }
}

/// Base-2 logarithm of the samples of a cell, the largest power of two that is not wider than
/// `2^width_log2` noise scales, or 0 for a single sample.
pub(super) fn cell_bits(width_log2: i8, stats: TileStats) -> u8 {
    (width_log2 + (stats.scale_step / 4) as i8).clamp(0, UNKNOWN as i8) as u8
}

impl VdmIntervalConfig {
    /// Stages: the last one is exact.
    pub(super) fn stages(&self) -> usize {
        self.widths_log2.len() + 1
    }

    /// The kinds of passes: two of the coarser levels, then those of the finest.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let diagonal = Kind { targets: &[D], known: Known::A };
        let sides = Kind { targets: &[B, C], known: Known::AD };
        let mut kinds = vec![diagonal, sides];
        for stage in 0..self.stages() {
            let exact = stage == self.widths_log2.len();
            match stage {
                0 if exact => kinds.extend([diagonal, sides]),
                0 => kinds.push(Kind { targets: &[B, C, D], known: Known::A }),
                _ if exact => kinds.push(Kind { targets: &[B, C, D], known: Known::All }),
                _ => kinds.extend([Kind { known: Known::ExactA, ..diagonal }, sides]),
            }
        }
        kinds
    }

    /// All passes but that of the first pixels, in order.
    pub(super) fn passes(&self) -> Vec<Pass> {
        let coarser = (1..self.levels).rev().flat_map(|level| {
            let pass = move |kind| Pass { spacing: 1 << level, kind, stage: 0, from: None, to: None };
            [pass(0), pass(1)]
        });
        let mut passes: Vec<Pass> = coarser.collect();
        let mut kind = 2;
        for stage in 0..self.stages() {
            let from = stage.checked_sub(1).map(|before| self.widths_log2[before]);
            let to = self.widths_log2.get(stage).copied();
            let count = match stage {
                0 => 1 + usize::from(to.is_none()),
                _ => 1 + usize::from(to.is_some()),
            };
            for _ in 0..count {
                passes.push(Pass { spacing: 1, kind, stage, from, to });
                kind += 1;
            }
        }
        passes
    }
}
