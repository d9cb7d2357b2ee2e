//! How hard the encoder tries.

/// How large a model the encoder fits, and to how many pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Taps of even and odd columns, multiples of four up to 64.
    pub taps: [usize; 2],
    /// Rows from which pixels are taken for the fit of the location.
    pub rows: usize,
    /// Pixels taken from a half row.
    pub span: usize,
    /// Pixels of either half taken for the fit of the scale; 0 for weights that suit most tiles.
    pub scale_px: usize,
    /// Pixels taken from a half row for that fit.
    pub scale_span: usize,
    /// Reweighted fits after the first one.
    pub rounds: usize,
}

impl Effort {
    /// For hundreds of megabytes a second.
    pub const SMALL: Self =
        Self { taps: [20, 20], rows: 32, span: 96, scale_px: 2048, scale_span: 256, rounds: 1 };
    /// For tens of megabytes a second.
    pub const LARGE: Self =
        Self { taps: [64, 64], rows: 160, span: 96, scale_px: 15_360, scale_span: 192, rounds: 2 };
    /// To find out whether rows or columns predict better.
    pub(super) const TRIAL: Self =
        Self { taps: [12, 12], rows: 24, span: 48, scale_px: 0, scale_span: 0, rounds: 0 };
}
