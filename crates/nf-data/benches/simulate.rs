//! Pixels per second of the simulators and of their oracle, on one core.

use divan::Bencher;
use divan::counter::ItemsCount;
use nf_data::{OpenOptions, open};

fn main() {
    // One core: the figures are per core.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    divan::main();
}

/// Whole frames of every instrument.
const FRAMES: [&str; 6] = [
    "sim-star-field",
    "sim-keck-lris/full",
    "sim-hst-acs/full",
    "sim-jwst-nircam/full",
    "sim-sdss/full",
    "sim-lco/full",
];

/// Windows, because an oracle costs more than a frame.
const WINDOWS: [&str; 5] = ["sim-keck-lris", "sim-hst-acs", "sim-jwst-nircam", "sim-sdss", "sim-lco"];

#[divan::bench(args = FRAMES, sample_count = 3)]
fn expose(bencher: Bencher, name: &str) {
    let set = open(name, &OpenOptions::default()).expect("a built-in dataset");
    let pixels = set.image(0).expect("a simulated image").shape().pixels();
    bencher.counter(ItemsCount::new(pixels)).bench(|| set.image(0));
}

#[divan::bench(args = WINDOWS, sample_count = 3)]
fn oracle(bencher: Bencher, name: &str) {
    let set = open(name, &OpenOptions::default()).expect("a built-in dataset");
    let pixels = set.image(0).expect("a simulated image").shape().pixels();
    bencher.counter(ItemsCount::new(pixels)).bench(|| set.oracle(0));
}
