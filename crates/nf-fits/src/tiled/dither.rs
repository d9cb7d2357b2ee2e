//! The random numbers of subtractive dithering (FITS 4.0 section 10.2.1 and appendix I).
//!
//! Ten thousand numbers of the generator of Park and Miller (1988), kept as single-precision
//! floats. A tile begins at a place that its number and ZDITHER0 choose, runs to the end of the
//! table, and goes on at the place that the next number of the table chooses.

use std::sync::OnceLock;

/// Length of the table.
pub const COUNT: usize = 10_000;

/// Largest value of ZDITHER0; the smallest is 1.
pub const MAX_SEED: i64 = COUNT as i64;

/// The table.
pub fn table() -> &'static [f32; COUNT] {
    static TABLE: OnceLock<Box<[f32; COUNT]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut seed = 1u64;
        let mut table = Box::new([0f32; COUNT]);
        for value in table.iter_mut() {
            seed = next(seed);
            *value = (seed as f64 / MODULUS as f64) as f32;
        }
        table
    })
}

const MODULUS: u64 = 2_147_483_647;

fn next(seed: u64) -> u64 {
    seed * 16_807 % MODULUS
}

/// The random numbers of one tile, one per pixel.
pub struct Sequence {
    table: &'static [f32; COUNT],
    start: usize,
    at: usize,
}

impl Sequence {
    /// The numbers of tile `tile` (counted from 0) under a ZDITHER0 of `seed` (1 to 10000).
    pub fn new(tile: usize, seed: i64) -> Self {
        let table = table();
        let start = (tile % COUNT + (seed - 1).rem_euclid(COUNT as i64) as usize) % COUNT;
        Self { table, start, at: place(table[start]) }
    }
}

/// Where in the table a number sends the sequence.
fn place(value: f32) -> usize {
    (value * 500.0) as usize
}

impl Iterator for Sequence {
    type Item = f32;

    #[inline]
    fn next(&mut self) -> Option<f32> {
        let value = self.table[self.at];
        self.at += 1;
        if self.at == COUNT {
            self.start = (self.start + 1) % COUNT;
            self.at = place(self.table[self.start]);
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_seed_is_that_of_the_standard() {
        assert_eq!((0..COUNT).fold(1, |seed, _| next(seed)), 1_043_618_065);
        assert_eq!(table()[COUNT - 1], (1_043_618_065f64 / MODULUS as f64) as f32);
    }

    #[test]
    fn tiles_take_up_where_their_number_says() {
        let table = table();
        assert_eq!(Sequence::new(0, 1).next(), Some(table[(table[0] * 500.0) as usize]));
        assert_eq!(Sequence::new(3, 5).at, (table[7] * 500.0) as usize);
        assert_eq!(Sequence::new(9_999, 2).at, (table[0] * 500.0) as usize);
        // A long tile runs over the end of the table and on from the next number's place.
        let first = (table[41] * 500.0) as usize;
        let long: Vec<f32> = Sequence::new(41, 1).take(COUNT + 10).collect();
        assert_eq!(long[COUNT - first - 1], table[COUNT - 1]);
        assert_eq!(long[COUNT - first], table[(table[42] * 500.0) as usize]);
    }
}
