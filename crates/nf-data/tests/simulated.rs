//! Simulated datasets, opened by name.

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
fn names_views_and_splits_that_do_not_exist_are_named() {
    let error = |reference: &str| open(reference, &OpenOptions::default()).err().unwrap().to_string();
    assert!(error("sim-star-fields").contains("datasets known here: real-open, sim-star-field"));
    assert!(error("sim-star-field@blind").contains("no such split, there are: test, train"));
    assert!(error("sim-star-field/crop").contains("no views"));
    assert!(error("real-open/huge").contains("no such view, there are: centre-1024, planes, whole"));
    let train = open("sim-star-field@train", &OpenOptions::default()).unwrap();
    assert_eq!((train.len(), train.card().to_string()), (16, "sim-star-field/whole@train".to_owned()));
}
