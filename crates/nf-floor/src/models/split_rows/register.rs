//! Neighbouring pixels of a half row side by side, as many as a wide register holds.

use std::ops::{Add, Mul, Sub};

/// Pixels of a register.
pub(super) const REGISTER: usize = 16;

/// A number per pixel. All operations go pixel by pixel.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(super) struct Register(pub(super) [f32; REGISTER]);

impl Register {
    /// The same number for all.
    #[inline(always)]
    pub(super) fn all(value: f32) -> Self {
        Self([value; REGISTER])
    }

    /// The smaller ones; those of `other` where they are equal.
    #[inline(always)]
    pub(super) fn min(self, other: Self) -> Self {
        let mut result = [0.0; REGISTER];
        for i in 0..REGISTER {
            let (a, b) = (self.0[i], other.0[i]);
            result[i] = if a < b { a } else { b };
        }
        Self(result)
    }

    /// The larger ones; those of `other` where they are equal.
    #[inline(always)]
    pub(super) fn max(self, other: Self) -> Self {
        let mut result = [0.0; REGISTER];
        for i in 0..REGISTER {
            let (a, b) = (self.0[i], other.0[i]);
            result[i] = if a > b { a } else { b };
        }
        Self(result)
    }

    #[inline(always)]
    pub(super) fn abs(self) -> Self {
        let mut result = [0.0; REGISTER];
        for i in 0..REGISTER {
            result[i] = self.0[i].abs();
        }
        Self(result)
    }
}

impl Add for Register {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let mut result = [0.0; REGISTER];
        for i in 0..REGISTER {
            let (a, b) = (self.0[i], other.0[i]);
            result[i] = a + b;
        }
        Self(result)
    }
}

impl Sub for Register {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let mut result = [0.0; REGISTER];
        for i in 0..REGISTER {
            let (a, b) = (self.0[i], other.0[i]);
            result[i] = a - b;
        }
        Self(result)
    }
}

impl Mul for Register {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let mut result = [0.0; REGISTER];
        for i in 0..REGISTER {
            let (a, b) = (self.0[i], other.0[i]);
            result[i] = a * b;
        }
        Self(result)
    }
}

/// Whole registers of numbers.
#[inline(always)]
pub(super) fn registers(values: &[f32]) -> &[[f32; REGISTER]] {
    values.as_chunks().0
}
