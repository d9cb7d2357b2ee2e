//! Bits to pixels.

use super::{RicePixel, min_bytes};

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

/// Decodes as many pixels as `out` has room for; returns the length of their stream, which another
/// may follow.
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
