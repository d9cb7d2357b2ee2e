//! Whole tiles: round trips, the same bytes on every machine, and hostile payloads.

use super::{Effort, TileView, decode, encode};
use crate::testdata;
use nf_simd::InstructionSet;

fn assert_round_trip(tile: TileView) {
    for effort in [Effort::SMALL, Effort::LARGE] {
        let payload = encode(tile, effort).unwrap();
        let decoded = decode("tile", &payload, tile.height, tile.width, &[]).unwrap();
        assert!(decoded == tile.samples, "{} x {} {effort:?}", tile.height, tile.width);
    }
}

#[test]
fn tiles_of_all_shapes_round_trip() {
    testdata::shapes().iter().for_each(|image| assert_round_trip(TileView::of(image)));
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
        let payload = super::encode::encode(InstructionSet::Baseline, tile, &[], false, Effort::LARGE);
        for isa in InstructionSet::available() {
            assert!(super::encode::encode(isa, tile, &[], false, Effort::LARGE) == payload, "{isa:?}");
            let decoded = super::decode::decode(isa, "tile", &payload, 90, 333, &[]).unwrap();
            assert!(decoded == tile.samples, "{isa:?}");
        }
    }
}

#[test]
fn damaged_payloads_are_refused_or_decode_without_a_panic() {
    let image = testdata::rays(12, 18, 3.0);
    let payload = encode(TileView::of(&image), Effort::SMALL).unwrap();
    testdata::damage(&payload, |payload| decode("tile", payload, 12, 18, &[]).is_err());
}
