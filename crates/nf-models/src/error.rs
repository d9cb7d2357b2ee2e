//! What can go wrong with a network or its checkpoint.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and with which input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No preset of that name.
    #[error("no preset '{size}' of net '{net}', expected one of {expected}")]
    Preset {
        /// The network asked for.
        net: String,
        /// The size asked for.
        size: String,
        /// What there is.
        expected: String,
    },
    /// Extents that make no network.
    #[error("net configuration: {field} is {found}, expected {expected}")]
    Config {
        /// Which field.
        field: &'static str,
        /// Its value.
        found: String,
        /// Legal values.
        expected: String,
    },
    /// Tiles that the network cannot take.
    #[error("tiles of shape {found:?}, expected {expected}")]
    Tiles {
        /// Extents as given.
        found: Vec<usize>,
        /// What the network takes.
        expected: String,
    },
    /// A file of a checkpoint could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A checkpoint that is not what its card says, or no checkpoint at all.
    #[error("checkpoint {}: {reason}", path.display())]
    Checkpoint {
        /// The file or folder at fault.
        path: PathBuf,
        /// What was found, and what was expected.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn checkpoint(path: &Path, reason: impl Into<String>) -> Self {
        Self::Checkpoint { path: path.to_owned(), reason: reason.into() }
    }
}
