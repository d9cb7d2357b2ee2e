//! What tiles are drawn from: images in memory, in a store, or in a window of a larger set.

use super::pool::Pool;
use super::{Batch, Frame, Members, TileFit};
use crate::experiment::Draw;
use crate::sampling::Chances;
use crate::{Error, Result};
use nf_image::Image16;
use rayon::prelude::*;
use std::sync::Arc;

/// Images of which a share of all tiles is drawn.
pub(crate) struct Source {
    /// That share; those of all sources sum to one.
    pub(crate) share: f64,
    pub(crate) images: usize,
    pub(crate) kind: Kind,
}

/// Where the images are.
pub(crate) enum Kind {
    /// All of them in memory.
    Memory(Vec<Arc<Image16>>, Chances),
    /// On the disk, every tile one short read.
    Disk(Members, Chances),
    /// In a window that moves over the set while the run goes on.
    Window(Members),
}

impl Source {
    /// Images that are in memory.
    pub(crate) fn in_memory(images: Vec<Image16>, draw: Draw) -> Self {
        let chances = Chances::new(draw, images.iter().map(|image| image.shape().pixels()));
        let images: Vec<Arc<Image16>> = images.into_iter().map(Arc::new).collect();
        Self { share: 1.0, images: images.len(), kind: Kind::Memory(images, chances) }
    }

    /// Reads the images if they fit into `memory_bytes`; what decides is the set alone.
    ///
    /// # Errors
    /// If an image that is looked at cannot be read or is smaller than a tile.
    pub(crate) fn open(members: Members, fit: TileFit, draw: Draw, memory_bytes: u64) -> Result<Self> {
        let is_store = members.are_read_at_random();
        // A store may have millions of tiles: no list of their extents is made.
        let known = if is_store { vec![] } else { members.shapes()? };
        let shape = |member: usize| match known.get(member) {
            Some(shape) => Ok(*shape),
            None => members.shape(member),
        };
        let mut known_bytes = 0u64;
        for member in 0..members.len() {
            let Some(shape) = shape(member)? else { continue };
            fit.check(shape, || members.name(member))?;
            known_bytes = known_bytes.saturating_add(shape.raw_bytes() as u64);
        }
        if known_bytes <= memory_bytes
            && let Some(images) = read_all(&members, fit, memory_bytes)?
        {
            return Ok(Self::in_memory(images, draw));
        }
        let images = members.len();
        let kind = if is_store {
            let pixels = |member| shape(member).ok().flatten().map_or(0, |shape| shape.pixels());
            let chances = Chances::new(draw, (0..images).map(pixels));
            Kind::Disk(members, chances)
        } else {
            Kind::Window(members)
        };
        Ok(Self { share: 1.0, images, kind })
    }
}

/// All images; `None` as soon as it is known that they take more than `memory_bytes`.
fn read_all(members: &Members, fit: TileFit, memory_bytes: u64) -> Result<Option<Vec<Image16>>> {
    let most_bytes = available_memory_bytes().unwrap_or(u64::MAX);
    let (mut images, mut bytes) = (Vec::with_capacity(members.len()), 0u64);
    let numbers: Vec<usize> = (0..members.len()).collect();
    // A few at a time, so that no more than these are read of a set that is too large.
    for some in numbers.chunks(4 * rayon::current_num_threads()) {
        let read = |&member: &usize| members.image_for(member, fit);
        let read: Vec<Image16> = some.par_iter().map(read).collect::<Result<_>>()?;
        bytes += read.iter().map(|image| image.shape().raw_bytes() as u64).sum::<u64>();
        if bytes > memory_bytes {
            return Ok(None);
        }
        if bytes > most_bytes {
            return Err(Error::Frames(format!(
                "data.memory_mb: the images take more than {} MB, which is what is free; lower it",
                most_bytes / 1_000_000
            )));
        }
        images.extend(read);
    }
    Ok(Some(images))
}

/// Tiles that validate, of every image in turn; one image per thread is in memory at a time.
///
/// # Errors
/// If an image cannot be read or is smaller than a tile.
pub(crate) fn validation(
    members: &Members,
    fit: TileFit,
    tiles: impl Fn(&Image16, usize) -> Batch + Sync,
) -> Result<Batch> {
    let cut = |member: usize| Ok(tiles(&members.image_for(member, fit)?, member));
    let parts: Vec<Batch> = (0..members.len()).into_par_iter().map(cut).collect::<Result<_>>()?;
    let mut all = Batch::of_shape(fit.tile);
    parts.into_iter().for_each(|part| all.append(part));
    Ok(all)
}

/// The same of images that are in memory.
pub(crate) fn validation_of(
    frames: &[Frame],
    fit: TileFit,
    tiles: impl Fn(&Image16, usize) -> Batch,
) -> Result<Batch> {
    let mut all = Batch::of_shape(fit.tile);
    for (index, frame) in frames.iter().enumerate() {
        frame.check(fit)?;
        all.append(tiles(&frame.image, index));
    }
    Ok(all)
}

/// Memory that can be had without swapping, where the system tells.
pub(crate) fn available_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// A source during a run.
pub(crate) enum Active<'a> {
    Memory(&'a [Arc<Image16>], &'a Chances),
    Disk(&'a Members, &'a Chances),
    Window(Pool),
}

impl Active<'_> {
    /// An image that a tile is drawn from.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn pick(&self, draw: &mut nf_data::random::Pcg64) -> Result<Arc<Image16>> {
        match self {
            Self::Memory(images, chances) => Ok(Arc::clone(&images[chances.pick(draw)])),
            Self::Disk(members, chances) => Ok(Arc::new(members.image(chances.pick(draw))?)),
            Self::Window(pool) => Ok(Arc::clone(pool.pick(draw))),
        }
    }
}
