//! PixelCNN++ for the coder: pixel by pixel, many tiles in step.

use super::{PixelCnnPp, PixelCnnPpConfig};
use crate::engine::rows::Rows;
use crate::engine::{Graph, Recorded};
use crate::nets::Inputs;
use crate::surroundings::{CONTEXT, Surroundings};
use crate::traverse::{Tile, TileCoder};
use nf_entropy::Result;

/// The net's graph: inputs seen and, if the net has it, context.
#[derive(Clone, Debug)]
pub(crate) struct PixelCnnPpCoder {
    config: PixelCnnPpConfig,
    graph: Graph,
}

/// Places of the graph's inputs.
const SEEN_INPUT: usize = 0;
const CONTEXT_INPUT: usize = 1;

impl PixelCnnPpCoder {
    pub(crate) fn new(net: &PixelCnnPp) -> Self {
        let config = net.config().clone();
        let (seen, context) = (config.head().seen_channels(), config.head().context_channels());
        let inputs = if context > 0 { vec![seen, context] } else { vec![seen] };
        let graph = Graph::record(&inputs, |maps: &[Recorded]| {
            vec![net.forward(&maps[SEEN_INPUT], maps.get(CONTEXT_INPUT))]
        });
        Self { config, graph }
    }

    /// Bytes of memory for a batch of so many tiles.
    pub(crate) fn memory_bytes(&self, batch: usize, height: usize, width: usize) -> u64 {
        Rows::bytes(&self.graph, batch, height, width)
    }

    /// Multiplications to decode one sample.
    pub(crate) fn macs_per_px(&self) -> f64 {
        self.graph.macs_per_px() / self.config.planes as f64
    }

    /// Values of all maps per pixel.
    pub(crate) fn values_per_px(&self) -> f64 {
        self.graph.values_per_px()
    }

    /// Codes tiles of equal extents, pixel by pixel, at every pixel tile by tile, in every tile plane by plane.
    pub(crate) fn code(&self, coder: &mut impl TileCoder, tiles: &mut [Tile]) -> Result<()> {
        let Some(first) = tiles.first() else { return Ok(()) };
        let (height, width, planes) = (first.height, first.width, self.config.planes);
        let head = self.config.head();
        let robust = self.config.inputs == Inputs::Robust;
        let mut rows = Rows::new(&self.graph, tiles.len(), height, width);
        let mut around = vec![Surroundings::default(); tiles.len() * planes];
        let mut numbers = vec![];
        for y in 0..height {
            for x in 0..width {
                if robust {
                    let context = rows.next(CONTEXT_INPUT).chunks_exact_mut(CONTEXT);
                    for (at, context) in context.enumerate() {
                        around[at] = tiles[at / planes].plane(at % planes).surroundings(y, x);
                        context.copy_from_slice(&around[at].context);
                    }
                }
                numbers.clear();
                numbers.extend_from_slice(rows.demand(0, y, x));
                let of_tile = self.graph.channels(0);
                for (t, (tile, numbers)) in tiles.iter_mut().zip(numbers.chunks_exact(of_tile)).enumerate() {
                    coder.enter(t);
                    let around = &around[t * planes..][..planes];
                    head.code_pixel(coder, tile, (y, x), numbers, around)?;
                }
                let seen = rows.next(SEEN_INPUT);
                let of_tile = seen.len() / tiles.len();
                for (tile, seen) in tiles.iter().zip(seen.chunks_exact_mut(of_tile)) {
                    head.seen(tile, y, x, seen);
                }
            }
        }
        Ok(())
    }
}
