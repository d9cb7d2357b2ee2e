//! Which tiles make which step.

use crate::data::{Batch, Frame};
use crate::experiment::{Draw, Flips, TileChoice};
use nf_data::random::Pcg64;
use nf_image::Shape;

/// What random numbers are for; sequences of different purpose are independent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The tiles of a step.
    Step,
    /// The places of validation tiles.
    Validation,
    /// Whatever the network draws itself, such as dropout.
    Net,
}

/// A generator that depends only on the seed, the purpose and the step: sampling is stateless, so
/// that a resumed run continues the same sequence.
pub(crate) fn generator(seed: u64, purpose: Purpose, step: u64) -> Pcg64 {
    let halves = |word: u64| [word as u32, (word >> 32) as u32];
    let [[a, b], [c, d]] = [halves(seed), halves(step)];
    Pcg64::from_words(&[a, b, purpose as u32, c, d])
}

/// The tiles of a step.
pub fn step_batch(frames: &[Frame], choice: &TileChoice, seed: u64, step: u64) -> Batch {
    let mut draw = generator(seed, Purpose::Step, step);
    let mut batch = Batch::of_shape(Shape::new(choice.planes, choice.height_px, choice.width_px));
    let ends: Vec<u64> = frames
        .iter()
        .scan(0, |sum, frame| {
            *sum += match choice.draw {
                Draw::Images => 1,
                Draw::Pixels => frame.image.shape().pixels() as u64,
            };
            Some(*sum)
        })
        .collect();
    let last = ends.last().expect("frames were checked to be there") - 1;
    for _ in 0..choice.batch {
        let at = draw.up_to(last);
        let frame = &frames[ends.partition_point(|&end| end <= at)];
        let corner = corner(&mut draw, frame, batch.shape);
        let mirror_columns = choice.flips != Flips::None && draw.up_to(1) == 1;
        let mirror_rows = choice.flips == Flips::Both && draw.up_to(1) == 1;
        batch.push(&frame.image, corner, mirror_rows, mirror_columns);
    }
    batch
}

/// The tiles that validate: the same ones at every call, image by image.
pub fn validation_batch(frames: &[Frame], shape: Shape, tiles_per_image: usize, seed: u64) -> Batch {
    let mut batch = Batch::of_shape(shape);
    for (index, frame) in frames.iter().enumerate() {
        let mut draw = generator(seed, Purpose::Validation, index as u64);
        for _ in 0..tiles_per_image {
            let corner = corner(&mut draw, frame, shape);
            batch.push(&frame.image, corner, false, false);
        }
    }
    batch
}

fn corner(draw: &mut Pcg64, frame: &Frame, tile: Shape) -> [usize; 3] {
    let image = frame.image.shape();
    let extents = [(image.planes, tile.planes), (image.height, tile.height), (image.width, tile.width)];
    extents.map(|(image, tile)| draw.up_to((image - tile) as u64) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::Image16;

    fn frame(name: &str, shape: Shape, base: u16) -> Frame {
        let image = Image16::from_fn(shape, |p, r, c| base + (p * 100 + r * 10 + c) as u16);
        Frame { name: name.to_owned(), image }
    }

    fn choice(batch: usize) -> TileChoice {
        TileChoice { planes: 1, height_px: 2, width_px: 3, batch, flips: Flips::Both, draw: Draw::Images }
    }

    #[test]
    fn every_tile_of_every_frame_is_drawn() {
        let frames = [frame("a", Shape::new(2, 4, 5), 0), frame("b", Shape::frame(2, 3), 1000)];
        let batch = step_batch(&frames, &choice(4000), 7, 0);
        assert_eq!((batch.tiles, batch.samples.len()), (4000, 4000 * 6));
        let mut seen = std::collections::BTreeSet::new();
        for tile in batch.samples.chunks(6) {
            let (across, down) = (tile[1].wrapping_sub(tile[0]) as i16, tile[3].wrapping_sub(tile[0]) as i16);
            assert!(across.abs() == 1 && down.abs() == 10, "{tile:?}");
            assert_eq!(tile[5].wrapping_sub(tile[0]) as i16, 2 * across + down);
            seen.insert((*tile.iter().min().unwrap(), across, down));
        }
        // Frame a: 2 planes, 3 rows, 3 columns; frame b: one place; four mirror images of each.
        assert_eq!(seen.len(), (18 + 1) * 4);
        let from_b = batch.samples.chunks(6).filter(|tile| tile[0] >= 1000).count();
        assert!((1850..2150).contains(&from_b), "{from_b}");
        let pixels = TileChoice { draw: Draw::Pixels, ..choice(4000) };
        let from_b = step_batch(&frames, &pixels, 7, 0).samples.chunks(6).filter(|t| t[0] >= 1000).count();
        assert!((420..630).contains(&from_b), "6 of 46 pixels are in b: {from_b}");
    }

    #[test]
    fn sampling_depends_on_seed_and_step_only() {
        let frames = [frame("a", Shape::frame(20, 20), 0)];
        let of = |seed, step| step_batch(&frames, &choice(8), seed, step);
        assert_eq!(of(1, 5), of(1, 5));
        assert_ne!(of(1, 5), of(1, 6));
        assert_ne!(of(1, 5), of(2, 5));
        let validation = |seed| validation_batch(&frames, Shape::frame(3, 3), 4, seed);
        assert_eq!(validation(1), validation(1));
        assert_eq!(validation(1).split(3).iter().map(|part| part.tiles).collect::<Vec<_>>(), [3, 1]);
    }
}
