//! Nanoseconds per pixel of the half rows, one thread: `cargo bench -p nf-floor`; items are pixels.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use nf_floor::halves::{self, Effort};
use nf_floor::tile::TileView;
use nf_image::Shape;

fn main() {
    divan::main();
}

const SHAPE: Shape = Shape::frame(1024, 1024);

/// A gradient, noise of about `width` DN, and a cosmic ray in every thousand pixels.
fn frame(width: u32) -> Vec<u16> {
    let mut state = 1_u64;
    let mut roll = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u32
    };
    (0..SHAPE.pixels())
        .map(|i| {
            let noise: u32 = (0..4).map(|_| roll() % (2 * width)).sum();
            let ray = if roll().is_multiple_of(1000) { roll() % 20_000 } else { 0 };
            (1000 + i / SHAPE.width) as u16 + (noise + ray) as u16
        })
        .collect()
}

const EFFORTS: [(&str, Effort); 2] = [("small", Effort::SMALL), ("large", Effort::LARGE)];
const WIDTHS: [u32; 2] = [3, 100];

fn cases() -> impl Iterator<Item = (usize, u32)> {
    (0..EFFORTS.len()).flat_map(|effort| WIDTHS.map(|width| (effort, width)))
}

#[divan::bench(args = cases())]
fn encode(bencher: Bencher<'_, '_>, (effort, width): (usize, u32)) {
    let samples = frame(width);
    bencher
        .counter(ItemsCount::new(SHAPE.pixels()))
        .bench_local(|| halves::encode(TileView::new(SHAPE, black_box(&samples)), EFFORTS[effort].1));
}

#[divan::bench(args = cases())]
fn decode(bencher: Bencher<'_, '_>, (effort, width): (usize, u32)) {
    let samples = frame(width);
    let Some(payload) = halves::encode(TileView::new(SHAPE, &samples), EFFORTS[effort].1) else { return };
    bencher
        .counter(ItemsCount::new(SHAPE.pixels()))
        .bench_local(|| halves::decode(EFFORTS[effort].0, black_box(&payload), SHAPE));
}
