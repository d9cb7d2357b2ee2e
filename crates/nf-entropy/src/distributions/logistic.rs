//! The logistic distribution and scales as integer tables, made by integer arithmetic when the
//! crate is compiled.

/// Probability of the logistic distribution of unit scale above `k / 64`, in units of 2^-32, and
/// how much smaller it is above `(k + 1) / 64`; the last entry is zero.
const TAIL: &[(u32, u32)] = &with_drops(logistic_tail());

/// Position in 1/64 of the scale with probability `(k + 1/2) / 256` below: where to begin a search.
pub(super) const QUANTILES: &[i16; 256] = &quantiles(TAIL);

/// The logistic CDF, `1 / (1 + exp(-z))`, in units of 2^-32, from 0 to 2^32; never falls as the
/// position grows.
///
/// Positions are in units of 2^-22 of the scale. Between the points of the table, 1/64 of the scale
/// apart, the CDF is linear: a density off by at most 0.8 %, which costs below 1e-5 bit per symbol.
#[inline(always)]
pub(super) fn cdf(position: i64) -> u64 {
    let last = (TAIL.len() as u64 - 1) << 16;
    let distance = position.unsigned_abs().min(last);
    let (above, drop) = TAIL[(distance >> 16) as usize];
    let tail = u64::from(above) - ((u64::from(drop) * (distance & 0xffff)) >> 16);
    if position < 0 { tail } else { (1 << 32) - tail }
}

/// Steps of a [`Component`](super::Component)'s scale per factor of 2.
///
/// A scale is off by at most 1.1 %, which costs at most 2e-4 bit per symbol, 6e-5 on average.
pub const SCALE_STEPS_PER_OCTAVE: u16 = 32;

/// The step that stands for a scale of one sample value; step `i` stands for
/// `2^((i - SCALE_ONE) / 32)`.
pub const SCALE_ONE: u16 = 5 * SCALE_STEPS_PER_OCTAVE;

/// Number of steps: scales from `2^-5` to `2^15` sample values.
pub const SCALES: u16 = 20 * SCALE_STEPS_PER_OCTAVE + 1;

/// `2^31 / 2^(k / 32)`, rounded.
pub(super) const INVERSE_SCALES: [u32; SCALE_STEPS_PER_OCTAVE as usize] = inverse_scales();

/// One in the 62-bit fixed point that tables are computed with.
const ONE: u128 = 1 << 62;

const fn multiply(a: u128, b: u128) -> u128 {
    (a * b + ONE / 2) >> 62
}

/// `exp(-1 / denominator)` by its series.
const fn exp_of_minus_one_over(denominator: i128) -> u128 {
    let (mut sum, mut term, mut n) = (0_i128, ONE as i128, 1);
    while term != 0 {
        sum += term;
        term = -term / (denominator * n);
        n += 1;
    }
    sum as u128
}

/// The logistic distribution above `k / 64`, for `k` up to 24 * 64.
const fn logistic_tail() -> [u32; 24 * 64 + 1] {
    let mut tail = [0; 24 * 64 + 1];
    let ratio = exp_of_minus_one_over(64);
    let mut exp = ONE;
    let mut k = 0;
    while k < tail.len() {
        tail[k] = (((exp << 32) + (ONE + exp) / 2) / (ONE + exp)) as u32;
        exp = multiply(exp, ratio);
        k += 1;
    }
    tail
}

/// Every entry with what it exceeds the next by; the last entry must be zero.
const fn with_drops<const N: usize>(tail: [u32; N]) -> [(u32, u32); N] {
    assert!(tail[N - 1] == 0 && tail[0] == 1 << 31);
    let mut table = [(0, 0); N];
    let mut k = 0;
    while k + 1 < N {
        table[k] = (tail[k], tail[k] - tail[k + 1]);
        k += 1;
    }
    table
}

const fn quantiles(tail: &[(u32, u32)]) -> [i16; 256] {
    let mut quantiles = [0; 256];
    let (mut k, mut i) = (0, 127);
    loop {
        while tail[k + 1].0 >= (2 * i as u32 + 1) << 23 {
            k += 1;
        }
        quantiles[i] = -(k as i16);
        quantiles[255 - i] = k as i16;
        if i == 0 {
            return quantiles;
        }
        i -= 1;
    }
}

const fn inverse_scales() -> [u32; SCALE_STEPS_PER_OCTAVE as usize] {
    // 2^(-1/32) is the square root, five times over, of 1/2.
    let mut root = ONE / 2;
    let mut n = 0;
    while n < 5 {
        root = (root * ONE).isqrt();
        n += 1;
    }
    let mut table = [0; SCALE_STEPS_PER_OCTAVE as usize];
    let mut power = ONE;
    let mut k = 0;
    while k < table.len() {
        table[k] = ((power + (1 << 30)) >> 31) as u32;
        power = multiply(power, root);
        k += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logistic_table_is_the_logistic_distribution() {
        for (k, &(above, _)) in TAIL.iter().enumerate() {
            let exact = 2_f64.powi(32) / (1.0 + (k as f64 / 64.0).exp());
            assert!((f64::from(above) - exact).abs() < 0.501, "{k}: {above} against {exact}");
        }
    }

    #[test]
    fn scales_are_powers() {
        for (k, &inverse) in INVERSE_SCALES.iter().enumerate() {
            let exact = (31.0 - k as f64 / 32.0).exp2();
            assert!((f64::from(inverse) - exact).abs() < 0.501, "{k}: {inverse} against {exact}");
        }
    }

    #[test]
    fn the_cdf_never_falls_and_is_symmetric() {
        let last = (TAIL.len() as i64) << 16;
        let mut before = 0;
        for position in (-last..=last).step_by(97).chain([i64::MAX]) {
            let below = cdf(position);
            assert!(below >= before);
            assert_eq!(below + cdf(-position), 1 << 32);
            before = below;
        }
        assert_eq!((cdf(i64::MIN), before), (0, 1 << 32));
    }

    /// FNV-1a over the little-endian bytes of numbers.
    fn fingerprint(numbers: impl Iterator<Item = u32>) -> u64 {
        numbers
            .flat_map(u32::to_le_bytes)
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// The fingerprints are those of tables computed apart from this program, with 60 decimal
    /// digits, and rounded.
    #[test]
    fn the_tables_are_pinned() {
        assert_eq!(fingerprint(TAIL.iter().map(|entry| entry.0)), 0x5158_e100_5b56_5a48);
        assert_eq!(fingerprint(INVERSE_SCALES.into_iter()), 0xa094_2c3e_d38b_5b4a);
    }
}
