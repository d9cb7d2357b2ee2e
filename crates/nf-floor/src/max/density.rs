//! From experts to bits: a pixel as a path of binary decisions, every one mixed from all experts.
//!
//! An expert is a law of the pixel's value: a mean, a scale, a shape, and a trace of the uniform law. The path
//! first finds the pixel's aligned block of 2^k values (k so that the block holds about eight scales; two
//! blocks are near the mean, further ones lie along a path of growing steps), then its bits from the top. At a
//! decision between `low..middle` and `middle..high` every expert states the logarithm of the odds by the
//! masses that its law gives to both parts. These are mixed in that domain (a product of experts): the
//! weights are the sum of three sets, chosen by the position of the decision in the law, by the contrast of
//! the scales, and by the scale. Weights follow the gradient of the code length.
//!
//! Because decisions fall on aligned values, a bias per decision learns how often an analog-digital converter
//! prefers one half (missing codes, unequal widths): a Bayesian logistic regression each, with a timid and a
//! bold prior, and one shared by all nodes with the same low four bits of the prefix.

use super::binary::{Binary, PROBABILITY_BITS};
use super::math::{bound, ln, squash};
use super::shapes::Shapes;

/// Number of experts.
pub(super) const EXPERTS: usize = 12;
/// Inputs of the mixture: experts, three biases, spare ones.
const INPUTS: usize = 16;
/// Weight sets of each of the three choices.
const SETS: usize = 128;
/// Contexts that a caller may choose from, for the second and the third set.
pub(super) const CONTEXTS: usize = 16;
/// Share of the uniform law per value of the alphabet.
const UNIFORM: f32 = 1.0 / 65_536.0 / 256.0;
/// Bounds of stated and mixed logarithms of odds.
const STATED_BOUND: f32 = 12.0;
const MIXED_BOUND: f32 = 14.0;
/// First and last step of the weights.
const FIRST_STEP: f32 = 0.01;
const LAST_STEP: f32 = 0.0005;
/// Precision (inverse variance) of the priors of the biases: timid, bold, shared.
const PRECISIONS: [f32; 3] = [100.0, 5.0, 400.0];
/// Values of a sample.
const VALUES: u32 = 1 << 16;

/// A law of the pixel's value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expert {
    pub(super) mean: f32,
    pub(super) inverse_scale: f32,
    pub(super) shape: usize,
}

/// A bias and the precision with which it is known.
#[derive(Clone, Copy, Debug)]
struct Bias {
    value: f32,
    precision: f32,
}

impl Bias {
    const fn new(precision: f32) -> Self {
        Self { value: 0.0, precision }
    }

    #[inline(always)]
    fn learn(&mut self, error: f32, information: f32) {
        self.precision += information;
        self.value += error / self.precision;
    }
}

/// The experts' distribution functions at one edge: the signed tail, and whether the edge is above the centre.
#[derive(Clone, Copy, Debug)]
struct Edge {
    tail: [f32; EXPERTS],
    above: [f32; EXPERTS],
}

/// Where a decision stands in the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Search for the block, or a block cut by the path.
    Search,
    /// Within a block: 2^level values are left.
    Bit(u32),
}

/// The mixture of one tile.
#[derive(Debug)]
pub(super) struct Density {
    shapes: Shapes,
    weights: Vec<[f32; INPUTS]>,
    uses: Vec<f32>,
    nodes: Vec<[Bias; 2]>,
    shared: Vec<Bias>,
    low: Edge,
    high: Edge,
    experts: [Expert; EXPERTS],
    mean: f32,
    inverse_scale: f32,
    sets: [usize; 2],
}

impl Density {
    pub(super) fn new() -> Self {
        let mut start = [0.0; INPUTS];
        start[..EXPERTS].fill(1.0 / EXPERTS as f32);
        start[EXPERTS..EXPERTS + 3].copy_from_slice(&[0.5, 0.5, 1.0]);
        let mut weights = vec![[0.0; INPUTS]; 3 * SETS];
        weights[..SETS].fill(start);
        let edge = Edge { tail: [0.0; EXPERTS], above: [0.0; EXPERTS] };
        Self {
            shapes: Shapes::new(),
            weights,
            uses: vec![0.0; 3 * SETS],
            nodes: vec![[Bias::new(PRECISIONS[0]), Bias::new(PRECISIONS[1])]; VALUES as usize],
            shared: vec![Bias::new(PRECISIONS[2]); 17 * 16],
            low: edge,
            high: edge,
            experts: [Expert::default(); EXPERTS],
            mean: 0.0,
            inverse_scale: 1.0,
            sets: [0; 2],
        }
    }

    /// Codes `value` under the `experts`; returns the value, which a decoder learns here.
    ///
    /// `mean` and `scale` place the path; `contexts` (each below [`CONTEXTS`]) choose weights.
    #[inline(always)]
    pub(super) fn code<B: Binary>(
        &mut self,
        coder: &mut B,
        value: u32,
        experts: [Expert; EXPERTS],
        (mean, scale): (f32, f32),
        contexts: [usize; 2],
    ) -> u32 {
        self.experts = experts;
        self.mean = mean;
        self.inverse_scale = 1.0 / scale;
        self.sets = [SETS + contexts[0] * 4, 2 * SETS + contexts[1] * 4];
        self.low = Edge { tail: [0.0; EXPERTS], above: [0.0; EXPERTS] };
        self.high = Edge { tail: [0.0; EXPERTS], above: [1.0; EXPERTS] };
        let mut level = 2;
        while ((1u32 << level) as f32) < 8.0 * scale && level < 15 {
            level += 1;
        }
        let side = 1u32 << level;
        let base = bound(mean, 0.0, 65_535.0) / side as f32 - 0.5;
        let base = (base as u32).min(VALUES / side - 2) * side;
        let (mut low, mut high) = (0, VALUES);
        if self.decide(coder, value, low, base + side, high, Step::Search) {
            low = base + side;
            let (mut middle, mut stride) = (low + side, 2 * side);
            while middle < VALUES {
                if !self.decide(coder, value, low, middle, high, Step::Search) {
                    high = middle;
                    break;
                }
                low = middle;
                middle += stride;
                stride = (stride * 4).min(VALUES);
            }
        } else {
            high = base + side;
            let (mut below, mut stride) = (base, 2 * side);
            while below > 0 {
                if self.decide(coder, value, low, below, high, Step::Search) {
                    low = below;
                    break;
                }
                high = below;
                below = below.saturating_sub(stride);
                stride = (stride * 4).min(VALUES);
            }
        }
        let aligned = high - low == side && low.is_multiple_of(side);
        while high - low > 1 {
            let step = if aligned { Step::Bit((high - low).trailing_zeros()) } else { Step::Search };
            let middle = low + (high - low) / 2;
            if self.decide(coder, value, low, middle, high, step) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// One decision: is the value at least `middle`?
    #[inline(always)]
    fn decide<B: Binary>(
        &mut self,
        coder: &mut B,
        value: u32,
        low: u32,
        middle: u32,
        high: u32,
        step: Step,
    ) -> bool {
        let edge = middle as f32 - 0.5;
        let mut at = Edge { tail: [0.0; EXPERTS], above: [0.0; EXPERTS] };
        for (k, expert) in self.experts.iter().enumerate() {
            let z = (edge - expert.mean) * expert.inverse_scale;
            at.tail[k] = self.shapes.signed_tail(expert.shape, z);
            at.above[k] = if z < 0.0 { 0.0 } else { 1.0 };
        }
        let (trace_low, trace_high) = (UNIFORM * (middle - low) as f32, UNIFORM * (high - middle) as f32);
        let mut stated = [0.0f32; INPUTS];
        for (k, stated) in stated[..EXPERTS].iter_mut().enumerate() {
            let below = (at.tail[k] - self.low.tail[k]) + (at.above[k] - self.low.above[k]);
            let above = (self.high.tail[k] - at.tail[k]) + (self.high.above[k] - at.above[k]);
            let below = if below > 0.0 { below } else { 0.0 } + trace_low;
            let above = if above > 0.0 { above } else { 0.0 } + trace_high;
            *stated = bound(ln(above / below), -STATED_BOUND, STATED_BOUND);
        }
        let biased = match step {
            Step::Search => None,
            Step::Bit(level) => {
                let prefix = low >> level;
                let node = (1usize << (16 - level)) + prefix as usize;
                Some((node, level as usize * 16 + (prefix & 15) as usize))
            }
        };
        if let Some((node, shared)) = biased {
            stated[EXPERTS] = self.nodes[node][0].value;
            stated[EXPERTS + 1] = self.nodes[node][1].value;
            stated[EXPERTS + 2] = self.shared[shared].value;
        }
        let sets = self.weight_sets(edge, (high - low) as f32, step);
        let mut mixed = [0.0f32; INPUTS];
        let (a, b, c) = (&self.weights[sets[0]], &self.weights[sets[1]], &self.weights[sets[2]]);
        for k in 0..INPUTS {
            mixed[k] = stated[k] * ((a[k] + b[k]) + c[k]);
        }
        let mut width = INPUTS / 2;
        while width > 0 {
            for k in 0..width {
                mixed[k] += mixed[k + width];
            }
            width /= 2;
        }
        let probability = squash(bound(mixed[0], -MIXED_BOUND, MIXED_BOUND));
        let set = (probability * (1u32 << PROBABILITY_BITS) as f32) as u32;
        let bit = coder.code(value >= middle, set.clamp(1, (1 << PROBABILITY_BITS) - 1));
        let error = if bit { 1.0 } else { 0.0 } - probability;
        for set in sets {
            self.uses[set] += 1.0;
            let step = FIRST_STEP / (1.0 + self.uses[set] * 0.02);
            let gain = error * if step > LAST_STEP { step } else { LAST_STEP };
            for (weight, stated) in self.weights[set].iter_mut().zip(&stated) {
                *weight += gain * stated;
            }
        }
        if let Some((node, shared)) = biased {
            let information = probability * (1.0 - probability);
            self.nodes[node][0].learn(error, information);
            self.nodes[node][1].learn(error, information);
            self.shared[shared].learn(error, information);
        }
        if bit {
            self.low = at;
        } else {
            self.high = at;
        }
        bit
    }

    /// The weight sets of a decision at `edge` between `values` values.
    #[inline(always)]
    fn weight_sets(&self, edge: f32, values: f32, step: Step) -> [usize; 3] {
        /// Upper bounds of the classes of |z|, and of the width of the interval, in scales.
        const DISTANCES: [f32; 7] = [0.25, 0.5, 1.0, 1.5, 2.5, 4.0, 8.0];
        const WIDTHS: [f32; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
        let z = (edge - self.mean) * self.inverse_scale;
        let values = values * self.inverse_scale;
        let class =
            |bounds: &[f32], value: f32| bounds.iter().map(|&bound| usize::from(value >= bound)).sum();
        let distance: usize = class(&DISTANCES, z.abs());
        let side = if z < 0.0 { 0 } else { 8 };
        let (width, coarse) = match step {
            Step::Search => (7, 3),
            Step::Bit(_) => (class(&WIDTHS, values), class(&[0.5, 2.0], values)),
        };
        [(side + distance) * 8 + width, self.sets[0] + coarse, self.sets[1] + coarse]
    }
}
