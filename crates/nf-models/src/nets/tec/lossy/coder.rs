//! Latents for the coder: plane by plane, in each in four phases.

use super::plane_scale::PlaneScale;
use super::prior::{PHASES, earlier_channels, is_known, is_of, known_channels};
use super::{TecLossy, TecLossyConfig};
use crate::mixture::{LogisticParams, MAX_LEVELS, MixtureParams};
use crate::tile::Tile;
use crate::tile_model::TileCoder;
use crate::weights::Weights;
use nf_engine::{ConvLayer, FeatureMap, Graph, SymbolicMap, math};
use nf_entropy::Result;
use std::sync::Arc;

/// Steps from one quality to the next.
const QUALITY_STEPS: usize = 16;

/// The level that stands for the integer 0.
const MIDDLE: f32 = (MAX_LEVELS / 2) as f32;

/// The networks' graphs.
#[derive(Clone, Debug)]
pub(crate) struct LossyModel {
    config: TecLossyConfig,
    /// From a plane to z.
    analysis: Graph,
    /// From latents of earlier planes to features.
    tokens: Graph,
    /// From known latents and features to means and logarithms of scales.
    distributions: Graph,
    /// From latents to a plane.
    synthesis: Graph,
    /// (Q, C).
    log_gains: Vec<f32>,
}

/// Gain, its inverse and its logarithm.
#[derive(Clone, Copy)]
struct Gain {
    gain: f32,
    inverse: f32,
    logarithm: f32,
}

impl LossyModel {
    /// # Errors
    /// The parameter that is missing or has another shape.
    pub(crate) fn new(config: &TecLossyConfig, weights: &mut Weights) -> std::result::Result<Self, String> {
        Ok(Self::of(config.build(weights)?))
    }

    pub(super) fn of(net: TecLossy<Arc<ConvLayer>, Vec<f32>>) -> Self {
        let config = net.config;
        let c = config.latents;
        let one = |inputs: usize, forward: &dyn Fn(&SymbolicMap) -> SymbolicMap| {
            Graph::record(&[inputs], |maps: &[SymbolicMap]| vec![forward(&maps[0])])
        };
        let inputs = [known_channels(c), config.token_filters];
        Self {
            analysis: one(1, &|map| net.analysis.forward(map)),
            tokens: one(earlier_channels(c), &|map| net.prior.tokens(map)),
            distributions: Graph::record(&inputs, |maps: &[SymbolicMap]| {
                vec![net.prior.distributions(&maps[0], &maps[1])]
            }),
            synthesis: one(c, &|map| net.synthesis.forward(map)),
            log_gains: net.log_gains,
            config,
        }
    }

    /// Largest quality that [`code`](Self::code) takes, in steps of which 16 lead from one trained
    /// quality to the next.
    pub(crate) fn most_quality_steps(&self) -> usize {
        QUALITY_STEPS * (self.config.qualities() - 1)
    }

    /// The gain of every channel.
    fn gains(&self, quality_steps: usize) -> Vec<Gain> {
        let c = self.config.latents;
        let below = quality_steps / QUALITY_STEPS;
        let above = (below + 1).min(self.config.qualities() - 1);
        let share = (quality_steps % QUALITY_STEPS) as f32 / QUALITY_STEPS as f32;
        let gain = |channel: usize| {
            let [low, high] = [below, above].map(|quality| self.log_gains[quality * c + channel]);
            let logarithm = low + (high - low) * share;
            Gain { gain: math::exp(logarithm), inverse: math::exp(-logarithm), logarithm }
        };
        (0..c).map(gain).collect()
    }

    /// Codes the planes of a tile one after the other, and makes its samples what they decode to.
    ///
    /// # Errors
    /// What the coder says.
    pub(crate) fn code(
        &self,
        coder: &mut dyn TileCoder,
        tile: &mut Tile,
        quality_steps: usize,
    ) -> Result<()> {
        let step = self.config.step();
        let (rows, columns) = (tile.height.div_ceil(step), tile.width.div_ceil(step));
        let gains = self.gains(quality_steps);
        let quality = self.config.quality_share(quality_steps);
        let mut latents: [Option<FeatureMap>; 2] = [None, None];
        for plane in 0..tile.stats.len() {
            let scale = PlaneScale::new(tile.stats[plane], self.config.shot_noise);
            let z = tile.known.then(|| self.analyse(tile, plane, scale));
            let tokens = evaluated(&self.tokens, vec![earlier_of(&latents, rows, columns, gains.len())]);
            let own = self.code_plane(coder, z.as_ref(), &tokens, &gains, quality)?;
            let map = evaluated(&self.synthesis, vec![own.clone()]);
            for y in 0..tile.height {
                for x in 0..tile.width {
                    *tile.sample_mut(plane, y, x) = scale.sample(map.values[y * map.width + x]);
                }
            }
            let [last, before] = &mut latents;
            *before = last.replace(own);
        }
        Ok(())
    }

    /// z of a plane, whose last row and column are repeated up to a multiple of the step.
    fn analyse(&self, tile: &Tile, plane: usize, scale: PlaneScale) -> FeatureMap {
        let step = self.config.step();
        let (height, width) = (tile.height.next_multiple_of(step), tile.width.next_multiple_of(step));
        let mut map = FeatureMap::zeros(height, width, 1);
        for (at, value) in map.values.iter_mut().enumerate() {
            let (y, x) = ((at / width).min(tile.height - 1), (at % width).min(tile.width - 1));
            *value = scale.to_noise_units(tile.sample(plane, y, x));
        }
        evaluated(&self.analysis, vec![map])
    }

    /// Codes the latents of a plane, from z where it is known.
    fn code_plane(
        &self,
        coder: &mut dyn TileCoder,
        z: Option<&FeatureMap>,
        tokens: &FeatureMap,
        gains: &[Gain],
        quality: f32,
    ) -> Result<FeatureMap> {
        let (rows, columns, c) = (tokens.height, tokens.width, gains.len());
        let mut latents = FeatureMap::zeros(rows, columns, c);
        for phase in 0..PHASES.len() {
            let mut known = FeatureMap::zeros(rows, columns, known_channels(c));
            let pixels = known.values.chunks_exact_mut(known.channels).zip(latents.values.chunks_exact(c));
            for (at, (to, own)) in pixels.enumerate() {
                to[..c].copy_from_slice(own);
                to[c] = f32::from(u8::from(is_known(phase, at / columns, at % columns)));
                to[c + 1] = quality;
            }
            let distributions = evaluated(&self.distributions, vec![known, tokens.clone()]);
            for at in (0..rows * columns).filter(|at| is_of(phase, at / columns, at % columns)) {
                let (means, log_scales) = distributions.values[2 * c * at..][..2 * c].split_at(c);
                for (channel, gain) in gains.iter().enumerate() {
                    let mean = means[channel];
                    let nearest =
                        z.map_or(0.0, |z| ((z.values[c * at + channel] - mean) * gain.gain).round());
                    let mut level = (nearest + MIDDLE).clamp(0.0, (MAX_LEVELS - 1) as f32) as u32;
                    let distribution = MixtureParams::from_fn(1, |_| LogisticParams {
                        logit: 0.0,
                        mean: MIDDLE,
                        log_scale: log_scales[channel] + gain.logarithm,
                    });
                    distribution.code_level(coder, &mut level, MAX_LEVELS)?;
                    latents.values[c * at + channel] = mean + (level as f32 - MIDDLE) * gain.inverse;
                }
            }
        }
        Ok(latents)
    }

    /// Bytes of memory that [`code`](Self::code) takes for a tile.
    pub(crate) fn memory_bytes(&self, height: usize, width: usize) -> u64 {
        let latent_px = 1.0 / (self.config.step() * self.config.step()) as f64;
        let coarse = self.tokens.values_per_px() + self.distributions.values_per_px();
        let fine = self.analysis.values_per_px() + self.synthesis.values_per_px() * latent_px;
        (4.0 * (fine + coarse * latent_px) * (height * width) as f64) as u64
    }
}

impl TecLossyConfig {
    /// What the network is told of a quality: 0 of the first, 1 of the last.
    pub(super) fn quality_share(&self, quality_steps: usize) -> f32 {
        quality_steps as f32 / (QUALITY_STEPS * (self.qualities() - 1)).max(1) as f32
    }
}

/// What the transformer sees: latents of the last plane and of the one before, which is the same
/// where there is one plane only, and zeros where there is none.
fn earlier_of([last, before]: &[Option<FeatureMap>; 2], rows: usize, columns: usize, c: usize) -> FeatureMap {
    let mut map = FeatureMap::zeros(rows, columns, earlier_channels(c));
    let Some(last) = last else { return map };
    let before = before.as_ref().unwrap_or(last);
    let pixels = last.values.chunks_exact(c).zip(before.values.chunks_exact(c));
    for (to, (last, before)) in map.values.chunks_exact_mut(2 * c + 1).zip(pixels) {
        to[..c].copy_from_slice(last);
        to[c..2 * c].copy_from_slice(before);
        to[2 * c] = 1.0;
    }
    map
}

fn evaluated(graph: &Graph, inputs: Vec<FeatureMap>) -> FeatureMap {
    graph.evaluate(inputs).pop().expect("the graph has a result")
}
