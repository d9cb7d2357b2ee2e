//! Published networks, their checkpoints, and the codec `net`.
//!
//! - [`NetConfig`]: which network, how large; presets.
//! - [`Checkpoint`]: a folder with weights and a model card that says where they come from.
//! - [`NetCodec`]: a checkpoint as a codec. Coding needs no tensor library: `nf-engine` evaluates
//!   the networks in fixed-order arithmetic.
//! - [`array_entry`]: a codec with a loss, for bounded containers.
//!
//! With the feature `train`, networks are Burn modules as well:
//!
//! - `Net`: a network with weights on a device; a `Trainable`, whose loss is the information of raw
//!   samples in bits.
//!
//! A new network is a folder of `nets/` and a line of the table there.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(feature = "train"),
    allow(dead_code, unreachable_pub, reason = "how new networks begin is of use in training only")
)]

mod batch;
#[cfg(feature = "train")]
mod bits_back;
mod checkpoint;
mod codec;
mod context;
mod error;
#[cfg(feature = "gpu")]
mod gpu;
mod input_mode;
mod intervals;
mod lossy;
mod mixture;
mod named_weights;
mod nets;
mod network;
mod parameters;
#[cfg(any(test, feature = "train"))]
mod random;
mod staged;
#[cfg(feature = "train")]
mod tensor;
mod tensor_like;
mod tile;
mod tile_model;
mod tile_stats;
mod trace;
mod weights;

pub use checkpoint::{Checkpoint, ModelCard};
#[cfg(feature = "gpu")]
pub use codec::code_on;
pub use codec::{ENTRY, NetCodec};
pub use error::{Error, Result};
#[cfg(feature = "gpu")]
pub use gpu::{Gpu, GpuError};
pub use input_mode::InputMode;
pub use lossy::array_entry;
pub use nets::{
    ContextForm, IdfConfig, L3cConfig, NETS, NetConfig, PixelCnnPpConfig, RowNetConfig, SIZES, TecConfig,
    TecFamilyConfig, TecLossyConfig, VdmConfig, VdmGaussianConfig, VdmIntervalConfig,
};

#[cfg(feature = "train")]
pub use bits_back::BITS_BACK;
#[cfg(feature = "train")]
pub use nets::{Net, VdmBitsBack, VdmBound, VdmEstimate, VdmEstimateOptions, VdmGaussian, VdmModule};
#[cfg(feature = "train")]
pub use network::Trainable;
#[cfg(feature = "train")]
pub use tensor::total;
