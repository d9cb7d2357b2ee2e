//! The tiles of every step of a run, drawn while steps are computed.

use super::order::Order;
use super::pool::{Counts, Handle, Pool};
use super::source::{Active, Kind, Source};
use super::{Batch, Frames, TileFit};
use crate::sampling::{Purpose, add_tile, generator};
use crate::{Experiment, Result, TileChoice};
use std::time::Duration;

/// What the loader of a run did so far, in this part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// Images read into memory since the run began; those of validation and of sets that are in
    /// memory as a whole do not count.
    pub images_read: u64,
    /// Files that had to be fetched for them.
    pub files_fetched: u64,
    /// How long steps have waited for their tiles.
    pub waited: Duration,
    /// Whether anything is read during the run at all.
    pub streams: bool,
}

impl LoadReport {
    /// Share of the images that were on this disk already; one before the first is read.
    pub fn cache_share(&self) -> f64 {
        1.0 - self.files_fetched.min(self.images_read) as f64 / self.images_read.max(1) as f64
    }
}

/// Draws the tiles of steps, one after the other.
pub(crate) struct Loader<'a> {
    seed: u64,
    tiles: &'a TileChoice,
    /// With their shares of all tiles.
    pub(super) sources: Vec<(Active<'a>, f64)>,
    /// Places that a window moves by in one step with all tiles.
    images_per_step: f64,
}

/// What can be seen and done from another thread.
#[derive(Clone, Default)]
pub(crate) struct Handles {
    pools: Vec<Handle>,
    reads_disk: bool,
}

impl Handles {
    /// Ends what is read in the background.
    pub(crate) fn close(&self) {
        self.pools.iter().for_each(Handle::close);
    }

    pub(crate) fn report(&self, waited: Duration) -> LoadReport {
        let counts = self.pools.iter().map(Handle::counts);
        let add = |a: Counts, b: Counts| Counts {
            images_read: a.images_read + b.images_read,
            files_fetched: a.files_fetched + b.files_fetched,
        };
        let Counts { images_read, files_fetched } = counts.fold(Counts::default(), add);
        let streams = self.reads_disk || !self.pools.is_empty();
        LoadReport { images_read, files_fetched, waited, streams }
    }
}

impl<'a> Loader<'a> {
    pub(crate) fn new(frames: &'a Frames, experiment: &'a Experiment) -> Self {
        Self::with_memory(frames, experiment, experiment.data.memory_bytes())
    }

    /// The same with another bound of memory than that of the settings, bytes.
    pub(super) fn with_memory(frames: &'a Frames, experiment: &'a Experiment, memory_bytes: u64) -> Self {
        let Experiment { tiles, data, seed, .. } = experiment;
        let memory_bytes = memory_bytes / frames.sources.len().max(1) as u64;
        let active = |(number, source): (usize, &'a Source)| {
            let active = match &source.kind {
                Kind::Memory(images, chances) => Active::Memory(images, chances),
                Kind::Disk(members, chances) => Active::Disk(members, chances),
                Kind::Window(members) => {
                    let order = Order::new(members, number, *seed);
                    let fit = TileFit::of_training(experiment);
                    Active::Window(Pool::new(members.clone(), order, fit, memory_bytes, tiles.draw))
                }
            };
            (active, source.share)
        };
        Self {
            seed: *seed,
            tiles,
            sources: frames.sources.iter().enumerate().map(active).collect(),
            images_per_step: tiles.batch as f64 / f64::from(data.draws_per_image),
        }
    }

    pub(crate) fn handles(&self) -> Handles {
        let mut handles = Handles::default();
        for (source, _) in &self.sources {
            match source {
                Active::Window(pool) => handles.pools.push(pool.handle()),
                Active::Disk(..) => handles.reads_disk = true,
                Active::Memory(..) => {}
            }
        }
        handles
    }

    /// The tiles of a step, which is not before that of the last call.
    ///
    /// # Errors
    /// If an image cannot be read or is smaller than a tile.
    pub(crate) fn batch(&mut self, step: u64) -> Result<Batch> {
        for (source, share) in &mut self.sources {
            if let Active::Window(pool) = source {
                pool.move_to((step as f64 * self.images_per_step * *share) as u64)?;
            }
        }
        let mut draw = generator(self.seed, Purpose::Step, step);
        let mut batch = Batch::of_shape(TileFit::tile_of(self.tiles));
        for _ in 0..self.tiles.batch {
            let source = match &self.sources[..] {
                [(only, _)] => only,
                several => {
                    let at = draw.uniform();
                    let ends = several.iter().scan(0.0, |sum, (_, share)| {
                        *sum += share;
                        Some(*sum)
                    });
                    // Shares sum to one but for rounding.
                    &several[ends.take_while(|&end| end <= at).count().min(several.len() - 1)].0
                }
            };
            let image = source.pick(&mut draw)?;
            add_tile(&mut batch, &image, self.tiles.flips, &mut draw);
        }
        Ok(batch)
    }
}
