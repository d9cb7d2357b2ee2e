//! A stack: version, extents of tiles, index, tiles.

use super::{Wrong, planes};

/// CRC-32 of IEEE 802.3, bit by bit: the polynomial 0x04C11DB7 with its bits reversed, all ones
/// before and after.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = 0xFFFF_FFFF_u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    crc ^ 0xFFFF_FFFF
}

/// Bytes not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, n: u64) -> Result<&'a [u8], Wrong> {
        if n > self.0.len() as u64 {
            return Err(format!("{n} bytes expected, {} are left", self.0.len()));
        }
        let (taken, rest) = self.0.split_at(n as usize);
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u64, Wrong> {
        Ok(u64::from(self.take(1)?[0]))
    }

    fn varint(&mut self) -> Result<u64, Wrong> {
        let mut value = 0;
        for group in 0..5 {
            let byte = self.byte()?;
            value += (byte % 128) << (7 * group);
            if byte < 128 {
                return Ok(value);
            }
        }
        Err("a varint of more than five bytes".into())
    }
}

struct Entry {
    bytes: u64,
    crc: u32,
    needs: usize,
}

/// The samples of a stack of `planes` planes of `height` rows of `width` pixels.
pub(crate) fn decode(
    bytes: &[u8],
    (planes, height, width): (usize, usize, usize),
) -> Result<Vec<u16>, Wrong> {
    let mut rest = Rest(bytes);
    let version = rest.byte()?;
    if version != 1 && version != 2 {
        return Err(format!("version {version}"));
    }
    let (tile_height, tile_width) = (rest.varint()?, rest.varint()?);
    if tile_height == 0 || tile_width == 0 {
        return Err("tiles without pixels".into());
    }
    if tile_height.min(height as u64) * tile_width.min(width as u64) > 1 << 22 {
        return Err("tiles of more than 2^22 pixels".into());
    }
    let (tile_height, tile_width) = (tile_height as usize, tile_width as usize);
    let empty = planes == 0 || height == 0 || width == 0;
    let (down, across) =
        if empty { (0, 0) } else { (height.div_ceil(tile_height), width.div_ceil(tile_width)) };
    let mut index = Vec::new();
    for tile in 0..planes * down * across {
        let entry = Entry {
            bytes: rest.varint()?,
            crc: u32::from_le_bytes(rest.take(4)?.try_into().expect("four bytes")),
            needs: if version == 2 { rest.byte()? as usize } else { 0 },
        };
        let plane = tile / (down * across);
        if entry.needs > 4 || entry.needs > plane {
            return Err(format!("tile {tile} of plane {plane} needs {} planes", entry.needs));
        }
        index.push(entry);
    }
    let mut stack = vec![0_u16; planes * height * width];
    for (tile, entry) in index.iter().enumerate() {
        let coded = rest.take(entry.bytes)?;
        if crc32(coded) != entry.crc {
            return Err(format!("tile {tile} is damaged"));
        }
        let (plane, place) = (tile / (down * across), tile % (down * across));
        let (top, left) = (place / across * tile_height, place % across * tile_width);
        let (high, wide) = (tile_height.min(height - top), tile_width.min(width - left));
        let cut = |plane: usize| -> Vec<u16> {
            let mut samples = Vec::new();
            for y in top..top + high {
                for x in left..left + wide {
                    samples.push(stack[(plane * height + y) * width + x]);
                }
            }
            samples
        };
        let earlier: Vec<Vec<u16>> = (1..=entry.needs).map(|back| cut(plane - back)).collect();
        let samples = planes::decode(coded, high, wide, &earlier)?;
        for y in 0..high {
            for x in 0..wide {
                stack[(plane * height + top + y) * width + left + x] = samples[y * wide + x];
            }
        }
    }
    match rest.0.len() {
        0 => Ok(stack),
        left => Err(format!("{left} bytes after the last tile")),
    }
}
