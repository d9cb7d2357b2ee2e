//! Weights of maps and reference planes, fitted by the encoder and stored in the stream.

use crate::models::TileView;
use crate::predict::cholesky::Cholesky;
use crate::predict::terms::{MAX_TERMS, Terms, Weights};
use nf_simd::InstructionSet;

/// Fitted weights.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fit {
    /// Rounded as the stream holds them.
    pub(super) weights: Weights,
    /// Mean absolute difference of horizontal neighbours after prediction, over that before.
    pub(super) gradient: f64,
}

/// About the number of pairs of neighbours that weights are fitted to.
pub(super) const PAIRS: usize = 100_000;
/// Rounds of reweighting.
const ROUNDS: usize = 4;

/// Differences of a pair of horizontal neighbours: of every term, and in the tile.
type Pair = ([f64; MAX_TERMS], f64);

/// Mean absolute difference of horizontal neighbours.
pub(super) fn gradient(tile: TileView) -> f64 {
    let step = (tile.samples.len() / PAIRS).max(1) | 1;
    let places = (0..tile.samples.len()).step_by(step).filter(|i| i % tile.width != 0);
    let (sum, count) = places.fold((0.0, 0), |(sum, count), i| {
        (sum + f64::from(tile.samples[i].abs_diff(tile.samples[i - 1])), count + 1)
    });
    sum / f64::from(count.max(1))
}

/// Least absolute deviations of differences of horizontal neighbours, by reweighted least squares
/// of about `pairs` of them.
///
/// Differences, because the level of a plane is for the models to follow; absolute, because cosmic
/// rays and stars that move must not decide.
pub(super) fn fit(tile: TileView, terms: &Terms, pairs: usize) -> Fit {
    // An odd step visits all columns of tiles of every usual width.
    let step = (tile.samples.len() / pairs).max(1) | 1;
    let pairs: Vec<Pair> = (0..tile.samples.len())
        .step_by(step)
        .filter(|i| i % tile.width != 0)
        .map(|i| {
            let (mut inputs, before) = (terms.regressors(i), terms.regressors(i - 1));
            inputs.iter_mut().zip(before).for_each(|(input, before)| *input -= before);
            (inputs, f64::from(tile.samples[i]) - f64::from(tile.samples[i - 1]))
        })
        .collect();
    let residual = |weights: &[f64; MAX_TERMS], (inputs, target): &Pair| {
        target - weights.iter().zip(inputs).map(|(w, x)| w * x).sum::<f64>()
    };
    let mean = |weights: &[f64; MAX_TERMS]| {
        pairs.iter().map(|pair| residual(weights, pair).abs()).sum::<f64>() / pairs.len().max(1) as f64
    };
    let alone = mean(&[0.0; MAX_TERMS]);
    let mut weights = [0.0; MAX_TERMS];
    let mut cholesky = Cholesky::new(MAX_TERMS);
    for round in 0..ROUNDS {
        let scale = mean(&weights).max(0.1);
        let mut products = [[0.0; MAX_TERMS]; MAX_TERMS];
        let mut targets = [0.0; MAX_TERMS];
        for pair in &pairs {
            // The first round weighs all pairs alike: nothing is known of their residuals yet.
            let weight = if round == 0 { 1.0 } else { 1.0 / (residual(&weights, pair).abs() + 0.3 * scale) };
            for (i, (row, target)) in products.iter_mut().zip(&mut targets).enumerate() {
                for (sum, input) in row.iter_mut().zip(&pair.0) {
                    *sum += weight * pair.0[i] * input;
                }
                *target += weight * pair.0[i] * pair.1;
            }
        }
        // A little ridge: terms that are not there get no weight.
        let matrix = |i: usize, j: usize| {
            if i == j { products[i][i] * 1.000_001 + 1e-6 } else { products[i][j] }
        };
        cholesky.set(MAX_TERMS, matrix, |i| targets[i]);
        cholesky.factor(InstructionSet::Baseline);
        cholesky.solve(&mut weights);
    }
    let rounded = terms.weights(&weights);
    let gradient = mean(&terms.fitted(&rounded)) / alone.max(1e-9);
    Fit { weights: rounded, gradient }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::testing::Rng;

    #[test]
    fn weights_of_a_sum_are_found() {
        let mut rng = Rng::new(3);
        let mut plane = || -> Vec<u16> { (0..4000).map(|_| 1000 + rng.below(256) as u16).collect() };
        let (a, b) = (plane(), plane());
        let mut sum: Vec<u16> = a.iter().zip(&b).map(|(a, b)| 5000 + 2 * a - b).collect();
        sum[777] = 60_000;
        let fit = fit(TileView::new(40, 100, &sum), &Terms::of_planes(&[&a, &b]), PAIRS);
        assert_eq!(fit.weights, Weights { share: 0, planes: vec![512, -256] });
        assert!(fit.gradient < 0.3);
    }
}
