//! How a stack is cut into tiles.

use crate::Codec;
use nf_image::{Grid, Shape, TileBox};

/// Stacks of several planes above this size are cut by [`default_tile`], so that memory does not
/// grow with them; up to it, codecs may use what the planes share.
const MAX_WHOLE_PX: usize = 1 << 24;
/// Size of the strips that they are cut into.
const STRIP_PX: usize = 1 << 22;
/// Pixels of tiles that are coded side by side: enough for all threads of a desk, and a bound for
/// the memory.
const SIDE_BY_SIDE_PX: usize = 1 << 24;

/// The tile extents that are used when nobody asks for others: a whole frame up to 4 Mpixel, a
/// whole stack of several planes up to 16 Mpixel, beyond that strips of full rows of one plane, at
/// most about 4 Mpixel each and of one height. Of codecs that cut planes by themselves, their own
/// tiles, of the planes that this leaves together.
pub fn default_tile(codec: &dyn Codec, shape: Shape) -> Shape {
    let strip = strips(shape);
    match codec.tile_px(shape) {
        None => strip,
        Some([rows, columns]) => {
            // A row of tiles is in memory at a time.
            let fits = rows.saturating_mul(strip.width).saturating_mul(strip.planes) <= MAX_WHOLE_PX;
            let rows = if fits { rows } else { strip.height.min(rows) };
            Shape::new(strip.planes, rows.clamp(1, shape.height.max(1)), columns.clamp(1, strip.width))
        }
    }
}

/// A tile of full rows.
fn strips(shape: Shape) -> Shape {
    let clamped = Shape::new(shape.planes.max(1), shape.height.max(1), shape.width.max(1));
    let most_px = if clamped.planes == 1 { STRIP_PX } else { MAX_WHOLE_PX };
    if clamped.checked_pixels().is_some_and(|pixels| pixels <= most_px) {
        return clamped;
    }
    let most_rows = (STRIP_PX / clamped.width).clamp(1, clamped.height);
    let strips = clamped.height.div_ceil(most_rows);
    Shape::new(1, clamped.height.div_ceil(strips), clamped.width)
}

/// The bands of a stack: rows of tiles over the full width, in the order of the tiles.
pub(super) fn bands(shape: Shape, tile: Shape) -> Vec<TileBox> {
    Grid::new(shape, Shape { width: shape.width, ..tile }).boxes().collect()
}

/// How many bands of tiles are worked on at a time: one for every thread, as far as memory stays
/// bounded.
pub(super) fn bands_at_once(shape: Shape, tile: Shape) -> usize {
    let band_px = tile.planes.saturating_mul(tile.height).saturating_mul(shape.width).max(1);
    (SIDE_BY_SIDE_PX / band_px).clamp(1, rayon::current_num_threads().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Result, Spec};
    use nf_image::Image16;

    #[test]
    fn large_stacks_are_cut_by_default() {
        assert_eq!(strips(Shape::frame(2048, 2048)), Shape::frame(2048, 2048));
        assert_eq!(strips(Shape::frame(2049, 2048)), Shape::frame(1025, 2048));
        assert_eq!(strips(Shape::frame(4096, 4096)), Shape::frame(1024, 4096));
        assert_eq!(strips(Shape::new(4, 2048, 2048)), Shape::new(4, 2048, 2048));
        assert_eq!(strips(Shape::new(5, 2048, 2048)), Shape::new(1, 2048, 2048));
        assert_eq!(strips(Shape::frame(20_000, 20_000)), Shape::frame(209, 20_000));
        assert_eq!(strips(Shape::frame(0, 0)), Shape::frame(1, 1));
    }

    #[test]
    fn codecs_that_cut_planes_have_tiles_there() {
        let codec = Cutting([1030, 1000]);
        assert_eq!(default_tile(&codec, Shape::frame(2060, 4000)), Shape::frame(1030, 1000));
        assert_eq!(default_tile(&codec, Shape::frame(100, 100)), Shape::frame(100, 100));
        assert_eq!(default_tile(&codec, Shape::new(3, 1030, 2000)), Shape::new(3, 1030, 1000));
        assert_eq!(default_tile(&codec, Shape::frame(20_000, 20_000)), Shape::frame(209, 1000));
        assert_eq!(default_tile(&codec, Shape::frame(0, 0)), Shape::frame(1, 1));
    }

    /// Codes nothing.
    struct Cutting([usize; 2]);

    impl Codec for Cutting {
        fn spec(&self) -> Spec {
            Spec::new("cutting")
        }

        fn encode(&self, _: &Image16) -> Result<Vec<u8>> {
            Ok(Vec::new())
        }

        fn decode(&self, _: &[u8], shape: Shape, _: &Limits) -> Result<Image16> {
            Ok(Image16::zeros(shape))
        }

        fn max_bytes(&self, _: Shape) -> u64 {
            0
        }

        fn tile_px(&self, _: Shape) -> Option<[usize; 2]> {
            Some(self.0)
        }
    }

    #[test]
    fn bands_are_full_rows_of_tiles() {
        let bands = bands(Shape::new(3, 5, 4), Shape::new(2, 3, 1));
        let expected = [(0..2, 0..3), (0..2, 3..5), (2..3, 0..3), (2..3, 3..5)];
        assert_eq!(bands, expected.map(|(planes, rows)| TileBox { planes, rows, columns: 0..4 }));
    }
}
