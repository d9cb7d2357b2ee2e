//! PixelCNN++ for the coder: pixel by pixel, many tiles at once.

use super::{PixelCnnPp, PixelCnnPpConfig};
use crate::context::{CONTEXT_FEATURES, CausalContext};
use crate::input_mode::InputMode;
use crate::tile::Tile;
use crate::tile_model::{TileCoder, TileModel};
use nf_engine::{CausalEvaluator, ConvLayer, Graph, SymbolicMap};
use nf_entropy::Result;
use std::sync::Arc;

/// The network's graph: inputs are features and, if the network has it, context.
#[derive(Clone, Debug)]
pub(super) struct PixelCnnPpModel {
    config: PixelCnnPpConfig,
    graph: Graph,
}

/// Places of the graph's inputs.
const FEATURES_INPUT: usize = 0;
const CONTEXT_INPUT: usize = 1;

impl PixelCnnPpModel {
    pub(super) fn new(net: &PixelCnnPp<Arc<ConvLayer>>) -> Self {
        let config = net.config.clone();
        let channels = [config.head().feature_channels(), config.head().context_channels()];
        let inputs = if channels[CONTEXT_INPUT] > 0 { 2 } else { 1 };
        let graph = Graph::record(&channels[..inputs], |maps: &[SymbolicMap]| {
            vec![net.forward(&maps[FEATURES_INPUT], maps.get(CONTEXT_INPUT))]
        });
        Self { config, graph }
    }
}

impl TileModel for PixelCnnPpModel {
    /// Pixel by pixel, at every pixel tile by tile, in every tile plane by plane.
    fn traverse(&self, coder: &mut dyn TileCoder, tiles: &mut [Tile]) -> Result<()> {
        let Some(first) = tiles.first() else { return Ok(()) };
        let (height, width, planes) = (first.height, first.width, self.config.planes);
        let head = self.config.head();
        let has_context = self.config.inputs == InputMode::NoiseNormalised;
        let mut evaluator = CausalEvaluator::new(&self.graph, tiles.len(), height, width);
        let mut contexts = vec![CausalContext::default(); tiles.len() * planes];
        for y in 0..height {
            for x in 0..width {
                if has_context {
                    let to = evaluator.next_pixel(CONTEXT_INPUT).chunks_exact_mut(CONTEXT_FEATURES);
                    for (at, to) in to.enumerate() {
                        contexts[at] = tiles[at / planes].plane(at % planes).context(y, x);
                        to.copy_from_slice(&contexts[at].features);
                    }
                }
                let outputs = evaluator.output(0, y, x).chunks_exact(self.graph.channels(0));
                let contexts = contexts.chunks_exact(planes);
                for (index, ((tile, outputs), contexts)) in
                    tiles.iter_mut().zip(outputs).zip(contexts).enumerate()
                {
                    coder.enter_tile(index);
                    head.code_pixel(coder, tile, (y, x), outputs, contexts)?;
                }
                let to = evaluator.next_pixel(FEATURES_INPUT).chunks_exact_mut(head.feature_channels());
                for (tile, to) in tiles.iter().zip(to) {
                    head.features(tile, y, x, to);
                }
            }
        }
        Ok(())
    }

    fn memory_bytes(&self, tiles: usize, height: usize, width: usize) -> u64 {
        CausalEvaluator::memory_bytes(&self.graph, tiles, height, width)
    }

    fn macs_per_px(&self) -> f64 {
        self.graph.macs_per_px() / self.config.planes as f64
    }

    fn values_per_px(&self) -> f64 {
        self.graph.values_per_px()
    }

    fn codes_samples(&self) -> bool {
        self.config.planes == 1 && self.config.head().parts() == 1
    }
}
