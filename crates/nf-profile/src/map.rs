//! A number for every pixel of a detector.

use crate::Pixels;
use nf_image::{Image16, Shape};
use std::ops::Range;

/// Maps count in units of `1 / UNITS_PER_DN` DN.
pub const UNITS_PER_DN: i32 = 256;

/// What a map says of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MapKind {
    /// The additive pattern: the mean of the pixel over frames of one kind, in DN.
    Offset = 0,
    /// The response: what the pixel makes of the same light as its neighbours, less one; the map's
    /// DN are 1/4096 of it.
    Response = 1,
}

impl MapKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Offset, Self::Response];

    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offset => "offset",
            Self::Response => "response",
        }
    }
}

/// A number for every pixel, in coordinates of the detector.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// What it says of a pixel.
    pub kind: MapKind,
    /// The image of a file that it belongs to, such as one amplifier of several.
    pub image: String,
    /// The kind of exposures that it was made from.
    pub exposures: String,
    /// The plane of a stack that it belongs to: the read of a ramp.
    pub read: u16,
    /// Row of the detector where its first pixel lies.
    pub row: usize,
    /// Column of the detector where its first pixel lies.
    pub column: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// How many frames it is the mean of.
    pub frames: u32,
    /// Standard deviation of its numbers, in DN.
    pub noise_dn: f32,
    /// The number that a sample of zero stands for, in DN.
    pub base_dn: i32,
    /// Samples count in `2^-fraction_bits` DN; at most 8.
    pub fraction_bits: u8,
    /// Its samples, a frame of `height` x `width`.
    pub pixels: Pixels,
}

impl Map {
    /// Samples for these numbers (in DN), as finely as 16 bits and the map's noise allow; numbers
    /// far from the median are moved nearer.
    pub(crate) fn set_values(&mut self, values: &[f32]) {
        let mut sorted: Vec<f32> = values.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let quantile =
            |share: f64| sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(0.0);
        // Steps of an eighth of the noise; coarser where the range of nearly all pixels needs it.
        let noise_dn = self.noise_dn.clamp(1.0 / 16.0, 4096.0);
        let range_dn = quantile(0.999) - quantile(0.001) + 64.0 * noise_dn;
        let fine = |bits: u8| {
            let units_per_dn = f32::from(1u16 << bits);
            2.0 * range_dn * units_per_dn < 65_536.0 && units_per_dn < 16.0 / noise_dn
        };
        self.fraction_bits = (1..=8).rev().find(|&bits| fine(bits)).unwrap_or(0);
        let units_per_dn = f64::from(1u32 << self.fraction_bits);
        let base = f64::from(quantile(0.5)) - 32_768.0 / units_per_dn;
        self.base_dn = base.floor().clamp(-65_536.0, 65_535.0) as i32;
        let base = f64::from(self.base_dn);
        let sample =
            |value: &f32| ((f64::from(*value) - base) * units_per_dn).round().clamp(0.0, 65_535.0) as u16;
        let samples: Vec<u16> = values.iter().map(sample).collect();
        let shape = Shape::frame(self.height, self.width);
        self.pixels = Image16::new(shape, samples).unwrap_or_else(|_| Image16::zeros(shape)).into();
    }

    fn units(&self, sample: u16) -> i32 {
        self.base_dn * UNITS_PER_DN + (i32::from(sample) << (8 - self.fraction_bits))
    }

    /// The numbers of all pixels, in DN, row by row; none if the map is damaged.
    pub(crate) fn dn(&self) -> Option<Vec<f32>> {
        let samples = self.pixels.image().ok()?.samples();
        Some(samples.iter().map(|&sample| self.units(sample) as f32 / UNITS_PER_DN as f32).collect())
    }

    /// Its samples as an image, for pictures.
    pub fn picture(&self) -> Option<Image16> {
        self.pixels.image().ok().cloned()
    }

    /// The numbers of a box of the detector, row by row, in units of 1 / [`UNITS_PER_DN`] DN; none
    /// if the map has not all of these pixels, or is damaged.
    pub fn crop(&self, rows: &Range<usize>, columns: &Range<usize>) -> Option<Vec<i32>> {
        let within = |range: &Range<usize>, start: usize, length: usize| {
            let inside = range.start.checked_sub(start)?..range.end.checked_sub(start)?;
            (inside.end <= length).then_some(inside)
        };
        let rows = within(rows, self.row, self.height)?;
        let columns = within(columns, self.column, self.width)?;
        let image = self.pixels.image().ok()?;
        let mut numbers = Vec::with_capacity(rows.len() * columns.len());
        for row in rows {
            let samples = &image.samples()[row * self.width..][columns.clone()];
            numbers.extend(samples.iter().map(|&sample| self.units(sample)));
        }
        Some(numbers)
    }
}
