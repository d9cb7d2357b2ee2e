//! Las Cumbres Observatory, 0.4 m telescopes: 3136 x 2112 with overscan, one amplifier.
//!
//! Array shape: AstroCompress project page (`GBI-16-2D-Legacy`, telescope LCO). Pixels of 0.58 arcsec (binned) under 2
//! arcsec of seeing, read noise about 14 e-, gain about 1.6 e-/DN: LCO instrument pages for the SBIG 6303
//! cameras; the gain is a typical value, files differ.

use super::camera::{AdcKind, Camera, Window};
use super::defects::CosmicRays;
use super::frame::Amplifier;
use super::scene::{Psf, Sources};
use serde::Deserialize;

/// What an exposure of a 0.4 m telescope is like; every field has a default.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Lco {
    /// Number of the detector: fixes its response and its warm pixels.
    pub detector: u32,
    /// Sky, electrons.
    pub sky_e: f64,
    /// Exposure time, seconds: fixes the number of cosmic rays.
    pub exposure_s: f64,
    /// Stars per million pixels.
    pub stars_per_mpx: f64,
    /// Galaxies per million pixels.
    pub galaxies_per_mpx: f64,
    /// The converter.
    pub adc: AdcKind,
    /// The part that is kept; all of it without.
    pub window: Option<Window>,
}

impl Default for Lco {
    fn default() -> Self {
        Self {
            detector: 1,
            sky_e: 600.0,
            exposure_s: 120.0,
            stars_per_mpx: 600.0,
            galaxies_per_mpx: 100.0,
            adc: AdcKind::Ideal,
            window: None,
        }
    }
}

const HEIGHT: usize = 2112;
const WIDTH: usize = 3136;
/// Light falls on these columns; the rest is overscan.
const LIT_PX: usize = 3072;

impl Lco {
    pub(super) fn check(&self) -> Result<(), String> {
        Camera::check_window(HEIGHT, WIDTH, self.window)
    }

    pub(super) fn camera(&self) -> Camera {
        Camera {
            height: HEIGHT,
            width: WIDTH,
            active: (0..2048, 0..LIT_PX),
            segments: vec![(0, Amplifier { gain_e_per_dn: 1.6, read_noise_e: 14.0 }, 1012.4)],
            adc: self.adc.build(16),
            sky_e: self.sky_e,
            sky_slope: (0.05, -0.03),
            vignetting: 0.12,
            response_rms: 0.008,
            psf: Psf::Moffat { fwhm_px: 3.5, beta: 3.0 },
            sources: Sources {
                stars_per_mpx: self.stars_per_mpx,
                star_flux_e: [500.0, 1e7],
                galaxies_per_mpx: self.galaxies_per_mpx,
                galaxy_flux_e: [500.0, 1e5],
            },
            full_well_e: 100_000.0,
            hot: (3e-3, 30.0, 20_000.0),
            cosmic_rays: Some(CosmicRays {
                tracks_per_mpx: 0.03 * self.exposure_s,
                length_px: 3.0,
                charge_e: 900.0,
                wander_rad: 0.05,
            }),
            drift_dn: 0.2,
            trail: None,
        }
    }
}
