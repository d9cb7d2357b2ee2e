//! The variational diffusion model: Kingma, Salimans, Poole, Ho 2021, arXiv:2107.00630. Written
//! from its equations. It bounds the bits of a sample; a stream of as many bits on average
//! is in `bits_back.rs`, for experiments only.
//!
//! Latents are samples with Gaussian noise, `z_t = alpha_t f + sigma_t eps`, from nearly clean
//! (`t = 0`) to nearly noise (`t = 1`), `sigma_t^2 = sigmoid(g_t)`, `alpha_t^2 = sigmoid(-g_t)`,
//! `g_t = g_0 + t (g_1 - g_0)` with learned ends. A network without down-sampling sees `z_t` and
//! `g_t` and says what the noise is. Three parts make the bound: what the noisiest latent costs,
//! what the steps between latents cost, what the samples cost given the cleanest latent.
//!
//! What is ours beside the published model:
//!
//! - Samples of 16 bits as two channels of bytes or as one channel of 65536 values.
//! - Reverse variances may be learned, which few steps need: with the published ones a step costs
//!   `r - 1` where it should cost `ln r` (`r` the ratio of its signal-to-noise ratios).
//! - With `InputMode::NoiseNormalised` the latents stop at the noise of the tile, in whose unit `f`
//!   is (`asinh` of it), and the network's own mixture over integers codes the samples from there.
//!
//! Letters: N tiles, C channels, H rows, W columns, F filters, T steps, V values of a channel.

#[cfg(feature = "train")]
mod bits_back;
#[cfg(feature = "train")]
mod bound;
#[cfg(feature = "train")]
mod estimate;
#[cfg(feature = "train")]
mod net;
#[cfg(feature = "train")]
mod normal;

use crate::error::Result;
use crate::input_mode::InputMode;
use crate::mixture::MAX_COMPONENTS;
use crate::network::{Network, check_extents, wrong};
use crate::tile_model::TileModel;
use crate::weights::Weights;
use serde::{Deserialize, Serialize};

#[cfg(feature = "train")]
pub use bits_back::VdmBitsBack;
#[cfg(feature = "train")]
pub use bound::VdmBound;
#[cfg(feature = "train")]
pub use estimate::{VdmEstimate, VdmEstimateOptions};
#[cfg(feature = "train")]
pub(crate) use net::Trained;
#[cfg(feature = "train")]
pub use net::VdmGaussian;

/// Extents of a variational diffusion model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VdmGaussianConfig {
    /// Planes of a tile: 1.
    pub planes: usize,
    /// How samples enter: as values of 16 bits, as two bytes, or in noise scales, in which case
    /// the latents stop at the noise.
    pub inputs: InputMode,
    /// Filters, F.
    pub filters: usize,
    /// Residual blocks on the way down; on the way up one more.
    pub blocks: usize,
    /// Groups of channels that are normalised together.
    pub groups: usize,
    /// Whether the middle of the network has attention.
    pub attention: bool,
    /// Whether the network sees sines of the latents, with periods of two steps of a channel's
    /// values and of one: where the integers are.
    pub lattice: bool,
    /// Whether the reverse variances are learned.
    pub learned_variances: bool,
    /// Steps of the bound that is trained; 0 for the limit of infinitely many.
    pub steps: usize,
    /// Steps of the bound that is validated.
    pub bound_steps: usize,
    /// Components of the mixtures that code integers from the noise on.
    pub mixtures: usize,
}

impl Network for VdmGaussianConfig {
    fn preset(size: &str) -> Option<Self> {
        let published = Self {
            planes: 1,
            inputs: InputMode::BytesMsb,
            filters: 128,
            blocks: 32,
            groups: 32,
            attention: true,
            lattice: true,
            learned_variances: false,
            steps: 0,
            bound_steps: 1000,
            mixtures: 4,
        };
        let small = Self {
            inputs: InputMode::NoiseNormalised,
            filters: 24,
            blocks: 2,
            groups: 4,
            attention: false,
            lattice: false,
            learned_variances: true,
            steps: 4,
            bound_steps: 4,
            ..published.clone()
        };
        match size {
            "paper" => Some(published),
            "gaussian-small" => Some(small),
            "gaussian-tiny" => Some(Self { filters: 8, blocks: 1, groups: 2, mixtures: 2, ..small }),
            _ => None,
        }
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
            ("filters", self.filters, 2, 4096),
            ("blocks", self.blocks, 1, 256),
            ("groups", self.groups, 1, self.filters),
            ("bound_steps", self.bound_steps, 1, 100_000),
            ("steps", self.steps, 0, 100_000),
            ("mixtures", self.mixtures, 1, MAX_COMPONENTS),
        ])?;
        if !self.filters.is_multiple_of(2 * self.groups) {
            return Err(wrong("groups", self.groups, "a divisor of half of the filters"));
        }
        match self.inputs {
            InputMode::BytesLsb => Err(wrong("inputs", "lsb-first", "published, msb-first or robust")),
            InputMode::NoiseNormalised if self.lattice => {
                Err(wrong("lattice", true, "false where latents stop at the noise"))
            }
            _ if self.learned_variances && self.steps == 0 => {
                Err(wrong("learned_variances", true, "false without a number of steps"))
            }
            _ => Ok(()),
        }
    }

    fn tile_model(&self, _: &mut Weights) -> Result<Box<dyn TileModel>, String> {
        Err("a vdm of the process 'gaussian' estimates bits and has no stream; \
             the process 'interval' has one"
            .into())
    }
}

#[cfg(all(test, feature = "train"))]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
