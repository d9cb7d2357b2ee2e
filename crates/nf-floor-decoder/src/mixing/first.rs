//! format-floor-max.md, 11: the first stage of the location.

use super::Here;
use super::inputs::Inputs;
use crate::functions::dot;
use crate::least_squares::Moments;
use crate::notation::clamp;

/// 11.2: the first six numbers of the prior; the others are 0.
const PRIOR: [f32; 6] = [0.35, 0.35, 0.15, 0.0, 0.05, 0.1];

/// 11.2: the state.
pub(crate) struct First {
    width: usize,
    /// 11.1: the number of columns of a block.
    side: usize,
    /// The number of inputs.
    n: usize,
    p0: Vec<f32>,
    fresh: [Moments; 3],
    classes: [Moments; 3],
    tile: Moments,
    blocks: Vec<Moments>,
    global: Vec<f32>,
    small: Vec<f32>,
    local: Vec<f32>,
    local_small: Vec<f32>,
    by_class: [Vec<f32>; 3],
}

impl First {
    /// The state at first, of a tile of `width` columns with `n` inputs.
    pub(crate) fn new(width: usize, n: usize) -> Self {
        let side = 64 * width.div_ceil(4096);
        let mut p0 = vec![0.0; n];
        p0[..6].copy_from_slice(&PRIOR);
        let moments = || [0; 3].map(|_| Moments::new(n));
        Self {
            width,
            side,
            n,
            fresh: moments(),
            classes: moments(),
            tile: Moments::new(n),
            blocks: vec![Moments::new(n); width.div_ceil(side)],
            global: p0.clone(),
            small: p0.clone(),
            local: p0.clone(),
            local_small: p0.clone(),
            by_class: [0; 3].map(|_| p0.clone()),
            p0,
        }
    }

    /// format-floor.md, 19.9: before another tile, of `width` columns.
    pub(crate) fn start_tile(&mut self, width: usize) {
        self.width = width;
        self.side = 64 * width.div_ceil(4096);
        self.blocks = vec![Moments::new(self.n); width.div_ceil(self.side)];
    }

    /// 11.3: solves for the weights that are due.
    pub(crate) fn solve(&mut self, here: Here) {
        let n = self.tile.samples();
        if here.x.is_multiple_of(self.side) && n > 0.0 {
            let b = here.x / self.side;
            if b.is_multiple_of(4) || n < 20000.0 {
                self.tile.solve(3.0, &self.p0, self.n, &mut self.global);
                self.tile.solve(3.0, &self.p0, 12, &mut self.small);
                for (class, weights) in self.classes.iter().zip(&mut self.by_class) {
                    let mut work = class.clone();
                    work.blend(1.0, &self.tile, clamp(300.0 / n, 0.0, 1.0));
                    work.solve(3.0, &self.p0, self.n, weights);
                }
            }
            let mut work = self.tile.clone();
            work.multiply(clamp(1000.0 / n, 0.0, 1.0));
            for block in self.blocks.iter().take(b + 2).skip(b.saturating_sub(1)) {
                work.blend(1.0, block, 1.0);
            }
            work.solve(3.0, &self.p0, self.n, &mut self.local);
            work.solve(3.0, &self.p0, 20, &mut self.local_small);
        } else if n < 600.0 && here.x.is_multiple_of(8) {
            let mut work = Moments::new(self.n);
            for fresh in &self.fresh {
                work.blend(1.0, fresh, 1.0);
            }
            work.blend(1.0, &self.tile, 1.0);
            work.solve(3.0, &self.p0, self.n, &mut self.global);
            work.solve(3.0, &self.p0, 12, &mut self.small);
            work.solve(3.0, &self.p0, 20, &mut self.local_small);
            self.local.clone_from(&self.global);
            for weights in &mut self.by_class {
                weights.clone_from(&self.global);
            }
        }
    }

    /// 11.4: `first[0..4]`.
    pub(crate) fn predict(&self, inputs: &Inputs, o: f32) -> [f32; 5] {
        let by_class = &self.by_class[inputs.class];
        [&self.global, &self.small, &self.local, &self.local_small, by_class].map(|weights| {
            let prediction = inputs.reference + dot(weights, &inputs.values);
            clamp(prediction, -1000.0 - o, 67000.0 - o)
        })
    }

    /// 11.5: the update, with the global prediction `f`. The result is `root`.
    pub(crate) fn update(&mut self, inputs: &Inputs, f: f32, value: f32, g: f32, here: Here) -> f32 {
        let a = (value - f).abs() / g;
        let v = if a > 3.0 { 3.0 / a } else { 1.0 };
        let root = v.sqrt() / g;
        let s: Vec<f32> = inputs.values.iter().map(|input| input * root).collect();
        let t = (value - inputs.reference) * root;
        self.fresh[inputs.class].take(&s, t);
        if here.x + 1 == self.width || (here.x + 1).is_multiple_of(self.side) {
            self.end_block(here.x / self.side);
        }
        root
    }

    /// 11.5: the block `b` is at its last column.
    fn end_block(&mut self, b: usize) {
        let mut work = Moments::new(self.n);
        for (class, fresh) in self.classes.iter_mut().zip(&mut self.fresh) {
            let n = fresh.samples();
            if n > 0.0 {
                class.blend(1.0 - n / 300000.0, fresh, 1.0);
                work.blend(1.0, fresh, 1.0);
                fresh.clear();
            }
        }
        let n = work.samples();
        self.tile.blend(1.0 - n / 300000.0, &work, 1.0);
        self.blocks[b].blend(0.97, &work, 1.0);
    }
}
