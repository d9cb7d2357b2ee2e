//! Pixels to bits.

use super::RicePixel;

/// Encodes pixels in blocks of `block`, appending to `out`; the bytes are those that cfitsio
/// writes.
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

/// The number of low bits for differences of mean `sum / count`: that of half the mean, the mean
/// taken a little low.
///
/// So `sum < count * (2 << fs) + count / 2 + 1`, and the unary parts of a block take at most 2.5
/// bits per pixel.
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
