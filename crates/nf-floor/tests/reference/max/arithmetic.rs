//! Functions and sums in one order of IEEE operations.

/// `x` between `low` and `high`; `low` if it is no number.
pub(in crate::reference) fn bound(x: f32, low: f32, high: f32) -> f32 {
    let x = if x > low { x } else { low };
    if x < high { x } else { high }
}

/// The natural logarithm.
pub(in crate::reference) fn ln(x: f32) -> f32 {
    let bits = i64::from(x.to_bits());
    let exponent = (bits - 0x3F35_04F3).div_euclid(1 << 23);
    let mantissa = f32::from_bits((bits - (exponent << 23)) as u32);
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let s = t * t;
    let tail = 0.4 + s * (0.285_714_3 + s * 0.222_222_2);
    exponent as f32 * std::f32::consts::LN_2 + t * (2.0 + s * (0.666_666_7 + s * tail))
}

/// e^x.
pub(in crate::reference) fn exp(x: f32) -> f32 {
    let x = bound(x, -80.0, 80.0);
    let octaves = x * std::f32::consts::LOG2_E;
    let whole = octaves.round_ties_even();
    let r = (octaves - whole) * std::f32::consts::LN_2;
    let high = 0.166_666_67 + r * (0.041_666_668 + r * (0.008_333_334 + r * 0.001_388_889));
    let fraction = 1.0 + r * (1.0 + r * (0.5 + r * high));
    fraction * 2.0_f32.powi(whole as i32)
}

/// The logistic function.
pub(in crate::reference) fn squash(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Sum of products: sixteen sums of every sixteenth product, then halves added to halves.
pub(in crate::reference) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        sums[k % 16] += a * b;
    }
    for half in [8, 4, 2, 1] {
        for k in 0..half {
            sums[k] += sums[k + half];
        }
    }
    sums[0]
}

/// Median of four: the mean of the middle two, of pairs put in order first.
pub(in crate::reference) fn middle(a: f32, b: f32, c: f32, d: f32) -> f32 {
    let low = a.min(b).max(c.min(d));
    let high = a.max(b).min(c.max(d));
    (low + high) * 0.5
}
