//! Windows of a map as rows of tokens, and the operations of a transformer on them.
//!
//! A map of tokens has a row for every window, a column for every pixel of it, and the channels of
//! a map. Layers that look at one pixel apply to it as to any other map. Every sum has its order:
//! channels, or tokens, from the first to the last; lanes are different results.

use crate::map::FeatureMap;
use crate::math::exp;
use nf_simd::{InstructionSet, NullaryFnOnce};

/// Squares that are cut out of a map, one for every `stride` pixels in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Rows and columns of a window.
    pub size: usize,
    /// Pixels from window to window.
    pub stride: usize,
}

impl Windows {
    /// Windows that neither overlap nor leave anything out.
    pub const fn tiling(size: usize) -> Self {
        Self { size, stride: size }
    }

    /// Windows of a map.
    pub fn count(self, height: usize, width: usize) -> usize {
        height.div_ceil(self.stride) * width.div_ceil(self.stride)
    }

    /// The pixel of every token of every window, in raster order. A window begins half of what it
    /// is larger than its stride before its own pixels; beyond the border the map is mirrored.
    pub fn sources(self, height: usize, width: usize) -> Vec<usize> {
        let Self { size, stride } = self;
        let before = size.saturating_sub(stride) / 2;
        let at = |window: usize, token: usize, extent: usize| {
            mirrored((window * stride + token) as isize - before as isize, extent)
        };
        let mut sources = Vec::with_capacity(self.count(height, width) * size * size);
        for (y, x) in grid(height.div_ceil(stride), width.div_ceil(stride)) {
            for (i, j) in grid(size, size) {
                sources.push(at(y, i, height) * width + at(x, j, width));
            }
        }
        sources
    }

    /// The token of every pixel of a map, where these windows tile it, in raster order: row times
    /// tokens of a row, plus column.
    pub fn tokens(self, height: usize, width: usize) -> Vec<usize> {
        let size = self.size;
        let across = width.div_ceil(size);
        let token = |(y, x): (usize, usize)| {
            ((y / size) * across + x / size) * size * size + (y % size) * size + x % size
        };
        grid(height, width).map(token).collect()
    }
}

fn grid(height: usize, width: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..height).flat_map(move |y| (0..width).map(move |x| (y, x)))
}

/// A place mirrored into `0..extent`, the outermost pixels not repeated.
fn mirrored(at: isize, extent: usize) -> usize {
    let last = extent as isize - 1;
    if last == 0 {
        return 0;
    }
    let folded = at.rem_euclid(2 * last);
    (if folded > last { 2 * last - folded } else { folded }) as usize
}

/// A map whose pixels are those of another, `sources` of them in rows of `width`.
pub(crate) fn gathered(from: &FeatureMap, sources: &[usize], width: usize) -> FeatureMap {
    let c = from.channels;
    let mut map = FeatureMap::zeros(sources.len() / width, width, c);
    for (to, &source) in map.values.chunks_exact_mut(c).zip(sources) {
        to.copy_from_slice(&from.values[source * c..][..c]);
    }
    map
}

/// The columns of both maps side by side.
pub(crate) fn beside(left: &FeatureMap, right: &FeatureMap) -> FeatureMap {
    let [a, b] = [left, right].map(|map| map.width * map.channels);
    let mut map = FeatureMap::zeros(left.height, left.width + right.width, left.channels);
    let rows = map.values.chunks_exact_mut(a + b);
    for ((to, left), right) in rows.zip(left.values.chunks_exact(a)).zip(right.values.chunks_exact(b)) {
        to[..a].copy_from_slice(left);
        to[a..].copy_from_slice(right);
    }
    map
}

/// What is added under the root of a deviation, so that it is no zero.
pub const NORM_FLOOR: f32 = 1e-5;

/// Layer normalisation (Ba, Kiros, Hinton 2016, arXiv:1607.06450): each pixel's channels less their
/// mean, over their deviation, times `gain` plus `bias`.
pub(crate) fn normalised(from: &FeatureMap, gain: &[f32], bias: &[f32]) -> FeatureMap {
    let mut map = from.clone();
    let inverse_count = 1.0 / from.channels as f32;
    for values in map.values.chunks_exact_mut(from.channels) {
        let mean = values.iter().fold(0.0, |sum, value| sum + value) * inverse_count;
        values.iter_mut().for_each(|value| *value -= mean);
        let square = values.iter().fold(0.0, |sum, value| sum + value * value) * inverse_count;
        let inverse = 1.0 / (square + NORM_FLOOR).sqrt();
        for ((value, gain), bias) in values.iter_mut().zip(gain).zip(bias) {
            *value = *value * inverse * gain + bias;
        }
    }
    map
}

/// Attention (Vaswani et al. 2017, arXiv:1706.03762): every token of `queries` becomes the mean of
/// the values of its row, weighted by the softmax of its products with the row's keys over the root
/// of their channels, head by head.
pub(crate) fn attention(
    [queries, keys, values]: [&FeatureMap; 3],
    heads: usize,
    instructions: InstructionSet,
) -> FeatureMap {
    let channels = queries.channels;
    let mut map = FeatureMap::zeros(queries.height, queries.width, channels);
    let row = |map: &FeatureMap, row: usize| row * map.width * channels..(row + 1) * map.width * channels;
    for index in 0..queries.height {
        let to = row(&map, index);
        instructions.run(Attend {
            to: &mut map.values[to],
            queries: &queries.values[row(queries, index)],
            keys: &keys.values[row(keys, index)],
            values: &values.values[row(values, index)],
            channels,
            heads,
        });
    }
    map
}

/// The attention of one row, (tokens, channels) each.
struct Attend<'a> {
    to: &'a mut [f32],
    queries: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    channels: usize,
    heads: usize,
}

impl NullaryFnOnce for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { to, queries, keys, values, channels, heads } = self;
        let tokens = keys.len() / channels;
        let of_head = channels / heads;
        let scale = 1.0 / (of_head as f32).sqrt();
        // Keys by channel, so that lanes are tokens.
        let mut by_channel = vec![0.0; keys.len()];
        for (token, key) in keys.chunks_exact(channels).enumerate() {
            for (channel, &value) in key.iter().enumerate() {
                by_channel[channel * tokens + token] = value;
            }
        }
        let mut weights = vec![0.0_f32; tokens];
        for (query, to) in queries.chunks_exact(channels).zip(to.chunks_exact_mut(channels)) {
            for head in 0..heads {
                let own = head * of_head..(head + 1) * of_head;
                weights.fill(0.0);
                for channel in own.clone() {
                    let q = query[channel] * scale;
                    let keys = &by_channel[channel * tokens..][..tokens];
                    weights.iter_mut().zip(keys).for_each(|(weight, key)| *weight += q * key);
                }
                let largest = weights.iter().copied().fold(f32::MIN, f32::max);
                weights.iter_mut().for_each(|weight| *weight = exp(*weight - largest));
                let total = weights.iter().fold(0.0, |sum, weight| sum + weight);
                let to = &mut to[own.clone()];
                for (weight, value) in weights.iter().zip(values.chunks_exact(channels)) {
                    to.iter_mut().zip(&value[own.clone()]).for_each(|(to, value)| *to += weight * value);
                }
                to.iter_mut().for_each(|to| *to /= total);
            }
        }
    }
}
