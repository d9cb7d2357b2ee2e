#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use super::coder::{decode, encode};
use super::net::{NAMES, RowNet, STAGES, stage_sizes};
use super::tables::{SHAPES, WIDTHS};
use crate::random::Random;
use crate::tile::Tile;
use crate::weights::{Array, Values, Weights};
use nf_engine::InstructionSet;

/// Weights at random, as large as they can be.
pub(super) fn random_weights(hidden: usize, seed: u64, most: f32) -> Weights {
    let mut random = Random::new(seed);
    let mut weights = vec![];
    let mut insert = |name: String, shape: &[usize], least: i16, most: f32| {
        let count = shape.iter().product();
        let mut number = || ((random.normal() * most / 2.0) as i16).clamp(-127, 127).max(least);
        let values = Values::Short((0..count).map(|_| number()).collect());
        weights.push((name, Array { shape: shape.to_vec(), values }));
    };
    for path in STAGES {
        for (stage, [inputs, hidden, results]) in path.iter().zip(stage_sizes(hidden)) {
            let shapes: [&[usize]; 5] =
                [&[hidden, inputs], &[hidden], &[results, hidden], &[results, inputs], &[results]];
            for (name, shape) in NAMES.iter().zip(shapes) {
                insert(format!("{stage}.{name}"), shape, i16::MIN, most);
            }
        }
    }
    insert("shapes".into(), &[SHAPES, WIDTHS.len()], 1, 100.0);
    Weights::from_iter(weights)
}

pub(super) fn net(hidden: usize, seed: u64, most: f32) -> RowNet {
    RowNet::read(hidden, &mut random_weights(hidden, seed, most)).unwrap()
}

fn frames() -> Vec<Tile> {
    let mut random = Random::new(5);
    let mut noise = |level: f32, sigma: f32| (level + sigma * random.normal()).clamp(0.0, 65_535.0) as u16;
    let mut frames = vec![];
    for (height, width) in [(1, 1), (1, 7), (9, 1), (5, 2), (33, 130), (20, 301)] {
        for (level, sigma) in [(1000.0, 0.2), (300.0, 9.0), (40_000.0, 5000.0), (0.0, 3.0), (65_535.0, 80.0)] {
            let mut samples: Vec<u16> = (0..height * width).map(|_| noise(level, sigma)).collect();
            for at in (5..samples.len()).step_by(97) {
                samples[at] = if at % 2 == 0 { 65_535 } else { 0 };
            }
            frames.push(Tile::known(height, width, samples));
        }
    }
    frames
}

#[test]
fn tiles_come_back_the_same_by_every_instruction_set() {
    for (hidden, most) in [(2, 20.0), (10, 60.0), (16, 127.0)] {
        let net = net(hidden, 1, most);
        for tile in frames() {
            let mut streams = vec![];
            for isa in InstructionSet::available() {
                let bytes = encode(&net, isa, &tile);
                if let Some(bytes) = &bytes {
                    let decoded = decode(&net, isa, bytes, tile.height, tile.width).unwrap();
                    assert!(decoded == tile.samples, "{}x{} {:?}", tile.height, tile.width, tile.stats);
                }
                streams.push(bytes);
            }
            assert!(streams.windows(2).all(|pair| pair[0] == pair[1]), "{:?}", tile.stats);
        }
    }
}
