//! Weights with which earlier planes foretell a tile: fitted by the encoder, sent in the stream.

use crate::max::given::{MAX_WEIGHT, UNIT};
use crate::stack::MAX_EARLIER;
use crate::tile::TileView;

/// Fitted weights.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fit {
    /// One per plane, in units of 1 / [`UNIT`].
    pub(crate) weights: Vec<i16>,
    /// What is left of the mean absolute difference of horizontal neighbours.
    pub(crate) gain: f64,
}

/// About so many pixels are looked at.
const PAIRS: usize = 100_000;
/// Rounds of reweighting.
const ROUNDS: usize = 4;

/// Least absolute deviations of differences of horizontal neighbours, by reweighted least squares.
///
/// Differences, because the level of a plane is for the models to follow; absolute, because cosmic rays and stars
/// that move must not decide.
pub(crate) fn fit(tile: TileView, earlier: &[&[u16]]) -> Fit {
    let count = earlier.len();
    // An odd step visits all columns of tiles of every usual width.
    let step = (tile.samples.len() / PAIRS).max(1) | 1;
    let difference = |plane: &[u16], i: usize| f64::from(plane[i]) - f64::from(plane[i - 1]);
    let pairs: Vec<([f64; MAX_EARLIER], f64)> = (0..tile.samples.len())
        .step_by(step)
        .filter(|i| i % tile.width != 0)
        .map(|i| {
            let mut inputs = [0.0; MAX_EARLIER];
            for (input, plane) in inputs.iter_mut().zip(earlier) {
                *input = difference(plane, i);
            }
            (inputs, difference(tile.samples, i))
        })
        .collect();
    let left = |weights: &[f64; MAX_EARLIER], (inputs, target): &([f64; MAX_EARLIER], f64)| {
        target - weights.iter().zip(inputs).map(|(w, x)| w * x).sum::<f64>()
    };
    let mean = |weights: &[f64; MAX_EARLIER]| {
        pairs.iter().map(|pair| left(weights, pair).abs()).sum::<f64>() / pairs.len().max(1) as f64
    };
    let alone = mean(&[0.0; MAX_EARLIER]);
    let mut weights = [0.0; MAX_EARLIER];
    for round in 0..ROUNDS {
        let scale = mean(&weights).max(0.1);
        let mut products = [[0.0; MAX_EARLIER]; MAX_EARLIER];
        let mut targets = [0.0; MAX_EARLIER];
        for pair in &pairs {
            // The first round takes all pairs alike: nothing is known of their deviations yet.
            let weight = if round == 0 { 1.0 } else { 1.0 / (left(&weights, pair).abs() + 0.3 * scale) };
            for (i, (row, target)) in products.iter_mut().zip(&mut targets).enumerate() {
                for (sum, input) in row.iter_mut().zip(&pair.0) {
                    *sum += weight * pair.0[i] * input;
                }
                *target += weight * pair.0[i] * pair.1;
            }
        }
        weights = solve(products, targets);
    }
    let rounded = weights.map(|weight| {
        let limit = f64::from(MAX_WEIGHT);
        (weight * f64::from(UNIT)).round().clamp(-limit, limit) as i16
    });
    let gain = mean(&rounded.map(|weight| f64::from(weight) / f64::from(UNIT))) / alone.max(1e-9);
    Fit { weights: rounded[..count].to_vec(), gain }
}

/// Gauss's elimination, with a ridge that keeps it possible; planes that are not there get no weight.
fn solve(mut a: [[f64; MAX_EARLIER]; MAX_EARLIER], mut b: [f64; MAX_EARLIER]) -> [f64; MAX_EARLIER] {
    for (k, row) in a.iter_mut().enumerate() {
        row[k] = row[k] * 1.000_001 + 1e-6;
    }
    for k in 0..MAX_EARLIER {
        let pivot = a[k];
        for i in k + 1..MAX_EARLIER {
            let factor = a[i][k] / pivot[k];
            for (value, pivot) in a[i].iter_mut().zip(&pivot) {
                *value -= factor * pivot;
            }
            b[i] -= factor * b[k];
        }
    }
    let mut solution = [0.0; MAX_EARLIER];
    for k in (0..MAX_EARLIER).rev() {
        let known: f64 = (k + 1..MAX_EARLIER).map(|j| a[k][j] * solution[j]).sum();
        solution[k] = (b[k] - known) / a[k][k];
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::Shape;

    #[test]
    fn weights_of_a_sum_are_found() {
        let mut state = 3u32;
        let mut plane = || -> Vec<u16> {
            (0..4000)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    1000 + (state >> 24) as u16
                })
                .collect()
        };
        let (a, b) = (plane(), plane());
        let mut sum: Vec<u16> = a.iter().zip(&b).map(|(a, b)| 5000 + 2 * a - b).collect();
        sum[777] = 60_000;
        let fit = fit(TileView::new(Shape::frame(40, 100), &sum), &[&a, &b]);
        assert_eq!(fit.weights, [512, -256]);
        assert!(fit.gain < 0.3);
    }
}
