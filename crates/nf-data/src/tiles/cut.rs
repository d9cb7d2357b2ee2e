//! Which squares of an image are tiles.

use crate::random::Pcg64;
use nf_image::{Digest, Shape};
use serde::{Deserialize, Serialize};

/// How tiles are cut out of an image.
///
/// On every group of planes lies a grid of squares of `size_px`, `stride_px` apart. Its first
/// corner is drawn anew for every group of planes, so that tiles of one camera do not always show
/// the same part of its detector. All draws are made from the seed and the image's name alone:
/// neither the order of images nor the number of threads matters.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TileRule {
    /// Side of a tile, pixels.
    pub size_px: usize,
    /// Distance of neighbouring tiles' corners, pixels.
    pub stride_px: usize,
    /// Successive planes in one tile.
    pub planes: usize,
    /// Seed of the grid's first corner and of the choice of tiles.
    pub seed: u64,
    /// At most so many tiles of one image, drawn from all; all of them without.
    pub most_per_image: Option<usize>,
}

impl Default for TileRule {
    fn default() -> Self {
        Self { size_px: 64, stride_px: 64, planes: 1, seed: 0, most_per_image: None }
    }
}

/// Largest side and number of planes of a tile.
const MOST_SIZE_PX: usize = 4096;
const MOST_PLANES: usize = 64;

impl TileRule {
    /// Why no tile can be cut so, if none can.
    pub fn check(&self) -> Result<(), String> {
        let inside = |name: &str, value: usize, most: usize| {
            if (1..=most).contains(&value) {
                Ok(())
            } else {
                Err(format!("{name} is {value}, expected 1 to {most}"))
            }
        };
        inside("size_px", self.size_px, MOST_SIZE_PX)?;
        inside("stride_px", self.stride_px, 16 * MOST_SIZE_PX)?;
        inside("planes", self.planes, MOST_PLANES)?;
        inside("most_per_image", self.most_per_image.unwrap_or(1), usize::MAX)
    }

    /// Extent of every tile.
    pub fn shape(&self) -> Shape {
        Shape::new(self.planes, self.size_px, self.size_px)
    }

    /// First pixels (plane, row, column) of the tiles of an image, in the order of its pixels.
    pub fn places(&self, name: &str, shape: Shape) -> Vec<[usize; 3]> {
        let (Some(free_rows), Some(free_columns)) =
            (shape.height.checked_sub(self.size_px), shape.width.checked_sub(self.size_px))
        else {
            return vec![];
        };
        let digest = Digest::of_bytes(name.as_bytes()).0;
        let word = |i: usize| u32::from_le_bytes([0, 1, 2, 3].map(|k| digest[4 * i + k]));
        let words = [self.seed as u32, (self.seed >> 32) as u32, word(0), word(1), word(2), word(3)];
        let mut generator = Pcg64::from_words(&words);
        let mut start = |free: usize| generator.up_to(free.min(self.stride_px - 1) as u64) as usize;
        let mut places = vec![];
        for group in 0..shape.planes / self.planes {
            let (first_row, first_column) = (start(free_rows), start(free_columns));
            for row in (first_row..=free_rows).step_by(self.stride_px) {
                for column in (first_column..=free_columns).step_by(self.stride_px) {
                    places.push([group * self.planes, row, column]);
                }
            }
        }
        if let Some(most) = self.most_per_image
            && most < places.len()
        {
            generator.shuffle(&mut places);
            places.truncate(most);
            places.sort_unstable();
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_inside_on_a_grid_and_depend_on_name_and_seed_alone() {
        let rule = TileRule { size_px: 10, stride_px: 7, planes: 2, seed: 3, most_per_image: None };
        let shape = Shape::new(5, 40, 33);
        let places = rule.places("night/a", shape);
        assert_eq!(places, rule.places("night/a", shape));
        assert_ne!(places, rule.places("night/b", shape));
        assert_ne!(places, TileRule { seed: 4, ..rule }.places("night/a", shape));
        for group in [0, 2] {
            let group: Vec<_> = places.iter().filter(|place| place[0] == group).collect();
            assert!(group.len() >= 4 * 3, "{}", group.len());
            assert!(group.iter().all(|p| p[1] + 10 <= 40 && p[2] + 10 <= 33));
            assert!(group.iter().all(|p| (p[1] - group[0][1]) % 7 == 0 && (p[2] - group[0][2]) % 7 == 0));
        }
        assert!(places.is_sorted());
    }

    #[test]
    fn a_choice_is_a_part_of_all() {
        let all = TileRule { size_px: 8, stride_px: 8, ..TileRule::default() };
        let some = TileRule { most_per_image: Some(9), ..all };
        let (all, some) = (all.places("a", Shape::frame(100, 100)), some.places("a", Shape::frame(100, 100)));
        assert_eq!(some.len(), 9);
        assert!(some.is_sorted() && some.iter().all(|place| all.contains(place)));
    }

    #[test]
    fn small_images_and_exact_ones() {
        let rule = TileRule { size_px: 16, stride_px: 16, ..TileRule::default() };
        assert!(rule.places("a", Shape::frame(15, 40)).is_empty());
        assert_eq!(rule.places("a", Shape::frame(16, 16)), [[0, 0, 0]]);
        assert!(TileRule { planes: 2, ..rule }.places("a", Shape::frame(16, 16)).is_empty());
        for rule in [
            TileRule { size_px: 0, ..rule },
            TileRule { stride_px: 0, ..rule },
            TileRule { planes: 65, ..rule },
            TileRule { most_per_image: Some(0), ..rule },
        ] {
            assert!(rule.check().is_err(), "{rule:?}");
        }
    }
}
