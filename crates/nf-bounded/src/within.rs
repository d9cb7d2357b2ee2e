//! Whether two samples differ by no more than a tolerance: decided exactly.

/// Whether `|x - y| <= tolerance`, without any rounding.
///
/// The difference of two doubles is split into its nearest double and what is left of it (Knuth,
/// The Art of Computer Programming, volume 2, section 4.2.2, theorem B), so that a difference which
/// rounds to the tolerance and is larger is seen. Integers up to 32 bits and single-precision
/// numbers are exact as doubles. Equal infinities differ by nothing; NaN is within nothing.
pub fn within(x: f64, y: f64, tolerance: f64) -> bool {
    if x == y {
        return true;
    }
    let difference = x - y;
    if !difference.is_finite() {
        // Two finite numbers may be too far apart for a double, and then for any tolerance.
        return false;
    }
    let back = x - difference;
    let rest = (x - (difference + back)) + (back - y);
    let (size, rest) = if difference < 0.0 { (-difference, -rest) } else { (difference, rest) };
    size < tolerance || (size == tolerance && rest <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_that_round_to_the_tolerance_are_seen() {
        let tiny = f64::from_bits(1);
        assert!(within(1.0, 0.0, 1.0));
        // The difference is 1 + 2^-1074, which rounds to 1.
        assert!(!within(1.0, -tiny, 1.0));
        assert!(within(1.0, tiny, 1.0));
        assert!(!within(-1.0, tiny, 1.0));
        assert!(within(-1.0, -tiny, 1.0));
        let x = 1e16;
        assert!(!within(x, -0.5, x) && within(x, 0.5, x));
        assert!(within(tiny, 0.0, tiny) && !within(2.0 * tiny, 0.0, tiny));
    }

    #[test]
    fn what_is_no_number_is_within_nothing() {
        let (nan, infinite) = (f64::NAN, f64::INFINITY);
        assert!(!within(nan, nan, 1.0) && !within(nan, 0.0, 1.0) && !within(0.0, nan, 1.0));
        assert!(within(infinite, infinite, 1.0) && !within(infinite, -infinite, f64::MAX));
        assert!(!within(infinite, f64::MAX, f64::MAX) && !within(f64::MAX, -f64::MAX, f64::MAX));
    }
}
