//! What can go wrong around a measurement. (What goes wrong inside a codec is a row, not an error.)

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and with which file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The suite file does not parse, or contradicts itself.
    #[error("suite {file}: {reason}")]
    Suite {
        /// The file, or the name of an embedded suite.
        file: String,
        /// The field at fault, and what was expected.
        reason: String,
    },
    /// A file of this crate's own making is not what it was when it was written.
    #[error("{}: {reason}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was found, and what was expected.
        reason: String,
    },
    /// A run cannot be continued.
    #[error("cannot resume {}: {reason}", .folder.display())]
    Resume {
        /// The run's folder.
        folder: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The rows of a run cannot stand for new ones.
    #[error("cannot reuse {}: {reason}", .folder.display())]
    Reuse {
        /// The run's folder.
        folder: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Reading or writing failed.
    #[error("{}: {source}", .path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The one thread on which codecs run could not be started.
    #[error("cannot start the codecs' thread: {0}")]
    Thread(String),
}

impl Error {
    /// Turns the system's error about `path` into one that names it.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// The file at `path` is not what was expected.
    pub(crate) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.into() }
    }
}
