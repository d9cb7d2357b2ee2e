//! The weights of the mixture: sums of sets that contexts select, updated by the natural gradient.
//!
//! The mixture is a logistic regression whose inputs nearly agree: the logits of the experts are
//! almost the same, and biases are small. The code length is steep along what they share and flat
//! along their differences, so one step size for all inputs is too large there or too small here.
//! Therefore the gradient is multiplied by the inverse of the curvature, the mean of p (1 - p) s s'
//! over decisions of one width (a Newton step, shared by all sets).

use crate::predict::cholesky::Cholesky;
use crate::predict::moments::Moments;
use nf_simd::InstructionSet;

/// Inputs of the mixture, a multiple of 16; the last two are spare.
pub(super) const INPUTS: usize = 32;
/// Sets that add up to the weights of a decision.
pub(super) const GROUPS: usize = 6;
/// Classes of decisions by width; each has a curvature of its own.
pub(super) const CLASSES: usize = 8;

/// The first step of a set is `STEP / PRIOR_DECISIONS`, after n decisions
/// `STEP / (PRIOR_DECISIONS + n)`, and never below `LAST_STEP`.
const STEP: f32 = 0.17;
const PRIOR_DECISIONS: f32 = 1000.0;
const LAST_STEP: f32 = 0.000_03;
/// Curvature of the prior per decision, for [`PRIOR`] decisions, and what is added to it per
/// decision.
const RIDGE: f32 = 0.3;
const LATER_RIDGE: f32 = 0.01;
const PRIOR: f32 = 20.0;
/// Decisions of a class after which its memory is halved.
const MEMORY: f32 = 100_000.0;
/// One of this many pixels adds to the curvature, after the first ones, which all do.
const MEASURED_EVERY_PX: u32 = 4;
const ALL_MEASURED_PX: u32 = 2048;
/// Pixels between two inversions: an eighth of those so far, within these.
const INVERTED_EVERY_PX: (u32, u32) = (32, 2048);

/// The weights of one tile.
#[derive(Debug)]
pub(super) struct Mixer {
    isa: InstructionSet,
    weights: Vec<[f32; INPUTS]>,
    /// Decisions that a set took part in.
    uses: Vec<f32>,
    curvatures: [Moments<INPUTS>; CLASSES],
    inverses: Box<[[[f32; INPUTS]; INPUTS]; CLASSES]>,
    cholesky: Cholesky,
    pixels: u32,
    next_inversion: u32,
    /// Whether the decisions of this pixel add to the curvature.
    measures: bool,
}

impl Mixer {
    /// `sets` sets; the first `started` begin with the weights `start`, all others with none.
    pub(super) fn new(isa: InstructionSet, sets: usize, started: usize, start: [f32; INPUTS]) -> Self {
        let mut weights = vec![[0.0; INPUTS]; sets];
        weights[..started].fill(start);
        Self {
            isa,
            weights,
            uses: vec![0.0; sets],
            curvatures: std::array::from_fn(|_| Moments::new(INPUTS)),
            inverses: Box::new([[[0.0; INPUTS]; INPUTS]; CLASSES]),
            cholesky: Cholesky::new(INPUTS),
            pixels: 0,
            next_inversion: 0,
            measures: true,
        }
    }

    /// Before the decisions of a pixel.
    pub(super) fn begin(&mut self) {
        if self.pixels == self.next_inversion {
            self.next_inversion += (self.pixels / 8).clamp(INVERTED_EVERY_PX.0, INVERTED_EVERY_PX.1);
            for (curvature, inverse) in self.curvatures.iter_mut().zip(self.inverses.iter_mut()) {
                let decisions = curvature.samples;
                let ridge = PRIOR * RIDGE + decisions * LATER_RIDGE;
                curvature.factor(self.isa, &mut self.cholesky, ridge, &[0.0; INPUTS]);
                self.cholesky.inverse(self.isa, f64::from(decisions + PRIOR), inverse);
                if decisions > MEMORY {
                    curvature.scale(0.5);
                }
            }
        }
        self.measures = self.pixels < ALL_MEASURED_PX || self.pixels.is_multiple_of(MEASURED_EVERY_PX);
        self.pixels += 1;
    }

    /// The weights of a decision: the sum of `sets`.
    #[inline(always)]
    pub(super) fn weights(&self, sets: &[usize; GROUPS]) -> [f32; INPUTS] {
        let [a, b, c, d, e, f] = *sets;
        let [a, b, c] = [&self.weights[a], &self.weights[b], &self.weights[c]];
        let [d, e, f] = [&self.weights[d], &self.weights[e], &self.weights[f]];
        let mut weights = [0.0; INPUTS];
        for k in 0..INPUTS {
            weights[k] = (a[k] + b[k]) + (c[k] + d[k]) + (e[k] + f[k]);
        }
        weights
    }

    /// A decision of `class`, with these logits of the inputs, came out `error` above its
    /// probability, whose variance is `information`.
    #[inline(always)]
    pub(super) fn update(
        &mut self,
        sets: &[usize; GROUPS],
        class: usize,
        logits: &[f32; INPUTS],
        error: f32,
        information: f32,
    ) {
        if self.measures {
            self.curvatures[class].add(logits, 0.0, information.sqrt());
        }
        let mut natural = [0.0f32; INPUTS];
        for (row, logit) in self.inverses[class].iter().zip(logits) {
            for (sum, entry) in natural.iter_mut().zip(row) {
                *sum += entry * logit;
            }
        }
        for &set in sets {
            let step = STEP / (PRIOR_DECISIONS + self.uses[set]);
            self.uses[set] += 1.0;
            let gain = error * if step > LAST_STEP { step } else { LAST_STEP };
            for (weight, natural) in self.weights[set].iter_mut().zip(&natural) {
                *weight += gain * natural;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::maths::sigmoid;
    use nf_image::testing::Rng;

    #[test]
    fn the_better_of_two_nearly_equal_inputs_is_found() {
        let mut start = [0.0; INPUTS];
        start[..2].fill(0.5);
        let mut mixer = Mixer::new(InstructionSet::best(), GROUPS, 1, start);
        let sets = [0, 1, 2, 3, 4, 5];
        let mut rng = Rng::new(9);
        for _ in 0..40_000 {
            mixer.begin();
            let mut logits = [0.0; INPUTS];
            logits[0] = 4.0 * rng.uniform() as f32 - 2.0;
            logits[1] = logits[0] + 0.5 * rng.uniform() as f32 - 0.25;
            // The first input is right, the second adds noise to it.
            let bit = (rng.uniform() as f32) < sigmoid(logits[0]);
            let weights = mixer.weights(&sets);
            let p = sigmoid(weights[0] * logits[0] + weights[1] * logits[1]);
            mixer.update(&sets, 0, &logits, if bit { 1.0 } else { 0.0 } - p, p * (1.0 - p));
        }
        let weights = mixer.weights(&sets);
        assert!((weights[0] - 1.0).abs() < 0.35 && weights[1].abs() < 0.35, "{weights:?}");
    }
}
