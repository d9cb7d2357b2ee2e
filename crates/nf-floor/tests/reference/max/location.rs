//! Where a pixel is expected, first stage: least squares with five memories.

use super::arithmetic::{bound, dot};
use super::inputs::Inputs;
use super::squares::{Factor, Moments};

pub(super) const GLOBAL: usize = 0;
pub(super) const SMALL: usize = 1;
pub(super) const LOCAL: usize = 2;
pub(super) const LOCAL_SMALL: usize = 3;
pub(super) const CLASS: usize = 4;

pub(super) struct Location {
    width: usize,
    block_px: usize,
    fresh: Vec<Moments>,
    tile: Moments,
    classes: Vec<Moments>,
    blocks: Vec<Moments>,
    start: Vec<f32>,
    weights: Vec<Vec<f32>>,
    class_weights: Vec<Vec<f32>>,
}

impl Location {
    pub(super) fn new(width: usize, inputs: usize) -> Self {
        let block_px = 64 * width.div_ceil(64 * 64).max(1);
        let mut start = vec![0.0; inputs];
        start[..6].copy_from_slice(&[0.35, 0.35, 0.15, 0.0, 0.05, 0.1]);
        let moments = Moments::new(inputs);
        Self {
            width,
            block_px,
            fresh: vec![moments.clone(); 3],
            tile: moments.clone(),
            classes: vec![moments.clone(); 3],
            blocks: vec![moments; width.div_ceil(block_px)],
            weights: vec![start.clone(); 4],
            class_weights: vec![start.clone(); 3],
            start,
        }
    }

    pub(super) fn begin(&mut self, x: usize) {
        if !x.is_multiple_of(self.block_px) || self.tile.samples == 0.0 {
            if self.tile.samples < 600.0 && x.is_multiple_of(8) {
                self.solve_early();
            }
            return;
        }
        let block = x / self.block_px;
        let samples = self.tile.samples;
        let all = self.start.len();
        if block.is_multiple_of(4) || samples < 20_000.0 {
            let factor = Factor::new(&self.tile, 3.0, &self.start);
            factor.weights(all, &mut self.weights[GLOBAL]);
            factor.weights(12, &mut self.weights[SMALL]);
            for class in 0..3 {
                let mut work = self.classes[class].clone();
                work.blend(1.0, &self.tile, bound(300.0 / samples, 0.0, 1.0));
                Factor::new(&work, 3.0, &self.start).weights(all, &mut self.class_weights[class]);
            }
        }
        let mut work = Moments::new(all);
        work.blend(0.0, &self.tile, bound(1000.0 / samples, 0.0, 1.0));
        for near in block.saturating_sub(1)..=(block + 1).min(self.blocks.len() - 1) {
            work.blend(1.0, &self.blocks[near], 1.0);
        }
        let factor = Factor::new(&work, 3.0, &self.start);
        factor.weights(all, &mut self.weights[LOCAL]);
        factor.weights(20, &mut self.weights[LOCAL_SMALL]);
    }

    fn solve_early(&mut self) {
        let all = self.start.len();
        let mut work = Moments::new(all);
        self.fresh.iter().for_each(|fresh| work.blend(1.0, fresh, 1.0));
        work.blend(1.0, &self.tile, 1.0);
        let factor = Factor::new(&work, 3.0, &self.start);
        factor.weights(all, &mut self.weights[GLOBAL]);
        factor.weights(12, &mut self.weights[SMALL]);
        factor.weights(20, &mut self.weights[LOCAL_SMALL]);
        self.weights[LOCAL] = self.weights[GLOBAL].clone();
        self.class_weights.fill(self.weights[GLOBAL].clone());
    }

    pub(super) fn predict(&self, inputs: &Inputs) -> [f32; 5] {
        let [a, b, c, d] = [GLOBAL, SMALL, LOCAL, LOCAL_SMALL].map(|k| dot(&self.weights[k], &inputs.values));
        let of_class = dot(&self.class_weights[inputs.class], &inputs.values);
        [a, b, c, d, of_class].map(|difference| {
            bound(inputs.reference + difference, -1000.0 - inputs.offset, 67_000.0 - inputs.offset)
        })
    }

    pub(super) fn weight_root(inputs: &Inputs, residual: f32) -> f32 {
        let distance = residual.abs() / inputs.scale;
        let huber: f32 = if distance > 3.0 { 3.0 / distance } else { 1.0 };
        huber.sqrt() / inputs.scale
    }

    pub(super) fn learn(&mut self, x: usize, inputs: &Inputs, value: f32, weight_root: f32) {
        let weighted: Vec<f32> = inputs.values.iter().map(|input| input * weight_root).collect();
        self.fresh[inputs.class].add(&weighted, (value - inputs.reference) * weight_root);
        if !(x + 1).is_multiple_of(self.block_px) && x + 1 != self.width {
            return;
        }
        let mut work = Moments::new(weighted.len());
        for (fresh, class) in self.fresh.iter_mut().zip(&mut self.classes) {
            if fresh.samples > 0.0 {
                class.blend(1.0 - fresh.samples / 300_000.0, fresh, 1.0);
                work.blend(1.0, fresh, 1.0);
                *fresh = Moments::new(weighted.len());
            }
        }
        self.tile.blend(1.0 - work.samples / 300_000.0, &work, 1.0);
        self.blocks[x / self.block_px].blend(0.97, &work, 1.0);
    }
}
