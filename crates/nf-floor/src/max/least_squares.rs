//! Weighted recursive least squares in blocks.
//!
//! Samples are gathered into moments (f32, one rank-one update per pixel); at the end of a block the moments
//! join longer memories, each with its own forgetting, and normal equations are solved in f64 by Cholesky's
//! method. One pass over the data thus feeds as many predictors, of different memory, as one cares to solve.

/// Sums of products of N inputs with each other and with the target, and the number of samples.
#[derive(Clone, Debug)]
pub(super) struct Moments<const N: usize> {
    /// Lower triangle (rows padded to a multiple of 8): sum of w x[i] x[j].
    products: Box<[[f32; N]]>,
    /// Sum of w x[i] t.
    targets: [f32; N],
    /// Samples, as they were forgotten.
    pub(super) samples: f32,
}

impl<const N: usize> Moments<N> {
    pub(super) fn new() -> Self {
        Self { products: vec![[0.0; N]; N].into_boxed_slice(), targets: [0.0; N], samples: 0.0 }
    }

    pub(super) fn clear(&mut self) {
        self.products.fill([0.0; N]);
        self.targets = [0.0; N];
        self.samples = 0.0;
    }

    /// Forgets all but a share of what it holds.
    pub(super) fn scale(&mut self, share: f32) {
        self.products.iter_mut().flatten().for_each(|sum| *sum *= share);
        self.targets.iter_mut().for_each(|sum| *sum *= share);
        self.samples *= share;
    }

    /// Adds a sample; input and target carry the square root of its weight already.
    #[inline(always)]
    pub(super) fn add(&mut self, input: &[f32; N], target: f32) {
        for (i, row) in self.products.iter_mut().enumerate() {
            let factor = input[i];
            let width = (i / 8 + 1) * 8;
            for (sum, x) in row[..width].iter_mut().zip(&input[..width]) {
                *sum += factor * x;
            }
        }
        for (sum, x) in self.targets.iter_mut().zip(input) {
            *sum += target * x;
        }
        self.samples += 1.0;
    }

    /// self = keep self + share other.
    #[inline(always)]
    pub(super) fn blend(&mut self, keep: f32, other: &Self, share: f32) {
        for (row, other) in self.products.iter_mut().zip(&other.products) {
            for (sum, other) in row.iter_mut().zip(other) {
                *sum = keep * *sum + share * other;
            }
        }
        for (sum, other) in self.targets.iter_mut().zip(&other.targets) {
            *sum = keep * *sum + share * other;
        }
        self.samples = keep * self.samples + share * other.samples;
    }
}

/// Cholesky's factor of normal equations and the half-solved right-hand side.
#[derive(Debug)]
pub(super) struct Solver<const N: usize> {
    /// Upper factor, row by row.
    upper: Box<[[f64; N]]>,
    inverse_diagonal: [f64; N],
    half: [f64; N],
}

impl<const N: usize> Solver<N> {
    pub(super) fn new() -> Self {
        Self { upper: vec![[0.0; N]; N].into_boxed_slice(), inverse_diagonal: [0.0; N], half: [0.0; N] }
    }

    /// Factors `moments` plus `ridge` samples that vote for the weights `prior`.
    #[inline(always)]
    pub(super) fn factor(&mut self, moments: &Moments<N>, ridge: f32, prior: &[f32; N]) {
        /// Relative growth of the diagonal: keeps the factor positive in spite of rounding in f32.
        const JITTER: f64 = 1.000_001;
        for (i, (row, (target, prior))) in
            moments.products.iter().zip(moments.targets.iter().zip(prior)).enumerate()
        {
            for (upper, &sum) in self.upper.iter_mut().zip(&row[..=i]) {
                upper[i] = f64::from(sum);
            }
            self.upper[i][i] = self.upper[i][i] * JITTER + f64::from(ridge);
            self.upper[i][i / 8 * 8..i].fill(0.0);
            self.half[i] = f64::from(*target) + f64::from(ridge) * f64::from(*prior);
        }
        for k in 0..N {
            let (done, rest) = self.upper.split_at_mut(k + 1);
            let pivot_row = &mut done[k];
            let pivot = if pivot_row[k] > 1e-9 { pivot_row[k] } else { 1e-9 };
            let inverse = 1.0 / pivot.sqrt();
            self.inverse_diagonal[k] = inverse;
            // Whole groups of 8: what lies left of the diagonal is scaled too, and never read.
            let aligned = k / 8 * 8;
            for value in &mut pivot_row[aligned..] {
                *value *= inverse;
            }
            let solved = self.half[k] * inverse;
            self.half[k] = solved;
            for (i, row) in rest.iter_mut().enumerate() {
                let i = k + 1 + i;
                let factor = pivot_row[i];
                self.half[i] -= factor * solved;
                let aligned = i / 8 * 8;
                for (value, pivot) in row[aligned..].iter_mut().zip(&pivot_row[aligned..]) {
                    *value -= factor * pivot;
                }
            }
        }
    }

    /// The inverse of what was factored, times `scale`.
    #[inline(always)]
    pub(super) fn inverse(&self, scale: f64, inverse: &mut [[f32; N]; N]) {
        for column in 0..N {
            // Forward, through the transposed factor: nothing before `column` differs from zero.
            let mut half = [0.0f64; N];
            half[column] = scale * self.inverse_diagonal[column];
            for k in column..N {
                let value = if k == column { half[k] } else { half[k] * self.inverse_diagonal[k] };
                half[k] = value;
                for (half, factor) in half[k + 1..].iter_mut().zip(&self.upper[k][k + 1..]) {
                    *half -= factor * value;
                }
            }
            for i in (0..N).rev() {
                let mut sum = half[i];
                for (factor, known) in self.upper[i][i + 1..].iter().zip(&half[i + 1..]) {
                    sum -= factor * known;
                }
                half[i] = sum * self.inverse_diagonal[i];
            }
            for (row, value) in inverse.iter_mut().zip(half) {
                row[column] = value as f32;
            }
        }
    }

    /// Weights of the model that uses only the first `count` inputs; unchanged if the solution is wild.
    #[inline(always)]
    pub(super) fn weights(&self, count: usize, weights: &mut [f32; N]) {
        let mut solution = [0.0f64; N];
        for i in (0..count).rev() {
            let mut sum = self.half[i];
            for (factor, known) in self.upper[i][i + 1..count].iter().zip(&solution[i + 1..count]) {
                sum -= factor * known;
            }
            solution[i] = sum * self.inverse_diagonal[i];
        }
        if solution.iter().all(|weight| weight.abs() < 1e3) {
            *weights = solution.map(|weight| weight as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of numbers in [-1, 1).
    fn noise(state: &mut u32) -> f32 {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    #[test]
    fn nested_models_are_recovered() {
        let truth: [f32; 16] = std::array::from_fn(|k| if k < 6 { 0.3 - 0.1 * k as f32 } else { 0.0 });
        let mut state = 7;
        let mut moments = Moments::<16>::new();
        for _ in 0..4000 {
            let input: [f32; 16] = std::array::from_fn(|_| noise(&mut state));
            let target = truth.iter().zip(&input).map(|(w, x)| w * x).sum();
            moments.add(&input, target);
        }
        let mut half = Moments::new();
        half.blend(1.0, &moments, 0.5);
        for count in [6, 9, 16] {
            let mut solver = Solver::new();
            solver.factor(&half, 0.0, &[0.0; 16]);
            let mut weights = [0.0; 16];
            solver.weights(count, &mut weights);
            for (weight, truth) in weights.iter().zip(&truth) {
                assert!((weight - truth).abs() < 1e-4, "{weights:?}");
            }
        }
    }

    #[test]
    fn the_inverse_is_the_inverse() {
        let mut state = 3;
        let mut moments = Moments::<16>::new();
        for _ in 0..100 {
            moments.add(&std::array::from_fn(|_| noise(&mut state)), 0.0);
        }
        let mut solver = Solver::new();
        let mut inverse = [[0.0; 16]; 16];
        solver.factor(&moments, 1.0, &[0.0; 16]);
        solver.inverse(2.0, &mut inverse);
        for i in 0..16 {
            // Row `i` of the product of both; of the moments only the lower triangle is complete.
            let mut product = [0.0f32; 16];
            for (k, row) in inverse.iter().enumerate() {
                let ridge = if i == k { 1.0 } else { 0.0 };
                let factor = moments.products[i.max(k)][i.min(k)] + ridge;
                product.iter_mut().zip(row).for_each(|(sum, entry)| *sum += factor * entry);
            }
            for (j, value) in product.into_iter().enumerate() {
                assert!((value - if i == j { 2.0 } else { 0.0 }).abs() < 1e-4, "{i} {j} {value}");
            }
        }
    }

    #[test]
    fn without_samples_the_prior_speaks() {
        let prior: [f32; 16] = std::array::from_fn(|k| k as f32 * 0.01);
        let mut solver = Solver::new();
        solver.factor(&Moments::new(), 2.0, &prior);
        let mut weights = [0.0; 16];
        solver.weights(16, &mut weights);
        for (weight, prior) in weights.iter().zip(&prior) {
            assert!((weight - prior).abs() < 1e-6);
        }
    }
}
