//! Las Cumbres Observatory, 0.4 m telescopes: 3136 x 2112 with overscan, one amplifier.
//!
//! Array shape: AstroCompress project page (`GBI-16-2D-Legacy`, telescope LCO). Pixels of 0.58
//! arcsec (binned) under 2 arcsec of seeing, read noise about 14 e-, gain about 1.6 e-/DN: LCO
//! instrument pages for the SBIG 6303 cameras; the gain is a typical value, files differ.

use super::camera::{Camera, Exposure, Segment};
use super::defects::CosmicRays;
use super::frame::Amplifier;
use super::scene::{Psf, Sources};
use nf_image::RegionKind;

const HEIGHT: usize = 2112;
const WIDTH: usize = 3136;
/// Light falls on these columns; the rest is overscan.
const LIT_PX: usize = 3072;

/// The camera, and what it looks at.
pub(super) fn camera(exposure: &Exposure) -> Camera {
    Camera {
        height: HEIGHT,
        width: WIDTH,
        active: (0..2048, 0..LIT_PX),
        right_of_active: RegionKind::Overscan,
        segments: vec![Segment {
            first_column: 0,
            number: 0,
            amplifier: Amplifier { gain_e_per_dn: 1.6, read_noise_e: 14.0 },
            level_dn: 1012.4,
        }],
        adc: exposure.adc.unwrap_or_default().build(16),
        sky_e: exposure.sky_e.unwrap_or(600.0),
        sky_slope: (0.05, -0.03),
        vignetting: 0.12,
        response_rms: 0.008,
        psf: Psf::Moffat { fwhm_px: 3.5, beta: 3.0 },
        sources: Sources {
            stars_per_mpx: exposure.stars_per_mpx.unwrap_or(600.0),
            star_flux_e: [500.0, 1e7],
            galaxies_per_mpx: exposure.galaxies_per_mpx.unwrap_or(100.0),
            galaxy_flux_e: [500.0, 1e5],
        },
        full_well_e: 100_000.0,
        hot: (3e-3, 30.0, 20_000.0),
        cosmic_rays: Some(CosmicRays {
            tracks_per_mpx: 0.03 * exposure.exposure_s.unwrap_or(120.0),
            length_px: 3.0,
            charge_e: 900.0,
            wander_rad: 0.05,
        }),
        drift_dn: 0.2,
        trail: None,
    }
}
