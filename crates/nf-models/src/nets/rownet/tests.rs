#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use super::coder::{decode, encode};
use super::net::{NAMES, RowNet, STAGES, stage_sizes};
use super::tables::{SHAPES, WIDTHS};
use crate::random::Random;
use crate::tile::Tile;
use crate::tile_model::Version;
use crate::weights::{Array, Values, Weights};
use nf_simd::InstructionSet;

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

pub(super) fn frames() -> Vec<Tile> {
    let mut random = Random::new(5);
    let mut noise = |level: f32, sigma: f32| (level + sigma * random.normal()).clamp(0.0, 65_535.0) as u16;
    let mut frames = vec![];
    for (height, width) in [(1, 1), (1, 7), (9, 1), (5, 2), (33, 130), (20, 301)] {
        for (level, sigma) in [(1000.0, 0.2), (300.0, 9.0), (40_000.0, 5000.0), (0.0, 3.0), (65_535.0, 80.0)]
        {
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
                    let decoded =
                        decode(&net, isa, bytes, [tile.height, tile.width], Version::Calibrated).unwrap();
                    assert!(decoded == tile.samples, "{}x{} {:?}", tile.height, tile.width, tile.stats);
                }
                streams.push(bytes);
            }
            assert!(streams.windows(2).all(|pair| pair[0] == pair[1]), "{:?}", tile.stats);
        }
    }
}

#[test]
fn damaged_tiles_are_errors_or_other_samples() {
    let net = net(4, 2, 40.0);
    let isa = InstructionSet::best();
    let tile = frames().swap_remove(21);
    let bytes = encode(&net, isa, &tile).unwrap();
    let decode = |bytes: &[u8]| decode(&net, isa, bytes, [tile.height, tile.width], Version::Calibrated);
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
    let mut errors = 0;
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        errors += usize::from(decode(&damaged).is_err());
    }
    assert!(errors > bytes.len() / 4, "{errors}");
    let error = |at: usize, byte: u8| {
        let mut damaged = bytes.clone();
        damaged[at] = byte;
        decode(&damaged).unwrap_err().to_string()
    };
    assert!(error(2, 53).contains("expected at most 52"));
    // Lengths of raw bits beyond the tile, and beyond all lengths.
    for length in [&[0xff, 0xff, 0x7f][..], &[0xff; 6]] {
        let damaged = [&bytes[..3], length, &bytes[4..]].concat();
        assert!(decode(&damaged).unwrap_err().to_string().contains("cut short"), "{length:?}");
    }
    assert!(decode(&[&bytes[..], &[0]].concat()).is_err());
}

/// A tile whose noise lies elsewhere than weights at random say.
pub(super) fn calibrated_tile() -> Tile {
    let mut random = Random::new(9);
    let samples = (0..64 * 80).map(|_| (1000.0 + 20.0 * random.normal()) as u16).collect();
    Tile::known(64, 80, samples)
}

#[test]
fn damaged_densities_are_errors_or_other_samples() {
    let net = net(4, 2, 40.0);
    let isa = InstructionSet::best();
    let tile = calibrated_tile();
    let bytes = encode(&net, isa, &tile).unwrap();
    assert_eq!(bytes[2] & 0x40, 0x40, "densities pay");
    let decode = |bytes: &[u8]| decode(&net, isa, bytes, [tile.height, tile.width], Version::Calibrated);
    assert!(decode(&bytes).unwrap() == tile.samples);
    for length in (0..60).chain((60..bytes.len()).step_by(101)) {
        assert!(decode(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
    for bit in 0..8 * 48 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        if let Ok(samples) = decode(&damaged) {
            assert_eq!(samples.len(), tile.samples.len());
        }
    }
}

#[test]
fn hostile_weights_are_refused() {
    let read = |change: &dyn Fn(&str, Array) -> Array| {
        let mut weights = random_weights(4, 1, 20.0).map(|name, array| change(name, array));
        RowNet::read(4, &mut weights).and_then(|_| weights.finish()).err()
    };
    assert_eq!(read(&|_, array| array), None);
    let with = |name: &'static str, values: Values| {
        let error = read(&|at, array| match at == name {
            true => Array { values: values.clone(), shape: array.shape },
            false => array,
        });
        error.unwrap()
    };
    let error = with("even.first.hidden.weight", Values::Short(vec![128; 192]));
    assert!(error.contains("'even.first.hidden'") && error.contains("128"), "{error}");
    let error = with("odd.second.direct.weight", Values::Short(vec![i16::MIN; 150]));
    assert!(error.contains("'odd.second.direct'") && error.contains("-32768"), "{error}");
    let error = with("shapes", Values::Short(vec![-1; 42]));
    assert!(error.contains("'shapes'"), "{error}");
    let error = with("odd.first.bias", Values::Float(vec![1.0]));
    assert!(error.contains("expected I16"), "{error}");
    let error = read(&|name, array| match name {
        "even.second.bias" => Array { shape: vec![1, 3], ..array },
        _ => array,
    });
    assert!(error.unwrap().contains("has shape [1, 3], expected [3]"));
    // The largest weights that are legal, and no mixture at all.
    assert_eq!(
        read(&|name, array| {
            let most = if name == "shapes" { 0 } else { 127 };
            let count = array.shape.iter().product();
            Array { values: Values::Short(vec![most; count]), ..array }
        }),
        None
    );
}
