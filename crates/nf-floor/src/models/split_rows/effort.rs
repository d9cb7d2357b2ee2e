//! How hard the encoder tries.

/// How large a model the encoder fits, and to how many pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Taps of even and odd columns, multiples of four up to 64.
    pub taps: [usize; 2],
    /// Patches of the tile to which the location is fitted.
    pub patches: usize,
    /// Patches to which the scale is fitted; 0 for weights that suit most tiles.
    pub scale_patches: usize,
    /// Rows of a patch.
    pub rows: usize,
    /// Pixels of a half row of a patch.
    pub span: usize,
    /// Reweighted fits after the first one.
    pub rounds: usize,
    /// The fits before the last one take every so manieth block of pixels.
    pub early_stride: usize,
}

impl Effort {
    /// For hundreds of megabytes a second.
    pub const SMALL: Self =
        Self { taps: [20, 20], patches: 8, scale_patches: 10, rows: 4, span: 96, rounds: 1, early_stride: 2 };
    /// For tens of megabytes a second.
    pub const LARGE: Self = Self {
        taps: [64, 64],
        patches: 48,
        scale_patches: 24,
        rows: 4,
        span: 96,
        rounds: 2,
        early_stride: 4,
    };
    /// To find out whether rows or columns predict better.
    pub(super) const TRIAL: Self =
        Self { taps: [12, 12], patches: 6, scale_patches: 0, rows: 4, span: 48, rounds: 0, early_stride: 1 };
}
