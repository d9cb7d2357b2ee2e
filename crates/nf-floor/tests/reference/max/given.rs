//! What earlier planes show of a pixel.

use super::arithmetic::middle;

pub(super) struct Glimpse {
    pub(super) offset: f32,
    /// Of the latest plane and of the mean of all: the pixel itself, W, N, NE, NW, E, S, each less
    /// the reference.
    pub(super) helpers: [[f32; 7]; 2],
}

pub(super) struct Given<'a> {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) earlier: &'a [Vec<u16>],
    pub(super) weights: &'a [i64],
}

impl Given<'_> {
    fn offset(&self, i: usize) -> f32 {
        let sum: i64 = self.weights.iter().zip(self.earlier).map(|(w, plane)| w * i64::from(plane[i])).sum();
        sum as f32 / 256.0
    }

    /// A helper's value; edges repeat.
    fn helper(&self, which: usize, y: i64, x: i64) -> f32 {
        let (y, x) = (y.clamp(0, self.height as i64 - 1), x.clamp(0, self.width as i64 - 1));
        let i = y as usize * self.width + x as usize;
        let sample = if which == 0 {
            f32::from(self.earlier[0][i])
        } else {
            let sum: u32 = self.earlier.iter().map(|plane| u32::from(plane[i])).sum();
            sum as f32 / self.earlier.len() as f32
        };
        sample - self.offset(i)
    }

    pub(super) fn glimpse(&self, y: usize, x: usize) -> Glimpse {
        let helpers = [0, 1].map(|which| {
            let at = |down: i64, right: i64| self.helper(which, y as i64 + down, x as i64 + right);
            let places = [(0, 0), (0, -1), (-1, 0), (-1, 1), (-1, -1), (0, 1), (1, 0)];
            let values = places.map(|(down, right)| at(down, right));
            let reference = middle(values[1], values[2], values[3], values[4]);
            values.map(|value| value - reference)
        });
        Glimpse { offset: self.offset(y * self.width + x), helpers }
    }
}
