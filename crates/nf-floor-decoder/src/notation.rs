//! format-floor.md, 1: comparisons and conversions.

/// 1.5: `a` if `a < b`, else `b`.
pub(crate) fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// 1.5: `a` if `a > b`, else `b`.
pub(crate) fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// 1.5: `low` unless `x > low`; then `high` unless `x < high`; else `x`.
pub(crate) fn clamp(x: f32, low: f32, high: f32) -> f32 {
    if x > low { if x < high { x } else { high } } else { low }
}

/// 1.5 for f64 numbers: `a` if `a < b`, else `b`.
pub(crate) fn min64(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// 1.5 for f64 numbers: `a` if `a > b`, else `b`.
pub(crate) fn max64(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// 1.4: the nearest integer, ties to even.
pub(crate) fn round(x: f32) -> i64 {
    x.round_ties_even() as i64
}

/// 1.1: `x` rounded towards zero.
pub(crate) fn trunc(x: f32) -> i64 {
    x as i64
}

/// The sum of `v`, from left to right, from 0.
pub(crate) fn sum(v: &[f32]) -> f32 {
    let mut sum = 0.0;
    for &number in v {
        sum += number;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_follow_the_page_for_equal_and_odd_numbers() {
        assert_eq!(clamp(5.0, 0.0, 1.0), 1.0);
        assert_eq!(clamp(-5.0, 0.0, 1.0), 0.0);
        assert_eq!(clamp(0.5, 0.0, 1.0), 0.5);
        assert_eq!(clamp(f32::NAN, 2.0, 3.0), 2.0);
        assert_eq!((min(1.0, 2.0), max(1.0, 2.0)), (1.0, 2.0));
        assert_eq!((min64(1.0, 2.0), max64(1.0, 2.0)), (1.0, 2.0));
    }

    #[test]
    fn ties_go_to_even_numbers() {
        assert_eq!([round(0.5), round(1.5), round(-2.5), round(2.6)], [0, 2, -2, 3]);
        assert_eq!([trunc(1.9), trunc(-1.9)], [1, -1]);
    }
}
