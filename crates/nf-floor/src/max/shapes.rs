//! Shapes of residuals: tables of the upper tail of symmetric laws with unit scale.

/// Entries per unit of z.
const PER_UNIT: usize = 32;
/// Entries: z from 0 to 32.
const ENTRIES: usize = 32 * PER_UNIT;
/// Entries of all shapes, and one spare shape: a power of two, so that a mask keeps every index inside.
const ALL: usize = 4 * ENTRIES;

/// Components (weight, scale) of the normal mixtures.
const MIXTURES: [&[(f64, f64)]; SHAPES] = [
    &[(1.0, 1.0)],
    &[(0.85, 0.93), (0.12, 1.6), (0.025, 4.0), (0.005, 12.0)],
    &[(0.45, 0.5), (0.30, 1.0), (0.15, 2.5), (0.07, 8.0), (0.03, 30.0)],
];

/// Number of shapes.
const SHAPES: usize = 3;
/// The normal law.
pub(super) const NORMAL: usize = 0;
/// A normal core and some outliers.
pub(super) const TAILED: usize = 1;
/// Peaked, with many outliers.
pub(super) const HEAVY: usize = 2;

/// Upper tail probabilities of every shape.
#[derive(Debug)]
pub(super) struct Shapes {
    /// Probability beyond z = entry / PER_UNIT, shape after shape.
    tails: Box<[f32; ALL]>,
    /// What the next entry has more.
    steps: Box<[f32; ALL]>,
}

impl Shapes {
    /// Tabulates the shapes, in f64 and with basic operations only.
    pub(super) fn new() -> Self {
        let normal = normal_tail();
        let tail = |z: f64| {
            let position = z * PER_UNIT as f64;
            if position >= ENTRIES as f64 {
                return normal[ENTRIES];
            }
            let entry = position as usize;
            normal[entry] + (normal[entry + 1] - normal[entry]) * (position - entry as f64)
        };
        let mut shapes = Self { tails: Box::new([0.0; ALL]), steps: Box::new([0.0; ALL]) };
        for (shape, mixture) in MIXTURES.into_iter().enumerate() {
            let beyond = |entry: usize| {
                let z = entry as f64 / PER_UNIT as f64;
                let mut sum = 0.0;
                for &(weight, scale) in mixture {
                    sum += weight * tail(z / scale);
                }
                sum as f32
            };
            for entry in 0..ENTRIES {
                shapes.tails[shape * ENTRIES + entry] = beyond(entry);
                shapes.steps[shape * ENTRIES + entry] = beyond(entry + 1) - beyond(entry);
            }
        }
        shapes
    }

    /// Probability beyond z, with its sign so that differences keep their precision on both sides: P(Z < z) below
    /// the centre, -P(Z > z) above.
    #[inline(always)]
    pub(super) fn signed_tail(&self, shape: usize, z: f32) -> f32 {
        /// Added and subtracted, it rounds to an integer, which then is in the low bits.
        const ROUND: f32 = 12_582_912.0;
        let position = z.abs() * PER_UNIT as f32;
        let last = ENTRIES as f32 - 0.01;
        let position = if position < last { position } else { last };
        // Rounded down; an integer may give the entry before it, and then a share of one.
        let rounded = (position - 0.5) + ROUND;
        let share = position - (rounded - ROUND);
        let entry = (shape * ENTRIES + (rounded.to_bits() as usize & (ENTRIES - 1))) & (ALL - 1);
        let tail = self.tails[entry] + self.steps[entry] * share;
        if z < 0.0 { tail } else { -tail }
    }
}

/// e^(-z^2 / 2) / sqrt(2 pi), by the series of e^f at f in (-1/2, 0] and powers of e^(-1/2).
fn normal_density(z: f64) -> f64 {
    let halves = (z * z) as u64;
    let rest = -0.5 * (z * z - halves as f64);
    let (mut term, mut series) = (1.0, 1.0);
    for k in 1..20 {
        term *= rest / f64::from(k);
        series += term;
    }
    let (mut power, mut square, mut count) = (1.0, 0.606_530_659_712_633_4, halves);
    while count > 0 {
        if count & 1 == 1 {
            power *= square;
        }
        square *= square;
        count >>= 1;
    }
    power * series * 0.398_942_280_401_432_7
}

/// Upper tail of the normal law at multiples of 1 / PER_UNIT: Simpson's rule from the far end.
fn normal_tail() -> Vec<f64> {
    const PARTS: usize = 4;
    let step = 1.0 / (PER_UNIT * PARTS * 2) as f64;
    let mut tail = vec![0.0; ENTRIES + 2];
    for entry in (0..=ENTRIES).rev() {
        let mut area = 0.0;
        for part in 0..PARTS {
            let z = entry as f64 / PER_UNIT as f64 + 2.0 * part as f64 * step;
            let sum = normal_density(z) + 4.0 * normal_density(z + step) + normal_density(z + 2.0 * step);
            area += sum * step / 3.0;
        }
        tail[entry] = tail[entry + 1] + area;
    }
    tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_tail_is_known() {
        let shapes = Shapes::new();
        for (z, tail) in [(0.0, 0.5), (1.0, 0.158_655_25), (3.0, 1.349_898e-3), (6.0, 9.865_876e-10)] {
            assert!((shapes.signed_tail(NORMAL, z) / -tail - 1.0).abs() < 3e-3, "{z}");
            assert!((shapes.signed_tail(NORMAL, -z - 1e-9).abs() / tail - 1.0).abs() < 3e-3, "{z}");
        }
    }

    #[test]
    fn tails_fall() {
        let shapes = Shapes::new();
        for shape in [NORMAL, TAILED, HEAVY] {
            assert!((shapes.signed_tail(shape, 0.0) + 0.5).abs() < 1e-5);
            for k in 0..2000 {
                let z = k as f32 * 0.02;
                assert!(shapes.signed_tail(shape, z + 0.02) >= shapes.signed_tail(shape, z));
            }
        }
    }
}
