//! Entropies of laws on the integers.

/// Bits per sample of normal noise of standard deviation `sigma` counts, rounded to integers, averaged over where between two integers
/// its mean lies. For `sigma` above 2 this is `log2(sigma sqrt(2 pi e))` to 0.0001 bit.
pub(crate) fn rounded_normal_bits(sigma: f64) -> f64 {
    if sigma <= 0.0 {
        return 0.0;
    }
    if sigma >= 3.0 {
        return (sigma * (2.0 * std::f64::consts::PI * std::f64::consts::E).sqrt()).log2();
    }
    const PHASES: usize = 8;
    let reach = (8.0 * sigma).ceil() as i32 + 1;
    let of_phase = |phase: usize| -> f64 {
        let mean = (phase as f64 + 0.5) / PHASES as f64;
        (-reach..=reach + 1)
            .map(|code| {
                let edge = |half: f64| (f64::from(code) + half - mean) / sigma;
                let p = normal_mass(edge(-0.5), edge(0.5));
                if p > 0.0 { -p * p.log2() } else { 0.0 }
            })
            .sum()
    };
    (0..PHASES).map(of_phase).sum::<f64>() / PHASES as f64
}

/// Mass of the normal law between two deviations, by Simpson's rule on steps of at most a hundredth.
fn normal_mass(low: f64, high: f64) -> f64 {
    let (low, high) = (low.clamp(-9.0, 9.0), high.clamp(-9.0, 9.0));
    let steps = ((high - low) * 50.0).ceil().max(2.0) as usize * 2;
    let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let h = (high - low) / steps as f64;
    let weight = |i: usize| {
        if i == 0 || i == steps {
            1.0
        } else if i % 2 == 1 {
            4.0
        } else {
            2.0
        }
    };
    (0..=steps).map(|i| weight(i) * density(low + h * i as f64)).sum::<f64>() * h / 3.0
}

/// The median of numbers; not a number for none.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropies_are_those_of_the_books() {
        // Exact values of a mean on an integer, which for sigma of at least 0.5 the mean over phases is close to.
        for (sigma, bits) in [(0.5, 1.24), (1.0, 2.105), (2.0, 3.062), (4.0, 4.051), (16.0, 6.047)] {
            let found = rounded_normal_bits(sigma);
            assert!((found - bits).abs() < 0.02, "{sigma}: {found}");
        }
        assert!((rounded_normal_bits(2.999) - rounded_normal_bits(3.001)).abs() < 0.01);
        assert_eq!(rounded_normal_bits(0.0), 0.0);
    }
}
