//! How samples enter a network.

use serde::{Deserialize, Serialize};

/// How samples enter a network, and what its outputs mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputMode {
    /// As published: samples scaled to a fixed range.
    #[serde(rename = "published")]
    Scaled,
    /// As published for bytes: every sample is two symbols of `0..=255`, the more significant byte
    /// first.
    #[serde(rename = "msb-first")]
    BytesMsb,
    /// The same, the less significant byte first.
    #[serde(rename = "lsb-first")]
    BytesLsb,
    /// In units of the tile's noise, compressed, with differences of neighbours; outputs relative
    /// to causal predictors.
    #[serde(rename = "robust")]
    NoiseNormalised,
}

impl InputMode {
    /// The word used in experiments and model cards.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scaled => "published",
            Self::BytesMsb => "msb-first",
            Self::BytesLsb => "lsb-first",
            Self::NoiseNormalised => "robust",
        }
    }
}
