//! Least squares: moments of samples, and weights from them.

/// Sums of products of inputs with each other (the lower triangle) and with targets, and the number
/// of samples.
#[derive(Clone)]
pub(in crate::reference) struct Moments {
    pub(in crate::reference) products: Vec<Vec<f32>>,
    pub(in crate::reference) targets: Vec<f32>,
    pub(in crate::reference) samples: f32,
}

impl Moments {
    pub(in crate::reference) fn new(inputs: usize) -> Self {
        Self { products: vec![vec![0.0; inputs]; inputs], targets: vec![0.0; inputs], samples: 0.0 }
    }

    pub(in crate::reference) fn add(&mut self, input: &[f32], target: f32) {
        for i in 0..input.len() {
            for j in 0..=i {
                self.products[i][j] += input[i] * input[j];
            }
            self.targets[i] += target * input[i];
        }
        self.samples += 1.0;
    }

    /// `keep` times these plus `share` times others.
    pub(in crate::reference) fn blend(&mut self, keep: f32, other: &Self, share: f32) {
        for i in 0..self.targets.len() {
            for j in 0..=i {
                self.products[i][j] = keep * self.products[i][j] + share * other.products[i][j];
            }
            self.targets[i] = keep * self.targets[i] + share * other.targets[i];
        }
        self.samples = keep * self.samples + share * other.samples;
    }
}

/// Cholesky's factor of the moments with `ridge` samples for the weights `prior`, and the
/// right-hand side half solved.
pub(in crate::reference) struct Factor {
    upper: Vec<Vec<f64>>,
    inverse_diagonal: Vec<f64>,
    half: Vec<f64>,
}

impl Factor {
    pub(in crate::reference) fn new(moments: &Moments, ridge: f32, prior: &[f32]) -> Self {
        let n = prior.len();
        let ridge = f64::from(ridge);
        let mut upper = vec![vec![0.0; n]; n];
        let (mut inverse_diagonal, mut half) = (vec![0.0; n], vec![0.0; n]);
        for i in 0..n {
            for j in 0..=i {
                upper[j][i] = f64::from(moments.products[i][j]);
            }
            upper[i][i] = upper[i][i] * 1.000_001 + ridge;
            half[i] = f64::from(moments.targets[i]) + ridge * f64::from(prior[i]);
        }
        for k in 0..n {
            let pivot: f64 = if upper[k][k] > 1e-9 { upper[k][k] } else { 1e-9 };
            let inverse = 1.0 / pivot.sqrt();
            inverse_diagonal[k] = inverse;
            for j in k..n {
                upper[k][j] *= inverse;
            }
            half[k] *= inverse;
            for i in k + 1..n {
                let factor = upper[k][i];
                half[i] -= factor * half[k];
                for j in i..n {
                    upper[i][j] -= factor * upper[k][j];
                }
            }
        }
        Self { upper, inverse_diagonal, half }
    }

    /// The inverse of what was factored, times `scale`.
    pub(in crate::reference) fn inverse(&self, scale: f64) -> Vec<Vec<f32>> {
        let n = self.half.len();
        let mut inverse = vec![vec![0.0; n]; n];
        for column in 0..n {
            let mut half = vec![0.0_f64; n];
            half[column] = scale * self.inverse_diagonal[column];
            for k in column..n {
                if k > column {
                    half[k] *= self.inverse_diagonal[k];
                }
                for j in k + 1..n {
                    half[j] -= self.upper[k][j] * half[k];
                }
            }
            for i in (0..n).rev() {
                let mut sum = half[i];
                for j in i + 1..n {
                    sum -= self.upper[i][j] * half[j];
                }
                half[i] = sum * self.inverse_diagonal[i];
                inverse[i][column] = half[i] as f32;
            }
        }
        inverse
    }

    /// The weights of the first `count` inputs, zero for the others; `weights` stay as they are if
    /// any is wild.
    pub(in crate::reference) fn weights(&self, count: usize, weights: &mut [f32]) {
        let mut solution = vec![0.0_f64; weights.len()];
        for i in (0..count).rev() {
            let mut sum = self.half[i];
            for j in i + 1..count {
                sum -= self.upper[i][j] * solution[j];
            }
            solution[i] = sum * self.inverse_diagonal[i];
        }
        if solution.iter().all(|weight| weight.abs() < 1e3) {
            for (weight, solution) in weights.iter_mut().zip(solution) {
                *weight = solution as f32;
            }
        }
    }
}
