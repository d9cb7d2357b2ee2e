//! Pixels per second of the simulators and of their oracle, on one core.

use divan::Bencher;
use divan::counter::ItemsCount;
use nf_data::{OpenOptions, open};

fn main() {
    // One core: the figures are per core.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    divan::main();
}

const SETS: [&str; 1] = ["sim-star-field"];

#[divan::bench(args = SETS, sample_count = 10)]
fn expose(bencher: Bencher, name: &str) {
    let set = open(name, &OpenOptions::default()).expect("a built-in dataset");
    let pixels = set.image(0).expect("a simulated image").shape().pixels();
    bencher.counter(ItemsCount::new(pixels)).bench(|| set.image(0));
}

#[divan::bench(args = SETS, sample_count = 3)]
fn oracle(bencher: Bencher, name: &str) {
    let set = open(name, &OpenOptions::default()).expect("a built-in dataset");
    let pixels = set.image(0).expect("a simulated image").shape().pixels();
    bencher.counter(ItemsCount::new(pixels)).bench(|| set.oracle(0));
}
