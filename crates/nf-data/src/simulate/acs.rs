//! Hubble Space Telescope, Advanced Camera for Surveys, Wide Field Channel: one chip, raw.
//!
//! 4144 x 2068 pixels a chip: 24 physical prescan columns on either side and 20 virtual rows; two
//! amplifiers, gain 2.0 e-/DN, read noise 4 to 5.5 e-, dark 6.8 to 11 e- per pixel and hour, about
//! 1 % of hot pixels, full well 85 ke-, 1.5 to 3 % of pixels hit by cosmic rays in 1000 s with at
//! least 500 e-, about 1000 e- typical, 4 to 5 pixels each, charge-transfer trails growing with
//! distance from the read-out: ACS Instrument Handbook, chapters 4 and 7, and ACS Data Handbook
//! (STScI). Stripes of 0.9 e- rms per row after the 2009 repair: Grogin et al. 2011, ACS ISR
//! 2011-05.

use super::camera::{AdcKind, Camera, Exposure, Segment};
use super::defects::CosmicRays;
use super::frame::Amplifier;
use super::scene::{Psf, Sources};
use nf_image::RegionKind;

const HEIGHT: usize = 2068;
const WIDTH: usize = 4144;
/// Tracks per million pixels and second: 2 % of pixels in 1000 s at 4.5 pixels a track.
const TRACKS_PER_MPX_S: f64 = 4.4;

/// The camera, and what it looks at.
pub(super) fn camera(exposure: &Exposure) -> Camera {
    let segment = |number, first_column, read_noise_e, level_dn| Segment {
        first_column,
        number,
        amplifier: Amplifier { gain_e_per_dn: 2.0, read_noise_e },
        level_dn,
    };
    Camera {
        height: HEIGHT,
        width: WIDTH,
        active: (0..2048, 24..4120),
        // Physical columns on either side, because either amplifier reads its own half first.
        right_of_active: RegionKind::Prescan,
        segments: vec![segment(0, 0, 4.35, 2103.6), segment(1, 2072, 3.75, 2141.2)],
        adc: exposure.adc.unwrap_or(AdcKind::Uneven).build(16),
        sky_e: exposure.sky_e.unwrap_or(55.0),
        sky_slope: (0.02, 0.01),
        vignetting: 0.0,
        response_rms: 0.005,
        psf: Psf::Moffat { fwhm_px: 2.0, beta: 2.5 },
        sources: Sources {
            stars_per_mpx: exposure.stars_per_mpx.unwrap_or(300.0),
            star_flux_e: [100.0, 3e6],
            galaxies_per_mpx: exposure.galaxies_per_mpx.unwrap_or(1000.0),
            galaxy_flux_e: [100.0, 3e5],
        },
        full_well_e: 85_000.0,
        hot: (0.01, 15.0, 30_000.0),
        cosmic_rays: Some(CosmicRays {
            tracks_per_mpx: TRACKS_PER_MPX_S * exposure.exposure_s.unwrap_or(600.0),
            length_px: 3.5,
            charge_e: 700.0,
            wander_rad: 0.05,
        }),
        drift_dn: 0.45,
        trail: Some((4e-5, 6.0)),
    }
}
