//! The grid of tiles of a stack.

use nf_image::Shape;
use std::ops::Range;

/// The grid of tiles of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) shape: Shape,
    pub(super) tile_height: usize,
    pub(super) tile_width: usize,
}

/// Rows and columns of the tiles that the encoder cuts.
pub(crate) const TILE_SIDE_PX: usize = 1024;

/// Planes with a side shorter than this have longer tiles.
const NARROW_PX: usize = 64;

/// The box of one tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TileBox {
    pub(super) plane: usize,
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

impl TileBox {
    pub(super) fn shape(&self) -> Shape {
        Shape::frame(self.rows.len(), self.columns.len())
    }

    /// The name of the tile in errors.
    pub(super) fn name(&self, index: usize) -> String {
        format!("floor tile {index} (plane {}, rows {:?}, columns {:?})", self.plane, self.rows, self.columns)
    }
}

impl Grid {
    /// The tiles that the encoder cuts: squares, or of narrow planes strips of as many pixels. What
    /// is set up for every tile would cost more there than the pixels do.
    pub(super) fn of(shape: Shape) -> Self {
        let side = |across: usize| match across {
            1..NARROW_PX => TILE_SIDE_PX * TILE_SIDE_PX / across,
            _ => TILE_SIDE_PX,
        };
        Self { shape, tile_height: side(shape.width), tile_width: side(shape.height) }
    }

    fn rows_of_tiles(&self) -> usize {
        self.shape.height.div_ceil(self.tile_height)
    }

    fn columns_of_tiles(&self) -> usize {
        self.shape.width.div_ceil(self.tile_width)
    }

    /// Number of tiles; zero for a stack without pixels.
    pub(super) fn tiles(&self) -> usize {
        match self.shape.checked_pixels() {
            Some(0) => 0,
            _ => self.shape.planes * self.rows_of_tiles() * self.columns_of_tiles(),
        }
    }

    /// Tiles of a plane: the distance from a tile to the same tile of the next plane.
    pub(super) fn tiles_per_plane(&self) -> usize {
        self.rows_of_tiles() * self.columns_of_tiles()
    }

    pub(super) fn tile(&self, index: usize) -> TileBox {
        let (down, across) = (self.rows_of_tiles(), self.columns_of_tiles());
        let (plane, row, column) = (index / (down * across), index / across % down, index % across);
        let row = row * self.tile_height;
        let column = column * self.tile_width;
        TileBox {
            plane,
            rows: row..(row + self.tile_height).min(self.shape.height),
            columns: column..(column + self.tile_width).min(self.shape.width),
        }
    }
}
