//! Diffusion: a tile is known ever better, from nothing to every sample, in a few parallel steps.
//!
//! One family, told apart by what a step does to what is known of a sample (the *process*):
//!
//! - [`interval`]: it lies in an ever smaller interval of integers. A codec.
//! - [`interval`] again, `uniform`: every step tells a new interval of another place, as published
//!   for codecs (arXiv:2412.10935). A codec, to show what that costs.
//! - [`gaussian`]: it is known with ever less Gaussian noise: the published model, which bounds
//!   bits and has no stream.

mod gaussian;
mod interval;

use crate::error::Result;
use crate::input_mode::InputMode;
use crate::network::Network;
use crate::tile_model::TileModel;
use crate::weights::Weights;
use serde::{Deserialize, Serialize};

pub use gaussian::VdmGaussianConfig;
#[cfg(feature = "train")]
pub use gaussian::{VdmBitsBack, VdmBound, VdmEstimate, VdmEstimateOptions, VdmGaussian};
use interval::Process;
pub use interval::VdmIntervalConfig;

#[cfg(feature = "train")]
use crate::network::{Trainable, TrainableNetwork};
#[cfg(feature = "train")]
use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

/// A process and the extents of its network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "process", rename_all = "kebab-case")]
pub enum VdmConfig {
    /// Intervals of integers.
    Interval(VdmIntervalConfig),
    /// Intervals of integers that are dithered anew in every stage.
    Uniform(VdmIntervalConfig),
    /// Gaussian noise.
    Gaussian(VdmGaussianConfig),
}

impl VdmConfig {
    fn network(&self) -> &dyn Network {
        match self {
            Self::Interval(config) | Self::Uniform(config) => config,
            Self::Gaussian(config) => config,
        }
    }

    fn network_mut(&mut self) -> &mut dyn Network {
        match self {
            Self::Interval(config) | Self::Uniform(config) => config,
            Self::Gaussian(config) => config,
        }
    }
}

impl Network for VdmConfig {
    fn preset(size: &str) -> Option<Self> {
        if let Some(size) = size.strip_prefix("uniform-") {
            return VdmIntervalConfig::preset(size).map(Self::Uniform);
        }
        let interval = VdmIntervalConfig::preset(size).map(Self::Interval);
        interval.or_else(|| VdmGaussianConfig::preset(size).map(Self::Gaussian))
    }

    fn planes(&self) -> usize {
        self.network().planes()
    }

    fn tiles_mut(&mut self) -> (&mut usize, &mut InputMode) {
        self.network_mut().tiles_mut()
    }

    fn check(&self) -> Result<()> {
        self.network().check()
    }

    fn tile_model(&self, weights: &mut Weights) -> Result<Box<dyn TileModel>, String> {
        match self {
            Self::Uniform(config) => config.model(Process::Uniform, weights),
            Self::Interval(_) | Self::Gaussian(_) => self.network().tile_model(weights),
        }
    }
}

/// The network of a process as a module.
#[cfg(feature = "train")]
#[allow(clippy::large_enum_variant, reason = "a module is made once")]
#[derive(Module, Debug)]
pub enum Trained {
    /// Intervals of integers.
    Interval(interval::Trained),
    /// Intervals of integers that are dithered anew in every stage.
    Uniform(interval::Trained),
    /// Gaussian noise.
    Gaussian(gaussian::Trained),
}

#[cfg(feature = "train")]
impl Trained {
    /// Its extents.
    pub fn config(&self) -> VdmConfig {
        match self {
            Self::Interval(net) => VdmConfig::Interval(net.config().clone()),
            Self::Uniform(net) => VdmConfig::Uniform(net.config().clone()),
            Self::Gaussian(net) => VdmConfig::Gaussian(net.config().clone()),
        }
    }
}

#[cfg(feature = "train")]
impl TrainableNetwork for VdmConfig {
    type Module = Trained;

    const COPIES_OF_MAPS: f64 = 4.0;

    fn init(&self, device: &Device, seed: u64) -> Trained {
        match self {
            Self::Interval(config) => Trained::Interval(config.init(Process::Interval, device, seed)),
            Self::Uniform(config) => Trained::Uniform(config.init(Process::Uniform, device, seed)),
            Self::Gaussian(config) => Trained::Gaussian(config.init(device, seed)),
        }
    }
}

#[cfg(feature = "train")]
impl Trainable for Trained {
    fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        match self {
            Self::Interval(net) | Self::Uniform(net) => net.loss(tiles),
            Self::Gaussian(net) => net.loss(tiles),
        }
    }

    fn draws(&self) -> bool {
        matches!(self, Self::Gaussian(_))
    }
}
