//! Keck LRIS, red side with four amplifiers, binned two by two.
//!
//! Geometry: the amplifiers' prescan columns, then their data, then their overscan columns, side by
//! side as the observatory's tools paste them: 2248 x 2048 (array shape, flips and pasting order:
//! AstroCompress project page and its loader). Gains 1.255, 1.18, 1.191, 1.162 e-/DN and read
//! noises 4.64, 4.76, 4.54, 4.62 e-: detector of 2009-2021, LRIS instrument page of W. M. Keck
//! Observatory. Thick deep-depletion chips gather long, wandering tracks (Smith et al. 2002,
//! "Radiation events in astronomical CCD images").

use super::camera::{Camera, Exposure, Segment};
use super::defects::CosmicRays;
use super::frame::Amplifier;
use super::scene::{Psf, Sources};
use nf_image::RegionKind;

const HEIGHT: usize = 2048;
const WIDTH: usize = 2248;
const PRESCAN_PX: usize = 10;
const OVERSCAN_PX: usize = 40;
const GAIN: [f64; 4] = [1.255, 1.18, 1.191, 1.162];
const READ_NOISE_E: [f64; 4] = [4.64, 4.76, 4.54, 4.62];
const LEVEL_DN: [f64; 4] = [1061.3, 1102.8, 1015.6, 1147.1];
/// Tracks of cosmic rays and of the camera's own radioactivity, per second and million binned
/// pixels (1.5 per cm2 and minute on pixels of 30 um).
const TRACKS_PER_MPX_S: f64 = 0.225;

/// The camera, and what it looks at.
pub(super) fn camera(exposure: &Exposure) -> Camera {
    let data_px = (WIDTH - 4 * (PRESCAN_PX + OVERSCAN_PX)) / 4;
    let mut segments = vec![];
    for (start, step) in
        [(0, PRESCAN_PX), (4 * PRESCAN_PX, data_px), (4 * (PRESCAN_PX + data_px), OVERSCAN_PX)]
    {
        for i in 0..4 {
            let amplifier = Amplifier { gain_e_per_dn: GAIN[i], read_noise_e: READ_NOISE_E[i] };
            let first_column = start + i * step;
            segments.push(Segment { first_column, number: i, amplifier, level_dn: LEVEL_DN[i] });
        }
    }
    Camera {
        height: HEIGHT,
        width: WIDTH,
        active: (0..HEIGHT, 4 * PRESCAN_PX..4 * (PRESCAN_PX + data_px)),
        right_of_active: RegionKind::Overscan,
        segments,
        adc: exposure.adc.unwrap_or_default().build(16),
        sky_e: exposure.sky_e.unwrap_or(3500.0),
        sky_slope: (0.04, 0.02),
        vignetting: 0.15,
        response_rms: 0.006,
        // 0.8 arcsec of seeing at 0.27 arcsec per binned pixel.
        psf: Psf::Moffat { fwhm_px: 3.0, beta: 3.0 },
        sources: Sources {
            stars_per_mpx: exposure.stars_per_mpx.unwrap_or(300.0),
            star_flux_e: [500.0, 2e7],
            galaxies_per_mpx: exposure.galaxies_per_mpx.unwrap_or(1500.0),
            galaxy_flux_e: [500.0, 1e6],
        },
        full_well_e: 200_000.0,
        hot: (2e-4, 200.0, 50_000.0),
        cosmic_rays: Some(CosmicRays {
            tracks_per_mpx: TRACKS_PER_MPX_S * exposure.exposure_s.unwrap_or(600.0),
            length_px: 12.0,
            charge_e: 900.0,
            wander_rad: 0.25,
        }),
        drift_dn: 0.3,
        trail: None,
    }
}
