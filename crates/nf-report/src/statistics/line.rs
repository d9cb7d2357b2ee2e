//! A straight line through points, and how far it would move with other points.

use super::bootstrap::{Interval, interval};

/// `y = intercept + slope x`, by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Growth of `y` with `x`.
    pub slope: f64,
    /// Its 95 % interval over points.
    pub slope_interval: Option<Interval>,
    /// Value at `x = 0`.
    pub intercept: f64,
    /// Its 95 % interval over points.
    pub intercept_interval: Option<Interval>,
    /// Root mean square of what is left.
    pub rms: f64,
}

impl Line {
    /// The line through points with intervals over the points; `None` for fewer than two different
    /// abscissas.
    pub fn through(points: &[(f64, f64)]) -> Option<Self> {
        let every: Vec<usize> = (0..points.len()).collect();
        let (intercept, slope) = fit(points, &every)?;
        let square = |&(x, y): &(f64, f64)| (y - intercept - slope * x).powi(2);
        let rms = (points.iter().map(square).sum::<f64>() / points.len() as f64).sqrt();
        let part = |which: fn((f64, f64)) -> f64| {
            interval(points.len(), |drawn| fit(points, drawn).map_or(f64::NAN, which))
        };
        Some(Self {
            slope,
            slope_interval: part(|fit| fit.1),
            intercept,
            intercept_interval: part(|fit| fit.0),
            rms,
        })
    }
}

/// Intercept and slope.
fn fit(points: &[(f64, f64)], drawn: &[usize]) -> Option<(f64, f64)> {
    let n = drawn.len() as f64;
    let mean = |of: fn((f64, f64)) -> f64| drawn.iter().map(|&i| of(points[i])).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let (xx, xy) = drawn.iter().fold((0.0, 0.0), |(xx, xy), &i| {
        let (dx, dy) = (points[i].0 - x, points[i].1 - y);
        (xx + dx * dx, xy + dx * dy)
    });
    (xx > 0.0).then(|| (y - xy / xx * x, xy / xx))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_with_its_uncertainty() {
        let wobble = |i: usize| [0.1, -0.2, 0.15, -0.05][i % 4];
        let points: Vec<(f64, f64)> =
            (0..40).map(|i| (i as f64 / 4.0, 2.0 + 0.5 * i as f64 / 4.0 + wobble(i))).collect();
        let line = Line::through(&points).unwrap();
        assert!((line.slope - 0.5).abs() < 0.01 && (line.intercept - 2.0).abs() < 0.05, "{line:?}");
        let range = line.slope_interval.unwrap();
        assert!(range.low < 0.5 && 0.5 < range.high && range.high - range.low < 0.05, "{range:?}");
        assert!((line.rms - 0.137).abs() < 0.01);
        assert_eq!(Line::through(&[(1.0, 2.0), (1.0, 3.0)]), None);
    }
}
