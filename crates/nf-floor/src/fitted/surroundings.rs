//! What the pixels around say of a pixel: a robust centre, how far they scatter, a class, running means.
//!
//! The part that only looks at rows above is done for a whole row at a time.

use super::plane::{ABOVE, MARGIN};

/// Most classes of surroundings, each with its own prediction.
pub(crate) const MAX_CLASSES: usize = 8;

/// Fraction bits of running means.
const MEAN_BITS: u32 = 8;

/// Fraction bits of running means as inputs of the prediction.
pub(crate) const MEAN_INPUT_BITS: u32 = 3;

/// Farthest that a sample pulls a running mean.
const PULL: i32 = 1023;

/// Pixels of a row, and rows, over which running means reach: powers of two.
const ROW_REACH: i32 = 128;
const COLUMN_REACH: i32 = 64;

/// What does not change over a tile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The usual scatter of surroundings, DN: clipping is never tighter than for this.
    pub(crate) scatter: u16,
    /// Activities at which the next class begins, ascending.
    pub(crate) classes: Vec<u32>,
}

/// Row state, rebuilt by [`Surroundings::enter`].
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    width: usize,
    /// The five nearest pixels above (N, NW, NE, NN, NEE), sorted per column.
    sorted: [Vec<i16>; 5],
    /// Sum of differences among them.
    activity: Vec<i32>,
    /// Mean of every column over the rows above, `MEAN_BITS` fraction bits, relative to -32768.
    column_means: Vec<i32>,
    /// Running means of the row, even and odd columns: deviation from the column's mean.
    row_means: [i32; 2],
    row_counts: [i32; 2],
    pull: i32,
}

/// What [`Surroundings::at`] finds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    /// Median of the seven nearest pixels.
    pub(crate) center: i16,
    /// Deviations from the centre beyond this are clipped.
    pub(crate) clip: i16,
    /// Sum of differences among the nearest pixels; zero if all are equal.
    pub(crate) activity: u32,
}

impl Surroundings {
    pub(crate) fn new(width: usize, limits: &Limits) -> Self {
        Self {
            width,
            sorted: std::array::from_fn(|_| vec![0; width]),
            activity: vec![0; width],
            column_means: vec![0; width + 4],
            row_means: [0; 2],
            row_counts: [0; 2],
            pull: i32::from(limits.scatter).clamp(1, PULL),
        }
    }

    /// Prepares row `y` from the rows above it, nearest first, with their margins.
    #[inline(always)]
    pub(crate) fn enter(&mut self, y: usize, above: &[&[i16]; ABOVE]) {
        let w = self.width;
        let n = |dx: isize| &above[0][MARGIN.wrapping_add_signed(dx)..][..w];
        let nn = |dx: isize| &above[1][MARGIN.wrapping_add_signed(dx)..][..w];
        let (north, west, east, far_east) = (n(0), n(-1), n(1), n(2));
        let (north2, west2, east2) = (nn(0), nn(-1), nn(1));
        let [s0, s1, s2, s3, s4] = &mut self.sorted;
        let (s0, s1, s2, s3, s4) = (&mut s0[..w], &mut s1[..w], &mut s2[..w], &mut s3[..w], &mut s4[..w]);
        for x in 0..w {
            // A network of nine exchanges sorts five.
            let [mut a, mut b, mut c, mut d, mut e] = [north[x], west[x], east[x], north2[x], far_east[x]];
            (a, b) = (a.min(b), a.max(b));
            (d, e) = (d.min(e), d.max(e));
            (c, e) = (c.min(e), c.max(e));
            (c, d) = (c.min(d), c.max(d));
            (a, d) = (a.min(d), a.max(d));
            (a, c) = (a.min(c), a.max(c));
            (b, e) = (b.min(e), b.max(e));
            (b, d) = (b.min(d), b.max(d));
            (b, c) = (b.min(c), b.max(c));
            (s0[x], s1[x], s2[x], s3[x], s4[x]) = (a, b, c, d, e);
        }
        let gap = |a: i16, b: i16| i32::from(a.abs_diff(b));
        let activity = &mut self.activity[..w];
        for x in 0..w {
            activity[x] = gap(north[x], west[x])
                + gap(north[x], east[x])
                + gap(north[x], north2[x])
                + gap(west[x], west2[x])
                + gap(east[x], east2[x])
                + gap(east[x], far_east[x]);
        }
        // The mean of a column takes in the row above: 1/n of it at first, 1/COLUMN_REACH later.
        let means = &mut self.column_means[2..2 + w];
        if y == 1 {
            for (mean, &value) in means.iter_mut().zip(north) {
                *mean = (i32::from(value) + 0x8000) << MEAN_BITS;
            }
        } else if y > 1 {
            let gain = (4096 / y as i32).max(4096 / COLUMN_REACH);
            for (mean, &value) in means.iter_mut().zip(north) {
                let off = ((i32::from(value) + 0x8000) << MEAN_BITS) - *mean;
                let off = off.clamp(-(PULL << MEAN_BITS), PULL << MEAN_BITS);
                *mean += (off * gain) >> 12;
            }
        } else {
            means.fill((i32::from(north[0]) + 0x8000) << MEAN_BITS);
        }
        let (first, last) = (self.column_means[2], self.column_means[w + 1]);
        self.column_means[..2].fill(first);
        self.column_means[w + 2..].fill(last);
        self.row_means = [0; 2];
        self.row_counts = [0; 2];
    }

    /// Looks around column `x` of a row whose pixels are known up to there.
    #[inline(always)]
    pub(crate) fn at(&self, x: usize, above: &[&[i16]; ABOVE], row: &[i16], scatter: u16) -> Around {
        let (west, west2) = (row[MARGIN + x - 1], row[MARGIN + x - 2]);
        let northwest = above[0][MARGIN + x - 1];
        let s = [0, 1, 2, 3, 4].map(|i: usize| self.sorted[i][x]);
        let insert = |low: i16, high: i16, value: i16| value.min(high).max(low);
        // Six in order: the five from above and the one two to the left.
        let b = [
            west2.min(s[0]),
            insert(s[0], s[1], west2),
            insert(s[1], s[2], west2),
            insert(s[2], s[3], west2),
            insert(s[3], s[4], west2),
            west2.max(s[4]),
        ];
        // Second, fourth and sixth of seven.
        let low = insert(b[0], b[1], west);
        let center = insert(b[2], b[3], west);
        let high = insert(b[4], b[5], west);
        let scatter = (i32::from(high) - i32::from(low)).max(i32::from(scatter));
        let gap = |a: i16, b: i16| i32::from(a.abs_diff(b));
        Around {
            center,
            clip: ((scatter * 77) >> 6).min(32767) as i16,
            activity: (self.activity[x] + gap(west, west2) + gap(west, northwest)) as u32,
        }
    }

    /// Running means around column `x`, relative to `center`, as inputs of the prediction: of the row, same
    /// and other column parity; of the column; of the two columns left and right.
    #[inline(always)]
    pub(crate) fn means(&self, x: usize, center: i16) -> [i16; 4] {
        let shift = MEAN_BITS - MEAN_INPUT_BITS;
        let center = (i32::from(center) + 0x8000) << MEAN_INPUT_BITS;
        let narrow = |value: i32| value.clamp(-32767, 32767) as i16;
        let c = &self.column_means[x..x + 5];
        [
            narrow(self.row_means[x & 1] >> shift),
            narrow(self.row_means[!x & 1] >> shift),
            narrow((c[2] >> shift) - center),
            narrow(((c[0] + c[1] + c[3] + c[4]) >> (shift + 2)) - center),
        ]
    }

    /// Takes in the value of column `x`.
    #[inline(always)]
    pub(crate) fn learn(&mut self, x: usize, value: i16) {
        let off = ((i32::from(value) + 0x8000) << MEAN_BITS) - self.column_means[x + 2];
        let off = off.clamp(-(self.pull << MEAN_BITS), self.pull << MEAN_BITS);
        let count = &mut self.row_counts[x & 1];
        *count = (*count + 1).min(ROW_REACH - 1);
        let gain = RECIPROCALS[*count as usize];
        let mean = &mut self.row_means[x & 1];
        *mean += ((off - *mean) * gain) >> 12;
    }
}

/// `4096 / (n + 1)`.
const RECIPROCALS: [i32; ROW_REACH as usize] = {
    let mut table = [0; ROW_REACH as usize];
    let mut n = 0;
    while n < table.len() {
        table[n] = 4096 / (n as i32 + 1);
        n += 1;
    }
    table
};
