//! The last rows of a tile: the causal neighbourhood, in memory proportional to the width.

use crate::predict::neighbourhood::Offset;

/// The current row and some rows above it, with a margin on both sides.
#[derive(Debug)]
pub(super) struct Rows {
    /// Row after row; the current row is the last.
    pub(super) values: Vec<f32>,
    /// Distance from a value to the one below it.
    pub(super) stride: usize,
    /// Index of column 0 of the current row.
    pub(super) start: usize,
    width: usize,
    margin: usize,
    /// What the margins hold: the value at the edge, or always the value given at first.
    repeats_edge: bool,
    /// Rows that have ended.
    ended: f32,
}

impl Rows {
    /// `above` rows above the current one, `margin` columns left and right, all of one `value`.
    pub(super) fn new(width: usize, above: usize, margin: usize, value: f32, repeats_edge: bool) -> Self {
        let stride = width + 2 * margin;
        Self {
            values: vec![value; stride * (above + 1)],
            stride,
            start: stride * above + margin,
            width,
            margin,
            repeats_edge,
            ended: 0.0,
        }
    }

    /// The index of the value `up` rows above and `right` columns to the right of column `x`.
    #[inline(always)]
    pub(super) fn index(&self, x: usize, (up, right): Offset) -> usize {
        (self.start + x - up * self.stride).wrapping_add_signed(right)
    }

    /// The value there.
    #[inline(always)]
    pub(super) fn at(&self, x: usize, offset: Offset) -> f32 {
        self.values[self.index(x, offset)]
    }

    /// Begins the next row: its left margin repeats the first value of the row above.
    pub(super) fn begin(&mut self) {
        if !self.repeats_edge {
            return;
        }
        let value = self.values[self.start - self.stride];
        self.values[self.start - self.margin..self.start].fill(value);
    }

    /// Ends the current row: its right margin repeats its last value, and all rows move up by one.
    pub(super) fn end(&mut self) {
        let end = self.start + self.width;
        if self.repeats_edge {
            let value = self.values[end - 1];
            self.values[end..].fill(value);
        }
        self.values.copy_within(self.stride.., 0);
        self.ended += 1.0;
    }

    /// Whether the current row is the first.
    #[inline(always)]
    pub(super) fn is_first(&self) -> bool {
        self.ended == 0.0
    }

    /// Step of a running mean over rows that started with a guess worth one row: 1 / (rows + 1),
    /// but at least `least`.
    #[inline(always)]
    pub(super) fn running_step(&self, least: f32) -> f32 {
        let step = 1.0 / (self.ended + 2.0);
        if step > least { step } else { least }
    }

    /// Fills the rows above from column `x` to six columns on: what stands above a first row there.
    #[inline(always)]
    pub(super) fn fill_above(&mut self, x: usize, value: f32) {
        for above in 1..self.values.len() / self.stride {
            let first = self.start - above * self.stride + x;
            self.values[first..first + 7].fill(value);
        }
    }
}
