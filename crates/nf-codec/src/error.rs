//! What can go wrong between an image and its bytes.

use nf_image::{Shape, TileBox};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and with which input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The spec string names no codec, or an option or value that the codec does not have.
    #[error("codec spec '{spec}': {reason}")]
    Spec {
        /// The string as given.
        spec: String,
        /// What is wrong with it, and what was expected.
        reason: String,
    },
    /// The bytes end before the image does.
    #[error("{what} is cut short")]
    Truncated {
        /// Which part of the input.
        what: String,
    },
    /// The bytes contradict themselves or their checksum.
    #[error("{what} is corrupt: {reason}")]
    Corrupt {
        /// Which part of the input.
        what: String,
        /// What was found, and what was expected.
        reason: String,
    },
    /// Reading or decoding would need more than the caller allows.
    #[error("{what} needs {needed} {unit}, the limit is {limit}")]
    Limit {
        /// Which input.
        what: String,
        /// How much would be needed.
        needed: u64,
        /// How much is allowed.
        limit: u64,
        /// Of what: pixels, or bytes of memory.
        unit: &'static str,
    },
    /// Something is larger than a format can state, whatever the caller allows.
    #[error("{what} needs {needed} bytes, the format takes at most {most}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size.
        needed: u64,
        /// The largest size that can be written.
        most: u64,
    },
    /// Pixels were asked for that the stack does not have.
    #[error("the region ({region}) reaches beyond the stack of {shape}")]
    Region {
        /// The pixels asked for.
        region: TileBox,
        /// The stack's extent.
        shape: Shape,
    },
    /// The input is something else than a container.
    #[error("this is not a noisefloor container")]
    NotAContainer,
    /// The codec cannot take an image of this kind.
    #[error("{codec} cannot code a stack of {shape}: {reason}")]
    Unsupported {
        /// The codec's name.
        codec: String,
        /// The stack offered.
        shape: Shape,
        /// Why not.
        reason: String,
    },
    /// The bytes need another program, model, build or device than the present one.
    #[error("{what} needs {needed}, this is {present}")]
    Mismatch {
        /// Which input.
        what: String,
        /// What it needs.
        needed: String,
        /// What is at hand.
        present: String,
    },
    /// A library or a program behind the codec reported a failure.
    #[error("{codec}: {reason}")]
    Backend {
        /// The codec's name.
        codec: String,
        /// What the library said.
        reason: String,
    },
    /// Reading or writing failed.
    #[error("{what}: {source}")]
    Io {
        /// What was read or written.
        what: String,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Error {
    /// The bytes of `what` end too early.
    pub fn truncated(what: impl Into<String>) -> Self {
        Self::Truncated { what: what.into() }
    }

    /// The bytes of `what` are wrong, because of `reason`.
    pub fn corrupt(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into(), reason: reason.into() }
    }

    /// Whether `region` lies inside a stack of `shape`.
    ///
    /// # Errors
    /// [`Error::Region`] if it does not.
    pub fn check_region(region: &TileBox, shape: Shape) -> Result<()> {
        match region.fits(shape) {
            true => Ok(()),
            false => Err(Self::Region { region: region.clone(), shape }),
        }
    }

    /// The library behind `codec` failed with `reason`.
    pub fn backend(codec: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Backend { codec: codec.into(), reason: reason.into() }
    }
}
