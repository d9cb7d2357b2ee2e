//! What can go wrong between an array and its bounded form.

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no bound.
    #[error("'{text}' is no bound: {reason}")]
    Text {
        /// The text as given.
        text: String,
        /// What was expected.
        reason: &'static str,
    },
    /// The bound means nothing for this array.
    #[error("a bound of {bound} cannot be used: {reason}")]
    Refused {
        /// The bound as asked for.
        bound: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The noise of the array is not known.
    #[error("the noise is not known: {0}")]
    Noise(String),
    /// The number of samples is not what the axes say, or the axes are none of ours.
    #[error("axes {axes:?} with {samples} samples: {reason}")]
    Shape {
        /// The axes as given.
        axes: Vec<usize>,
        /// The number of samples given.
        samples: usize,
        /// What was expected.
        reason: &'static str,
    },
    /// A sample came back outside of its tolerance; nothing was written.
    #[error(
        "sample {place} came back as {found} for {expected}, outside of the bound; please report this file"
    )]
    Violated {
        /// Its place in the array, counted from 0.
        place: usize,
        /// The original.
        expected: f64,
        /// What was decoded.
        found: f64,
    },
    /// The input is something else than a bounded container.
    #[error("this is not a bounded noisefloor container")]
    NotBounded,
    /// The codec, the container of the indices, damage, or a limit.
    #[error(transparent)]
    Codec(#[from] nf_codec::Error),
}

impl Error {
    pub(crate) fn corrupt(what: &str, reason: impl Into<String>) -> Self {
        Self::Codec(nf_codec::Error::corrupt(what, reason))
    }
}
