use super::*;
use crate::testdata;
use nf_image::Shape;
use nf_image::testing::{Rng, noise};
use proptest::prelude::*;

fn assert_round_trip(tile: TileView) {
    let bytes = encode(tile).expect("a tile with pixels");
    let decoded = decode("tile", &bytes, tile.height, tile.width).expect("own bytes decode");
    assert!(decoded == tile.samples, "{} x {}", tile.height, tile.width);
}

#[test]
fn tiles_of_all_shapes_round_trip() {
    testdata::small_shapes().iter().for_each(|image| assert_round_trip(TileView::of(image)));
}

#[test]
fn extremes_round_trip() {
    testdata::extremes().iter().for_each(|image| assert_round_trip(TileView::of(image)));
}

#[test]
fn white_noise_costs_its_entropy() {
    let sigma = 5.0f64;
    let image = noise(Shape::frame(200, 200), 1000.3, sigma, 5);
    assert_round_trip(TileView::of(&image));
    let bytes = encode(TileView::of(&image)).expect("a tile with pixels").len();
    let bits = bytes as f64 * 8.0 / image.samples().len() as f64;
    let entropy = sigma.log2() + 2.047;
    assert!(bits < entropy * 1.01 && bits > entropy * 0.99, "{bits} bits, entropy {entropy}");
}

#[test]
fn every_instruction_set_writes_and_reads_the_same() {
    let image = testdata::rays(40, 150, 30.0);
    let tile = TileView::of(&image);
    let reference: Vec<u16> = image.samples().iter().rev().copied().collect();
    let map: Vec<i32> = reference.iter().map(|&sample| 200 * i32::from(sample) - 7).collect();
    let planes = Terms::of_planes(&[&reference]);
    let all = Terms { own: Some(&map), response: Some(&map), planes: vec![(&reference, Some(&map))] };
    let response = Terms { planes: vec![], ..all.clone() };
    let weights = |share, planes: &[i16]| Weights { share, planes: planes.to_vec() };
    for (terms, weights) in [
        (&Terms::default(), weights(0, &[])),
        (&planes, weights(0, &[100])),
        (&response, weights(4000, &[])),
        (&all, weights(-700, &[100])),
    ] {
        let encode =
            |isa| encode_with(isa, tile, Extras::of_terms(terms), &weights).expect("a tile with pixels");
        let bytes = encode(InstructionSet::Baseline);
        for isa in InstructionSet::available() {
            assert!(encode(isa) == bytes, "{isa:?}");
            let decoded =
                decode_with(isa, "tile", &bytes, 40, 150, Extras::of_terms(terms)).expect("own bytes decode");
            assert!(decoded == tile.samples, "{isa:?}");
        }
    }
}

#[test]
fn truncated_and_extended_payloads_are_refused() {
    let image = noise(Shape::frame(20, 30), 1000.3, 3.0, 5);
    let bytes = encode(TileView::of(&image)).expect("a tile with pixels");
    for length in (0..Header::BYTES).chain([bytes.len() / 2]) {
        assert!(decode("tile", &bytes[..length], 20, 30).is_err());
    }
    assert!(decode("tile", &[&bytes[..], &[0; 20]].concat(), 20, 30).is_err());
    assert!(decode("tile", &bytes, 0, 30).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_tile_round_trips(
        width in 1usize..40,
        samples in prop::collection::vec(any::<u16>(), 40..400),
        mask in any::<u16>(),
    ) {
        let height = samples.len() / width;
        let samples: Vec<u16> = samples[..height * width].iter().map(|sample| sample & mask).collect();
        assert_round_trip(TileView::new(height, width, &samples));
    }

    #[test]
    fn hostile_payloads_do_not_panic(
        payload in prop::collection::vec(any::<u8>(), 0..300),
        width in 1usize..40,
        reference in prop::option::of(any::<u64>()),
    ) {
        let _ = decode("tile", &payload, 20, width);
        let mut rng = Rng::new(reference.unwrap_or(0));
        let plane: Vec<u16> = (0..20 * width).map(|_| rng.next_u16()).collect();
        let terms = Terms::of_planes(&[&plane]);
        let _ = decode_with_extras("tile", &payload, 20, width, Extras::of_terms(&terms));
    }
}
