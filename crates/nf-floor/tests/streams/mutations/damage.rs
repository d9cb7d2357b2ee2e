//! Ways to damage a stream.

use super::seeds::Seed;
use nf_image::testing::Rng;

/// What is done to a stream. Where checksums are recomputed, the damage reaches the
/// decoders of the modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Damage {
    /// Bits flipped anywhere.
    Bits,
    /// Some bytes set to one value, or to random ones.
    Run,
    /// The end cut off, or bytes appended.
    Length,
    /// The beginning of one stream and the end of another.
    Splice,
    /// Version, extents, references, or the number of tiles changed; checksums recomputed.
    Header,
    /// Bits of one tile flipped; checksum recomputed.
    TileBits,
    /// A run of bytes in one tile; checksum recomputed.
    TileRun,
    /// One tile cut or made longer; checksum recomputed.
    TileLength,
    /// One tile with the end of another, or with another mode; checksum recomputed.
    TileSplice,
    /// A number of two or four bytes in one tile set to an extreme; checksum recomputed.
    TileNumber,
}

const ALL: [Damage; 10] = [
    Damage::Bits,
    Damage::Run,
    Damage::Length,
    Damage::Splice,
    Damage::Header,
    Damage::TileBits,
    Damage::TileRun,
    Damage::TileLength,
    Damage::TileSplice,
    Damage::TileNumber,
];

/// One kind of damage and the stream that has it.
pub(crate) fn damage(seed: &Seed, others: &[Seed], rng: &mut Rng) -> (Damage, Vec<u8>) {
    let damage = ALL[rng.below(ALL.len())];
    let mut bytes = seed.bytes.clone();
    let mut parts = seed.parts.clone();
    let other = &others[rng.below(others.len())];
    let tile = rng.below(parts.tiles.len());
    match damage {
        Damage::Bits => flip(&mut bytes, rng),
        Damage::Run => overwrite(&mut bytes, rng),
        Damage::Length => resize(&mut bytes, rng),
        Damage::Splice => splice(&mut bytes, &other.bytes, rng),
        Damage::Header => {
            match rng.below(5) {
                0 => parts.version = rng.below(6) as u8,
                1 => parts.tile_height = extreme(rng),
                2 => parts.tile_width = extreme(rng),
                3 => {
                    parts.version = 2;
                    parts.tiles[tile].references = rng.below(6);
                }
                _ if rng.below(2) == 0 => drop(parts.tiles.remove(tile)),
                _ => parts.tiles.push(parts.tiles[tile].clone()),
            }
            bytes = parts.bytes();
        }
        _ => {
            let coded = &mut parts.tiles[tile].bytes;
            match damage {
                Damage::TileBits => flip(coded, rng),
                Damage::TileRun => overwrite(coded, rng),
                Damage::TileLength => resize(coded, rng),
                Damage::TileNumber => number(coded, rng),
                _ if rng.below(2) == 0 => coded[0] = rng.below(15) as u8,
                _ => splice(coded, &other.parts.tiles[rng.below(other.parts.tiles.len())].bytes, rng),
            }
            bytes = parts.bytes();
        }
    }
    (damage, bytes)
}

fn flip(bytes: &mut [u8], rng: &mut Rng) {
    for _ in 0..1 + rng.below(4) {
        bytes[rng.below(bytes.len())] ^= 1 << rng.below(8);
    }
}

fn overwrite(bytes: &mut [u8], rng: &mut Rng) {
    let start = rng.below(bytes.len());
    let end = (start + 1 + rng.below(20)).min(bytes.len());
    let fill = [0x00, 0xFF, 0x80, 0x7F][rng.below(4)];
    let random = rng.below(2) == 0;
    bytes[start..end].iter_mut().for_each(|byte| *byte = if random { rng.next_u32() as u8 } else { fill });
}

fn resize(bytes: &mut Vec<u8>, rng: &mut Rng) {
    if rng.below(3) == 0 {
        let more = 1 + rng.below(40);
        let fill = rng.next_u32() as u8;
        bytes.resize(bytes.len() + more, fill);
    } else {
        // A tile of no bytes is allowed to be tried as well.
        bytes.truncate(rng.below(bytes.len()));
    }
}

fn splice(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    bytes.truncate(rng.below(bytes.len() + 1));
    bytes.extend_from_slice(&other[rng.below(other.len())..]);
}

fn number(bytes: &mut [u8], rng: &mut Rng) {
    let value = (extreme(rng) as u32).to_le_bytes();
    let width = if rng.below(2) == 0 { 2 } else { 4 };
    let start = rng.below(bytes.len());
    // The first bytes are the lengths and headers of every mode.
    let start = if rng.below(2) == 0 { start.min(12) } else { start };
    for (byte, value) in bytes[start..].iter_mut().zip(&value[..width]) {
        *byte = *value;
    }
}

/// Numbers at which sums and products go wrong.
fn extreme(rng: &mut Rng) -> usize {
    let near: [usize; 13] =
        [0, 1, 16, 255, 256, 4095, 32_767, 65_535, 1 << 20, 1 << 22, 1 << 31, (1 << 32) - 1, (1 << 35) - 1];
    near[rng.below(near.len())].saturating_sub(rng.below(2)) + rng.below(2)
}
