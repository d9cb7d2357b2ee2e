//! What fetches the bytes of files.

use super::environment::PROCESS;

/// What fetches the bytes of files. Lists and digests come from the hub's public calls in any case,
/// and what came is compared with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Plain requests of this crate.
    #[default]
    Own,
    /// The crate `hf-hub`, which asks the hub's store of chunks (Xet) for files that are kept
    /// there.
    #[cfg(feature = "hf-hub")]
    HfHub,
}

/// The variable that names the transport: `own` or `hf-hub`.
const TRANSPORT_VARIABLE: &str = "NOISEFLOOR_TRANSPORT";

impl Transport {
    /// The one that `NOISEFLOOR_TRANSPORT` names, [`Transport::Own`] without.
    pub fn from_environment() -> Self {
        let text = PROCESS.text(TRANSPORT_VARIABLE).unwrap_or_default();
        match text.as_str() {
            "" | "own" => Self::Own,
            #[cfg(feature = "hf-hub")]
            "hf-hub" => Self::HfHub,
            #[cfg(not(feature = "hf-hub"))]
            "hf-hub" => {
                tracing::warn!(
                    "{TRANSPORT_VARIABLE} is 'hf-hub', which needs a program built with the feature hf-hub; our own is used"
                );
                Self::Own
            }
            other => {
                tracing::warn!("{TRANSPORT_VARIABLE} is '{other}', expected own or hf-hub; own is used");
                Self::Own
            }
        }
    }
}
