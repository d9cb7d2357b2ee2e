//! Learning: experiment file in, checkpoint out.
//!
//! - [`Experiment`]: everything that decides the numbers of a run, one TOML file.
//! - [`Frames`]: the images in memory; [`draw`]: which tiles of them make which step.
//! - [`Session::learn`]: the loop, over anything that is a [`Learner`]; interrupted at any moment, it goes on
//!   from its last state to the same weights; [`finished`] tells whether there is anything left to do.
//! - [`optimiser`]: Adamax, clipping by the joint norm, moving averages of weights, learning rates.
#![forbid(unsafe_code)]

mod device;
mod divergence;
pub mod draw;
mod error;
mod experiment;
mod frames;
mod learn;
mod log;
pub mod optimiser;
mod overrides;
mod state;
mod stop;

pub use device::{DeviceClass, device_name};
pub use divergence::{Divergence, RAW_BITS};
pub use error::{Error, Result};
pub use experiment::{DataChoice, Draw, Experiment, Flips, TileChoice, ValidationChoice};
pub use frames::{Batch, Frame, Frames};
pub use learn::{Learner, Session, Silent, Watcher};
pub use log::Row;
pub use state::Position;
pub use stop::{End, Stop, finished};
