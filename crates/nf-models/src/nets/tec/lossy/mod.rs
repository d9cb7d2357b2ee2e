//! Planes as integer latents, with a loss: VCT (Mentzer et al. 2022, arXiv:2206.07307) as
//! TerraCodec (arXiv:2510.12670) uses it, scaled down. Written from the papers' descriptions.
//!
//! ```text
//! plane in noise units ─ analysis ─ z ─ integers k = round((z - mean) gain) ─ coder
//! latents of planes t-1, t-2 ─ transformer ─ features ─┐
//! latents of plane t that are known ─ 5x5 ─────────────┴─ 1x1 ─ mean, scale of the others
//! mean + k / gain ─ synthesis ─ plane in noise units
//! analysis:  [5x5 / 2 ─ elu ─ [x + 3x3 elu 3x3 elu]x B]x L ─ 1x1
//! synthesis: 1x1 ─ [[x + 3x3 elu 3x3 elu]x B ─ 3x3 ─ depth to space]x L ─ elu 3x3
//! ```
//!
//! A gain for every channel and quality makes one net serve several rates; between two qualities
//! the logarithms of their gains are interpolated.
//!
//! What differs from the published codec:
//!
//! - Residual blocks with ELU stand in for divisive normalisation and attention in the transforms.
//! - Latents of a plane are coded in four phases (the pixels of 2 x 2 squares), each phase of all
//!   pixels at once, not token by token: a decoder evaluates the prior four times, not sixteen.
//! - Integers are what latents differ from their predicted means, so that where nothing is coded
//!   the means are what is decoded. Their distributions are logistic.
//! - Learned gains, not dropped tokens, make the rate variable.
//! - All of a decoder is fixed-order arithmetic or integers.
//!
//! Letters: N tiles, P planes, H rows, W columns, C channels of the latents, Q qualities.
//!
//! Names of fields are names of parameters in files of weights and must not change.

mod coder;
#[cfg(feature = "train")]
mod loss;
mod plane_scale;
mod prior;
mod transforms;

use super::transformer::TransformerSpec;
use crate::error::Result;
use crate::input_mode::InputMode;
use crate::network::{Network, check_extents, check_robust, wrong};
use crate::parameters::{Initial, ParameterSource, Part};
use crate::tile_model::TileModel;
use crate::weights::Weights;
use nf_engine::math;
use prior::Prior;
use serde::{Deserialize, Serialize};
use transforms::{Analysis, Synthesis};

pub(crate) use coder::LossyModel;
#[cfg(feature = "train")]
pub(super) use loss::Trained;

/// Most qualities of a net.
const MAX_QUALITIES: usize = 8;

/// Extents of a codec with a loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TecLossyConfig {
    /// Planes of a training tile; stacks of any number of planes can be coded.
    pub planes: usize,
    /// Channels of the transforms at 1/2, 1/4, ... of the extents.
    pub filters: Vec<usize>,
    /// Residual blocks of every such resolution but the first.
    pub blocks: usize,
    /// Channels of the latents, C.
    pub latents: usize,
    /// Channels of a token of the transformer.
    pub token_filters: usize,
    /// Heads of its attentions.
    pub heads: usize,
    /// Channels of its layers between, over those of a token.
    pub expansion: usize,
    /// Its blocks: of the encoder of each earlier plane, of the joint encoder, of the decoder.
    pub token_blocks: [usize; 3],
    /// Features of the net of the phases.
    pub phase_filters: usize,
    /// What a unit of distortion costs in bits per pixel, by quality: zero or more, rising.
    pub distortion_weights: Vec<f64>,
    /// How much of the square of the noise scale a noise scale of light adds to it.
    pub shot_noise: f32,
    /// How samples enter: [`InputMode::NoiseNormalised`].
    pub inputs: InputMode,
}

impl Network for TecLossyConfig {
    fn preset(size: &str) -> Option<Self> {
        let small = Self {
            planes: 1,
            filters: vec![16, 32, 40],
            blocks: 1,
            latents: 32,
            token_filters: 32,
            heads: 4,
            expansion: 2,
            token_blocks: [1, 1, 1],
            phase_filters: 48,
            distortion_weights: vec![0.03, 0.15, 0.7, 3.0],
            shot_noise: 0.25,
            inputs: InputMode::NoiseNormalised,
        };
        Some(match size {
            "lossy-small" => small,
            "lossy-tiny" => Self {
                filters: vec![6, 8],
                latents: 4,
                token_filters: 8,
                heads: 2,
                phase_filters: 8,
                distortion_weights: vec![0.1, 1.0],
                ..small
            },
            // The published encoder is one for both planes, and its layers hold two of our blocks.
            "paper" => Self {
                filters: vec![128, 160, 192, 192],
                latents: 192,
                token_filters: 768,
                heads: 16,
                expansion: 4,
                token_blocks: [6, 8, 10],
                phase_filters: 384,
                ..small
            },
            _ => return None,
        })
    }

    fn planes(&self) -> usize {
        self.planes
    }

    fn tiles_mut(&mut self) -> (&mut usize, &mut InputMode) {
        (&mut self.planes, &mut self.inputs)
    }

    fn check(&self) -> Result<()> {
        check_extents(&[
            ("planes", self.planes, 1, super::MAX_PLANES),
            ("filters (resolutions)", self.filters.len(), 1, 6),
            ("blocks", self.blocks, 0, 64),
            ("latents", self.latents, 1, 1024),
            ("token_filters", self.token_filters, 1, 4096),
            ("heads", self.heads, 1, self.token_filters.max(1)),
            ("expansion", self.expansion, 1, 16),
            ("phase_filters", self.phase_filters, 1, 4096),
            ("distortion_weights (qualities)", self.distortion_weights.len(), 1, MAX_QUALITIES),
        ])?;
        for &filters in &self.filters {
            check_extents(&[("filters", filters, 1, 4096)])?;
        }
        for &blocks in &self.token_blocks {
            check_extents(&[("token_blocks", blocks, 1, 64)])?;
        }
        if !self.token_filters.is_multiple_of(self.heads) {
            let expected = format!("a divisor of token_filters, {}", self.token_filters);
            return Err(wrong("heads", self.heads, &expected));
        }
        let weights = &self.distortion_weights;
        let is_rising = weights.windows(2).all(|pair| pair[0] <= pair[1]);
        if !is_rising || !weights.iter().all(|weight| (0.0..=1e6).contains(weight)) {
            return Err(wrong("distortion_weights", format!("{weights:?}"), "rising numbers of 0..=1e6"));
        }
        if !(1e-4..=1e3).contains(&self.shot_noise) {
            return Err(wrong("shot_noise", self.shot_noise, "1e-4..=1e3"));
        }
        check_robust(self.inputs)
    }

    fn tile_model(&self, _: &mut Weights) -> Result<Box<dyn TileModel>, String> {
        Err("a tec with latents has a loss and is no lossless codec; \
             ask for it as --codec tec:checkpoint=ID, with a bound"
            .into())
    }
}

impl TecLossyConfig {
    /// Pixels of a plane, in each direction, for one of the latents.
    fn step(&self) -> usize {
        1 << self.filters.len()
    }

    fn qualities(&self) -> usize {
        self.distortion_weights.len()
    }

    /// Logarithm of the gain of a new network's channels, by quality: with steps that would be
    /// right for an orthonormal transform of noise.
    fn first_log_gain(&self, quality: usize) -> f32 {
        // Bits per pixel fall by 1 / ln 2 an octave of e in the step, the distortion of a step is
        // its square over 12.
        let weight = self.distortion_weights[quality].max(1e-2);
        (0.5 * math::ln(weight * std::f64::consts::LN_2 / 6.0)) as f32
    }

    /// The network with parameters of this source.
    fn build<S: ParameterSource>(&self, source: &mut S) -> Result<TecLossy<S::Conv, S::Array<1>>, String> {
        let analysis = Analysis::build(self, &mut Part { source, name: "analysis" })?;
        let synthesis = Synthesis::build(self, &mut Part { source, name: "synthesis" })?;
        let prior = Prior::build(self, &mut Part { source, name: "prior" })?;
        let gains = (0..self.qualities()).flat_map(|q| vec![self.first_log_gain(q); self.latents]);
        let gains = Initial::Values(gains.collect());
        let log_gains = source.array("log_gains", [self.qualities() * self.latents], gains)?;
        Ok(TecLossy { analysis, synthesis, prior, log_gains, config: self.clone() })
    }

    fn transformer(&self) -> TransformerSpec {
        TransformerSpec {
            inputs: prior::earlier_channels(self.latents),
            filters: self.token_filters,
            heads: self.heads,
            expansion: self.expansion,
            blocks: self.token_blocks,
        }
    }
}

/// The network: its convolutions `C` and vectors `V`.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub struct TecLossy<C, V> {
    analysis: Analysis<C>,
    synthesis: Synthesis<C>,
    prior: Prior<C, V>,
    /// Logarithms of the gains, (Q, C).
    log_gains: V,
    #[cfg_attr(feature = "train", module(skip))]
    config: TecLossyConfig,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
