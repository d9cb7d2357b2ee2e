//! Where a pixel is expected: least squares over its surroundings, solved anew every few pixels.
//!
//! Inputs are differences from a robust centre, clipped, so that a cosmic ray does not pull the sum along; what was clipped off
//! the nearest pixels are inputs of their own. The moments of the whole tile vote with [`PRIOR_PX`] pixels beside those
//! of the columns around.

use super::lanes::{LANES, Lanes, Plane, SKEW};
use super::least_squares::{Batch, Moments, Solver};
use crate::machine::Machine;
use crate::max::math::bound;

/// Inputs and the target.
pub(super) const N: usize = 48;

/// Pixels around (rows up, columns right), nearest first.
const TAPS: usize = 34;

/// So many of them have an input for what was clipped off.
const EXCESSES: usize = 8;

/// Most clips that an excess counts.
const EXCESS_CLIPS: f32 = 100.0;

/// A clip is this many times the spread of the pixels around.
const CLIP_SPREADS: f32 = 1.1;

/// Columns, in steps, that share moments and weights.
pub(super) const BLOCK_STEPS: usize = 64;

/// What a block of columns keeps from sixteen rows to the next.
const BLOCK_KEEP: f32 = 0.8;

/// Pixels that the tile's moments hold.
const TILE_MEMORY_PX: f32 = 300_000.0;

/// Pixels of the tile that speak in a block.
const PRIOR_PX: f32 = 1000.0;

/// Pixels that speak for the weights at the start: W, N, NE, NN.
const RIDGE: f64 = 3.0;
const START: [(usize, isize, f32); 4] = [(0, -1, 0.35), (1, 0, 0.35), (1, 1, 0.2), (2, 0, 0.1)];

/// The nearest pixels that are known to every lane: by distance, then row, then from right to left.
const fn taps() -> [(usize, isize); TAPS] {
    let mut taps = [(0, 0); TAPS];
    let (mut count, mut distance) = (0, 1);
    while count < TAPS {
        let mut up = 0;
        while up <= 5 {
            let mut right = 8;
            while right >= -8 {
                let known = if up == 0 { right < 0 } else { right < (SKEW * up) as isize };
                if known && (up * up) as isize + right * right == distance && count < TAPS {
                    taps[count] = (up, right);
                    count += 1;
                }
                right -= 1;
            }
            up += 1;
        }
        distance += 1;
    }
    taps
}

const AROUND: [(usize, isize); TAPS] = taps();

/// The robust centre of the pixels around, and how they scatter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Centre {
    pub(super) middle: Lanes,
    /// From the second to the sixth of seven.
    pub(super) spread: Lanes,
    clip: Lanes,
}

impl Centre {
    /// Of W, WW, N, NW, NE, NN and NEE; `scatter` is the least spread that a clip assumes.
    #[inline(always)]
    pub(super) fn look(pixels: &Plane, t: usize, scatter: f32) -> Self {
        const SEVEN: [(usize, isize); 7] = [(0, -1), (0, -2), (1, 0), (1, -1), (1, 1), (2, 0), (1, 2)];
        // A sorting network of 16 comparisons (Knuth, volume 3, section 5.3.4).
        #[rustfmt::skip]
        const NETWORK: [(usize, usize); 16] = [
            (0, 6), (2, 3), (4, 5), (0, 2), (1, 4), (3, 6), (0, 1), (2, 5), (3, 4), (1, 2), (4, 6), (2, 3), (4, 5), (1, 2), (3, 4),
            (5, 6),
        ];
        let mut seven = SEVEN.map(|(up, right)| *pixels.at(t, up, right));
        for (a, b) in NETWORK {
            for k in 0..LANES {
                let (x, y) = (seven[a][k], seven[b][k]);
                (seven[a][k], seven[b][k]) = if x < y { (x, y) } else { (y, x) };
            }
        }
        let mut this = Self { middle: seven[3], spread: [0.0; LANES], clip: [0.0; LANES] };
        for k in 0..LANES {
            let spread = seven[5][k] - seven[1][k];
            this.spread[k] = spread;
            this.clip[k] = CLIP_SPREADS * if spread > scatter { spread } else { scatter };
        }
        this
    }
}

/// Running means of the residuals of a row, weighted by 1 / variance: even columns, odd columns, all (short).
#[derive(Clone, Debug)]
struct RowMeans {
    sums: [Lanes; 3],
    weights: [Lanes; 3],
}

const ROW_RATES: [f32; 3] = [1.0 / 128.0, 1.0 / 128.0, 1.0 / 12.0];
const ROW_PRIORS: [f32; 3] = [8.0, 8.0, 3.0];
const COLUMN_RATE: f32 = 1.0 / 32.0;

/// What became known of the pixels of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// From the centres.
    pub(super) differences: Lanes,
    /// From the locations.
    pub(super) residuals: Lanes,
    /// In the regression; zero in lanes that stand on no pixel.
    pub(super) weights: Lanes,
}

/// The predictor of one tile.
#[derive(Debug)]
pub(super) struct Location {
    rows: RowMeans,
    columns: Plane,
    machine: Machine,
    batch: Batch<N>,
    fresh: Moments<N>,
    tile: Moments<N>,
    blocks: Vec<Moments<N>>,
    work: Moments<N>,
    solver: Solver<N>,
    start: [f32; N],
    weights: [f32; N],
}

impl Location {
    pub(super) fn new(machine: Machine, width: usize) -> Self {
        let mut start = [0.0; N];
        for (up, right, weight) in START {
            let tap = AROUND.iter().position(|&tap| tap == (up, right)).expect("one of the nearest");
            start[tap] = weight;
        }
        Self {
            rows: RowMeans { sums: [[0.0; LANES]; 3], weights: [[0.0; LANES]; 3] },
            columns: Plane::new(width, 0.0),
            machine,
            batch: Batch::new(),
            fresh: Moments::new(),
            tile: Moments::new(),
            blocks: vec![Moments::new(); super::lanes::steps(width, LANES).div_ceil(BLOCK_STEPS)],
            work: Moments::new(),
            solver: Solver::new(),
            start,
            weights: start,
        }
    }

    /// The pixels of block `block` so far join the memories.
    #[inline(always)]
    pub(super) fn join(&mut self, block: usize) {
        self.fresh.take(self.machine, &mut self.batch);
        let pixels = self.fresh.pixels;
        if pixels > 0.0 {
            self.tile.blend(1.0 - pixels / TILE_MEMORY_PX, &self.fresh, 1.0);
            self.blocks[block].blend(1.0, &self.fresh, 1.0);
            self.fresh.clear();
        }
    }

    /// A block begins.
    #[inline(always)]
    pub(super) fn begin_block(&mut self, block: usize) {
        self.blocks[block].forget(BLOCK_KEEP);
    }

    /// New weights for block `block`.
    #[inline(always)]
    pub(super) fn solve(&mut self, block: usize) {
        if self.tile.pixels == 0.0 {
            return;
        }
        self.work.clear();
        self.work.blend(0.0, &self.tile, bound(PRIOR_PX / self.tile.pixels, 0.0, 1.0));
        let last = self.blocks.len() - 1;
        for near in &self.blocks[block.saturating_sub(1)..=(block + 1).min(last)] {
            self.work.blend(1.0, near, 1.0);
        }
        self.solver.solve(&self.work, RIDGE, &self.start, &mut self.weights);
    }

    pub(super) fn begin_rows(&mut self) {
        self.rows = RowMeans { sums: [[0.0; LANES]; 3], weights: [[0.0; LANES]; 3] };
        self.columns.advance();
    }

    /// The locations of the pixels of step `t`, whose noise is about `scale`.
    #[inline(always)]
    pub(super) fn predict(&mut self, pixels: &Plane, t: usize, centre: &Centre, scale: &Lanes) -> Lanes {
        let inputs = self.batch.inputs();
        // Every input is made apart and then put into its place: compilers see that nothing overlaps.
        let Centre { middle, clip, .. } = *centre;
        for (n, (up, right)) in AROUND.into_iter().enumerate() {
            let pixel = *pixels.at(t, up, right);
            let mut input = [0.0; LANES];
            for k in 0..LANES {
                input[k] = bound(pixel[k] - middle[k], -clip[k], clip[k]);
            }
            inputs[n] = input;
        }
        let mut most = clip;
        for k in 0..LANES {
            most[k] *= EXCESS_CLIPS;
        }
        for (n, &(up, right)) in AROUND[..EXCESSES].iter().enumerate() {
            let (pixel, mut input) = (*pixels.at(t, up, right), inputs[n]);
            for k in 0..LANES {
                input[k] = bound((pixel[k] - middle[k]) - input[k], -most[k], most[k]);
            }
            inputs[TAPS + n] = input;
        }
        let (mut level, mut votes) = ([0.0; LANES], [0.0; LANES]);
        for k in 0..LANES {
            level[k] = scale[k] * 0.2;
            votes[k] = 1.0 / (scale[k] * scale[k]);
        }
        inputs[TAPS + EXCESSES] = level;
        inputs[TAPS + EXCESSES + 1] = *self.columns.at(t, 1, 0);
        let mut means = [[0.0; LANES]; 3];
        for (n, mean) in means.iter_mut().enumerate() {
            let (sums, weights) = (self.rows.sums[n], self.rows.weights[n]);
            for k in 0..LANES {
                mean[k] = sums[k] / (weights[k] + ROW_PRIORS[n] * votes[k]);
            }
        }
        // Whether a lane stands on an even or an odd column changes from lane to lane and from step to step.
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
            locations[k] = bound(middle[k] + sum, 0.0, 65_535.0);
        }
        locations
    }

    /// The pixels of step `t` became known; the regression learns from them if the step `fits`.
    #[inline(always)]
    pub(super) fn learn(&mut self, t: usize, fits: bool, active: &[bool; LANES], scale: &Lanes, seen: &Seen) {
        let pixels = active.iter().filter(|&&active| active).count();
        if fits {
            self.batch.push(&seen.differences, &seen.weights, pixels);
            if self.batch.is_full() {
                self.fresh.take(self.machine, &mut self.batch);
            }
        }
        let mut column = *self.columns.at(t, 1, 0);
        for k in 0..LANES {
            let residual = bound(seen.residuals[k], -3.0 * scale[k], 3.0 * scale[k]);
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
