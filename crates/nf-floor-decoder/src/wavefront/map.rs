//! format-floor.md, 8.4: maps.

/// A number for every pixel of the tile.
pub(crate) struct Map {
    width: usize,
    above: f32,
    numbers: Vec<f32>,
}

/// The row and the column of a pixel in the tile.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub row: usize,
    pub column: usize,
}

impl Map {
    /// A map of `height` rows of `width` pixels, with the number that stands above the first row.
    pub(crate) fn new(height: usize, width: usize, above: f32) -> Self {
        Self { width, above, numbers: vec![0.0; height * width] }
    }

    /// The number at a row and a column, which may be outside.
    fn number(&self, row: isize, column: isize) -> f32 {
        let Ok(y) = usize::try_from(row) else {
            return self.above;
        };
        match usize::try_from(column) {
            // Left of a row stands the first number of the row above it.
            Err(_) => self.number(row - 1, 0),
            // Right of a row stands its last number.
            Ok(x) => self.numbers[y * self.width + x.min(self.width - 1)],
        }
    }

    /// `M(u, r)` of the pixel at a place.
    pub(crate) fn at(&self, place: Place, u: isize, r: isize) -> f32 {
        self.number(place.row as isize - u, place.column as isize + r)
    }

    /// Sets the number of a pixel.
    pub(crate) fn set(&mut self, place: Place, number: f32) {
        self.numbers[place.row * self.width + place.column] = number;
    }
}
