//! GZIP_1 and GZIP_2: one gzip stream per tile, over big-endian pixels; GZIP_2 sorts the bytes by
//! significance first.

use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

/// Deflate cannot shrink anything more than about 1032 times.
const MAX_RATIO: usize = 1040;

/// Fewest bytes that a gzip stream of `pixels` pixels can have.
pub fn min_bytes(pixels: usize) -> usize {
    pixels / MAX_RATIO + 18
}

/// Inflates tiles one after the other; holds the tables of the inflater once there was one.
#[derive(Default)]
pub struct Inflater {
    inflate: Option<Decompress>,
}

impl Inflater {
    /// Inflates one gzip stream that holds `pixels` pixels of 1, 2, 4 or 8 bytes.
    ///
    /// # Errors
    /// If it is not a gzip stream, its checksum is wrong, or it holds another number of bytes.
    pub fn inflate(&mut self, bytes: &[u8], pixels: usize) -> Result<Vec<u8>, &'static str> {
        let body = skip_header(bytes).ok_or("GZIP: the tile does not begin with a gzip header")?;
        let expected =
            |len: usize| [1, 2, 4, 8].into_iter().any(|width| pixels.checked_mul(width) == Some(len));
        let trailer: [u8; 4] = bytes[bytes.len() - 4..].try_into().expect("four bytes were cut");
        let announced = u32::from_le_bytes(trailer) as usize;
        if !expected(announced) {
            return Err("GZIP: the stream's length is not that of the tile");
        }
        if announced / MAX_RATIO > bytes.len() {
            return Err("GZIP: the stream announces more than it can hold");
        }
        let mut out = vec![0; announced];
        let inflate = self.inflate.get_or_insert_with(|| Decompress::new(false));
        inflate.reset(false);
        let status = inflate.decompress(body, &mut out, FlushDecompress::Finish);
        match status {
            Ok(Status::StreamEnd) if inflate.total_out() == announced as u64 => {}
            Ok(Status::StreamEnd) => return Err("GZIP: the stream's length is not that of the tile"),
            Ok(_) => return Err("GZIP: the stream is cut short or longer than it announces"),
            Err(_) => return Err("GZIP: the stream is corrupt"),
        }
        let tail = &body[inflate.total_in() as usize..];
        let mut crc = Crc::new();
        crc.update(&out);
        if tail.get(..4) != Some(&crc.sum().to_le_bytes()[..]) {
            return Err("GZIP: the stream's checksum is wrong");
        }
        Ok(out)
    }
}

/// Deflates tiles one after the other; holds the tables of the deflater.
#[derive(Default)]
pub struct Deflater {
    deflate: Option<(u32, Compress)>,
}

impl Deflater {
    /// One gzip stream of the bytes, at an effort of 1 to 9.
    pub fn gzip(&mut self, bytes: &[u8], level: u32) -> Vec<u8> {
        let fresh = |level| (level, Compress::new(Compression::new(level), false));
        let (_, deflate) = match &mut self.deflate {
            Some(kept) if kept.0 == level => {
                kept.1.reset();
                kept
            }
            other => other.insert(fresh(level)),
        };
        // No name, no time, no system: equal tiles make equal streams.
        let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        out.reserve(bytes.len() + bytes.len() / 1000 + 64);
        loop {
            let taken = deflate.total_in() as usize;
            let status = deflate
                .compress_vec(&bytes[taken..], &mut out, FlushCompress::Finish)
                .expect("a fresh deflater takes any bytes");
            if status == Status::StreamEnd {
                break;
            }
            out.reserve(out.len() / 2 + 64);
        }
        let mut crc = Crc::new();
        crc.update(bytes);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        out
    }
}

/// What follows the header of RFC 1952, at least eight bytes of trailer included.
fn skip_header(bytes: &[u8]) -> Option<&[u8]> {
    let [0x1f, 0x8b, 8, flags, _, _, _, _, _, _, rest @ ..] = bytes else { return None };
    let mut rest = rest;
    if flags & 4 != 0 {
        let len = u16::from_le_bytes(rest.get(..2)?.try_into().ok()?) as usize;
        rest = rest.get(2 + len..)?;
    }
    for text in [8, 16] {
        if flags & text != 0 {
            rest = &rest[rest.iter().position(|&byte| byte == 0)? + 1..];
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    (rest.len() >= 8).then_some(rest)
}

/// Sorts the bytes of pixels of `width` bytes: all first ones, then all second ones, ...
pub fn shuffle(bytes: &[u8], width: usize) -> Vec<u8> {
    (0..width).flat_map(|place| bytes[place.min(bytes.len())..].iter().step_by(width)).copied().collect()
}

/// Puts the bytes of pixels of `width` bytes back in order: all first bytes came first, then all
/// second ones, ...
pub fn unshuffle(bytes: &[u8], width: usize) -> Vec<u8> {
    let pixels = bytes.len() / width.max(1);
    let mut out = vec![0; bytes.len()];
    for (place, plane) in bytes.chunks_exact(pixels.max(1)).enumerate() {
        for (target, byte) in out[place..].iter_mut().step_by(width).zip(plane) {
            *target = *byte;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn deflated_tiles_inflate() {
        let (mut deflater, mut inflater) = (Deflater::default(), Inflater::default());
        for (len, level) in [(0, 6), (1, 6), (8, 1), (100_000, 1), (100_000, 9), (4000, 9)] {
            let data: Vec<u8> =
                (0..len as u64).map(|i| ((i * i).wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            assert_eq!(inflater.inflate(&deflater.gzip(&data, level), len).unwrap(), data);
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::GzBuilder::new()
            .filename("name")
            .comment("comment")
            .extra(vec![1, 2, 3])
            .write(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn streams_with_every_header_field_inflate() {
        let data: Vec<u8> = (0..1000u32).map(|i| (i * i / 16) as u8).collect();
        let mut inflater = Inflater::default();
        for _ in 0..2 {
            assert_eq!(inflater.inflate(&gzip(&data), 500).unwrap(), data);
        }
    }

    #[test]
    fn every_truncation_and_flip_is_an_error_or_the_same_bytes() {
        let data: Vec<u8> = (0..64u32).map(|i| (i * 37) as u8).collect();
        let good = gzip(&data);
        let mut inflater = Inflater::default();
        for len in 0..good.len() {
            assert!(inflater.inflate(&good[..len], 64).is_err());
        }
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            if let Ok(out) = inflater.inflate(&bad, 64) {
                assert_eq!(out, data, "bit {bit}");
            }
        }
    }

    #[test]
    fn bytes_return_to_their_pixels() {
        assert_eq!(unshuffle(&[1, 3, 5, 2, 4, 6], 2), [1, 2, 3, 4, 5, 6]);
        let bytes: Vec<u8> = (0..48).collect();
        for width in [1, 2, 4, 8] {
            assert_eq!(unshuffle(&shuffle(&bytes, width), width), bytes);
        }
        assert!(shuffle(&[], 8).is_empty());
        assert_eq!(unshuffle(&[], 4), [0u8; 0]);
    }
}
