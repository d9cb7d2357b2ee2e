//! RICE_1: Rice codes of the differences of neighbouring pixels, the parameter chosen per block.
//!
//! The algorithm of R. White (STScI), after R. Rice, P.-S. Yeh and W. Miller, *Algorithms for a very high speed
//! universal noiseless coding module* (JPL 1991), as FITS 4.0 section 10.4.1 fixes it. A stream is
//!
//! 1. the first pixel, plain, most significant bit first;
//! 2. per block of differences (the first difference is 0): `fs + 1` in a few bits, then
//!    - `fs + 1 == 0`: all differences are 0;
//!    - `fs` at its maximum: the mapped differences, plain;
//!    - otherwise per difference `mapped >> fs` zeros, a one, and the `fs` low bits;
//! 3. zero bits up to the next byte.
//!
//! A difference `d`, taken modulo the pixel's width, is mapped to `2d` or, if negative, to `-2d - 1`.

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

/// Fewest bytes that a stream of `pixels` pixels can have.
pub fn min_bytes<T: RicePixel>(pixels: usize, block: usize) -> usize {
    if pixels == 0 {
        return 0;
    }
    let bits = pixels.div_ceil(block.max(1)).saturating_mul(T::FS_BITS as usize);
    bits.saturating_add(T::BITS as usize).div_ceil(8)
}

/// Decodes `pixels` pixels that were coded in blocks of `block`.
///
/// # Errors
/// If the stream ends early, or `block` is zero. What follows the stream is ignored.
pub fn decode<T: RicePixel>(bytes: &[u8], pixels: usize, block: usize) -> Result<Vec<T>, &'static str> {
    if block == 0 {
        return Err("RICE_1: BLOCKSIZE is 0");
    }
    if bytes.len() < min_bytes::<T>(pixels, block) {
        return Err("RICE_1: the stream is shorter than so many pixels can be");
    }
    let mut out = vec![T::default(); pixels];
    if pixels == 0 {
        return Ok(out);
    }
    let mut bits = BitReader { bytes, pos: 0, acc: 0, count: 0 };
    let mut last = bits.take(T::BITS).ok_or(CUT)?;
    for chunk in out.chunks_mut(block) {
        last = decode_block(&mut bits, last, chunk).ok_or(CUT)?;
    }
    Ok(out)
}

const CUT: &str = "RICE_1: the stream ends before its pixels do";

fn decode_block<T: RicePixel>(bits: &mut BitReader, mut last: u32, chunk: &mut [T]) -> Option<u32> {
    let code = bits.take(T::FS_BITS)?;
    if code == 0 {
        chunk.fill(T::from_low(last));
        return Some(last);
    }
    let fs = code - 1;
    if fs >= T::FS_MAX {
        for pixel in chunk {
            last = last.wrapping_add(unmap(bits.take(T::BITS)?));
            *pixel = T::from_low(last);
        }
        return Some(last);
    }
    // The reader's state lives in registers here: this loop is most of the time of reading a file.
    let mut local = *bits;
    for pixel in chunk {
        let mut zeros = local.acc.leading_zeros();
        if zeros + 1 + fs > local.count {
            local.refill();
            zeros = local.acc.leading_zeros();
            if zeros + 1 + fs > local.count {
                zeros = local.long_unary(fs)?;
                last = last.wrapping_add(unmap((zeros << fs) | local.take(fs)?));
                *pixel = T::from_low(last);
                continue;
            }
        }
        // Two shifts each, because a shift by 64 is not defined and `fs` or `zeros` may make one.
        let behind_one = local.acc << zeros << 1;
        let low = (behind_one >> 1 >> (63 - fs)) as u32;
        local.acc = behind_one << fs;
        local.count -= zeros + 1 + fs;
        last = last.wrapping_add(unmap((zeros << fs) | low));
        *pixel = T::from_low(last);
    }
    *bits = local;
    Some(last)
}

/// 0, 1, 2, 3, ... become 0, -1, 1, -2, ...
#[inline(always)]
fn unmap(mapped: u32) -> u32 {
    (mapped >> 1) ^ (mapped & 1).wrapping_neg()
}

/// Reads bits, most significant first; the next ones stand at the top of `acc`.
#[derive(Clone, Copy)]
struct BitReader<'a> {
    bytes: &'a [u8],
    pos: usize,
    acc: u64,
    count: u32,
}

impl BitReader<'_> {
    /// Brings at least 56 bits into `acc`, or all that are left.
    #[inline(always)]
    fn refill(&mut self) {
        if let Some(next) = self.bytes.get(self.pos..self.pos + 8) {
            let next = u64::from_be_bytes(next.try_into().expect("eight bytes were cut"));
            self.acc |= next >> self.count;
            self.pos += ((63 - self.count) >> 3) as usize;
            self.count |= 56;
        } else {
            while self.count <= 56 && self.pos < self.bytes.len() {
                self.acc |= u64::from(self.bytes[self.pos]) << (56 - self.count);
                self.pos += 1;
                self.count += 8;
            }
        }
    }

    #[inline(always)]
    fn take(&mut self, bits: u32) -> Option<u32> {
        if bits > self.count {
            self.refill();
            if bits > self.count {
                return None;
            }
        }
        let value = (self.acc >> 1 >> (63 - bits)) as u32;
        self.acc <<= bits;
        self.count -= bits;
        Some(value)
    }

    /// Counts zeros up to a one, takes both, and makes sure that `after` bits can follow.
    #[cold]
    fn long_unary(&mut self, after: u32) -> Option<u32> {
        let mut zeros = 0u32;
        loop {
            // Bits of `acc` below `count` may be set already; they do not count as read.
            let here = self.acc.leading_zeros();
            if here < self.count {
                self.acc = self.acc << here << 1;
                self.count -= here + 1;
                self.refill();
                return (after <= self.count).then_some(zeros.wrapping_add(here));
            }
            zeros = zeros.wrapping_add(self.count);
            self.acc = if self.count == 64 { 0 } else { self.acc << self.count };
            self.count = 0;
            self.refill();
            if self.count == 0 {
                return None;
            }
        }
    }
}
