//! Whole tiles: round trips, the same bytes on every machine, and hostile payloads.

use super::{Beside, TileView, decode, decode_with, encode, encode_with};
use crate::testdata;
use nf_image::Shape;
use nf_image::testing::noise;
use nf_simd::InstructionSet;

const NONE: Beside = Beside { shifts: &[], seen: &[] };

fn assert_round_trip(tile: TileView) {
    let payload = encode_with(InstructionSet::best(), tile, NONE);
    let decoded = decode("tile", &payload, tile.height, tile.width, NONE).unwrap();
    assert!(decoded == tile.samples, "{} x {}", tile.height, tile.width);
}

#[test]
fn tiles_of_all_shapes_round_trip() {
    testdata::shapes().iter().for_each(|image| assert_round_trip(TileView::of(image)));
}

#[test]
fn tiles_that_leave_lanes_idle_are_not_taken() {
    let taken = |height: usize, width: usize| {
        encode(TileView::new(height, width, &vec![7; height * width]), NONE).is_some()
    };
    for (height, width) in [(1, 1), (2, 500), (256, 16), (64, 64), (16, 4096)] {
        assert!(taken(height, width), "{height} x {width}");
    }
    for (height, width) in [(0, 0), (4096, 2), (2, 4096), (1024, 12)] {
        assert!(!taken(height, width), "{height} x {width}");
    }
}

#[test]
fn extremes_round_trip() {
    testdata::extremes().iter().for_each(|image| assert_round_trip(TileView::of(image)));
}

#[test]
fn every_instruction_set_writes_and_reads_the_same() {
    for deviation in [0.4, 3.0, 200.0] {
        let image = testdata::rays(90, 333, deviation);
        let tile = TileView::of(&image);
        let payload = encode_with(InstructionSet::Baseline, tile, NONE);
        for isa in InstructionSet::available() {
            assert!(encode_with(isa, tile, NONE) == payload, "{isa:?}");
            assert!(decode_with(isa, "tile", &payload, 90, 333, NONE).unwrap() == tile.samples, "{isa:?}");
        }
    }
}

#[test]
fn white_noise_costs_little_more_than_its_entropy() {
    for deviation in [1.0, 6.0, 80.0, 2000.0_f64] {
        let image = noise(Shape::frame(512, 512), 30_000.5, deviation, 11);
        let payload = encode(TileView::of(&image), NONE).unwrap();
        let bits = payload.len() as f64 * 8.0 / image.samples().len() as f64;
        // Rounding adds a variance of 1/12.
        let entropy = 0.5 * (17.079_468 * (deviation * deviation + 1.0 / 12.0)).log2();
        // Learning over and over costs something where nothing changes; there level `default` keeps
        // split rows.
        assert!(bits < entropy * 1.015 + 0.01, "{deviation}: {bits} {entropy}");
    }
}

#[test]
fn damaged_payloads_are_refused_or_decode_without_a_panic() {
    let image = testdata::rays(12, 18, 3.0);
    let payload = encode(TileView::of(&image), NONE).unwrap();
    testdata::damage(&payload, |payload| decode("tile", payload, 12, 18, NONE).is_err());
}
