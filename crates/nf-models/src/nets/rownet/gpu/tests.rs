//! The device against the processor. Without a device the tests say so and pass, unless
//! `NOISEFLOOR_DEVICE` asks for one.

use super::super::coder::{decode, encode};
use super::super::tests::{calibrated_tile, frames, net};
use super::RowNetOnGpu;
use crate::gpu::Gpu;
use crate::tile::Tile;
use crate::tile_model::{TilesOnGpu, Version};
use nf_simd::InstructionSet;

fn gpu() -> Option<Gpu> {
    match Gpu::open() {
        Ok(gpu) => {
            println!("on {}", gpu.name());
            Some(gpu)
        }
        Err(error) if std::env::var_os("NOISEFLOOR_DEVICE").is_some() => panic!("{error}"),
        Err(error) => {
            println!("SKIP: {error}");
            None
        }
    }
}

#[test]
fn a_device_writes_and_reads_the_same_bytes() {
    let Some(gpu) = gpu() else { return };
    let isa = InstructionSet::best();
    for (hidden, most) in [(2, 20.0), (10, 60.0), (32, 127.0)] {
        let net = net(hidden, 1, most);
        let on_gpu = RowNetOnGpu::new(&net, &gpu).unwrap();
        // All in one submission, whatever their extents.
        let mut tiles = frames();
        tiles.push(calibrated_tile());
        let streams = on_gpu.encode(&tiles).unwrap();
        for (tile, stream) in tiles.iter().zip(&streams) {
            let expected = encode(&net, isa, tile);
            assert!(*stream == expected, "{hidden}: {}x{} {:?}", tile.height, tile.width, tile.stats);
        }
        let coded: Vec<(&Tile, &Vec<u8>)> =
            tiles.iter().zip(&streams).filter_map(|(tile, stream)| Some((tile, stream.as_ref()?))).collect();
        assert!(coded.len() >= 5, "{hidden}: {} tiles are smaller than raw", coded.len());
        let parts: Vec<(&[u8], usize, usize)> =
            coded.iter().map(|(tile, stream)| (&stream[..], tile.height, tile.width)).collect();
        for ((tile, _), samples) in coded.iter().zip(on_gpu.decode(&parts, Version::Calibrated).unwrap()) {
            assert!(samples.unwrap() == tile.samples, "{hidden}: {}x{}", tile.height, tile.width);
        }
    }
}

#[test]
fn damage_is_the_same_on_a_device() {
    // Software devices take a second for a hundred tiles.
    const STEP: usize = 397;
    let Some(gpu) = gpu() else { return };
    let net = net(4, 2, 40.0);
    let on_gpu = RowNetOnGpu::new(&net, &gpu).unwrap();
    let isa = InstructionSet::best();
    let tile = calibrated_tile();
    let bytes = encode(&net, isa, &tile).unwrap();
    let mut damaged: Vec<Vec<u8>> =
        (0..bytes.len()).step_by(STEP).map(|length| bytes[..length].to_vec()).collect();
    damaged.extend((0..bytes.len()).step_by(STEP).chain(0..40).map(|at| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    }));
    damaged.push([&bytes[..], &[0]].concat());
    let parts: Vec<(&[u8], usize, usize)> =
        damaged.iter().map(|bytes| (&bytes[..], tile.height, tile.width)).collect();
    for (bytes, found) in damaged.iter().zip(on_gpu.decode(&parts, Version::Calibrated).unwrap()) {
        let expected = decode(&net, isa, bytes, [tile.height, tile.width], Version::Calibrated);
        assert_eq!(found.is_ok(), expected.is_ok(), "{expected:?}");
        if let (Ok(found), Ok(expected)) = (found, expected) {
            assert!(found == expected);
        }
    }
}
