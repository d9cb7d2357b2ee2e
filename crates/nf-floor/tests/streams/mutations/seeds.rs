//! Small valid streams of every mode.

use crate::dithered;
use crate::parts::{self, Parts};
use nf_floor::Level;
use nf_floor::lab::{CodedTile, Mode, TileView};
use nf_image::testing::{Rng, scene};
use nf_image::{Image16, Shape};

/// A valid stream, and what it decodes to.
pub(crate) struct Seed {
    pub(crate) name: &'static str,
    pub(crate) image: Image16,
    pub(crate) parts: Parts,
    pub(crate) bytes: Vec<u8>,
    /// How often it is taken, relative to the others: slow decoders less often.
    pub(crate) share: usize,
}

impl Seed {
    fn new(name: &'static str, share: usize, image: Image16, parts: Parts) -> Self {
        Self { name, image, bytes: parts.bytes(), parts, share }
    }

    pub(crate) fn shape(&self) -> Shape {
        self.image.shape()
    }
}

pub(crate) fn all() -> Vec<Seed> {
    let mut rng = Rng::new(3);
    let of = |name, mode: Mode, share, image: Image16, tile, level| {
        let parts = Parts::of(&image, tile, level);
        assert!(parts.tiles.iter().any(|tile| tile.bytes[0] == mode as u8), "{name} has a tile of {mode:?}");
        Seed::new(name, share, image, parts)
    };
    let dithered = |name, share, image: Image16, mode| {
        let stack = dithered::stack(image.shape(), 16);
        let indices = dithered::quantised(&image, &stack, 8.0);
        let parts = dithered::parts(&indices, &stack, mode);
        Seed::new(name, share, indices, parts)
    };
    let noise = Image16::from_fn(Shape::frame(7, 9), |_, _, _| rng.next_u16());
    let flat = Image16::from_fn(Shape::new(2, 9, 9), |plane, _, _| 500 + plane as u16);
    let frame = |height, width, noise| scene(Shape::frame(height, width), noise, 11);
    let stack = scene(Shape::new(3, 8, 10), 3.0, 5);
    let view = |plane: usize| TileView::new(8, 10, &stack.samples()[80 * plane..80 * (plane + 1)]);
    let mut differences = Parts::of(&stack, (8, 10), Level::Fast);
    let bytes = parts::difference(view(1), &[view(0).samples], &[250]);
    differences.tiles[1] = CodedTile { bytes, references: 1 };
    let bytes = parts::difference(view(2), &[view(1).samples, view(0).samples], &[300, -44]);
    differences.tiles[2] = CodedTile { bytes, references: 2 };
    differences.version = 2;
    let pattern = parts::pattern();
    let with_references = parts::with_references(&pattern);
    let wrapped = Image16::from_fn(Shape::frame(24, 32), |_, _, _| rng.below(9).wrapping_sub(4) as u16);
    vec![
        of("raw", Mode::Raw, 150, noise, (4, 9), Level::Default),
        of("constant", Mode::Constant, 150, flat, (5, 5), Level::Fast),
        of("split rows", Mode::SplitRows, 400, frame(16, 24, 2.0), (16, 24), Level::Fast),
        of("split rows, low bits", Mode::SplitRows, 200, frame(31, 15, 400.0), (31, 15), Level::Fast),
        of("split rows, tiles", Mode::SplitRows, 20, frame(40, 45, 5.0), (20, 30), Level::Fast),
        of("one column", Mode::SplitRows, 10, frame(500, 1, 3.0), (500, 1), Level::Fast),
        of("wavefront", Mode::Wavefront, 20, frame(40, 60, 1.5), (40, 60), Level::Default),
        of("offset", Mode::Offset, 50, wrapped, (24, 32), Level::Fast),
        Seed::new("difference", 50, stack, differences),
        of("mixing", Mode::Mixing, 1, frame(10, 20, 3.0), (10, 20), Level::Max),
        Seed::new("mixing, references", 1, pattern, with_references),
        dithered("dithered split rows", 200, frame(16, 24, 8.0), Mode::DitheredSplitRows),
        dithered("dithered wavefront", 20, frame(20, 30, 8.0), Mode::DitheredWavefront),
        dithered("dithered mixing", 1, frame(10, 20, 8.0), Mode::DitheredMixing),
        dithered("dithered positions", 1, frame(10, 20, 8.0), Mode::DitheredMixingByPosition),
    ]
}
