//! Batches of pixels for the regressions of location and scale.

use super::lanes::{LANES, Lanes};
use super::products::add_products;
use crate::predict::moments::Moments;
use nf_simd::InstructionSet;

/// Steps whose products are summed at once: their inputs stay in the nearest cache.
const BATCH: usize = 16;

/// The inputs of a step, each in one line of the cache.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Inputs<const N: usize>(pub(super) [Lanes; N]);

/// Inputs and target of the pixels of some steps, and the pixels' weights. The target is the last
/// input.
#[derive(Debug)]
pub(super) struct Batch<const N: usize> {
    inputs: Box<[Inputs<N>]>,
    weights: [Lanes; BATCH],
    steps: usize,
    pixels: usize,
}

impl<const N: usize> Batch<N> {
    pub(super) fn new() -> Self {
        Self {
            inputs: vec![Inputs([[0.0; LANES]; N]); BATCH].into_boxed_slice(),
            weights: [[0.0; LANES]; BATCH],
            steps: 0,
            pixels: 0,
        }
    }

    /// The inputs of the current step.
    #[inline(always)]
    pub(super) fn inputs(&mut self) -> &mut [Lanes; N] {
        &mut self.inputs[self.steps].0
    }

    /// Keeps the current step, with `pixels` pixels; the weights of other lanes are zero.
    #[inline(always)]
    pub(super) fn push(&mut self, target: &Lanes, weights: &Lanes, pixels: usize) {
        self.inputs[self.steps].0[N - 1] = *target;
        self.weights[self.steps] = *weights;
        self.steps += 1;
        self.pixels += pixels;
    }

    pub(super) fn is_full(&self) -> bool {
        self.steps == BATCH
    }

    /// Adds all pixels to the moments; the batch is empty then.
    pub(super) fn drain_into(&mut self, isa: InstructionSet, moments: &mut Moments<N>) {
        let steps = self.steps;
        add_products(isa, &self.inputs[..steps], &self.weights[..steps], &mut moments.rows);
        moments.samples += self.pixels as f32;
        (self.steps, self.pixels) = (0, 0);
    }
}
