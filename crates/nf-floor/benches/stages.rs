//! Nanoseconds per pixel of every stage, one thread: `cargo bench -p nf-floor --bench stages`; items are pixels.
//!
//! Level `fast` has the small model, `default` the large one. Each of the first three stages includes the one before it: their differences are
//! prediction (robust centres and locations), modelling (expected errors), and symbols (contexts, raw bits, counts).

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use nf_floor::halves::Effort;
use nf_floor::halves::stages::{Stage, Stages};
use nf_floor::tile::TileView;
use nf_floor::{Level, max};
use nf_image::Shape;

fn main() {
    divan::main();
}

/// A slope, noise of about `width` DN, and a cosmic ray in every thousand pixels.
fn frame(shape: Shape, width: u32) -> Vec<u16> {
    let mut state = 1_u64;
    let mut roll = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u32
    };
    (0..shape.pixels())
        .map(|i| {
            let noise: u32 = (0..4).map(|_| roll() % (2 * width)).sum();
            let ray = if roll().is_multiple_of(1000) { roll() % 20_000 } else { 0 };
            (1000 + i / shape.width) as u16 + (noise + ray) as u16
        })
        .collect()
}

const SHAPE: Shape = Shape::frame(1024, 1024);
const STAGES: [Stage; 7] = [
    Stage::Fit,
    Stage::Locations,
    Stage::Scales,
    Stage::Symbols,
    Stage::Tables,
    Stage::Encode,
    Stage::Decode,
];

fn stage(bencher: Bencher<'_, '_>, effort: Effort, stage: Stage) {
    let samples = frame(SHAPE, 10);
    let stages = Stages::new(TileView::new(SHAPE, &samples), effort, false);
    bencher.counter(ItemsCount::new(SHAPE.pixels())).bench_local(|| black_box(&stages).run(stage));
}

#[divan::bench(args = STAGES, sample_count = 20)]
fn fast(bencher: Bencher<'_, '_>, which: Stage) {
    stage(bencher, Effort::SMALL, which);
}

#[divan::bench(args = STAGES, sample_count = 10)]
fn default(bencher: Bencher<'_, '_>, which: Stage) {
    stage(bencher, Effort::LARGE, which);
}

/// Whole tiles at level `max`, which predicts, models and codes pixel by pixel in one loop.
#[divan::bench(sample_count = 3)]
fn max_whole(bencher: Bencher<'_, '_>) {
    let shape = Shape::frame(128, 256);
    let samples = frame(shape, 10);
    bencher
        .counter(ItemsCount::new(shape.pixels()))
        .bench_local(|| max::encode(TileView::new(shape, black_box(&samples))));
}

/// Whole tiles of 1024 x 1024 pixels as a codec writes them.
#[divan::bench(args = [Level::Fast, Level::Default], sample_count = 5)]
fn whole(bencher: Bencher<'_, '_>, level: Level) {
    let samples = frame(SHAPE, 10);
    bencher
        .counter(ItemsCount::new(SHAPE.pixels()))
        .bench_local(|| nf_floor::tile::encode(TileView::new(SHAPE, black_box(&samples)), level));
}
