//! Temporal context: PixelCNN++ for stacks, told what earlier planes have at and around a pixel.
//!
//! The first plane of a tile is coded by a PixelCNN++ of single planes. Every later one is coded by
//! a second PixelCNN++, which sees the two planes before it in full, also below and to the right of
//! the pixel: as they are, through a small network, and as guesses of the pixel.
//!
//! ```text
//! planes t-1, t-2: median removed, in noise scales ─► context net ─► C features ─┐
//! guesses: previous, mean of two, line through two,                              │
//!          each as it is and corrected by what it missed nearby ─► context ──────┴─ 1x1 ─► ul
//! plane t, and what it deviates from the previous one ─► features ───────────────────────► u, ul
//! ```
//!
//! The distribution's mean is an offset from a weighted guess, where pixels of plane t itself are
//! guesses too; its unit is the smaller of the local scales in the plane and from plane to plane.
//! So the network need not decide which of the two tells more: a stack of independent exposures and
//! a ramp begin alike.
//!
//! Earlier planes may mislead (another field, a cosmic ray, a saturated plane). A symbol before
//! every later plane says whether it is coded with context or by the network of single planes,
//! whichever is smaller, so that a stack is never larger than its planes but for that symbol.
//!
//! The idea is VCT's (Mentzer et al. 2022, arXiv:2206.07307), which TerraCodec (arXiv:2510.12670)
//! takes to Earth observation: earlier frames condition the entropy model and nothing is warped or
//! subtracted. Theirs codes quantised features of images, with a loss; this codes the samples.
//!
//! Letters: N tiles, P planes, H rows, W columns, C features of the context net, K components.
//!
//! Names of fields are names of parameters in files of weights and must not change.

mod coder;
mod context_net;
mod earlier;
mod family;
#[cfg(feature = "train")]
mod loss;
mod lossy;
mod transformer;

use crate::context::{CONTEXT_FEATURES, PIXEL_FEATURES, PREDICTORS};
use crate::error::Result;
use crate::input_mode::InputMode;
use crate::mixture::MAX_COMPONENTS;
use crate::nets::pixelcnnpp::{Channels, PixelCnnPp, PixelCnnPpConfig};
use crate::network::{Network, check_extents, check_robust, wrong};
use crate::parameters::{ParameterSource, Part};
use crate::tile_model::TileModel;
use crate::weights::Weights;
use context_net::ContextNet;
use earlier::{LATER_CONTEXT, LATER_FEATURES, LATER_GUESSES};
use serde::{Deserialize, Serialize};

pub use family::TecFamilyConfig;
#[cfg(feature = "train")]
pub(super) use family::Trained;
pub(crate) use lossy::LossyModel;
pub use lossy::TecLossyConfig;

/// Most planes of a tile: a training tile, and one to be coded.
const MAX_PLANES: usize = 32;

/// What the context net is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContextForm {
    /// Convolutions of 3 x 3.
    Convolution,
    /// The published transformer over co-located windows.
    Transformer,
}

/// Extents of a network with temporal context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TecConfig {
    /// Planes of a training tile. Stacks of any number of planes can be coded; with 1 there is no
    /// temporal context.
    pub planes: usize,
    /// The context net.
    pub context: ContextForm,
    /// Its features, C.
    pub context_filters: usize,
    /// Its blocks; of a transformer, of each of its four parts.
    pub context_blocks: usize,
    /// Features of each stream of both PixelCNN++.
    pub filters: usize,
    /// Their resolutions.
    pub stages: usize,
    /// Their gated residual blocks per stage.
    pub blocks: usize,
    /// Components of each mixture, K.
    pub mixtures: usize,
    /// How samples enter: [`InputMode::NoiseNormalised`].
    pub inputs: InputMode,
}

/// The network for planes after the first.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
struct Later<C, V> {
    context: ContextNet<C, V>,
    samples: PixelCnnPp<C>,
}

/// Both networks: their convolutions `C` and vectors `V`.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub struct Tec<C, V> {
    /// Of single planes.
    single: PixelCnnPp<C>,
    later: Option<Later<C, V>>,
    #[cfg_attr(feature = "train", module(skip))]
    config: TecConfig,
}

impl Network for TecConfig {
    fn preset(size: &str) -> Option<Self> {
        let (context_filters, context_blocks, filters, stages, blocks, mixtures) = match size {
            "small" => (24, 2, 20, 1, 2, 4),
            "tiny" => (12, 1, 8, 2, 1, 2),
            _ => return None,
        };
        let (context, inputs) = (ContextForm::Convolution, InputMode::NoiseNormalised);
        Some(Self {
            planes: 1,
            context,
            context_filters,
            context_blocks,
            filters,
            stages,
            blocks,
            mixtures,
            inputs,
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
            ("planes", self.planes, 1, MAX_PLANES),
            ("context_filters", self.context_filters, 1, 1024),
            ("context_blocks", self.context_blocks, 1, 64),
            ("filters", self.filters, 1, 4096),
            ("stages", self.stages, 1, 8),
            ("blocks", self.blocks, 1, 64),
            ("mixtures", self.mixtures, 1, MAX_COMPONENTS),
        ])?;
        if self.context == ContextForm::Transformer && !self.context_filters.is_multiple_of(4) {
            return Err(wrong("context_filters", self.context_filters, "a multiple of 4"));
        }
        check_robust(self.inputs)
    }

    fn tile_model(&self, weights: &mut Weights) -> Result<Box<dyn TileModel>, String> {
        Ok(Box::new(coder::TecModel::new(&self.build(weights)?)))
    }
}

impl TecConfig {
    /// Heads of the transformer's attentions.
    fn context_heads(&self) -> usize {
        if self.context_filters.is_multiple_of(8) { self.context_filters / 8 } else { 2 }
    }

    /// Extents of both PixelCNN++.
    fn samples(&self) -> PixelCnnPpConfig {
        let Self { filters, stages, blocks, mixtures, inputs, .. } = *self;
        PixelCnnPpConfig { planes: 1, filters, stages, blocks, mixtures, dropout: 0.0, inputs }
    }

    /// Channels around the PixelCNN++ of single planes.
    fn single_channels(&self) -> Channels {
        Channels {
            features: PIXEL_FEATURES,
            context: CONTEXT_FEATURES,
            outputs: 3 * self.mixtures + PREDICTORS,
        }
    }

    /// Channels around the PixelCNN++ of later planes; its context ends with the context net's
    /// features.
    fn later_channels(&self) -> Channels {
        Channels {
            features: LATER_FEATURES,
            context: LATER_CONTEXT + self.context_filters,
            outputs: 3 * self.mixtures + LATER_GUESSES,
        }
    }

    /// The network with parameters of this source.
    fn build<S: ParameterSource>(&self, source: &mut S) -> Result<Tec<S::Conv, S::Array<1>>, String> {
        let samples = self.samples();
        let single = samples.build_between(&mut Part { source, name: "single" }, self.single_channels())?;
        let later = match self.planes {
            1 => None,
            _ => {
                let context = ContextNet::build(self, &mut Part { source, name: "later.context" })?;
                let part = &mut Part { source, name: "later.samples" };
                Some(Later { context, samples: samples.build_between(part, self.later_channels())? })
            }
        };
        Ok(Tec { single, later, config: self.clone() })
    }
}

#[cfg(all(test, feature = "train"))]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
