//! Fitting the weights of the location: robust weighted least squares on a sample of the pixels.
//!
//! Inputs are scaled to the scatter around their pixel and rounded to 16 bits, so that their products sum up
//! exactly, in whatever order; the systems that remain are solved in `f64` in a fixed order. Sums of absolute
//! deviations are minimised rather than squares (by reweighting), because outliers are many.

use super::location::{EXCESSES, Inputs, LANES, LOCATION_BITS, MEANS, NEAREST, PIXELS, WEIGHT_BITS, Weights};
use super::surroundings::MEAN_INPUT_BITS;

/// Scaled inputs of one pixel, then one (for the offset), then the target; zeros to a multiple of 16.
pub(crate) const COLUMNS: usize = 112;
const ONE: usize = LANES;
const TARGET: usize = LANES + 1;

/// A clip counts as this much in scaled inputs.
const CLIP: i32 = 256;

/// Largest scaled input.
const MAX_INPUT: i32 = 2047;

/// Pixels taken for a fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    /// Scaled inputs.
    rows: Vec<[i16; COLUMNS]>,
    /// The clips by which they were scaled.
    clips: Vec<i16>,
}

impl Samples {
    /// Takes a pixel whose value lies `target` above the centre.
    pub(crate) fn push(&mut self, inputs: &Inputs, clip: i16, target: i16) {
        let mut row = [0; COLUMNS];
        let clip = clip.max(1);
        let factor = (CLIP << 16) / i32::from(clip);
        let scaled = |value: i16, fraction_bits: u32| {
            ((i64::from(value) * i64::from(factor) + (1 << 15)) >> (16 + fraction_bits))
                .clamp(-i64::from(MAX_INPUT), i64::from(MAX_INPUT)) as i16
        };
        for (lane, (to, &input)) in row.iter_mut().zip(inputs).enumerate() {
            *to = scaled(input, if lane < PIXELS + EXCESSES { 0 } else { MEAN_INPUT_BITS });
        }
        // The offset's input is 1 DN, as the other inputs are in DN.
        row[ONE] = ((factor >> 16).min(MAX_INPUT)) as i16;
        row[TARGET] = scaled(target, 0);
        self.rows.push(row);
        self.clips.push(clip);
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Sums of products of all pairs of columns.
#[derive(Clone, Debug)]
pub(crate) struct Moments(Vec<f64>);

/// Samples between two carries from 32-bit sums: `256 * 2047^2 < 2^31`.
const CARRY: usize = 256;

/// The moments of `active` columns and the target, over samples weighted by `factors^2 / 2^20`.
#[inline(always)]
fn moments(rows: &[[i16; COLUMNS]], factors: &[u16], active: &[usize]) -> Moments {
    let mut used = active.to_vec();
    used.push(TARGET);
    used.sort_unstable();
    let mut total = vec![0_i64; COLUMNS * COLUMNS];
    for (rows, factors) in rows.chunks(CARRY).zip(factors.chunks(CARRY)) {
        // Column by column: a product of two columns is a dot product.
        let mut columns = vec![[0_i16; CARRY]; COLUMNS];
        for (s, (row, &factor)) in rows.iter().zip(factors).enumerate() {
            for (column, &value) in columns.iter_mut().zip(row) {
                column[s] = ((i32::from(value) * i32::from(factor) + 512) >> 10) as i16;
            }
        }
        for (at, &i) in used.iter().enumerate() {
            let left = &columns[i];
            for &j in &used[..=at] {
                let mut sum = 0_i32;
                for (&a, &b) in left.iter().zip(&columns[j]) {
                    sum += i32::from(a) * i32::from(b);
                }
                total[i * COLUMNS + j] += i64::from(sum);
            }
        }
    }
    Moments(total.iter().map(|&sum| sum as f64).collect())
}

impl Moments {
    fn at(&self, i: usize, j: usize) -> f64 {
        if i >= j { self.0[i * COLUMNS + j] } else { self.0[j * COLUMNS + i] }
    }

    /// The weights of `active` columns that bring their sum nearest to the target; `prior` pulls them towards
    /// the weights that other moments give, as if `prior_part` of those had been seen here.
    fn solve(&self, active: &[usize], prior: Option<(&Moments, f64)>) -> Vec<f64> {
        let n = active.len();
        let at =
            |i: usize, j: usize| self.at(i, j) + prior.map_or(0.0, |(other, part)| other.at(i, j) * part);
        let mut matrix = vec![0.0; n * n];
        let mut right = vec![0.0; n];
        let mut trace = 0.0;
        for (a, &i) in active.iter().enumerate() {
            for (b, &j) in active[..=a].iter().enumerate() {
                matrix[a * n + b] = at(i, j);
            }
            right[a] = at(i, TARGET);
            trace += at(i, i);
        }
        let ridge = trace / n as f64 * 1e-5 + 1.0;
        for a in 0..n {
            matrix[a * n + a] += ridge;
        }
        cholesky_solve(&mut matrix, &mut right, n);
        right
    }
}

/// Solves a symmetric positive definite system; the lower triangle of `matrix` is given.
pub(crate) fn cholesky_solve(matrix: &mut [f64], right: &mut [f64], n: usize) {
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

/// How weights are fitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Pixels of the window that are used, nearest first.
    pub(crate) pixels: usize,
    /// Times that weights are fitted anew to the residuals.
    pub(crate) rounds: usize,
}

/// The weights of every class of samples.
#[inline(always)]
pub(crate) fn fit(classes: &[Samples], effort: Effort) -> Vec<Weights> {
    let mut active: Vec<usize> = NEAREST[..effort.pixels].iter().map(|&lane| usize::from(lane)).collect();
    active.extend(PIXELS..LANES);
    active.push(ONE);
    let mut factors: Vec<Vec<u16>> = classes.iter().map(|class| vec![1024; class.len()]).collect();
    let mut weights = vec![Weights::default(); classes.len()];
    for round in 0..=effort.rounds {
        // A loop, not a closure: closures may end up compiled for plain machines.
        let mut each = Vec::with_capacity(classes.len());
        for (class, factors) in classes.iter().zip(&factors) {
            each.push(moments(&class.rows, factors, &active));
        }
        let mut all = Moments(vec![0.0; COLUMNS * COLUMNS]);
        for moments in &each {
            for (sum, &one) in all.0.iter_mut().zip(&moments.0) {
                *sum += one;
            }
        }
        let total: usize = classes.iter().map(Samples::len).sum();
        for (class, weights) in weights.iter_mut().enumerate() {
            let part = PRIOR_SAMPLES / total.max(1) as f64;
            let solved = each[class].solve(&active, Some((&all, part)));
            *weights = quantise(&active, &solved);
        }
        if round < effort.rounds {
            for ((class, factors), weights) in classes.iter().zip(&mut factors).zip(&weights) {
                reweight(class, factors, weights);
            }
        }
    }
    weights
}

/// Samples of all classes that weigh in with every class.
const PRIOR_SAMPLES: f64 = 200.0;

/// Low bits of a weight that are always zero.
pub(crate) const WEIGHT_STEP_BITS: u32 = 4;

fn quantise(active: &[usize], solved: &[f64]) -> Weights {
    let mut weights = Weights::default();
    let step = f64::from(1 << WEIGHT_STEP_BITS);
    let one = f64::from(1 << WEIGHT_BITS);
    for (&column, &value) in active.iter().zip(solved) {
        if column == ONE {
            let offset = value * f64::from(1 << LOCATION_BITS);
            weights.offset = round(offset).clamp(-(1 << 20), 1 << 20);
        } else {
            // Running means are inputs in finer units than pixels.
            let value =
                if column < PIXELS + EXCESSES { value } else { value / f64::from(1 << MEAN_INPUT_BITS) };
            let limit = (i32::from(i16::MAX) >> WEIGHT_STEP_BITS) << WEIGHT_STEP_BITS;
            weights.lanes[column] =
                (round(value * one / step) << WEIGHT_STEP_BITS).clamp(-limit, limit) as i16;
        }
    }
    weights
}

/// To the nearest integer, halves up; saturating.
fn round(value: f64) -> i32 {
    (value + 0.5).floor().clamp(-1e9, 1e9) as i32
}

/// Factors by which the next round minimises absolute deviations: `1 / sqrt(|residual|)`, bounded.
#[inline(always)]
fn reweight(class: &Samples, factors: &mut [u16], weights: &Weights) {
    for (row, factor) in class.rows.iter().zip(factors) {
        let mut sum = (i64::from(weights.offset) * i64::from(row[ONE])) << (WEIGHT_BITS - LOCATION_BITS);
        for (lane, (&input, &weight)) in row.iter().zip(&weights.lanes).enumerate() {
            let finer = if lane < PIXELS + EXCESSES { 0 } else { MEAN_INPUT_BITS };
            sum += (i64::from(input) * i64::from(weight)) << finer;
        }
        let residual = (i64::from(row[TARGET]) - (sum >> WEIGHT_BITS)).unsigned_abs().max(LEAST);
        // 1024 * sqrt(LEAST / residual)
        *factor = ((LEAST << 20) / residual).isqrt() as u16;
    }
}

/// Residuals below this (scaled as inputs are) count like this one.
const LEAST: u64 = (CLIP as u64) / 3;

const _: () = assert!(TARGET < COLUMNS && EXCESSES + MEANS + PIXELS == LANES && MEAN_INPUT_BITS < 8);
