//! The published networks, one folder each, and the table that lists them.
//!
//! A new network is a folder here with its extents (`Network`), its forward pass, its loss
//! (`TrainableNetwork`) and its coder (`TileModel`), and one line in the table below.

mod idf;
mod l3c;
mod pixelcnnpp;
mod remainder;
mod rownet;
mod sample_head;
mod table;
mod tec;
mod vdm;

pub use idf::IdfConfig;
pub use l3c::L3cConfig;
pub use pixelcnnpp::PixelCnnPpConfig;
pub use rownet::RowNetConfig;
pub(crate) use sample_head::{SampleHead, weighted};
pub(crate) use tec::LossyModel;
pub use tec::{ContextForm, TecConfig, TecFamilyConfig, TecLossyConfig};
#[cfg(feature = "train")]
pub use vdm::{Trained as VdmModule, VdmBitsBack, VdmBound, VdmEstimate, VdmEstimateOptions, VdmGaussian};
pub use vdm::{VdmConfig, VdmGaussianConfig, VdmIntervalConfig};

use crate::error::{Error, Result};
use crate::input_mode::InputMode;
use crate::network::Network;
use crate::tile_model::TileModel;
use crate::weights::Weights;
use serde::{Deserialize, Serialize};
use table::networks;

#[cfg(feature = "train")]
use crate::network::{Trainable, TrainableNetwork};
#[cfg(feature = "train")]
use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

networks! {
    /// PixelCNN++ (arXiv:1701.05517).
    "pixelcnnpp" => PixelCnnPp(PixelCnnPpConfig, pixelcnnpp::Trained),
    /// Integer discrete flow (arXiv:1905.07376).
    "idf" => Idf(IdfConfig, idf::Trained),
    /// L3C (arXiv:1811.12817).
    "l3c" => L3c(L3cConfig, l3c::Trained),
    /// A net in integers only, a half row at once.
    "rownet" => RowNet(RowNetConfig, rownet::Trained),
    /// PixelCNN++ with context from earlier planes of a stack; and transforms with a loss.
    "tec" => Tec(TecFamilyConfig, tec::Trained),
    /// Diffusion: samples in stages, ever more of them known ever better.
    "vdm" => Vdm(VdmConfig, vdm::Trained),
}

/// Names of the sizes: as published; of a net that nobody published, the largest; useful after half
/// an hour on two processor cores; for tests; the others of other processes of diffusion, and of
/// the codec with a loss.
pub const SIZES: &[&str] = &[
    "paper",
    "large",
    "small",
    "tiny",
    "uniform-small",
    "uniform-tiny",
    "gaussian-small",
    "gaussian-tiny",
    "lossy-small",
    "lossy-tiny",
];

impl NetConfig {
    /// A preset for one plane: network and size by name.
    ///
    /// # Errors
    /// [`Error::Preset`] if there is no such network or size.
    pub fn preset(net: &str, size: &str) -> Result<Self> {
        Self::named(net, size).ok_or_else(|| Error::Preset {
            net: net.into(),
            size: size.into(),
            expected: format!("nets {} and sizes {}", NETS.join(", "), SIZES.join(", ")),
        })
    }

    /// The same network for stacks of `planes` planes.
    pub fn with_planes(mut self, planes: usize) -> Self {
        *self.network_mut().tiles_mut().0 = planes;
        self
    }

    /// The same network with samples entering in another way.
    ///
    /// # Errors
    /// [`Error::Config`] if the network cannot take samples so.
    pub fn with_inputs(mut self, inputs: InputMode) -> Result<Self> {
        *self.network_mut().tiles_mut().1 = inputs;
        self.check()?;
        Ok(self)
    }

    /// Planes of the tiles that the network takes.
    pub fn planes(&self) -> usize {
        self.network().planes()
    }

    /// Whether the extents make a network.
    ///
    /// # Errors
    /// [`Error::Config`], naming the field.
    pub fn check(&self) -> Result<()> {
        self.network().check()
    }

    /// The network with exactly these weights, made ready for coding.
    ///
    /// # Errors
    /// The parameter that is missing, too many, or of another shape.
    pub(crate) fn tile_model(&self, mut weights: Weights) -> Result<Box<dyn TileModel>, String> {
        let model = self.network().tile_model(&mut weights)?;
        weights.finish()?;
        Ok(model)
    }

    /// The network with a loss with these weights; `None` if it has none.
    ///
    /// # Errors
    /// The parameter that is missing or has another shape.
    pub(crate) fn lossy_model(&self, weights: &mut Weights) -> Result<Option<LossyModel>, String> {
        match self {
            Self::Tec(config) => config.lossy_model(weights),
            _ => Ok(None),
        }
    }

    /// A network with random weights on `device`; equal seeds give equal weights on every device.
    ///
    /// # Errors
    /// [`Error::Config`] if the extents make no network.
    #[cfg(feature = "train")]
    pub fn init(&self, device: &Device, seed: u64) -> Result<Net> {
        self.check()?;
        Ok(self.module(device, seed))
    }
}

#[cfg(feature = "train")]
impl Net {
    /// The network made ready for coding.
    #[cfg(test)]
    pub(crate) fn tile_model(&self) -> Box<dyn TileModel> {
        self.config().tile_model(self.stored()).expect("a module has the parameters of its extents")
    }

    /// Its parameters as a file keeps them.
    pub(crate) fn stored(&self) -> Weights {
        self.config().network().stored(crate::tensor::weights_of(self))
    }

    /// The network with parameters of a file in place of its own.
    ///
    /// # Errors
    /// The parameter that is missing, too many, or of another shape.
    pub(crate) fn with_stored(self, weights: Weights) -> Result<Self, String> {
        let weights = self.config().network().restored(weights);
        crate::tensor::with_weights(self, weights)
    }
}

/// Weights, their gradient, two moments and a moving average.
#[cfg(feature = "train")]
const COPIES_OF_WEIGHTS: f64 = 5.0;

#[cfg(feature = "train")]
impl Trainable for Net {
    fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        self.module_loss(tiles)
    }

    fn data_dependent_init(self, tiles: Tensor<4>) -> Result<Self> {
        self.initialised(tiles)
    }

    fn draws(&self) -> bool {
        self.module_draws()
    }

    /// Its maps, what their gradients need, and the weights with what the optimiser keeps of them.
    fn step_bytes(&self, tiles: usize, height: usize, width: usize) -> Option<f64> {
        // A network without a stream has no such model; then nobody knows.
        let model = self.config().tile_model(self.stored()).ok()?;
        let values = model.values_per_px() * (tiles * height * width) as f64;
        let copies = self.config().copies_of_maps();
        Some(4.0 * (copies * values + COPIES_OF_WEIGHTS * self.num_params() as f64))
    }
}
