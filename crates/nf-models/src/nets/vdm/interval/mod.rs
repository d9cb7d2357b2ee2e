//! Diffusion on intervals of integers.
//!
//! Every pixel has an interval of integers in which its sample lies, at first all of them. A pass
//! codes, for some pixels of a tile at once, which cell of its interval a sample lies in, under the
//! mixture that a network computes from all intervals, restricted to the interval. The last cells
//! are single integers. What the passes of a pixel cost together is the logarithm of one
//! probability: the mixtures may get better from pass to pass, but nothing is paid twice (the
//! depth upscaling of autoregressive diffusion, arXiv:2110.02037, section 4, on integers).
//!
//! Which pixels, in which order, is in `order.rs`: first an interlace, every second pixel of every
//! second row known exactly, then cells of the remaining pixels, ever finer.
//!
//! ```text
//! cells of 2 x 2 pixels: what is known of each ─ 3x3 ─┐
//! targets: their neighbours ─────────────────── 1x1 ──┴ sum ─[block]x B ─ elu ─ 1x1 ─► mixtures
//! block: x + gate(concat elu, 3x3, concat elu, 1x1)
//! ```
//!
//! First and last layers are a kind of pass's own, the blocks are shared.
//!
//! Letters: N tiles, H rows and W columns of cells, F filters, B blocks, K mixture components, T
//! targets of a pass.
//!
//! Names of fields are names of parameters in files of weights and must not change.

mod coder;
#[cfg(feature = "train")]
mod loss;
mod order;
mod process;
mod view;

use crate::error::Result;
use crate::input_mode::InputMode;
use crate::mixture::{LogisticParams, MAX_COMPONENTS, MixtureParams};
use crate::nets::weighted;
use crate::network::{Network, check_extents, check_robust, wrong};
use crate::parameters::{ConvSpec, Initial, ParameterSource};
use crate::tensor_like::TensorLike;
use crate::tile_model::TileModel;
use crate::tile_stats::TileStats;
use crate::weights::Weights;
use nf_engine::{Geometry, math};
use order::Kind;
use serde::{Deserialize, Serialize};
use view::{CELL_FEATURES, PREDICTORS, TARGET_FEATURES, Target};

pub(crate) use process::Process;

#[cfg(feature = "train")]
pub(crate) use loss::Trained;

/// Most passes over a tile.
const MAX_PASSES: usize = 16;

/// Extents of a network on intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VdmIntervalConfig {
    /// Planes of a tile: 1.
    pub planes: usize,
    /// How samples enter: [`InputMode::NoiseNormalised`].
    pub inputs: InputMode,
    /// Levels of the interlace: the first pixels are `2^levels` apart.
    pub levels: usize,
    /// Widths of the cells of the finest level's stages before the exact one: base-2 logarithms, in
    /// noise scales, falling.
    pub widths_log2: Vec<i8>,
    /// Features, F.
    pub filters: usize,
    /// Residual blocks, B.
    pub blocks: usize,
    /// Components of each mixture, K.
    pub mixtures: usize,
}

/// The layers of one kind of pass.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
struct Ends<C> {
    cells: C,
    targets: C,
    last: C,
}

/// A gated residual block.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
struct Block<C> {
    first: C,
    second: C,
}

/// The network: its convolutions `C`, and the mixture `P` of the first pixels.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub struct VdmInterval<C, P> {
    kinds: Vec<Ends<C>>,
    blocks: Vec<Block<C>>,
    /// Logits, means and logarithmic scales in noise scales around the median, (3 K).
    coarsest: P,
    #[cfg_attr(feature = "train", module(skip))]
    process: Process,
    #[cfg_attr(feature = "train", module(skip))]
    config: VdmIntervalConfig,
}

impl Network for VdmIntervalConfig {
    fn preset(size: &str) -> Option<Self> {
        let (levels, widths_log2, filters, blocks, mixtures) = match size {
            "small" => (5, vec![4, 2, 0], 32, 3, 4),
            "tiny" => (3, vec![3, 0], 8, 1, 2),
            _ => return None,
        };
        let inputs = InputMode::NoiseNormalised;
        Some(Self { planes: 1, inputs, levels, widths_log2, filters, blocks, mixtures })
    }

    fn planes(&self) -> usize {
        self.planes
    }

    fn tiles_mut(&mut self) -> (&mut usize, &mut InputMode) {
        (&mut self.planes, &mut self.inputs)
    }

    fn check(&self) -> Result<()> {
        check_extents(&[
            ("planes", self.planes, 1, 1),
            ("levels", self.levels, 1, 7),
            ("filters", self.filters, 1, 4096),
            ("blocks", self.blocks, 1, 64),
            ("mixtures", self.mixtures, 1, MAX_COMPONENTS),
        ])?;
        // Only of as many levels as there may be: the list of their passes is made to be counted.
        check_extents(&[("the number of passes", self.passes().len() + 1, 1, MAX_PASSES)])?;
        let falling = self.widths_log2.windows(2).all(|pair| pair[0] > pair[1]);
        if !falling || !self.widths_log2.iter().all(|width| (-4..=12).contains(width)) {
            let found = format!("{:?}", self.widths_log2);
            return Err(wrong("widths_log2", found, "falling numbers of -4..=12"));
        }
        check_robust(self.inputs)
    }

    fn tile_model(&self, weights: &mut Weights) -> Result<Box<dyn TileModel>, String> {
        self.model(Process::Interval, weights)
    }
}

impl VdmIntervalConfig {
    /// Outputs per target: weights, means, scales, and weights of predictors.
    fn channels_of_target(&self) -> usize {
        3 * self.mixtures + PREDICTORS
    }

    /// The network of a process, made ready for coding.
    ///
    /// # Errors
    /// As [`Network::tile_model`].
    pub(super) fn model(
        &self,
        process: Process,
        weights: &mut Weights,
    ) -> Result<Box<dyn TileModel>, String> {
        Ok(Box::new(coder::IntervalModel::new(self.build(process, weights)?)))
    }

    /// The network with parameters of this source.
    fn build<S: ParameterSource>(
        &self,
        process: Process,
        source: &mut S,
    ) -> Result<VdmInterval<S::Conv, S::Array<1>>, String> {
        let (f, one, three) = (self.filters, Geometry::centred(1), Geometry::centred(3));
        let mut kinds = vec![];
        for (index, kind) in self.kinds().iter().enumerate() {
            let targets = kind.targets.len();
            let mut conv = |name: &str, inputs, outputs, geometry, gain| {
                let spec = ConvSpec::plain(inputs, outputs, geometry, gain);
                source.conv(&format!("kinds.{index}.{name}"), spec)
            };
            kinds.push(Ends {
                cells: conv("cells", CELL_FEATURES, f, three, 1.0)?,
                targets: conv("targets", targets * TARGET_FEATURES, f, one, 1.0)?,
                last: conv("last", f, targets * self.channels_of_target(), one, 0.1)?,
            });
        }
        let mut blocks = vec![];
        for index in 0..self.blocks {
            let mut conv = |name: &str, outputs, geometry, gain| {
                let spec = ConvSpec::plain(2 * f, outputs, geometry, gain);
                source.conv(&format!("blocks.{index}.{name}"), spec)
            };
            blocks.push(Block {
                first: conv("first", f, three, 1.0)?,
                second: conv("second", 2 * f, one, 0.5)?,
            });
        }
        let coarsest =
            source.array("coarsest", [3 * self.mixtures], Initial::Values(self.first_mixture()))?;
        Ok(VdmInterval { kinds, blocks, coarsest, process, config: self.clone() })
    }

    /// The mixture of the first pixels in a new network: from one noise scale to a thousand.
    fn first_mixture(&self) -> Vec<f32> {
        let k = self.mixtures;
        let spread = |index: usize| 7.0 * index as f32 / (k.max(2) - 1) as f32;
        (0..3 * k).map(|at| if at < 2 * k { 0.0 } else { spread(at - 2 * k) }).collect()
    }

    /// The mixture of a target from its outputs.
    fn mixture(&self, outputs: &[f32], target: &Target) -> MixtureParams {
        let k = self.mixtures;
        let base = weighted(&outputs[3 * k..], &target.predictors);
        let log_scale = math::ln(f64::from(target.local_scale)) as f32;
        MixtureParams::from_fn(k, |i| LogisticParams {
            logit: outputs[i],
            mean: base + target.local_scale * outputs[k + i],
            log_scale: log_scale + outputs[2 * k + i],
        })
    }

    /// The mixture of the first pixels of a tile.
    fn coarsest_mixture(&self, outputs: &[f32], stats: TileStats) -> MixtureParams {
        let (k, scale) = (self.mixtures, stats.noise_scale());
        let log_scale = math::ln(f64::from(scale)) as f32;
        MixtureParams::from_fn(k, |i| LogisticParams {
            logit: outputs[i],
            mean: f32::from(stats.median) + scale * outputs[k + i],
            log_scale: log_scale + outputs[2 * k + i],
        })
    }
}

impl<C, P> VdmInterval<C, P> {
    /// The forward pass of one kind of pass.
    ///
    /// # Shapes
    /// `cells`: (N, features of a cell, H, W); `targets`: (N, T features of a target, H, W);
    /// result: (N, T outputs, H, W).
    fn forward<T: TensorLike<Conv = C>>(&self, kind: usize, cells: &T, targets: &T) -> T {
        let ends = &self.kinds[kind];
        let mut x = cells.conv(&ends.cells).plus(&targets.conv(&ends.targets));
        for Block { first, second } in &self.blocks {
            x = x.gated_residual(first, second);
        }
        x.elu().conv(&ends.last)
    }
}

#[cfg(all(test, feature = "train"))]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
