//! What can go wrong between symbols and bits.

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and with which input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end before the symbols do.
    #[error("{what} is cut short")]
    Truncated {
        /// Which stream.
        what: &'static str,
    },
    /// The bytes are not what the writer writes.
    #[error("{what} is corrupt: {reason}")]
    Corrupt {
        /// Which stream.
        what: &'static str,
        /// What was found, and what was expected.
        reason: String,
    },
    /// A symbol without an interval.
    #[error("symbol {symbol} is not in the alphabet of its distribution")]
    Symbol {
        /// The symbol offered.
        symbol: u32,
    },
    /// Numbers that are no distribution.
    #[error("invalid distribution: {reason}")]
    Distribution {
        /// What was given, and what was expected.
        reason: String,
    },
    /// A table index beyond the tables given.
    #[error("table index {index} is not below {tables}")]
    Table {
        /// The index offered.
        index: usize,
        /// How many tables there are.
        tables: usize,
    },
}

impl Error {
    pub(crate) fn corrupt(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Corrupt { what, reason: reason.into() }
    }

    pub(crate) fn distribution(reason: impl Into<String>) -> Self {
        Self::Distribution { reason: reason.into() }
    }
}
