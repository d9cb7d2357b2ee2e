//! Elementary functions and sums in one fixed order of IEEE operations.
//!
//! Encoder and decoder must agree on every bit of every number, on every machine. Rust neither fuses nor
//! reorders floating-point operations, so what is written here is what is computed; nothing is taken from
//! a mathematics library. Sums keep one accumulator per lane, which compilers turn into vector code of any
//! width without a change of the result.

/// Lanes of the partial sums.
const LANES: usize = 16;

/// `x` between `low` and `high`; `low` if `x` is not a number.
#[inline(always)]
pub(crate) fn bound(x: f32, low: f32, high: f32) -> f32 {
    let x = if x > low { x } else { low };
    if x < high { x } else { high }
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
    let x = bound(x, -80.0, 80.0);
    let octaves = x * std::f32::consts::LOG2_E;
    let whole = (octaves + ROUND) - ROUND;
    let r = (octaves - whole) * std::f32::consts::LN_2;
    let high = 0.166_666_67 + r * (0.041_666_668 + r * (0.008_333_334 + r * 0.001_388_889));
    let fraction = 1.0 + r * (1.0 + r * (0.5 + r * high));
    fraction * f32::from_bits(((whole as i32 + 127) << 23) as u32)
}

/// The logistic function.
#[inline(always)]
pub(super) fn squash(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Scalar product.
#[inline(always)]
pub(super) fn dot<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
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
    total(lanes)
}

/// Sum of all lanes, a power of two: halves are added until one is left.
#[inline(always)]
pub(crate) fn total<const N: usize>(mut lanes: [f32; N]) -> f32 {
    let mut width = N / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
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
        assert_eq!(bound(f32::NAN, -1.0, 1.0), -1.0);
        assert!((squash(0.0) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn dot_is_the_sum_of_products() {
        let a: [f32; 56] = std::array::from_fn(|k| k as f32);
        let b: [f32; 56] = std::array::from_fn(|k| (k % 3) as f32);
        assert_eq!(dot(&a, &b), a.iter().zip(&b).map(|(a, b)| a * b).sum::<f32>());
    }
}
