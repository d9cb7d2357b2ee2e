//! Random numbers that depend on the seed and the step alone.

use crate::batch::Batch;
use crate::experiment::{Draw, Flips};
use nf_data::random::Pcg64;
use nf_image::{Image16, Shape};

/// What random numbers are for; sequences of different purpose are independent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The tiles of a step.
    Step,
    /// The places of validation tiles.
    Validation,
    /// Whatever the network draws itself, such as dropout.
    Net,
    /// In which order images are read; the step is the number of the epoch.
    Order,
}

/// A generator that depends only on the seed, the purpose and the step: sampling is stateless, so
/// that a resumed run continues the same sequence.
pub(crate) fn generator(seed: u64, purpose: Purpose, step: u64) -> Pcg64 {
    generator_of(seed, purpose, step, &[])
}

/// The same for one of several things of the same purpose.
pub(crate) fn generator_of(seed: u64, purpose: Purpose, step: u64, more: &[u32]) -> Pcg64 {
    let halves = |word: u64| [word as u32, (word >> 32) as u32];
    let [[a, b], [c, d]] = [halves(seed), halves(step)];
    Pcg64::from_words(&[&[a, b, purpose as u32, c, d], more].concat())
}

/// Which of several images a draw falls on.
#[derive(Clone, Debug)]
pub(crate) enum Chances {
    /// Every one of so many is equally likely.
    Equal(usize),
    /// As likely as it has pixels: sums of these.
    Pixels(Vec<u64>),
}

impl Chances {
    /// Of images with these numbers of pixels.
    pub(crate) fn new(draw: Draw, pixels: impl ExactSizeIterator<Item = usize>) -> Self {
        match draw {
            Draw::Images => Self::Equal(pixels.len()),
            Draw::Pixels => Self::Pixels(
                pixels
                    .scan(0, |sum, pixels| {
                        *sum += pixels as u64;
                        Some(*sum)
                    })
                    .collect(),
            ),
        }
    }

    /// The number of an image. There must be one, with pixels.
    pub(crate) fn pick(&self, draw: &mut Pcg64) -> usize {
        match self {
            Self::Equal(images) => draw.up_to(*images as u64 - 1) as usize,
            Self::Pixels(ends) => {
                let at = draw.up_to(ends.last().map_or(0, |end| end - 1));
                ends.partition_point(|&end| end <= at)
            }
        }
    }
}

/// Adds a tile from a place that is drawn, mirrored as drawn.
pub(crate) fn add_tile(batch: &mut Batch, image: &Image16, flips: Flips, draw: &mut Pcg64) {
    let corner = corner(draw, image.shape(), batch.shape);
    let mirror_columns = flips != Flips::None && draw.up_to(1) == 1;
    let mirror_rows = flips == Flips::Both && draw.up_to(1) == 1;
    batch.push(image, corner, mirror_rows, mirror_columns);
}

/// The tiles by which the image number `index` validates: the same ones at every call.
pub(crate) fn validation_tiles(
    image: &Image16,
    index: usize,
    shape: Shape,
    tiles: usize,
    seed: u64,
) -> Batch {
    let mut batch = Batch::of_shape(shape);
    let mut draw = generator(seed, Purpose::Validation, index as u64);
    for _ in 0..tiles {
        let corner = corner(&mut draw, image.shape(), shape);
        batch.push(image, corner, false, false);
    }
    batch
}

fn corner(draw: &mut Pcg64, image: Shape, tile: Shape) -> [usize; 3] {
    let extents = [(image.planes, tile.planes), (image.height, tile.height), (image.width, tile.width)];
    extents.map(|(image, tile)| draw.up_to((image - tile) as u64) as usize)
}
