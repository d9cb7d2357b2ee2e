//! Sums of products for weighted least squares.

use super::cholesky::Cholesky;
use nf_simd::{InstructionSet, kernel};

/// Sums of products of inputs with each other and with the target, in single precision.
#[derive(Clone, Debug)]
pub(crate) struct Moments<const N: usize> {
    /// Row `i`: sums of `w x[i] x[j]` in the columns `j <= i`; what stands right of them is never
    /// read. The last row: sums of `w t x[j]` for the target `t`.
    pub(crate) rows: Box<[[f32; N]]>,
    /// Samples, as far as they are not forgotten.
    pub(crate) samples: f32,
}

impl<const N: usize> Moments<N> {
    /// Of no sample; with `N` inputs or, if the target counts as the last of them, with `N - 1`.
    pub(crate) fn new(inputs: usize) -> Self {
        Self { rows: vec![[0.0; N]; inputs + 1].into_boxed_slice(), samples: 0.0 }
    }

    pub(crate) fn clear(&mut self) {
        self.rows.fill([0.0; N]);
        self.samples = 0.0;
    }

    /// Forgets all but a share.
    pub(crate) fn scale(&mut self, share: f32) {
        self.rows.as_flattened_mut().iter_mut().for_each(|sum| *sum *= share);
        self.samples *= share;
    }

    /// Adds a sample of `N` inputs; `root` is the square root of its weight.
    #[inline(always)]
    pub(crate) fn add(&mut self, input: &[f32; N], target: f32, root: f32) {
        let (mut weighted, target) = (*input, target * root);
        for x in &mut weighted {
            *x *= root;
        }
        let input = &weighted;
        let (targets, products) = self.rows.split_last_mut().expect("the last row is the target's");
        for (i, (row, &factor)) in products.iter_mut().zip(input).enumerate() {
            // Whole groups of 8.
            let width = (i / 8 + 1) * 8;
            for (sum, x) in row[..width].iter_mut().zip(&input[..width]) {
                *sum += factor * x;
            }
        }
        for (sum, x) in targets.iter_mut().zip(input) {
            *sum += target * x;
        }
        self.samples += 1.0;
    }

    /// self = keep self + share other.
    pub(crate) fn blend(&mut self, isa: InstructionSet, keep: f32, other: &Self, share: f32) {
        blend(isa, self.rows.as_flattened_mut(), keep, other.rows.as_flattened(), share);
        self.samples = keep * self.samples + share * other.samples;
    }

    /// Factors the normal equations of these moments and of `ridge` samples that vote for the
    /// weights `prior`.
    pub(crate) fn factor(&self, isa: InstructionSet, cholesky: &mut Cholesky, ridge: f32, prior: &[f32; N]) {
        /// Relative growth of the diagonal: keeps the factor positive in spite of rounding in f32.
        const JITTER: f64 = 1.000_001;
        let (targets, products) = self.rows.split_last().expect("the last row is the target's");
        let ridge = f64::from(ridge);
        cholesky.set(
            products.len(),
            |i, j| match i == j {
                true => f64::from(products[i][i]) * JITTER + ridge,
                false => f64::from(products[i][j]),
            },
            |i| f64::from(targets[i]) + ridge * f64::from(prior[i]),
        );
        cholesky.factor(isa);
    }
}

kernel! {
    fn blend<'a>(sums: &'a mut [f32], keep: f32, others: &'a [f32], share: f32) -> () {
        for (sum, other) in sums.iter_mut().zip(others) {
            *sum = keep * *sum + share * other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::testing::Rng;

    fn inputs(rng: &mut Rng) -> [f32; 16] {
        std::array::from_fn(|_| (2.0 * rng.uniform() - 1.0) as f32)
    }

    #[test]
    fn models_of_fewer_inputs_are_nested() {
        let truth: [f32; 16] = std::array::from_fn(|k| if k < 6 { 0.3 - 0.1 * k as f32 } else { 0.0 });
        let mut rng = Rng::new(7);
        let mut moments = Moments::<16>::new(16);
        for _ in 0..4000 {
            let input = inputs(&mut rng);
            let target = truth.iter().zip(&input).map(|(w, x)| w * x).sum();
            moments.add(&input, target, 1.0);
        }
        for isa in InstructionSet::available() {
            let mut half = Moments::new(16);
            half.blend(isa, 1.0, &moments, 0.5);
            let mut cholesky = Cholesky::new(16);
            half.factor(isa, &mut cholesky, 0.0, &[0.0; 16]);
            for count in [6, 9, 16] {
                let mut weights = [0.0; 16];
                cholesky.weights(count, &mut weights);
                for (weight, truth) in weights.iter().zip(&truth) {
                    assert!((weight - truth).abs() < 1e-4, "{weights:?}");
                }
            }
        }
    }

    #[test]
    fn without_samples_the_weights_are_the_prior() {
        let prior: [f32; 16] = std::array::from_fn(|k| k as f32 * 0.01);
        let mut cholesky = Cholesky::new(16);
        Moments::new(16).factor(InstructionSet::best(), &mut cholesky, 2.0, &prior);
        let mut weights = [0.0; 16];
        cholesky.weights(16, &mut weights);
        for (weight, prior) in weights.iter().zip(&prior) {
            assert!((weight - prior).abs() < 1e-6);
        }
    }

    #[test]
    fn the_inverse_is_the_inverse() {
        let mut rng = Rng::new(3);
        let mut moments = Moments::<16>::new(16);
        for _ in 0..100 {
            moments.add(&inputs(&mut rng), 0.0, 1.0);
        }
        let mut cholesky = Cholesky::new(16);
        let mut inverse = [[0.0; 16]; 16];
        moments.factor(InstructionSet::best(), &mut cholesky, 1.0, &[0.0; 16]);
        cholesky.inverse(InstructionSet::best(), 2.0, &mut inverse);
        for i in 0..16 {
            // Row `i` of the product of both; of the moments only the lower triangle is complete.
            let mut product = [0.0f32; 16];
            for (k, row) in inverse.iter().enumerate() {
                let ridge = if i == k { 1.0 } else { 0.0 };
                let factor = moments.rows[i.max(k)][i.min(k)] + ridge;
                product.iter_mut().zip(row).for_each(|(sum, entry)| *sum += factor * entry);
            }
            for (j, value) in product.into_iter().enumerate() {
                assert!((value - if i == j { 2.0 } else { 0.0 }).abs() < 1e-4, "{i} {j} {value}");
            }
        }
    }
}
