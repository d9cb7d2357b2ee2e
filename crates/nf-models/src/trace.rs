//! Each pixel's predictive distribution, for networks that code samples one by one.

use crate::tile_model::TileCoder;
use nf_codec::PixelTrace;
use nf_entropy::{Distribution, Error, Result};
use nf_image::TileBox;

/// What is recorded of one distribution.
struct Record {
    sample: u16,
    interval: [f32; 2],
    bits: f64,
    drawn: u16,
    drawn_bits: f64,
}

/// Records every distribution and draws a sample from it, without coding anything.
pub(crate) struct Recorder<'a> {
    uniform: &'a mut dyn FnMut() -> f64,
    records: Vec<Record>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(uniform: &'a mut dyn FnMut() -> f64) -> Self {
        Self { uniform, records: vec![] }
    }

    /// Puts the records of a batch of tiles of one plane and equal extents in their places in a
    /// frame of `samples` in rows of `width`: tiles take turns at every pixel. `None` if the
    /// symbols were not the samples, or a tile costs more than its samples stored raw, and so has
    /// no distributions.
    pub(crate) fn place(
        self,
        boxes: &[TileBox],
        samples: &[u16],
        width: usize,
        trace: &mut PixelTrace,
    ) -> Option<()> {
        let pixels: usize = boxes.iter().map(|tile| tile.shape().pixels()).sum();
        if self.records.len() != pixels {
            return None;
        }
        let tile_bits = |tile: usize| {
            self.records.iter().skip(tile).step_by(boxes.len()).map(|own| own.bits).sum::<f64>()
        };
        let raw_bits = 16.0 * (pixels / boxes.len()) as f64;
        if (0..boxes.len()).any(|tile| tile_bits(tile) > raw_bits) {
            return None;
        }
        for (k, own) in self.records.into_iter().enumerate() {
            let (tile, pixel) = (&boxes[k % boxes.len()], k / boxes.len());
            let (y, x) = (pixel / tile.columns.len(), pixel % tile.columns.len());
            let at = (tile.rows.start + y) * width + tile.columns.start + x;
            if own.sample != samples[at] {
                return None;
            }
            trace.pit_intervals[at] = own.interval;
            trace.pixel_bits[at] = own.bits as f32;
            trace.sample[at] = own.drawn;
            trace.sample_bits += own.drawn_bits;
        }
        Some(())
    }
}

impl TileCoder for Recorder<'_> {
    fn code(&mut self, symbol: &mut u32, distribution: &dyn Distribution) -> Result<()> {
        let wrong = |symbol: u32| Error::Symbol { symbol };
        let points = f64::from(1_u32 << distribution.scale_bits());
        let own = distribution.interval(*symbol).ok_or(wrong(*symbol))?;
        let point = ((self.uniform)() * points) as u32;
        let (drawn, drawn_interval) = distribution.locate(point.min((1 << distribution.scale_bits()) - 1));
        let share = |points_of: u32| f64::from(points_of) / points;
        self.records.push(Record {
            sample: u16::try_from(*symbol).map_err(|_| wrong(*symbol))?,
            interval: [share(own.start) as f32, share(own.start + own.width) as f32],
            bits: -share(own.width).log2(),
            drawn: u16::try_from(drawn).map_err(|_| wrong(drawn))?,
            drawn_bits: -share(drawn_interval.width).log2(),
        });
        Ok(())
    }
}
