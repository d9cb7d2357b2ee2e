//! Small valid streams of every mode.

use crate::parts::{self, Dice, Parts, scene};
use nf_floor::Level;
use nf_floor::stack::Coded;
use nf_floor::tile::TileView;
use nf_image::{Image16, Shape};

/// Mode bytes that the seeds use, in order.
pub(crate) const MODES: [u8; 7] = [0, 1, 2, 3, 4, 7, 8];

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
    let mut dice = Dice(3);
    let of = |name, mode: u8, share, image: Image16, tile, level| {
        let parts = Parts::of(&image, tile, level);
        assert!(parts.tiles.iter().any(|tile| tile.bytes[0] == mode), "{name} has a tile of mode {mode}");
        Seed::new(name, share, image, parts)
    };
    let noise = Image16::from_fn(Shape::frame(7, 9), |_, _, _| dice.roll() as u16);
    let flat = Image16::from_fn(Shape::new(2, 9, 9), |plane, _, _| 500 + plane as u16);
    let frame = |height, width, noise| scene(Shape::frame(height, width), noise, 11);
    let stack = scene(Shape::new(3, 8, 10), 3.0, 5);
    let view =
        |plane: usize| TileView::new(Shape::frame(8, 10), &stack.samples()[80 * plane..80 * (plane + 1)]);
    let mut differences = Parts::of(&stack, (8, 10), Level::Fast);
    let bytes = parts::difference(view(1), &[view(0).samples], &[250]);
    differences.tiles[1] = Coded { bytes, needs: 1 };
    let bytes = parts::difference(view(2), &[view(1).samples, view(0).samples], &[300, -44]);
    differences.tiles[2] = Coded { bytes, needs: 2 };
    differences.version = 2;
    let pattern = parts::pattern();
    let given = parts::given(&pattern);
    vec![
        of("raw", 0, 150, noise, (4, 9), Level::Default),
        of("constant", 1, 150, flat, (5, 5), Level::Fast),
        of("halves", 2, 400, frame(16, 24, 2.0), (16, 24), Level::Fast),
        of("halves, low bits", 2, 200, frame(31, 15, 400.0), (31, 15), Level::Fast),
        of("halves, tiles", 2, 20, frame(40, 45, 5.0), (20, 30), Level::Fast),
        of("one column", 2, 10, frame(500, 1, 3.0), (500, 1), Level::Fast),
        of("wave", 3, 20, frame(40, 60, 1.5), (40, 60), Level::Default),
        Seed::new("difference", 50, stack, differences),
        of("max", 4, 1, frame(10, 20, 3.0), (10, 20), Level::Max),
        Seed::new("max, given planes", 1, pattern, given),
    ]
}
