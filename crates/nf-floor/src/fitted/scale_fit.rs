//! Fitting the weights of the scale: what absolute residuals are to be expected.

use super::fit::cholesky_solve;
use super::scale::{MAX_SCALE_WEIGHT, SCALE_INPUTS, SCALE_WEIGHT_BITS, ScaleWeights};

/// Sums for the regression of absolute residuals on the inputs of the scale.
#[derive(Clone, Debug)]
pub(crate) struct ScaleFit {
    matrix: Vec<f64>,
    right: Vec<f64>,
}

impl ScaleFit {
    pub(crate) fn new() -> Self {
        Self { matrix: vec![0.0; SCALE_INPUTS * SCALE_INPUTS], right: vec![0.0; SCALE_INPUTS] }
    }

    /// Takes in a pixel whose residual was `residual` when about `expected` was expected, in the same units.
    pub(crate) fn push(&mut self, inputs: &[i32; SCALE_INPUTS], residual: f64, expected: f64) {
        let weight = 1.0 / (expected * expected);
        let residual = residual.min(8.0 * expected);
        let inputs = inputs.map(f64::from);
        for (i, (right, row)) in
            self.right.iter_mut().zip(self.matrix.chunks_exact_mut(SCALE_INPUTS)).enumerate()
        {
            let wide = inputs[i] * weight;
            for (sum, input) in row.iter_mut().zip(&inputs[..=i]) {
                *sum += wide * input;
            }
            *right += wide * residual;
        }
    }

    /// The weights, none of them negative; `usual` and `unit` are kept from `like`.
    pub(crate) fn solve(&self, like: &ScaleWeights) -> ScaleWeights {
        let mut active: Vec<usize> = (0..SCALE_INPUTS).collect();
        loop {
            let n = active.len();
            let mut matrix = vec![0.0; n * n];
            let mut right = vec![0.0; n];
            for (a, &i) in active.iter().enumerate() {
                for (b, &j) in active[..=a].iter().enumerate() {
                    matrix[a * n + b] = self.matrix[i * SCALE_INPUTS + j];
                }
                matrix[a * n + a] = matrix[a * n + a] * (1.0 + 1e-6) + 1e-9;
                right[a] = self.right[i];
            }
            cholesky_solve(&mut matrix, &mut right, n);
            // Leave out the most negative weight and try again.
            let worst = (0..n).min_by(|&a, &b| {
                let size = |k: usize| right[k] * self.matrix[active[k] * SCALE_INPUTS + active[k]].sqrt();
                size(a).total_cmp(&size(b))
            });
            match worst {
                Some(worst) if right[worst] < 0.0 && n > 1 => {
                    active.remove(worst);
                }
                _ => {
                    let mut weights = ScaleWeights { inputs: [0; SCALE_INPUTS], ..like.clone() };
                    let one = f64::from(1 << SCALE_WEIGHT_BITS);
                    for (&i, &value) in active.iter().zip(&right) {
                        weights.inputs[i] =
                            (value * one + 0.5).clamp(0.0, f64::from(MAX_SCALE_WEIGHT)) as u16;
                    }
                    return weights;
                }
            }
        }
    }
}
