//! Ways to damage a stream.

use super::seeds::Seed;
use crate::parts::Dice;

/// What is done to a stream. Where checksums are mended, the decoders of the modes see the damage themselves.
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
    /// Version, extents, needs, or the number of tiles changed; checksums mended.
    Header,
    /// Bits of one tile flipped; checksum mended.
    TileBits,
    /// A run of bytes in one tile; checksum mended.
    TileRun,
    /// One tile cut or made longer; checksum mended.
    TileLength,
    /// One tile with the end of another, or with another mode; checksum mended.
    TileSplice,
    /// A number of two or four bytes in one tile set to an extreme; checksum mended.
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
pub(crate) fn damage(seed: &Seed, others: &[Seed], dice: &mut Dice) -> (Damage, Vec<u8>) {
    let damage = ALL[dice.below(ALL.len())];
    let mut bytes = seed.bytes.clone();
    let mut parts = seed.parts.clone();
    let other = &others[dice.below(others.len())];
    let tile = dice.below(parts.tiles.len());
    match damage {
        Damage::Bits => flip(&mut bytes, dice),
        Damage::Run => overwrite(&mut bytes, dice),
        Damage::Length => resize(&mut bytes, dice),
        Damage::Splice => splice(&mut bytes, &other.bytes, dice),
        Damage::Header => {
            match dice.below(5) {
                0 => parts.version = dice.below(5) as u8,
                1 => parts.tile_height = extreme(dice),
                2 => parts.tile_width = extreme(dice),
                3 => {
                    parts.version = 2;
                    parts.tiles[tile].needs = dice.below(6);
                }
                _ if dice.below(2) == 0 => drop(parts.tiles.remove(tile)),
                _ => parts.tiles.push(parts.tiles[tile].clone()),
            }
            bytes = parts.bytes();
        }
        _ => {
            let coded = &mut parts.tiles[tile].bytes;
            match damage {
                Damage::TileBits => flip(coded, dice),
                Damage::TileRun => overwrite(coded, dice),
                Damage::TileLength => resize(coded, dice),
                Damage::TileNumber => number(coded, dice),
                _ if dice.below(2) == 0 => coded[0] = dice.below(10) as u8,
                _ => splice(coded, &other.parts.tiles[dice.below(other.parts.tiles.len())].bytes, dice),
            }
            bytes = parts.bytes();
        }
    }
    (damage, bytes)
}

fn flip(bytes: &mut [u8], dice: &mut Dice) {
    for _ in 0..1 + dice.below(4) {
        bytes[dice.below(bytes.len())] ^= 1 << dice.below(8);
    }
}

fn overwrite(bytes: &mut [u8], dice: &mut Dice) {
    let start = dice.below(bytes.len());
    let end = (start + 1 + dice.below(20)).min(bytes.len());
    let fill = [0x00, 0xFF, 0x80, 0x7F][dice.below(4)];
    let random = dice.below(2) == 0;
    bytes[start..end].iter_mut().for_each(|byte| *byte = if random { dice.roll() as u8 } else { fill });
}

fn resize(bytes: &mut Vec<u8>, dice: &mut Dice) {
    if dice.below(3) == 0 {
        let more = 1 + dice.below(40);
        let fill = dice.roll() as u8;
        bytes.resize(bytes.len() + more, fill);
    } else {
        // A tile of no bytes is allowed to be tried as well.
        bytes.truncate(dice.below(bytes.len()));
    }
}

fn splice(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    bytes.truncate(dice.below(bytes.len() + 1));
    bytes.extend_from_slice(&other[dice.below(other.len())..]);
}

fn number(bytes: &mut [u8], dice: &mut Dice) {
    let value = (extreme(dice) as u32).to_le_bytes();
    let width = if dice.below(2) == 0 { 2 } else { 4 };
    let start = dice.below(bytes.len());
    // The first bytes are the lengths and headers of every mode.
    let start = if dice.below(2) == 0 { start.min(12) } else { start };
    for (byte, value) in bytes[start..].iter_mut().zip(&value[..width]) {
        *byte = *value;
    }
}

/// Numbers at which sums and products go wrong.
fn extreme(dice: &mut Dice) -> usize {
    let near: [usize; 13] =
        [0, 1, 16, 255, 256, 4095, 32_767, 65_535, 1 << 20, 1 << 22, 1 << 31, (1 << 32) - 1, (1 << 35) - 1];
    near[dice.below(near.len())].saturating_sub(dice.below(2)) + dice.below(2)
}
