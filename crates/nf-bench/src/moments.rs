//! What an error of samples is like: its size, its mean by level, and whether it looks like white
//! noise of a uniform distribution.

use nf_bounded::Array;
use std::f64::consts::TAU;

/// Ranges of the sample's value, each with as many samples.
pub const LEVELS: usize = 8;
/// Rings of spatial frequency, from zero to that of Nyquist.
pub const RINGS: usize = 8;
/// Side of the squares whose spectra are averaged, pixels, and how many there are at most.
const SQUARE_PX: usize = 64;
const MOST_SQUARES: usize = 32;

/// What is known of the differences of two arrays, decoded less original.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    pub(crate) largest: f64,
    pub(crate) rms: f64,
    pub(crate) mean: f64,
    pub(crate) changed_share: f64,
    /// Mean by level, from the darkest eighth of the samples to the brightest.
    pub(crate) level_means: [f64; LEVELS],
    /// Correlation with the original sample.
    pub(crate) correlation: f64,
    /// Correlation with the error of the next pixel of the row, and of the column.
    pub(crate) lag1_x: f64,
    pub(crate) lag1_y: f64,
    /// Power by ring of spatial frequency, of which white noise has 1 in every ring.
    pub(crate) power: [f64; RINGS],
    /// Largest distance of the distribution of the error from a uniform one over all whole numbers
    /// within the bound (Kolmogorov and Smirnov).
    pub(crate) uniform_distance: f64,
}

impl Moments {
    /// Of arrays of integers with equal axes, within a bound of whole units.
    pub(crate) fn of(original: &Array, decoded: &Array, bound: f64) -> Self {
        let count = original.samples().len();
        if count == 0 {
            return Self::default();
        }
        let x: Vec<f64> = (0..count).map(|place| original.samples().value(place)).collect();
        let error: Vec<f64> =
            x.iter().enumerate().map(|(place, x)| decoded.samples().value(place) - x).collect();
        let width = original.axes().last().copied().unwrap_or(1);
        let mean = error.iter().sum::<f64>() / count as f64;
        let square = error.iter().map(|e| e * e).sum::<f64>() / count as f64;
        Self {
            largest: error.iter().fold(0.0, |most: f64, e| most.max(e.abs())),
            rms: square.sqrt(),
            mean,
            changed_share: error.iter().filter(|e| **e != 0.0).count() as f64 / count as f64,
            level_means: level_means(&x, &error),
            correlation: correlation(x.iter().zip(&error)),
            lag1_x: correlation(rows(&error, width).flat_map(|row| row.iter().zip(&row[1..]))),
            lag1_y: correlation(error.iter().zip(error.iter().skip(width))),
            power: power(&error, width, square - mean * mean),
            uniform_distance: uniform_distance(&error, bound),
        }
    }
}

fn rows(values: &[f64], width: usize) -> impl Iterator<Item = &[f64]> {
    values.chunks_exact(width.max(1))
}

/// Pearson's; 0 where one side does not vary.
fn correlation<'a>(pairs: impl Iterator<Item = (&'a f64, &'a f64)>) -> f64 {
    let (mut n, mut sx, mut sy, mut sxx, mut syy, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (x, y) in pairs {
        (n, sx, sy) = (n + 1.0, sx + x, sy + y);
        (sxx, syy, sxy) = (sxx + x * x, syy + y * y, sxy + x * y);
    }
    let (vx, vy) = (n * sxx - sx * sx, n * syy - sy * sy);
    if vx > 0.0 && vy > 0.0 { (n * sxy - sx * sy) / (vx * vy).sqrt() } else { 0.0 }
}

fn level_means(x: &[f64], error: &[f64]) -> [f64; LEVELS] {
    let mut order: Vec<usize> = (0..x.len()).collect();
    // By value, then by place, so that samples of one value are shared out in one way only.
    order.sort_unstable_by(|&a, &b| x[a].total_cmp(&x[b]).then(a.cmp(&b)));
    std::array::from_fn(|level| {
        let part = &order[level * x.len() / LEVELS..(level + 1) * x.len() / LEVELS];
        part.iter().map(|&place| error[place]).sum::<f64>() / part.len().max(1) as f64
    })
}

/// Spectra of squares, averaged over rings and divided by the variance.
fn power(error: &[f64], width: usize, variance: f64) -> [f64; RINGS] {
    let height = error.len() / width.max(1);
    let (down, across) = (height / SQUARE_PX, width / SQUARE_PX);
    let mut rings = [(0.0, 0.0); RINGS];
    let squares = down * across;
    if squares == 0 || variance <= 0.0 {
        return [0.0; RINGS];
    }
    for square in (0..squares).step_by(squares.div_ceil(MOST_SQUARES)) {
        let (row, column) = (square / across * SQUARE_PX, square % across * SQUARE_PX);
        let lines: Vec<&[f64]> =
            (row..row + SQUARE_PX).map(|row| &error[row * width + column..][..SQUARE_PX]).collect();
        for (place, power) in spectrum(&lines).into_iter().enumerate() {
            let frequency = |n: usize| n.min(SQUARE_PX - n) as f64 / (SQUARE_PX / 2) as f64;
            let radius = frequency(place / SQUARE_PX).hypot(frequency(place % SQUARE_PX));
            let ring = (radius * RINGS as f64) as usize;
            if place > 0 && ring < RINGS {
                rings[ring] = (rings[ring].0 + power, rings[ring].1 + 1.0);
            }
        }
    }
    let white = (SQUARE_PX * SQUARE_PX) as f64 * variance;
    rings.map(|(sum, count)| if count > 0.0 { sum / count / white } else { 0.0 })
}

/// The squared size of the Fourier transform of a square.
fn spectrum(lines: &[&[f64]]) -> Vec<f64> {
    const N: usize = SQUARE_PX;
    let wave: Vec<(f64, f64)> = (0..N).map(|n| (TAU * n as f64 / N as f64).sin_cos()).collect();
    let transform = |values: &dyn Fn(usize) -> (f64, f64), k: usize| {
        (0..N).fold((0.0, 0.0), |(re, im), n| {
            let ((sin, cos), (a, b)) = (wave[k * n % N], values(n));
            (re + a * cos + b * sin, im + b * cos - a * sin)
        })
    };
    let across: Vec<(f64, f64)> = lines
        .iter()
        .flat_map(|line| (0..N).map(|k| transform(&|n| (line[n], 0.0), k)).collect::<Vec<_>>())
        .collect();
    let both = (0..N * N).map(|place| transform(&|n| across[n * N + place % N], place / N));
    both.map(|(re, im)| re * re + im * im).collect()
}

fn uniform_distance(error: &[f64], bound: f64) -> f64 {
    let bound = bound.floor().max(0.0) as i64;
    let values = (2 * bound + 1) as usize;
    let mut counts = vec![0usize; values];
    for e in error {
        counts[((*e as i64).clamp(-bound, bound) + bound) as usize] += 1;
    }
    let mut below = 0;
    let mut most = 0.0f64;
    for (n, count) in counts.into_iter().enumerate() {
        below += count;
        most = most.max((below as f64 / error.len() as f64 - (n + 1) as f64 / values as f64).abs());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(values: Vec<i32>, width: usize) -> Array {
        Array::new(vec![values.len() / width, width], values).unwrap()
    }

    #[test]
    fn white_uniform_errors_look_like_it() {
        let mut rng = nf_image::testing::Rng::new(5);
        let original: Vec<i32> = (0..128 * 256).map(|_| (1000.0 + 40.0 * rng.normal()) as i32).collect();
        let decoded = original.iter().map(|x| x + rng.below(7) as i32 - 3).collect();
        let found = Moments::of(&array(original, 256), &array(decoded, 256), 3.0);
        assert_eq!(found.largest, 3.0);
        assert!((found.rms - 2.0).abs() < 0.02 && found.mean.abs() < 0.03, "{found:?}");
        assert!(found.power.iter().all(|power| (power - 1.0).abs() < 0.2), "{found:?}");
        assert!(found.lag1_x.abs() < 0.02 && found.lag1_y.abs() < 0.02 && found.correlation.abs() < 0.02);
        assert!(found.uniform_distance < 0.01 && found.level_means.iter().all(|mean| mean.abs() < 0.15));
    }

    #[test]
    fn structure_shows() {
        let original: Vec<i32> = (0..64 * 64).map(|n| 100 + n % 64).collect();
        // Brighter samples are dimmed, in stripes of four columns.
        let decoded = original.iter().map(|x| x - (x / 4) % 2 * 2 * (x / 132)).collect();
        let found = Moments::of(&array(original, 64), &array(decoded, 64), 2.0);
        assert!(found.lag1_y > 0.99 && found.lag1_x > 0.3 && found.correlation < -0.3, "{found:?}");
        assert!(found.level_means[0] == 0.0 && found.level_means[7] < -0.5);
        assert!(found.uniform_distance > 0.2 && found.power[2] > 2.0 * found.power[6], "{found:?}");
        assert!((found.changed_share - 0.25).abs() < 0.01);
    }
}
