//! What photon transfer tells of the amplifiers of a detector, and its defective pixels.

use crate::Area;

/// An amplifier of an image. What its frames do not tell is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Amplifier {
    /// The image of a file that it read out.
    pub image: String,
    /// Its number among those of the image, from zero.
    pub number: u16,
    /// The pixels of the detector that see light and that it read.
    pub area: Area,
    /// Electrons per DN.
    pub gain_electrons_per_dn: Option<f32>,
    /// The level of a pixel without light and without dark charge, in DN, and the standard
    /// deviation of its noise.
    pub dark: Option<Dark>,
}

/// A pixel that has seen no light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dark {
    /// Its level, DN.
    pub offset_dn: f32,
    /// Standard deviation of its noise without that of rounding, DN.
    pub read_noise_dn: f32,
}

impl Amplifier {
    /// The read noise in electrons.
    pub fn read_noise_electrons(&self) -> Option<f32> {
        Some(self.gain_electrons_per_dn? * self.dark?.read_noise_dn)
    }
}

/// What is wrong with a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DefectKind {
    /// It has far more dark charge than its neighbours.
    Hot = 0,
    /// It makes less than half of the light that its neighbours make.
    Dead = 1,
}

impl DefectKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Hot, Self::Dead];

    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Dead => "dead",
        }
    }
}

/// The pixels of an image that have one defect.
#[derive(Clone, Debug, PartialEq)]
pub struct Defects {
    /// What is wrong with them.
    pub kind: DefectKind,
    /// The image of a file that they belong to.
    pub image: String,
    /// The pixels that were looked at.
    pub area: Area,
    /// The defective ones, counted in `area` row by row, in ascending order.
    pub pixels: Vec<u32>,
}

impl Defects {
    /// Row and column of the detector of every pixel.
    pub fn places(&self) -> impl Iterator<Item = [usize; 2]> + '_ {
        let Area { row, column, width, .. } = self.area;
        let width = width.max(1);
        self.pixels.iter().map(move |&pixel| [row + pixel as usize / width, column + pixel as usize % width])
    }
}
