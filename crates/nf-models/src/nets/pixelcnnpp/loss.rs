//! PixelCNN++ on tensors, for training.

use super::{PixelCnnPp, PixelCnnPpConfig};
use crate::error::Result;
use crate::network::{Trainable, TrainableNetwork};
use crate::tensor::{Conv, Normalising, RandomParameters};
use burn::tensor::{Device, Tensor};

/// The network as a module.
pub(crate) type Trained = PixelCnnPp<Conv>;

impl TrainableNetwork for PixelCnnPpConfig {
    type Module = Trained;

    // Exponentials and gates keep what is between one map and the next.
    const COPIES_OF_MAPS: f64 = 4.0;

    fn init(&self, device: &Device, seed: u64) -> Trained {
        RandomParameters::new(device, seed).give(|source| self.build(source))
    }
}

impl Trained {
    /// Its extents.
    pub fn config(&self) -> &PixelCnnPpConfig {
        &self.config
    }

    /// Information of every symbol, in bits; symbols are samples, or their bytes.
    ///
    /// # Shapes
    /// (N, P, H, W) to (N, S, H, W).
    ///
    /// # Errors
    /// As [`loss`](Trainable::loss).
    pub fn bits(&self, tiles: Tensor<4>) -> Result<Tensor<4>> {
        let inputs = self.config.head().prepare(tiles)?;
        let outputs = self.forward(&inputs.features, inputs.context.as_ref());
        Ok(self.config.head().bits(outputs, &inputs))
    }
}

impl Trainable for Trained {
    fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        Ok(self.bits(tiles)?.mean() * self.config.head().parts() as f64)
    }

    fn data_dependent_init(self, tiles: Tensor<4>) -> Result<Self> {
        let inputs = self.config.head().prepare(tiles)?;
        let features = Normalising::new(inputs.features);
        let context = inputs.context.map(|context| features.with(context));
        self.forward(&features, context.as_ref());
        Ok(features.initialise(self))
    }

    fn draws(&self) -> bool {
        self.config.dropout > 0.0
    }
}
