//! Weights of reference planes, fitted by the encoder and stored in the stream.

use crate::models::TileView;
use crate::predict::cholesky::Cholesky;
use crate::predict::plane_sum::{MAX_REFERENCES, MAX_WEIGHT, UNIT};
use crate::simd::InstructionSet;

/// Fitted weights.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fit {
    /// One per plane, in units of 1 / [`UNIT`].
    pub(super) weights: Vec<i16>,
    /// Mean absolute difference of horizontal neighbours after prediction, over that before.
    pub(super) gradient: f64,
}

/// About the number of pairs of neighbours that are used.
const PAIRS: usize = 100_000;
/// Rounds of reweighting.
const ROUNDS: usize = 4;

/// Differences of a pair of horizontal neighbours: in every reference plane, and in the tile.
type Pair = ([f64; MAX_REFERENCES], f64);

/// Least absolute deviations of differences of horizontal neighbours, by reweighted least squares.
///
/// Differences, because the level of a plane is for the models to follow; absolute, because cosmic
/// rays and stars that move must not decide.
pub(super) fn fit(tile: TileView, references: &[&[u16]]) -> Fit {
    // An odd step visits all columns of tiles of every usual width.
    let step = (tile.samples.len() / PAIRS).max(1) | 1;
    let difference = |plane: &[u16], i: usize| f64::from(plane[i]) - f64::from(plane[i - 1]);
    let pairs: Vec<Pair> = (0..tile.samples.len())
        .step_by(step)
        .filter(|i| i % tile.width != 0)
        .map(|i| {
            let mut inputs = [0.0; MAX_REFERENCES];
            for (input, plane) in inputs.iter_mut().zip(references) {
                *input = difference(plane, i);
            }
            (inputs, difference(tile.samples, i))
        })
        .collect();
    let residual = |weights: &[f64; MAX_REFERENCES], (inputs, target): &Pair| {
        target - weights.iter().zip(inputs).map(|(w, x)| w * x).sum::<f64>()
    };
    let mean = |weights: &[f64; MAX_REFERENCES]| {
        pairs.iter().map(|pair| residual(weights, pair).abs()).sum::<f64>() / pairs.len().max(1) as f64
    };
    let alone = mean(&[0.0; MAX_REFERENCES]);
    let mut weights = [0.0; MAX_REFERENCES];
    let mut cholesky = Cholesky::new(MAX_REFERENCES);
    for round in 0..ROUNDS {
        let scale = mean(&weights).max(0.1);
        let mut products = [[0.0; MAX_REFERENCES]; MAX_REFERENCES];
        let mut targets = [0.0; MAX_REFERENCES];
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
        // A little ridge: planes that are not there get no weight.
        let matrix = |i: usize, j: usize| {
            if i == j { products[i][i] * 1.000_001 + 1e-6 } else { products[i][j] }
        };
        cholesky.set(MAX_REFERENCES, matrix, |i| targets[i]);
        cholesky.factor(InstructionSet::Baseline);
        cholesky.solve(&mut weights);
    }
    let rounded = weights.map(|weight| {
        let limit = f64::from(MAX_WEIGHT);
        (weight * f64::from(UNIT)).round().clamp(-limit, limit) as i16
    });
    let gradient = mean(&rounded.map(|weight| f64::from(weight) / f64::from(UNIT))) / alone.max(1e-9);
    Fit { weights: rounded[..references.len()].to_vec(), gradient }
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
        let fit = fit(TileView::new(40, 100, &sum), &[&a, &b]);
        assert_eq!(fit.weights, [512, -256]);
        assert!(fit.gradient < 0.3);
    }
}
