//! L3C for the coder: the coarsest levels first, the samples last.

use super::{L3c, L3cConfig, PRIOR_GAIN};
use crate::context::{CONTEXT_FEATURES, CausalContext};
use crate::mixture::{LogisticParams, MixtureParams};
use crate::nets::remainder::code_in_steps;
use crate::tile::Tile;
use crate::tile_model::{TileCoder, TileModel};
use nf_engine::{CausalEvaluator, ConvLayer, FeatureMap, Graph, SymbolicMap};
use nf_entropy::Result;
use nf_entropy::distributions::Uniform;
use std::sync::Arc;

/// The network's graphs.
#[derive(Clone, Debug)]
pub(super) struct L3cModel {
    config: L3cConfig,
    /// From features to every z before it is quantised.
    encoder: Graph,
    /// Per scale: from z and the coarser scale's features to features and, but for the samples'
    /// scale, parameters of distributions.
    decoders: Vec<Graph>,
    /// From the last decoder's result and context to parameters of the samples' distributions,
    /// pixel by pixel.
    head: Graph,
    /// Parameters of the distributions of the coarsest levels of one pixel; uniform distributions
    /// where there are none.
    prior: Option<Vec<f32>>,
}

/// Places of the head's inputs.
const PARALLEL_INPUT: usize = 0;
const CONTEXT_INPUT: usize = 1;

impl L3cModel {
    pub(super) fn new(net: L3c<Arc<ConvLayer>, Vec<f32>>) -> Self {
        let config = net.config.clone();
        let encoder = Graph::record(&[config.head().feature_channels()], |maps: &[SymbolicMap]| {
            let mut x = maps[0].clone();
            let encode = |scale: &super::Scale<Arc<ConvLayer>>| {
                let [features, z] = scale.encode(&x);
                x = features;
                z
            };
            net.scales.iter().map(encode).collect()
        });
        let decoders = net.scales.iter().enumerate().map(|(index, scale)| {
            let inputs = [config.channels, config.filters];
            let used = if index + 1 < net.scales.len() { 2 } else { 1 };
            Graph::record(&inputs[..used], |maps: &[SymbolicMap]| {
                let [features, parallel] = scale.decode(&maps[0], maps.get(1));
                if index > 0 { vec![features, scale.outputs(&parallel)] } else { vec![parallel] }
            })
        });
        let decoders = decoders.collect();
        let inputs = [3 * config.filters, config.head().context_channels()];
        let used = if inputs[CONTEXT_INPUT] > 0 { 2 } else { 1 };
        let head = Graph::record(&inputs[..used], |maps: &[SymbolicMap]| {
            vec![net.sample_outputs(&maps[PARALLEL_INPUT], maps.get(CONTEXT_INPUT))]
        });
        let prior = net.prior.map(|prior| prior.into_iter().map(|own| own * PRIOR_GAIN).collect());
        Self { config, encoder, decoders, head, prior }
    }

    /// The sum over the head and the decoders, of which number s reads a map of `4^-s` of the
    /// pixels.
    fn per_px(&self, of: impl Fn(&Graph) -> f64) -> f64 {
        let decoders =
            self.decoders.iter().zip(1..).map(|(graph, scale)| of(graph) / f64::from(1 << (2 * scale)));
        decoders.sum::<f64>() + of(&self.head)
    }

    fn code_box(
        &self,
        coder: &mut dyn TileCoder,
        tile: &mut Tile,
        height: usize,
        width: usize,
    ) -> Result<()> {
        let mut levels =
            if tile.known { self.levels(tile, height, width) } else { self.blank(height, width) };
        let mut features: Option<FeatureMap> = None;
        for (index, decoder) in self.decoders.iter().enumerate().rev() {
            if index + 1 == self.decoders.len() {
                self.code_coarsest(coder, &mut levels[index])?;
            }
            let mut z = levels[index].clone();
            z.values.iter_mut().for_each(|level| *level = *level / self.config.middle() - 1.0);
            let inputs = [Some(z), features.take()].into_iter().flatten().collect();
            let mut results = decoder.evaluate(inputs);
            let last = results.pop().expect("a decoder has results");
            features = results.pop();
            if index > 0 {
                let outputs = last.values.chunks_exact(3 * self.config.mixtures);
                self.code_levels(coder, &mut levels[index - 1], outputs, index - 1)?;
            } else {
                self.code_samples(coder, tile, &last)?;
            }
        }
        Ok(())
    }

    /// Indices of levels for the box of a known tile, finest scale first.
    fn levels(&self, tile: &Tile, height: usize, width: usize) -> Vec<FeatureMap> {
        let head = self.config.head();
        let mut features = FeatureMap::zeros(height, width, head.feature_channels());
        for (pixel, to) in features.values.chunks_exact_mut(head.feature_channels()).enumerate() {
            head.features(tile, pixel / width, pixel % width, to);
        }
        let middle = self.config.middle();
        let mut levels = self.encoder.evaluate(vec![features]);
        for value in levels.iter_mut().flat_map(|map| &mut map.values) {
            *value = ((value.clamp(-1.0, 1.0) + 1.0) * middle + 0.5).floor();
        }
        levels
    }

    fn blank(&self, height: usize, width: usize) -> Vec<FeatureMap> {
        let map = |scale: usize| {
            FeatureMap::zeros(height >> (scale + 1), width >> (scale + 1), self.config.channels)
        };
        (0..self.config.scales).map(map).collect()
    }

    fn code_coarsest(&self, coder: &mut dyn TileCoder, levels: &mut FeatureMap) -> Result<()> {
        if let Some(prior) = &self.prior {
            let outputs = prior.chunks_exact(3 * self.config.mixtures).cycle();
            return self.code_levels(coder, levels, outputs, self.config.scales - 1);
        }
        let uniform = Uniform::new(self.config.levels as u32)?;
        for level in &mut levels.values {
            let mut symbol = *level as u32;
            coder.code(&mut symbol, &uniform)?;
            *level = symbol as f32;
        }
        Ok(())
    }

    /// Codes levels of one scale, each under its outputs (3 K).
    fn code_levels<'a>(
        &self,
        coder: &mut dyn TileCoder,
        levels: &mut FeatureMap,
        outputs: impl Iterator<Item = &'a [f32]>,
        scale: usize,
    ) -> Result<()> {
        let first_log_scale = self.config.first_log_scale(scale);
        let k = self.config.mixtures;
        let middle = self.config.middle();
        for (level, own) in levels.values.iter_mut().zip(outputs) {
            let mixture = MixtureParams::from_fn(k, |i| LogisticParams {
                logit: own[i],
                mean: (own[k + i] + 1.0) * middle,
                log_scale: own[2 * k + i] + first_log_scale,
            });
            let mut symbol = *level as u32;
            mixture.code_level(coder, &mut symbol, self.config.levels)?;
            *level = symbol as f32;
        }
        Ok(())
    }

    fn code_samples(&self, coder: &mut dyn TileCoder, tile: &mut Tile, parallel: &FeatureMap) -> Result<()> {
        let head = self.config.head();
        let (height, width) = (parallel.height, parallel.width);
        let mut evaluator = CausalEvaluator::new(&self.head, 1, height, width);
        let mut contexts = vec![CausalContext::default(); self.config.planes];
        for (pixel, parallel) in parallel.values.chunks_exact(parallel.channels).enumerate() {
            let (y, x) = (pixel / width, pixel % width);
            for (plane, context) in contexts.iter_mut().enumerate() {
                *context = tile.plane(plane).context_within(y, x, width);
            }
            evaluator.next_pixel(PARALLEL_INPUT).copy_from_slice(parallel);
            if head.context_channels() > 0 {
                let to = evaluator.next_pixel(CONTEXT_INPUT).chunks_exact_mut(CONTEXT_FEATURES);
                to.zip(&contexts).for_each(|(to, context)| to.copy_from_slice(&context.features));
            }
            head.code_pixel(coder, tile, (y, x), evaluator.output(0, y, x), &contexts)?;
        }
        Ok(())
    }
}

impl TileModel for L3cModel {
    /// Tiles one after the other, each from its coarsest levels to its samples, then the rows and
    /// columns that are no multiple of the network's step.
    fn traverse(&self, coder: &mut dyn TileCoder, tiles: &mut [Tile]) -> Result<()> {
        code_in_steps(coder, tiles, 1 << self.config.scales, |coder, tile, height, width| {
            self.code_box(coder, tile, height, width)
        })
    }

    /// The widest maps alive together, of one tile.
    fn memory_bytes(&self, _tiles: usize, height: usize, width: usize) -> u64 {
        let per_pixel = 10 * self.config.filters + self.config.head().channels();
        (height * width) as u64 * per_pixel as u64 * 4
    }

    /// The encoders are not needed.
    fn macs_per_px(&self) -> f64 {
        self.per_px(Graph::macs_per_px) / self.config.planes as f64
    }

    fn values_per_px(&self) -> f64 {
        self.encoder.values_per_px() + self.per_px(Graph::values_per_px)
    }
}
