//! The family: what `net = "tec"` stands for, without and with a loss.

use super::{TecConfig, TecLossyConfig};
use crate::error::Result;
use crate::input_mode::InputMode;
use crate::nets::LossyModel;
use crate::network::Network;
use crate::tile_model::TileModel;
use crate::weights::Weights;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

#[cfg(feature = "train")]
use super::{loss, lossy};
#[cfg(feature = "train")]
use crate::network::{Trainable, TrainableNetwork};
#[cfg(feature = "train")]
use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

/// A network of the family and its extents.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum TecFamilyConfig {
    /// Codes samples with context from earlier planes.
    Lossless(TecConfig),
    /// Codes planes as integer latents: the only one that has a field `latents`.
    Lossy(TecLossyConfig),
}

impl<'de> Deserialize<'de> for TecFamilyConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        // Not by serde's untagged enums, whose errors name no field.
        let fields = toml::Table::deserialize(deserializer)?;
        let read = if fields.contains_key("latents") {
            TecLossyConfig::deserialize(fields).map(Self::Lossy)
        } else {
            TecConfig::deserialize(fields).map(Self::Lossless)
        };
        read.map_err(D::Error::custom)
    }
}

impl TecFamilyConfig {
    fn network(&self) -> &dyn Network {
        match self {
            Self::Lossless(config) => config,
            Self::Lossy(config) => config,
        }
    }

    fn network_mut(&mut self) -> &mut dyn Network {
        match self {
            Self::Lossless(config) => config,
            Self::Lossy(config) => config,
        }
    }

    /// The network with a loss with these weights, made ready for coding; `None` if it has none.
    ///
    /// # Errors
    /// The parameter that is missing or has another shape.
    pub(crate) fn lossy_model(
        &self,
        weights: &mut Weights,
    ) -> std::result::Result<Option<LossyModel>, String> {
        match self {
            Self::Lossless(_) => Ok(None),
            Self::Lossy(config) => LossyModel::new(config, weights).map(Some),
        }
    }
}

impl Network for TecFamilyConfig {
    fn preset(size: &str) -> Option<Self> {
        let lossless = TecConfig::preset(size).map(Self::Lossless);
        lossless.or_else(|| TecLossyConfig::preset(size).map(Self::Lossy))
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

    fn tile_model(&self, weights: &mut Weights) -> std::result::Result<Box<dyn TileModel>, String> {
        self.network().tile_model(weights)
    }
}

/// A network of the family as a module.
#[cfg(feature = "train")]
#[allow(clippy::large_enum_variant, reason = "a module is made once")]
#[derive(Module, Debug)]
pub enum Trained {
    /// Codes samples.
    Lossless(loss::Trained),
    /// Codes latents.
    Lossy(lossy::Trained),
}

#[cfg(feature = "train")]
impl Trained {
    /// Its extents.
    pub fn config(&self) -> TecFamilyConfig {
        match self {
            Self::Lossless(net) => TecFamilyConfig::Lossless(net.config().clone()),
            Self::Lossy(net) => TecFamilyConfig::Lossy(net.config().clone()),
        }
    }
}

#[cfg(feature = "train")]
impl TrainableNetwork for TecFamilyConfig {
    type Module = Trained;

    const COPIES_OF_MAPS: f64 = TecConfig::COPIES_OF_MAPS;

    fn init(&self, device: &Device, seed: u64) -> Trained {
        match self {
            Self::Lossless(config) => Trained::Lossless(config.init(device, seed)),
            Self::Lossy(config) => Trained::Lossy(config.init(device, seed)),
        }
    }
}

#[cfg(feature = "train")]
impl Trainable for Trained {
    fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        match self {
            Self::Lossless(net) => net.loss(tiles),
            Self::Lossy(net) => net.loss(tiles),
        }
    }

    fn data_dependent_init(self, tiles: Tensor<4>) -> Result<Self> {
        Ok(match self {
            Self::Lossless(net) => Self::Lossless(net.data_dependent_init(tiles)?),
            Self::Lossy(net) => Self::Lossy(net.data_dependent_init(tiles)?),
        })
    }

    fn draws(&self) -> bool {
        matches!(self, Self::Lossy(_))
    }
}
