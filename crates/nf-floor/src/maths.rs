//! Elementary functions and sums in one fixed order of IEEE operations.
//!
//! Encoder and decoder must agree on every bit of every number, on every machine. Rust neither
//! fuses nor reorders floating-point operations, so what is written here is what is computed;
//! nothing is taken from a mathematics library. Sums keep one accumulator per lane, which compilers
//! turn into vector code of any width without a change of the result.

use std::sync::LazyLock;

/// Lanes of the partial sums of [`dot`].
const LANES: usize = 16;

/// `x` between `low` and `high`; `low` if `x` is not a number.
#[inline(always)]
pub(crate) fn clamp_or_low(x: f32, low: f32, high: f32) -> f32 {
    let x = if x > low { x } else { low };
    if x < high { x } else { high }
}

/// `x` between `-limit` and `limit`; `-limit` if `x` is not a number.
#[inline(always)]
pub(crate) fn clamp(x: f32, limit: f32) -> f32 {
    clamp_or_low(x, -limit, limit)
}

/// Natural logarithm of a positive normal number, within 2e-7 relative plus 1e-7 absolute.
///
/// x = m 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh((m - 1) / (m + 1)).
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    let bits = x.to_bits() as i32;
    let exponent = bits.wrapping_sub(0x3f35_04f3) >> 23;
    let mantissa = f32::from_bits(bits.wrapping_sub(exponent << 23) as u32);
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let tail = 0.4 + square * (0.285_714_3 + square * 0.222_222_2);
    exponent as f32 * std::f32::consts::LN_2 + t * (2.0 + square * (0.666_666_7 + square * tail))
}

/// e^x for |x| <= 80 (beyond: the value at the bound), within 1e-6 relative.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let x = clamp_or_low(x, -80.0, 80.0);
    let octaves = x * std::f32::consts::LOG2_E;
    let whole = (octaves + ROUND) - ROUND;
    let r = (octaves - whole) * std::f32::consts::LN_2;
    let high = 0.166_666_67 + r * (0.041_666_668 + r * (0.008_333_334 + r * 0.001_388_889));
    let fraction = 1.0 + r * (1.0 + r * (0.5 + r * high));
    fraction * f32::from_bits(((whole as i32 + 127) << 23) as u32)
}

/// The logistic function.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Binary logarithm of a positive number, to about 1e-6: for costs that the encoder compares.
pub(crate) fn log2(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = (bits >> 52) as i32 - 1023;
    let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | 1023 << 52);
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let q = s * s;
    let series = 1.0 + q * (1.0 / 3.0 + q * (0.2 + q * (1.0 / 7.0 + q * (1.0 / 9.0 + q / 11.0))));
    f64::from(exponent) + s * series * 2.885_390_081_777_926_8
}

/// Half the sum of the two middle ones of four numbers: their median.
#[inline(always)]
pub(crate) fn median_of_four(a: f32, b: f32, c: f32, d: f32) -> f32 {
    let (low_1, high_1) = if a < b { (a, b) } else { (b, a) };
    let (low_2, high_2) = if c < d { (c, d) } else { (d, c) };
    let low = if low_1 > low_2 { low_1 } else { low_2 };
    let high = if high_1 < high_2 { high_1 } else { high_2 };
    (low + high) * 0.5
}

/// Scalar product.
#[inline(always)]
pub(crate) fn dot<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_whole, a_rest) = a.as_chunks::<LANES>();
    let (b_whole, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_whole.iter().zip(b_whole) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    for (lane, (a, b)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *lane += a * b;
    }
    sum_of_lanes(lanes)
}

/// Sum of all lanes, a power of two: the upper half is added to the lower until one is left.
#[inline(always)]
pub(crate) fn sum_of_lanes<const N: usize>(mut lanes: [f32; N]) -> f32 {
    let mut width = N / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Density of the standard normal distribution for |z| up to 33.
///
/// The exponential of the fractional part of z^2 / 2 is a series; that of the whole part, in
/// halves, is a power of e^(-1/2).
pub(crate) fn normal_density(z: f64) -> f64 {
    /// Powers of e^(-1/2), each from the one before.
    static POWERS: LazyLock<Vec<f64>> = LazyLock::new(|| {
        let next = |power: &f64| Some(power * 0.606_530_659_712_633_4);
        std::iter::successors(Some(1.0), next).take(33 * 33 + 1).collect()
    });
    let halves = (z * z) as u64;
    let rest = -0.5 * (z * z - halves as f64);
    let (mut term, mut series) = (1.0, 1.0);
    for k in 1..20 {
        term *= rest / f64::from(k);
        series += term;
    }
    POWERS[halves as usize] * series * 0.398_942_280_401_432_7
}

/// Distribution function of the standard normal distribution: the series of Marsaglia (2004,
/// "Evaluating the normal distribution"). Beyond 8 standard deviations it is 0 or 1.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    let x = z.abs();
    let tail = if x > 8.0 {
        0.0
    } else {
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while term > 1e-18 * sum {
            n += 2.0;
            term *= x * x / n;
            sum += term;
        }
        let tail = 0.5 - sum * normal_density(x);
        if tail > 0.0 { tail } else { 0.0 }
    };
    if z < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elementary_functions_are_close() {
        for k in -4000..4000 {
            let x = k as f32 * 0.02;
            let want = f64::from(x).exp();
            assert!((f64::from(exp(x)) / want - 1.0).abs() < 1e-5, "exp {x}");
            let y = want as f32;
            assert!(
                (f64::from(ln(y)) - f64::from(y).ln()).abs() < 1e-5 * (1.0 + f64::from(x).abs()),
                "ln {y}"
            );
        }
        for i in 1..4000 {
            let x = f64::from(i) * 1e-3;
            assert!((log2(x) - x.log2()).abs() < 2e-6, "log2 {x}");
        }
        assert_eq!(clamp_or_low(f32::NAN, -1.0, 1.0), -1.0);
        assert!((sigmoid(0.0) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn the_median_of_four_is_between_the_middle_two() {
        for [a, b, c, d] in [[1.0, 2.0, 4.0, 9.0], [9.0, 4.0, 2.0, 1.0], [2.0, 9.0, 1.0, 4.0]] {
            assert_eq!(median_of_four(a, b, c, d), 3.0);
        }
    }

    #[test]
    fn dot_is_the_sum_of_products() {
        let a: [f32; 56] = std::array::from_fn(|k| k as f32);
        let b: [f32; 56] = std::array::from_fn(|k| (k % 3) as f32);
        assert_eq!(dot(&a, &b), a.iter().zip(&b).map(|(a, b)| a * b).sum::<f32>());
    }

    #[test]
    fn the_normal_distribution_is_known() {
        // Abramowitz and Stegun, table 26.1.
        let published = [(0.0, 0.5), (1.0, 0.158_655_253_931_457), (3.0, 0.001_349_898_031_630)];
        for (z, tail) in published {
            assert!((normal_cdf(z) - (1.0 - tail)).abs() < 1e-14, "{z}");
            assert!((normal_cdf(-z) - tail).abs() < 1e-14, "{z}");
        }
        assert!((normal_density(1.0) - 0.241_970_724_519_143).abs() < 1e-14);
        assert_eq!((normal_cdf(-9.0), normal_cdf(9.0)), (0.0, 1.0));
    }
}
