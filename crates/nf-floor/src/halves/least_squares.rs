//! Fitting weights by least squares to a sample of the pixels.
//!
//! Sums are `f32` in sixteen lanes over blocks, then `f64`, in a fixed order: every machine fits the same.

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
pub(super) struct Moments {
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
    #[inline(always)]
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

    /// The moments; the columns' lengths are multiples of 16, as [`scaled`](Self::scaled) makes them.
    #[inline(always)]
    pub(super) fn moments(&self) -> Moments {
        let n = self.columns.len();
        let mut sums = vec![0.0; n * (n + 1) / 2];
        let mut start = 0;
        while start < self.len() {
            let end = (start + BLOCK).min(self.len());
            let mut at = 0;
            for i in 0..n {
                let left = self.columns[i][start..end].as_chunks::<LANES>().0;
                let mut j = 0;
                // Four at a time, so that their additions overlap.
                while j + 4 <= i + 1 {
                    let four = [0, 1, 2, 3].map(|k| self.columns[j + k][start..end].as_chunks().0);
                    for lanes in &products(left, four) {
                        sums[at] += total(lanes);
                        at += 1;
                    }
                    j += 4;
                }
                while j <= i {
                    let [lanes] = products(left, [self.columns[j][start..end].as_chunks().0]);
                    sums[at] += total(&lanes);
                    at += 1;
                    j += 1;
                }
            }
            start = end;
        }
        Moments { sums, columns: n }
    }

    /// The sum of columns times weights, pixel by pixel, less the target.
    #[inline(always)]
    pub(super) fn misses(&self, weights: &[f64]) -> Vec<f32> {
        let (target, inputs) = self.columns.split_last().expect("there is a target");
        let mut misses: Vec<f32> = target.iter().map(|&value| -value).collect();
        for (column, &weight) in inputs.iter().zip(weights) {
            let weight = weight as f32;
            for (miss, &value) in misses.iter_mut().zip(column) {
                *miss += weight * value;
            }
        }
        misses
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

#[inline(always)]
fn total(lanes: &[f32; LANES]) -> f64 {
    let mut sum = 0.0;
    for &lane in lanes {
        sum += f64::from(lane);
    }
    sum
}

impl Moments {
    fn at(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.max(j), i.min(j));
        self.sums[i * (i + 1) / 2 + j]
    }

    /// The weights of the `active` columns that bring their sum nearest to the target.
    pub(super) fn solve(&self, active: &[usize], ridge: f64) -> Vec<f64> {
        let n = active.len();
        let mut matrix = vec![0.0; n * n];
        let mut right = vec![0.0; n];
        let mut trace = 0.0;
        for (a, &i) in active.iter().enumerate() {
            for (b, &j) in active[..=a].iter().enumerate() {
                matrix[a * n + b] = self.at(i, j);
            }
            right[a] = self.at(self.columns - 1, i);
            trace += self.at(i, i);
        }
        for a in 0..n {
            matrix[a * n + a] += trace / n as f64 * ridge + matrix[a * n + a] * ridge + 1e-9;
        }
        cholesky_solve(&mut matrix, &mut right, n);
        right
    }

    /// The same without negative weights: the most negative one is left out, again and again.
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

/// Solves a symmetric positive definite system; the lower triangle of `matrix` is given.
fn cholesky_solve(matrix: &mut [f64], right: &mut [f64], n: usize) {
    for j in 0..n {
        for i in j..n {
            let mut sum = matrix[i * n + j];
            for k in 0..j {
                sum -= matrix[i * n + k] * matrix[j * n + k];
            }
            matrix[i * n + j] = if i == j { sum.max(1e-9).sqrt() } else { sum / matrix[j * n + j] };
        }
    }
    for i in 0..n {
        for k in 0..i {
            right[i] -= matrix[i * n + k] * right[k];
        }
        right[i] /= matrix[i * n + i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            right[i] -= matrix[k * n + i] * right[k];
        }
        right[i] /= matrix[i * n + i];
    }
}
