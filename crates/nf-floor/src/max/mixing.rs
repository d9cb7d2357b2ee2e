//! The weights of the mixture: sums of sets that contexts choose, learnt by the natural gradient.
//!
//! The mixture is a logistic regression whose inputs nearly agree: experts state almost the same odds, biases are small. Along
//! what they share the code length is steep, along their differences flat, and one step for all inputs is too large there
//! or too small here. So the gradient is multiplied by the inverse of its curvature, the mean of p (1 - p) s s' over
//! decisions of one width (a Newton step, shared by all sets).

use super::constants::Constants;
use super::least_squares::{Moments, Solver};

/// Inputs of the mixture, a multiple of 16; the last two are spare.
pub(super) const INPUTS: usize = 32;
/// Sets that add up to the weights of a decision.
pub(super) const GROUPS: usize = 6;
/// Classes of decisions by width; each has a curvature of its own.
pub(super) const CLASSES: usize = 8;

/// Curvature of the prior per decision, for [`PRIOR`] decisions, and what later joins it per decision.
const RIDGE: f32 = 0.3;
const LATER_RIDGE: f32 = 0.01;
const PRIOR: f32 = 20.0;
/// Decisions of a class after which its memory is halved.
const MEMORY: f32 = 100_000.0;
/// Every so many pixels add to the curvature, after the first ones, which all do.
const MEASURED_EVERY_PX: u32 = 4;
const ALL_MEASURED_PX: u32 = 2048;
/// Pixels between two inversions: an eighth of those so far, within these.
const INVERTED_EVERY_PX: (u32, u32) = (32, 2048);

/// The weights of one tile.
#[derive(Debug)]
pub(super) struct Mixer {
    weights: Vec<[f32; INPUTS]>,
    /// Decisions that a set took part in.
    uses: Vec<f32>,
    curvatures: [Moments<INPUTS>; CLASSES],
    inverses: Box<[[[f32; INPUTS]; INPUTS]; CLASSES]>,
    solver: Solver<INPUTS>,
    pixels: u32,
    next_inversion: u32,
    /// Whether the decisions of this pixel add to the curvature.
    measures: bool,
    step: f32,
    prior: f32,
    last: f32,
}

impl Mixer {
    /// `sets` sets; the first `started` begin with the weights `start`, all others with none.
    pub(super) fn new(sets: usize, started: usize, start: [f32; INPUTS], constants: &Constants) -> Self {
        let mut weights = vec![[0.0; INPUTS]; sets];
        weights[..started].fill(start);
        Self {
            weights,
            uses: vec![0.0; sets],
            curvatures: std::array::from_fn(|_| Moments::new()),
            inverses: Box::new([[[0.0; INPUTS]; INPUTS]; CLASSES]),
            solver: Solver::new(),
            pixels: 0,
            next_inversion: 0,
            measures: true,
            step: constants.mixing_step,
            prior: constants.mixing_prior,
            last: constants.mixing_last,
        }
    }

    /// Before the decisions of a pixel.
    #[inline(always)]
    pub(super) fn begin(&mut self) {
        if self.pixels == self.next_inversion {
            self.next_inversion += (self.pixels / 8).clamp(INVERTED_EVERY_PX.0, INVERTED_EVERY_PX.1);
            for (curvature, inverse) in self.curvatures.iter_mut().zip(self.inverses.iter_mut()) {
                let decisions = curvature.samples;
                let ridge = PRIOR * RIDGE + decisions * LATER_RIDGE;
                self.solver.factor(curvature, ridge, &[0.0; INPUTS]);
                self.solver.inverse(f64::from(decisions + PRIOR), inverse);
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
        let [a, b, c, d, e, f] = sets.map(|set| &self.weights[set]);
        std::array::from_fn(|k| (a[k] + b[k]) + (c[k] + d[k]) + (e[k] + f[k]))
    }

    /// A decision of `class` came out `error` above its probability, whose variance is `information`.
    #[inline(always)]
    pub(super) fn learn(
        &mut self,
        sets: &[usize; GROUPS],
        class: usize,
        stated: &[f32; INPUTS],
        error: f32,
        information: f32,
    ) {
        if self.measures {
            let root = information.sqrt();
            self.curvatures[class].add(&stated.map(|stated| stated * root), 0.0);
        }
        let mut natural = [0.0f32; INPUTS];
        for (row, stated) in self.inverses[class].iter().zip(stated) {
            for (sum, entry) in natural.iter_mut().zip(row) {
                *sum += entry * stated;
            }
        }
        for &set in sets {
            let step = self.step / (self.prior + self.uses[set]);
            self.uses[set] += 1.0;
            let gain = error * if step > self.last { step } else { self.last };
            for (weight, natural) in self.weights[set].iter_mut().zip(&natural) {
                *weight += gain * natural;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_of_two_nearly_equal_inputs_is_found() {
        let mut start = [0.0; INPUTS];
        start[..2].fill(0.5);
        let mut mixer = Mixer::new(GROUPS, 1, start, &Constants::COMMITTED);
        let sets = [0, 1, 2, 3, 4, 5];
        let mut state = 9u32;
        let mut uniform = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        for _ in 0..40_000 {
            mixer.begin();
            let mut stated = [0.0; INPUTS];
            stated[0] = 4.0 * uniform() - 2.0;
            stated[1] = stated[0] + 0.5 * uniform() - 0.25;
            // The first input is right, the second adds noise to it.
            let truth = super::super::math::squash(stated[0]);
            let bit = uniform() < truth;
            let weights = mixer.weights(&sets);
            let p = super::super::math::squash(weights[0] * stated[0] + weights[1] * stated[1]);
            mixer.learn(&sets, 0, &stated, if bit { 1.0 } else { 0.0 } - p, p * (1.0 - p));
        }
        let weights = mixer.weights(&sets);
        assert!((weights[0] - 1.0).abs() < 0.35 && weights[1].abs() < 0.35, "{weights:?}");
    }
}
