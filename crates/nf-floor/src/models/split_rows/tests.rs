//! Whole tiles: round trips, the same bytes on every machine, and hostile payloads.

use super::{Directed, Effort, TileView, decode, encode};
use crate::testdata;
use nf_simd::InstructionSet;

fn assert_round_trip(tile: TileView) {
    for effort in EFFORTS {
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

const EFFORTS: [Effort; 2] = [Effort::SMALL, Effort::LARGE];

#[test]
fn every_instruction_set_writes_and_reads_the_same() {
    for deviation in [0.4, 3.0, 200.0] {
        let image = testdata::rays(90, 333, deviation);
        let tile = TileView::of(&image);
        let payload = super::encode::encode(InstructionSet::Baseline, tile, &[], false, &EFFORTS);
        for isa in InstructionSet::available() {
            assert!(super::encode::encode(isa, tile, &[], false, &EFFORTS) == payload, "{isa:?}");
            let decoded = super::decode::decode(isa, "tile", &payload, 90, 333, &[]).unwrap();
            assert!(decoded == tile.samples, "{isa:?}");
        }
    }
}

#[test]
fn of_two_efforts_the_smaller_payload_is_taken() {
    for deviation in [0.4, 3.0, 200.0] {
        let image = testdata::rays(70, 130, deviation);
        let tile = TileView::of(&image);
        let alone = EFFORTS.map(|effort| encode(tile, effort).unwrap().len());
        let both = Directed::new(tile, &[]).unwrap().encode(&EFFORTS);
        assert_eq!(Some(&both.len()), alone.iter().min(), "{deviation}: {alone:?}");
    }
}

#[test]
fn damaged_payloads_are_refused_or_decode_without_a_panic() {
    let image = testdata::rays(12, 18, 3.0);
    let payload = encode(TileView::of(&image), Effort::SMALL).unwrap();
    testdata::damage(&payload, |payload| decode("tile", payload, 12, 18, &[]).is_err());
}
