//! Points that belong together, and how they are drawn.

/// How the points of a series are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Dots.
    Dots,
    /// A line.
    Line,
    /// A line and dots on it.
    LineAndDots,
    /// Bars from zero, as wide as the points are apart.
    Bars,
}

/// Points that belong together.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Its name in the legend and in the CSV file; without one it is not in the legend.
    pub(crate) name: String,
    /// Number of its colour.
    pub(crate) tone: usize,
    /// How it is drawn.
    pub(crate) mark: Mark,
    /// Its points.
    pub(crate) points: Vec<Point>,
}

/// One point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Written beside it, if there is room.
    pub(crate) label: String,
    /// Told to who points at it.
    pub(crate) hover: String,
    /// Ends of a vertical error bar.
    pub(crate) error: Option<[f64; 2]>,
}

/// Width and height of a drawing.
pub(super) const SIZE_PX: (u32, u32) = (760, 460);
