//! The locations of the pixels of a half row: weighted sums of their neighbours.
//!
//! The inputs are deviations from a robust centre, clipped, so that a cosmic ray nearby does not
//! pull the prediction; what was clipped off the nearest ones are inputs of their own.

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
    excesses: [(Offset, f32); EXCESSES],
}

impl Predictor {
    pub(super) fn new(parity: usize, weights: &Weights) -> Self {
        let unit = |weight: i32| weight as f32 / (1 << WEIGHT_BITS) as f32;
        let with = |weights: &[i32]| -> Vec<(Offset, f32)> {
            taps(parity, weights.len()).into_iter().zip(weights.iter().map(|&w| unit(w))).collect()
        };
        let nearest = taps(parity, EXCESSES);
        Self {
            parity,
            offset: unit(weights.offset),
            level: unit(weights.level),
            taps: with(&weights.taps),
            excesses: std::array::from_fn(|i| (nearest[i], unit(weights.excesses[i]))),
        }
    }

    /// The locations of a half row; dithered tiles have a level of the background.
    pub(super) fn locate(
        &self,
        isa: InstructionSet,
        window: &Window,
        centre: &Centre,
        level: &[f32],
        locations: &mut [f32],
    ) {
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
        let near = |k: usize| &window.values(parity, five[k])[..n];
        let (a, b, c, d, e) = (near(0), near(1), near(2), near(3), near(4));
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
            let [a, b, c, d] = window.four(predictor.parity, group);
            let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
            let w = [group[0].1, group[1].1, group[2].1, group[3].1];
            for i in 0..n {
                let (m, t) = (median[i], clip[i]);
                let ab = w[0] * clamp(a[i] - m, t) + w[1] * clamp(b[i] - m, t);
                let cd = w[2] * clamp(c[i] - m, t) + w[3] * clamp(d[i] - m, t);
                locations[i] += ab + cd;
            }
        }
        let group = &predictor.excesses;
        let [a, b, c, d] = window.four(predictor.parity, group);
        let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
        let w = [group[0].1, group[1].1, group[2].1, group[3].1];
        for i in 0..n {
            let (m, t) = (median[i], clip[i]);
            let ab = w[0] * over(a[i] - m, t) + w[1] * over(b[i] - m, t);
            let cd = w[2] * over(c[i] - m, t) + w[3] * over(d[i] - m, t);
            let location = m + (locations[i] + (ab + cd));
            let location = if location > 0.0 { location } else { 0.0 };
            locations[i] = if location < 65535.0 { location } else { 65535.0 };
        }
    }
}

/// What a clip leaves of a deviation.
#[inline(always)]
fn over(deviation: f32, limit: f32) -> f32 {
    deviation - clamp(deviation, limit)
}

const _: () = assert!(EXCESSES == TAP_GROUP && MAX_TAPS.is_multiple_of(TAP_GROUP));
