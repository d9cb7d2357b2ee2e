//! What can go wrong between an experiment file and a checkpoint.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and which setting would change it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An experiment cannot be understood or contradicts itself; the reason names the setting.
    #[error("{file}: {reason}")]
    Experiment {
        /// The experiment's file.
        file: String,
        /// Which setting, and what was expected of it.
        reason: String,
    },
    /// The frames cannot be had.
    #[error(transparent)]
    Data(#[from] nf_data::Error),
    /// The frames do not fit the experiment; names a setting.
    #[error("{0}")]
    Frames(String),
    /// The loss is no number any more.
    #[error(
        "the loss or its gradient is {loss} at step {step}: the training has diverged; lower schedule.rate (now {rate:e}){clip}"
    )]
    Diverged {
        /// The step, from one on.
        step: u64,
        /// The loss in bits per sample, or the norm of its gradient.
        loss: f64,
        /// The learning rate of the step.
        rate: f64,
        /// Advice on clipping, where there is none.
        clip: &'static str,
    },
    /// The device failed, for want of memory as a rule.
    #[error(
        "the device failed at step {step} ({reason}); if memory ran out, lower tiles.batch, tiles.height_px or tiles.width_px"
    )]
    Device {
        /// The step, from one on.
        step: u64,
        /// What it said.
        reason: String,
    },
    /// A step does not fit into memory.
    #[error(
        "a step takes about {needed_gb:.1} GB where {free_gb:.1} GB are free; lower tiles.batch, tiles.height_px or \
         tiles.width_px, or take a smaller net"
    )]
    Memory {
        /// What it takes, roughly, in 10^9 bytes.
        needed_gb: f64,
        /// What is free.
        free_gb: f64,
    },
    /// Images for the next steps could not be read.
    #[error("{source}; the state of step {step} is saved, --resume goes on with it")]
    Unread {
        /// Steps taken.
        step: u64,
        /// Why.
        source: Box<Error>,
    },
    /// The network cannot take such tiles.
    #[error("net: {0}; change the section tiles or net")]
    Net(#[from] nf_models::Error),
    /// A kind of device that this program cannot use.
    #[error("device {name}: {reason}")]
    NoDevice {
        /// Its name.
        name: &'static str,
        /// Why, and what would help.
        reason: String,
    },
    /// A folder holds a run already, or another process writes it.
    #[error("{}: {reason}", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What is there, and what may be done.
        reason: String,
    },
    /// A state to resume from cannot be used.
    #[error("{}: {reason}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A run cannot begin with the checkpoint that it is to begin with.
    #[error("from: {0}")]
    Ancestor(String),
    /// A checkpoint cannot be written.
    #[error("checkpoint: {0}")]
    Checkpoint(String),
}

impl Error {
    /// Puts the file's name before a system error.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn experiment(file: &str, reason: impl Into<String>) -> Self {
        Self::Experiment { file: file.to_owned(), reason: reason.into() }
    }
}

/// What a panic said, in one line.
pub(crate) fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text =
        text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
