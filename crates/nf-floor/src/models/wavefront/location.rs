//! The location of a pixel: least squares over its causal neighbourhood, solved anew every few
//! pixels.
//!
//! Inputs are differences from a robust centre, clipped, so that a cosmic ray does not pull the
//! prediction; what was clipped off the nearest pixels are inputs of their own. The moments of the
//! whole tile count for [`PRIOR_PX`] pixels besides those of the columns around.

use super::lanes::{LANES, Lanes, Plane, SKEW, steps};
use super::regression::Batch;
use crate::maths::clamp_or_low;
use crate::predict::cholesky::Cholesky;
use crate::predict::moments::Moments;
use crate::predict::neighbourhood::{Offset, nearest};
use nf_simd::InstructionSet;

/// Inputs and the target.
pub(super) const N: usize = 48;

/// Pixels of the neighbourhood.
const TAPS: usize = 34;

/// The nearest of them, which have an input for what was clipped off.
const EXCESSES: usize = 8;

/// Excesses are bounded to this many clips.
const EXCESS_CLIPS: f32 = 100.0;

/// A clip is this many times the trimmed range of the nearest pixels.
const CLIP_RANGES: f32 = 1.1;

/// Columns, in steps, that share moments and weights.
pub(super) const BLOCK_STEPS: usize = 64;

/// What a block of columns keeps from sixteen rows to the next.
const BLOCK_KEEP: f32 = 0.8;

/// Pixels that the tile's moments remember.
const TILE_MEMORY_PX: f32 = 300_000.0;

/// Pixels of the tile's moments that count in a block.
const PRIOR_PX: f32 = 1000.0;

/// Pixels that the weights at the start count for: those of W, N, NE, NN.
const RIDGE: f32 = 3.0;
const START: [(Offset, f32); 4] = [((0, -1), 0.35), ((1, 0), 0.35), ((1, 1), 0.2), ((2, 0), 0.1)];

/// The nearest pixels that are known to every lane: by distance, then row, then from right to left.
fn neighbours() -> [Offset; TAPS] {
    let row = |up: usize| {
        let end = if up == 0 { 0 } else { (SKEW * up) as isize };
        (-8..end.min(9)).rev().map(move |right| (up, right))
    };
    nearest((0..=5).flat_map(row), TAPS).try_into().expect("there are more pixels within reach")
}

/// The robust centre of the nearest pixels, and their dispersion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Centre {
    pub(super) median: Lanes,
    /// Trimmed range: from the second to the sixth of seven.
    pub(super) range: Lanes,
    clip: Lanes,
}

impl Centre {
    /// Of W, WW, N, NW, NE, NN and NEE; clips assume a range of at least `least_range`.
    #[inline(always)]
    pub(super) fn new(pixels: &Plane, t: usize, least_range: f32) -> Self {
        const SEVEN: [Offset; 7] = [(0, -1), (0, -2), (1, 0), (1, -1), (1, 1), (2, 0), (1, 2)];
        // A sorting network of 16 comparisons (Knuth, volume 3, section 5.3.4).
        #[rustfmt::skip]
        const NETWORK: [(usize, usize); 16] = [
            (0, 6), (2, 3), (4, 5), (0, 2), (1, 4), (3, 6), (0, 1), (2, 5), (3, 4), (1, 2), (4, 6), (2, 3), (4, 5), (1, 2), (3, 4),
            (5, 6),
        ];
        let mut seven = SEVEN.map(|offset| *pixels.at(t, offset));
        for (a, b) in NETWORK {
            for k in 0..LANES {
                let (x, y) = (seven[a][k], seven[b][k]);
                (seven[a][k], seven[b][k]) = if x < y { (x, y) } else { (y, x) };
            }
        }
        let mut this = Self { median: seven[3], range: [0.0; LANES], clip: [0.0; LANES] };
        for k in 0..LANES {
            let range = seven[5][k] - seven[1][k];
            this.range[k] = range;
            this.clip[k] = CLIP_RANGES * if range > least_range { range } else { least_range };
        }
        this
    }
}

/// Running means of the residuals of a row, weighted by 1 / variance: even columns, odd columns,
/// all (short).
#[derive(Clone, Debug, Default)]
struct RowMeans {
    sums: [Lanes; 3],
    weights: [Lanes; 3],
}

const ROW_RATES: [f32; 3] = [1.0 / 128.0, 1.0 / 128.0, 1.0 / 12.0];
const ROW_PRIORS: [f32; 3] = [8.0, 8.0, 3.0];
const COLUMN_RATE: f32 = 1.0 / 32.0;

/// The pixels of a step once they are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observed {
    /// From the centres.
    pub(super) differences: Lanes,
    /// From the locations.
    pub(super) residuals: Lanes,
    /// In the regression; zero in lanes without a pixel.
    pub(super) weights: Lanes,
}

/// The predictor of one tile.
#[derive(Debug)]
pub(super) struct Location {
    isa: InstructionSet,
    neighbours: [Offset; TAPS],
    rows: RowMeans,
    columns: Plane,
    batch: Batch<N>,
    fresh: Moments<N>,
    tile: Moments<N>,
    blocks: Vec<Moments<N>>,
    work: Moments<N>,
    cholesky: Cholesky,
    start: [f32; N],
    weights: [f32; N],
}

/// Moments of the blocks of columns of a tile.
fn blocks(width: usize) -> Vec<Moments<N>> {
    vec![Moments::new(N - 1); steps(width, LANES).div_ceil(BLOCK_STEPS)]
}

impl Location {
    pub(super) fn new(isa: InstructionSet, width: usize) -> Self {
        let neighbours = neighbours();
        let mut start = [0.0; N];
        for (offset, weight) in START {
            let tap = neighbours.iter().position(|&tap| tap == offset).expect("one of the nearest");
            start[tap] = weight;
        }
        Self {
            isa,
            neighbours,
            rows: RowMeans::default(),
            columns: Plane::new(width, 0.0),
            batch: Batch::new(),
            fresh: Moments::new(N - 1),
            tile: Moments::new(N - 1),
            blocks: blocks(width),
            work: Moments::new(N - 1),
            cholesky: Cholesky::new(N - 1),
            start,
            weights: start,
        }
    }

    /// Begins another tile of the same detector, of another width, after block `block`.
    pub(super) fn restart(&mut self, block: usize, width: usize) {
        self.join(block);
        self.columns = Plane::new(width, 0.0);
        self.blocks = blocks(width);
    }

    /// Adds the pixels of block `block` so far to the memories.
    pub(super) fn join(&mut self, block: usize) {
        self.batch.drain_into(self.isa, &mut self.fresh);
        let pixels = self.fresh.samples;
        if pixels > 0.0 {
            self.tile.blend(self.isa, 1.0 - pixels / TILE_MEMORY_PX, &self.fresh, 1.0);
            self.blocks[block].blend(self.isa, 1.0, &self.fresh, 1.0);
            self.fresh.clear();
        }
    }

    /// A block begins.
    pub(super) fn begin_block(&mut self, block: usize) {
        self.blocks[block].scale(BLOCK_KEEP);
    }

    /// New weights for block `block`.
    pub(super) fn solve(&mut self, block: usize) {
        if self.tile.samples == 0.0 {
            return;
        }
        self.work.clear();
        self.work.blend(self.isa, 0.0, &self.tile, clamp_or_low(PRIOR_PX / self.tile.samples, 0.0, 1.0));
        let last = self.blocks.len() - 1;
        for near in &self.blocks[block.saturating_sub(1)..=(block + 1).min(last)] {
            self.work.blend(self.isa, 1.0, near, 1.0);
        }
        self.work.factor(self.isa, &mut self.cholesky, RIDGE, &self.start);
        self.cholesky.weights(N - 1, &mut self.weights);
    }

    pub(super) fn begin_rows(&mut self) {
        self.rows = RowMeans::default();
        self.columns.advance();
    }

    /// The locations of the pixels of step `t`, whose noise is about `scale`.
    #[inline(always)]
    pub(super) fn predict(&mut self, pixels: &Plane, t: usize, centre: &Centre, scale: &Lanes) -> Lanes {
        let inputs = self.batch.inputs();
        // Every input is made apart and then stored: compilers see that nothing overlaps.
        let Centre { median, clip, .. } = *centre;
        for (n, &offset) in self.neighbours.iter().enumerate() {
            let pixel = *pixels.at(t, offset);
            let mut input = [0.0; LANES];
            for k in 0..LANES {
                input[k] = clamp_or_low(pixel[k] - median[k], -clip[k], clip[k]);
            }
            inputs[n] = input;
        }
        let mut most = clip;
        for k in 0..LANES {
            most[k] *= EXCESS_CLIPS;
        }
        for (n, &offset) in self.neighbours[..EXCESSES].iter().enumerate() {
            let (pixel, mut input) = (*pixels.at(t, offset), inputs[n]);
            for k in 0..LANES {
                input[k] = clamp_or_low((pixel[k] - median[k]) - input[k], -most[k], most[k]);
            }
            inputs[TAPS + n] = input;
        }
        let (mut level, mut weight) = ([0.0; LANES], [0.0; LANES]);
        for k in 0..LANES {
            level[k] = scale[k] * 0.2;
            weight[k] = 1.0 / (scale[k] * scale[k]);
        }
        inputs[TAPS + EXCESSES] = level;
        inputs[TAPS + EXCESSES + 1] = *self.columns.at(t, (1, 0));
        let mut means = [[0.0; LANES]; 3];
        for (n, mean) in means.iter_mut().enumerate() {
            let (sums, weights) = (self.rows.sums[n], self.rows.weights[n]);
            for k in 0..LANES {
                mean[k] = sums[k] / (weights[k] + ROW_PRIORS[n] * weight[k]);
            }
        }
        // Columns are even and odd in turns from lane to lane and from step to step.
        let [even, odd, all] = means;
        let (mut own, mut other) = (even, odd);
        for k in 0..LANES {
            let is_odd = (t + k) & 1 == 1;
            own[k] = if is_odd { odd[k] } else { even[k] };
            other[k] = if is_odd { even[k] } else { odd[k] };
        }
        inputs[TAPS + EXCESSES + 2] = own;
        inputs[TAPS + EXCESSES + 3] = other;
        inputs[TAPS + EXCESSES + 4] = all;
        inputs[N - 1] = [0.0; LANES];
        let mut parts = [[0.0; LANES]; 4];
        for (inputs, weights) in inputs.as_chunks::<4>().0.iter().zip(self.weights.as_chunks::<4>().0) {
            for ((part, input), weight) in parts.iter_mut().zip(inputs).zip(weights) {
                for k in 0..LANES {
                    part[k] += input[k] * weight;
                }
            }
        }
        let mut locations = [0.0; LANES];
        for k in 0..LANES {
            let sum = (parts[0][k] + parts[1][k]) + (parts[2][k] + parts[3][k]);
            locations[k] = clamp_or_low(median[k] + sum, 0.0, 65_535.0);
        }
        locations
    }

    /// The pixels of step `t` are known; the regression uses them if the step `fits`.
    #[inline(always)]
    pub(super) fn update(
        &mut self,
        t: usize,
        fits: bool,
        active: &[bool; LANES],
        scale: &Lanes,
        observed: &Observed,
    ) {
        let pixels = active.iter().filter(|&&active| active).count();
        if fits {
            self.batch.push(&observed.differences, &observed.weights, pixels);
            if self.batch.is_full() {
                self.batch.drain_into(self.isa, &mut self.fresh);
            }
        }
        let mut column = *self.columns.at(t, (1, 0));
        for k in 0..LANES {
            let residual = clamp_or_low(observed.residuals[k], -3.0 * scale[k], 3.0 * scale[k]);
            column[k] += (residual - column[k]) * COLUMN_RATE;
            let weight = 1.0 / (scale[k] * scale[k]);
            let odd = (t + k) & 1 == 1;
            for (n, counts) in [active[k] && !odd, active[k] && odd, active[k]].into_iter().enumerate() {
                let (sum, sums) = (&mut self.rows.sums[n][k], &mut self.rows.weights[n][k]);
                let rate = ROW_RATES[n];
                *sum += if counts { residual * weight - rate * *sum } else { 0.0 };
                *sums += if counts { weight - rate * *sums } else { 0.0 };
            }
        }
        self.columns.set(t, active, &column);
    }
}

const _: () = assert!(TAPS + EXCESSES + 5 == N - 1);
