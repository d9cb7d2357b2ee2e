//! Simulated datasets, opened by name.
#![allow(clippy::unwrap_used, reason = "tests")]

use nf_data::{Dataset, OpenOptions, open};
use nf_image::Shape;

fn star_field() -> Box<dyn Dataset> {
    open("sim-star-field", &OpenOptions::default()).unwrap()
}

#[test]
fn a_seed_gives_the_same_bytes_on_every_platform() {
    let set = star_field();
    assert_eq!((set.len(), set.name(0)), (4, "sim-star-field-000001".to_owned()));
    let digests: Vec<String> = (0..2).map(|i| set.image(i).unwrap().digest().short()).collect();
    assert_eq!(digests, ["2dbd9acf", "ef212541"]);
    assert_eq!(set.image(0).unwrap().shape(), Shape::frame(512, 512));
}

#[test]
fn the_oracle_is_near_the_entropy_of_the_sky() {
    let set = star_field();
    let bits = set.oracle(0).unwrap().unwrap().given_layers_bits / (512.0 * 512.0);
    // Sky of 300 electrons and read noise of 6: a standard deviation of 11.3 DN.
    assert!((5.5..5.6).contains(&bits), "{bits}");
}

#[test]
fn extents_are_known_before_anything_is_drawn() {
    for manifest in nf_data::known_datasets().unwrap() {
        if matches!(manifest.source, nf_data::Source::Simulator(_)) {
            let set = open(&manifest.name, &OpenOptions::default()).unwrap();
            assert_eq!(set.shape(0).unwrap(), Some(set.image(0).unwrap().shape()), "{}", manifest.name);
        }
    }
}

#[test]
fn names_views_and_splits_that_do_not_exist_are_named() {
    let error = |reference: &str| open(reference, &OpenOptions::default()).err().unwrap().to_string();
    assert!(error("sim-star-fields").contains("real-open, sbi-16-2d, sbi-16-3d, sdss, "));
    assert!(error("sim-star-field@blind").contains("no such split, there are: test, train"));
    assert!(error("sim-star-field/crop").contains("views window and full"));
    let views = "no such view, there are: centre-1024, centre-256, first-3, first-52, ";
    assert!(error("real-open/huge").contains(views));
    let train = open("sim-star-field@train", &OpenOptions::default()).unwrap();
    assert_eq!((train.len(), train.card().to_string()), (16, "sim-star-field/window@train".to_owned()));
}

/// Name, first digits of the first image's digest, its shape, bits per pixel given the layers, and
/// with them.
type Golden = (&'static str, &'static str, Shape, [f64; 2]);

const INSTRUMENTS: [Golden; 5] = [
    ("sim-keck-lris", "582dc8fd", Shape::frame(320, 320), [5.8444, 5.8596]),
    ("sim-hst-acs", "596555d9", Shape::frame(320, 320), [4.092, 4.2403]),
    ("sim-lco", "98bd55e8", Shape::frame(320, 336), [5.9723, 5.9812]),
    ("sim-sdss", "dff6f1ff", Shape::new(5, 160, 160), [4.5659, 4.5733]),
    ("sim-jwst-nircam", "0db5ba26", Shape::new(5, 128, 128), [4.6285, 4.69]),
];

#[test]
fn five_instruments_keep_their_bytes_and_their_worth() {
    let mut found = vec![];
    for (name, ..) in INSTRUMENTS {
        let set = open(name, &OpenOptions::default()).unwrap();
        let image = set.image(0).unwrap();
        let oracle = set.oracle(0).unwrap().unwrap();
        let pixels = image.shape().pixels() as f64;
        let bits = [oracle.given_layers_bits, oracle.given_layers_bits + oracle.layers_bits.unwrap()];
        let bits = bits.map(|bits| (bits / pixels * 1e4).round() / 1e4);
        found.push((name, image.digest().short(), image.shape(), bits));
    }
    let expected: Vec<_> = INSTRUMENTS
        .iter()
        .map(|(name, digest, shape, bits)| (*name, (*digest).to_owned(), *shape, *bits))
        .collect();
    assert_eq!(found, expected);
}
