//! Batches of tiles that networks expect and of tiles that they do not.

use super::*;
use crate::nets::{NETS, NetConfig};
use burn::tensor::Device;
use nf_image::{Grid, Shape};
use proptest::prelude::*;

/// Networks that are coded symbol by symbol, in one stage.
fn symbol_nets() -> impl Iterator<Item = &'static str> {
    NETS.iter().copied().filter(|net| !["rownet", "vdm"].contains(net))
}

fn model(net: &str, planes: usize) -> Box<dyn TileModel> {
    let config = NetConfig::preset(net, "tiny").unwrap().with_planes(planes);
    config.init(&Device::flex(), 5).unwrap().tile_model()
}

/// Boxes of so many tiles of one shape.
fn boxes(count: usize, shape: Shape) -> Vec<TileBox> {
    Grid::new(Shape::new(count * shape.planes, shape.height, shape.width), shape).boxes().collect()
}

fn tile(shape: Shape, samples: &[u16]) -> Tile {
    Tile::known(shape.height, shape.width, samples[..shape.pixels()].to_vec())
}

/// Noise of a few steps, or of the whole range.
fn noise(shape: Shape, random: bool) -> Tile {
    let mut state = 3_u64;
    let samples = (0..shape.pixels()).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if random { (state >> 48) as u16 } else { 1000 + (state >> 60) as u16 }
    });
    tile(shape, &samples.collect::<Vec<u16>>())
}

/// Which tiles of a batch are raw, and the stream of the others.
fn parts(bytes: &[u8], count: usize, shape: Shape) -> (Vec<bool>, Vec<u8>) {
    let of_tile = shape.planes * TileStats::BYTES;
    let raw: Vec<bool> = bytes[..count * of_tile].chunks(of_tile).map(|head| head[2] == 0xff).collect();
    let raw_samples = raw.iter().filter(|raw| **raw).count() * shape.pixels();
    (raw, bytes[count * of_tile + 2 * raw_samples..].to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn batches_round_trip_and_never_exceed_their_bound(
        net in 0..symbol_nets().count(),
        planes in 1..=2_usize,
        (height, width) in (1..=12_usize, 1..=12_usize),
        spreads in proptest::collection::vec(prop_oneof![Just(1_u16), Just(9), Just(u16::MAX)], 1..=4),
        samples in proptest::collection::vec(any::<u16>(), 2 * 12 * 12 + 4),
    ) {
        let net = symbol_nets().nth(net).unwrap();
        let model = model(net, planes);
        let shape = Shape::new(planes, height, width);
        let tiles: Vec<Tile> = spreads.iter().enumerate().map(|(index, spread)| {
            let samples: Vec<u16> = samples[index..].iter().map(|&sample| sample % spread).collect();
            tile(shape, &samples)
        }).collect();
        let count = tiles.len();
        let bytes = encode(&*model, tiles.clone()).unwrap();
        let most = max_bytes(count as u64, planes as u64, (count * shape.pixels()) as u64);
        prop_assert!(bytes.len() as u64 <= most, "{} bytes, at most {most}", bytes.len());
        let decoded = decode(&*model, &bytes, &boxes(count, shape)).unwrap();
        for (decoded, tile) in decoded.iter().zip(&tiles) {
            prop_assert_eq!(decoded, &tile.samples);
        }
        // Raw tiles do not change the stream of the others.
        let (raw, stream) = parts(&bytes, count, shape);
        let coded: Vec<Tile> = select(&tiles, &raw, false).cloned().collect();
        if !coded.is_empty() {
            let alone = encode(&*model, coded.clone()).unwrap();
            prop_assert_eq!(parts(&alone, coded.len(), shape), (vec![false; coded.len()], stream));
        }
        let ideal = ideal_bits(&*model, &mut tiles.clone()).unwrap();
        prop_assert!(ideal <= 16.0 * (count * shape.pixels()) as f64);
    }
}

#[test]
fn only_unpredictable_tiles_are_raw() {
    let shape = Shape::new(1, 16, 16);
    for net in symbol_nets() {
        let model = model(net, 1);
        let tiles = [false, true, false].map(|random| noise(shape, random));
        let bytes = encode(&*model, tiles.to_vec()).unwrap();
        let (raw, stream) = parts(&bytes, 3, shape);
        assert_eq!(raw, [false, true, false], "{net}");
        let ideal = ideal_bits(&*model, &mut tiles.to_vec()).unwrap();
        let real = 8.0 * stream.len() as f64 + 16.0 * 256.0;
        assert!((real - ideal).abs() < 1e-3 * ideal + 64.0, "{net}: {real} bits, ideally {ideal}");
        let quiet = ideal_bits(&*model, &mut [tiles[0].clone()]).unwrap();
        assert!(
            (ideal - 2.0 * quiet - 16.0 * 256.0).abs() < 1e-6 * ideal,
            "{net}: {ideal}, a quiet one {quiet}"
        );
    }
}

#[test]
fn damage_is_an_error() {
    let shape = Shape::new(2, 8, 8);
    let model = model("pixelcnnpp", 2);
    let tiles = vec![noise(shape, true), noise(shape, false)];
    let bytes = encode(&*model, tiles).unwrap();
    assert_eq!(parts(&bytes, 2, shape).0, [true, false]);
    let error = |bytes: &[u8]| decode(&*model, bytes, &boxes(2, shape)).unwrap_err().to_string();
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
    assert!(decode(&*model, &called, &boxes(2, shape)).is_err());
    let mut longer = bytes;
    longer.push(0);
    assert!(error(&longer).contains("left over"), "{}", error(&longer));
}
