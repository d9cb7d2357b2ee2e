//! Why an attempt failed, and whether another one may do better.

use super::address::Origin;
use crate::Error;
use std::time::Duration;

/// An attempt that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) again: Again,
    /// The server's refusal, where that is why.
    pub(crate) refusal: Option<Box<Refusal>>,
}

/// A status that refuses what was asked for (400 to 499).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// Who refuses: after a redirect not who was asked.
    pub(crate) origin: Origin,
    /// The header `X-Error-Code`, with which the hub says what is wrong.
    pub(crate) code: Option<String>,
}

/// Whether to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// The answer would be the same.
    Never,
    /// After a pause: the one that the server asks for, or the usual one.
    Later(Option<Duration>),
    /// A few times only: nobody answers, or what comes stops or trickles, and every attempt takes
    /// long.
    Few,
}

impl Failure {
    pub(crate) fn new(error: Error, again: Again) -> Self {
        Self { error, again, refusal: None }
    }

    /// An answer that asking again would not change.
    pub(crate) fn refused(url: &str, reason: impl Into<String>) -> Self {
        Self::new(Error::Hub { url: url.to_owned(), reason: reason.into() }, Again::Never)
    }

    /// A connection that was lost, or a server that is not well.
    pub(crate) fn lost(url: &str, reason: impl Into<String>) -> Self {
        Self { again: Again::Later(None), ..Self::refused(url, reason) }
    }

    /// A server that says nothing any more.
    pub(crate) fn silent(url: &str) -> Self {
        Self { again: Again::Few, ..Self::refused(url, "the server has fallen silent") }
    }

    /// What the library says of a request that failed.
    pub(crate) fn of(url: &str, error: ureq::Error) -> Self {
        match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Self::refused(url, error.to_string()),
            ureq::Error::LargeResponseHeader(..) => Self::refused(url, error.to_string()),
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                Self::nobody(url, &error)
            }
            ureq::Error::Timeout(_) => Self::silent(url),
            error if is_unreachable(&error) => Self::nobody(url, &error),
            error => Self::lost(url, error.to_string()),
        }
    }

    /// Nobody is there: an [`Error::Missing`], so that whoever can do without these data goes on.
    pub(crate) fn nobody(url: &str, error: &dyn std::fmt::Display) -> Self {
        let hint = "without a network, HF_HUB_OFFLINE=1 works with what is here";
        Self::new(Error::missing(url, format!("{error}; {hint}")), Again::Few)
    }
}

/// What needs no second attempt: a disk that cannot be written, a file that is not to be had.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error, Again::Never)
    }
}

/// Whether there is nobody to talk to (no such host, no route, no listener), and not a connection
/// that was lost.
fn is_unreachable(error: &ureq::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let lost = [BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof];
    match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => true,
        ureq::Error::Io(error) => !lost.contains(&error.kind()),
        _ => false,
    }
}
