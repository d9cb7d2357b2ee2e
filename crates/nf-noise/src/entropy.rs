//! Entropy of distributions on the integers.

/// Bits per sample of normal noise of standard deviation `sigma_counts`, rounded to integers,
/// averaged over where between two integers its mean lies. For `sigma_counts` above 2 this is
/// `log2(sigma_counts sqrt(2 pi e))` to 0.0001 bit.
pub fn rounded_normal_bits(sigma_counts: f64) -> f64 {
    if sigma_counts <= 0.0 {
        return 0.0;
    }
    if sigma_counts >= 3.0 {
        return (sigma_counts * (2.0 * std::f64::consts::PI * std::f64::consts::E).sqrt()).log2();
    }
    const PHASES: usize = 8;
    let reach = (8.0 * sigma_counts).ceil() as i32 + 1;
    let of_phase = |phase: usize| -> f64 {
        let mean = (phase as f64 + 0.5) / PHASES as f64;
        let edge = |code: i32| normal_cdf((f64::from(code) - 0.5 - mean) / sigma_counts);
        let masses = (-reach..=reach + 1).map(|code| edge(code + 1) - edge(code));
        masses.map(|p| if p > 0.0 { -p * p.log2() } else { 0.0 }).sum()
    };
    (0..PHASES).map(of_phase).sum::<f64>() / PHASES as f64
}

/// Mass of the standard normal distribution below `z`.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropies_match_published_values() {
        // Exact for a mean on an integer, which the average over phases is close to from sigma 0.5
        // on.
        for (sigma, bits) in [(0.5, 1.24), (1.0, 2.105), (2.0, 3.062), (4.0, 4.051), (16.0, 6.047)] {
            let found = rounded_normal_bits(sigma);
            assert!((found - bits).abs() < 0.02, "{sigma}: {found}");
        }
        assert!((rounded_normal_bits(2.999) - rounded_normal_bits(3.001)).abs() < 0.01);
        assert_eq!(rounded_normal_bits(0.0), 0.0);
    }

    #[test]
    fn normal_cdf_matches_tables() {
        for (z, mass) in [(0.0, 0.5), (1.0, 0.841_344_746), (-2.0, 0.022_750_132), (3.0, 0.998_650_102)] {
            assert!((normal_cdf(z) - mass).abs() < 1e-9, "{z}");
        }
    }
}
