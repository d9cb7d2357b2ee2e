//! How many pixels there are, and what the next plane means.

use std::fmt;
use std::str::FromStr;

/// Extent of a stack in pixels: planes, then rows, then columns.
///
/// Any of the three may be zero; such a stack has no pixels and is still a valid stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of planes; a single frame has one.
    pub planes: usize,
    /// Rows of a plane.
    pub height: usize,
    /// Columns of a plane.
    pub width: usize,
}

impl Shape {
    /// A stack of `planes` planes of `height` x `width` pixels.
    pub const fn new(planes: usize, height: usize, width: usize) -> Self {
        Self { planes, height, width }
    }

    /// One frame of `height` x `width` pixels.
    pub const fn frame(height: usize, width: usize) -> Self {
        Self::new(1, height, width)
    }

    /// Pixels of the whole stack, or `None` if that number does not fit a `usize`.
    pub fn checked_pixels(&self) -> Option<usize> {
        self.planes.checked_mul(self.height)?.checked_mul(self.width)
    }

    /// Pixels of the whole stack.
    ///
    /// # Panics
    /// If the number does not fit a `usize`; shapes from outside go through
    /// [`Shape::checked_pixels`].
    pub fn pixels(&self) -> usize {
        self.checked_pixels().expect("the shape of an image in memory fits the address space")
    }

    /// Pixels of one plane.
    pub fn plane_pixels(&self) -> usize {
        self.height * self.width
    }

    /// Bytes of the raw samples: two for every pixel.
    pub fn raw_bytes(&self) -> usize {
        self.pixels() * 2
    }
}

impl fmt::Display for Shape {
    /// `planes x height x width`, the first left out when it is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.planes != 1 {
            write!(f, "{}x", self.planes)?;
        }
        write!(f, "{}x{}", self.height, self.width)
    }
}

/// What the step from one plane of a stack to the next means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PlaneAxis {
    /// Planes have no stated relation, or there is only one.
    #[default]
    None,
    /// Successive exposures of one field.
    Time,
    /// Bands or wavelengths of one field.
    Wavelength,
    /// Read-out groups of one up-the-ramp exposure.
    Group,
}

impl PlaneAxis {
    /// Every axis, in the order of the container's codes.
    pub const ALL: [PlaneAxis; 4] = [Self::None, Self::Time, Self::Wavelength, Self::Group];

    /// The word used in manifests, tables and the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Time => "time",
            Self::Wavelength => "wavelength",
            Self::Group => "group",
        }
    }
}

impl fmt::Display for PlaneAxis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PlaneAxis {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|axis| axis.name() == word)
            .ok_or_else(|| format!("unknown plane axis '{word}', expected none, time, wavelength or group"))
    }
}
