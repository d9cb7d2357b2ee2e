//! format-floor.md, 20.4: the background of mode 11.

use super::header::Header;
use super::neighbours::Image;
use crate::notation::clamp;

/// `B`, for the even and the odd columns.
pub(crate) struct Background {
    halves: [Vec<f32>; 2],
    d: f32,
}

impl Background {
    /// Before the first row of an image of `w` columns.
    pub(crate) fn new(header: &Header, w: usize) -> Self {
        let half = |n: usize| vec![f32::from(header.initial); n];
        Self { halves: [half(w.div_ceil(2)), half(w / 2)], d: 4.0 * header.least_range }
    }

    /// The number at a column.
    pub(crate) fn at(&self, x: usize) -> f32 {
        self.halves[x % 2][x / 2]
    }

    /// Adds the row `y`, which is known.
    pub(crate) fn add_row(&mut self, image: &Image, y: usize) {
        for p in 0..2 {
            let b = self.halves[p].clone();
            let last = b.len().saturating_sub(1);
            for i in 0..b.len() {
                let (left, right) = (b[i.saturating_sub(1)], b[(i + 1).min(last)]);
                let level = ((left + b[i]) + right) * (1.0 / 3.0);
                let v = image.value(y, 2 * i + p);
                self.halves[p][i] = level + clamp(v - b[i], -self.d, self.d) * (1.0 / 16.0);
            }
        }
    }
}
