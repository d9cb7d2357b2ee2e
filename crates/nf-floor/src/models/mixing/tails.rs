//! Shapes of residuals: tables of the upper tail of symmetric distributions of unit scale.

use crate::maths::normal_density;
use std::sync::LazyLock;

/// Entries per unit of z.
const PER_UNIT: usize = 32;
/// Entries: z from 0 to 32.
const ENTRIES: usize = 32 * PER_UNIT;
/// Entries of all shapes, and one spare shape: a power of two, so that a mask keeps every index
/// inside.
const ALL: usize = 4 * ENTRIES;

/// Components (weight, scale) of the normal mixtures.
const MIXTURES: [&[(f64, f64)]; SHAPES] = [
    &[(1.0, 1.0)],
    &[(0.85, 0.93), (0.12, 1.6), (0.025, 4.0), (0.005, 12.0)],
    &[(0.45, 0.5), (0.30, 1.0), (0.15, 2.5), (0.07, 8.0), (0.03, 30.0)],
];

/// Number of shapes.
const SHAPES: usize = 3;

/// A shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The normal distribution.
    Normal = 0,
    /// A normal core and some outliers.
    Tailed = 1,
    /// Peaked, with many outliers.
    Heavy = 2,
}

/// Upper tail probabilities of every shape.
#[derive(Debug)]
pub(super) struct Tails {
    /// Probability beyond z = entry / PER_UNIT, shape after shape.
    tails: Box<[f32; ALL]>,
    /// What the next entry has more.
    steps: Box<[f32; ALL]>,
}

impl Tails {
    /// The tables, which are made once.
    pub(super) fn get() -> &'static Self {
        static TAILS: LazyLock<Tails> = LazyLock::new(Tails::new);
        &TAILS
    }

    /// Tabulates the shapes, in f64 and with basic operations only.
    fn new() -> Self {
        let normal = normal_tail();
        let tail = |z: f64| {
            let position = z * PER_UNIT as f64;
            if position >= ENTRIES as f64 {
                return normal[ENTRIES];
            }
            let entry = position as usize;
            normal[entry] + (normal[entry + 1] - normal[entry]) * (position - entry as f64)
        };
        let mut this = Self { tails: Box::new([0.0; ALL]), steps: Box::new([0.0; ALL]) };
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
                this.tails[shape * ENTRIES + entry] = beyond(entry);
                this.steps[shape * ENTRIES + entry] = beyond(entry + 1) - beyond(entry);
            }
        }
        this
    }

    /// Probability beyond z, with its sign, so that differences keep their precision on both sides:
    /// P(Z < z) below the centre, -P(Z > z) above.
    #[inline(always)]
    pub(super) fn signed(&self, shape: Shape, z: f32) -> f32 {
        /// Added and subtracted, it rounds to an integer, which then is in the low bits.
        const ROUND: f32 = 12_582_912.0;
        let position = z.abs() * PER_UNIT as f32;
        let last = ENTRIES as f32 - 0.01;
        let position = if position < last { position } else { last };
        // Rounded down; an integer may give the entry before it, and then a share of one.
        let rounded = (position - 0.5) + ROUND;
        let share = position - (rounded - ROUND);
        let entry = (shape as usize * ENTRIES + (rounded.to_bits() as usize & (ENTRIES - 1))) & (ALL - 1);
        let tail = self.tails[entry] + self.steps[entry] * share;
        if z < 0.0 { tail } else { -tail }
    }
}

/// Upper tail of the normal distribution at multiples of 1 / PER_UNIT: Simpson's rule from the far
/// end.
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
    fn the_normal_tail_is_known() {
        let tails = Tails::get();
        for (z, tail) in [(0.0, 0.5), (1.0, 0.158_655_25), (3.0, 1.349_898e-3), (6.0, 9.865_876e-10)] {
            assert!((tails.signed(Shape::Normal, z) / -tail - 1.0).abs() < 3e-3, "{z}");
            assert!((tails.signed(Shape::Normal, -z - 1e-9).abs() / tail - 1.0).abs() < 3e-3, "{z}");
        }
    }

    #[test]
    fn tails_fall() {
        let tails = Tails::get();
        for shape in [Shape::Normal, Shape::Tailed, Shape::Heavy] {
            assert!((tails.signed(shape, 0.0) + 0.5).abs() < 1e-5);
            for k in 0..2000 {
                let z = k as f32 * 0.02;
                assert!(tails.signed(shape, z + 0.02) >= tails.signed(shape, z));
            }
        }
    }
}
