//! A rectangle of a detector.

use nf_image::Shape;

/// A part of a detector that a profile knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// Row of the detector where its first pixel lies.
    pub row: usize,
    /// Column of the detector where its first pixel lies.
    pub column: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Area {
    /// Whether all pixels of a stack are of this part, whose first pixel lies at this row and
    /// column.
    pub fn has(&self, [row, column]: [usize; 2], stack: Shape) -> bool {
        let inside = |start: usize, length: usize, first: usize, most: usize| {
            start >= first && start.saturating_add(length) <= first.saturating_add(most)
        };
        inside(row, stack.height, self.row, self.height)
            && inside(column, stack.width, self.column, self.width)
    }
}
