//! RICE_1: Rice codes of the differences of neighbouring pixels, the parameter chosen per block.
//!
//! The algorithm of R. White (STScI), after R. Rice, P.-S. Yeh and W. Miller, *Algorithms for a
//! very high speed universal noiseless coding module* (JPL 1991), as FITS 4.0 section 10.4.1 fixes
//! it. A stream is
//!
//! 1. the first pixel, plain, most significant bit first;
//! 2. per block of differences (the first difference is 0): `fs + 1` in a few bits, then
//!    - `fs + 1 == 0`: all differences are 0;
//!    - `fs` at its maximum: the mapped differences, plain;
//!    - otherwise per difference `mapped >> fs` zeros, a one, and the `fs` low bits;
//! 3. zero bits up to the next byte.
//!
//! A difference `d`, taken modulo the pixel's width, is mapped to `2d` or, if negative, to
//! `-2d - 1`.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::{decode, decode_into};
pub use encode::encode;

/// A pixel width that RICE_1 knows (BYTEPIX 1, 2 or 4).
pub trait RicePixel: Copy + Default {
    /// Bits of a pixel.
    const BITS: u32;
    /// Bits of the field that holds `fs + 1`.
    const FS_BITS: u32;
    /// The value of `fs` that stands for plain differences.
    const FS_MAX: u32;
    /// From the low bits.
    fn from_low(bits: u32) -> Self;
    /// Into the low bits; what is above does not matter.
    fn to_low(self) -> u32;
}

macro_rules! rice_pixel {
    ($type:ty, $bits:expr, $fs_bits:expr, $fs_max:expr) => {
        impl RicePixel for $type {
            const BITS: u32 = $bits;
            const FS_BITS: u32 = $fs_bits;
            const FS_MAX: u32 = $fs_max;

            #[inline(always)]
            fn from_low(bits: u32) -> Self {
                bits as Self
            }

            #[inline(always)]
            fn to_low(self) -> u32 {
                self as u32
            }
        }
    };
}
rice_pixel!(u8, 8, 3, 6);
rice_pixel!(i16, 16, 4, 14);
rice_pixel!(i32, 32, 5, 25);

/// Unsigned samples are coded as FITS stores them, less 32768.
impl RicePixel for u16 {
    const BITS: u32 = <i16 as RicePixel>::BITS;
    const FS_BITS: u32 = <i16 as RicePixel>::FS_BITS;
    const FS_MAX: u32 = <i16 as RicePixel>::FS_MAX;

    #[inline(always)]
    fn from_low(bits: u32) -> Self {
        bits as Self ^ 0x8000
    }

    #[inline(always)]
    fn to_low(self) -> u32 {
        u32::from(self ^ 0x8000)
    }
}

/// Fewest bytes that a stream of `pixels` pixels can have.
pub fn min_bytes<T: RicePixel>(pixels: usize, block: usize) -> usize {
    if pixels == 0 {
        return 0;
    }
    let bits = pixels.div_ceil(block.max(1)).saturating_mul(T::FS_BITS as usize);
    bits.saturating_add(T::BITS as usize).div_ceil(8)
}
