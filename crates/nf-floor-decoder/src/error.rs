//! What is wrong with a stream.

use std::fmt;

/// The first violation of the format that the decoder met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    message: &'static str,
}

impl Error {
    /// An error with its description.
    pub(crate) const fn new(message: &'static str) -> Self {
        Self { message }
    }

    /// `Ok` if `holds`, else an error with this description.
    pub(crate) fn unless(holds: bool, message: &'static str) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::new(message)) }
    }

    /// The description of the violation, in English.
    #[must_use]
    pub fn message(&self) -> &'static str {
        self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message)
    }
}

impl std::error::Error for Error {}
