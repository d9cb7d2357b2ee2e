//! format-floor.md, 8.5 and 8.20: the state and the new weights.

use super::batch::Batch;
use super::distribution::{Context, Normals};
use super::map::{Map, Place};
use super::pixel::Pixel;
use super::values::Values;
use super::{Head, LANES};
use crate::least_squares::Moments;
use crate::notation::{clamp, sum};

/// 8.9: the number of inputs of the location.
pub(crate) const LOCATION: usize = 47;

/// 8.10: the number of inputs of the scale.
pub(crate) const SCALE: usize = 15;

/// 8.11: the number of contexts.
const CONTEXTS: usize = 32;

/// 8.5: everything that goes on from pixel to pixel.
pub(crate) struct State {
    pub head: Head,
    pub width: usize,
    pub samples: Vec<u16>,
    /// 20.5: the shifts of all pixels.
    shifts: Option<Vec<f32>>,
    /// The number of decoded pixels.
    pub known: usize,
    block: usize,
    // 8.4
    pub v: Map,
    pub e: Map,
    pub c: Map,
    pub d: Map,
    // of the location
    pub taps: Vec<(isize, isize)>,
    pub wl: [f32; LOCATION],
    pl: [f32; LOCATION],
    fresh_l: Moments,
    tile: Moments,
    blocks: Vec<Moments>,
    // of the scale
    pub ws: [f32; SCALE],
    ps: [f32; SCALE],
    fresh_s: Moments,
    all: Moments,
    batch: Batch,
    // of the distributions
    pub normals: Normals,
    pub contexts: Vec<Context>,
    // of the values
    pub values: Values,
}

impl State {
    /// 8.5: the state at first.
    pub(crate) fn new(head: Head, height: usize, width: usize, shifts: Option<&[f32]>) -> Self {
        let taps = super::inputs::taps();
        let mut pl = [0.0; LOCATION];
        for (weight, tap) in pl.iter_mut().zip(&taps) {
            *weight = match tap {
                (0, -1) | (1, 0) => 0.35,
                (1, 1) => 0.2,
                (2, 0) => 0.1,
                _ => 0.0,
            };
        }
        let mut ps = [0.0; SCALE];
        ps[..3].copy_from_slice(&[0.25, 0.5, 1.0]);
        let normals = Normals::new();
        let context = Context::new(&normals);
        let median = head.median;
        Self {
            head,
            width,
            samples: vec![0; height * width],
            shifts: shifts.map(<[f32]>::to_vec),
            known: 0,
            block: 0,
            v: Map::new(height, width, median),
            e: Map::new(height, width, 8.0),
            c: Map::new(height, width, 0.0),
            d: Map::new(height, width, 8.0),
            taps,
            wl: pl,
            pl,
            fresh_l: Moments::new(LOCATION),
            tile: Moments::new(LOCATION),
            blocks: vec![Moments::new(LOCATION)],
            ws: ps,
            ps,
            fresh_s: Moments::new(SCALE),
            all: Moments::new(SCALE),
            batch: Batch::new(),
            normals,
            contexts: vec![context; CONTEXTS],
            values: Values::new(),
        }
    }

    /// 19.10: another tile of `height` rows of `width` pixels, with what was learnt.
    pub(crate) fn begin_tile(&mut self, head: Head, height: usize, width: usize) {
        self.batch.empty(&mut self.fresh_l, &mut self.fresh_s);
        let n = self.fresh_l.samples();
        if n > 0.0 {
            self.tile.blend(1.0 - n / 300000.0, &self.fresh_l, 1.0);
            self.fresh_l.clear();
        }
        self.v = Map::new(height, width, head.median);
        self.e = Map::new(height, width, 8.0);
        self.c = Map::new(height, width, 0.0);
        self.d = Map::new(height, width, 8.0);
        self.head = head;
        self.width = width;
        self.samples = vec![0; height * width];
        self.block = 0;
        self.blocks = vec![Moments::new(LOCATION)];
    }

    /// 20.5: the shift of a pixel, 0 in mode 3.
    pub(crate) fn shift(&self, at: Place) -> f32 {
        self.shifts.as_ref().map_or(0.0, |shifts| shifts[self.index(at)])
    }

    /// The place of a pixel, row by row.
    pub(crate) fn index(&self, at: Place) -> usize {
        at.row * self.width + at.column
    }

    /// 8.17: the distribution of the context of a pixel learns its sample.
    pub(crate) fn update_distributions(&mut self, pixel: &Pixel) {
        let context = &mut self.contexts[pixel.context];
        context.learn(&self.normals, &pixel.edges, f32::from(pixel.sample));
    }

    /// 8.19: adds a step to the batch.
    pub(crate) fn add_to_batch(&mut self, pixels: &[Pixel]) {
        self.batch.add(pixels);
        if self.batch.steps() == LANES {
            self.batch.empty(&mut self.fresh_l, &mut self.fresh_s);
        }
    }

    /// 8.20: new weights at the step `t` of a band.
    pub(crate) fn new_weights(&mut self, t: usize) {
        // 1.
        self.batch.empty(&mut self.fresh_l, &mut self.fresh_s);
        // 2.
        let n = self.fresh_l.samples();
        if n > 0.0 {
            self.tile.blend(1.0 - n / 300000.0, &self.fresh_l, 1.0);
            self.blocks[self.block].blend(1.0, &self.fresh_l, 1.0);
            self.fresh_l.clear();
        }
        // 3.
        let n = self.fresh_s.samples();
        self.all.blend(1.0 - n / 100000.0, &self.fresh_s, 1.0);
        self.fresh_s.clear();
        self.all.solve(30.0, &self.ps, SCALE, &mut self.ws);
        // 4.
        for context in &mut self.contexts {
            let old = sum(&context.wd);
            let new = sum(&context.fd);
            if new > 8.0 && (new > old * 0.3 || new > 1500.0) {
                let most = new * 0.5;
                let keep = if old > most { most / old } else { 1.0 };
                context.renew(&self.normals, keep);
            }
        }
        // 5.
        self.values.new_low_weights();
        // 6.
        if t.is_multiple_of(64) {
            self.block = t / 64;
            if self.block == self.blocks.len() {
                // Blocks that no step came to are 0 and change nothing: they are not kept.
                self.blocks.push(Moments::new(LOCATION));
            }
            self.blocks[self.block].multiply(0.8);
        }
        // 7.
        let n = self.tile.samples();
        if n > 0.0 {
            let mut work = self.tile.clone();
            work.multiply(clamp(1000.0 / n, 0.0, 1.0));
            let first = self.block.saturating_sub(1);
            for block in self.blocks.iter().take(self.block + 2).skip(first) {
                work.blend(1.0, block, 1.0);
            }
            work.solve(3.0, &self.pl, LOCATION, &mut self.wl);
        }
    }
}
