//! JWST NIRCam, short wavelengths: ramps of a HAWAII-2RG array through four outputs.
//!
//! 2048 x 2048 with a border of four reference pixels, four outputs of 512 columns read at the same
//! time; gains 2.07, 2.01, 2.16, 2.01 e-/DN (A1-A4), read noise 11.5 e-, reset noise 37.6 e-, well
//! 100 ke-, interpixel capacitance 0.54 %: `pynrc` (Leisenring) and the JWST User Documentation,
//! "NIRCam Detector Performance". A frame takes 10.737 s. The bias pattern's rms of a few hundred
//! DN is chosen so that first groups cost what is published for real ones (11 to 12 bits by the
//! classical codecs); 1/f noise is common to the four outputs: Schlawin et al. 2020, AJ 160, 231.
//!
//! Simplifications: interpixel capacitance blurs the mean, not the noise; frames averaged into a
//! group are taken as one read with less noise; the ramp is linear up to the well.

use super::camera::{AdcKind, Camera, Window};
use super::defects::{CosmicRays, add_hot_pixels, drift};
use super::describe::gaussian_offset_bits;
use super::draw::Gaussian;
use super::frame::Amplifier;
use super::ramp::RampModel;
use super::scene::{Psf, Scene, Sources};
use crate::random::Pcg64;
use nf_image::{Region, RegionKind, Shape};
use serde::Deserialize;
use std::ops::Range;

/// What a ramp of NIRCam is like; every field has a default.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct JwstNircam {
    /// Number of the detector: fixes its bias pattern, response and hot pixels.
    pub detector: u32,
    /// Read-out groups.
    pub groups: usize,
    /// Frames averaged into a group: divides the variance of the read noise.
    pub frames_per_group: usize,
    /// Time from group to group, seconds.
    pub group_s: f64,
    /// Sky, electrons per second.
    pub sky_e_per_s: f64,
    /// Stars per million pixels.
    pub stars_per_mpx: f64,
    /// Galaxies per million pixels.
    pub galaxies_per_mpx: f64,
    /// Rms of the bias pattern from pixel to pixel, DN.
    pub pattern_dn: f64,
    /// The converter.
    pub adc: AdcKind,
    /// The part that is kept; all of it without.
    pub window: Option<Window>,
}

impl Default for JwstNircam {
    fn default() -> Self {
        Self {
            detector: 1,
            groups: 5,
            frames_per_group: 4,
            group_s: 53.7,
            sky_e_per_s: 0.5,
            stars_per_mpx: 300.0,
            galaxies_per_mpx: 2000.0,
            pattern_dn: 450.0,
            adc: AdcKind::Ideal,
            window: None,
        }
    }
}

const SIDE: usize = 2048;
const BORDER_PX: usize = 4;
/// Columns of one output.
const OUTPUT_PX: usize = 512;
const GAIN: [f64; 4] = [2.07, 2.01, 2.16, 2.01];
const READ_NOISE_E: f64 = 11.5;
const RESET_NOISE_E: f64 = 37.6;
const WELL_E: f32 = 100_000.0;
const CAPACITANCE: f32 = 0.0054;
/// Hits of 5 per cm2 and second on pixels of 18 um, per million pixels.
const HITS_PER_MPX_S: f64 = 16.0;
/// Rms of the common level, DN, from row to row within a group.
const COMMON_DRIFT_DN: f64 = 2.5;

const PATTERN: u32 = 0x120;
const RESPONSE: u32 = 0x121;
const HOT: u32 = 0x122;
const SCENE: u32 = 0x123;
const RAYS: u32 = 0x124;
const DRIFT: u32 = 0x125;

impl JwstNircam {
    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=64).contains(&self.groups) || !(1..=16).contains(&self.frames_per_group) {
            return Err("groups must be 1 to 64 and frames_per_group 1 to 16".into());
        }
        Camera::check_window(SIDE, SIDE, self.window)
    }

    /// What every pixel of the whole array is. The second and the fourth output are read from the
    /// right.
    pub(super) fn regions() -> Vec<Region> {
        let (far, last) = (SIDE - BORDER_PX, SIDE);
        let mut regions = vec![];
        for amplifier in 0..4 {
            let own = amplifier * OUTPUT_PX..(amplifier + 1) * OUTPUT_PX;
            let mut add = |kind, rows: Range<usize>, columns: Range<usize>| {
                let reversed_columns = amplifier % 2 == 1;
                regions.push(Region {
                    kind,
                    amplifier,
                    rows,
                    columns,
                    reversed_columns,
                    reversed_rows: false,
                });
            };
            add(RegionKind::Active, BORDER_PX..far, own.start.max(BORDER_PX)..own.end.min(far));
            add(RegionKind::Reference, 0..BORDER_PX, own.clone());
            add(RegionKind::Reference, far..last, own.clone());
            match amplifier {
                0 => add(RegionKind::Reference, BORDER_PX..far, 0..BORDER_PX),
                3 => add(RegionKind::Reference, BORDER_PX..far, far..last),
                _ => {}
            }
        }
        regions
    }

    /// The extent of every ramp.
    pub(super) fn shape(&self) -> Shape {
        let [.., height, width] = self.window.unwrap_or([0, 0, SIDE, SIDE]);
        Shape::new(self.groups, height, width)
    }

    /// The distributions of the ramp `seed`, and what its own layers cost to describe, bits.
    pub(super) fn model(&self, seed: u32) -> (RampModel, f64) {
        let [top, left, height, width] = self.window.unwrap_or([0, 0, SIDE, SIDE]);
        let lit = BORDER_PX..SIDE - BORDER_PX;
        let place = [self.detector, top as u32, left as u32];
        let detector = |stream: u32| Pcg64::from_words(&[&place[..], &[stream]].concat());
        let exposure = |stream: u32| Pcg64::from_words(&[seed, stream]);
        let read_noise_e = READ_NOISE_E / (self.frames_per_group as f64).sqrt();

        let mut scene = Scene::window((top, left), height, width, (lit.clone(), lit));
        scene.add_sky(self.sky_e_per_s * self.group_s, (0.01, 0.01), 0.0);
        let sources = Sources {
            stars_per_mpx: self.stars_per_mpx,
            star_flux_e: [2.0 * self.group_s, 20_000.0 * self.group_s],
            galaxies_per_mpx: self.galaxies_per_mpx,
            galaxy_flux_e: [2.0 * self.group_s, 3_000.0 * self.group_s],
        };
        let psf = Psf::Moffat { fwhm_px: 2.0, beta: 2.2 };
        let mut bits = scene.scatter(&sources, psf, read_noise_e, &mut exposure(SCENE));
        scene.apply_response(0.005, &mut detector(RESPONSE));
        let faintest_e = 0.05 * self.group_s;
        add_hot_pixels(&mut scene, 0.01, faintest_e, 2_000.0 * faintest_e, &mut detector(HOT));

        let rays = CosmicRays {
            tracks_per_mpx: HITS_PER_MPX_S * self.group_s,
            length_px: 1.5,
            charge_e: 1_000.0,
            wander_rad: 0.0,
        };
        let mut generator = exposure(RAYS);
        let mut held = vec![0.0f32; scene.mean_e.len()];
        let gathered_e = (0..self.groups)
            .map(|_| {
                let mut group = scene.clone();
                bits += rays.add(&mut group, read_noise_e, &mut generator);
                let mut mean_e = blur(&group);
                for (mean, held) in mean_e.iter_mut().zip(&mut held) {
                    *mean = mean.min(WELL_E - *held).max(0.0);
                    *held += *mean;
                }
                mean_e
            })
            .collect();

        let mut generator = exposure(DRIFT);
        let drift_dn: Vec<Vec<f32>> = (0..self.groups)
            .map(|_| drift(SIDE, COMMON_DRIFT_DN, &mut generator)[top..top + height].to_vec())
            .collect();
        let sigma_dn = read_noise_e / GAIN[0];
        bits += (self.groups * height) as f64 * gaussian_offset_bits(COMMON_DRIFT_DN, sigma_dn, width as f64);

        let model = RampModel {
            height,
            width,
            gathered_e,
            offset_dn: self.pattern((left, width), height, &mut detector(PATTERN)),
            drift_dn,
            amplifiers: outputs(left, width, read_noise_e),
            reset_noise_e: RESET_NOISE_E,
            adc: self.adc.build(16),
        };
        (model, bits)
    }

    /// The level of every pixel: the output's own, its odd and even columns', and the pixel's.
    fn pattern(&self, (left, width): (usize, usize), height: usize, generator: &mut Pcg64) -> Vec<f32> {
        let mut gaussian = Gaussian::default();
        let mut pattern = Vec::with_capacity(height * width);
        for _ in 0..height {
            for column in left..left + width {
                let output = 11_000.0 + 230.0 * (column / OUTPUT_PX) as f64;
                let parity = if column % 2 == 0 { 9.5 } else { -9.5 };
                let own = self.pattern_dn * gaussian.draw(generator);
                pattern.push((output + parity + own) as f32);
            }
        }
        pattern
    }
}

/// The four outputs, as far as a window shows them.
fn outputs(left: usize, width: usize, read_noise_e: f64) -> Vec<(usize, Amplifier)> {
    (0..4)
        .filter(|i| (i + 1) * OUTPUT_PX > left && i * OUTPUT_PX < left + width)
        .map(|i| {
            let first = (i * OUTPUT_PX).saturating_sub(left);
            (first, Amplifier { gain_e_per_dn: GAIN[i], read_noise_e })
        })
        .collect()
}

/// Interpixel capacitance: every lit pixel shows a share of its charge in its four neighbours.
fn blur(scene: &Scene) -> Vec<f32> {
    let mut out = scene.mean_e.clone();
    let (rows, columns) = scene.lit();
    for row in rows.clone() {
        for column in columns.clone() {
            let at = (row - scene.origin.0) * scene.width + column - scene.origin.1;
            let mut give = |there: usize| {
                let flow = CAPACITANCE * (scene.mean_e[at] - scene.mean_e[there]);
                out[at] -= flow;
                out[there] += flow;
            };
            if column + 1 < columns.end {
                give(at + 1);
            }
            if row + 1 < rows.end {
                give(at + scene.width);
            }
        }
    }
    out
}
