//! The locations of the pixels of a half row: weighted sums of their neighbours.
//!
//! The inputs are deviations from a robust centre, clipped, so that a cosmic ray nearby does not
//! pull the prediction; what was clipped off the nearest ones are inputs of their own.

use super::background::Background;
use super::window::{ABOVE, Window};
use crate::maths::clamp;
use crate::predict::neighbourhood::{Offset, nearest};
use nf_simd::{InstructionSet, kernel};

/// Farthest column of a tap.
const REACH: isize = 8;

/// Most taps of a half row.
pub(super) const MAX_TAPS: usize = 64;

/// Taps come in groups of this many.
pub(super) const TAP_GROUP: usize = 4;

/// Nearest pixels with an input for what was clipped off.
pub(super) const EXCESSES: usize = 4;

/// Fraction bits of weights and of the offset.
pub(super) const WEIGHT_BITS: u32 = 12;

/// The nearest `count` pixels that are known before those of a half row: by distance, then row,
/// then column.
pub(super) fn taps(parity: usize, count: usize) -> Vec<Offset> {
    // Of the own row, an odd half knows the even one.
    let own_row = (-REACH..=REACH).filter(|right| parity == 1 && right % 2 != 0).map(|right| (0, right));
    let above = (1..=ABOVE).flat_map(|up| (-REACH..=REACH).map(move |right| (up, right)));
    nearest(own_row.chain(above), count)
}

/// Weights of one half row, and the offset, in units of `2^-WEIGHT_BITS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Weights {
    pub(super) taps: Vec<i32>,
    pub(super) excesses: [i32; EXCESSES],
    pub(super) offset: i32,
    /// Of the level of the background, in dithered tiles.
    pub(super) level: i32,
}

/// The robust centres of the pixels of a half row, and the dispersion of their neighbours.
#[derive(Clone, Debug)]
pub(super) struct Centre {
    /// Median of five neighbours.
    pub(super) median: Vec<f32>,
    /// Their trimmed range: from the second to the fourth.
    pub(super) range: Vec<f32>,
    /// Largest deviation from the median that counts as noise.
    pub(super) clip: Vec<f32>,
}

/// The smaller and the larger.
#[inline(always)]
fn sort(a: f32, b: f32) -> (f32, f32) {
    if a < b { (a, b) } else { (b, a) }
}

/// A clip is this many times the trimmed range.
const CLIP_RANGES: f32 = 1.75;

impl Centre {
    /// Of half rows of `padded` pixels.
    pub(super) fn new(padded: usize) -> Self {
        let zeros = || vec![0.0; padded];
        Self { median: zeros(), range: zeros(), clip: zeros() }
    }

    /// Measures the neighbours of a half row; clips assume a range of at least `least_range`.
    pub(super) fn measure(&mut self, isa: InstructionSet, window: &Window, parity: usize, least_range: f32) {
        measure(isa, self, window, parity, least_range);
    }
}

/// Weights ready for use: numbers of the stream as `f32`, with the offsets of their taps.
#[derive(Clone, Debug)]
pub(super) struct Predictor {
    parity: usize,
    offset: f32,
    level: f32,
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
            level: unit(weights.level),
            taps: with(&weights.taps),
            excesses: with(&weights.excesses),
        }
    }

    /// The locations of a half row; dithered tiles have a background.
    pub(super) fn locate(
        &self,
        isa: InstructionSet,
        window: &Window,
        centre: &Centre,
        background: Option<&Background>,
        locations: &mut [f32],
    ) {
        let level = background.map_or(&[][..], |background| background.level(self.parity));
        locate(isa, self, window, centre, level, locations);
    }
}

kernel! {
    fn measure<'a>(centre: &'a mut Centre, window: &'a Window, parity: usize, least_range: f32) -> () {
        let n = window.padded();
        let five: [Offset; 5] = if parity == 0 {
            [(1, 0), (1, -1), (1, 1), (2, 0), (1, -2)]
        } else {
            [(0, -1), (0, 1), (1, 0), (1, -1), (1, 1)]
        };
        let [a, b, c, d, e] = five.map(|offset| window.values(parity, offset));
        let (a, b, c, d, e) = (&a[..n], &b[..n], &c[..n], &d[..n], &e[..n]);
        // The fifth of the even half is on one side only: take the mean of both sides.
        let f = if parity == 0 { window.values(0, (1, 2)) } else { e };
        let f = &f[..n];
        let (medians, ranges) = (&mut centre.median[..n], &mut centre.range[..n]);
        let clips = &mut centre.clip[..n];
        for i in 0..n {
            let fifth = (e[i] + f[i]) * 0.5;
            let (a, b) = sort(a[i], b[i]);
            let (c, d) = sort(c[i], d[i]);
            let (first, low) = sort(a, c);
            let (high, last) = sort(b, d);
            let (low, high) = sort(low, high);
            // Four in order; the fifth is inserted.
            let second = sort(first, sort(fifth, low).0).1;
            let third = sort(low, sort(fifth, high).0).1;
            let fourth = sort(high, sort(fifth, last).0).1;
            medians[i] = third;
            let range = fourth - second;
            ranges[i] = range;
            let range = if range > least_range { range } else { least_range };
            clips[i] = range * CLIP_RANGES;
        }
    }

    fn locate<'a>(
        predictor: &'a Predictor,
        window: &'a Window,
        centre: &'a Centre,
        level: &'a [f32],
        locations: &'a mut [f32],
    ) -> () {
        let n = window.padded();
        let locations = &mut locations[..n];
        let (median, clip) = (&centre.median[..n], &centre.clip[..n]);
        locations.fill(predictor.offset);
        if !level.is_empty() {
            let level = &level[..n];
            for i in 0..n {
                locations[i] += predictor.level * clamp(level[i] - median[i], clip[i]);
            }
        }
        for group in predictor.taps.as_chunks::<TAP_GROUP>().0 {
            let [a, b, c, d] = group.map(|(offset, _)| window.values(predictor.parity, offset));
            let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
            let [wa, wb, wc, wd] = group.map(|(_, weight)| weight);
            for i in 0..n {
                let (m, t) = (median[i], clip[i]);
                let ab = wa * clamp(a[i] - m, t) + wb * clamp(b[i] - m, t);
                let cd = wc * clamp(c[i] - m, t) + wd * clamp(d[i] - m, t);
                locations[i] += ab + cd;
            }
        }
        for group in predictor.excesses.as_chunks::<TAP_GROUP>().0 {
            let [a, b, c, d] = group.map(|(offset, _)| window.values(predictor.parity, offset));
            let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
            let [wa, wb, wc, wd] = group.map(|(_, weight)| weight);
            for i in 0..n {
                let (m, t) = (median[i], clip[i]);
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
