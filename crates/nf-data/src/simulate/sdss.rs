//! Sloan Digital Sky Survey, Stripe 82: a cube of bands and epochs resampled onto one grid.
//!
//! The benchmark's cubes are 800 x 800 cuts of corrected (`fpC`) frames, resampled by nearest
//! neighbour, zero where no frame covers them (cube maker of the AstroCompress authors,
//! `sources/SDSS/make_sdss_cubes.py`). A corrected frame has a soft bias of 1000 DN; gains of a few
//! e-/DN and dark variances of 1 to 10 DN^2: SDSS photometric camera (Gunn et al. 1998) and DR7
//! field tables. Seeing 1.2 to 1.5 arcsec on pixels of 0.396 arcsec.
//!
//! Resampling repeats and drops pixels along seams. A repeated pixel is worth nothing to who knows
//! the grid, so the oracle counts every source pixel once.

use super::adc::Adc;
use super::camera::{Camera, Segment};
use super::defects::CosmicRays;
use super::frame::{Amplifier, FrameModel};
use super::scene::{Psf, Sources};
use crate::random::Pcg64;
use nf_image::{Image16, PlaneAxis, RegionKind, Shape};
use serde::Deserialize;

/// What a cube of Stripe 82 is like; every field has a default.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Sdss {
    /// Side of the cube's planes, pixels; the benchmark's is 800.
    pub side_px: usize,
    /// Bands, of `u`, `g`, `r`, `i`, `z`; the fastest axis of the planes.
    pub bands: Vec<Band>,
    /// Epochs; the slower axis.
    pub epochs: usize,
    /// Stars per million pixels.
    pub stars_per_mpx: f64,
    /// Galaxies per million pixels.
    pub galaxies_per_mpx: f64,
    /// Share of the plane, at its edge, that no frame covers, from none to this in every plane.
    pub uncovered: f64,
}

/// A band of the survey.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the bands' own names")]
pub enum Band {
    U,
    G,
    R,
    I,
    Z,
}

impl Default for Sdss {
    fn default() -> Self {
        Self {
            side_px: 800,
            bands: vec![Band::U, Band::G, Band::R, Band::I, Band::Z],
            epochs: 1,
            stars_per_mpx: 400.0,
            galaxies_per_mpx: 1500.0,
            uncovered: 0.05,
        }
    }
}

const GEOMETRY: u32 = 0x110;
const SOFT_BIAS_DN: f64 = 1000.0;

impl Band {
    /// Gain (e-/DN), dark noise (e-), sky (e-), brightness of sources relative to r.
    fn numbers(self) -> (f64, f64, f64, f64) {
        match self {
            Self::U => (1.6, 4.9, 65.0, 0.15),
            Self::G => (3.8, 5.3, 350.0, 0.6),
            Self::R => (4.7, 5.6, 640.0, 1.0),
            Self::I => (4.9, 6.5, 950.0, 1.1),
            Self::Z => (4.7, 6.0, 750.0, 0.6),
        }
    }
}

/// A plane of the cube: a frame and the place in it that every pixel was taken from.
struct Resampled {
    model: FrameModel,
    /// Index of the frame's pixel, or `NOTHING`.
    sources: Vec<u32>,
}

const NOTHING: u32 = u32::MAX;

impl Resampled {
    fn take(&self, frame: &Image16) -> Vec<u16> {
        let taken = |&source: &u32| if source == NOTHING { 0 } else { frame.samples()[source as usize] };
        self.sources.iter().map(taken).collect()
    }

    fn oracle_bits(&self, frame: &Image16) -> f64 {
        let mut used = vec![false; frame.shape().pixels()];
        self.sources.iter().filter(|&&source| source != NOTHING).for_each(|&s| used[s as usize] = true);
        self.model.oracle_bits_of(frame, Some(&used))
    }
}

impl Sdss {
    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=2048).contains(&self.side_px) {
            return Err("side_px must be 1 to 2048".into());
        }
        if self.bands.is_empty() || self.bands.len() > 5 || !(1..=90).contains(&self.epochs) {
            return Err("bands must be 1 to 5 and epochs 1 to 90".into());
        }
        if !(0.0..=0.5).contains(&self.uncovered) {
            return Err("uncovered must be 0 to 0.5".into());
        }
        Ok(())
    }

    fn axis(&self) -> PlaneAxis {
        match (self.bands.len(), self.epochs) {
            (_, 1) => PlaneAxis::Wavelength,
            (1, _) => PlaneAxis::Time,
            _ => PlaneAxis::None,
        }
    }

    /// Models of every plane, epoch by epoch and in each band by band, and what their layers cost.
    pub(super) fn model(&self, seed: u32) -> (Cube, f64) {
        let mut planes = vec![];
        let mut bits = 0.0;
        for epoch in 0..self.epochs as u32 {
            for (number, band) in self.bands.iter().enumerate() {
                let mut generator = Pcg64::from_words(&[seed, GEOMETRY, epoch, number as u32]);
                // Frames are a little larger than the cut, turned and shifted against it.
                let margin = self.side_px / 40 + 4;
                let side = self.side_px + 2 * margin;
                let camera = camera(self, *band, side, generator.uniform());
                // All planes show the same field, so the scene has the cube's seed; noise has the
                // plane's.
                let (model, cost) = camera.model(number as u32 + 1, seed, None);
                let sources = grid(self.side_px, side, margin, self.uncovered, &mut generator);
                // Every plane describes its own view of the field: more than a joint description
                // needs.
                bits += cost;
                planes.push(Resampled { model, sources });
            }
        }
        (Cube { planes, side_px: self.side_px, axis: self.axis() }, bits)
    }
}

/// The planes of a cube.
pub(super) struct Cube {
    planes: Vec<Resampled>,
    side_px: usize,
    axis: PlaneAxis,
}

impl Cube {
    fn frames(&self, words: &[u32]) -> impl Iterator<Item = (&Resampled, Image16)> {
        (0u32..).zip(&self.planes).map(move |(i, plane)| (plane, plane.model.draw(&[words, &[i]].concat())))
    }

    pub(super) fn draw(&self, words: &[u32]) -> Image16 {
        let samples = self.frames(words).flat_map(|(plane, frame)| plane.take(&frame)).collect();
        Image16::new(Shape::new(self.planes.len(), self.side_px, self.side_px), samples)
            .expect("every plane has the cube's side")
            .with_axis(self.axis)
    }

    /// Bits of the cube that `words` stand for; the frames behind it are drawn again, because the
    /// cube does not hold all their pixels.
    pub(super) fn oracle_bits(&self, words: &[u32]) -> f64 {
        self.frames(words).map(|(plane, frame)| plane.oracle_bits(&frame)).sum()
    }
}

/// The frame of one band under the seeing that `luck` in 0..1 stands for.
fn camera(sdss: &Sdss, band: Band, side: usize, luck: f64) -> Camera {
    let (gain_e_per_dn, read_noise_e, sky_e, brightness) = band.numbers();
    Camera {
        height: side,
        width: side,
        active: (0..side, 0..side),
        right_of_active: RegionKind::Overscan,
        segments: vec![Segment {
            first_column: 0,
            number: 0,
            amplifier: Amplifier { gain_e_per_dn, read_noise_e },
            level_dn: SOFT_BIAS_DN,
        }],
        adc: Adc::ideal(16),
        sky_e: sky_e * (0.8 + 0.4 * luck),
        sky_slope: (0.01, 0.0),
        vignetting: 0.0,
        // Corrected frames are flat-fielded: the response is divided out, its noise is not.
        response_rms: 0.0,
        psf: Psf::Moffat { fwhm_px: 3.0 + 0.8 * luck, beta: 3.0 },
        sources: Sources {
            stars_per_mpx: sdss.stars_per_mpx,
            star_flux_e: [300.0 * brightness, 1e7 * brightness],
            galaxies_per_mpx: sdss.galaxies_per_mpx,
            galaxy_flux_e: [300.0 * brightness, 1e6 * brightness],
        },
        full_well_e: 300_000.0,
        hot: (0.0, 1.0, 1.0),
        cosmic_rays: Some(CosmicRays {
            tracks_per_mpx: 20.0,
            length_px: 3.0,
            charge_e: 900.0,
            wander_rad: 0.05,
        }),
        drift_dn: 0.0,
        trail: None,
    }
}

/// Where a turned and shifted frame is looked up for every pixel of the cut: nearest neighbour.
fn grid(side: usize, frame: usize, margin: usize, uncovered: f64, generator: &mut Pcg64) -> Vec<u32> {
    let turn = 0.01 * (generator.uniform() - 0.5);
    let (shift_y, shift_x) = (margin as f64 + generator.uniform(), margin as f64 + generator.uniform());
    let missing = (uncovered * generator.uniform() * side as f64) as usize;
    let mut sources = Vec::with_capacity(side * side);
    for row in 0..side {
        for column in 0..side {
            let (y, x) = (row as f64, column as f64);
            let source_y = (y + turn * x + shift_y).round().clamp(0.0, frame as f64 - 1.0) as usize;
            let source_x = (x - turn * y + shift_x).round().clamp(0.0, frame as f64 - 1.0) as usize;
            let covered = column + missing < side;
            sources.push(if covered { (source_y * frame + source_x) as u32 } else { NOTHING });
        }
    }
    sources
}
