//! In which order the images of a set are read that does not fit into memory.

use super::Members;
use crate::sampling::{Purpose, generator_of};
use std::ops::Range;

/// An endless sequence of images: epoch after epoch, each in an order of its own that depends on
/// the seed and the number of the epoch alone. The files are shuffled; the images of one file stay
/// together and in order, so that a file is read, fetched or unpacked once.
pub(crate) struct Order {
    seed: u64,
    /// Which of the experiment's sources this is.
    source: u32,
    images: u64,
    /// The images of every file.
    files: Vec<Range<u32>>,
    /// The order of an epoch; places are asked for in turn, so that one is remembered.
    epoch: Option<(u64, Vec<u32>)>,
}

impl Order {
    pub(crate) fn new(members: &Members, source: usize, seed: u64) -> Self {
        let mut files: Vec<Range<u32>> = vec![];
        let mut last = None;
        for (number, file) in (0..).zip(members.files()) {
            match files.last_mut().filter(|_| last == Some(file)) {
                Some(range) => range.end = number + 1,
                None => files.push(number..number + 1),
            }
            last = Some(file);
        }
        Self { seed, source: source as u32, images: members.len() as u64, files, epoch: None }
    }

    /// The number of the image at a place of the sequence.
    pub(crate) fn at(&mut self, place: u64) -> usize {
        let (epoch, place) = (place / self.images, (place % self.images) as usize);
        match &self.epoch {
            Some((of, order)) if *of == epoch => order[place] as usize,
            _ => {
                let mut files: Vec<&Range<u32>> = self.files.iter().collect();
                generator_of(self.seed, Purpose::Order, epoch, &[self.source]).shuffle(&mut files);
                let order: Vec<u32> = files.into_iter().flat_map(Range::clone).collect();
                let image = order[place] as usize;
                self.epoch = Some((epoch, order));
                image
            }
        }
    }
}
