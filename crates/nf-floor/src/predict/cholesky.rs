//! Cholesky's factorisation of normal equations, in double precision and one fixed order.

use nf_simd::{InstructionSet, kernel};

/// Columns that are processed together. What stands left of the diagonal among them is scaled
/// along, and never read.
const GROUP: usize = 8;

/// Neighbouring numbers of a row, in one line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Group([f64; GROUP]);

/// Pivot rows that are subtracted from the rows below in one pass.
const PANEL: usize = 4;

/// Pivots are at least this.
const LEAST_PIVOT: f64 = 1e-9;

/// A solution with a weight of this magnitude is refused.
const WILD: f64 = 1000.0;

/// A system `A x = b`, factored as `A = U' U`.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    /// Number of unknowns.
    size: usize,
    /// Groups of a row.
    stride: usize,
    /// `U`, row by row.
    upper: Vec<Group>,
    /// Reciprocals of the diagonal of `U`.
    inverse_diagonal: Vec<f64>,
    /// `U'^-1 b`: the right-hand side, half solved.
    half: Vec<f64>,
}

impl Cholesky {
    /// For at most this many unknowns.
    pub(crate) fn new(most: usize) -> Self {
        let stride = most.div_ceil(GROUP);
        Self {
            size: most,
            stride,
            upper: vec![Group([0.0; GROUP]); most * stride],
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
                self.upper[j * self.stride + i / GROUP].0[i % GROUP] = matrix(i, j);
            }
            self.upper[i * self.stride + i / GROUP].0[..i % GROUP].fill(0.0);
            self.half[i] = target(i);
        }
    }

    /// Factors the system that was set.
    pub(crate) fn factor(&mut self, isa: InstructionSet) {
        let Self { size, stride, upper, inverse_diagonal, half } = self;
        factor(
            isa,
            *stride,
            &mut upper[..*size * *stride],
            &mut inverse_diagonal[..*size],
            &mut half[..*size],
        );
    }

    /// The solution of the system of the first unknowns only, as many as `solution` holds.
    pub(crate) fn solve(&self, solution: &mut [f64]) {
        let count = solution.len();
        for i in (0..count).rev() {
            let row = &self.upper[i * self.stride..][..self.stride];
            let mut sum = self.half[i];
            let factors = row.iter().flat_map(|group| &group.0).skip(i + 1);
            for (factor, known) in factors.zip(&solution[i + 1..]) {
                sum -= factor * known;
            }
            solution[i] = sum * self.inverse_diagonal[i];
        }
    }

    /// Sets `weights` to the solution for the first `count` unknowns and to 0 for the others, or
    /// leaves them as they are if the solution is wild.
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

/// `row -= factor pivots`, from group `first` on.
#[inline(always)]
fn subtract<const PIVOTS: usize>(
    row: &mut [Group],
    first: usize,
    factors: [f64; PIVOTS],
    pivots: [&[Group]; PIVOTS],
) {
    for group in first..row.len() {
        for k in 0..PIVOTS {
            for (value, pivot) in row[group].0.iter_mut().zip(&pivots[k][group].0) {
                *value -= factors[k] * pivot;
            }
        }
    }
}

kernel! {
    /// Right-looking, panel by panel of pivot rows: every number loses its products in the order of
    /// the pivots.
    fn factor<'a>(
        stride: usize,
        upper: &'a mut [Group],
        inverse_diagonal: &'a mut [f64],
        half: &'a mut [f64],
    ) -> () {
        let size = inverse_diagonal.len();
        for first in (0..size).step_by(PANEL) {
            let end = (first + PANEL).min(size);
            let (panel, below) = upper[first * stride..].split_at_mut((end - first) * stride);
            for k in first..end {
                let (row, rest) = panel[(k - first) * stride..].split_at_mut(stride);
                let pivot = row[k / GROUP].0[k % GROUP];
                let pivot = if pivot > LEAST_PIVOT { pivot } else { LEAST_PIVOT };
                let inverse = 1.0 / pivot.sqrt();
                inverse_diagonal[k] = inverse;
                for group in &mut row[k / GROUP..] {
                    for value in &mut group.0 {
                        *value *= inverse;
                    }
                }
                half[k] *= inverse;
                for (i, below) in (k + 1..end).zip(rest.chunks_exact_mut(stride)) {
                    let factor = row[i / GROUP].0[i % GROUP];
                    half[i] -= factor * half[k];
                    subtract(below, i / GROUP, [factor], [row]);
                }
            }
            if end == size {
                break;
            }
            let (row_0, rest) = panel.split_at(stride);
            let (row_1, rest) = rest.split_at(stride);
            let (row_2, row_3) = rest.split_at(stride);
            let pivots = [row_0, row_1, row_2, row_3];
            for (i, row) in (end..size).zip(below.chunks_exact_mut(stride)) {
                let mut factors = [0.0; PANEL];
                for k in 0..PANEL {
                    factors[k] = pivots[k][i / GROUP].0[i % GROUP];
                    half[i] -= factors[k] * half[first + k];
                }
                subtract(row, i / GROUP, factors, pivots);
            }
        }
    }

    /// Solves for all columns of the inverse at once; each is computed as if it were alone.
    fn invert<'a, const N: usize>(
        stride: usize,
        upper: &'a [Group],
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
                let factor = upper[k * stride + i / GROUP].0[i % GROUP];
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
                let factor = upper[i * stride + j / GROUP].0[j % GROUP];
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
