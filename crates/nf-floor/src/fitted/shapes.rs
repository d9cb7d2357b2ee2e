//! The shapes of noise: how likely a deviation is, in units of its scale.
//!
//! A shape is a mixture of normal laws: a core, and a tail for what is not noise (cosmic rays, hot pixels,
//! stars that nothing announced), as heavy above as below or mostly above. Distribution functions are tabulated
//! with additions, multiplications and divisions of `f64` in a fixed order: the same numbers on every machine.

use std::sync::OnceLock;

/// Number of shapes.
pub(crate) const SHAPES: usize = CORES.len() * TAILS.len() * SKEWS.len();

/// (relative width, weight) of the normal laws of a core.
const CORES: [&[(f64, f64)]; 4] = [
    &[(1.0, 1.0)],
    &[(0.8, 0.5), (1.2, 0.5)],
    &[(0.6, 0.35), (1.0, 0.4), (1.7, 0.25)],
    &[(0.4, 0.35), (0.9, 0.35), (2.0, 0.3)],
];

/// Weight of the tail.
const TAILS: [f64; 6] = [0.0002, 0.002, 0.008, 0.025, 0.07, 0.18];

/// (relative width, weight) of the laws of a tail.
const TAIL: [(f64, f64); 6] =
    [(3.0, 0.42), (8.0, 0.27), (24.0, 0.16), (80.0, 0.08), (300.0, 0.045), (1500.0, 0.025)];

/// Part of the tail that lies above.
const SKEWS: [f64; 2] = [0.5, 0.85];

/// Distance in numbers, and count, of shapes that differ in skew, tail, core only.
pub(crate) const TRAITS: [(usize, usize); 3] =
    [(1, SKEWS.len()), (SKEWS.len(), TAILS.len()), (SKEWS.len() * TAILS.len(), CORES.len())];

/// Steps per scale, and scales, of the even part of a table; then steps per octave, and octaves.
const STEPS: usize = 64;
const EVEN: usize = 16;
const OCTAVES: usize = 16;
const ENTRIES: usize = STEPS * (EVEN + OCTAVES) + 1;

/// Distribution function of one shape: of deviations above, and of those below.
struct Shape {
    above: Vec<f64>,
    below: Vec<f64>,
}

/// The mass below `deviation`, in scales, of shape `shape`.
pub(crate) fn mass_below(shape: usize, deviation: f64) -> f64 {
    let shape = &shapes()[shape];
    let z = deviation.abs();
    let half = if deviation < 0.0 { &shape.below } else { &shape.above };
    let (i, part) = position(z);
    let mass = half[i] + (half[i + 1] - half[i]) * part;
    if deviation < 0.0 { half_total(shape) - mass } else { half_total(shape) + mass }
}

fn half_total(shape: &Shape) -> f64 {
    shape.below[ENTRIES - 1]
}

/// Entry and part of the way to the next one.
fn position(z: f64) -> (usize, f64) {
    if z < EVEN as f64 {
        let at = z * STEPS as f64;
        let i = at as usize;
        return (i, at - i as f64);
    }
    // From 16 on, the exponent and the first six bits of the mantissa.
    let bits = z.to_bits();
    let octave = ((bits >> 52) as usize).saturating_sub(1023 + 4);
    let step = (bits >> 46) as usize & (STEPS - 1);
    let i = STEPS * (EVEN + octave) + step;
    if i + 1 >= ENTRIES {
        return (ENTRIES - 2, 1.0);
    }
    (i, (bits & ((1 << 46) - 1)) as f64 / (1_u64 << 46) as f64)
}

/// Deviation of entry `i`.
fn deviation(i: usize) -> f64 {
    if i <= STEPS * EVEN {
        return i as f64 / STEPS as f64;
    }
    let (octave, step) = ((i - STEPS * EVEN) / STEPS, (i - STEPS * EVEN) % STEPS);
    (EVEN << octave) as f64 * (1.0 + step as f64 / STEPS as f64)
}

fn shapes() -> &'static [Shape] {
    static TABLES: OnceLock<Vec<Shape>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let half_normal = half_normal();
        let mut shapes = Vec::with_capacity(SHAPES);
        for core in CORES {
            for tail in TAILS {
                for skew in SKEWS {
                    let half = |share: f64| -> Vec<f64> {
                        (0..ENTRIES)
                            .map(|i| {
                                let z = deviation(i);
                                let mut mass = 0.0;
                                for &(width, weight) in core {
                                    mass +=
                                        (1.0 - tail) * weight * normal_above_center(&half_normal, z / width);
                                }
                                for (width, weight) in TAIL {
                                    let law = normal_above_center(&half_normal, z / width);
                                    mass += 2.0 * share * tail * weight * law;
                                }
                                mass
                            })
                            .collect()
                    };
                    shapes.push(Shape { above: half(skew), below: half(1.0 - skew) });
                }
            }
        }
        shapes
    })
}

/// Steps per standard deviation, and standard deviations, of the table of the normal law.
const NORMAL_STEPS: usize = 256;
const NORMAL_END: usize = 8;

/// Mass of the normal law between its centre and `i / NORMAL_STEPS` standard deviations.
fn half_normal() -> Vec<f64> {
    let density = |z: f64| exp_of_minus(z * z / 2.0) * 0.398_942_280_401_432_7;
    let mut mass = 0.0;
    let mut table = vec![0.0];
    for i in 0..NORMAL_STEPS * NORMAL_END {
        let at = |part: f64| (i as f64 + part) / NORMAL_STEPS as f64;
        // Simpson's rule.
        mass += (density(at(0.0)) + 4.0 * density(at(0.5)) + density(at(1.0))) / (6.0 * NORMAL_STEPS as f64);
        table.push(mass);
    }
    table.push(mass);
    table
}

fn normal_above_center(table: &[f64], z: f64) -> f64 {
    let at = (z * NORMAL_STEPS as f64).min((NORMAL_STEPS * NORMAL_END) as f64);
    let i = at as usize;
    table[i] + (table[i + 1] - table[i]) * (at - i as f64)
}

/// `exp(-x)` for `0 <= x <= 64`, to about 1e-12, without libm: the series of `exp(-x / 1024)`, squared ten times.
fn exp_of_minus(x: f64) -> f64 {
    let y = -x / 1024.0;
    let mut sum = 1.0;
    for n in (1..=8).rev() {
        sum = 1.0 + y / f64::from(n) * sum;
    }
    for _ in 0..10 {
        sum *= sum;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_law_is_that_of_the_books() {
        for (z, mass) in [(0.5, 0.691_462), (1.0, 0.841_345), (2.0, 0.977_250), (3.0, 0.998_650)] {
            assert!((0.5 + normal_above_center(&half_normal(), z) - mass).abs() < 1e-6);
        }
    }

    #[test]
    fn masses_rise_from_zero_to_one() {
        for shape in 0..SHAPES {
            assert!(mass_below(shape, -1e6) < 1e-3 && mass_below(shape, 1e6) > 1.0 - 1e-3);
            let mut last = -1e-12;
            for i in -4000_i32..4000 {
                let z = f64::from(i) / 37.0 * (1.0 + f64::from(i.abs()) / 100.0);
                let mass = mass_below(shape, z);
                assert!(mass >= last, "{shape} {z}");
                last = mass;
            }
            // The core is symmetric: half the mass and some of the skewed tail lie above.
            assert!((0.5..0.6).contains(&(1.0 - mass_below(shape, 0.0))), "{shape}");
        }
    }
}
