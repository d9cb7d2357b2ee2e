//! How the payload of a tile is to be read.

use nf_codec::{Error, Result};

/// The first byte of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Two bytes per sample, low byte first.
    Raw = 0,
    /// One sample (two bytes, low byte first) that all pixels share.
    Constant = 1,
    /// [`split_rows`](crate::models::split_rows): levels `fast` and `default`.
    SplitRows = 2,
    /// [`wavefront`](crate::models::wavefront): level `high`, and small tiles from `default` on.
    Wavefront = 3,
    /// [`mixing`](crate::models::mixing): level `max`.
    Mixing = 4,
    /// A tile of a mode above whose samples are 32768 more, modulo 2^16.
    Offset = 5,
    // 6 is reserved: no release has written it.
    /// A tile of a mode above of the differences from a weighted sum of reference planes.
    Difference = 7,
    /// [`mixing`](crate::models::mixing) with reference planes.
    MixingWithReferences = 8,
    /// A tile of a mode above of the differences from a weighted sum of maps of a detector profile
    /// and of reference planes.
    DifferenceFromProfile = 9,
    /// [`mixing`](crate::models::mixing) with maps of a profile, and perhaps reference planes.
    MixingWithProfile = 10,
    /// [`split_rows`](crate::models::split_rows) of indices of a dithered quantiser.
    DitheredSplitRows = 11,
    /// [`wavefront`](crate::models::wavefront) of such indices.
    DitheredWavefront = 12,
    /// [`mixing`](crate::models::mixing) of such indices.
    DitheredMixing = 13,
    /// [`wavefront`](crate::models::wavefront) of what maps of a profile and reference planes
    /// leave, by a model that has seen a start of the profile.
    WarmWavefront = 14,
    /// The same with biases of nodes for every position of the lattice: what this program writes.
    DitheredMixingByPosition = 15,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 15] = [
        Self::Raw,
        Self::Constant,
        Self::SplitRows,
        Self::Wavefront,
        Self::Mixing,
        Self::Offset,
        Self::Difference,
        Self::MixingWithReferences,
        Self::DifferenceFromProfile,
        Self::MixingWithProfile,
        Self::DitheredSplitRows,
        Self::DitheredWavefront,
        Self::DitheredMixing,
        Self::WarmWavefront,
        Self::DitheredMixingByPosition,
    ];

    /// Whether its tiles need a detector profile.
    pub const fn needs_profile(self) -> bool {
        matches!(self, Self::DifferenceFromProfile | Self::MixingWithProfile | Self::WarmWavefront)
    }

    /// Whether its tiles need the dither of their stream.
    pub const fn needs_dither(self) -> bool {
        matches!(
            self,
            Self::DitheredSplitRows
                | Self::DitheredWavefront
                | Self::DitheredMixing
                | Self::DitheredMixingByPosition
        )
    }

    /// Every mode that needs no detector profile.
    pub fn without_profile() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|mode| !mode.needs_profile())
    }

    /// The mode of a tile and its payload; `what` names the tile in errors.
    ///
    /// # Errors
    /// If the mode is unknown, or there is no byte.
    pub(super) fn split<'a>(what: &str, bytes: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let (&byte, payload) = bytes.split_first().ok_or_else(|| Error::truncated(what))?;
        let mode = Self::ALL.into_iter().find(|mode| *mode as u8 == byte);
        let mode = mode
            .ok_or_else(|| Error::corrupt(what, format!("tile mode {byte}, expected 0 to 5 or 7 to 15")))?;
        Ok((mode, payload))
    }

    /// The bytes of a tile of this mode.
    pub(super) fn with_payload(self, payload: &[u8]) -> Vec<u8> {
        [&[self as u8], payload].concat()
    }
}
