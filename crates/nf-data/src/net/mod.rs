//! Asking other machines for files, without trusting what they answer.
//!
//! - [`Patience`]: how long to wait, how slow is too slow, how often to ask again.
//! - [`Client`]: one request, its redirects followed; [`Client::patiently`]: the same until asking
//!   again would not change the answer.
//! - [`Body`]: what is sent, given up where it stops or trickles, and never longer than was agreed.
//! - [`download`]: a file, resumed where an earlier attempt or run ended.
//! - [`Address`]: addresses, and which of them belong to one origin.

mod address;
mod body;
mod client;
pub(crate) mod download;
mod failure;

use std::time::Duration;

pub(crate) use address::{Address, escaped, escaped_part};
pub(crate) use body::Body;
#[cfg(feature = "hf-hub")]
pub(crate) use body::Pace;
pub(crate) use client::{Answer, Client, Request, Token};
pub(crate) use failure::{Again, Failure, Refusal};

/// How patient to be with another machine.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Attempts for every request, the first included. Where nobody answers, or an answer stops or
    /// trickles, there are at most three.
    pub attempts: u32,
    /// Pause before the second attempt; doubles with every further one, up to a minute.
    pub pause: Duration,
    /// How long nothing may come before the attempt is given up.
    pub silence: Duration,
    /// Slower than this, bytes per second, is given up as well; zero allows any speed.
    pub least_bytes_per_s: u64,
    /// Time over which the speed is measured.
    pub speed_window: Duration,
}

/// The variable with which the hub's own clients state after how many seconds of silence they give
/// up.
const TIMEOUT_VARIABLE: &str = "HF_HUB_DOWNLOAD_TIMEOUT";

impl Default for Patience {
    /// Six attempts, a second's pause, half a minute of silence, and 1 kB per second over half a
    /// minute.
    fn default() -> Self {
        Self {
            attempts: 6,
            pause: Duration::from_secs(1),
            silence: Duration::from_secs(30),
            least_bytes_per_s: 1000,
            speed_window: Duration::from_secs(30),
        }
    }
}

impl Patience {
    /// The default, with the silence that `HF_HUB_DOWNLOAD_TIMEOUT` states, in seconds, if it does.
    pub fn from_environment() -> Self {
        let mut patience = Self::default();
        let stated = std::env::var(TIMEOUT_VARIABLE).ok().filter(|text| !text.is_empty());
        if let Some(text) = stated {
            match text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
                Some(silence) if !silence.is_zero() => {
                    (patience.silence, patience.speed_window) = (silence, silence);
                }
                _ => tracing::warn!("{TIMEOUT_VARIABLE} is '{text}', expected seconds; 30 are taken"),
            }
        }
        patience
    }
}
