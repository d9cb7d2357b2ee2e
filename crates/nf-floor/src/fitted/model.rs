//! What a tile's header says, and the loop over pixels that encoder and decoder share.

use super::fit::WEIGHT_STEP_BITS;
use super::groups::{EQUAL, Groups, cell};
use super::location::{
    EXCESSES, LANES, LOCATION_BITS, MEANS, NEAREST, PIXELS, WEIGHT_BITS, Weights, at, inputs, locate,
};
use super::plane::ABOVE;
use super::scale::{MAX_SCALE_WEIGHT, Noise, SCALE_INPUTS, ScaleWeights};
use super::surroundings::{Limits, MAX_CLASSES, Surroundings};
use crate::numbers::{fold, read, unfold, write};
use nf_codec::{Error, Result};
use nf_entropy::bits::{BitReader, BitWriter};

/// Everything that a tile's pixels are coded with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    /// Stands for the samples above the first row.
    pub(crate) origin: u16,
    pub(crate) limits: Limits,
    /// Pixels of the window that have weights, nearest first.
    pub(crate) pixels: usize,
    /// Weights of the location, by class.
    pub(crate) weights: Vec<Weights>,
    pub(crate) scale: ScaleWeights,
    pub(crate) groups: Groups,
}

/// What the model says of one pixel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) location: i32,
    pub(crate) cell: u16,
}

/// The state of a traversal.
pub(crate) struct Traversal<'a> {
    model: &'a Model,
    pub(crate) surroundings: Surroundings,
    pub(crate) noise: Noise,
}

impl<'a> Traversal<'a> {
    pub(crate) fn new(model: &'a Model, width: usize) -> Self {
        Self {
            model,
            surroundings: Surroundings::new(width, &model.limits),
            noise: Noise::new(width, &model.scale),
        }
    }

    /// Prepares row `y`.
    #[inline(always)]
    pub(crate) fn enter(&mut self, y: usize, above: &[&[i16]; ABOVE]) {
        self.surroundings.enter(y, above);
        self.noise.enter();
    }

    /// What to expect in column `x` of a row known up to there.
    #[inline(always)]
    pub(crate) fn expect(&self, x: usize, above: &[&[i16]; ABOVE], row: &[i16]) -> Expected {
        let model = self.model;
        let around = self.surroundings.at(x, above, row, model.limits.scatter);
        if around.activity == 0 {
            return Expected { location: at(around.center), cell: EQUAL };
        }
        let class = class(&model.limits, around.activity);
        let means = self.surroundings.means(x, around.center);
        let inputs = inputs(x, above, row, around, means);
        let location = locate(&inputs, around.center, &model.weights[class]);
        let (index, scale) = self.noise.at(x, above, row, around, location);
        let cell = cell(index, scale, location, model.scale.usual, at(around.center));
        Expected { location, cell }
    }

    /// Takes in the value of column `x`, for which `location` was expected.
    #[inline(always)]
    pub(crate) fn learn(&mut self, x: usize, value: i16, location: i32) {
        self.surroundings.learn(x, value);
        self.noise.learn(x, at(value) - location);
    }
}

/// The class of surroundings of this activity.
#[inline(always)]
pub(crate) fn class(limits: &Limits, activity: u32) -> usize {
    limits.classes.iter().map(|&from| usize::from(activity >= from)).sum()
}

impl Model {
    pub(crate) fn write(&self, writer: &mut BitWriter) {
        writer.write(u64::from(self.origin), 16);
        writer.write(u64::from(self.limits.scatter), 16);
        writer.write(self.limits.classes.len() as u64, 3);
        writer.write(self.pixels as u64, 7);
        let mut last = 0;
        let steps: Vec<u32> =
            self.limits.classes.iter().map(|&c| c - std::mem::replace(&mut last, c)).collect();
        write(writer, &steps);
        for (i, weights) in self.weights.iter().enumerate() {
            // Every class in differences to the one before.
            let before = if i == 0 { None } else { Some(&self.weights[i - 1]) };
            let step = |lane: usize| {
                let own = i32::from(weights.lanes[lane] >> WEIGHT_STEP_BITS);
                fold(own - before.map_or(0, |before| i32::from(before.lanes[lane] >> WEIGHT_STEP_BITS)))
            };
            let near = self.pixels.min(NEAR);
            let lanes = |range: std::ops::Range<usize>| -> Vec<u32> {
                NEAREST[range].iter().map(|&lane| step(usize::from(lane))).collect()
            };
            write(writer, &lanes(0..near));
            write(writer, &lanes(near..self.pixels));
            write(writer, &(PIXELS..PIXELS + EXCESSES).map(step).collect::<Vec<_>>());
            write(writer, &(PIXELS + EXCESSES..LANES).map(step).collect::<Vec<_>>());
            write(writer, &[fold(weights.offset)]);
        }
        write(writer, &self.scale.inputs.map(u32::from));
        writer.write(u64::from(self.scale.usual), 16);
        writer.write(u64::from(self.scale.unit), 4);
        self.groups.write(writer);
    }

    pub(crate) fn read(what: &str, reader: &mut BitReader<'_>) -> Result<Self> {
        let origin = reader.read(16) as u16;
        let scatter = reader.read(16) as u16;
        let classes = reader.read(3) as usize;
        let pixels = reader.read(7) as usize;
        if pixels > PIXELS {
            return Err(Error::corrupt(what, format!("{pixels} pixels in a window of {PIXELS}")));
        }
        let mut last = 0_u32;
        let classes = read(what, reader, classes)?
            .into_iter()
            .map(|step| {
                last = last.saturating_add(step);
                last
            })
            .collect();
        let limits = Limits { scatter, classes };
        let mut weights: Vec<Weights> = Vec::with_capacity(MAX_CLASSES);
        for i in 0..=limits.classes.len() {
            let mut own = if i == 0 { Weights::default() } else { weights[i - 1].clone() };
            let near = pixels.min(NEAR);
            for range in [0..near, near..pixels] {
                let steps = read(what, reader, range.len())?;
                for (&lane, step) in NEAREST[range].iter().zip(steps) {
                    own.step(usize::from(lane), step);
                }
            }
            for range in [PIXELS..PIXELS + EXCESSES, PIXELS + EXCESSES..LANES] {
                let steps = read(what, reader, range.len())?;
                for (lane, step) in range.zip(steps) {
                    own.step(lane, step);
                }
            }
            own.offset = unfold(read(what, reader, 1)?[0]);
            weights.push(own);
        }
        let mut inputs = [0; SCALE_INPUTS];
        for (to, from) in inputs.iter_mut().zip(read(what, reader, SCALE_INPUTS)?) {
            *to = from.min(u32::from(MAX_SCALE_WEIGHT)) as u16;
        }
        let scale = ScaleWeights { inputs, usual: reader.read(16) as u16, unit: reader.read(4) as u32 };
        let groups = Groups::read(what, reader)?;
        Ok(Self { origin, limits, pixels, weights, scale, groups })
    }
}

/// Pixels of the window whose weights are large, and written apart from the others.
const NEAR: usize = 12;

impl Weights {
    fn step(&mut self, lane: usize, step: u32) {
        let step = (unfold(step) as i16) << WEIGHT_STEP_BITS;
        self.lanes[lane] = self.lanes[lane].wrapping_add(step);
    }
}

const _: () = assert!(WEIGHT_BITS > LOCATION_BITS && MEANS == 4);
