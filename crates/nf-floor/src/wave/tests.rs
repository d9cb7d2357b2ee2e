//! Whole tiles: there and back, on every machine the same, and hostile payloads.

use super::{decode, decode_on, encode, encode_on};
use crate::machine::Machine;
use crate::scenes::{self, Dice, scene};
use crate::tile::TileView;
use nf_image::Shape;

fn returns(shape: Shape, samples: &[u16]) {
    let payload = encode(TileView::new(shape, samples)).unwrap();
    assert_eq!(decode("tile", &payload, shape).unwrap(), samples, "{shape}");
}

#[test]
fn tiles_of_all_shapes_return() {
    scenes::all_shapes().for_each(|(shape, samples)| returns(shape, &samples));
}

#[test]
fn extremes_return() {
    scenes::extremes().for_each(|(shape, samples)| returns(shape, &samples));
}

#[test]
fn every_machine_writes_and_reads_the_same() {
    for noise in [0.4, 3.0, 200.0] {
        let (shape, samples) = (Shape::frame(90, 333), scene(90, 333, noise));
        let on = |machine| encode_on(machine, TileView::new(shape, &samples));
        let plain = on(Machine::Plain);
        for machine in Machine::available() {
            assert!(on(machine) == plain, "{machine:?}");
            assert!(decode_on(machine, "tile", &plain, shape).unwrap() == samples, "{machine:?}");
        }
    }
}

#[test]
fn white_noise_costs_little_more_than_its_entropy() {
    let mut dice = Dice::new(11);
    let shape = Shape::frame(512, 512);
    for width in [1.0, 6.0, 80.0, 2000.0_f64] {
        let samples: Vec<u16> = (0..shape.pixels()).map(|_| (30_000.5 + dice.noise(width)) as u16).collect();
        let payload = encode(TileView::new(shape, &samples)).unwrap();
        let bits = payload.len() as f64 * 8.0 / samples.len() as f64;
        // The noise of rounding adds 1/12; a sum of twelve uniform numbers is 0.001 bit below a normal law.
        let entropy = 0.5 * (17.079_468 * (width * width + 1.0 / 12.0)).log2();
        // What is learnt again and again costs something where nothing changes; there level `default` keeps half rows.
        assert!(bits < entropy * 1.015 + 0.01, "{width}: {bits} {entropy}");
    }
}

#[test]
fn hostile_payloads_do_not_panic() {
    let shape = Shape::frame(24, 30);
    let payload = encode(TileView::new(shape, &scene(24, 30, 3.0))).unwrap();
    scenes::damage(&payload, |payload| decode("tile", payload, shape).is_err());
}

/// A payload of version 1 must decode for ever; the file is never rewritten.
#[test]
fn golden_payload() {
    let payload = include_bytes!("../../tests/golden/wave-v1.bin");
    assert_eq!(decode("tile", payload, Shape::frame(40, 50)).unwrap(), scene(40, 50, 3.0));
}
