//! Whole tiles: there and back, on every machine the same, and hostile payloads.

use super::{Effort, decode, encode};
use crate::machine::{Machine, Work};
use crate::scenes::{self, scene};
use crate::tile::TileView;
use nf_image::Shape;

fn returns(shape: Shape, samples: &[u16]) {
    for effort in [Effort::SMALL, Effort::LARGE] {
        let payload = encode(TileView::new(shape, samples), effort).unwrap();
        assert_eq!(decode("tile", &payload, shape).unwrap(), samples, "{shape} {effort:?}");
    }
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
    struct Both<'a>(&'a [u16], usize);
    impl Work for Both<'_> {
        type Output = Vec<u8>;
        #[inline(always)]
        fn run(self) -> Vec<u8> {
            let payload = super::encode::encode(self.0, self.1, Effort::LARGE);
            let back = super::decode::decode("tile", &payload, self.0.len() / self.1, self.1).unwrap();
            assert_eq!(back, self.0);
            payload
        }
    }
    for noise in [0.4, 3.0, 200.0] {
        let samples = scene(90, 333, noise);
        let payloads: Vec<Vec<u8>> =
            Machine::available().into_iter().map(|machine| machine.run(Both(&samples, 333))).collect();
        assert!(payloads.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

#[test]
fn hostile_payloads_do_not_panic() {
    let shape = Shape::frame(24, 30);
    let payload = encode(TileView::new(shape, &scene(24, 30, 3.0)), Effort::SMALL).unwrap();
    scenes::damage(&payload, |payload| decode("tile", payload, shape).is_err());
}

/// A payload of version 1 must decode for ever; the file is never rewritten.
#[test]
fn golden_payload() {
    let payload = include_bytes!("../../tests/golden/halves-v1.bin");
    assert_eq!(decode("tile", payload, Shape::frame(40, 50)).unwrap(), scene(40, 50, 3.0));
}
