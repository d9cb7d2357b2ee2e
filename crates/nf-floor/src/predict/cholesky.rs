//! Cholesky's factorisation of normal equations, in double precision and one fixed order.

use crate::simd::{InstructionSet, kernel};

/// Columns that are processed together. What stands left of the diagonal among them is scaled along, and
/// never read.
const GROUP: usize = 8;

/// Pivots are at least this.
const LEAST_PIVOT: f64 = 1e-9;

/// A solution with a weight of this magnitude is refused.
const WILD: f64 = 1000.0;

/// A system `A x = b`, factored as `A = U' U`.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    /// Number of unknowns.
    size: usize,
    /// Distance between rows: a multiple of [`GROUP`].
    stride: usize,
    /// `U`, row by row.
    upper: Vec<f64>,
    /// Reciprocals of the diagonal of `U`.
    inverse_diagonal: Vec<f64>,
    /// `U'^-1 b`: the right-hand side, half solved.
    half: Vec<f64>,
}

impl Cholesky {
    /// Room for `most` unknowns.
    pub(crate) fn new(most: usize) -> Self {
        let stride = most.next_multiple_of(GROUP);
        Self {
            size: most,
            stride,
            upper: vec![0.0; most * stride],
            inverse_diagonal: vec![0.0; most],
            half: vec![0.0; most],
        }
    }

    /// Sets a system of `size` unknowns: `matrix(i, j)` for `j <= i`, and `target(i)`.
    #[inline(always)]
    pub(crate) fn set(
        &mut self,
        size: usize,
        matrix: impl Fn(usize, usize) -> f64,
        target: impl Fn(usize) -> f64,
    ) {
        self.size = size;
        for i in 0..size {
            for j in 0..=i {
                self.upper[j * self.stride + i] = matrix(i, j);
            }
            self.upper[i * self.stride..][i / GROUP * GROUP..i].fill(0.0);
            self.half[i] = target(i);
        }
    }

    /// Factors the system that was set.
    pub(crate) fn factor(&mut self, isa: InstructionSet) {
        let Self { size, stride, upper, inverse_diagonal, half } = self;
        factor(isa, *stride, &mut upper[..*size * *stride], &mut inverse_diagonal[..*size], half);
    }

    /// The solution of the system of the first unknowns only, as many as `solution` holds.
    pub(crate) fn solve(&self, solution: &mut [f64]) {
        let count = solution.len();
        for i in (0..count).rev() {
            let row = &self.upper[i * self.stride..][..count];
            let mut sum = self.half[i];
            for (factor, known) in row[i + 1..].iter().zip(&solution[i + 1..]) {
                sum -= factor * known;
            }
            solution[i] = sum * self.inverse_diagonal[i];
        }
    }

    /// Sets `weights` to the solution for the first `count` unknowns and to 0 for the others, or leaves
    /// them as they are if the solution is wild.
    pub(crate) fn weights<const N: usize>(&self, count: usize, weights: &mut [f32; N]) {
        let mut solution = [0.0f64; N];
        self.solve(&mut solution[..count]);
        if solution.iter().all(|weight| weight.abs() < WILD) {
            *weights = solution.map(|weight| weight as f32);
        }
    }

    /// `A^-1` times `factor`; `A` has `N` unknowns.
    pub(crate) fn inverse<const N: usize>(
        &self,
        isa: InstructionSet,
        factor: f64,
        inverse: &mut [[f32; N]; N],
    ) {
        invert(isa, self.stride, &self.upper, &self.inverse_diagonal, factor, inverse);
    }
}

kernel! {
    /// Right-looking: row `k` is done, then subtracted from the rows below.
    fn factor<'a>(
        stride: usize,
        upper: &'a mut [f64],
        inverse_diagonal: &'a mut [f64],
        half: &'a mut [f64],
    ) -> () {
        for k in 0..inverse_diagonal.len() {
            let (done, rest) = upper.split_at_mut((k + 1) * stride);
            let pivot_row = &mut done[k * stride..];
            let pivot = if pivot_row[k] > LEAST_PIVOT { pivot_row[k] } else { LEAST_PIVOT };
            let inverse = 1.0 / pivot.sqrt();
            inverse_diagonal[k] = inverse;
            for value in &mut pivot_row[k / GROUP * GROUP..] {
                *value *= inverse;
            }
            let solved = half[k] * inverse;
            half[k] = solved;
            for (i, row) in (k + 1..).zip(rest.chunks_exact_mut(stride)) {
                let factor = pivot_row[i];
                half[i] -= factor * solved;
                let first = i / GROUP * GROUP;
                let (groups, _) = row[first..].as_chunks_mut::<GROUP>();
                let (pivots, _) = pivot_row[first..].as_chunks::<GROUP>();
                for (values, pivots) in groups.iter_mut().zip(pivots) {
                    for (value, pivot) in values.iter_mut().zip(pivots) {
                        *value -= factor * pivot;
                    }
                }
            }
        }
    }

    /// Solves for all columns of the inverse at once; each is computed as if it were alone.
    fn invert<'a, const N: usize>(
        stride: usize,
        upper: &'a [f64],
        inverse_diagonal: &'a [f64],
        factor: f64,
        inverse: &'a mut [[f32; N]; N],
    ) -> () {
        let mut rows = [[0.0f64; N]; N];
        // Forward, through the transposed factor: row `k` has no columns beyond `k` yet.
        for k in 0..N {
            let (done, rest) = rows.split_at_mut(k + 1);
            let row = &mut done[k];
            for value in row.iter_mut() {
                *value *= inverse_diagonal[k];
            }
            row[k] = factor * inverse_diagonal[k];
            for (i, below) in (k + 1..).zip(rest) {
                let factor = upper[k * stride + i];
                for (value, known) in below.iter_mut().zip(&*row) {
                    *value -= factor * known;
                }
            }
        }
        // Backward.
        for i in (0..N).rev() {
            let (above, done) = rows.split_at_mut(i + 1);
            let row = &mut above[i];
            for (j, known) in (i + 1..).zip(&*done) {
                let factor = upper[i * stride + j];
                for (value, known) in row.iter_mut().zip(known) {
                    *value -= factor * known;
                }
            }
            for (value, result) in row.iter_mut().zip(&mut inverse[i]) {
                *value *= inverse_diagonal[i];
                *result = *value as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::testing::Rng;

    #[test]
    fn systems_of_any_size_are_solved_alike_by_all_instruction_sets() {
        let mut rng = Rng::new(1);
        for size in [1, 2, 7, 8, 9, 40, 69] {
            let roots: Vec<f64> = (0..size * size).map(|_| rng.normal()).collect();
            let at = |i: usize, j: usize| -> f64 {
                let dot: f64 = (0..size).map(|k| roots[i * size + k] * roots[j * size + k]).sum();
                dot + if i == j { 1.0 } else { 0.0 }
            };
            let truth: Vec<f64> = (0..size).map(|_| rng.normal()).collect();
            let target = |i: usize| -> f64 { (0..size).map(|j| at(i, j) * truth[j]).sum() };
            let solutions = InstructionSet::available().map(|isa| {
                let mut cholesky = Cholesky::new(72);
                cholesky.set(size, at, target);
                cholesky.factor(isa);
                let mut solution = vec![0.0; size];
                cholesky.solve(&mut solution);
                solution
            });
            let solutions: Vec<Vec<f64>> = solutions.collect();
            for (x, truth) in solutions[0].iter().zip(&truth) {
                assert!((x - truth).abs() < 1e-8, "{size}");
            }
            assert!(solutions.iter().all(|solution| solution == &solutions[0]), "{size}");
        }
    }
}
