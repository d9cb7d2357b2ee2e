//! The tables of distributions: one for every scale, phase and shape.
//!
//! A shape is a mixture of normal distributions around the location, whose standard deviations are
//! the scale times [`WIDTHS`]. Tables are made once, when weights are read, by IEEE operations in a
//! fixed order; from there on everything is integer.

use super::symbols::{BINS, PLACES, RANGES, SYMBOLS, ZERO, first, places};
use nf_entropy::Frequencies;

/// Standard deviations of the components, in scales.
pub(super) const WIDTHS: [f64; 7] = [0.7, 1.0, 1.5, 2.5, 6.0, 25.0, 200.0];

/// Mixtures.
pub(super) const SHAPES: usize = 6;

/// Weights of a mixture sum to about this.
pub(super) const WHOLE: f64 = 4096.0;

/// Points of a table.
pub(super) const POINT_BITS: u32 = 14;

/// Steps of the tabulated normal distribution: 64 to a standard deviation, to eight of them.
const STEPS: usize = 512;

/// The normal distribution function at `i / 64`, by the series
/// `1/2 + phi(x) (x + x^3/3 + x^5/(3 5) + ...)`.
fn normal() -> Vec<f64> {
    let at = |i: usize| {
        let x = i as f64 / 64.0;
        let (mut term, mut sum, mut odd) = (x, x, 3.0);
        while term > 1e-18 * sum && term > 0.0 {
            term = term * x * x / odd;
            sum += term;
            odd += 2.0;
        }
        // exp(-x^2 / 2) as the 64th power of a number near 1.
        let y = x * x / 128.0;
        let mut series = 1.0;
        for n in [12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0] {
            series = 1.0 - series * y / n;
        }
        let mut density = series * 0.398_942_280_401_432_7;
        for _ in 1..64 {
            density *= series;
        }
        (0.5 + density * sum).min(1.0)
    };
    (0..=STEPS).map(at).collect()
}

/// The normal distribution function between its tabulated points.
fn cumulative(normal: &[f64], x: f64) -> f64 {
    let steps = x.abs() * 64.0;
    let upper = match steps < STEPS as f64 {
        true => {
            let i = steps as usize;
            normal[i] + (normal[i + 1] - normal[i]) * (steps - i as f64)
        }
        false => 1.0,
    };
    if x < 0.0 { 1.0 - upper } else { upper }
}

/// Where symbols end, in bins from the base; the last has no end.
fn edges() -> Vec<f64> {
    let below = (0..RANGES as u32).rev().map(|range| -f64::from(BINS) - f64::from(first(range)) - 0.5);
    let bins = (1 - BINS..=BINS).map(|bin| f64::from(bin) - 0.5);
    let above = (1..RANGES as u32).map(|range| f64::from(BINS) + f64::from(first(range)) - 0.5);
    below.chain(bins).chain(above).collect()
}

/// The tables; table `SHAPES * place + shape`.
///
/// `weights` holds the weights of the mixtures, shape by shape.
pub(super) fn tables(weights: &[i32]) -> Vec<Frequencies> {
    // 2^(k/8).
    const EIGHTHS: [f64; 8] = [
        1.0,
        1.090_507_732_665_257_7,
        1.189_207_115_002_721,
        1.296_839_554_651_009_6,
        std::f64::consts::SQRT_2,
        1.542_210_825_407_940_7,
        1.681_792_830_507_429,
        1.834_008_086_409_342_6,
    ];
    const OCTAVES: [f64; 7] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
    let normal = normal();
    let edges = edges();
    let mut tables = Vec::with_capacity(SHAPES * PLACES);
    for (scale, phase, phase_bits) in places() {
        let sigma = OCTAVES[(scale / 8) as usize] * EIGHTHS[(scale % 8) as usize];
        let shift = f64::from(phase) / f64::from(1 << phase_bits);
        // The components' masses of all symbols.
        let masses: Vec<[f64; WIDTHS.len()]> = {
            let below = |edge: f64| WIDTHS.map(|width| cumulative(&normal, (edge - shift) / (sigma * width)));
            let mut lower = [0.0; WIDTHS.len()];
            let ends = edges.iter().map(|&edge| below(edge)).chain([[1.0; WIDTHS.len()]]);
            ends.map(|upper| {
                let mass = std::array::from_fn(|k| (upper[k] - lower[k]).max(0.0));
                lower = upper;
                mass
            })
            .collect()
        };
        for shape in weights.chunks_exact(WIDTHS.len()) {
            let count = |mass: &[f64; WIDTHS.len()]| {
                let mut sum = 0.0;
                for (&mass, &weight) in mass.iter().zip(shape) {
                    sum += mass * f64::from(weight);
                }
                (sum * 65_536.0) as u32 + 1
            };
            let counts: Vec<u32> = masses.iter().map(count).collect();
            tables.push(Frequencies::from_counts(&counts, POINT_BITS).expect("few symbols, all counted"));
        }
    }
    tables
}

const _: () = assert!(SYMBOLS == 2 * ZERO as usize);

#[cfg(test)]
mod tests {
    use super::*;
    use nf_entropy::Distribution;

    #[test]
    fn the_normal_distribution_is_normal() {
        let normal = normal();
        let near = |x: f64, expected: f64| {
            let found = cumulative(&normal, x);
            assert!((found - expected).abs() < 1e-5, "{x}: {found}");
        };
        near(0.0, 0.5);
        near(1.0, 0.841_344_746_068_543);
        near(-1.0, 0.158_655_253_931_457);
        near(2.5, 0.993_790_334_674_224);
        near(7.9, 1.0);
        assert!(normal.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn tables_are_near_the_entropy_of_normal_noise() {
        let mut weights = vec![0; SHAPES * WIDTHS.len()];
        for shape in weights.chunks_exact_mut(WIDTHS.len()) {
            shape[1] = 4096;
        }
        let tables = tables(&weights);
        assert_eq!(tables.len(), SHAPES * PLACES);
        // A scale of 8 bins: 5.047 bits, and what symbols cost that do not occur.
        let table = &tables[SHAPES * (PLACES - 8)];
        let normal = normal();
        let below = |edge: f64| cumulative(&normal, edge / 8.0);
        let bins = table.frequencies().iter().enumerate().skip(RANGES as usize).take(2 * BINS as usize);
        let cost = bins.map(|(symbol, &frequency)| {
            let bin = symbol as f64 - f64::from(ZERO);
            let mass = below(bin + 0.5) - below(bin - 0.5);
            mass * (16_384.0 / f64::from(frequency)).log2()
        });
        let cost: f64 = cost.sum();
        assert!((cost - 5.047).abs() < 0.01, "{cost}");
        assert!(table.interval(0).is_some() && table.interval(SYMBOLS as u32 - 1).is_some());
    }
}
