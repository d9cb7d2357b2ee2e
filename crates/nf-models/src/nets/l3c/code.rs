//! L3C for coding: the coarsest levels first, the samples last.

use super::{L3c, L3cConfig, PRIOR_GAIN};
use crate::engine::rows::Rows;
use crate::engine::whole::Map;
use crate::engine::{Graph, Recorded};
use crate::heads::{Bell, code_level};
use crate::nets::margin::code_in_steps;
use crate::surroundings::{CONTEXT, Surroundings};
use crate::traverse::{Tile, TileCoder};
use nf_entropy::laws::Uniform;
use nf_entropy::{Result, SymbolCoder};

/// The net's graphs.
#[derive(Clone, Debug)]
pub(crate) struct L3cCoder {
    config: L3cConfig,
    /// From what is seen to every z before it is quantised.
    encoder: Graph,
    /// Per scale: from z and the coarser scale's features to features and, but for the samples' scale, numbers of laws.
    decoders: Vec<Graph>,
    /// From the last decoder's result and context to numbers of the samples' laws, pixel by pixel.
    head: Graph,
    /// Numbers of the laws of the coarsest levels of one pixel; uniform laws where there are none.
    prior: Option<Vec<f32>>,
}

/// Places of the head's inputs.
const PARALLEL_INPUT: usize = 0;
const CONTEXT_INPUT: usize = 1;

impl L3cCoder {
    pub(crate) fn new(net: &L3c) -> Self {
        let config = net.config.clone();
        let encoder = Graph::record(&[config.head().seen_channels()], |maps: &[Recorded]| {
            let mut x = maps[0].clone();
            let encode = |scale: &super::Scale| {
                let [features, z] = scale.encode(&x);
                x = features;
                z
            };
            net.scales.iter().map(encode).collect()
        });
        let decoders = net.scales.iter().enumerate().map(|(index, scale)| {
            let inputs = if index + 1 < net.scales.len() {
                vec![config.channels, config.filters]
            } else {
                vec![config.channels]
            };
            Graph::record(&inputs, |maps: &[Recorded]| {
                let [features, parallel] = scale.decode(&maps[0], maps.get(1));
                if index > 0 { vec![features, scale.numbers(&parallel)] } else { vec![parallel] }
            })
        });
        let decoders = decoders.collect();
        let inputs = [3 * config.filters, config.head().context_channels()];
        let used = if inputs[CONTEXT_INPUT] > 0 { 2 } else { 1 };
        let head = Graph::record(&inputs[..used], |maps: &[Recorded]| {
            vec![net.sample_numbers(&maps[PARALLEL_INPUT], maps.get(CONTEXT_INPUT))]
        });
        let prior = net.prior.as_ref();
        let prior = prior.map(|prior| {
            let numbers = prior.val().into_data().try_to_vec::<f32>().expect("parameters are f32");
            numbers.into_iter().map(|number| number * PRIOR_GAIN).collect()
        });
        Self { config, encoder, decoders, head, prior }
    }

    /// Bytes of memory for one tile: the widest maps alive together.
    pub(crate) fn memory_bytes(&self, height: usize, width: usize) -> u64 {
        let per_pixel = 10 * self.config.filters + self.config.head().channels();
        (height * width) as u64 * per_pixel as u64 * 4
    }

    /// Multiplications to decode one sample; the encoders are not needed.
    pub(crate) fn macs_per_px(&self) -> f64 {
        self.per_px(Graph::macs_per_px) / self.config.planes as f64
    }

    /// Values of all maps per pixel.
    pub(crate) fn values_per_px(&self) -> f64 {
        self.encoder.values_per_px() + self.per_px(Graph::values_per_px)
    }

    /// The sum over the head and the decoders, of which number s reads a map of `4^-s` of the pixels.
    fn per_px(&self, of: impl Fn(&Graph) -> f64) -> f64 {
        let decoders =
            self.decoders.iter().zip(1..).map(|(graph, scale)| of(graph) / f64::from(1 << (2 * scale)));
        decoders.sum::<f64>() + of(&self.head)
    }

    /// Codes tiles one after the other, each from its coarsest levels to its samples, then the rows and columns that are
    /// no multiple of the net's step.
    pub(crate) fn code(&self, coder: &mut impl TileCoder, tiles: &mut [Tile]) -> Result<()> {
        code_in_steps(coder, tiles, 1 << self.config.scales, |coder, tile, height, width| {
            self.code_box(coder, tile, height, width)
        })
    }

    fn code_box(
        &self,
        coder: &mut impl SymbolCoder,
        tile: &mut Tile,
        height: usize,
        width: usize,
    ) -> Result<()> {
        let mut levels =
            if tile.known { self.levels(tile, height, width) } else { self.blank(height, width) };
        let mut features: Option<Map> = None;
        for (index, decoder) in self.decoders.iter().enumerate().rev() {
            if index + 1 == self.decoders.len() {
                self.code_coarsest(coder, &mut levels[index])?;
            }
            let mut z = levels[index].clone();
            z.values.iter_mut().for_each(|level| *level = *level / self.config.middle() - 1.0);
            let inputs = [Some(z), features.take()].into_iter().flatten().collect();
            let mut results = decoder.run(inputs);
            let last = results.pop().expect("a decoder has results");
            features = results.pop();
            if index > 0 {
                self.code_levels(coder, &mut levels[index - 1], &last, index - 1)?;
            } else {
                self.code_samples(coder, tile, &last)?;
            }
        }
        Ok(())
    }

    /// Indices of levels for the box of a known tile, finest scale first.
    fn levels(&self, tile: &Tile, height: usize, width: usize) -> Vec<Map> {
        let head = self.config.head();
        let mut seen = Map::zeros(height, width, head.seen_channels());
        for (pixel, seen) in seen.values.chunks_exact_mut(head.seen_channels()).enumerate() {
            head.seen(tile, pixel / width, pixel % width, seen);
        }
        let middle = self.config.middle();
        let mut levels = self.encoder.run(vec![seen]);
        for value in levels.iter_mut().flat_map(|map| &mut map.values) {
            *value = ((value.clamp(-1.0, 1.0) + 1.0) * middle + 0.5).floor();
        }
        levels
    }

    fn blank(&self, height: usize, width: usize) -> Vec<Map> {
        let map =
            |scale: usize| Map::zeros(height >> (scale + 1), width >> (scale + 1), self.config.channels);
        (0..self.config.scales).map(map).collect()
    }

    fn code_coarsest(&self, coder: &mut impl SymbolCoder, levels: &mut Map) -> Result<()> {
        if let Some(prior) = &self.prior {
            let mut numbers = Map::zeros(levels.height, levels.width, prior.len());
            numbers.values.chunks_exact_mut(prior.len()).for_each(|of_pixel| of_pixel.copy_from_slice(prior));
            return self.code_levels(coder, levels, &numbers, self.config.scales - 1);
        }
        let law = Uniform::new(self.config.levels as u32)?;
        for level in &mut levels.values {
            let mut symbol = *level as u32;
            coder.code(&mut symbol, &law)?;
            *level = symbol as f32;
        }
        Ok(())
    }

    fn code_levels(
        &self,
        coder: &mut impl SymbolCoder,
        levels: &mut Map,
        numbers: &Map,
        scale: usize,
    ) -> Result<()> {
        let first_log_scale = self.config.first_log_scale(scale);
        let k = self.config.mixtures;
        let middle = self.config.middle();
        let mut bells = vec![];
        for (level, own) in levels.values.iter_mut().zip(numbers.values.chunks_exact(3 * k)) {
            bells.clear();
            bells.extend((0..k).map(|i| Bell {
                logit: own[i],
                mean: (own[k + i] + 1.0) * middle,
                log_scale: own[2 * k + i] + first_log_scale,
            }));
            let mut symbol = *level as u32;
            code_level(coder, &mut symbol, &bells, self.config.levels)?;
            *level = symbol as f32;
        }
        Ok(())
    }

    fn code_samples(&self, coder: &mut impl SymbolCoder, tile: &mut Tile, parallel: &Map) -> Result<()> {
        let head = self.config.head();
        let (height, width) = (parallel.height, parallel.width);
        let mut rows = Rows::new(&self.head, 1, height, width);
        for (pixel, parallel) in parallel.values.chunks_exact(parallel.channels).enumerate() {
            let (y, x) = (pixel / width, pixel % width);
            let around: Vec<Surroundings> = (0..self.config.planes)
                .map(|plane| tile.plane(plane).surroundings_within(y, x, width))
                .collect();
            rows.next(PARALLEL_INPUT).copy_from_slice(parallel);
            if head.context_channels() > 0 {
                let context = rows.next(CONTEXT_INPUT).chunks_exact_mut(CONTEXT);
                context.zip(&around).for_each(|(context, around)| context.copy_from_slice(&around.context));
            }
            head.code_pixel(coder, tile, (y, x), rows.demand(0, y, x), &around)?;
        }
        Ok(())
    }
}
