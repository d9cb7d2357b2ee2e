//! The flow for the coder: the last latents first, the samples by the inverse.

use super::flow::{Coupling, Latents, Level, forward, inverse};
use super::integers::{Integers, TileArithmetic, wrap};
use super::{CENTRE, Dense, Idf, IdfConfig, flow::Arithmetic};
use crate::mixture::{LogisticParams, MixtureParams};
use crate::nets::remainder::code_in_steps;
use crate::tile::Tile;
use crate::tile_model::{TileCoder, TileModel};
use nf_engine::{ConvLayer, Graph, SymbolicMap, math};
use nf_entropy::Result;
use std::sync::Arc;

/// The flow made ready for coding.
#[derive(Debug)]
pub(super) struct IdfModel {
    config: IdfConfig,
    levels: Vec<Level<Vec<usize>, Graph>>,
    /// (3, K, C)
    prior: Vec<f32>,
}

fn record(net: &Dense<Arc<ConvLayer>>, inputs: usize, conditions: usize) -> Graph {
    Graph::record(&[inputs + conditions, inputs], |maps: &[SymbolicMap]| {
        vec![net.forward(&maps[0], &maps[1])]
    })
}

impl IdfModel {
    pub(super) fn new(net: Idf<Vec<usize>, Dense<Arc<ConvLayer>>, Vec<f32>>) -> Self {
        let config = net.config;
        let levels = net.levels.into_iter().enumerate().map(|(level, own)| {
            let channels = config.channels(level);
            let group = config.group(level);
            let flows = own.flows.into_iter().map(|flow| Coupling {
                order: flow.order,
                net: record(&flow.net, channels - channels / 4, config.conditions(false)),
            });
            let split = own.split.iter().zip(1..);
            let split = split.map(|(net, known)| record(net, known * group, config.conditions(true)));
            Level { flows: flows.collect(), split: split.collect() }
        });
        let levels = levels.collect();
        Self { config, levels, prior: net.prior }
    }

    /// The sum over every coupling and every prior, each at a quarter of the pixels of the one
    /// before.
    fn per_px(&self, of: impl Fn(&Graph) -> f64) -> f64 {
        let levels = self.levels.iter().zip(1..).map(|(level, halvings)| {
            let nets = level.flows.iter().map(|flow| &flow.net).chain(&level.split);
            nets.map(&of).sum::<f64>() / f64::from(1 << (2 * halvings))
        });
        levels.sum()
    }

    /// The latents of the box of a tile: those that the flow gives if the tile is known, else
    /// zeros.
    fn latents(
        &self,
        arithmetic: &TileArithmetic,
        tile: &Tile,
        locations: &[i32],
        [height, width]: [usize; 2],
    ) -> Latents<Integers> {
        if !tile.known {
            let zeros = |level: usize, channels: usize| {
                Integers::zeros(height >> (level + 1), width >> (level + 1), channels)
            };
            let levels = (0..self.levels.len()).map(|level| zeros(level, self.config.channels(level)));
            let last = zeros(self.levels.len() - 1, self.config.last());
            return Latents { levels: levels.collect(), last };
        }
        let planes = self.config.planes;
        let mut x = Integers::zeros(height, width, planes);
        for (place, value) in x.values.iter_mut().enumerate() {
            let (pixel, plane) = (place / planes, place % planes);
            let sample = i32::from(tile.sample(plane, pixel / width, pixel % width));
            *value = wrap(sample - locations[plane]);
        }
        forward(arithmetic, &self.levels, x)
    }

    fn code_box(
        &self,
        coder: &mut dyn TileCoder,
        tile: &mut Tile,
        height: usize,
        width: usize,
    ) -> Result<()> {
        let planes = self.config.planes;
        let scale = self.config.scale(&tile.stats);
        let log_scale = math::ln(f64::from(scale)) as f32;
        let arithmetic = TileArithmetic { scale, noise_normalised: self.config.noise_normalised() };
        let locations: Vec<i32> =
            tile.stats.iter().map(|&stats| self.config.location(stats) as i32).collect();
        let Latents { levels, last: mut z } = self.latents(&arithmetic, tile, &locations, [height, width]);
        for values in z.values.chunks_exact_mut(z.channels) {
            code_latents(coder, values, &self.prior, self.config.mixtures, (scale, log_scale))?;
        }
        for (level, (own, all)) in self.levels.iter().zip(&levels).enumerate().rev() {
            let group = self.config.group(level);
            for (net, known) in own.split.iter().zip(1..) {
                let mut leaving = arithmetic.part(all, (own.split.len() - known) * group, group);
                self.code_split(coder, net, &z, &mut leaving, &arithmetic)?;
                z = arithmetic.join(leaving, z);
            }
            z = inverse(&arithmetic, own, z);
        }
        for (place, &value) in z.values.iter().enumerate() {
            let (pixel, plane) = (place / planes, place % planes);
            *tile.sample_mut(plane, pixel / width, pixel % width) = (value + locations[plane]) as u16;
        }
        Ok(())
    }

    fn code_split(
        &self,
        coder: &mut dyn TileCoder,
        net: &Graph,
        staying: &Integers,
        leaving: &mut Integers,
        arithmetic: &TileArithmetic,
    ) -> Result<()> {
        let scale = arithmetic.scale;
        let log_scale = math::ln(f64::from(scale)) as f32;
        let local = arithmetic.noise_normalised;
        let local = local.then(|| arithmetic.local_log_scales(staying, leaving.channels));
        let outputs = arithmetic.outputs(net, staying, local.as_deref());
        let k = self.config.split_mixtures();
        let pixels = leaving.values.chunks_exact_mut(leaving.channels);
        let outputs = outputs.values.chunks_exact(outputs.channels);
        for (place, (values, outputs)) in pixels.zip(outputs).enumerate() {
            let local = local.as_ref().map_or(0.0, |local| local[place]);
            code_latents(coder, values, outputs, k, (scale, log_scale + local))?;
        }
        Ok(())
    }
}

/// Codes the latents of one pixel under their outputs, which are in the order that `latent_bits`
/// has.
fn code_latents(
    coder: &mut dyn TileCoder,
    values: &mut [i32],
    outputs: &[f32],
    k: usize,
    (scale, log_scale): (f32, f32),
) -> Result<()> {
    let channels = values.len();
    let parts = outputs.len() / (k * channels);
    for (channel, value) in values.iter_mut().enumerate() {
        let output = |part: usize, i: usize| outputs[(part * k + i) * channels + channel];
        let mixture = MixtureParams::from_fn(k, |i| LogisticParams {
            logit: if parts > 2 { output(0, i) } else { 0.0 },
            mean: output(parts - 2, i) * scale + CENTRE,
            log_scale: output(parts - 1, i) + log_scale,
        });
        let mut symbol = (*value + CENTRE as i32) as u32;
        mixture.code_sample(coder, &mut symbol)?;
        *value = symbol as i32 - CENTRE as i32;
    }
    Ok(())
}

impl TileModel for IdfModel {
    /// Tiles one after the other: the last latents, then those of the splits from the last to the
    /// first, then the rows and columns that are no multiple of the flow's step.
    fn traverse(&self, coder: &mut dyn TileCoder, tiles: &mut [Tile]) -> Result<()> {
        code_in_steps(coder, tiles, 1 << self.config.levels, |coder, tile, height, width| {
            self.code_box(coder, tile, height, width)
        })
    }

    fn memory_bytes(&self, _tiles: usize, height: usize, width: usize) -> u64 {
        let channels = self.config.channels(self.config.levels) + 2 * self.config.growth;
        (height * width) as u64 * channels as u64 * 8
    }

    fn macs_per_px(&self) -> f64 {
        self.per_px(Graph::macs_per_px) / self.config.planes as f64
    }

    fn values_per_px(&self) -> f64 {
        self.per_px(Graph::values_per_px)
    }
}
