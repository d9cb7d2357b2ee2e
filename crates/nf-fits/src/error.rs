//! What can be wrong with a FITS or `.npy` file.

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and where in the file.
///
/// HDUs are numbered from 0 (the primary), as in `file.fits[1]`; tiles from 0 in the order of the
/// table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error("{what}: {source}")]
    Io {
        /// What was read or written.
        what: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Writing the output failed: a full disk, a closed pipe.
    #[error("writing failed")]
    Write {
        /// The system's reason.
        source: std::io::Error,
    },
    /// The bytes are not of the format that was asked for.
    #[error("not a {format} file: {reason}")]
    Format {
        /// FITS, gzip or npy.
        format: &'static str,
        /// What was found, and what was expected.
        reason: String,
    },
    /// The file is of the format that was asked for, but does not hold what can be read.
    #[error("this {format} file holds {found}")]
    Content {
        /// npy.
        format: &'static str,
        /// What it holds, and what was expected.
        found: String,
    },
    /// The file ends before what it announces.
    #[error("HDU {hdu}: {what} is cut short: {needed_bytes} bytes announced, {found_bytes} found")]
    Truncated {
        /// Number of the HDU.
        hdu: usize,
        /// Which part of it.
        what: &'static str,
        /// Bytes that the file announces.
        needed_bytes: u64,
        /// Bytes that are there.
        found_bytes: u64,
    },
    /// A header card is missing or makes no sense.
    #[error("HDU {hdu}: {keyword} {problem}")]
    Header {
        /// Number of the HDU.
        hdu: usize,
        /// The card's keyword.
        keyword: String,
        /// What is wrong with it, and what was expected.
        problem: String,
    },
    /// A compressed tile cannot be decoded.
    #[error("HDU {hdu}, tile {tile}: {problem}")]
    Tile {
        /// Number of the HDU.
        hdu: usize,
        /// Number of the tile.
        tile: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The sums of a compressed image are not those of its bytes.
    #[error("HDU {hdu}: {problem}")]
    Damaged {
        /// Number of the HDU.
        hdu: usize,
        /// Which sum is wrong.
        problem: String,
    },
    /// The image's values are not unsigned 16-bit samples.
    #[error("HDU {hdu} does not fit 16 bits: {problem}")]
    NotU16 {
        /// Number of the HDU.
        hdu: usize,
        /// Which values, and what was expected.
        problem: String,
    },
    /// The request makes no sense for this file.
    #[error("HDU {hdu}: {problem}")]
    Request {
        /// Number of the HDU.
        hdu: usize,
        /// What was asked, and what is possible.
        problem: String,
    },
    /// The file holds no image, or none of the name that was asked for.
    #[error("{problem}")]
    NoImage {
        /// What was asked, and what there is.
        problem: String,
    },
    /// Reading would need more than the caller allows.
    #[error("{what}: {needed}, the limit is {limit}")]
    Limit {
        /// Which resource.
        what: String,
        /// How much would be needed.
        needed: u64,
        /// How much is allowed.
        limit: u64,
    },
}

impl Error {
    /// Wraps the system's reason for failing to read or write `what`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Wraps the system's reason for failing to write the output.
    pub(crate) fn writing() -> impl FnOnce(std::io::Error) -> Self {
        |source| Self::Write { source }
    }

    pub(crate) fn header(hdu: usize, keyword: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Header { hdu, keyword: keyword.into(), problem: problem.into() }
    }

    /// What is wrong with a card, for a message that names the HDU itself.
    pub(crate) fn of_card(self) -> String {
        match self {
            Self::Header { keyword, problem, .. } => format!("{keyword} {problem}"),
            other => other.to_string(),
        }
    }

    /// What is wrong with an HDU, for a message that names the HDU itself.
    pub(crate) fn without_hdu(&self) -> String {
        let text = self.to_string();
        match text.strip_prefix("HDU ").and_then(|rest| rest.split_once(": ")) {
            Some((_, problem)) => problem.to_owned(),
            None => text,
        }
    }

    pub(crate) fn no_image(problem: impl Into<String>) -> Self {
        Self::NoImage { problem: problem.into() }
    }

    pub(crate) fn request(hdu: usize, problem: impl Into<String>) -> Self {
        Self::Request { hdu, problem: problem.into() }
    }
}
