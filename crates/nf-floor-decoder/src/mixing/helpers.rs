//! format-floor-max.md, 10.4: the helpers of mode 8.

use super::Here;
use super::inputs::median4;

/// The maps `h0` and `h1` of the whole tile.
pub(crate) struct Helpers {
    height: usize,
    width: usize,
    maps: [Vec<f32>; 2],
}

impl Helpers {
    /// The helpers of a tile, if there are reference planes. Every plane and `offsets` have a
    /// number for every pixel.
    pub(crate) fn new(references: &[Vec<u16>], offsets: &[f32], height: usize, width: usize) -> Option<Self> {
        let latest = references.first()?;
        let n = references.len() as f32;
        let mut maps = [Vec::new(), Vec::new()];
        for (place, &o) in offsets.iter().enumerate() {
            let sum: u32 = references.iter().map(|plane| u32::from(plane[place])).sum();
            maps[0].push(f32::from(latest[place]) - o);
            maps[1].push(sum as f32 / n - o);
        }
        Some(Self { height, width, maps })
    }

    /// `h(u, r)` of the helper `j` (0 or 1) for a pixel.
    fn at(&self, j: usize, here: Here, u: isize, r: isize) -> f32 {
        // Outside stand the numbers of the nearest pixel.
        let row = (here.y as isize - u).clamp(0, self.height as isize - 1) as usize;
        let column = (here.x as isize + r).clamp(0, self.width as isize - 1) as usize;
        self.maps[j][row * self.width + column]
    }

    /// `d[0..6]` of the helper `j`.
    pub(crate) fn differences(&self, j: usize, here: Here) -> [f32; 7] {
        let h = |(u, r)| self.at(j, here, u, r);
        let mid = median4(h((0, -1)), h((1, 0)), h((1, 1)), h((1, -1)));
        [(0, 0), (0, -1), (1, 0), (1, 1), (1, -1), (0, 1), (-1, 0)].map(|place| h(place) - mid)
    }
}
