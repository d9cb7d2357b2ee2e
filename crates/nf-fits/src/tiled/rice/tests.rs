//! Against a slow reference, and streams that are none.

use super::*;
use proptest::prelude::*;

/// The slow reference: one bit at a time, in 64-bit arithmetic, straight from the description
/// above.
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
