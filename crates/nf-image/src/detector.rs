//! What is known of the chip that made a frame.

use std::ops::Range;

/// What the pixels of a region are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegionKind {
    /// Light-sensitive pixels.
    Active,
    /// Physical columns clocked out before the light-sensitive ones.
    Prescan,
    /// Virtual columns or rows clocked out after the light-sensitive ones.
    Overscan,
    /// Reference pixels of an infrared array, blind to light.
    Reference,
}

/// A rectangle of a plane that one amplifier read out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// What its pixels are.
    pub kind: RegionKind,
    /// Number of the amplifier, from zero.
    pub amplifier: usize,
    /// Rows, in the coordinates of the plane.
    pub rows: Range<usize>,
    /// Columns, in the coordinates of the plane.
    pub columns: Range<usize>,
    /// Whether the columns were read from the right to the left.
    pub reversed_columns: bool,
    /// Whether the rows were read from the top to the bottom.
    pub reversed_rows: bool,
}

/// A detector: its name and how it was read out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detector {
    /// Instrument and chip, as the file's header or the dataset's manifest names them.
    pub instrument: String,
    /// The regions of a plane, when they are known.
    pub regions: Vec<Region>,
}
