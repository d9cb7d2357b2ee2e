//! Batches of what nets expect and of what they do not.

use super::*;
use crate::config::{NETS, NetConfig};
use burn::tensor::Device;
use nf_image::{Grid, Shape};
use proptest::prelude::*;

fn coder(net: &str, planes: usize) -> NetCoder {
    let config = NetConfig::preset(net, "tiny").unwrap().with_planes(planes);
    NetCoder::new(&config.init(&Device::flex(), 5).unwrap())
}

/// Boxes of so many tiles of one shape.
fn boxes(count: usize, shape: Shape) -> Vec<TileBox> {
    Grid::new(Shape::new(count * shape.planes, shape.height, shape.width), shape).boxes().collect()
}

fn tile(shape: Shape, samples: &[u16]) -> Tile {
    Tile::known(shape.height, shape.width, samples[..shape.pixels()].to_vec())
}

/// Noise of a few steps, or of the whole range.
fn noise(shape: Shape, wild: bool) -> Tile {
    let mut state = 3_u64;
    let samples = (0..shape.pixels()).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if wild { (state >> 48) as u16 } else { 1000 + (state >> 60) as u16 }
    });
    tile(shape, &samples.collect::<Vec<u16>>())
}

/// Which tiles of a batch are raw, and the stream of the others.
fn parts(bytes: &[u8], count: usize, shape: Shape) -> (Vec<bool>, Vec<u8>) {
    let of_tile = shape.planes * Normal::BYTES;
    let raw: Vec<bool> = bytes[..count * of_tile].chunks(of_tile).map(|head| head[2] == 0xff).collect();
    let raw_samples = raw.iter().filter(|raw| **raw).count() * shape.pixels();
    (raw, bytes[count * of_tile + 2 * raw_samples..].to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_batch_is_dearer_than_its_samples_and_all_come_back(
        net in 0..NETS.len(),
        planes in 1..=2_usize,
        (height, width) in (1..=12_usize, 1..=12_usize),
        spreads in proptest::collection::vec(prop_oneof![Just(1_u16), Just(9), Just(u16::MAX)], 1..=4),
        samples in proptest::collection::vec(any::<u16>(), 2 * 12 * 12 + 4),
    ) {
        let coder = coder(NETS[net], planes);
        let shape = Shape::new(planes, height, width);
        let tiles: Vec<Tile> = spreads.iter().enumerate().map(|(index, spread)| {
            let samples: Vec<u16> = samples[index..].iter().map(|&sample| sample % spread).collect();
            tile(shape, &samples)
        }).collect();
        let count = tiles.len();
        let bytes = encode(&coder, tiles.clone()).unwrap();
        let most = max_bytes(count as u64, planes as u64, (count * shape.pixels()) as u64);
        prop_assert!(bytes.len() as u64 <= most, "{} bytes, at most {most}", bytes.len());
        let decoded = decode(&coder, &bytes, &boxes(count, shape)).unwrap();
        for (decoded, tile) in decoded.iter().zip(&tiles) {
            prop_assert_eq!(decoded, &tile.samples);
        }
        // The raw ones leave no trace in the stream of the others.
        let (raw, stream) = parts(&bytes, count, shape);
        let coded: Vec<Tile> = those(&tiles, &raw, false).cloned().collect();
        if !coded.is_empty() {
            let alone = encode(&coder, coded.clone()).unwrap();
            prop_assert_eq!(parts(&alone, coded.len(), shape), (vec![false; coded.len()], stream));
        }
        let ideal = ideal_bits(&coder, &mut tiles.clone()).unwrap();
        prop_assert!(ideal <= 16.0 * (count * shape.pixels()) as f64);
    }
}

#[test]
fn a_wild_tile_is_raw_among_calm_ones() {
    let shape = Shape::new(1, 16, 16);
    for net in NETS {
        let coder = coder(net, 1);
        let tiles = [false, true, false].map(|wild| noise(shape, wild));
        let bytes = encode(&coder, tiles.to_vec()).unwrap();
        let (raw, stream) = parts(&bytes, 3, shape);
        assert_eq!(raw, [false, true, false], "{net}");
        let ideal = ideal_bits(&coder, &mut tiles.to_vec()).unwrap();
        let real = 8.0 * stream.len() as f64 + 16.0 * 256.0;
        assert!((real - ideal).abs() < 1e-3 * ideal + 64.0, "{net}: {real} bits, ideally {ideal}");
        let calm = ideal_bits(&coder, &mut [tiles[0].clone()]).unwrap();
        assert!(
            (ideal - 2.0 * calm - 16.0 * 256.0).abs() < 1e-6 * ideal,
            "{net}: {ideal}, a calm one {calm}"
        );
    }
}

#[test]
fn damage_is_told() {
    let shape = Shape::new(2, 8, 8);
    let coder = coder("pixelcnnpp", 2);
    let tiles = vec![noise(shape, true), noise(shape, false)];
    let bytes = encode(&coder, tiles).unwrap();
    assert_eq!(parts(&bytes, 2, shape).0, [true, false]);
    let error = |bytes: &[u8]| decode(&coder, bytes, &boxes(2, shape)).unwrap_err().to_string();
    for length in [0, 11, 12, 200, 12 + 255] {
        assert!(error(&bytes[..length]).contains("cut short"), "{length}: {}", error(&bytes[..length]));
    }
    // Half of a raw tile's heads.
    let mut half = bytes.clone();
    half[2] = 0;
    assert!(error(&half).contains("not raw"), "{}", error(&half));
    let mut named = bytes.clone();
    named[0] = 1;
    assert!(error(&named).contains("not raw"), "{}", error(&named));
    // A tile that was coded, called raw: its samples would be the stream of others.
    let mut called = bytes.clone();
    called[6..12].copy_from_slice(&bytes[..6]);
    assert!(decode(&coder, &called, &boxes(2, shape)).is_err());
    let mut longer = bytes;
    longer.push(0);
    assert!(error(&longer).contains("left over"), "{}", error(&longer));
}
