//! `rice`: the RICE_1 coder of tile-compressed FITS files, for 16-bit integers.
//!
//! Specification: FITS standard 4.0, section 10.4.1, <https://fits.gsfc.nasa.gov/fits_standard.html>; the idea
//! is from R. F. Rice, P. S. Yeh and W. Miller (1993), "Algorithms for high-speed universal noiseless coding".
//!
//! A tile is coded as a row of pixels. With x(0) sent plainly, the differences x(i) - x(i-1), modulo 2^16, are folded to
//! non-negative numbers m = 0, -1, 1, -2, ... -> 0, 1, 2, 3, ... and sent in blocks of `block` pixels:
//!
//! | bits | meaning |
//! |---|---|
//! | 16, once a tile | the first pixel minus 32768, as FITS stores unsigned data |
//! | 4 a block | 0: all m are 0, nothing follows; 15: each m follows in 16 bits; else s + 1, the split |
//! | per pixel | m >> s as that many 0 and a 1, then the s low bits of m |
//!
//! with s from the mean of m over the block: s = bits of (max(0, sum - n/2 - 1) / n) >> 1, direct coding if s > 13.
//! Numbers are sent highest bit first; a tile ends with zeros up to the next byte. The bytes of a tile equal those
//! that cfitsio writes. Since a decoder knows when a tile's pixels are complete, tiles follow one another without
//! a table (a FITS file adds 8 bytes a tile).
//!
//! Planes are coded independently. `tile=whole` makes one tile of a plane, so that the difference also runs from the
//! end of a row to the start of the next; `tile=row` is the default of FITS writers.

use crate::bit_io::{BitReader, BitWriter};
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, Result, Spec};
use nf_image::{Image16, Shape};
use std::fmt;
use std::str::FromStr;

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "rice",
    summary: "RICE_1 of FITS: differences along the row, Golomb-Rice codes",
    source: "FITS standard 4.0, section 10.4.1; Rice, Yeh and Miller 1993",
    options: &[
        OptionDoc { key: "block", values: "2..=1024", default: "32", help: "pixels that share a split" },
        OptionDoc {
            key: "tile",
            values: "whole or row",
            default: "whole",
            help: "one tile a plane, or a row",
        },
    ],
    build: |spec| {
        let mut options = spec.options();
        let block_px =
            options.take("block", DEFAULT_BLOCK_PX, "2..=1024", |b| (2..=MAX_BLOCK_PX).contains(b))?;
        let tile = options.take("tile", Tile::Whole, "whole or row", |_| true)?;
        options.finish()?;
        Ok(Box::new(Rice { block_px, tile }))
    },
};

const DEFAULT_BLOCK_PX: usize = 32;
const MAX_BLOCK_PX: usize = 1024;
/// What FITS subtracts from unsigned samples, seen as an operation on the bits.
const SIGN_BIT: u16 = 0x8000;
/// Bits of the number that announces the split of a block.
const SPLIT_BITS: u32 = 4;
/// The announcement of a block of plain numbers.
const DIRECT: u32 = 15;

struct Rice {
    block_px: usize,
    tile: Tile,
}

/// What is coded as one row of pixels.
#[derive(Clone, Copy, PartialEq)]
enum Tile {
    Whole,
    Row,
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tile::Whole => "whole",
            Tile::Row => "row",
        })
    }
}

impl FromStr for Tile {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "whole" => Ok(Tile::Whole),
            "row" => Ok(Tile::Row),
            _ => Err(()),
        }
    }
}

impl Rice {
    fn tile_px(&self, shape: Shape) -> usize {
        match self.tile {
            Tile::Whole => shape.plane_pixels(),
            Tile::Row => shape.width,
        }
    }
}

impl Codec for Rice {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("block", self.block_px, DEFAULT_BLOCK_PX).with(
            "tile",
            self.tile,
            Tile::Whole,
        )
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let mut writer = BitWriter::with_capacity(image.shape().raw_bytes() / 2);
        for tile in image.samples().chunks(self.tile_px(image.shape()).max(1)) {
            encode_tile(tile, self.block_px, &mut writer);
            writer.align();
        }
        Ok(writer.into_bytes())
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        limits.check_shape("rice stream", shape)?;
        let mut image = Image16::zeros(shape);
        let mut reader = BitReader::new(bytes);
        for tile in image.samples_mut().chunks_mut(self.tile_px(shape).max(1)) {
            decode_tile(&mut reader, self.block_px, tile)?;
            reader.align();
        }
        match reader.unread_bytes() {
            Some(0) => Ok(image),
            Some(extra) => {
                Err(Error::corrupt("rice stream", format!("{extra} bytes are left after the last pixel")))
            }
            None => Err(Error::truncated("rice stream")),
        }
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        // A block needs at most 16 bits a pixel: with m < 2^(s+1) on average, the sum of m >> s is at most
        // 2 n + (n / 2 >> s), beside s + 1 bits a pixel; at s = 13, the worst, that is 2 n + 14 n.
        let tile_px = self.tile_px(shape);
        let tiles = shape.pixels().checked_div(tile_px).unwrap_or(0);
        let tile_bits = 16 + 16 * tile_px + SPLIT_BITS as usize * tile_px.div_ceil(self.block_px);
        tiles as u64 * tile_bits.div_ceil(8) as u64
    }
}

/// Appends one tile, without the padding at its end.
fn encode_tile(tile: &[u16], block_px: usize, writer: &mut BitWriter) {
    let Some(&first) = tile.first() else { return };
    writer.put(u32::from(first ^ SIGN_BIT), 16);
    let mut last = first;
    let mut folded = [0u16; MAX_BLOCK_PX];
    for block in tile.chunks(block_px) {
        let folded = &mut folded[..block.len()];
        folded[0] = fold(block[0].wrapping_sub(last));
        for (m, pair) in folded[1..].iter_mut().zip(block.windows(2)) {
            *m = fold(pair[1].wrapping_sub(pair[0]));
        }
        last = block[block.len() - 1];
        encode_block(folded, writer);
    }
}

fn encode_block(folded: &[u16], writer: &mut BitWriter) {
    let n = folded.len() as u32;
    let sum: u32 = folded.iter().map(|&m| u32::from(m)).sum();
    let mean = sum.saturating_sub(n / 2 + 1) / n;
    let split = u32::BITS - (mean >> 1).leading_zeros();
    if sum == 0 {
        writer.put(0, SPLIT_BITS);
    } else if split > 13 {
        writer.put(DIRECT, SPLIT_BITS);
        folded.iter().for_each(|&m| writer.put(u32::from(m), 16));
    } else {
        writer.put(split + 1, SPLIT_BITS);
        for &m in folded {
            let (zeros, low) = (u32::from(m) >> split, u32::from(m) & ((1 << split) - 1));
            let code = 1 << split | low;
            if zeros + 1 + split <= 32 {
                writer.put(code, zeros + 1 + split);
            } else {
                (0..zeros / 32).for_each(|_| writer.put(0, 32));
                writer.put(0, zeros % 32);
                writer.put(code, 1 + split);
            }
        }
    }
}

/// Reads one tile; what the reader stands in after it is the padding.
fn decode_tile(reader: &mut BitReader<'_>, block_px: usize, tile: &mut [u16]) -> Result<()> {
    if tile.is_empty() {
        return Ok(());
    }
    reader.refill();
    let mut last = reader.take(16) as u16 ^ SIGN_BIT;
    for block in tile.chunks_mut(block_px) {
        reader.refill();
        match reader.take(SPLIT_BITS) {
            0 => block.fill(last),
            DIRECT => {
                for pixel in block {
                    reader.refill();
                    last = last.wrapping_add(unfold(reader.take(16) as u16));
                    *pixel = last;
                }
            }
            announced => {
                let split = announced - 1;
                let most_zeros = u32::from(u16::MAX) >> split;
                for pixel in block {
                    let m = reader.take_golomb_rice(split, most_zeros).ok_or_else(|| no_code(reader))?;
                    last = last.wrapping_add(unfold(m as u16));
                    *pixel = last;
                }
            }
        }
        if reader.is_overrun() {
            return Err(Error::truncated("rice stream"));
        }
    }
    Ok(())
}

#[cold]
fn no_code(reader: &BitReader<'_>) -> Error {
    if reader.is_overrun() {
        Error::truncated("rice stream")
    } else {
        Error::corrupt("rice stream", "a difference of more than 16 bits")
    }
}

/// Differences modulo 2^16 as 0, -1, 1, -2, ... -> 0, 1, 2, 3, ...
fn fold(difference: u16) -> u16 {
    difference << 1 ^ ((difference as i16) >> 15) as u16
}

fn unfold(m: u16) -> u16 {
    m >> 1 ^ (m & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn folding_is_a_bijection() {
        assert_eq!([0, u16::MAX, 1, u16::MAX - 1, 0x7fff, 0x8000].map(fold), [0, 1, 2, 3, 0xfffe, 0xffff]);
        assert!((0..=u16::MAX).all(|d| unfold(fold(d)) == d));
    }

    #[test]
    fn a_block_is_written_as_the_standard_says() {
        // First pixel 32770 -> 2; differences 0, 1, -1, 2 -> m = 0, 2, 1, 4: sum 7, mean (7 - 3) / 4 = 1, s = 0.
        let bits = "0000000000000010 0001 1 001 01 00001".replace(' ', "");
        assert_eq!(slow_tile(&[32770, 32771, 32770, 32772], 4), bits);
    }

    /// The twin: a tile as text of bits, word by word from the table above.
    fn slow_tile(tile: &[u16], block_px: usize) -> String {
        let mut last = i32::from(tile[0]);
        let mut bits = format!("{:016b}", tile[0] ^ 0x8000);
        for block in tile.chunks(block_px) {
            let mut folded = Vec::new();
            for &pixel in block {
                let difference = (i32::from(pixel) - last + 98_304) % 65_536 - 32_768;
                folded.push(if difference < 0 { -2 * difference - 1 } else { 2 * difference });
                last = i32::from(pixel);
            }
            let (n, sum) = (block.len() as i32, folded.iter().sum::<i32>());
            let mean = (sum - n / 2 - 1).max(0) / n;
            let split = (0..).find(|s| mean / 2 < 1 << s).unwrap();
            if sum == 0 {
                bits += "0000";
            } else if split > 13 {
                bits += "1111";
                folded.iter().for_each(|m| bits += &format!("{m:016b}"));
            } else {
                bits += &format!("{:04b}", split + 1);
                for m in folded {
                    bits += &"0".repeat((m >> split) as usize);
                    // The one, and the low bits after it.
                    bits += &format!("{:b}", 1 << split | m & ((1 << split) - 1));
                }
            }
        }
        bits
    }

    proptest! {
        #[test]
        fn tiles_equal_the_slow_twin(
            base: u16,
            shift in 0..16u32,
            noise in vec(any::<u16>(), 1..300),
            block_px in 2..70usize,
        ) {
            let tile: Vec<u16> = noise.iter().map(|&n| base.wrapping_add(n >> shift)).collect();
            let mut writer = BitWriter::with_capacity(0);
            encode_tile(&tile, block_px, &mut writer);
            writer.align();
            let bytes = writer.into_bytes();
            let text: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
            let expected = slow_tile(&tile, block_px);
            prop_assert_eq!(&text[..expected.len()], &*expected);
            prop_assert!(text[expected.len()..].bytes().all(|bit| bit == b'0') && text.len() < expected.len() + 8);
            let mut decoded = vec![0; tile.len()];
            decode_tile(&mut BitReader::new(&bytes), block_px, &mut decoded).unwrap();
            prop_assert_eq!(decoded, tile);
        }
    }
}
