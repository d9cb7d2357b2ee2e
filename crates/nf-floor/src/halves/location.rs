//! Where the pixels of a half row are expected: weighted sums of what lies around them.
//!
//! The inputs are deviations from a robust centre, clipped, so that a cosmic ray nearby does not drag the sum along; what
//! was clipped off the nearest ones are inputs of their own.

use super::window::{ABOVE, Window};

/// Farthest column of a tap.
const REACH: isize = 8;

/// Most taps of a half row.
pub(super) const MAX_TAPS: usize = 64;

/// Taps come in groups of this many.
pub(super) const TAP_GROUP: usize = 4;

/// Nearest pixels whose excess over the clip is an input.
pub(super) const EXCESSES: usize = 4;

/// Fraction bits of weights and of the offset.
pub(super) const WEIGHT_BITS: u32 = 12;

/// Rows above and columns to the right of a pixel.
pub(super) type Offset = (usize, isize);

/// The nearest `count` pixels that come before those of a half row: by distance, then row, then column.
pub(super) fn taps(parity: usize, count: usize) -> Vec<Offset> {
    let mut all: Vec<Offset> = (1..=ABOVE).flat_map(|dy| (-REACH..=REACH).map(move |dx| (dy, dx))).collect();
    if parity == 1 {
        all.extend((-REACH..=REACH).filter(|dx| dx % 2 != 0).map(|dx| (0, dx)));
    }
    all.sort_by_key(|&(dy, dx)| (dy * dy + dx.unsigned_abs().pow(2), dy, dx));
    all.truncate(count);
    all
}

/// Weights of one half row, and the offset, in units of `2^-WEIGHT_BITS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Weights {
    pub(super) taps: Vec<i32>,
    pub(super) excesses: [i32; EXCESSES],
    pub(super) offset: i32,
}

/// The robust centre of every pixel of a half row and what is known of the scatter around it.
#[derive(Clone, Debug)]
pub(super) struct Centre {
    /// Median of five.
    pub(super) middle: Vec<f32>,
    /// Distance between the second and the fourth of the five.
    pub(super) spread: Vec<f32>,
    /// Largest deviation that counts as noise.
    pub(super) clip: Vec<f32>,
}

/// The smaller and the larger.
#[inline(always)]
fn sort(a: f32, b: f32) -> (f32, f32) {
    if a < b { (a, b) } else { (b, a) }
}

/// `x` in `-limit..=limit`.
#[inline(always)]
pub(super) fn clamp(x: f32, limit: f32) -> f32 {
    let above = if x > -limit { x } else { -limit };
    if above < limit { above } else { limit }
}

/// A clip is this many times the spread.
const CLIP_SPREADS: f32 = 1.75;

impl Centre {
    pub(super) fn new(padded: usize) -> Self {
        let zeros = || vec![0.0; padded];
        Self { middle: zeros(), spread: zeros(), clip: zeros() }
    }

    /// Looks around the pixels of a half row; `scatter` is the least spread that a clip assumes.
    #[inline(always)]
    pub(super) fn look(&mut self, window: &Window, parity: usize, scatter: f32) {
        let n = window.padded();
        let five: [Offset; 5] = if parity == 0 {
            [(1, 0), (1, -1), (1, 1), (2, 0), (1, -2)]
        } else {
            [(0, -1), (0, 1), (1, 0), (1, -1), (1, 1)]
        };
        let [a, b, c, d, e] = five.map(|(dy, dx)| window.values(parity, dy, dx));
        let (a, b, c, d, e) = (&a[..n], &b[..n], &c[..n], &d[..n], &e[..n]);
        // The fifth of the even half is on one side only: take the mean of both sides.
        let f = if parity == 0 { window.values(0, 1, 2) } else { e };
        let f = &f[..n];
        let (middle, spread, clip) = (&mut self.middle[..n], &mut self.spread[..n], &mut self.clip[..n]);
        for i in 0..n {
            let fifth = (e[i] + f[i]) * 0.5;
            let (a, b) = sort(a[i], b[i]);
            let (c, d) = sort(c[i], d[i]);
            let (first, low) = sort(a, c);
            let (high, last) = sort(b, d);
            let (low, high) = sort(low, high);
            // Four in order; the fifth finds its place.
            let second = sort(first, sort(fifth, low).0).1;
            let third = sort(low, sort(fifth, high).0).1;
            let fourth = sort(high, sort(fifth, last).0).1;
            middle[i] = third;
            let wide = fourth - second;
            spread[i] = wide;
            let wide = if wide > scatter { wide } else { scatter };
            clip[i] = wide * CLIP_SPREADS;
        }
    }
}

/// Weights ready for use: numbers of the stream as `f32`, and where their taps are.
#[derive(Clone, Debug)]
pub(super) struct Predictor {
    parity: usize,
    offset: f32,
    taps: Vec<(Offset, f32)>,
    excesses: Vec<(Offset, f32)>,
}

impl Predictor {
    pub(super) fn new(parity: usize, weights: &Weights) -> Self {
        let unit = |weight: i32| weight as f32 / (1 << WEIGHT_BITS) as f32;
        let with = |weights: &[i32]| -> Vec<(Offset, f32)> {
            taps(parity, weights.len()).into_iter().zip(weights.iter().map(|&w| unit(w))).collect()
        };
        Self {
            parity,
            offset: unit(weights.offset),
            taps: with(&weights.taps),
            excesses: with(&weights.excesses),
        }
    }

    /// The locations of a half row.
    #[inline(always)]
    pub(super) fn locate(&self, window: &Window, centre: &Centre, locations: &mut [f32]) {
        let n = window.padded();
        let locations = &mut locations[..n];
        let (middle, clip) = (&centre.middle[..n], &centre.clip[..n]);
        locations.fill(self.offset);
        for group in self.taps.as_chunks::<TAP_GROUP>().0 {
            let [a, b, c, d] = group.map(|((dy, dx), _)| window.values(self.parity, dy, dx));
            let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
            let [wa, wb, wc, wd] = group.map(|(_, weight)| weight);
            for i in 0..n {
                let (m, t) = (middle[i], clip[i]);
                let ab = wa * clamp(a[i] - m, t) + wb * clamp(b[i] - m, t);
                let cd = wc * clamp(c[i] - m, t) + wd * clamp(d[i] - m, t);
                locations[i] += ab + cd;
            }
        }
        for group in self.excesses.as_chunks::<TAP_GROUP>().0 {
            let [a, b, c, d] = group.map(|((dy, dx), _)| window.values(self.parity, dy, dx));
            let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
            let [wa, wb, wc, wd] = group.map(|(_, weight)| weight);
            for i in 0..n {
                let (m, t) = (middle[i], clip[i]);
                let over = |x: f32| (x - m) - clamp(x - m, t);
                let ab = wa * over(a[i]) + wb * over(b[i]);
                let cd = wc * over(c[i]) + wd * over(d[i]);
                let location = m + (locations[i] + (ab + cd));
                let location = if location > 0.0 { location } else { 0.0 };
                locations[i] = if location < 65535.0 { location } else { 65535.0 };
            }
        }
    }
}

const _: () = assert!(EXCESSES == TAP_GROUP && MAX_TAPS.is_multiple_of(TAP_GROUP));
