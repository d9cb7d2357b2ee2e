//! format-floor.md, 7: least squares.

/// 7.1: moments of `N` inputs and a target.
#[derive(Clone)]
pub(crate) struct Moments {
    /// `P[i][j]`, for `j` from 0 to `i`.
    products: Vec<Vec<f32>>,
    /// `T[j]`.
    targets: Vec<f32>,
    /// `n`.
    samples: f32,
}

/// The triangular matrix of 7.3.
pub(crate) struct Triangle {
    /// `U[i][j]`, for `j` from `i` on.
    pub u: Vec<Vec<f64>>,
    /// `v[i]`, the inverses of its diagonal.
    pub v: Vec<f64>,
    /// `B[i]`.
    pub b: Vec<f64>,
}

impl Moments {
    /// Moments of `count` inputs, all 0.
    pub(crate) fn new(count: usize) -> Self {
        let products = (0..count).map(|i| vec![0.0; i + 1]).collect();
        Self { products, targets: vec![0.0; count], samples: 0.0 }
    }

    /// `n`, the number of samples.
    pub(crate) fn samples(&self) -> f32 {
        self.samples
    }

    /// Sets all numbers to 0.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.targets.len());
    }

    /// Multiplies all numbers by `factor`.
    pub(crate) fn multiply(&mut self, factor: f32) {
        for v in self.products.iter_mut().flatten() {
            *v *= factor;
        }
        for v in &mut self.targets {
            *v *= factor;
        }
        self.samples *= factor;
    }

    /// 7.2: every number becomes `keep` times itself plus `share` times that of `other`.
    pub(crate) fn blend(&mut self, keep: f32, other: &Self, share: f32) {
        let theirs = other.products.iter().flatten();
        for (v, o) in self.products.iter_mut().flatten().zip(theirs) {
            *v = keep * *v + share * o;
        }
        for (v, o) in self.targets.iter_mut().zip(&other.targets) {
            *v = keep * *v + share * o;
        }
        self.samples = keep * self.samples + share * other.samples;
    }

    /// `P[i][j]` grows, for `j` at most `i`.
    pub(crate) fn add_product(&mut self, i: usize, j: usize, value: f32) {
        self.products[i][j] += value;
    }

    /// `T[j]` grows.
    pub(crate) fn add_target(&mut self, j: usize, value: f32) {
        self.targets[j] += value;
    }

    /// `n` grows.
    pub(crate) fn add_samples(&mut self, count: f32) {
        self.samples += count;
    }

    /// format-floor-max.md, 11.5: takes a sample with the inputs `s` and the target `t`.
    pub(crate) fn take(&mut self, s: &[f32], t: f32) {
        for i in 0..s.len() {
            for j in 0..=i {
                self.products[i][j] += s[i] * s[j];
            }
            self.targets[i] += t * s[i];
        }
        self.samples += 1.0;
    }

    /// 7.3, the first two loops.
    pub(crate) fn eliminate(&self, ridge: f64, prior: &[f32]) -> Triangle {
        let n = self.targets.len();
        let mut u = vec![vec![0.0; n]; n];
        let mut v = vec![0.0; n];
        let mut b = vec![0.0; n];
        for i in 0..n {
            for j in 0..i {
                u[j][i] = f64::from(self.products[i][j]);
            }
            u[i][i] = f64::from(self.products[i][i]) * 1.000001 + ridge;
            b[i] = f64::from(self.targets[i]) + ridge * f64::from(prior[i]);
        }
        for k in 0..n {
            let pivot = if u[k][k] > 1e-9 { u[k][k] } else { 1e-9 };
            v[k] = 1.0 / f64::sqrt(pivot);
            for number in &mut u[k][k..] {
                *number *= v[k];
            }
            b[k] *= v[k];
            let row = u[k].clone();
            for i in k + 1..n {
                let f = row[i];
                b[i] -= f * b[k];
                for j in i..n {
                    u[i][j] -= f * row[j];
                }
            }
        }
        Triangle { u, v, b }
    }

    /// 7.3: `solve`, with as many weights as `weights` has; those from `count` on become 0.
    pub(crate) fn solve(&self, ridge: f32, prior: &[f32], count: usize, weights: &mut [f32]) {
        let Triangle { u, v, b } = self.eliminate(f64::from(ridge), prior);
        let mut x = vec![0.0; count];
        for i in (0..count).rev() {
            let mut s = b[i];
            for j in i + 1..count {
                s -= u[i][j] * x[j];
            }
            x[i] = s * v[i];
        }
        if x.iter().all(|x| x.abs() < 1000.0) {
            weights.fill(0.0);
            for (weight, x) in weights.iter_mut().zip(x) {
                *weight = x as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_a_linear_target_are_found() {
        let mut moments = Moments::new(3);
        for k in 0..50_u8 {
            let a = f32::from(k % 7);
            let b = f32::from(k % 5);
            moments.take(&[a, b, 1.0], 2.0 * a - b + 3.0);
        }
        let mut weights = [0.0; 3];
        moments.solve(1e-4, &[0.0; 3], 3, &mut weights);
        for (found, right) in weights.iter().zip([2.0, -1.0, 3.0]) {
            assert!((found - right).abs() < 1e-3, "{weights:?}");
        }
        assert_eq!(moments.samples(), 50.0);
        let copy = moments.clone();
        moments.blend(0.5, &copy, 0.5);
        moments.multiply(2.0);
        assert_eq!(moments.samples(), 100.0);
        moments.clear();
        moments.solve(3.0, &[1.0, 0.0, 0.0], 2, &mut weights);
        assert!((weights[0] - 1.0).abs() < 1e-6 && weights[2] == 0.0);
    }
}
