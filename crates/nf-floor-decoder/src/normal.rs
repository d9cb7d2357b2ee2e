//! format-floor.md, 6.6 and 6.7: the normal distribution in f64.

use crate::notation::max64;

/// 6.6: the density of the normal distribution, for `|z|` at most 33.
pub(crate) fn density(z: f64) -> f64 {
    let n = (z * z).trunc();
    let g = -0.5 * (z * z - n);
    let mut term = 1.0;
    let mut series = 1.0;
    for k in 1..=19 {
        term *= g / f64::from(k);
        series += term;
    }
    let mut power = 1.0;
    for _ in 0..n as u32 {
        power *= 0.6065306597126334;
    }
    power * series * 0.3989422804014327
}

/// 6.7: the cumulative distribution function of the normal distribution.
pub(crate) fn cdf(z: f64) -> f64 {
    let x = z.abs();
    let tail = if x > 8.0 {
        0.0
    } else {
        let mut term = x;
        let mut sum = x;
        let mut n = 1.0;
        while term > 1e-18 * sum {
            n += 2.0;
            term *= (x * x) / n;
            sum += term;
        }
        max64(0.5 - sum * density(x), 0.0)
    };
    if z < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert!((density(0.0) - 0.398_942_280_401_432_7).abs() < 1e-15);
        assert!((density(2.0) - 0.053_990_966_513_188_06).abs() < 1e-14);
        assert_eq!(cdf(0.0), 0.5);
        assert!((cdf(1.0) - 0.841_344_746_068_542_9).abs() < 1e-13);
        assert!((cdf(-2.0) - 0.022_750_131_948_179_2).abs() < 1e-13);
        assert_eq!((cdf(-9.0), cdf(1e300)), (0.0, 1.0));
    }
}
