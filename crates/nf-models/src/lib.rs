//! The nets in Burn, one file per published network, and the bridge that makes a net a codec.
//!
//! - [`NetConfig`]: which net, how large; presets.
//! - [`Net`]: a net with weights; its loss is the information of raw samples in bits.
//! - [`Checkpoint`]: a folder with weights and a card that says where they come from.
#![forbid(unsafe_code)]

mod batch;
mod checkpoint;
mod codec;
mod config;
mod conv;
mod engine;
mod error;
mod flow;
mod heads;
mod laws;
mod math;
mod net;
pub mod nets;
mod normal;
mod random;
mod sum;
mod surroundings;
mod tiles;
mod traverse;

pub use checkpoint::{Card, Checkpoint};
pub use codec::{ENTRY, NetCodec};
pub use config::{NETS, NetConfig, SIZES};
pub use conv::{Conv, Geometry};
pub use error::{Error, Result};
pub use flow::Flow;
pub use heads::{MAX_COMPONENTS, mixture_bits};
pub use net::Net;
pub use nets::Inputs;
pub use normal::Normal;
pub use sum::total;
