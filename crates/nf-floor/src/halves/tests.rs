//! Whole tiles: there and back, on every machine the same, and hostile payloads.

use super::{Effort, decode, encode};
use crate::machine::{Machine, Work};
use crate::tile::TileView;
use nf_image::Shape;

/// Numbers that look random and never change.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// Roughly normal, of this width.
    fn noise(&mut self, width: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| f64::from(self.roll() % 4096) / 4096.0).sum();
        (sum - 6.0) * width
    }
}

/// A gradient with noise, a few hot pixels, and a corner that is all zero.
fn scene(height: usize, width: usize, noise: f64) -> Vec<u16> {
    let mut dice = Dice(7);
    let mut samples = Vec::with_capacity(height * width);
    for y in 0..height {
        for x in 0..width {
            let hot = if dice.roll().is_multiple_of(301) { f64::from(dice.roll() % 20_000) } else { 0.0 };
            let value = 1000.0 + x as f64 * 0.7 + y as f64 * 0.2 + dice.noise(noise) + hot;
            samples.push(if x < width / 4 && y < height / 3 { 0 } else { value as u16 });
        }
    }
    samples
}

fn returns(shape: Shape, samples: &[u16]) {
    for effort in [Effort::SMALL, Effort::LARGE] {
        let payload = encode(TileView::new(shape, samples), effort).unwrap();
        assert_eq!(decode("tile", &payload, shape).unwrap(), samples, "{shape} {effort:?}");
    }
}

#[test]
fn tiles_of_all_shapes_return() {
    for (height, width) in [(1, 1), (1, 2), (2, 1), (1, 700), (700, 1), (3, 5), (37, 41), (130, 257)] {
        for noise in [0.0, 0.3, 4.0, 900.0] {
            returns(Shape::frame(height, width), &scene(height, width, noise));
        }
    }
}

#[test]
fn extremes_return() {
    let shape = Shape::frame(48, 61);
    let mut dice = Dice(3);
    let n = shape.pixels();
    returns(shape, &vec![0; n]);
    returns(shape, &vec![u16::MAX; n]);
    returns(shape, &(0..n).map(|i| if i % 2 == 0 { 0 } else { u16::MAX }).collect::<Vec<_>>());
    returns(shape, &(0..n).map(|i| if i / 61 % 2 == 0 { 0 } else { u16::MAX }).collect::<Vec<_>>());
    returns(shape, &(0..n).map(|_| dice.roll() as u16).collect::<Vec<_>>());
    returns(shape, &(0..n).map(|i| (i * 22) as u16).collect::<Vec<_>>());
    returns(shape, &(0..n).map(|_| (dice.roll() % 3 * 16) as u16).collect::<Vec<_>>());
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
    let samples = scene(24, 30, 3.0);
    let payload = encode(TileView::new(shape, &samples), Effort::SMALL).unwrap();
    for end in 0..payload.len() {
        assert!(decode("tile", &payload[..end], shape).is_err(), "{end} bytes");
    }
    for bit in 0..payload.len() * 8 {
        let mut wrong = payload.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let _ = decode("tile", &wrong, shape);
    }
    let mut dice = Dice(5);
    for _ in 0..3000 {
        let mut wrong = payload.clone();
        for _ in 0..1 + dice.roll() % 8 {
            let at = dice.roll() as usize % wrong.len();
            wrong[at] = dice.roll() as u8;
        }
        let _ = decode("tile", &wrong, shape);
    }
    let mut longer = payload.clone();
    longer.push(0);
    assert!(decode("tile", &longer, shape).is_err());
}

/// A payload of version 1 must decode for ever; the file is never rewritten.
#[test]
fn golden_payload() {
    let payload = include_bytes!("../../tests/golden/halves-v1.bin");
    assert_eq!(decode("tile", payload, Shape::frame(40, 50)).unwrap(), scene(40, 50, 3.0));
}
