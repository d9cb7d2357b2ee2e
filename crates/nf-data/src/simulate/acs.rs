//! Hubble Space Telescope, Advanced Camera for Surveys, Wide Field Channel: one chip, raw.
//!
//! 4144 x 2068 pixels a chip: 24 physical prescan columns on either side and 20 virtual rows; two amplifiers, gain
//! 2.0 e-/DN, read noise 4 to 5.5 e-, dark 6.8 to 11 e- per pixel and hour, about 1 % of hot pixels, full well 85 ke-,
//! 1.5 to 3 % of pixels hit by cosmic rays in 1000 s with at least 500 e-, about 1000 e- typical, 4 to 5 pixels each,
//! charge-transfer trails growing with distance from the read-out: ACS Instrument Handbook, chapters 4 and
//! 7, and ACS Data Handbook (STScI). Stripes of 0.9 e- rms per row after the 2009 repair: Grogin et al.
//! 2011, ACS ISR 2011-05.

use super::camera::{AdcKind, Camera, Window};
use super::defects::CosmicRays;
use super::frame::Amplifier;
use super::scene::{Psf, Sources};
use serde::Deserialize;

/// What an exposure with ACS/WFC is like; every field has a default.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct HstAcs {
    /// Number of the detector: fixes its response and its hot pixels.
    pub detector: u32,
    /// Sky and dark together, electrons.
    pub sky_e: f64,
    /// Exposure time, seconds: fixes the number of cosmic rays.
    pub exposure_s: f64,
    /// Stars per million pixels.
    pub stars_per_mpx: f64,
    /// Galaxies per million pixels.
    pub galaxies_per_mpx: f64,
    /// The converter; real frames of this camera family show uneven code widths.
    pub adc: AdcKind,
    /// The part that is kept; all of it without.
    pub window: Option<Window>,
}

impl Default for HstAcs {
    fn default() -> Self {
        Self {
            detector: 1,
            sky_e: 55.0,
            exposure_s: 600.0,
            stars_per_mpx: 300.0,
            galaxies_per_mpx: 1000.0,
            adc: AdcKind::Uneven,
            window: None,
        }
    }
}

const HEIGHT: usize = 2068;
const WIDTH: usize = 4144;
/// Tracks per million pixels and second: 2 % of pixels in 1000 s at 4.5 pixels a track.
const TRACKS_PER_MPX_S: f64 = 4.4;

impl HstAcs {
    pub(super) fn check(&self) -> Result<(), String> {
        Camera::check_window(HEIGHT, WIDTH, self.window)
    }

    pub(super) fn camera(&self) -> Camera {
        let amplifier = |read_noise_e| Amplifier { gain_e_per_dn: 2.0, read_noise_e };
        Camera {
            height: HEIGHT,
            width: WIDTH,
            active: (0..2048, 24..4120),
            segments: vec![(0, amplifier(4.35), 2103.6), (2072, amplifier(3.75), 2141.2)],
            adc: self.adc.build(16),
            sky_e: self.sky_e,
            sky_slope: (0.02, 0.01),
            vignetting: 0.0,
            response_rms: 0.005,
            psf: Psf::Moffat { fwhm_px: 2.0, beta: 2.5 },
            sources: Sources {
                stars_per_mpx: self.stars_per_mpx,
                star_flux_e: [100.0, 3e6],
                galaxies_per_mpx: self.galaxies_per_mpx,
                galaxy_flux_e: [100.0, 3e5],
            },
            full_well_e: 85_000.0,
            hot: (0.01, 15.0, 30_000.0),
            cosmic_rays: Some(CosmicRays {
                tracks_per_mpx: TRACKS_PER_MPX_S * self.exposure_s,
                length_px: 3.5,
                charge_e: 700.0,
                wander_rad: 0.05,
            }),
            drift_dn: 0.45,
            trail: Some((4e-5, 6.0)),
        }
    }
}
