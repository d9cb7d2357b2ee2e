//! What a net believed of every pixel while it coded them: for nets that code samples one by one under a law each.

use crate::traverse::TileCoder;
use nf_codec::Laws;
use nf_entropy::{Distribution, Error, Result, SymbolCoder};
use nf_image::TileBox;

/// What is seen of one law.
struct Seen {
    sample: u16,
    interval: [f32; 2],
    bits: f64,
    drawn: u16,
    drawn_bits: f64,
}

/// Looks at every law on the way, and draws a value from it.
pub(crate) struct Listener<'a> {
    uniform: &'a mut dyn FnMut() -> f64,
    seen: Vec<Seen>,
}

impl<'a> Listener<'a> {
    pub(crate) fn new(uniform: &'a mut dyn FnMut() -> f64) -> Self {
        Self { uniform, seen: vec![] }
    }

    /// Puts what was seen of a batch of tiles of one plane and equal extents in its places in a frame of `samples` in rows of `width`: tiles take
    /// turns at every pixel. `None` if the symbols were not the samples, or a tile is dearer than its samples as they are, and so
    /// coded under no law.
    pub(crate) fn place(
        self,
        boxes: &[TileBox],
        samples: &[u16],
        width: usize,
        laws: &mut Laws,
    ) -> Option<()> {
        let pixels: usize = boxes.iter().map(|tile| tile.shape().pixels()).sum();
        if self.seen.len() != pixels {
            return None;
        }
        let tile_bits =
            |tile: usize| self.seen.iter().skip(tile).step_by(boxes.len()).map(|seen| seen.bits).sum::<f64>();
        let raw_bits = 16.0 * (pixels / boxes.len()) as f64;
        if (0..boxes.len()).any(|tile| tile_bits(tile) > raw_bits) {
            return None;
        }
        for (k, seen) in self.seen.into_iter().enumerate() {
            let (tile, pixel) = (&boxes[k % boxes.len()], k / boxes.len());
            let (y, x) = (pixel / tile.columns.len(), pixel % tile.columns.len());
            let at = (tile.rows.start + y) * width + tile.columns.start + x;
            if seen.sample != samples[at] {
                return None;
            }
            laws.intervals[at] = seen.interval;
            laws.pixel_bits[at] = seen.bits as f32;
            laws.twin[at] = seen.drawn;
            laws.twin_bits += seen.drawn_bits;
        }
        Some(())
    }
}

impl SymbolCoder for Listener<'_> {
    fn code(&mut self, symbol: &mut u32, law: &impl Distribution) -> Result<()> {
        let wrong = |symbol: u32| Error::Symbol { symbol };
        let points = f64::from(1u32 << law.scale_bits());
        let own = law.interval(*symbol).ok_or(wrong(*symbol))?;
        let point = ((self.uniform)() * points) as u32;
        let (drawn, drawn_interval) = law.locate(point.min((1 << law.scale_bits()) - 1));
        let share = |points_of: u32| f64::from(points_of) / points;
        self.seen.push(Seen {
            sample: u16::try_from(*symbol).map_err(|_| wrong(*symbol))?,
            interval: [share(own.start) as f32, share(own.start + own.width) as f32],
            bits: -share(own.width).log2(),
            drawn: u16::try_from(drawn).map_err(|_| wrong(drawn))?,
            drawn_bits: -share(drawn_interval.width).log2(),
        });
        Ok(())
    }
}

impl TileCoder for Listener<'_> {}
