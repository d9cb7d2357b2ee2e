//! Weighted least squares of `N - 1` inputs; the last row and column of the moments belong to the target.

use super::lanes::{LANES, Lanes};
use super::products::add_products;
use crate::machine::Machine;

/// Pixels per lane whose products are summed at once: their inputs stay in the nearest cache.
pub(super) const BATCH: usize = 16;

/// Sums of products, lower triangle, and the number of pixels, as they were forgotten.
#[derive(Clone, Debug)]
pub(super) struct Moments<const N: usize> {
    products: Box<[[f32; N]]>,
    pub(super) pixels: f32,
}

/// Inputs and target of the pixels of some steps, and the pixels' weights.
#[derive(Debug)]
pub(super) struct Batch<const N: usize> {
    inputs: Box<[[Lanes; N]]>,
    weights: [Lanes; BATCH],
    len: usize,
    pixels: usize,
}

impl<const N: usize> Batch<N> {
    pub(super) fn new() -> Self {
        Self {
            inputs: vec![[[0.0; LANES]; N]; BATCH].into_boxed_slice(),
            weights: [[0.0; LANES]; BATCH],
            len: 0,
            pixels: 0,
        }
    }

    /// The place of the inputs of the step at hand.
    #[inline(always)]
    pub(super) fn inputs(&mut self) -> &mut [Lanes; N] {
        &mut self.inputs[self.len]
    }

    /// Takes the step at hand in, with `pixels` pixels; the weights of other lanes are zero.
    #[inline(always)]
    pub(super) fn push(&mut self, target: &Lanes, weights: &Lanes, pixels: usize) {
        self.inputs[self.len][N - 1] = *target;
        self.weights[self.len] = *weights;
        self.len += 1;
        self.pixels += pixels;
    }

    pub(super) fn is_full(&self) -> bool {
        self.len == BATCH
    }
}

impl<const N: usize> Moments<N> {
    pub(super) fn new() -> Self {
        Self { products: vec![[0.0; N]; N].into_boxed_slice(), pixels: 0.0 }
    }

    pub(super) fn clear(&mut self) {
        self.products.fill([0.0; N]);
        self.pixels = 0.0;
    }

    /// Takes the pixels of a batch, which is empty then.
    #[inline(always)]
    pub(super) fn take(&mut self, machine: Machine, batch: &mut Batch<N>) {
        let steps = batch.len;
        add_products(machine, &batch.inputs[..steps], &batch.weights[..steps], &mut self.products);
        self.pixels += batch.pixels as f32;
        (batch.len, batch.pixels) = (0, 0);
    }

    /// self = keep self.
    #[inline(always)]
    pub(super) fn forget(&mut self, keep: f32) {
        self.products.as_flattened_mut().iter_mut().for_each(|sum| *sum *= keep);
        self.pixels *= keep;
    }

    /// self = keep self + share other.
    #[inline(always)]
    pub(super) fn blend(&mut self, keep: f32, other: &Self, share: f32) {
        let other_products = other.products.as_flattened();
        for (sum, other) in self.products.as_flattened_mut().iter_mut().zip(other_products) {
            *sum = keep * *sum + share * other;
        }
        self.pixels = keep * self.pixels + share * other.pixels;
    }
}

/// Room for Cholesky's factor.
#[derive(Debug)]
pub(super) struct Solver<const N: usize> {
    /// Upper factor, row by row.
    upper: Box<[[f64; N]]>,
}

/// Columns that are scaled together: what lies left of the diagonal among them is never read.
const GROUP: usize = 8;

impl<const N: usize> Solver<N> {
    pub(super) fn new() -> Self {
        Self { upper: vec![[0.0; N]; N].into_boxed_slice() }
    }

    /// Weights by `moments` and `ridge` pixels that vote for `prior`; unchanged if the solution is wild.
    #[inline(always)]
    pub(super) fn solve(
        &mut self,
        moments: &Moments<N>,
        ridge: f64,
        prior: &[f32; N],
        weights: &mut [f32; N],
    ) {
        /// Relative growth of the diagonal: keeps the factor positive in spite of rounding in f32.
        const JITTER: f64 = 1.000_001;
        const WILD: f64 = 1000.0;
        let (inputs, target) = (N - 1, N - 1);
        for i in 0..inputs {
            let row = &moments.products[i];
            for (upper, &sum) in self.upper.iter_mut().zip(&row[..=i]) {
                upper[i] = f64::from(sum);
            }
            self.upper[i][i] = self.upper[i][i] * JITTER + ridge;
            self.upper[i][i / GROUP * GROUP..i].fill(0.0);
            // The target is the last column: it is solved for along with the factor.
            self.upper[i][target] = f64::from(moments.products[target][i]) + ridge * f64::from(prior[i]);
        }
        let mut inverse_diagonal = [0.0; N];
        for k in 0..inputs {
            let (done, rest) = self.upper.split_at_mut(k + 1);
            let pivot_row = &mut done[k];
            let pivot = if pivot_row[k] > 1e-9 { pivot_row[k] } else { 1e-9 };
            let inverse = 1.0 / pivot.sqrt();
            inverse_diagonal[k] = inverse;
            for value in &mut pivot_row[k / GROUP * GROUP..] {
                *value *= inverse;
            }
            for (i, row) in (k + 1..inputs).zip(rest) {
                let factor = pivot_row[i];
                let aligned = i / GROUP * GROUP;
                for (value, pivot) in row[aligned..].iter_mut().zip(&pivot_row[aligned..]) {
                    *value -= factor * pivot;
                }
            }
        }
        let mut solution = [0.0; N];
        for i in (0..inputs).rev() {
            let mut rest = self.upper[i][target];
            for (factor, known) in self.upper[i][i + 1..inputs].iter().zip(&solution[i + 1..inputs]) {
                rest -= factor * known;
            }
            solution[i] = rest * inverse_diagonal[i];
        }
        if solution.iter().all(|weight| weight.abs() < WILD) {
            *weights = solution.map(|weight| weight as f32);
        }
    }
}
