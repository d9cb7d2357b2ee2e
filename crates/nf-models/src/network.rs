//! What a published network is to the rest of the project.

use crate::error::{Error, Result};
use crate::input_mode::InputMode;
use crate::tile_model::TileModel;
use crate::weights::Weights;

/// The extents of a network: what a model card states and an experiment may spell out.
///
/// One type per network implements it; the table in `nets/mod.rs` lists them.
pub(crate) trait Network {
    /// The preset of this size for one plane; `None` if there is no such size.
    fn preset(size: &str) -> Option<Self>
    where
        Self: Sized;

    /// Planes of the tiles that the network takes.
    fn planes(&self) -> usize;

    /// The number of planes, and how samples enter, to be changed.
    fn tiles_mut(&mut self) -> (&mut usize, &mut InputMode);

    /// Whether the extents make a network.
    ///
    /// # Errors
    /// [`Error::Config`], naming the field.
    fn check(&self) -> Result<()>;

    /// The network with these weights, made ready for coding. Takes its parameters out of
    /// `weights`.
    ///
    /// # Errors
    /// The parameter that is missing or has another shape.
    fn tile_model(&self, weights: &mut Weights) -> Result<Box<dyn TileModel>, String>;

    /// Parameters of the module as a file keeps them.
    #[cfg(feature = "train")]
    fn stored(&self, weights: Weights) -> Weights {
        weights
    }

    /// Parameters of a file as the module has them.
    #[cfg(feature = "train")]
    fn restored(&self, weights: Weights) -> Weights {
        weights
    }
}

/// Training: the network as a Burn module.
#[cfg(feature = "train")]
pub(crate) trait TrainableNetwork: Network {
    /// The module.
    type Module: Trainable;

    /// Memory of a training step with tiles of 64 x 64 over that of the maps, as measured.
    const COPIES_OF_MAPS: f64;

    /// A network with random weights on `device`; equal seeds give equal weights on every device.
    fn init(&self, device: &burn::tensor::Device, seed: u64) -> Self::Module;
}

/// A module that learns to code tiles.
#[cfg(feature = "train")]
pub trait Trainable: burn::module::Module {
    /// Mean information per sample in bits, differentiable.
    ///
    /// # Shapes
    /// `tiles`: (N, P, H, W), raw samples 0..=65535 on the device of the module; result: (1).
    ///
    /// # Errors
    /// [`Error::Tiles`] if the module cannot take such tiles.
    fn loss(&self, tiles: burn::tensor::Tensor<4>) -> Result<burn::tensor::Tensor<1>>;

    /// Data-dependent initialisation (Salimans and Kingma 2016, arXiv:1602.07868, section 3): to be
    /// called once on a new module, with tiles of the training data. A module without weight
    /// normalisation stays as it is.
    ///
    /// # Shapes
    /// As [`loss`](Self::loss).
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    fn data_dependent_init(self, tiles: burn::tensor::Tensor<4>) -> Result<Self> {
        let _ = tiles;
        Ok(self)
    }

    /// Whether the loss draws random numbers where gradients are wanted (dropout, noise, times).
    fn draws(&self) -> bool {
        false
    }

    /// Memory that a training step with `tiles` tiles of `height` times `width` pixels takes, in
    /// bytes, roughly; `None` if it is not known.
    fn step_bytes(&self, tiles: usize, height: usize, width: usize) -> Option<f64> {
        let _ = (tiles, height, width);
        None
    }
}

/// The error of a field with a value that makes no network.
pub(crate) fn wrong(field: &'static str, found: impl ToString, expected: &str) -> Error {
    Error::Config { field, found: found.to_string(), expected: expected.into() }
}

/// Whether samples enter in noise scales, as all do of a network that takes nothing else.
///
/// # Errors
/// [`Error::Config`] if not.
pub(crate) fn check_robust(inputs: InputMode) -> Result<()> {
    match inputs {
        InputMode::NoiseNormalised => Ok(()),
        other => Err(wrong("inputs", other.name(), "robust")),
    }
}

/// Whether every extent lies in its range: (field, found, least, most).
///
/// # Errors
/// [`Error::Config`], naming the first field that does not.
pub(crate) fn check_extents(extents: &[(&'static str, usize, usize, usize)]) -> Result<()> {
    for &(field, found, least, most) in extents {
        if !(least..=most).contains(&found) {
            return Err(wrong(field, found, &format!("{least}..={most}")));
        }
    }
    Ok(())
}
