//! A plain CCD: one amplifier, sky, stars, shot noise, read noise, an ideal converter.

use super::adc::Adc;
use super::frame::{Amplifier, FrameModel};
use super::scene::{Psf, Scene, Sources};
use crate::random::Pcg64;
use serde::Deserialize;

/// What a plain CCD sees and how it reads it; every field has a default.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Ccd {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Level without light, DN.
    pub bias_dn: f64,
    /// Electrons per DN.
    pub gain_e_per_dn: f64,
    /// Read noise, electrons.
    pub read_noise_e: f64,
    /// Bits of the converter; its highest code is saturation.
    pub adc_bits: u32,
    /// Sky at the centre, electrons.
    pub sky_e: f64,
    /// Relative change of the sky from the first row to the last, and from the first column to the
    /// last.
    pub sky_slope: [f64; 2],
    /// Relative loss of sky at the corners.
    pub vignetting: f64,
    /// Pixel-to-pixel response, relative rms.
    pub response_rms: f64,
    /// Stars per million pixels.
    pub stars_per_mpx: f64,
    /// Flux of the faintest and the brightest stars, electrons; a power law in between.
    pub star_flux_e: [f64; 2],
    /// Full width at half maximum of the stars, pixels.
    pub fwhm_px: f64,
    /// Exponent of the Moffat profile of the stars.
    pub moffat_beta: f64,
}

impl Default for Ccd {
    fn default() -> Self {
        Self {
            height: 512,
            width: 512,
            bias_dn: 1000.0,
            gain_e_per_dn: 1.6,
            read_noise_e: 6.0,
            adc_bits: 16,
            sky_e: 300.0,
            sky_slope: [0.05, -0.03],
            vignetting: 0.1,
            response_rms: 0.0,
            stars_per_mpx: 800.0,
            star_flux_e: [300.0, 3e6],
            fwhm_px: 3.5,
            moffat_beta: 3.0,
        }
    }
}

/// Streams of random numbers of one exposure: what is drawn for one never moves the other.
const SCENE: u32 = 1;
const RESPONSE: u32 = 2;
pub(super) const NOISE: u32 = 3;

impl Ccd {
    /// Why such a CCD cannot be, if it cannot: the field and what was expected of it.
    pub fn check(&self) -> Result<(), String> {
        let positive = [
            ("gain_e_per_dn", self.gain_e_per_dn),
            ("fwhm_px", self.fwhm_px),
            ("star_flux_e", self.star_flux_e[0]),
        ];
        for (field, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                return Err(format!("{field} must be above zero, found {value}"));
            }
        }
        let checks = [
            ("height", self.height <= 16_384, "at most 16384"),
            ("width", self.width <= 16_384, "at most 16384"),
            ("adc_bits", (1..=16).contains(&self.adc_bits), "1 to 16"),
            ("read_noise_e", self.read_noise_e >= super::oracle::LEAST_READ_NOISE_E, "at least 0.05"),
            ("read_noise_e", self.read_noise_e < 1e5, "below 1e5"),
            ("sky_e", (0.0..1e9).contains(&self.sky_e), "0 to 1e9"),
            ("bias_dn", (-1e6..1e6).contains(&self.bias_dn), "within a million DN"),
            ("vignetting", (0.0..=1.0).contains(&self.vignetting), "0 to 1"),
            ("response_rms", (0.0..0.3).contains(&self.response_rms), "0 to 0.3"),
            ("stars_per_mpx", (0.0..1e6).contains(&self.stars_per_mpx), "0 to 1e6"),
            ("star_flux_e", self.star_flux_e[1] >= self.star_flux_e[0], "the faintest first"),
            ("star_flux_e", self.star_flux_e[1] < 1e12, "below 1e12"),
            ("moffat_beta", self.moffat_beta > 1.0 && self.moffat_beta < 100.0, "between 1 and 100"),
            ("sky_slope", self.sky_slope.iter().all(|s| s.abs() <= 1.0), "-1 to 1"),
        ];
        match checks.iter().find(|(_, fine, _)| !fine) {
            Some((field, _, expected)) => Err(format!("{field} must be {expected}")),
            None => Ok(()),
        }
    }

    /// The distributions of the exposure that `seed` stands for.
    ///
    /// With them, what describing its sources costs, bits.
    pub fn model(&self, seed: u32) -> (FrameModel, f64) {
        let mut scene = Scene::dark(self.height, self.width);
        scene.add_sky(self.sky_e, (self.sky_slope[0], self.sky_slope[1]), self.vignetting);
        let psf = Psf::Moffat { fwhm_px: self.fwhm_px, beta: self.moffat_beta };
        let mut generator = Pcg64::from_words(&[seed, SCENE]);
        let sources = Sources {
            stars_per_mpx: self.stars_per_mpx,
            star_flux_e: self.star_flux_e,
            galaxies_per_mpx: 0.0,
            galaxy_flux_e: [1.0, 1.0],
        };
        let sigma_e = (self.sky_e + self.read_noise_e * self.read_noise_e).sqrt();
        let layers_bits = scene.scatter(&sources, psf, sigma_e, &mut generator);
        if self.response_rms > 0.0 {
            scene.apply_response(self.response_rms, &mut Pcg64::from_words(&[seed, RESPONSE]));
        }
        let model = FrameModel {
            height: self.height,
            width: self.width,
            offset_dn: vec![self.bias_dn as f32; scene.mean_e.len()],
            mean_e: scene.mean_e,
            amplifiers: vec![(
                0,
                Amplifier { gain_e_per_dn: self.gain_e_per_dn, read_noise_e: self.read_noise_e },
            )],
            adc: Adc::ideal(self.adc_bits),
        };
        (model, layers_bits)
    }
}
