//! Gaussians on a lattice of latents, as integer distributions.

use nf_entropy::{Distribution, Interval};
use std::sync::LazyLock;

/// Points of the lattice, around zero: more than the brightest pixel needs. Each has a width of one
/// at least, so some latent of a large tile is anywhere among them, and if that is far away, the
/// network sees nothing else in the tile: it normalises maps by their mean square.
pub(super) const POINTS: u32 = 1 << 8;

/// Base-2 logarithm of the points of the scale.
const SCALE_BITS: u32 = 30;

/// Steps of the table for one deviation.
const STEPS: usize = 64;

/// The table ends so many deviations from the mean.
const ENDS: usize = 9;

/// The integral of the Gaussian from one step to the next, summed up: it never falls.
static CUMULATIVE: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let density = |x: f64| (-0.5 * x * x).exp();
    let width = 1.0 / STEPS as f64;
    let mut sums = vec![0.0];
    for step in 0..2 * ENDS * STEPS {
        let x = step as f64 * width - ENDS as f64;
        let part = density(x) + 4.0 * density(x + 0.5 * width) + density(x + width);
        sums.push(sums[step] + part);
    }
    let all = sums[sums.len() - 1];
    sums.iter().map(|sum| sum / all).collect()
});

/// The share of what lies below `x` deviations, by linear interpolation.
fn cumulative(x: f64) -> f64 {
    let at = ((x + ENDS as f64) * STEPS as f64).clamp(0.0, (2 * ENDS * STEPS) as f64 - 1e-6);
    let step = at as usize;
    let (low, high) = (CUMULATIVE[step], CUMULATIVE[step + 1]);
    low + (high - low) * (at - step as f64)
}

/// A Gaussian over the points of the lattice; every point keeps a width of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Normal {
    /// In points, from the first one.
    mean: f64,
    /// One over the deviation in points.
    inverse: f64,
}

impl Normal {
    /// Of a mean and a deviation in units of the lattice's spacing, the mean from its middle.
    pub(super) fn new(mean: f64, deviation: f64) -> Self {
        let finite = |x: f64, otherwise: f64| if x.is_finite() { x } else { otherwise };
        let mean = finite(mean, 0.0) + f64::from(POINTS / 2);
        Self { mean, inverse: 1.0 / finite(deviation, 1.0).clamp(1e-3, 1e6) }
    }

    fn start(&self, symbol: u32) -> u32 {
        match symbol {
            0 => 0,
            POINTS.. => 1 << SCALE_BITS,
            _ => {
                let share = cumulative((f64::from(symbol) - 0.5 - self.mean) * self.inverse);
                (f64::from((1 << SCALE_BITS) - POINTS) * share) as u32 + symbol
            }
        }
    }
}

impl Distribution for Normal {
    fn scale_bits(&self) -> u32 {
        SCALE_BITS
    }

    fn interval(&self, symbol: u32) -> Option<Interval> {
        let start = self.start(symbol);
        (symbol < POINTS).then(|| Interval { start, width: self.start(symbol + 1) - start })
    }

    fn locate(&self, point: u32) -> (u32, Interval) {
        let (mut low, mut high) = (0, POINTS);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.start(middle) <= point { low = middle } else { high = middle }
        }
        let start = self.start(low);
        (low, Interval { start, width: self.start(low + 1) - start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_distribution_of_the_right_width() {
        for (mean, deviation) in [(0.0, 4.0), (-3.7, 0.5), (1e9, 3.0), (200.3, 1000.0), (f64::NAN, 0.0)] {
            let normal = Normal::new(mean, deviation);
            let mut end = 0;
            for symbol in 0..POINTS {
                let interval = normal.interval(symbol).expect("a point of the lattice");
                assert_eq!(interval.start, end);
                assert!(interval.width >= 1);
                end += interval.width;
            }
            assert_eq!(end, 1 << SCALE_BITS);
            for point in [0, 1, 77_777, 1 << 29, (1 << 30) - 1] {
                let (symbol, interval) = normal.locate(point);
                assert_eq!(normal.interval(symbol), Some(interval));
                assert!((interval.start..interval.start + interval.width).contains(&point));
            }
        }
        // Entropy of a Gaussian of four steps, in bits.
        let normal = Normal::new(0.3, 4.0);
        let bits: f64 = (0..POINTS)
            .filter_map(|symbol| normal.interval(symbol))
            .map(|own| f64::from(own.width) / f64::from(1 << SCALE_BITS))
            .map(|share| -share * share.log2())
            .sum();
        let expected = 0.5 * (std::f64::consts::TAU * std::f64::consts::E * 16.0).log2();
        assert!((bits - expected).abs() < 0.01, "{bits}, {expected}");
    }
}
