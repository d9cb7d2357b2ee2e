//! What the encoder codes.

/// What is coded: rows of samples in the direction that was chosen.
#[derive(Clone, Copy)]
pub(super) struct Image<'a> {
    pub(super) samples: &'a [u16],
    /// What the lattices of a dithered tile add to its samples; empty for others.
    pub(super) shifts: &'a [f32],
    pub(super) width: usize,
    /// What stands above the first row.
    pub(super) initial: u16,
}

impl Image<'_> {
    /// Whether its samples are indices of a dithered quantiser.
    pub(super) fn is_dithered(&self) -> bool {
        !self.shifts.is_empty()
    }
}
