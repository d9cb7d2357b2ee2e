//! Speed of the models on whole tiles, one thread: `cargo bench -p nf-floor`; items are pixels.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use nf_floor::lab::split_rows::{self, Directed, Effort};
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

/// What codes a tile.
#[derive(Clone, Copy, Debug)]
enum Model {
    /// Split rows as level `fast` fits them, with the trial of the direction.
    Small,
    /// The same as `default` fits them: both models, unless the large one is surely better.
    Large,
    Wavefront,
    Mixing,
}

impl Model {
    fn encode(self, tile: TileView) -> Vec<u8> {
        let split_rows = |efforts| Directed::new(tile, &[]).map(|directed| directed.encode(efforts));
        let payload = match self {
            Self::Small => split_rows(&[Effort::SMALL]),
            Self::Large => split_rows(&[Effort::SMALL, Effort::LARGE]),
            Self::Wavefront => wavefront::encode(tile, wavefront::Beside::default()),
            Self::Mixing => mixing::encode(tile),
        };
        payload.expect("a tile with pixels")
    }

    fn decode(self, payload: &[u8], side: usize) -> Vec<u16> {
        let samples = match self {
            Self::Small | Self::Large => split_rows::decode("tile", payload, side, side, &[]),
            Self::Wavefront => wavefront::decode("tile", payload, side, side, wavefront::Beside::default()),
            Self::Mixing => mixing::decode("tile", payload, side, side),
        };
        samples.expect("own bytes decode")
    }
}

/// A model, the side of its tiles, and about the width of the noise (DN).
type Case = (Model, usize, usize);

fn cases() -> impl Iterator<Item = Case> {
    // 256 x 256 pixels are the tiles that FITS files often have.
    let tiles = [
        (Model::Small, 1024),
        (Model::Small, 256),
        (Model::Large, 1024),
        (Model::Large, 256),
        (Model::Wavefront, 512),
        (Model::Mixing, 128),
    ];
    tiles.into_iter().flat_map(|(model, side)| [3, 100].map(|width| (model, side, width)))
}

#[divan::bench(args = cases(), sample_count = 10)]
fn encode(bencher: Bencher<'_, '_>, (model, side, width): Case) {
    let image = frame(side, width);
    bencher
        .counter(ItemsCount::new(image.samples().len()))
        .bench_local(|| model.encode(TileView::of(black_box(&image))));
}

#[divan::bench(args = cases(), sample_count = 10)]
fn decode(bencher: Bencher<'_, '_>, (model, side, width): Case) {
    let image = frame(side, width);
    let payload = model.encode(TileView::of(&image));
    bencher
        .counter(ItemsCount::new(image.samples().len()))
        .bench_local(|| model.decode(black_box(&payload), side));
}
