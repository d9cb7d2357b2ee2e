//! Speed of the models on whole tiles, one thread: `cargo bench -p nf-floor`; items are pixels.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use nf_floor::lab::split_rows::{self, Effort};
use nf_floor::lab::{TileView, mixing, wavefront};
use nf_image::testing::Rng;
use nf_image::{Image16, Shape};

fn main() {
    divan::main();
}

/// A gradient, noise of about `width` DN, and a cosmic ray in every thousand pixels.
fn frame(side: usize, width: usize) -> Image16 {
    let mut rng = Rng::new(1);
    Image16::from_fn(Shape::frame(side, side), |_, y, _| {
        let noise: usize = (0..4).map(|_| rng.below(2 * width)).sum();
        let ray = if rng.below(1000) == 0 { rng.below(20_000) } else { 0 };
        (1000 + y + noise + ray) as u16
    })
}

/// A model and the side of its tiles.
#[derive(Clone, Copy, Debug)]
enum Model {
    Small,
    Large,
    Wavefront,
    Mixing,
}

impl Model {
    fn side(self) -> usize {
        match self {
            Self::Small | Self::Large => 1024,
            Self::Wavefront => 512,
            Self::Mixing => 128,
        }
    }

    fn encode(self, tile: TileView) -> Vec<u8> {
        let payload = match self {
            Self::Small => split_rows::encode(tile, Effort::SMALL),
            Self::Large => split_rows::encode(tile, Effort::LARGE),
            Self::Wavefront => wavefront::encode(tile, &[]),
            Self::Mixing => mixing::encode(tile),
        };
        payload.expect("a tile with pixels")
    }

    fn decode(self, payload: &[u8]) -> Vec<u16> {
        let side = self.side();
        let samples = match self {
            Self::Small | Self::Large => split_rows::decode("tile", payload, side, side, &[]),
            Self::Wavefront => wavefront::decode("tile", payload, side, side, &[]),
            Self::Mixing => mixing::decode("tile", payload, side, side),
        };
        samples.expect("own bytes decode")
    }
}

fn cases() -> impl Iterator<Item = (Model, usize)> {
    let models = [Model::Small, Model::Large, Model::Wavefront, Model::Mixing];
    models.into_iter().flat_map(|model| [3, 100].map(|width| (model, width)))
}

#[divan::bench(args = cases(), sample_count = 10)]
fn encode(bencher: Bencher<'_, '_>, (model, width): (Model, usize)) {
    let image = frame(model.side(), width);
    bencher
        .counter(ItemsCount::new(image.samples().len()))
        .bench_local(|| model.encode(TileView::of(black_box(&image))));
}

#[divan::bench(args = cases(), sample_count = 10)]
fn decode(bencher: Bencher<'_, '_>, (model, width): (Model, usize)) {
    let image = frame(model.side(), width);
    let payload = model.encode(TileView::of(&image));
    bencher.counter(ItemsCount::new(image.samples().len())).bench_local(|| model.decode(black_box(&payload)));
}
