//! Fitting weights by least squares to a sample of the pixels.
//!
//! Sums are `f32` in sixteen lanes over blocks, then `f64`, in a fixed order, so that every machine
//! fits the same weights.

use crate::predict::cholesky::Cholesky;
use nf_simd::{InstructionSet, kernel};

/// Lanes of a sum.
const LANES: usize = 16;

/// Samples between two carries to `f64`.
const BLOCK: usize = 1024;

/// Inputs of many pixels, input by input; the target is the last column.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) columns: Vec<Vec<f32>>,
}

/// Sums of products of all pairs of columns: the lower triangle, row by row.
pub(super) struct SampleMoments {
    isa: InstructionSet,
    sums: Vec<f64>,
    columns: usize,
}

impl Sample {
    pub(super) fn new(columns: usize) -> Self {
        Self { columns: vec![Vec::new(); columns] }
    }

    pub(super) fn len(&self) -> usize {
        self.columns[0].len()
    }

    /// Multiplies all columns of a pixel by its factor.
    pub(super) fn scaled(&self, factors: &[f32]) -> Self {
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let mut scaled = vec![0.0; column.len().next_multiple_of(LANES)];
            for ((to, &value), &factor) in scaled.iter_mut().zip(column).zip(factors) {
                *to = value * factor;
            }
            columns.push(scaled);
        }
        Self { columns }
    }

    /// The moments; the lengths of the columns are multiples of 16, as [`scaled`](Self::scaled)
    /// makes them.
    pub(super) fn moments(&self, isa: InstructionSet) -> SampleMoments {
        let n = self.columns.len();
        let mut sums = vec![0.0; n * (n + 1) / 2];
        add_products(isa, &self.columns, &mut sums);
        SampleMoments { isa, sums, columns: n }
    }

    /// The sum of columns times weights, pixel by pixel, less the target.
    pub(super) fn residuals(&self, weights: &[f64]) -> Vec<f32> {
        let (target, inputs) = self.columns.split_last().expect("there is a target");
        let mut residuals: Vec<f32> = target.iter().map(|&value| -value).collect();
        for (column, &weight) in inputs.iter().zip(weights) {
            let weight = weight as f32;
            for (residual, &value) in residuals.iter_mut().zip(column) {
                *residual += weight * value;
            }
        }
        residuals
    }
}

/// Products of a column with some others, summed lane by lane.
#[inline(always)]
fn products<const N: usize>(left: &[[f32; LANES]], right: [&[[f32; LANES]]; N]) -> [[f32; LANES]; N] {
    let n = left.len();
    let right = right.map(|column| &column[..n]);
    let mut lanes = [[0.0; LANES]; N];
    for i in 0..n {
        for (lanes, column) in lanes.iter_mut().zip(&right) {
            for ((lane, &l), &r) in lanes.iter_mut().zip(&left[i]).zip(&column[i]) {
                *lane += l * r;
            }
        }
    }
    lanes
}

/// The lanes one after the other, in double precision.
#[inline(always)]
fn total(lanes: &[f32; LANES]) -> f64 {
    let mut sum = 0.0;
    for &lane in lanes {
        sum += f64::from(lane);
    }
    sum
}

impl SampleMoments {
    fn at(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.max(j), i.min(j));
        self.sums[i * (i + 1) / 2 + j]
    }

    /// The weights of the `active` columns that bring their sum nearest to the target.
    pub(super) fn solve(&self, active: &[usize], ridge: f64) -> Vec<f64> {
        let n = active.len();
        let trace: f64 = active.iter().fold(0.0, |trace, &i| trace + self.at(i, i));
        let mut cholesky = Cholesky::new(n);
        cholesky.set(
            n,
            |a, b| {
                let sum = self.at(active[a], active[b]);
                if a == b { sum + (trace / n as f64 * ridge + sum * ridge + 1e-9) } else { sum }
            },
            |a| self.at(self.columns - 1, active[a]),
        );
        cholesky.factor(self.isa);
        let mut solution = vec![0.0; n];
        cholesky.solve(&mut solution);
        solution
    }

    /// The same without negative weights: the most negative one is left out, over and over.
    pub(super) fn solve_non_negative(&self) -> Vec<f64> {
        let mut active: Vec<usize> = (0..self.columns - 1).collect();
        loop {
            let solved = self.solve(&active, 1e-6);
            let size = |k: usize| solved[k] * self.at(active[k], active[k]).sqrt();
            let worst = (0..active.len()).min_by(|&a, &b| size(a).total_cmp(&size(b)));
            match worst {
                Some(worst) if solved[worst] < 0.0 && active.len() > 1 => {
                    active.remove(worst);
                }
                _ => {
                    let mut weights = vec![0.0; self.columns - 1];
                    for (&i, &weight) in active.iter().zip(&solved) {
                        weights[i] = weight.max(0.0);
                    }
                    return weights;
                }
            }
        }
    }
}

kernel! {
    /// Adds the products of all pairs of columns.
    fn add_products<'a>(columns: &'a [Vec<f32>], sums: &'a mut [f64]) -> () {
        let len = columns[0].len();
        for start in (0..len).step_by(BLOCK) {
            let end = (start + BLOCK).min(len);
            let mut at = 0;
            for i in 0..columns.len() {
                let left = columns[i][start..end].as_chunks::<LANES>().0;
                let mut j = 0;
                // Four at a time, so that their additions overlap.
                while j + 4 <= i + 1 {
                    let four = [0, 1, 2, 3].map(|k| columns[j + k][start..end].as_chunks().0);
                    for lanes in &products(left, four) {
                        sums[at] += total(lanes);
                        at += 1;
                    }
                    j += 4;
                }
                while j <= i {
                    let [lanes] = products(left, [columns[j][start..end].as_chunks().0]);
                    sums[at] += total(&lanes);
                    at += 1;
                    j += 1;
                }
            }
        }
    }
}
