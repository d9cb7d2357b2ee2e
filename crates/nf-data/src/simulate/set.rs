//! A simulator and its seeds, as a dataset.

use super::camera::{Camera, Exposure, regions_in};
use super::ccd::{Ccd, NOISE};
use super::frame::FrameModel;
use super::nircam::JwstNircam;
use super::ramp::RampModel;
use super::sdss::{Cube, Sdss};
use super::{acs, lco, lris};
use crate::{Card, Dataset, Oracle, Result};
use nf_image::{Detector, Image16, Region, Shape};
use serde::Deserialize;

/// An instrument that a manifest may name, with what its exposures are like.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Simulator {
    /// One amplifier, an ideal converter.
    Ccd(Ccd),
    /// Keck LRIS, red side.
    KeckLris(Exposure),
    /// HST ACS/WFC, one chip.
    HstAcs(Exposure),
    /// JWST NIRCam, a ramp.
    JwstNircam(JwstNircam),
    /// SDSS Stripe 82, a cube.
    Sdss(Sdss),
    /// Las Cumbres Observatory, 0.4 m.
    Lco(Exposure),
}

/// The distributions of one exposure.
enum ExposureModel {
    Frame(FrameModel),
    Ramp(RampModel),
    Cube(Cube),
}

impl ExposureModel {
    fn draw(&self, words: &[u32]) -> Image16 {
        match self {
            Self::Frame(model) => model.draw(words),
            Self::Ramp(model) => model.draw(words),
            Self::Cube(model) => model.draw(words),
        }
    }

    fn oracle_bits(&self, words: &[u32]) -> f64 {
        match self {
            Self::Frame(model) => model.oracle_bits(&model.draw(words)),
            Self::Ramp(model) => model.oracle_bits(&model.draw(words)),
            Self::Cube(model) => model.oracle_bits(words),
        }
    }
}

impl Simulator {
    /// Why the instrument cannot be, if it cannot.
    pub fn check(&self) -> std::result::Result<(), String> {
        match self {
            Self::Ccd(ccd) => ccd.check(),
            Self::JwstNircam(nircam) => nircam.check(),
            Self::Sdss(sdss) => sdss.check(),
            Self::KeckLris(_) | Self::HstAcs(_) | Self::Lco(_) => {
                let (camera, exposure) = self.camera().expect("these three have a camera");
                Camera::check_window(camera.height, camera.width, exposure.window)
            }
        }
    }

    /// The same instrument without its window: whole frames.
    pub fn whole(mut self) -> Self {
        match &mut self {
            Self::KeckLris(exposure) | Self::HstAcs(exposure) | Self::Lco(exposure) => exposure.window = None,
            Self::JwstNircam(nircam) => nircam.window = None,
            Self::Sdss(sdss) => sdss.side_px = Sdss::default().side_px,
            Self::Ccd(_) => {}
        }
        self
    }

    /// The camera of an instrument that is one, and its exposure.
    fn camera(&self) -> Option<(Camera, &Exposure)> {
        match self {
            Self::KeckLris(exposure) => Some((lris::camera(exposure), exposure)),
            Self::HstAcs(exposure) => Some((acs::camera(exposure), exposure)),
            Self::Lco(exposure) => Some((lco::camera(exposure), exposure)),
            Self::Ccd(_) | Self::JwstNircam(_) | Self::Sdss(_) => None,
        }
    }

    /// What the pixels of an exposure are, by amplifier; empty for resampled frames, whose pixels
    /// have lost their place.
    pub fn regions(&self) -> Vec<Region> {
        match self {
            Self::JwstNircam(nircam) => regions_in(JwstNircam::regions(), nircam.window),
            _ => self
                .camera()
                .map_or_else(Vec::new, |(camera, exposure)| regions_in(camera.regions(), exposure.window)),
        }
    }

    /// The extent of every exposure.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Ccd(ccd) => Shape::frame(ccd.height, ccd.width),
            Self::JwstNircam(nircam) => nircam.shape(),
            Self::Sdss(sdss) => Shape::new(sdss.bands.len() * sdss.epochs, sdss.side_px, sdss.side_px),
            Self::KeckLris(_) | Self::HstAcs(_) | Self::Lco(_) => {
                let (camera, exposure) = self.camera().expect("these three have a camera");
                let [.., height, width] = exposure.window.unwrap_or([0, 0, camera.height, camera.width]);
                Shape::frame(height, width)
            }
        }
    }

    /// The distributions of an exposure, and what describing its own layers costs, bits.
    fn model(&self, seed: u32) -> (ExposureModel, f64) {
        match self {
            Self::Ccd(ccd) => {
                let (model, bits) = ccd.model(seed);
                (ExposureModel::Frame(model), bits)
            }
            Self::JwstNircam(nircam) => {
                let (model, bits) = nircam.model(seed);
                (ExposureModel::Ramp(model), bits)
            }
            Self::Sdss(sdss) => {
                let (model, bits) = sdss.model(seed);
                (ExposureModel::Cube(model), bits)
            }
            Self::KeckLris(_) | Self::HstAcs(_) | Self::Lco(_) => {
                let (camera, exposure) = self.camera().expect("these three have a camera");
                let (model, bits) = exposure.model(&camera, seed);
                (ExposureModel::Frame(model), bits)
            }
        }
    }

    /// The exposure that `seed` stands for.
    pub fn expose(&self, seed: u32) -> Image16 {
        self.model(seed).0.draw(&[seed, NOISE])
    }

    /// What that exposure is worth in bits.
    pub fn oracle(&self, seed: u32) -> Oracle {
        let (model, layers_bits) = self.model(seed);
        Oracle { given_layers_bits: model.oracle_bits(&[seed, NOISE]), layers_bits: Some(layers_bits) }
    }
}

/// Exposures of one simulator, one for every seed of a list.
#[derive(Clone, Debug)]
pub struct SimulatedSet {
    simulator: Simulator,
    seeds: Vec<u32>,
    card: Card,
}

impl SimulatedSet {
    /// The exposures of `simulator` that `seeds` stand for.
    pub fn new(simulator: Simulator, seeds: Vec<u32>, card: Card) -> Self {
        Self { simulator, seeds, card }
    }
}

impl Dataset for SimulatedSet {
    fn card(&self) -> &Card {
        &self.card
    }

    fn len(&self) -> usize {
        self.seeds.len()
    }

    fn name(&self, index: usize) -> String {
        format!("{}-{:06}", self.card.name, self.seeds[index])
    }

    fn image(&self, index: usize) -> Result<Image16> {
        let detector =
            Detector { instrument: self.card.instrument.clone(), regions: self.simulator.regions() };
        Ok(self.simulator.expose(self.seeds[index]).with_detector(detector))
    }

    fn shape(&self, _: usize) -> Result<Option<Shape>> {
        Ok(Some(self.simulator.shape()))
    }

    fn oracle(&self, index: usize) -> Result<Option<Oracle>> {
        Ok(Some(self.simulator.oracle(self.seeds[index])))
    }
}
