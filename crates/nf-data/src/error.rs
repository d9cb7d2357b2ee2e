//! What can go wrong between a dataset's name and its pixels.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and with which input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A manifest cannot be understood; the reason names the field.
    #[error("{file}: {reason}")]
    Manifest {
        /// The manifest's file, or its name if it is built in.
        file: String,
        /// Which field, and what was expected of it.
        reason: String,
    },
    /// There is no such dataset, view, split or file, or no network to fetch it over.
    #[error("{what}: {reason}")]
    Missing {
        /// What was looked for.
        what: String,
        /// Where, and what there is instead.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file holds no image that the dataset's rule can take.
    #[error("{}: {reason}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What was found, and what was expected.
        reason: String,
    },
    /// A file would cost more than the limits allow.
    #[error("{}: {reason}", path.display())]
    Limit {
        /// The file.
        path: PathBuf,
        /// What it needs, and what the limit is.
        reason: String,
    },
    /// The hub refuses, or breaks off.
    #[error("{url}: {reason}")]
    Hub {
        /// What was asked for.
        url: String,
        /// Its answer.
        reason: String,
    },
    /// A file is not the one that the manifest describes.
    #[error("{}: digest is {found}, expected {expected}", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// The digest that the manifest or the hub states.
        expected: String,
        /// The digest of the bytes found.
        found: String,
    },
}

impl Error {
    /// Puts the file's name before a system error.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// Puts what was being written before an error of the Parquet writer.
    pub(crate) fn parquet(what: &str) -> impl Fn(parquet::errors::ParquetError) -> Self {
        let path = PathBuf::from(what);
        move |error| Self::Image { path: path.clone(), reason: format!("as Parquet: {error}") }
    }

    /// What went wrong, without the name of the file in which it did.
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Io { source, .. } => source.to_string(),
            Self::Image { reason, .. } | Self::Limit { reason, .. } | Self::Hub { reason, .. } => reason,
            other => other.to_string(),
        }
    }

    pub(crate) fn missing(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Missing { what: what.into(), reason: reason.into() }
    }
}
