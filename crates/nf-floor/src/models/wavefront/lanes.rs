//! A 16-row skewed wavefront: one row per lane, each three columns behind the one above.
//!
//! At step `t` lane `r` is at column `t - 3 r`. Pixels up to `3 dy - 1` columns to the right in the
//! row `dy` above are known then, so that all lanes go forward at once. A [`Plane`] keeps one
//! number per pixel in the order of the steps, so that the neighbours of the sixteen pixels of a
//! step in one direction are adjacent.

pub(super) use nf_entropy::rans16::LANES;

use crate::predict::neighbourhood::Offset;

/// Columns between a row and the next.
pub(super) const SKEW: usize = 3;

/// A number per lane.
pub(super) type Lanes = [f32; LANES];

/// Rows above that a step keeps besides its own.
const ABOVE: usize = 8;

/// Numbers of a step.
const STRIDE: usize = ABOVE + LANES;

/// Steps before the first: the farthest neighbour, and more than the columns left of a row.
const BEFORE: usize = 24;

/// Columns on either side of a row that hold its border.
const BORDER: usize = 8;

/// Steps of `rows` rows of `width` pixels.
pub(super) const fn steps(width: usize, rows: usize) -> usize {
    width + SKEW * (rows - 1)
}

/// The lanes that have a pixel at step `t`.
#[inline(always)]
pub(super) fn active(t: usize, width: usize, rows: usize) -> std::ops::Range<usize> {
    let first = if t >= width { (t - width) / SKEW + 1 } else { 0 };
    first..rows.min(t / SKEW + 1)
}

/// One number per pixel, of the current sixteen rows and those right above.
#[derive(Debug)]
pub(super) struct Plane {
    now: Vec<f32>,
    next: Vec<f32>,
}

impl Plane {
    pub(super) fn new(width: usize, value: f32) -> Self {
        let size = (BEFORE + steps(width, LANES) + BORDER) * STRIDE;
        Self { now: vec![value; size], next: vec![value; size] }
    }

    /// The numbers `up` rows above and `right` columns to the right of the pixels of step `t`.
    #[inline(always)]
    pub(super) fn at(&self, t: usize, (up, right): Offset) -> &Lanes {
        let step = (BEFORE + t - SKEW * up).wrapping_add_signed(right);
        let start = step * STRIDE + ABOVE - up;
        self.now[start..].first_chunk().expect("a plane holds all neighbours")
    }

    /// Sets the numbers of the `active` lanes of step `t`.
    #[inline(always)]
    pub(super) fn set(&mut self, t: usize, active: &[bool; LANES], values: &Lanes) {
        let start = (BEFORE + t) * STRIDE + ABOVE;
        for ((number, &value), &active) in self.now[start..start + LANES].iter_mut().zip(values).zip(active) {
            *number = if active { value } else { *number };
        }
    }

    /// Before `lane` begins its row, at step `SKEW * lane`: left of it stands the first number of
    /// the row above.
    pub(super) fn begin_row(&mut self, lane: usize) {
        let t = SKEW * lane;
        let first = self.at(t, (1, 0))[lane];
        for k in 1..=BORDER {
            self.now[(BEFORE + t - k) * STRIDE + ABOVE + lane] = first;
        }
    }

    /// After `lane` has ended its row at step `t`: right of it stands its last number.
    pub(super) fn end_row(&mut self, t: usize, lane: usize) {
        let last = self.at(t, (0, 0))[lane];
        for k in 1..=BORDER {
            self.now[(BEFORE + t + k) * STRIDE + ABOVE + lane] = last;
        }
    }

    /// Goes to the next sixteen rows.
    pub(super) fn advance(&mut self) {
        let now = self.now.chunks_exact(STRIDE).skip(SKEW * LANES);
        for (next, now) in self.next.chunks_exact_mut(STRIDE).zip(now) {
            next[..ABOVE].copy_from_slice(&now[LANES..]);
        }
        std::mem::swap(&mut self.now, &mut self.next);
    }
}
