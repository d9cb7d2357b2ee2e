//! What it costs to describe the layers of an exposure: the second of the oracle's two figures.
//!
//! A parameter with prior density `p` that the data fix to a standard deviation `s` is best sent on
//! a grid of step `s sqrt(12)`: it costs `-log2(p s sqrt(12))` bits, and the rounding costs half a
//! nat more (Rissanen's two-part code). A source that is cheaper left out than described is left
//! out.

/// Half a nat, in bits: the price of rounding a parameter to its best grid.
const ROUNDING_BITS: f64 = 0.5 * std::f64::consts::LOG2_E;

/// Bits for one parameter uniform on `range` that the data fix to `sigma`.
pub fn uniform_bits(range: f64, sigma: f64) -> f64 {
    libm::log2((range / (sigma * 12f64.sqrt())).max(1.0)) + ROUNDING_BITS
}

/// Bits for a flux that follows the density `x^-2` from `faintest` up and that the data fix to
/// `sigma`.
pub fn power_law_bits(flux: f64, faintest: f64, sigma: f64) -> f64 {
    let density = faintest / (flux * flux);
    (-libm::log2(density * sigma * 12f64.sqrt())).max(0.0) + ROUNDING_BITS
}

/// Bits that a Gaussian offset of standard deviation `spread` is worth when `count` pixels of noise
/// `sigma` show it: the mutual information `log2(1 + count spread^2 / sigma^2) / 2`, exact for
/// Gaussian noise.
pub fn gaussian_offset_bits(spread: f64, sigma: f64, count: f64) -> f64 {
    0.5 * libm::log2(1.0 + count * spread * spread / (sigma * sigma))
}

/// Bits for a source of `flux_e` electrons at an unknown place among `pixels`, whose profile has
/// the width `width_px` (standard deviation), over noise of `sigma_e` electrons in each pixel; and
/// whether it is worth describing.
pub fn source_bits(flux_e: f64, faintest_e: f64, pixels: f64, width_px: f64, sigma_e: f64) -> (f64, bool) {
    let noise_pixels = 4.0 * std::f64::consts::PI * width_px * width_px + 1.0;
    let signal_to_noise = flux_e / (flux_e + noise_pixels * sigma_e * sigma_e).sqrt();
    let place_px = width_px.max(0.3) / signal_to_noise;
    let described = 2.0 * uniform_bits(pixels.sqrt(), place_px)
        + power_law_bits(flux_e, faintest_e, flux_e / signal_to_noise);
    // Left out, it costs the divergence between noise with and without it.
    let left_out = ROUNDING_BITS * signal_to_noise * signal_to_noise;
    if left_out <= described { (left_out, false) } else { (described, true) }
}

/// Bits for the number of things in a layer (Elias' gamma code), whose order is free.
pub fn count_bits(count: u64) -> f64 {
    let n = count as f64;
    let order = super::draw::ln_factorial(count) * std::f64::consts::LOG2_E;
    2.0 * libm::log2(n + 1.0).floor() + 1.0 - order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faint_sources_are_left_out_and_bright_ones_described() {
        let bits = |flux| source_bits(flux, 10.0, 1e6, 1.5, 10.0).0;
        assert!(bits(10.0) < 0.1);
        assert!((20.0..60.0).contains(&bits(1e5)), "{}", bits(1e5));
        assert!(bits(1e3) < bits(1e4) && bits(1e4) < bits(1e6));
    }

    #[test]
    fn offsets_cost_their_mutual_information() {
        assert_eq!(gaussian_offset_bits(0.0, 3.0, 1000.0), 0.0);
        assert!((gaussian_offset_bits(3.0, 3.0, 1.0) - 0.5).abs() < 1e-12);
        assert_eq!(count_bits(0), 1.0);
    }
}
