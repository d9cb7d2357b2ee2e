//! format-floor-max.md, 9.6: maps.

use super::Here;

/// A number for every decoded pixel of the tile.
pub(crate) struct Map {
    width: usize,
    first_value: f32,
    /// The numbers above the first row of the tile, from the column 0 on; the same for all rows.
    above: Vec<f32>,
    /// 4.: whether 0 stands left and right of every row.
    zero_sides: bool,
    numbers: Vec<f32>,
}

impl Map {
    /// A map of `height` rows of `width` pixels.
    fn new(height: usize, width: usize, first_value: f32, zero_sides: bool) -> Self {
        // 10.6 sets the numbers above up to six columns right of the last one.
        let above = vec![first_value; width + 6];
        Self { width, first_value, above, zero_sides, numbers: vec![0.0; height * width] }
    }

    /// The number at a row and a column, which may be outside.
    fn number(&self, row: isize, column: isize) -> f32 {
        let inside = usize::try_from(column).is_ok_and(|x| x < self.width);
        match (usize::try_from(row), usize::try_from(column)) {
            // 1.: above the first row
            (Err(_), Ok(x)) if x < self.above.len() => self.above[x],
            (Err(_), _) => self.first_value,
            // 4.
            (Ok(_), _) if self.zero_sides && !inside => 0.0,
            // 2.: right of a row
            (Ok(y), Ok(x)) => self.numbers[y * self.width + x.min(self.width - 1)],
            // 3.: left of a row
            (Ok(0), Err(_)) => self.first_value,
            (Ok(_), Err(_)) => self.number(row - 1, 0),
        }
    }

    /// `M(u, r)` of a pixel.
    pub(crate) fn at(&self, here: Here, (u, r): (isize, isize)) -> f32 {
        self.number(here.y as isize - u, here.x as isize + r)
    }

    /// Sets the number of a pixel.
    pub(crate) fn set(&mut self, here: Here, number: f32) {
        self.numbers[here.y * self.width + here.x] = number;
    }

    /// 10.6: sets the numbers above the first row in the columns from `x` to `x + 6`.
    pub(crate) fn set_above(&mut self, x: usize, number: f32) {
        for above in self.above.iter_mut().skip(x).take(7) {
            *above = number;
        }
    }
}

/// 9.6: the five maps.
pub(crate) struct Maps {
    pub p: Map,
    pub k: Map,
    pub q: Map,
    pub z: Map,
    pub e: Map,
}

impl Maps {
    /// The maps of a tile of `height` rows of `width` pixels; `first_e` is the first value of `E`.
    pub(crate) fn new(height: usize, width: usize, median: f32, first_e: f32) -> Self {
        Self {
            p: Map::new(height, width, median, false),
            k: Map::new(height, width, median, false),
            q: Map::new(height, width, 0.0, false),
            z: Map::new(height, width, 0.0, true),
            e: Map::new(height, width, first_e, false),
        }
    }
}
