//! What a causal net is shown of a pixel and of the pixels before it, and the guesses that its head weighs.

use crate::math::{asinh, ln};
use crate::normal::Normal;

/// Numbers of a pixel itself: `asinh` of its distance from the location, from its left and from its upper neighbour.
pub(crate) const SEEN: usize = 3;

/// Numbers of a pixel's neighbours that come before it.
pub(crate) const CONTEXT: usize = 9;

/// Guesses of a pixel from those neighbours.
pub(crate) const GUESSES: usize = 7;

/// One plane of a tile, its samples in raster order.
#[derive(Clone, Copy)]
pub(crate) struct Plane<'a> {
    pub(crate) samples: &'a [u16],
    pub(crate) width: usize,
    pub(crate) normal: Normal,
}

/// What the causal neighbours of one pixel say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Surroundings {
    /// For the net: in noise scales, compressed.
    pub(crate) context: [f32; CONTEXT],
    /// For the head: in samples.
    pub(crate) guesses: [f32; GUESSES],
    /// The unit of the head's offsets and scales, in samples: noise scale and local activity together.
    pub(crate) unit: f32,
}

impl Plane<'_> {
    fn at(&self, y: usize, x: usize) -> f32 {
        f32::from(self.samples[y * self.width + x])
    }

    /// What is shown of the pixel itself, once it is known.
    pub(crate) fn seen(&self, y: usize, x: usize) -> [f32; SEEN] {
        let inverse = 1.0 / self.normal.scale();
        let location = f32::from(self.normal.location);
        let own = self.at(y, x);
        let left = if x > 0 { self.at(y, x - 1) } else { location };
        let up = if y > 0 { self.at(y - 1, x) } else { location };
        [asinh((own - location) * inverse), asinh((own - left) * inverse), asinh((own - up) * inverse)]
    }

    /// What is known before the pixel is: of pixels above and to the left only. Neighbours outside of the tile take
    /// the value of one inside, or the location.
    pub(crate) fn surroundings(&self, y: usize, x: usize) -> Surroundings {
        self.surroundings_within(y, x, self.width)
    }

    /// The same where only the first `width` columns are known.
    pub(crate) fn surroundings_within(&self, y: usize, x: usize, width: usize) -> Surroundings {
        let scale = self.normal.scale();
        let location = f32::from(self.normal.location);
        let last = x + 1 == width;
        let (w, n) = match (y > 0, x > 0) {
            (true, true) => (self.at(y, x - 1), self.at(y - 1, x)),
            (true, false) => (self.at(y - 1, x), self.at(y - 1, x)),
            (false, true) => (self.at(y, x - 1), self.at(y, x - 1)),
            (false, false) => (location, location),
        };
        let nw = if y > 0 && x > 0 { self.at(y - 1, x - 1) } else { n };
        let ne = if y > 0 && !last { self.at(y - 1, x + 1) } else { n };
        let ww = if x > 1 { self.at(y, x - 2) } else { w };
        let nn = if y > 1 { self.at(y - 2, x) } else { n };
        let mean = 0.25 * (w + n + nw + ne);
        let activity = 0.125 * ((w - nw).abs() + (n - nw).abs() + (n - ne).abs() + (w - n).abs());
        let unit = (scale * scale + activity * activity).sqrt();
        let inverse = 1.0 / scale;
        let near = |value: f32| asinh((value - mean) * inverse);
        Surroundings {
            context: [
                asinh((mean - location) * inverse),
                ln(f64::from(unit * inverse)) as f32,
                near(w),
                near(n),
                near(nw),
                near(ne),
                near(ww),
                near(nn),
                // How far apart the grid of integers is, seen from the noise.
                inverse,
            ],
            guesses: [mean, w, n, nw, ne, w + n - nw, location],
            unit,
        }
    }
}
