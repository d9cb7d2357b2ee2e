//! Learning: experiment file in, checkpoint out.
//!
//! - [`Experiment`]: everything that decides the numbers of a run, one TOML file.
//! - [`Frames`]: the images, in memory, in a tile store or in a window over a larger set; the tiles
//!   of a step depend on the seed and the step alone.
//! - [`Session::learn`]: the loop, over anything [`Trainable`](nf_models::Trainable). A run that is
//!   interrupted at any moment resumes from its last state and ends with the same weights;
//!   [`finished`] says whether there is anything left to do.
//! - [`optimiser`]: Adamax, clipping by the joint norm, moving averages of weights, learning rates.
#![forbid(unsafe_code)]

mod ancestry;
mod batch;
mod data;
mod data_choice;
mod device;
mod divergence;
mod error;
mod experiment;
mod gradients;
mod learn;
mod log;
mod observer;
pub mod optimiser;
mod overrides;
mod sampling;
mod state;
mod stop;

pub use batch::Batch;
pub use data::{Frame, Frames, LoadReport};
pub use data_choice::{DataChoice, SetChoice, WeightedSet};
pub use device::{DeviceClass, device_name};
pub use divergence::{Divergence, RAW_BITS};
pub use error::{Error, Result};
pub use experiment::{Ancestor, Draw, Experiment, Flips, TileChoice, ValidationChoice};
pub use learn::{Session, finished};
pub use log::Row;
pub use observer::{Observer, Silent};
pub use state::Position;
pub use stop::{End, Stop};
