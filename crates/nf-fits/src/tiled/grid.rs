//! How an image is cut into tiles.

use crate::section::Section;

/// What a tile costs in memory beside its pixels, in pixels: its box, its bytes, where they lie.
const TILE_COST_PX: usize = 256;

/// Axes of an image and of its tiles, the first varying fastest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) axes: Vec<usize>,
    /// No tile is longer than its axis, none shorter than 1.
    pub(crate) tile: Vec<usize>,
}

impl Grid {
    /// Tiles along every axis.
    fn counts(&self) -> impl Iterator<Item = usize> {
        self.axes.iter().zip(&self.tile).map(|(axis, tile)| axis.div_ceil(*tile))
    }

    /// Number of tiles, or `None` if it does not fit a `usize`.
    pub(crate) fn tiles(&self) -> Option<usize> {
        self.counts().try_fold(1usize, |n, count| n.checked_mul(count))
    }

    /// Pixels of the largest tile.
    pub(crate) fn tile_px(&self) -> usize {
        self.tile.iter().product()
    }

    /// How many tiles are worked on at once where `wanted_px` pixels may be, small ones counted for
    /// what they cost beside their pixels; at least one.
    pub(crate) fn tiles_at_once(&self, wanted_px: usize) -> usize {
        (wanted_px / self.tile_px().saturating_add(TILE_COST_PX)).max(1)
    }

    /// The pixels that tile `index` covers.
    pub(crate) fn tile_box(&self, mut index: usize) -> Section {
        let ranges = self.axes.iter().zip(&self.tile).map(|(&axis, &tile)| {
            let count = axis.div_ceil(tile);
            let start = index % count * tile;
            index /= count;
            start..(start + tile).min(axis)
        });
        Section(ranges.collect())
    }

    /// The tiles that touch a section, in order.
    pub(crate) fn tiles_of(&self, section: &Section) -> Vec<usize> {
        if section.pixels() == 0 {
            return Vec::new();
        }
        let mut tiles = vec![0];
        let strides: Vec<usize> = self
            .counts()
            .scan(1, |stride, count| {
                let here = *stride;
                *stride *= count;
                Some(here)
            })
            .collect();
        for ((range, &tile), stride) in section.0.iter().zip(&self.tile).zip(strides).rev() {
            let along = range.start / tile..range.end.div_ceil(tile);
            tiles = tiles.iter().flat_map(|&base| along.clone().map(move |k| base + k * stride)).collect();
        }
        tiles
    }

    /// The boxes, in order, that together are the image, each of whole tiles, contiguous in the
    /// image, and of about `wanted_px` pixels (fewer if tiles are small) or of a single row of
    /// tiles where that is more.
    pub(crate) fn bands(&self, wanted_px: usize) -> Vec<Section> {
        // Above this axis tiles are one pixel deep, so that a row of tiles does not reach over
        // other rows.
        let axis = self.tile.iter().rposition(|&tile| tile > 1).unwrap_or(0).max(1).min(self.axes.len() - 1);
        let row_px: usize = self.axes[..axis].iter().product::<usize>().saturating_mul(self.tile[axis]);
        let row_tiles: usize = self.counts().take(axis).product();
        let row_cost_px = row_px.saturating_add(row_tiles.saturating_mul(TILE_COST_PX));
        let step = (wanted_px / row_cost_px).max(1) * self.tile[axis];
        let outer: usize = self.axes[axis + 1..].iter().product();
        let mut bands = Vec::new();
        for mut place in 0..outer {
            let above: Vec<_> = self.axes[axis + 1..]
                .iter()
                .map(|&n| {
                    let at = place % n;
                    place /= n;
                    at..at + 1
                })
                .collect();
            for start in (0..self.axes[axis]).step_by(step) {
                let mut band = Section::whole(&self.axes[..axis]);
                band.0.push(start..(start + step).min(self.axes[axis]));
                band.0.extend(above.iter().cloned());
                bands.push(band);
            }
        }
        bands
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grids() -> impl Strategy<Value = Grid> {
        proptest::collection::vec((1usize..7, 1usize..7), 1..5).prop_map(|spec| Grid {
            axes: spec.iter().map(|(n, _)| *n).collect(),
            tile: spec.iter().map(|(n, tile)| *tile.min(n)).collect(),
        })
    }

    #[test]
    fn bands_of_many_small_tiles_are_short() {
        for (axes, tile) in [(vec![2, 200_000], vec![2, 1]), (vec![3, 5, 70_000], vec![1, 1, 1])] {
            let grid = Grid { axes, tile };
            let most = (1 << 20) / TILE_COST_PX;
            assert!(grid.bands(1 << 20).iter().all(|band| grid.tiles_of(band).len() <= most));
            assert!(grid.tiles_at_once(1 << 20) <= most);
        }
        let rows = Grid { axes: vec![4096, 4096], tile: vec![4096, 1] };
        assert!(rows.bands(1 << 20).len() < 20, "tiles of a common size are hardly shortened");
    }

    proptest! {
        #[test]
        fn tiles_cover_the_image_once(grid in grids()) {
            let pixels: usize = (0..grid.tiles().unwrap()).map(|tile| grid.tile_box(tile).pixels()).sum();
            prop_assert_eq!(pixels, grid.axes.iter().product::<usize>());
            let all: Vec<_> = (0..grid.tiles().unwrap()).collect();
            prop_assert_eq!(grid.tiles_of(&Section::whole(&grid.axes)), all);
        }

        #[test]
        fn tiles_of_a_section_are_those_that_share_pixels(grid in grids(), cut in any::<[u8; 8]>()) {
            let section = Section(grid.axes.iter().zip(cut.chunks(2)).map(|(&n, c)| {
                let (a, b) = (c[0] as usize % n, c[1] as usize % n);
                a.min(b)..a.max(b) + 1
            }).collect());
            let expected: Vec<_> = (0..grid.tiles().unwrap())
                .filter(|&tile| grid.tile_box(tile).intersection(&section).is_some())
                .collect();
            prop_assert_eq!(grid.tiles_of(&section), expected);
        }

        #[test]
        fn bands_follow_one_another_and_cut_no_tile(grid in grids(), wanted in 1usize..200) {
            let mut next = 0;
            let mut tiles = 0;
            for band in grid.bands(wanted) {
                // Contiguous in the image, and the next in order.
                let mut runs = Vec::new();
                band.for_each_run(&grid.axes, |start, len| { runs.push((start, len)); Ok(()) }).unwrap();
                prop_assert_eq!(&runs, &vec![(next, band.pixels())]);
                next += band.pixels();
                for tile in grid.tiles_of(&band) {
                    prop_assert_eq!(grid.tile_box(tile).intersection(&band), Some(grid.tile_box(tile)));
                    tiles += 1;
                }
            }
            prop_assert_eq!(tiles, grid.tiles().unwrap());
        }
    }
}
