//! First stage of the location: least squares over one set of inputs, five memories.
//!
//! One rank-one update per pixel feeds all of them: samples are gathered by block of columns, and
//! at the end of a block their moments join longer memories.
//!
//! | prediction | memory | inputs |
//! |---|---|---|
//! | [`GLOBAL`] | the tile, 300 000 pixels | all |
//! | [`SMALL`] | the same | the 12 nearest neighbours |
//! | [`LOCAL`] | 33 rows of this block and its neighbours, 1000 samples of the tile | all |
//! | [`LOCAL_SMALL`] | the same | the 20 nearest neighbours |
//! | [`CLASS`] | pixels of the same class of surroundings | all |
//!
//! Samples weigh 1 / variance, less if they are outliers (Huber, 3 scales).

use super::inputs::{CLASSES, Inputs};
use crate::maths::{clamp_or_low, dot};
use crate::predict::cholesky::Cholesky;
use crate::predict::moments::Moments;
use nf_simd::InstructionSet;

/// Number of predictions.
pub(super) const PREDICTIONS: usize = 5;
/// Their indices.
pub(super) const GLOBAL: usize = 0;
pub(super) const SMALL: usize = 1;
pub(super) const LOCAL: usize = 2;
pub(super) const LOCAL_SMALL: usize = 3;
pub(super) const CLASS: usize = 4;

/// Narrowest block of columns.
const BLOCK_PX: usize = 64;
/// Most blocks in a row: bounds the memory of wide tiles.
const MAX_BLOCKS: usize = 64;
/// Pixels that the tile's and the classes' memories hold.
const TILE_MEMORY_PX: f32 = 300_000.0;
/// What a block's memory keeps from row to row.
const BLOCK_KEEP: f32 = 0.97;
/// Samples of the tile's memory that count in a block's.
const BLOCK_PRIOR: f32 = 1000.0;
/// Samples of the tile's memory that count in a class's.
const CLASS_PRIOR: f32 = 300.0;
/// Samples that the weights at the start count for.
const RIDGE: f32 = 3.0;
/// The first samples, after which blocks are short enough; until then, columns between two
/// solutions.
const EARLY_PX: f32 = 600.0;
const EARLY_EVERY_PX: usize = 8;
/// Blocks between two solutions of the tile's and the classes' equations, once they have settled.
const SLOW_EVERY: usize = 4;
/// Pixels after which they have settled.
const SETTLED_PX: f32 = 20_000.0;
/// Weights at the start, of the nearest neighbours.
const START: [f32; 6] = [0.35, 0.35, 0.15, 0.0, 0.05, 0.1];

/// The predictors of one tile.
#[derive(Debug)]
pub(super) struct Location<const N: usize> {
    isa: InstructionSet,
    block_px: usize,
    width: usize,
    /// Samples of the block so far, by class.
    fresh: [Moments<N>; CLASSES],
    tile: Moments<N>,
    classes: [Moments<N>; CLASSES],
    blocks: Vec<Moments<N>>,
    work: Moments<N>,
    cholesky: Cholesky,
    start: [f32; N],
    weights: [[f32; N]; 4],
    class_weights: [[f32; N]; CLASSES],
}

/// Columns of a block in a tile of this width.
fn block_px(width: usize) -> usize {
    BLOCK_PX * width.div_ceil(BLOCK_PX * MAX_BLOCKS).max(1)
}

impl<const N: usize> Location<N> {
    pub(super) fn new(isa: InstructionSet, width: usize) -> Self {
        let block_px = block_px(width);
        let mut start = [0.0; N];
        start[..START.len()].copy_from_slice(&START);
        let moments = || std::array::from_fn(|_| Moments::new(N));
        Self {
            isa,
            block_px,
            width,
            fresh: moments(),
            tile: Moments::new(N),
            classes: moments(),
            blocks: vec![Moments::new(N); width.div_ceil(block_px)],
            work: Moments::new(N),
            cholesky: Cholesky::new(N),
            start,
            weights: [start; 4],
            class_weights: [start; CLASSES],
        }
    }

    /// Begins another tile of the same detector, of another width, without the memories of blocks.
    pub(super) fn restart(&mut self, width: usize) {
        self.block_px = block_px(width);
        self.width = width;
        self.blocks = vec![Moments::new(N); width.div_ceil(self.block_px)];
    }

    /// Before column `x` is predicted: solves for new weights where a block begins.
    pub(super) fn begin(&mut self, x: usize) {
        if x.is_multiple_of(self.block_px) && self.tile.samples > 0.0 {
            self.solve(x / self.block_px);
        } else if self.tile.samples < EARLY_PX && x.is_multiple_of(EARLY_EVERY_PX) {
            self.solve_early();
        }
    }

    /// While there are few samples, those of the unfinished block count as well.
    fn solve_early(&mut self) {
        self.work.clear();
        for fresh in &self.fresh {
            self.work.blend(self.isa, 1.0, fresh, 1.0);
        }
        self.work.blend(self.isa, 1.0, &self.tile, 1.0);
        self.work.factor(self.isa, &mut self.cholesky, RIDGE, &self.start);
        self.cholesky.weights(N, &mut self.weights[GLOBAL]);
        self.cholesky.weights(12, &mut self.weights[SMALL]);
        self.cholesky.weights(20, &mut self.weights[LOCAL_SMALL]);
        self.weights[LOCAL] = self.weights[GLOBAL];
        let all = self.weights[GLOBAL];
        self.class_weights.fill(all);
    }

    fn solve(&mut self, block: usize) {
        let samples = self.tile.samples;
        if block.is_multiple_of(SLOW_EVERY) || samples < SETTLED_PX {
            self.tile.factor(self.isa, &mut self.cholesky, RIDGE, &self.start);
            self.cholesky.weights(N, &mut self.weights[GLOBAL]);
            self.cholesky.weights(12, &mut self.weights[SMALL]);
            for (class, weights) in self.classes.iter().zip(&mut self.class_weights) {
                self.work.clear();
                self.work.blend(self.isa, 0.0, class, 1.0);
                self.work.blend(self.isa, 1.0, &self.tile, clamp_or_low(CLASS_PRIOR / samples, 0.0, 1.0));
                self.work.factor(self.isa, &mut self.cholesky, RIDGE, &self.start);
                self.cholesky.weights(N, weights);
            }
        }
        self.work.clear();
        self.work.blend(self.isa, 0.0, &self.tile, clamp_or_low(BLOCK_PRIOR / samples, 0.0, 1.0));
        let last = self.blocks.len() - 1;
        for near in &self.blocks[block.saturating_sub(1)..=(block + 1).min(last)] {
            self.work.blend(self.isa, 1.0, near, 1.0);
        }
        self.work.factor(self.isa, &mut self.cholesky, RIDGE, &self.start);
        self.cholesky.weights(N, &mut self.weights[LOCAL]);
        self.cholesky.weights(20, &mut self.weights[LOCAL_SMALL]);
    }

    /// Every predictor's value.
    #[inline(always)]
    pub(super) fn predict(&self, inputs: &Inputs<N>) -> [f32; PREDICTIONS] {
        let mut predictions = [0.0; PREDICTIONS];
        for (prediction, weights) in predictions.iter_mut().zip(&self.weights) {
            *prediction = dot(weights, &inputs.values);
        }
        predictions[CLASS] = dot(&self.class_weights[inputs.class], &inputs.values);
        for prediction in &mut predictions {
            let sum = inputs.reference + *prediction;
            *prediction = clamp_or_low(sum, -1000.0 - inputs.offset, 67_000.0 - inputs.offset);
        }
        predictions
    }

    /// Square root of the weight of a sample whose global prediction has this residual.
    #[inline(always)]
    pub(super) fn weight_root(inputs: &Inputs<N>, residual: f32) -> f32 {
        let distance = residual.abs() / inputs.scale;
        let huber = if distance > 3.0 { 3.0 / distance } else { 1.0 };
        huber.sqrt() / inputs.scale
    }

    /// Column `x` has this value.
    #[inline(always)]
    pub(super) fn update(&mut self, x: usize, inputs: &Inputs<N>, value: f32, weight_root: f32) {
        self.fresh[inputs.class].add(&inputs.values, value - inputs.reference, weight_root);
        if (x + 1).is_multiple_of(self.block_px) || x + 1 == self.width {
            self.end_block(x / self.block_px);
        }
    }

    fn end_block(&mut self, block: usize) {
        self.work.clear();
        for (fresh, class) in self.fresh.iter_mut().zip(&mut self.classes) {
            if fresh.samples > 0.0 {
                class.blend(self.isa, 1.0 - fresh.samples / TILE_MEMORY_PX, fresh, 1.0);
                self.work.blend(self.isa, 1.0, fresh, 1.0);
                fresh.clear();
            }
        }
        self.tile.blend(self.isa, 1.0 - self.work.samples / TILE_MEMORY_PX, &self.work, 1.0);
        self.blocks[block].blend(self.isa, BLOCK_KEEP, &self.work, 1.0);
    }
}
