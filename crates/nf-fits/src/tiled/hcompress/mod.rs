//! HCOMPRESS_1: the H-transform, quantised if wanted, its bit planes coded as quadtrees.
//!
//! R. White, M. Postman and M. Lattanzi, *Compression of the Guide Star digitised Schmidt plates*
//! (1992), and FITS 4.0 section 10.4.4. A stream is
//!
//! | bytes | what |
//! |---|---|
//! | 2 | `DD 99` |
//! | 4, 4, 4 | rows, columns, scale |
//! | 8 | the sum coefficient of the whole array |
//! | 3 | bit planes of the three kinds of quadrants |
//! | | quadrant by quadrant, bit plane by bit plane, the magnitudes of all other coefficients ([`quadtree`]) |
//! | | one sign bit for every coefficient that is not zero, in the order of the array |
//!
//! Scale 0 or 1 loses nothing, and neither does a negative one, which cfitsio writes where a scale
//! in units of the noise overflows. A larger scale divides all coefficients before coding and
//! multiplies them afterwards, and the decoder may smooth what was lost ([`transform::inverse`]).

mod quadtree;
mod smooth;
mod transform;

use quadtree::{BitReader, BitWriter};

const MAGIC: [u8; 2] = [0xdd, 0x99];
const HEADER_BYTES: usize = 25;

/// Fewest rows or columns of a tile in a FITS file: other implementations refuse less.
pub const MIN_SIDE_PX: usize = 4;

/// More planes than coefficients of 32-bit pixels can fill; what is above is not a stream of this
/// kind.
const MAX_PLANES: u8 = 63;

/// Fewest bytes that a stream can have: constant arrays of any size need no more.
pub fn min_bytes() -> usize {
    HEADER_BYTES
}

/// Encodes an array of `width` columns.
///
/// # Errors
/// If the array is empty or no rectangle, or a side or the scale is larger than a stream can say.
pub fn encode(pixels: &[i32], width: usize, scale: u32) -> Result<Vec<u8>, &'static str> {
    let height = pixels.len() / width.max(1);
    if pixels.is_empty() || height * width != pixels.len() {
        return Err("HCOMPRESS_1: no rectangle of pixels");
    }
    let side = |n: usize| i32::try_from(n).map_err(|_| "HCOMPRESS_1: the tile's side is too long");
    let (rows, columns) = (side(height)?, side(width)?);
    let scale = i32::try_from(scale).map_err(|_| "HCOMPRESS_1: the scale is too large")?;
    let mut a: Vec<i64> = pixels.iter().map(|&pixel| i64::from(pixel)).collect();
    transform::forward(&mut a, height, width);
    digitise(&mut a, i64::from(scale));
    let mut out = Vec::with_capacity(pixels.len() + HEADER_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&rows.to_be_bytes());
    out.extend_from_slice(&columns.to_be_bytes());
    out.extend_from_slice(&scale.to_be_bytes());
    out.extend_from_slice(&std::mem::take(&mut a[0]).to_be_bytes());
    let mut signs = BitWriter::default();
    for value in &mut a {
        if *value != 0 {
            signs.put(u32::from(*value < 0), 1);
            *value = value.wrapping_abs();
        }
    }
    let quadrants = quadrants(height, width);
    let mut planes = [0u8; 3];
    for quadrant in &quadrants {
        let all = quadrant.rows(&a, width).flatten().fold(0, |all, &value| all | value);
        planes[quadrant.kind] = planes[quadrant.kind].max((64 - all.leading_zeros()) as u8);
    }
    out.extend_from_slice(&planes);
    let mut bits = BitWriter::new(out);
    for quadrant in &quadrants {
        quadtree::encode(
            &mut bits,
            &a[quadrant.start.min(a.len())..],
            width,
            quadrant.size,
            planes[quadrant.kind],
        );
    }
    bits.put(0, 4);
    let mut out = bits.finish();
    out.extend_from_slice(&signs.finish());
    Ok(out)
}

/// What a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The pixels, row by row.
    pub pixels: Vec<i32>,
    /// Whether the coefficients were quantised.
    pub lossy: bool,
    /// Whether sums left the range of 32 bits, so that their low bits were taken; of lossy streams
    /// only.
    pub wrapped: bool,
}

/// Decodes an array of `width` columns and `pixels` pixels, smoothing it where `smooth` says so and
/// it was quantised.
///
/// # Errors
/// If the stream ends early, is of another size, or its values do not fit 32 bits.
pub fn decode(bytes: &[u8], pixels: usize, width: usize, smooth: bool) -> Result<Vec<i32>, &'static str> {
    let decoded = decode_wrapping(bytes, pixels, width, smooth)?;
    if decoded.wrapped { Err(TOO_WIDE) } else { Ok(decoded.pixels) }
}

const TOO_WIDE: &str = "HCOMPRESS_1: a pixel does not fit 32 bits";

/// As [`decode`], but of a quantised array, whose sums may miss their pixels by more than 32 bits
/// can hold, the low 32 bits are taken, as cfitsio does.
///
/// # Errors
/// If the stream ends early or is of another size, or the values of one that was not quantised do
/// not fit 32 bits.
pub fn decode_wrapping(
    bytes: &[u8],
    pixels: usize,
    width: usize,
    smooth: bool,
) -> Result<Decoded, &'static str> {
    let cut = "HCOMPRESS_1: the stream is cut short";
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or(cut)?;
    if header[..2] != MAGIC {
        return Err("HCOMPRESS_1: the stream does not begin with DD 99");
    }
    let word = |at: usize| i32::from_be_bytes(header[at..at + 4].try_into().expect("four bytes were cut"));
    let height = pixels / width.max(1);
    if (usize::try_from(word(2)), usize::try_from(word(6))) != (Ok(height), Ok(width))
        || height * width != pixels
    {
        return Err("HCOMPRESS_1: the stream's sides are not those of the tile");
    }
    let scale = word(10);
    let sum = i64::from_be_bytes(header[14..22].try_into().expect("eight bytes were cut"));
    let planes = &header[22..25];
    if planes.iter().any(|&planes| planes > MAX_PLANES) {
        return Err("HCOMPRESS_1: more bit planes than can be");
    }
    let lossy = scale > 1;
    let mut a = vec![0i64; pixels];
    let mut bits = BitReader::new(rest);
    for quadrant in quadrants(height, width) {
        let start = quadrant.start.min(a.len());
        quadtree::decode(&mut bits, &mut a[start..], width, quadrant.size, planes[quadrant.kind])?;
    }
    if bits.take(4)? != 0 {
        return Err("HCOMPRESS_1: the bit planes do not end where they should");
    }
    let mut signs = BitReader::new(&rest[bits.bytes_taken()..]);
    for value in a.iter_mut().filter(|value| **value != 0) {
        if signs.take(1)? == 1 {
            *value = -*value;
        }
    }
    a[0] = sum;
    if lossy {
        a.iter_mut().for_each(|value| *value = value.wrapping_mul(i64::from(scale)));
    }
    transform::inverse(&mut a, height, width, if smooth { i64::from(scale) } else { 0 });
    let wrapped = a.iter().any(|&value| i32::try_from(value).is_err());
    if wrapped && !lossy {
        return Err(TOO_WIDE);
    }
    Ok(Decoded { pixels: a.into_iter().map(|value| value as i32).collect(), lossy, wrapped })
}

/// Divides by the scale, rounding to the nearest.
fn digitise(a: &mut [i64], scale: i64) {
    if scale > 1 {
        let half = (scale + 1) / 2 - 1;
        a.iter_mut().for_each(|value| *value = (*value + if *value > 0 { half } else { -half }) / scale);
    }
}

/// One of the four quarters of the transformed array.
struct Quadrant {
    start: usize,
    /// Rows and columns.
    size: (usize, usize),
    /// Which of the three numbers of bit planes it uses.
    kind: usize,
}

impl Quadrant {
    fn rows<'a>(&self, a: &'a [i64], width: usize) -> impl Iterator<Item = &'a [i64]> {
        let (start, columns) = (self.start, self.size.1);
        (0..self.size.0).map(move |row| &a[start + row * width..][..columns])
    }
}

fn quadrants(height: usize, width: usize) -> [Quadrant; 4] {
    let (top, left) = (height.div_ceil(2), width.div_ceil(2));
    [
        Quadrant { start: 0, size: (top, left), kind: 0 },
        Quadrant { start: left, size: (top, width / 2), kind: 1 },
        Quadrant { start: width * top, size: (height / 2, left), kind: 1 },
        Quadrant { start: width * top + left, size: (height / 2, width / 2), kind: 2 },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(n: usize, spread: u32, seed: u64) -> Vec<i32> {
        let mut state = seed | 1;
        (0..n)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state as i32) >> (31 - spread.min(31))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn lossless_round_trip(height in 1usize..40, width in 1usize..40, spread in 0u32..32, seed in any::<u64>()) {
            let pixels = noise(height * width, spread, seed);
            let bytes = encode(&pixels, width, 0).unwrap();
            prop_assert_eq!(decode(&bytes, pixels.len(), width, false).unwrap(), pixels.clone());
            prop_assert_eq!(decode(&bytes, pixels.len(), width, true).unwrap(), pixels);
        }

        #[test]
        fn lossy_errors_are_of_the_order_of_the_scale(height in 4usize..40, width in 4usize..40, scale in 2u32..50, seed in any::<u64>()) {
            let pixels = noise(height * width, 10, seed);
            let bytes = encode(&pixels, width, scale).unwrap();
            let back = decode(&bytes, pixels.len(), width, false).unwrap();
            let worst = back.iter().zip(&pixels).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            prop_assert!(worst <= 2 * scale, "{} at scale {}", worst, scale);
        }

        #[test]
        fn damaged_streams_are_errors_or_pixels(seed in any::<u64>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let pixels = noise(63, 8, seed);
            let mut bytes = encode(&pixels, 9, 0).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(back) = decode(&bytes, 63, 9, true) {
                prop_assert_eq!(back.len(), 63);
            }
            prop_assert!(decode(&bytes[..at], 63, 9, true).is_err());
        }
    }

    #[test]
    fn lying_sides_are_refused() {
        let bytes = encode(&[1; 36], 6, 0).unwrap();
        assert!(decode(&bytes, 36, 9, false).unwrap_err().contains("sides"));
        assert!(decode(&bytes, 72, 6, false).unwrap_err().contains("sides"));
        assert!(encode(&[1; 9], 4, 0).is_err());
        assert!(encode(&[], 4, 0).is_err());
    }

    #[test]
    fn a_scale_that_overflowed_loses_nothing() {
        let pixels = noise(30, 31, 5);
        let mut bytes = encode(&pixels, 6, 0).unwrap();
        bytes[10..14].copy_from_slice(&i32::MIN.to_be_bytes());
        for smooth in [false, true] {
            let decoded = decode_wrapping(&bytes, 30, 6, smooth).unwrap();
            assert_eq!(decoded, Decoded { pixels: pixels.clone(), lossy: false, wrapped: false });
        }
        assert!(encode(&pixels, 6, 1 << 31).unwrap_err().contains("scale"));
    }

    #[test]
    fn sums_beyond_32_bits_wrap_only_where_bits_were_lost() {
        // Nulls among small numbers, as cfitsio quantises pixels that are NaN.
        let mut pixels = noise(256, 8, 5);
        pixels.iter_mut().step_by(7).for_each(|pixel| *pixel = -2_147_483_647);
        let bytes = encode(&pixels, 16, 77_777_777).unwrap();
        let decoded = decode_wrapping(&bytes, 256, 16, false).unwrap();
        assert!(decoded.wrapped && decoded.lossy);
        assert_eq!(decode(&bytes, 256, 16, false), Err(TOO_WIDE));
        let mut lossless = encode(&[0; 16], 4, 0).unwrap();
        lossless[14..22].copy_from_slice(&(1i64 << 60).to_be_bytes());
        assert_eq!(decode_wrapping(&lossless, 16, 4, false), Err(TOO_WIDE));
    }

    #[test]
    fn constant_arrays_are_a_header() {
        assert!(encode(&[7; 10_000], 100, 0).unwrap().len() <= HEADER_BYTES + 2);
    }
}
