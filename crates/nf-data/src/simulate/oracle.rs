//! The distribution of one pixel, and how many bits its value is worth to who knows that
//! distribution.
//!
//! The input of the converter is `(K + R Z) / g + offset` with `K` Poisson of mean lambda
//! (electrons), `Z` standard normal, `R` the read noise (electrons) and `g` the gain (electrons per
//! DN). The probability of a code is the integral of the density of `K + R Z` over the interval of
//! electrons that the converter gives that code. The density is the mixture
//! `sum_k Pois(k) N(s; k, R)` itself at every brightness: summed from its greatest term outwards
//! until the terms vanish in double precision, which takes about `16 R` terms however bright the
//! pixel is, so no expansion is needed above any number of electrons. The integral is by
//! Gauss-Legendre quadrature of four nodes on panels no wider than half the read noise; the
//! relative error of a probability is below 1e-7 within eight deviations of the mean (a test
//! against brute force).

use super::draw::ln_factorial;

/// The distribution of the electrons that arrive at the converter: a Poisson count plus a Gaussian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelDistribution {
    /// Mean of the Poisson count, electrons.
    pub mean_e: f64,
    /// Standard deviation of the Gaussian, electrons; at least 0.05.
    pub read_noise_e: f64,
}

/// Smallest read noise for which the distribution has a density that quadrature can follow.
pub const LEAST_READ_NOISE_E: f64 = 0.05;

/// Nodes and weights of Gauss-Legendre quadrature with four nodes on -1..1.
const NODES: [f64; 4] =
    [-0.861_136_311_594_052_6, -0.339_981_043_584_856_3, 0.339_981_043_584_856_3, 0.861_136_311_594_052_6];
const WEIGHTS: [f64; 4] =
    [0.347_854_845_137_453_85, 0.652_145_154_862_546_2, 0.652_145_154_862_546_2, 0.347_854_845_137_453_85];

const LN_TWO_PI: f64 = 1.837_877_066_409_345_3;

impl PixelDistribution {
    /// Standard deviation, electrons.
    pub fn sigma_e(&self) -> f64 {
        (self.mean_e + self.read_noise_e * self.read_noise_e).sqrt()
    }

    /// ln of the probability that the electrons fall into `low..high` (either may be infinite).
    ///
    /// Minus infinity for an empty interval.
    pub fn ln_mass(&self, low: f64, high: f64) -> f64 {
        // Beyond twelve deviations on the far side of the mean nothing is left to integrate.
        let reach = 12.0 * self.sigma_e() + 40.0;
        if low >= high {
            return f64::NEG_INFINITY;
        }
        if low <= self.mean_e - reach && high >= self.mean_e + reach {
            return 0.0;
        }
        let nearest = self.mean_e.clamp(low, high);
        if high - low <= self.panel_e(nearest) {
            return self.ln_panel(low, high);
        }
        self.ln_panels(nearest, low, high)
    }

    /// Widest panel from `s` on which four nodes integrate the density: half a read noise, less far
    /// out, where the density falls steeply.
    fn panel_e(&self, s: f64) -> f64 {
        let distance = (s - self.mean_e).abs();
        let variance = self.mean_e + self.read_noise_e * self.read_noise_e;
        (variance / distance.max(1e-9)).clamp(0.1 * self.read_noise_e, 0.5 * self.read_noise_e)
    }

    /// One panel of four nodes.
    fn ln_panel(&self, low: f64, high: f64) -> f64 {
        let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
        let points = NODES.map(|node| middle + half * node);
        let densities = self.ln_densities(points);
        let top = densities.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        let sum: f64 = densities.iter().zip(WEIGHTS).map(|(d, weight)| weight * libm::exp(d - top)).sum();
        top + libm::log(sum * half)
    }

    /// Several panels, from the side where the density is greatest outwards until nothing is added.
    fn ln_panels(&self, start: f64, low: f64, high: f64) -> f64 {
        let mut total = f64::NEG_INFINITY;
        for direction in [1.0, -1.0] {
            let end = if direction > 0.0 { high } else { low };
            let mut from = start;
            while (end - from) * direction > 0.0 {
                let panel = self.panel_e(from);
                let to = if ((end - from) * direction) > panel { from + direction * panel } else { end };
                let mass = self.ln_panel(from.min(to), from.max(to));
                total = ln_add(total, mass);
                if mass < total - 40.0 {
                    break;
                }
                from = to;
            }
        }
        total.min(0.0)
    }

    /// The tilt t at which the tilted distribution `exp(K(t) - t s)` is centred on `s`: the root of
    /// `lambda e^t + R^2 t = s`.
    fn tilt(&self, s: f64) -> f64 {
        let variance = self.read_noise_e * self.read_noise_e;
        let mean = self.mean_e;
        // From above, Newton's steps on this convex increasing function descend without overshoot.
        let mut t = if s > mean && mean > 0.0 {
            libm::log(s / mean).min((s - mean) / variance)
        } else {
            (s - mean) / (mean + variance)
        };
        for _ in 0..60 {
            let grown = mean * libm::exp(t);
            let step = (grown + variance * t - s) / (grown + variance);
            t -= step;
            if step.abs() < 1e-13 * (1.0 + t.abs()) {
                break;
            }
        }
        t
    }

    /// ln of the density at four points, which share the Poisson weights.
    pub(super) fn ln_densities(&self, points: [f64; 4]) -> [f64; 4] {
        if self.mean_e <= 0.0 {
            return points.map(|s| self.ln_gauss(s));
        }
        let middle = 0.25 * (points[0] + points[1] + points[2] + points[3]);
        let peak = (self.mean_e * libm::exp(self.tilt(middle))).round().max(0.0);
        let ln_weight = peak * libm::log(self.mean_e) - self.mean_e - ln_factorial(peak as u64);
        // Gaussian factors relative to the one at `peak`; from k to k + 1 the factor is multiplied
        // by a ratio which itself is multiplied by exp(-1/R^2): two products a term and no
        // exponential.
        let inverse = 1.0 / (self.read_noise_e * self.read_noise_e);
        let shrink = libm::exp(-inverse);
        let mut sums = [1.0f64; 4];
        let up = points.map(|s| libm::exp((s - peak - 0.5) * inverse));
        let mut terms = [1.0f64; 4];
        let mut ratios = up;
        let mut k = peak;
        loop {
            k += 1.0;
            if !next_terms(self.mean_e / k, shrink, &mut terms, &mut ratios, &mut sums) {
                break;
            }
        }
        let mut terms = [1.0f64; 4];
        let mut ratios = points.map(|s| libm::exp((peak - 0.5 - s) * inverse));
        let mut k = peak;
        while k > 0.0 {
            if !next_terms(k / self.mean_e, shrink, &mut terms, &mut ratios, &mut sums) {
                break;
            }
            k -= 1.0;
        }
        std::array::from_fn(|j| ln_weight + self.ln_gauss(points[j] - peak) + libm::log(sums[j]))
    }

    fn ln_gauss(&self, distance: f64) -> f64 {
        let z = distance / self.read_noise_e;
        -0.5 * (z * z + LN_TWO_PI) - libm::log(self.read_noise_e)
    }
}

/// Adds the next term of four sums whose first terms are one; false when it no longer matters.
#[inline(always)]
fn next_terms(
    weight: f64,
    shrink: f64,
    terms: &mut [f64; 4],
    ratios: &mut [f64; 4],
    sums: &mut [f64; 4],
) -> bool {
    for j in 0..4 {
        terms[j] *= weight * ratios[j];
        ratios[j] *= shrink;
        sums[j] += terms[j];
    }
    terms[0] > 1e-14 || terms[3] > 1e-14
}

/// ln(e^a + e^b).
fn ln_add(a: f64, b: f64) -> f64 {
    let (big, small) = if a > b { (a, b) } else { (b, a) };
    if small == f64::NEG_INFINITY { big } else { big + libm::log1p(libm::exp(small - big)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The obvious way: every count, every Gaussian tail by the error function.
    fn brute_mass(distribution: PixelDistribution, low: f64, high: f64) -> f64 {
        let top = (distribution.mean_e + 40.0 * distribution.mean_e.sqrt() + 60.0) as u64;
        (0..=top)
            .map(|k| {
                let count = k as f64;
                let weight = if distribution.mean_e > 0.0 {
                    (count * distribution.mean_e.ln() - distribution.mean_e - ln_factorial(k)).exp()
                } else {
                    f64::from(u8::from(k == 0))
                };
                let z = |x: f64| (x - count) / (distribution.read_noise_e * std::f64::consts::SQRT_2);
                // On the side of the tail, so that no digits cancel.
                let gauss = if low > count {
                    libm::erfc(z(low)) - libm::erfc(z(high))
                } else {
                    libm::erfc(-z(high)) - libm::erfc(-z(low))
                };
                0.5 * weight * gauss
            })
            .sum()
    }

    const CASES: [(f64, f64); 11] = [
        (0.0, 3.0),
        (0.02, 0.3),
        (0.7, 1.1),
        (3.0, 0.5),
        (20.0, 5.0),
        (55.0, 4.0),
        (180.0, 14.0),
        (399.0, 2.0),
        (401.0, 9.0),
        (3500.0, 4.5),
        (20_000.0, 6.0),
    ];

    #[test]
    fn masses_equal_those_of_brute_force() {
        for (mean_e, read_noise_e) in CASES {
            let distribution = PixelDistribution { mean_e, read_noise_e };
            let sigma = distribution.sigma_e();
            for (deviations, width) in
                [(0.0, 1.0), (-1.3, 2.0), (2.2, 0.7), (4.5, 1.5), (-4.0, 2.0), (6.5, 2.3), (1.0, 6.0)]
            {
                let low = mean_e + deviations * sigma;
                let ours = distribution.ln_mass(low, low + width);
                let theirs = brute_mass(distribution, low, low + width).ln();
                if theirs > -60.0 {
                    assert!(
                        (ours - theirs).abs() < 1e-7,
                        "lambda {mean_e}, R {read_noise_e}, {deviations} sigma: {ours} against {theirs}"
                    );
                }
            }
        }
    }

    #[test]
    fn half_lines_equal_those_of_brute_force() {
        for (mean_e, read_noise_e) in CASES {
            let distribution = PixelDistribution { mean_e, read_noise_e };
            for deviations in [-3.0, 0.2, 3.5, 5.0] {
                let edge = mean_e + deviations * distribution.sigma_e();
                let far = mean_e + 60.0 * distribution.sigma_e() + 60.0;
                let ours = distribution.ln_mass(edge, f64::INFINITY);
                let theirs = brute_mass(distribution, edge, far).ln();
                assert!((ours - theirs).abs() < 1e-7, "lambda {mean_e} R {read_noise_e} {ours} {theirs}");
            }
        }
        let bright = PixelDistribution { mean_e: 90_000.0, read_noise_e: 5.0 };
        assert_eq!(bright.ln_mass(60_000.0, f64::INFINITY), 0.0);
        assert_eq!(bright.ln_mass(3.0, 3.0), f64::NEG_INFINITY);
    }

    #[test]
    fn probabilities_of_all_codes_sum_to_one() {
        for (mean_e, read_noise_e) in CASES {
            let distribution = PixelDistribution { mean_e, read_noise_e };
            for gain in [0.8, 2.0, 4.7] {
                let centre = mean_e / gain;
                let reach = 9.0 * distribution.sigma_e() / gain + 12.0;
                let (first, last) = ((centre - reach) as i64 - 1, (centre + reach) as i64 + 1);
                let mut sum = distribution.ln_mass(f64::NEG_INFINITY, first as f64 * gain).exp();
                sum += (first..last)
                    .map(|code| distribution.ln_mass(code as f64 * gain, (code + 1) as f64 * gain).exp())
                    .sum::<f64>();
                sum += distribution.ln_mass(last as f64 * gain, f64::INFINITY).exp();
                assert!((sum - 1.0).abs() < 1e-9, "lambda {mean_e} R {read_noise_e} g {gain}: {sum}");
            }
        }
    }
}
