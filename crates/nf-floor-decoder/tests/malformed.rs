//! Small streams of all modes: they give the right samples, and nothing that is done to them makes
//! the decoder panic.

use nf_floor_decoder::decode;

/// A stream of a stack of these planes, rows and columns, and its samples (little-endian u16).
struct Case {
    name: &'static str,
    extent: [usize; 3],
    stream: &'static [u8],
    samples: &'static [u8],
}

/// The case of a file in `data`.
macro_rules! case {
    ($name:literal, $p:literal, $h:literal, $w:literal) => {
        Case {
            name: $name,
            extent: [$p, $h, $w],
            stream: include_bytes!(concat!("data/", $name, ".floor")),
            samples: include_bytes!(concat!("data/", $name, ".u16le")),
        }
    };
}

const CASES: [Case; 9] = [
    case!("golden-constant-v1.2x3x4", 2, 3, 4),
    case!("golden-raw-v1.1x5x7", 1, 5, 7),
    case!("golden-half-rows-low-bits-v1.1x31x15", 1, 31, 15),
    case!("golden-wavefront-narrow-v1.1x60x2", 1, 60, 2),
    case!("random5-1-high.3x17x23", 3, 17, 23),
    case!("golden-max-v1.1x24x40", 1, 24, 40),
    case!("golden-turned-v1.1x24x32", 1, 24, 32),
    case!("golden-difference-v2.3x20x24", 3, 20, 24),
    case!("golden-given-v2.4x20x64", 4, 20, 64),
];

/// How many bits of every stream are flipped, one at a time.
const FLIPS: usize = 24;

fn try_decode(case: &Case, stream: &[u8]) -> Result<Vec<u16>, nf_floor_decoder::Error> {
    let [planes, height, width] = case.extent;
    decode(stream, planes, height, width)
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut c = u32::MAX;
    for &byte in bytes {
        c ^= u32::from(byte);
        for _ in 0..8 {
            c = if c & 1 == 1 { (c >> 1) ^ 0xEDB8_8320 } else { c >> 1 };
        }
    }
    !c
}

/// The varint at `at`; `at` moves behind it.
fn varint(stream: &[u8], at: &mut usize) -> usize {
    let mut number = 0;
    for group in 0..5 {
        let byte = stream[*at];
        *at += 1;
        number |= usize::from(byte & 127) << (7 * group);
        if byte < 128 {
            break;
        }
    }
    number
}

/// The places of the CRCs of all tiles, and the places of the first byte and behind the last byte
/// of these tiles.
fn tiles(case: &Case) -> Vec<(usize, usize, usize)> {
    let [planes, height, width] = case.extent;
    let mut at = 1;
    let tile_height = varint(case.stream, &mut at);
    let tile_width = varint(case.stream, &mut at);
    let count = planes * height.div_ceil(tile_height) * width.div_ceil(tile_width);
    let mut entries = Vec::new();
    for _ in 0..count {
        let bytes = varint(case.stream, &mut at);
        entries.push((at, bytes));
        at += if case.stream[0] == 2 { 5 } else { 4 };
    }
    let mut tiles = Vec::new();
    for (crc, bytes) in entries {
        tiles.push((crc, at, at + bytes));
        at += bytes;
    }
    assert_eq!(at, case.stream.len());
    tiles
}

#[test]
fn the_streams_give_the_right_samples() {
    for case in &CASES {
        let samples = try_decode(case, case.stream).expect(case.name);
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert!(bytes == case.samples, "{}", case.name);
    }
}

#[test]
fn an_empty_stream_is_an_error() {
    assert!(decode(&[], 0, 0, 0).is_err());
    assert!(decode(&[], 1, 2, 3).is_err());
    assert!(decode(&[], usize::MAX, usize::MAX, usize::MAX).is_err());
}

#[test]
fn every_truncation_is_an_error() {
    for case in &CASES {
        let step = 1 + case.stream.len() / 500;
        for end in (0..case.stream.len()).step_by(step) {
            assert!(try_decode(case, &case.stream[..end]).is_err(), "{} {end}", case.name);
        }
        let longer = [case.stream, &[0]].concat();
        assert!(try_decode(case, &longer).is_err(), "{}", case.name);
    }
}

#[test]
fn a_flipped_bit_of_a_tile_is_an_error() {
    for case in &CASES {
        let first = tiles(case)[0].1;
        for k in 0..FLIPS {
            let byte = first + k * (case.stream.len() - first) / FLIPS;
            let bit = 8 * byte + k % 8;
            let mut stream = case.stream.to_vec();
            stream[bit / 8] ^= 1 << (bit % 8);
            assert!(try_decode(case, &stream).is_err(), "{} {bit}", case.name);
        }
    }
}

#[test]
fn flipped_bits_at_the_start_never_panic() {
    for case in &CASES {
        let bits = 8 * (tiles(case)[0].1 + 1);
        for bit in 0..bits {
            let mut stream = case.stream.to_vec();
            stream[bit / 8] ^= 1 << (bit % 8);
            let _ = try_decode(case, &stream);
        }
    }
}

#[test]
fn flipped_bits_with_a_right_crc_never_panic() {
    for case in &CASES {
        for (crc, start, end) in tiles(case) {
            let bits = 8 * (end - start);
            for k in 0..FLIPS.min(bits) {
                // Many of the first bits, and some of all the others.
                let bit = if k % 2 == 0 { k } else { k * bits / FLIPS.min(bits) };
                let mut stream = case.stream.to_vec();
                stream[start + bit / 8] ^= 1 << (bit % 8);
                let right = crc32(&stream[start..end]).to_le_bytes();
                stream[crc..crc + 4].copy_from_slice(&right);
                let _ = try_decode(case, &stream);
            }
        }
    }
}

#[test]
fn truncated_tiles_with_a_right_crc_are_errors() {
    for case in &CASES {
        let (crc, start, end) = tiles(case)[0];
        let [_, height, width] = case.extent;
        if end != case.stream.len() {
            continue;
        }
        for cut in 1..(end - start).min(200) {
            let tile = &case.stream[start..end - cut];
            let mut stream = vec![case.stream[0]];
            let mut put = |number: usize| {
                stream.extend([(number % 128) as u8 | 128, (number / 128) as u8]);
            };
            put(height);
            put(width);
            put(tile.len());
            stream.extend(crc32(tile).to_le_bytes());
            stream.extend(vec![0; start - crc - 4]);
            stream.extend(tile);
            // The arithmetic coder of mode 4 does not notice that its last bytes are missing.
            let unnoticed = tile[0] == 4 && cut <= 8;
            let result = decode(&stream, 1, height, width);
            assert!(result.is_err() || unnoticed, "{} {cut}", case.name);
        }
    }
}

#[test]
fn a_wrong_extent_is_an_error() {
    for case in &CASES {
        let [p, h, w] = case.extent;
        assert!(decode(case.stream, p + 1, h, w).is_err(), "{}", case.name);
        assert!(decode(case.stream, p - 1, h, w).is_err(), "{}", case.name);
        assert!(decode(case.stream, usize::MAX, h, w).is_err(), "{}", case.name);
        assert!(decode(case.stream, p, usize::MAX / 2, w).is_err(), "{}", case.name);
        let _ = decode(case.stream, p, w, h);
    }
}
