//! Elementary functions by IEEE operations in a fixed order: the same bits on every machine.
//!
//! Only addition, multiplication, division and square root, each rounded once, never fused, and no
//! libm.

/// `exp(x)` to about 2e-7 relative; 0 below -87, and never infinite.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    // The nearest integer to x / ln 2, by the addition of 1.5 * 2^23.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let exponent = shifted - ROUND;
    // ln 2 in two parts: the first has few bits, so that its product is exact.
    let rest = x - exponent * 0.693_359_4 - exponent * -2.121_944_4e-4;
    let series = 1.0 / 5040.0;
    let series = series * rest + 1.0 / 720.0;
    let series = series * rest + 1.0 / 120.0;
    let series = series * rest + 1.0 / 24.0;
    let series = series * rest + 1.0 / 6.0;
    let series = series * rest + 0.5;
    let series = series * rest + 1.0;
    let series = series * rest + 1.0;
    let power = f32::from_bits((shifted.to_bits().wrapping_add(127)) << 23);
    series * power
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The `k` of `x * sigmoid(k x)` that is nearest to GELU.
pub const GELU_SLOPE: f32 = 1.702;

/// `tanh(x)`.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// `x` where positive, else `exp(x) - 1`.
#[inline(always)]
pub fn elu(x: f32) -> f32 {
    if x > 0.0 { x } else { exp(x) - 1.0 }
}

/// Natural logarithm of a positive finite number, to about 1e-12.
#[inline]
pub fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i32 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // 2 artanh((m - 1) / (m + 1)), |ratio| <= 0.172.
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let mut series = 1.0 / 15.0;
    for odd in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        series = series * square + 1.0 / odd;
    }
    f64::from(exponent) * std::f64::consts::LN_2 + 2.0 * ratio * series
}

/// `asinh(x)`: linear near zero, logarithmic far out.
#[inline]
pub fn asinh(x: f32) -> f32 {
    let size = f64::from(x.abs());
    let value = ln(size + (size * size + 1.0).sqrt()) as f32;
    if x < 0.0 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_right() {
        for i in -8600..8700 {
            let x = i as f32 / 100.0;
            let wanted = f64::from(x).exp();
            assert!((f64::from(exp(x)) / wanted - 1.0).abs() < 4e-7, "exp({x}) = {}", exp(x));
            assert!((f64::from(asinh(x)) - f64::from(x).asinh()).abs() < 1e-6, "asinh({x})");
            assert!((f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 1e-6, "tanh({x})");
        }
        for x in [1e-3, 0.5, 1.0, 1.5, 2.0, 1e9] {
            assert!((ln(x) - x.ln()).abs() < 1e-11, "ln({x})");
        }
        assert_eq!(exp(-1e9), exp(-87.0));
        assert!(exp(1e9).is_finite() && elu(-1e9) >= -1.0);
    }
}
