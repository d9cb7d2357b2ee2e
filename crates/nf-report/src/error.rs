//! What can go wrong while a report is written.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and with which file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A document lacks the markers between which a table belongs.
    #[error("{}: {reason}", .file.display())]
    Splice {
        /// The document.
        file: PathBuf,
        /// What is missing.
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
    /// A run cannot be read, or a file cannot be written.
    #[error(transparent)]
    Run(#[from] nf_bench::Error),
}

impl Error {
    /// Turns the system's error about `path` into one that names it.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
