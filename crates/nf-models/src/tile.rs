//! Tiles on their way through a coder.

use crate::context::Plane;
use crate::tile_stats::TileStats;

/// One tile of as many planes as the network takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Median and noise scale of every plane.
    pub(crate) stats: Vec<TileStats>,
    /// Whether the samples are there: a tile to be encoded.
    pub(crate) known: bool,
    /// Plane by plane in raster order; while decoding, zero where not decoded yet.
    pub(crate) samples: Vec<u16>,
}

impl Tile {
    /// A tile to be encoded.
    pub(crate) fn known(height: usize, width: usize, samples: Vec<u16>) -> Self {
        let planes = samples.chunks(height * width);
        let stats = planes.map(|plane| TileStats::of(plane, width)).collect();
        Self { height, width, stats, known: true, samples }
    }

    /// A tile to be decoded.
    pub(crate) fn blank(height: usize, width: usize, stats: Vec<TileStats>) -> Self {
        let samples = vec![0; stats.len() * height * width];
        Self { height, width, stats, known: false, samples }
    }

    /// The same without samples.
    pub(crate) fn clone_head(&self) -> Self {
        Self { samples: vec![], stats: self.stats.clone(), ..*self }
    }

    pub(crate) fn plane(&self, plane: usize) -> Plane<'_> {
        let pixels = self.height * self.width;
        let samples = &self.samples[plane * pixels..][..pixels];
        Plane { samples, width: self.width, stats: self.stats[plane] }
    }

    pub(crate) fn sample(&self, plane: usize, y: usize, x: usize) -> u16 {
        self.samples[(plane * self.height + y) * self.width + x]
    }

    pub(crate) fn sample_mut(&mut self, plane: usize, y: usize, x: usize) -> &mut u16 {
        &mut self.samples[(plane * self.height + y) * self.width + x]
    }
}
