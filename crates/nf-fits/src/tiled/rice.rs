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

/// Encodes pixels in blocks of `block`, appending to `out`; the bytes are those that cfitsio writes.
///
/// # Panics
/// If `block` is zero.
pub fn encode<T: RicePixel>(pixels: &[T], block: usize, out: &mut Vec<u8>) {
    assert!(block > 0, "a block has pixels");
    let Some(&first) = pixels.first() else { return };
    let mut bits = BitWriter { pos: out.len(), out, acc: 0, free: 64 };
    // Plain differences take BITS each, Rice codes at most half a bit more (see `parameter`).
    let most_bits = block * (T::BITS as usize + 1) + 64;
    bits.reserve(T::BITS as usize);
    bits.put(first.to_low() & mask(T::BITS), T::BITS);
    let mut last = first.to_low();
    let mut mapped = vec![0u32; block.min(pixels.len())];
    for chunk in pixels.chunks(block) {
        bits.reserve(most_bits);
        let mapped = &mut mapped[..chunk.len()];
        let mut sum = 0u64;
        for (value, pixel) in mapped.iter_mut().zip(chunk) {
            *value = map::<T>(pixel.to_low().wrapping_sub(last));
            last = pixel.to_low();
            sum += u64::from(*value);
        }
        encode_block::<T>(&mut bits, mapped, sum);
    }
    bits.finish();
}

fn encode_block<T: RicePixel>(bits: &mut BitWriter, mapped: &[u32], sum: u64) {
    let fs = parameter(sum, mapped.len() as u64);
    if fs >= T::FS_MAX {
        bits.put(T::FS_MAX + 1, T::FS_BITS);
        mapped.iter().for_each(|&value| bits.put(value, T::BITS));
    } else if sum == 0 {
        bits.put(0, T::FS_BITS);
    } else {
        bits.put(fs + 1, T::FS_BITS);
        let one = 1 << fs;
        for &value in mapped {
            let zeros = value >> fs;
            let code = one | (value & (one - 1));
            if zeros + 1 + fs <= 32 {
                bits.put(code, zeros + 1 + fs);
            } else {
                bits.put_zeros(zeros);
                bits.put(code, 1 + fs);
            }
        }
    }
}

/// The number of low bits for differences of mean `sum / count`: that of half the mean, the mean taken a little low.
///
/// So `sum < count * (2 << fs) + count / 2 + 1`, and the unary parts of a block take at most 2.5 bits per pixel.
fn parameter(sum: u64, count: u64) -> u32 {
    let low = sum.saturating_sub(count / 2 + 1) / count;
    u64::BITS - (low >> 1).leading_zeros()
}

fn mask(bits: u32) -> u32 {
    u32::MAX >> (32 - bits)
}

/// 0, -1, 1, -2, ... (modulo the pixel's width) become 0, 1, 2, 3, ...
#[inline(always)]
fn map<T: RicePixel>(difference: u32) -> u32 {
    // The difference's sign bit moves to the top of the word, so that arithmetic shifts spread it.
    let wide = (difference << (32 - T::BITS)) as i32;
    let signed = wide >> (32 - T::BITS);
    ((signed << 1) ^ (signed >> 31)) as u32 & mask(T::BITS)
}

/// Writes bits, most significant first, into room that was reserved.
struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    pos: usize,
    acc: u64,
    /// Bits of `acc` that are still free; never 0.
    free: u32,
}

impl BitWriter<'_> {
    /// Makes room for `bits` more.
    fn reserve(&mut self, bits: usize) {
        let needed = self.pos + bits / 8 + 16;
        if self.out.len() < needed {
            self.out.resize(needed.next_power_of_two().max(1024), 0);
        }
    }

    /// Writes the `bits` (at most 32) low bits of `value`, whose other bits are zero.
    #[inline(always)]
    fn put(&mut self, value: u32, bits: u32) {
        if bits < self.free {
            self.free -= bits;
            self.acc |= u64::from(value) << self.free;
            return;
        }
        let over = bits - self.free;
        let word = self.acc | u64::from(value) >> over;
        self.out[self.pos..self.pos + 8].copy_from_slice(&word.to_be_bytes());
        self.pos += 8;
        self.free = 64 - over;
        // Shifted in two steps: when nothing is left over, the shift would be by 64.
        self.acc = u64::from(value) << 1 << (self.free - 1);
    }

    #[cold]
    fn put_zeros(&mut self, mut count: u32) {
        while count > 0 {
            let now = count.min(32);
            self.put(0, now);
            count -= now;
        }
    }

    /// Writes what is left, and zero bits up to the next byte.
    fn finish(self) {
        let bytes = (64 - self.free).div_ceil(8) as usize;
        let end = self.pos + bytes;
        self.out[self.pos..end].copy_from_slice(&self.acc.to_be_bytes()[..bytes]);
        self.out.truncate(end);
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

/// Decodes `pixels` pixels that were coded in blocks of `block`.
///
/// # Errors
/// If the stream ends early, or `block` is zero. What follows the stream is ignored.
pub fn decode<T: RicePixel>(bytes: &[u8], pixels: usize, block: usize) -> Result<Vec<T>, &'static str> {
    check_length::<T>(bytes, pixels, block)?;
    let mut out = vec![T::default(); pixels];
    decode_into(bytes, block, &mut out)?;
    Ok(out)
}

/// Decodes as many pixels as `out` has room for; returns the length of their stream, which another may follow.
///
/// # Errors
/// If the stream ends early, or `block` is zero.
pub fn decode_into<T: RicePixel>(bytes: &[u8], block: usize, out: &mut [T]) -> Result<usize, &'static str> {
    check_length::<T>(bytes, out.len(), block)?;
    if out.is_empty() {
        return Ok(0);
    }
    let mut bits = BitReader { bytes, pos: 0, acc: 0, count: 0 };
    let mut last = bits.take(T::BITS).ok_or(CUT)?;
    for chunk in out.chunks_mut(block) {
        last = decode_block(&mut bits, last, chunk).ok_or(CUT)?;
    }
    // Whole bytes that were taken but not needed are the next stream's.
    Ok(bits.pos - (bits.count / 8) as usize)
}

/// Refuses streams that are too short, before anything is allocated for their pixels.
fn check_length<T: RicePixel>(bytes: &[u8], pixels: usize, block: usize) -> Result<(), &'static str> {
    if block == 0 {
        return Err("RICE_1: BLOCKSIZE is 0");
    }
    if bytes.len() < min_bytes::<T>(pixels, block) {
        return Err("RICE_1: the stream is shorter than so many pixels can be");
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The slow twin: one bit at a time, in 64-bit arithmetic, straight from the description above.
    fn slow_encode<T: RicePixel>(pixels: &[T], block: usize) -> Vec<u8> {
        fn push(bits: &mut Vec<bool>, value: u64, count: u32) {
            bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        }
        let width = 1u64 << T::BITS;
        let mut bits = Vec::new();
        let values: Vec<u64> = pixels.iter().map(|pixel| u64::from(pixel.to_low()) % width).collect();
        let Some(&first) = values.first() else { return Vec::new() };
        push(&mut bits, first, T::BITS);
        let mut last = first;
        for chunk in values.chunks(block) {
            let mut mapped = Vec::new();
            for &value in chunk {
                let d = (value + width - last) % width;
                mapped.push(if d < width / 2 { 2 * d } else { 2 * (width - d) - 1 });
                last = value;
            }
            let (sum, n) = (mapped.iter().sum::<u64>() as f64, chunk.len() as f64);
            let mut half_mean = ((((sum - (n / 2.0).floor() - 1.0) / n).max(0.0)) as u64) >> 1;
            let mut fs = 0;
            while half_mean > 0 {
                half_mean >>= 1;
                fs += 1;
            }
            if fs >= T::FS_MAX {
                push(&mut bits, u64::from(T::FS_MAX) + 1, T::FS_BITS);
                mapped.iter().for_each(|&m| push(&mut bits, m, T::BITS));
            } else if sum == 0.0 {
                push(&mut bits, 0, T::FS_BITS);
            } else {
                push(&mut bits, u64::from(fs) + 1, T::FS_BITS);
                for m in mapped {
                    (0..m >> fs).for_each(|_| bits.push(false));
                    bits.push(true);
                    push(&mut bits, m % (1 << fs), fs);
                }
            }
        }
        bits.chunks(8)
            .map(|byte| byte.iter().enumerate().fold(0, |b, (i, &bit)| b | u8::from(bit) << (7 - i)))
            .collect()
    }

    fn check<T: RicePixel + PartialEq + std::fmt::Debug>(pixels: &[T], block: usize) {
        let mut fast = vec![7; 3];
        encode(pixels, block, &mut fast);
        assert_eq!(fast[..3], [7; 3]);
        assert_eq!(fast[3..], slow_encode(pixels, block));
        assert_eq!(decode::<T>(&fast[3..], pixels.len(), block).unwrap(), pixels);
        // Whatever follows is left alone, and the stream knows its length.
        let mut followed = fast[3..].to_vec();
        followed.extend([0xa5; 20]);
        let mut out = vec![T::default(); pixels.len()];
        assert_eq!(decode_into(&followed, block, &mut out), Ok(fast.len() - 3));
        assert_eq!(out, pixels);
        assert!(fast.len() - 3 >= min_bytes::<T>(pixels.len(), block));
        for cut in 4..fast.len().min(40) {
            // Short streams are refused; a cut that took only the last byte's padding cannot exist.
            assert!(decode::<T>(&fast[3..cut], pixels.len(), block).is_err());
        }
    }

    /// Noise of every spread, with jumps, as 64-bit words to be cut to the pixel's width.
    fn noise() -> impl Strategy<Value = (Vec<i64>, usize)> {
        let pixel = (any::<i64>(), 0u32..64, 0u32..40);
        let pixels = proptest::collection::vec(pixel, 0..300);
        (pixels, 0u32..34, 1usize..70).prop_map(|(raw, spread, block)| {
            let pixels = raw
                .into_iter()
                .map(|(value, shift, jump)| if jump == 0 { value } else { value >> (63 - spread.min(shift)) })
                .collect();
            (pixels, block)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn the_fast_coder_writes_what_the_slow_one_writes((pixels, block) in noise()) {
            check(&pixels.iter().map(|&p| p as u8).collect::<Vec<_>>(), block);
            check(&pixels.iter().map(|&p| p as i16).collect::<Vec<_>>(), block);
            check(&pixels.iter().map(|&p| p as u16).collect::<Vec<_>>(), block);
            check(&pixels.iter().map(|&p| p as i32).collect::<Vec<_>>(), block);
        }

        #[test]
        fn any_bytes_decode_to_pixels_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), n in 0usize..2000, block in 0usize..80) {
            let _ = decode::<u8>(&bytes, n, block);
            let _ = decode::<i16>(&bytes, n, block);
            let _ = decode::<i32>(&bytes, n, block);
        }
    }

    #[test]
    fn extremes() {
        check::<i16>(&[i16::MIN, i16::MAX].repeat(50), 32);
        check::<i32>(&[i32::MIN, i32::MAX, 0].repeat(50), 32);
        check::<u8>(&[0, 255, 128].repeat(50), 32);
        check::<i16>(&[5; 1000], 32);
        let mut spike = vec![0i32; 64];
        spike[40] = 1 << 29;
        check(&spike, 32);
        check::<i16>(&[1], 32);
        check::<i16>(&[], 32);
    }

    #[test]
    fn lying_lengths_allocate_nothing() {
        assert!(decode::<i16>(&[0; 16], usize::MAX, 32).is_err());
        assert!(decode::<i16>(&[0; 16], 1 << 40, 32).is_err());
        assert!(decode::<i16>(&[0; 16], 10, 0).is_err());
    }
}
