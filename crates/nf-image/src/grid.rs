//! Boxes of pixels, and stacks cut into grids of them.

use crate::{Image16, Shape};
use std::fmt;
use std::ops::Range;

/// A box of pixels of a stack: a tile, or a region that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TileBox {
    /// Planes of the stack.
    pub planes: Range<usize>,
    /// Rows of each plane.
    pub rows: Range<usize>,
    /// Columns of each row.
    pub columns: Range<usize>,
}

impl TileBox {
    /// The whole of a stack.
    pub fn whole(shape: Shape) -> Self {
        Self { planes: 0..shape.planes, rows: 0..shape.height, columns: 0..shape.width }
    }

    /// Its extent in pixels.
    pub fn shape(&self) -> Shape {
        Shape::new(self.planes.len(), self.rows.len(), self.columns.len())
    }

    /// Whether it lies inside a stack of `shape`.
    pub fn fits(&self, shape: Shape) -> bool {
        let inside = |range: &Range<usize>, extent| range.start <= range.end && range.end <= extent;
        inside(&self.planes, shape.planes)
            && inside(&self.rows, shape.height)
            && inside(&self.columns, shape.width)
    }

    /// The pixels that two boxes share, if any.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let both = |a: &Range<usize>, b: &Range<usize>| a.start.max(b.start)..a.end.min(b.end);
        let planes = both(&self.planes, &other.planes);
        let rows = both(&self.rows, &other.rows);
        let columns = both(&self.columns, &other.columns);
        let shared = Self { planes, rows, columns };
        (!(shared.planes.is_empty() || shared.rows.is_empty() || shared.columns.is_empty())).then_some(shared)
    }

    /// The same pixels, counted from the first corner of `outer`, which must contain them.
    pub fn within(&self, outer: &Self) -> Self {
        let shifted = |range: &Range<usize>, start: usize| range.start - start..range.end - start;
        Self {
            planes: shifted(&self.planes, outer.planes.start),
            rows: shifted(&self.rows, outer.rows.start),
            columns: shifted(&self.columns, outer.columns.start),
        }
    }
}

impl fmt::Display for TileBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { planes, rows, columns } = self;
        write!(f, "planes {planes:?}, rows {rows:?}, columns {columns:?}")
    }
}

/// A stack cut into tiles of one extent from its first corner; those at the far borders are
/// smaller.
///
/// Tiles are numbered by planes, then rows, then columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    shape: Shape,
    tile: Shape,
}

impl Grid {
    /// The grid of tiles of extent `tile` (0 counts as 1) over a stack of `shape`.
    pub fn new(shape: Shape, tile: Shape) -> Self {
        let tile = Shape::new(tile.planes.max(1), tile.height.max(1), tile.width.max(1));
        Self { shape, tile }
    }

    /// How many tiles there are along planes, rows and columns.
    pub fn counts(&self) -> Shape {
        Shape::new(
            self.shape.planes.div_ceil(self.tile.planes),
            self.shape.height.div_ceil(self.tile.height),
            self.shape.width.div_ceil(self.tile.width),
        )
    }

    /// The number of tiles, or `None` if it does not fit a `usize`; a stack without pixels has
    /// none.
    pub fn checked_len(&self) -> Option<usize> {
        self.counts().checked_pixels()
    }

    /// The pixels of tile `index`.
    ///
    /// # Panics
    /// If there is no such tile.
    pub fn tile_box(&self, index: usize) -> TileBox {
        let Shape { height: down, width: across, .. } = self.counts();
        self.box_at([index / (down * across), index / across % down, index % across])
    }

    /// The box of the tile with this place along planes, rows and columns.
    fn box_at(&self, [plane, row, column]: [usize; 3]) -> TileBox {
        let Self { shape, tile } = self;
        TileBox {
            planes: span(plane, tile.planes, shape.planes),
            rows: span(row, tile.height, shape.height),
            columns: span(column, tile.width, shape.width),
        }
    }

    /// All tiles, in order.
    pub fn boxes(self) -> impl Iterator<Item = TileBox> {
        self.touching(&TileBox::whole(self.shape)).map(|(_, place)| place)
    }

    /// The tiles that share pixels with `region`, in order, each with its number.
    pub fn touching(self, region: &TileBox) -> impl Iterator<Item = (usize, TileBox)> + use<> {
        let touched = |range: &Range<usize>, step: usize, extent: usize| {
            let end = range.end.min(extent);
            if range.start < end { range.start / step..end.div_ceil(step) } else { 0..0 }
        };
        let planes = touched(&region.planes, self.tile.planes, self.shape.planes);
        let rows = touched(&region.rows, self.tile.height, self.shape.height);
        let columns = touched(&region.columns, self.tile.width, self.shape.width);
        let Shape { height: down, width: across, .. } = self.counts();
        planes.flat_map(move |plane| {
            let columns = columns.clone();
            rows.clone().flat_map(move |row| {
                columns.clone().map(move |column| {
                    ((plane * down + row) * across + column, self.box_at([plane, row, column]))
                })
            })
        })
    }
}

/// Piece `i` of `0..extent` in pieces of `step`, the last one shorter.
fn span(i: usize, step: usize, extent: usize) -> Range<usize> {
    let start = (i * step).min(extent);
    start..start.saturating_add(step).min(extent)
}

impl Image16 {
    /// A copy of a box of pixels; axis kept, detector dropped (its regions would be displaced).
    ///
    /// # Panics
    /// If the box reaches beyond the stack.
    pub fn crop_box(&self, region: &TileBox) -> Self {
        self.crop(region.planes.clone(), region.rows.clone(), region.columns.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grids() -> impl Iterator<Item = Grid> {
        let shapes = [[3, 7, 5], [1, 4, 4], [2, 1, 9], [0, 4, 4], [1, 0, 3], [5, 2, 1]];
        let tiles = [[2, 3, 2], [1, 1, 1], [5, 5, 5], [1, 4, 4], [0, 0, 0], [1, usize::MAX, 2]];
        shapes.into_iter().flat_map(move |s| {
            tiles
                .into_iter()
                .map(move |t| Grid::new(Shape::new(s[0], s[1], s[2]), Shape::new(t[0], t[1], t[2])))
        })
    }

    #[test]
    fn tiles_cover_every_pixel_once() {
        for grid in grids() {
            let mut seen = vec![0u8; grid.shape.pixels()];
            let mut count = 0;
            for tile in grid.boxes() {
                assert_eq!(grid.tile_box(count), tile, "{grid:?}");
                assert!(tile.fits(grid.shape), "{grid:?}");
                count += 1;
                for p in tile.planes {
                    for r in tile.rows.clone() {
                        for c in tile.columns.clone() {
                            seen[(p * grid.shape.height + r) * grid.shape.width + c] += 1;
                        }
                    }
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{grid:?}");
            assert_eq!(grid.checked_len(), Some(count), "{grid:?}");
        }
    }

    #[test]
    fn touching_tiles_are_those_that_share_pixels() {
        for grid in grids() {
            for region in Grid::new(grid.shape, Shape::new(2, 2, 3)).boxes() {
                let expected: Vec<(usize, TileBox)> = (0..)
                    .zip(grid.boxes())
                    .filter(|(_, tile)| tile.intersection(&region).is_some())
                    .collect();
                assert_eq!(grid.touching(&region).collect::<Vec<_>>(), expected, "{grid:?} {region}");
            }
            let nothing = TileBox { planes: 0..1, rows: 1..1, columns: 0..1 };
            assert_eq!(grid.touching(&nothing).count(), 0);
        }
    }

    #[test]
    fn boxes_count_from_other_corners() {
        let tile = TileBox { planes: 1..3, rows: 4..8, columns: 2..9 };
        let inner = TileBox { planes: 2..3, rows: 4..6, columns: 5..6 };
        assert_eq!(inner.within(&tile), TileBox { planes: 1..2, rows: 0..2, columns: 3..4 });
        assert!(inner.fits(Shape::new(3, 8, 9)) && !inner.fits(Shape::new(2, 8, 9)));
        let whole = Image16::from_fn(Shape::new(3, 8, 9), |p, r, c| (p * 100 + r * 10 + c) as u16);
        assert_eq!(whole.crop_box(&tile).crop_box(&inner.within(&tile)), whole.crop_box(&inner));
    }
}
