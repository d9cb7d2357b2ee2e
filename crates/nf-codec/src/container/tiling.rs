//! How a stack is cut into tiles.

use nf_image::Shape;
use std::fmt;
use std::ops::Range;

/// A box of pixels that is coded as one stream.
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

    /// Its extent.
    pub fn shape(&self) -> Shape {
        Shape::new(self.planes.len(), self.rows.len(), self.columns.len())
    }

    /// The pixels that two boxes share, if any.
    pub fn intersection(&self, other: &TileBox) -> Option<TileBox> {
        let cut = |a: &Range<usize>, b: &Range<usize>| a.start.max(b.start)..a.end.min(b.end);
        let planes = cut(&self.planes, &other.planes);
        let rows = cut(&self.rows, &other.rows);
        let columns = cut(&self.columns, &other.columns);
        let shared = Self { planes, rows, columns };
        (!(shared.planes.is_empty() || shared.rows.is_empty() || shared.columns.is_empty())).then_some(shared)
    }
}

impl fmt::Display for TileBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { planes, rows, columns } = self;
        write!(f, "planes {planes:?}, rows {rows:?}, columns {columns:?}")
    }
}

/// Stacks of several planes above this size are cut by [`default_tile`], so that memory does not grow with them; up to
/// it, codecs may use what the planes share.
const MAX_WHOLE_PX: usize = 1 << 24;
/// Size of the strips that they are cut into.
const STRIP_PX: usize = 1 << 22;
/// Pixels of tiles that are coded side by side: enough for all threads of a desk, and a bound for the memory.
const SIDE_BY_SIDE_PX: usize = 1 << 24;

/// The tile extents that are used when nobody asks for others: a whole frame up to 4 Mpixel, a whole stack of several
/// planes up to 16 Mpixel, beyond that strips of full rows of one plane, at most about 4 Mpixel each and of one height.
pub fn default_tile(shape: Shape) -> Shape {
    let clamped = Shape::new(shape.planes.max(1), shape.height.max(1), shape.width.max(1));
    let most_px = if clamped.planes == 1 { STRIP_PX } else { MAX_WHOLE_PX };
    if clamped.checked_pixels().is_some_and(|pixels| pixels <= most_px) {
        return clamped;
    }
    let most_rows = (STRIP_PX / clamped.width).clamp(1, clamped.height);
    let strips = clamped.height.div_ceil(most_rows);
    Shape::new(1, clamped.height.div_ceil(strips), clamped.width)
}

/// How many bands of tiles are worked on at a time: one for every thread, as far as memory stays bounded.
pub(super) fn bands_at_once(shape: Shape, tile: Shape) -> usize {
    let band_px = tile.planes.saturating_mul(tile.height).saturating_mul(shape.width).max(1);
    (SIDE_BY_SIDE_PX / band_px).clamp(1, rayon::current_num_threads().max(1))
}

/// The number of tiles of a stack, or `None` if it does not fit a `u64`.
pub(super) fn tile_count(shape: Shape, tile: Shape) -> Option<u64> {
    let boxes = |extent: usize, step: usize| extent.div_ceil(step.max(1)) as u64;
    boxes(shape.planes, tile.planes)
        .checked_mul(boxes(shape.height, tile.height))?
        .checked_mul(boxes(shape.width, tile.width))
}

/// The boxes of a stack of `shape` cut into tiles of `tile` pixels: by planes, then rows, then columns.
pub fn tile_boxes(shape: Shape, tile: Shape) -> impl Iterator<Item = TileBox> {
    bands(shape, tile).flat_map(move |(planes, rows)| {
        steps(shape.width, tile.width).map(move |columns| TileBox {
            planes: planes.clone(),
            rows: rows.clone(),
            columns,
        })
    })
}

/// The bands of a stack: rows of tiles, as (planes, rows) over the full width.
pub(super) fn bands(shape: Shape, tile: Shape) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    steps(shape.planes, tile.planes)
        .flat_map(move |planes| steps(shape.height, tile.height).map(move |rows| (planes.clone(), rows)))
}

/// `0..extent` in ranges of `step`, the last one shorter.
pub(super) fn steps(extent: usize, step: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let step = step.max(1);
    (0..extent.div_ceil(step)).map(move |i| i * step..((i + 1) * step).min(extent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_cover_every_pixel_once() {
        for (shape, tile) in [
            (Shape::new(3, 7, 5), Shape::new(2, 3, 2)),
            (Shape::new(1, 4, 4), Shape::new(1, 4, 4)),
            (Shape::new(2, 1, 9), Shape::new(5, 5, 5)),
            (Shape::new(0, 4, 4), Shape::new(1, 1, 1)),
        ] {
            let mut seen = vec![0u8; shape.pixels()];
            let mut count = 0;
            for tile in tile_boxes(shape, tile) {
                count += 1;
                for p in tile.planes {
                    for r in tile.rows.clone() {
                        for c in tile.columns.clone() {
                            seen[(p * shape.height + r) * shape.width + c] += 1;
                        }
                    }
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{shape} by {tile}");
            assert_eq!(tile_count(shape, tile), Some(count));
        }
    }

    #[test]
    fn large_stacks_are_cut_by_default() {
        assert_eq!(default_tile(Shape::frame(2048, 2048)), Shape::frame(2048, 2048));
        assert_eq!(default_tile(Shape::frame(2049, 2048)), Shape::frame(1025, 2048));
        assert_eq!(default_tile(Shape::frame(4096, 4096)), Shape::frame(1024, 4096));
        assert_eq!(default_tile(Shape::new(4, 2048, 2048)), Shape::new(4, 2048, 2048));
        assert_eq!(default_tile(Shape::new(5, 2048, 2048)), Shape::new(1, 2048, 2048));
        assert_eq!(default_tile(Shape::frame(20_000, 20_000)), Shape::frame(209, 20_000));
        assert_eq!(default_tile(Shape::frame(0, 0)), Shape::frame(1, 1));
    }
}
