//! A CCD camera: what the four CCD instruments have in common.

use super::adc::Adc;
use super::defects::{CosmicRays, add_hot_pixels, bleed, drift, trail};
use super::describe::gaussian_offset_bits;
use super::frame::{Amplifier, FrameLaw};
use super::scene::{Psf, Scene, Sources};
use crate::random::Pcg64;
use serde::Deserialize;
use std::ops::Range;

/// A part of a detector, in its own pixels: `[first row, first column, rows, columns]`.
pub type Window = [usize; 4];

/// The converter of an instrument.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum AdcKind {
    /// All codes equally wide.
    #[default]
    Ideal,
    /// Widths that repeat every 16 codes with an rms of about 20 %, as a converter with errors in its low
    /// bits has: odd codes wider than even ones, and one code in 16 nearly missing.
    Uneven,
    /// One code in four missing.
    Missing,
}

impl AdcKind {
    pub(super) fn build(self, bits: u32) -> Adc {
        match self {
            Self::Ideal => Adc::ideal(bits),
            Self::Uneven => Adc::with_widths(
                bits,
                &[0.9, 1.1, 0.85, 1.2, 0.95, 1.15, 0.6, 1.45, 0.9, 1.1, 0.85, 1.2, 0.95, 1.15, 0.2, 1.45],
            ),
            Self::Missing => Adc::with_widths(bits, &[1.0, 1.0, 1.0, 0.0]),
        }
    }
}

/// Everything that decides the laws of a frame, apart from seeds.
#[derive(Clone, Debug)]
pub(super) struct Camera {
    pub height: usize,
    pub width: usize,
    /// Rows and columns that see light.
    pub active: (Range<usize>, Range<usize>),
    /// First columns, with amplifier and level without light, DN.
    pub segments: Vec<(usize, Amplifier, f64)>,
    pub adc: Adc,
    pub sky_e: f64,
    pub sky_slope: (f64, f64),
    pub vignetting: f64,
    pub response_rms: f64,
    pub psf: Psf,
    pub sources: Sources,
    pub full_well_e: f32,
    /// Share of pixels that are hot, with the range of their charge, electrons.
    pub hot: (f64, f64, f64),
    pub cosmic_rays: Option<CosmicRays>,
    /// Rms of the level's drift from row to row, DN.
    pub drift_dn: f64,
    /// Share of the charge lost per row of transfer, and length of the trail, pixels.
    pub trail: Option<(f64, f64)>,
}

/// Streams of random numbers: what is drawn for one purpose never moves another. Those of the detector come
/// with the detector's number, those of the exposure with its seed.
const RESPONSE: u32 = 0x100;
const HOT: u32 = 0x101;
const SCENE: u32 = 0x102;
const RAYS: u32 = 0x103;
const DRIFT: u32 = 0x104;

impl Camera {
    /// The laws of the exposure `seed` with the detector of number `detector`, in a window; and what
    /// describing the exposure's own layers (sources, cosmic rays, drift) costs, bits. Layers that belong to
    /// the detector (response, hot pixels, levels of amplifiers) are not charged: they are calibrated once.
    pub(super) fn law(&self, detector: u32, seed: u32, window: Option<Window>) -> (FrameLaw, f64) {
        let [top, left, height, width] = window.unwrap_or([0, 0, self.height, self.width]);
        let typical = &self.segments[0].1;
        let sigma_e = (self.sky_e + typical.read_noise_e * typical.read_noise_e).sqrt();
        let mut scene = Scene::window((top, left), height, width, self.active.clone());
        scene.add_sky(self.sky_e, self.sky_slope, self.vignetting);
        let mut bits =
            scene.scatter(&self.sources, self.psf, sigma_e, &mut Pcg64::from_words(&[seed, SCENE]));
        let place = [detector, top as u32, left as u32];
        if self.response_rms > 0.0 {
            let words = [&place[..], &[RESPONSE]].concat();
            scene.apply_response(self.response_rms, &mut Pcg64::from_words(&words));
        }
        let (share, faintest_e, brightest_e) = self.hot;
        let words = [&place[..], &[HOT]].concat();
        add_hot_pixels(&mut scene, share, faintest_e, brightest_e, &mut Pcg64::from_words(&words));
        if let Some(rays) = &self.cosmic_rays {
            bits += rays.add(&mut scene, sigma_e, &mut Pcg64::from_words(&[seed, RAYS]));
        }
        bleed(&mut scene, self.full_well_e);
        if let Some((loss, length_px)) = self.trail {
            trail(&mut scene, loss, length_px, self.sky_e as f32);
        }
        let segments: Vec<(usize, Amplifier, f64)> = self
            .segments
            .iter()
            .enumerate()
            .filter(|(i, _)| {
                let end = self.segments.get(i + 1).map_or(self.width, |next| next.0);
                end > left && self.segments[*i].0 < left + width
            })
            .map(|(_, (first, amplifier, level))| (first.saturating_sub(left), amplifier.clone(), *level))
            .collect();
        let levels: Vec<f32> = (0..width)
            .map(|column| {
                let owner = segments.partition_point(|segment| segment.0 <= column).max(1) - 1;
                segments[owner].2 as f32
            })
            .collect();
        let mut offset_dn = Vec::with_capacity(height * width);
        if self.drift_dn > 0.0 {
            let drifts = drift(self.height, self.drift_dn, &mut Pcg64::from_words(&[seed, DRIFT]));
            for shift in &drifts[top..top + height] {
                offset_dn.extend(levels.iter().map(|level| level + shift));
            }
            let sigma_dn = sigma_e / typical.gain_e_per_dn;
            bits += height as f64 * gaussian_offset_bits(self.drift_dn, sigma_dn, width as f64);
        } else {
            (0..height).for_each(|_| offset_dn.extend_from_slice(&levels));
        }
        let law = FrameLaw {
            height,
            width,
            mean_e: scene.mean_e,
            offset_dn,
            amplifiers: segments.into_iter().map(|(first, amplifier, _)| (first, amplifier)).collect(),
            adc: self.adc.clone(),
        };
        (law, bits)
    }

    /// Why a window cannot be taken, if it cannot.
    pub(super) fn check_window(height: usize, width: usize, window: Option<Window>) -> Result<(), String> {
        match window {
            Some([top, left, rows, columns])
                if rows == 0
                    || columns == 0
                    || top.checked_add(rows).is_none_or(|end| end > height)
                    || left.checked_add(columns).is_none_or(|end| end > width) =>
            {
                Err(format!("window must be rows and columns inside {height} x {width}"))
            }
            _ => Ok(()),
        }
    }
}
