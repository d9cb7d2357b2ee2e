//! Learning: experiment file in, checkpoint out.
//!
//! - [`Experiment`]: everything that decides the numbers of a run, one TOML file.
//! - [`Frames`]: the images in memory; [`sampling`]: which of their tiles make which step.
//! - [`Session::learn`]: the loop, over anything [`Trainable`](nf_models::Trainable). A run that is
//!   interrupted at any moment resumes from its last state and ends with the same weights;
//!   [`finished`] says whether there is anything left to do.
//! - [`optimiser`]: Adamax, clipping by the joint norm, moving averages of weights, learning rates.
#![forbid(unsafe_code)]

mod data;
mod device;
mod divergence;
mod error;
mod experiment;
mod learn;
mod log;
pub mod optimiser;
mod overrides;
pub mod sampling;
mod state;
mod stop;

pub use data::{Batch, Frame, Frames};
pub use device::{DeviceClass, device_name};
pub use divergence::{Divergence, RAW_BITS};
pub use error::{Error, Result};
pub use experiment::{DataChoice, Draw, Experiment, Flips, TileChoice, ValidationChoice};
pub use learn::{Observer, Session, Silent, finished};
pub use log::Row;
pub use state::Position;
pub use stop::{End, Stop};
