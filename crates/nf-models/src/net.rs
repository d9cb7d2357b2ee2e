//! Any of the nets.

use crate::config::NetConfig;
use crate::error::Result;
use crate::nets::idf::Idf;
use crate::nets::l3c::L3c;
use crate::nets::pixelcnnpp::PixelCnnPp;
use crate::traverse::NetCoder;
use burn::module::Module;
use burn::tensor::Tensor;

/// Weights, their gradient, two moments and a moving average.
const COPIES_OF_WEIGHTS: f64 = 5.0;

/// A net with its weights.
#[allow(clippy::large_enum_variant, reason = "there is one net at a time, and its weights are elsewhere")]
#[derive(Module, Debug)]
pub enum Net {
    /// PixelCNN++.
    PixelCnnPp(PixelCnnPp),
    /// Integer discrete flow.
    Idf(Idf),
    /// L3C.
    L3c(L3c),
}

impl Net {
    /// Its extents.
    pub fn config(&self) -> NetConfig {
        match self {
            Self::PixelCnnPp(net) => NetConfig::PixelCnnPp(net.config().clone()),
            Self::Idf(net) => NetConfig::Idf(net.config().clone()),
            Self::L3c(net) => NetConfig::L3c(net.config().clone()),
        }
    }

    /// Mean information per sample in bits, differentiable.
    ///
    /// # Shapes
    /// `tiles`: (N, P, H, W), raw samples 0..=65535 on the device of the net; result: (1).
    ///
    /// # Errors
    /// [`Error::Tiles`](crate::Error::Tiles) if the net cannot take such tiles.
    pub fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        match self {
            Self::PixelCnnPp(net) => net.loss(tiles),
            Self::Idf(net) => net.loss(tiles),
            Self::L3c(net) => net.loss(tiles),
        }
    }

    /// Data-dependent initialisation: call it once on a new net, with tiles of the training data. A net without weight
    /// normalisation stays as it is.
    ///
    /// # Shapes
    /// As [`loss`](Self::loss).
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn observe(self, tiles: Tensor<4>) -> Result<Self> {
        Ok(match self {
            Self::PixelCnnPp(net) => Self::PixelCnnPp(net.observe(tiles)?),
            Self::Idf(_) | Self::L3c(_) => self,
        })
    }

    /// Memory that a training step with `tiles` tiles of `height` times `width` pixels takes, in bytes, roughly: its maps, what
    /// their gradients need, and the weights with what the optimiser keeps of them.
    pub fn step_bytes(&self, tiles: usize, height: usize, width: usize) -> f64 {
        // Rise of the resident size of a step with tiles of 64 x 64 over the size of the maps, as measured: the exponentials
        // and gates of PixelCNN++ keep what is between one map and the next.
        let copies = match self {
            Self::PixelCnnPp(_) => 4.0,
            Self::Idf(_) => 1.0,
            Self::L3c(_) => 1.5,
        };
        let values = NetCoder::new(self).values_per_px() * (tiles * height * width) as f64;
        4.0 * (copies * values + COPIES_OF_WEIGHTS * self.num_params() as f64)
    }

    /// Whether loaded weights make a net that can code.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Idf(net) => net.check(),
            Self::PixelCnnPp(_) | Self::L3c(_) => Ok(()),
        }
    }
}
