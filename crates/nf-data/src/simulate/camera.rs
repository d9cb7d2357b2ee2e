//! A CCD camera: what the four CCD instruments have in common.

use super::adc::Adc;
use super::defects::{CosmicRays, add_hot_pixels, bleed, drift, trail};
use super::describe::gaussian_offset_bits;
use super::frame::{Amplifier, FrameModel};
use super::scene::{Psf, Scene, Sources};
use crate::random::Pcg64;
use nf_image::{Region, RegionKind};
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
    /// Widths that repeat every 16 codes with an rms of about 20 %, as a converter with errors in
    /// its low bits has: odd codes wider than even ones, and one code in 16 nearly missing.
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

/// What an exposure with one of the CCD cameras is like; every field has the instrument's own
/// default.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Exposure {
    /// Number of the detector: fixes its response, its hot pixels and its levels. 1 unless stated.
    pub detector: Option<u32>,
    /// Sky (in space with the dark current), electrons per pixel.
    pub sky_e: Option<f64>,
    /// Exposure time, seconds: fixes the number of cosmic rays.
    pub exposure_s: Option<f64>,
    /// Stars per million pixels.
    pub stars_per_mpx: Option<f64>,
    /// Galaxies per million pixels.
    pub galaxies_per_mpx: Option<f64>,
    /// The converter.
    pub adc: Option<AdcKind>,
    /// The part that is kept; all of it without.
    pub window: Option<Window>,
}

impl Exposure {
    /// The distributions of the exposure `seed` with `camera`, and what describing its own layers
    /// costs, bits.
    pub(super) fn model(&self, camera: &Camera, seed: u32) -> (FrameModel, f64) {
        camera.model(self.detector.unwrap_or(1), seed, self.window)
    }
}

/// Columns that one amplifier reads.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub first_column: usize,
    /// Number of the amplifier.
    pub number: usize,
    pub amplifier: Amplifier,
    /// Level without light, DN.
    pub level_dn: f64,
}

/// Everything that decides the distributions of a frame, apart from seeds.
#[derive(Clone, Debug)]
pub(super) struct Camera {
    pub height: usize,
    pub width: usize,
    /// Rows and columns that see light.
    pub active: (Range<usize>, Range<usize>),
    /// What the blind columns right of the active ones are; those left of them are prescan, blind
    /// rows overscan.
    pub right_of_active: RegionKind,
    /// From left to right; the first begins at column 0.
    pub segments: Vec<Segment>,
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

/// Streams of random numbers: what is drawn for one purpose never moves another. Those of the
/// detector come with the detector's number, those of the exposure with its seed.
const RESPONSE: u32 = 0x100;
const HOT: u32 = 0x101;
const SCENE: u32 = 0x102;
const RAYS: u32 = 0x103;
const DRIFT: u32 = 0x104;

impl Camera {
    /// The distributions of the exposure `seed` with the detector of number `detector`, in a
    /// window; and what describing the exposure's own layers (sources, cosmic rays, drift) costs,
    /// bits. Layers that belong to the detector (response, hot pixels, levels of amplifiers) are
    /// not charged: they are calibrated once.
    pub(super) fn model(&self, detector: u32, seed: u32, window: Option<Window>) -> (FrameModel, f64) {
        let [top, left, height, width] = window.unwrap_or([0, 0, self.height, self.width]);
        let typical = &self.segments[0].amplifier;
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
        let segments: Vec<(usize, &Segment)> = self
            .columns()
            .filter(|(_, columns)| columns.end > left && columns.start < left + width)
            .map(|(segment, columns)| (columns.start.saturating_sub(left), segment))
            .collect();
        let levels: Vec<f32> = (0..width)
            .map(|column| {
                let owner = segments.partition_point(|segment| segment.0 <= column).max(1) - 1;
                segments[owner].1.level_dn as f32
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
        let model = FrameModel {
            height,
            width,
            mean_e: scene.mean_e,
            offset_dn,
            amplifiers: segments
                .into_iter()
                .map(|(first, segment)| (first, segment.amplifier.clone()))
                .collect(),
            adc: self.adc.clone(),
        };
        (model, bits)
    }

    /// The segments with the columns that they own.
    fn columns(&self) -> impl Iterator<Item = (&Segment, Range<usize>)> {
        let ends = self.segments.iter().skip(1).map(|segment| segment.first_column).chain([self.width]);
        self.segments.iter().zip(ends).map(|(segment, end)| (segment, segment.first_column..end))
    }

    /// What every pixel of the whole frame is.
    pub(super) fn regions(&self) -> Vec<Region> {
        let (rows, columns) = self.active.clone();
        let bands = [
            (0..columns.start, rows.clone(), RegionKind::Prescan),
            (columns.clone(), rows.clone(), RegionKind::Active),
            (columns.end..self.width, rows.clone(), self.right_of_active),
            (0..self.width, 0..rows.start, RegionKind::Overscan),
            (0..self.width, rows.end..self.height, RegionKind::Overscan),
        ];
        let mut regions = vec![];
        for (segment, own) in self.columns() {
            for (columns, rows, kind) in bands.clone() {
                let columns = columns.start.max(own.start)..columns.end.min(own.end);
                regions.push(Region {
                    kind,
                    amplifier: segment.number,
                    rows,
                    columns,
                    reversed_columns: false,
                    reversed_rows: false,
                });
            }
        }
        regions.retain(|region| !region.rows.is_empty() && !region.columns.is_empty());
        regions
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

/// The parts of regions that a window shows, in its own coordinates.
pub(super) fn regions_in(regions: Vec<Region>, window: Option<Window>) -> Vec<Region> {
    let Some([top, left, height, width]) = window else { return regions };
    let cut = |range: &Range<usize>, first: usize, extent: usize| {
        range.start.clamp(first, first + extent) - first..range.end.clamp(first, first + extent) - first
    };
    let seen = |region: Region| Region {
        rows: cut(&region.rows, top, height),
        columns: cut(&region.columns, left, width),
        ..region
    };
    let mut regions: Vec<Region> = regions.into_iter().map(seen).collect();
    regions.retain(|region| !region.rows.is_empty() && !region.columns.is_empty());
    regions
}
