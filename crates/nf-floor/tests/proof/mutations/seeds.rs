//! Small valid streams of every mode.

use crate::parts::{self, Dice, Parts, scene};
use nf_floor::Level;
use nf_image::{Image16, Shape};

/// Mode bytes that the seeds use, in order.
pub(crate) const MODES: [u8; 7] = [0, 1, 2, 3, 4, 7, 8];

/// A valid stream, and what it decodes to.
pub(crate) struct Seed {
    pub(crate) name: &'static str,
    pub(crate) image: Image16,
    pub(crate) parts: Parts,
    pub(crate) bytes: Vec<u8>,
    /// Has tiles of level `max`.
    pub(crate) is_slow: bool,
}

impl Seed {
    fn new(name: &'static str, image: Image16, parts: Parts) -> Self {
        let is_slow = parts.tiles.iter().any(|tile| matches!(tile.bytes[0], 4 | 8));
        Self { name, image, bytes: parts.bytes(), parts, is_slow }
    }

    pub(crate) fn shape(&self) -> Shape {
        self.image.shape()
    }
}

pub(crate) fn all() -> Vec<Seed> {
    let mut dice = Dice(3);
    let of = |name, mode: u8, image: Image16, tile, level| {
        let parts = Parts::of(&image, tile, level);
        assert!(parts.tiles.iter().any(|tile| tile.bytes[0] == mode), "{name} has a tile of mode {mode}");
        Seed::new(name, image, parts)
    };
    let noise = Image16::from_fn(Shape::frame(7, 9), |_, _, _| dice.roll() as u16);
    let flat = Image16::from_fn(Shape::new(2, 9, 9), |plane, _, _| 500 + plane as u16);
    let frame = |height, width, noise| scene(Shape::frame(height, width), noise, 11);
    let stack = scene(Shape::new(3, 16, 20), 3.0, 5);
    let pattern = parts::pattern();
    let given = parts::given(&pattern);
    vec![
        of("raw", 0, noise, (4, 9), Level::Default),
        of("constant", 1, flat, (5, 5), Level::Fast),
        of("halves", 2, frame(16, 24, 2.0), (16, 24), Level::Fast),
        of("halves, low bits", 2, frame(31, 15, 400.0), (31, 15), Level::Fast),
        of("halves, tiles", 2, frame(40, 45, 5.0), (20, 30), Level::Fast),
        of("one column", 2, frame(500, 1, 3.0), (500, 1), Level::Fast),
        of("fitted", 3, frame(14, 20, 1.5), (14, 20), Level::Default),
        of("stack", 7, stack, (16, 10), Level::Default),
        of("max", 4, frame(10, 20, 3.0), (10, 20), Level::Max),
        Seed::new("max, given planes", pattern, given),
    ]
}
