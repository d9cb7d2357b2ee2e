//! Values of pixels with what stands beyond the edges.

/// A value per pixel, filled in the order of pixels.
pub(super) struct Rows {
    width: i64,
    first: f32,
    repeats_edge: bool,
    /// Above the first row, all rows alike.
    above: Vec<f32>,
    rows: Vec<Vec<f32>>,
}

impl Rows {
    /// `first` stands above the first row; beyond the sides stands the edge, or `first` if it does
    /// not repeat.
    pub(super) fn new(width: usize, first: f32, repeats_edge: bool) -> Self {
        Self { width: width as i64, first, repeats_edge, above: vec![first; width + 6], rows: Vec::new() }
    }

    pub(super) fn begin_row(&mut self) {
        self.rows.push(Vec::new());
    }

    /// The next pixel's value.
    pub(super) fn push(&mut self, value: f32) {
        self.rows.last_mut().expect("a row has begun").push(value);
    }

    /// The number of the current row.
    pub(super) fn row(&self) -> usize {
        self.rows.len() - 1
    }

    /// Above the first row, from column `x` to six columns on, stands `value` from now on.
    pub(super) fn fill_above(&mut self, x: usize, value: f32) {
        self.above[x..x + 7].fill(value);
    }

    /// The value `up` rows above the current one at `column`.
    pub(super) fn at(&self, up: i64, column: i64) -> f32 {
        let row = self.rows.len() as i64 - 1 - up;
        if row < 0 {
            let inside = usize::try_from(column).ok().and_then(|column| self.above.get(column));
            return *inside.unwrap_or(&self.first);
        }
        let row_values = &self.rows[row as usize];
        if (0..self.width).contains(&column) {
            return row_values[column as usize];
        }
        if !self.repeats_edge {
            return self.first;
        }
        if column >= self.width {
            return row_values[self.width as usize - 1];
        }
        // Left of a row stands the first value of the row above it.
        if row == 0 { self.first } else { self.rows[row as usize - 1][0] }
    }
}
