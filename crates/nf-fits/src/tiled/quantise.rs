//! Floating-point pixels as scaled integers (FITS 4.0 section 10.2).
//!
//! A tile's pixels become `round((value - zero) / scale)`, the scale a fraction of the tile's
//! noise, with or without a random number added before rounding and taken off afterwards
//! (subtractive dithering). Null (NaN) pixels have an integer of their own, and with the second
//! dithering method so have exact zeros.

use super::dither::Sequence;
use super::noise::{NoisePixel, statistics};

/// The integer that stands for a null pixel, where the file does not name another in ZBLANK.
pub const NULL: i32 = -2_147_483_647;

/// The integer that stands for an exact zero under the second dithering method.
pub const ZERO: i32 = -2_147_483_646;

/// Integers from [`NULL`] upwards that stand for no value.
const RESERVED: f64 = 10.0;

/// What is done before rounding (ZQUANTIZ).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dither {
    /// NO_DITHER.
    None,
    /// SUBTRACTIVE_DITHER_1.
    Subtractive1,
    /// SUBTRACTIVE_DITHER_2: exact zeros stay zeros.
    Subtractive2,
}

impl Dither {
    /// The value of ZQUANTIZ.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NO_DITHER",
            Self::Subtractive1 => "SUBTRACTIVE_DITHER_1",
            Self::Subtractive2 => "SUBTRACTIVE_DITHER_2",
        }
    }
}

/// How the pixels of a tile and its integers hang together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// ZSCALE.
    pub scale: f64,
    /// ZZERO.
    pub zero: f64,
}

/// A floating-point type of pixel.
pub trait FloatPixel: Copy + Into<f64> {
    /// From double precision, rounded to the nearest.
    fn from_f64(value: f64) -> Self;
}

impl FloatPixel for f32 {
    fn from_f64(value: f64) -> Self {
        value as f32
    }
}

impl FloatPixel for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
}

/// Which pixels of which tile, and how finely: what [`quantise`] needs beside the pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Steps per sigma of the noise; negative: the step itself; 0 stands for 4 steps per sigma.
    pub level: f32,
    /// Dithering.
    pub dither: Dither,
    /// ZDITHER0.
    pub seed: i64,
    /// Number of the tile, from 0.
    pub tile: usize,
    /// Columns of the tile.
    pub width: usize,
}

/// Integers for a tile, or `None` where its pixels have no noise to spare, no finite range, or too
/// wide a one: then they must be kept as they are.
#[allow(private_bounds)]
pub fn quantise<T: FloatPixel + NoisePixel>(pixels: &[T], plan: &Plan) -> Option<(Vec<i32>, Scaling)> {
    if pixels.len() <= 1 {
        return None;
    }
    let found = statistics(pixels, plan.width);
    let level = f64::from(plan.level);
    let scale = if level < 0.0 {
        -level
    } else if found.good == 0 {
        1.0
    } else {
        found.sigma / if level == 0.0 { 4.0 } else { level }
    };
    let (min, max) = if found.good == 0 { (0.0, 1.0) } else { (found.min, found.max) };
    let range = (max - min) / scale;
    let sane = scale > 0.0 && scale.is_finite() && min.is_finite() && max.is_finite();
    if !sane || range > 2.0 * 2_147_483_647.0 - RESERVED {
        return None;
    }
    let near_reserved = min - scale * (f64::from(NULL) + RESERVED);
    let zero = if found.good < pixels.len() || plan.dither == Dither::Subtractive2 {
        near_reserved
    } else if range < 2_147_483_647.0 - RESERVED {
        // A whole multiple of the step, so that quantising twice changes nothing more.
        ((min / scale + 0.5) as i64) as f64 * scale
    } else {
        (min + max) / 2.0
    };
    let mut random = (plan.dither != Dither::None).then(|| Sequence::new(plan.tile, plan.seed));
    let integers = pixels
        .iter()
        .map(|&pixel| {
            let shift = random.as_mut().and_then(Iterator::next).map(f64::from);
            let value: f64 = pixel.into();
            if value.is_nan() {
                NULL
            } else if plan.dither == Dither::Subtractive2 && value == 0.0 {
                ZERO
            } else {
                let scaled = (value - zero) / scale;
                nearest(shift.map_or(scaled, |shift| scaled + shift - 0.5))
            }
        })
        .collect();
    Some((integers, Scaling { scale, zero }))
}

/// The nearest integer, ties away from zero, within the range of 32 bits.
fn nearest(value: f64) -> i32 {
    (if value >= 0.0 { value + 0.5 } else { value - 0.5 }) as i32
}

/// The pixels that a tile's integers stand for; `null` is the integer of null pixels, if the file
/// names one.
pub fn dequantise<T: FloatPixel>(
    integers: &[i32],
    scaling: Scaling,
    null: Option<i64>,
    dither: Dither,
    seed: i64,
    tile: usize,
) -> Vec<T> {
    let Scaling { scale, zero } = scaling;
    let mut random = (dither != Dither::None).then(|| Sequence::new(tile, seed));
    integers
        .iter()
        .map(|&integer| {
            let shift = random.as_mut().and_then(Iterator::next).map(f64::from);
            if null == Some(i64::from(integer)) {
                T::from_f64(f64::NAN)
            } else if dither == Dither::Subtractive2 && integer == ZERO {
                T::from_f64(0.0)
            } else {
                let value = f64::from(integer);
                T::from_f64(shift.map_or(value, |shift| value - shift + 0.5) * scale + zero)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels() -> Vec<f32> {
        let mut state = 1u64;
        (0..1000)
            .map(|i| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (i % 50) as f32 + (state >> 40) as f32 / 1e6
            })
            .collect()
    }

    #[test]
    fn errors_stay_within_half_a_step_and_nulls_and_zeros_survive() {
        let mut pixels = pixels();
        pixels.iter_mut().step_by(31).for_each(|p| *p = 0.0);
        pixels.iter_mut().skip(5).step_by(37).for_each(|p| *p = f32::NAN);
        for dither in [Dither::None, Dither::Subtractive1, Dither::Subtractive2] {
            for level in [4.0, 0.0, 16.0, -0.25] {
                let plan = Plan { level, dither, seed: 77, tile: 5, width: 50 };
                let (integers, scaling) = quantise(&pixels, &plan).unwrap();
                let back: Vec<f32> = dequantise(&integers, scaling, Some(i64::from(NULL)), dither, 77, 5);
                for (a, b) in pixels.iter().zip(&back) {
                    if a.is_nan() {
                        assert!(b.is_nan());
                    } else if dither == Dither::Subtractive2 && *a == 0.0 {
                        assert_eq!(*b, 0.0);
                    } else {
                        let error = (f64::from(*a) - f64::from(*b)).abs();
                        assert!(error <= scaling.scale * 0.5001 + 1e-5, "{dither:?} {level}: {a} {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn tiles_that_cannot_be_quantised_are_left_alone() {
        let plan = Plan { level: 4.0, dither: Dither::None, seed: 1, tile: 0, width: 100 };
        assert!(quantise(&[2.5f32; 100], &plan).is_none(), "no noise");
        assert!(quantise(&[1.0f64], &plan).is_none(), "one pixel");
        let mut wide = pixels();
        wide[7] = 1e30;
        assert!(quantise(&wide, &plan).is_none(), "too wide a range");
        wide[7] = f32::INFINITY;
        assert!(quantise(&wide, &plan).is_none(), "an infinite pixel");
        let (integers, _) = quantise(&[f64::NAN; 100], &plan).unwrap();
        assert!(integers.iter().all(|&i| i == NULL));
    }
}
