//! format-floor.md, 6.1 to 6.5: elementary functions in f32.

use crate::notation::{clamp, round};

/// `LN2`: the f32 number that is nearest to 0.693147180559945.
pub(crate) const LN2: f32 = std::f32::consts::LN_2;

/// `LOG2E`: the f32 number that is nearest to 1.44269504088896.
pub(crate) const LOG2E: f32 = std::f32::consts::LOG2_E;

/// 6.1: the natural logarithm of a positive number.
pub(crate) fn ln(x: f32) -> f32 {
    let i = x.to_bits() as i32;
    let e = i.wrapping_sub(0x3F35_04F3) >> 23;
    let m = f32::from_bits(i.wrapping_sub(e << 23) as u32);
    let t = (m - 1.0) / (m + 1.0);
    let q = t * t;
    let series = 2.0 + q * (0.666_666_7 + q * (0.4 + q * (0.285_714_3 + q * 0.222_222_2)));
    e as f32 * LN2 + t * series
}

/// 6.2: the exponential function.
pub(crate) fn exp(x: f32) -> f32 {
    let x = clamp(x, -80.0, 80.0);
    let o = x * LOG2E;
    let n = round(o);
    let r = (o - n as f32) * LN2;
    let series = 0.5 + r * (0.166_666_67 + r * (0.041_666_668 + r * (0.008_333_334 + r * 0.001_388_889)));
    // `n` is from -116 to 116: the power of two is a normal number.
    let power = f32::from_bits(((n + 127) << 23) as u32);
    (1.0 + r * (1.0 + r * series)) * power
}

/// 6.3: the logistic function.
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// 6.4: the sum of `2^n` numbers.
pub(crate) fn total(v: &[f32]) -> f32 {
    let mut v = v.to_vec();
    while v.len() > 1 {
        let half = v.len() / 2;
        for i in 0..half {
            v[i] += v[half + i];
        }
        v.truncate(half);
    }
    v[0]
}

/// 6.5: the scalar product of two lists of equal length.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 16];
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        sums[i % 16] += a * b;
    }
    total(&sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_near_those_of_the_library() {
        for i in 1..2000 {
            let x = i as f32 * 0.037;
            assert!((ln(x) - x.ln()).abs() < 1e-5, "ln({x})");
            assert!((exp(ln(x)) / x - 1.0).abs() < 1e-5, "exp(ln({x}))");
            assert!((exp(-x) - (-x).exp()).abs() < 1e-6, "exp(-{x})");
        }
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(sigmoid(0.0), 0.5);
        assert!(ln(-1.0).is_finite() || ln(-1.0).is_nan());
    }

    #[test]
    fn sums_go_by_halves() {
        let v = [1.0e8, 1.0, -1.0e8, 1.0];
        assert_eq!(total(&v), (v[0] + v[2]) + (v[1] + v[3]));
        let ones = [1.0; 37];
        assert_eq!(dot(&ones, &ones), 37.0);
    }
}
