//! A simulator and its seeds, as a dataset.

use super::ccd::{Ccd, NOISE};
use super::frame::FrameLaw;
use crate::{Card, Dataset, Oracle, Result};
use nf_image::{Detector, Image16};
use serde::Deserialize;

/// An instrument that a manifest may name.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Simulator {
    /// One amplifier, an ideal converter.
    Ccd(Ccd),
}

impl Simulator {
    /// Why the instrument cannot be, if it cannot.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Ccd(ccd) => ccd.check(),
        }
    }

    fn law(&self, seed: u32) -> FrameLaw {
        match self {
            Self::Ccd(ccd) => ccd.law(seed),
        }
    }

    /// The exposure that `seed` stands for.
    pub fn expose(&self, seed: u32) -> Image16 {
        self.law(seed).draw(&[seed, NOISE])
    }

    /// What that exposure is worth in bits.
    pub fn oracle(&self, seed: u32) -> Oracle {
        let law = self.law(seed);
        Oracle { given_layers_bits: law.oracle_bits(&law.draw(&[seed, NOISE])), layers_bits: None }
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
        let detector = Detector { instrument: self.card.instrument.clone(), regions: vec![] };
        Ok(self.simulator.expose(self.seeds[index]).with_detector(detector))
    }

    fn oracle(&self, index: usize) -> Result<Option<Oracle>> {
        Ok(Some(self.simulator.oracle(self.seeds[index])))
    }
}
