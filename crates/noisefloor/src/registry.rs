//! All codecs of this build.

use nf_codec::Registry;

/// The codec that `compress` uses when none is asked for.
pub(crate) const DEFAULT_CODEC: &str = "floor";

/// Our own codec first, then the baselines.
pub(crate) fn registry() -> Registry {
    Registry::new([nf_floor::ENTRY].into_iter().chain(nf_classic::entries()))
}
