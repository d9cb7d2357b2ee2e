//! From experts to bits: a pixel as a path of binary decisions, every one mixed from all experts.
//!
//! An expert is a law of the pixel's value: a mean, a scale, a shape, and a trace of the uniform law. The path
//! first finds the pixel's aligned block of 2^k values (k so that the block holds about eight scales; two
//! blocks are near the mean, further ones lie along a path of growing steps), then its bits from the top. At a
//! decision between `low..middle` and `middle..high` every expert states the logarithm of the odds by the
//! masses that its law gives to both parts. These are mixed in that domain (a product of experts): the
//! weights are the sum of four sets, chosen by the position of the decision in the law, by the contrast of
//! the scales, and by the scale. Weights follow the gradient of the code length.
//!
//! Because decisions fall on aligned values, a bias per decision learns how often an analog-digital converter
//! prefers one half (missing codes, unequal widths): a Bayesian logistic regression each, with a timid and a
//! bold prior, and one shared by all nodes with the same low four bits of the prefix. Further biases of the same
//! kind belong to what the pixels around say ([`neighbours`](super::neighbours)).

use super::binary::{Binary, PROBABILITY_BITS};
use super::math::{bound, dot, ln, squash};
use super::neighbours::{self, PLACES, Split};
use super::shapes::Shapes;

/// Number of experts.
pub(super) const EXPERTS: usize = 12;
/// Inputs of the mixture: experts, biases of the node, biases by the pixels around.
const INPUTS: usize = EXPERTS + BIASES;
/// Biases of a decision: of its node (timid and bold), shared, and by the pixels around.
const BIASES: usize = 3 + neighbours::CONTEXTS;
/// Weight sets of each of the first three choices.
const SETS: usize = 128;
/// Weight sets of the fourth choice: the shared biases' nodes, and one for searches.
const NODE_SETS: usize = SHARED + 1;
/// Shared biases: levels and low four bits of the prefix.
const SHARED: usize = 17 * 16;
/// Place of the first bias by the pixels around.
const AROUND: usize = EXPERTS + 3;
/// Contexts that a caller may choose from, for the second and the third set.
pub(super) const CONTEXTS: usize = 16;
/// Share of the uniform law per value of the alphabet.
const UNIFORM: f32 = 1.0 / 65_536.0 / 256.0;
/// Bounds of stated and mixed logarithms of odds.
const STATED_BOUND: f32 = 12.0;
const MIXED_BOUND: f32 = 14.0;
/// First and last step of the weights.
const FIRST_STEP: f32 = 0.01;
const LAST_STEP: f32 = 0.0003;
/// Precision (inverse variance) of the priors of the biases: timid, bold, shared, by the pixels around.
const PRECISIONS: [f32; 4] = [100.0, 5.0, 400.0, 10.0];
/// Weights of the biases at the start.
const BIAS_START: [f32; 3] = [0.5, 0.5, 1.0];
const AROUND_START: f32 = 0.15;
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
    /// Context after context.
    around: Vec<Bias>,
    low: Edge,
    high: Edge,
    means: [f32; EXPERTS],
    inverse_scales: [f32; EXPERTS],
    shapes_of: [usize; EXPERTS],
    mean: f32,
    inverse_scale: f32,
    sets: [usize; 2],
    near: [u32; PLACES.len()],
}

impl Density {
    pub(super) fn new() -> Self {
        let mut start = [0.0; INPUTS];
        start[..EXPERTS].fill(1.0 / EXPERTS as f32);
        start[EXPERTS..AROUND].copy_from_slice(&BIAS_START);
        start[AROUND..].fill(AROUND_START);
        let mut weights = vec![[0.0; INPUTS]; 3 * SETS + NODE_SETS];
        weights[..SETS].fill(start);
        let edge = Edge { tail: [0.0; EXPERTS], above: [0.0; EXPERTS] };
        Self {
            shapes: Shapes::new(),
            weights,
            uses: vec![0.0; 3 * SETS + NODE_SETS],
            nodes: vec![[Bias::new(PRECISIONS[0]), Bias::new(PRECISIONS[1])]; VALUES as usize],
            shared: vec![Bias::new(PRECISIONS[2]); NODE_SETS],
            around: vec![Bias::new(PRECISIONS[3]); neighbours::CONTEXTS * neighbours::ENTRIES],
            low: edge,
            high: edge,
            means: [0.0; EXPERTS],
            inverse_scales: [1.0; EXPERTS],
            shapes_of: [0; EXPERTS],
            mean: 0.0,
            inverse_scale: 1.0,
            sets: [0; 2],
            near: [0; PLACES.len()],
        }
    }

    /// Codes `value` under the `experts`; returns the value, which a decoder learns here.
    ///
    /// `mean` and `scale` place the path; `contexts` (each below [`CONTEXTS`]) choose weights; `near` are the
    /// pixels at [`PLACES`].
    #[inline(always)]
    pub(super) fn code<B: Binary>(
        &mut self,
        coder: &mut B,
        value: u32,
        experts: [Expert; EXPERTS],
        (mean, scale): (f32, f32),
        contexts: [usize; 2],
        near: [u32; PLACES.len()],
    ) -> u32 {
        self.near = near;
        self.means = experts.map(|expert| expert.mean);
        self.inverse_scales = experts.map(|expert| expert.inverse_scale);
        self.shapes_of = experts.map(|expert| expert.shape);
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
        for k in 0..EXPERTS {
            let z = (edge - self.means[k]) * self.inverse_scales[k];
            at.tail[k] = self.shapes.signed_tail(self.shapes_of[k], z);
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
        let (bits, node, shared) = match step {
            Step::Search => (None, 0, SHARED),
            Step::Bit(level) => {
                let prefix = low >> level;
                let node = (1usize << (16 - level)) + prefix as usize;
                (Some(level), node, level as usize * 16 + (prefix & 15) as usize)
            }
        };
        let around = Split { low, middle, high, bits }.contexts(&self.near, self.mean as u32);
        let mut biases = [Bias::new(1.0); BIASES];
        [biases[0], biases[1]] = self.nodes[node];
        biases[2] = self.shared[shared];
        for (k, (bias, &entry)) in biases[3..].iter_mut().zip(&around).enumerate() {
            *bias = self.around[k * neighbours::ENTRIES + entry];
        }
        for (stated, bias) in stated[EXPERTS..].iter_mut().zip(&biases) {
            *stated = bias.value;
        }
        let [a, b, c] = self.weight_sets(edge, (high - low) as f32, step);
        let sets = [a, b, c, 3 * SETS + shared];
        let [a, b, c, d] = sets.map(|set| &self.weights[set]);
        let mut weights = [0.0f32; INPUTS];
        for k in 0..INPUTS {
            weights[k] = (a[k] + b[k]) + (c[k] + d[k]);
        }
        let mixed = dot(&weights, &stated);
        let probability = squash(bound(mixed, -MIXED_BOUND, MIXED_BOUND));
        let set = (probability * (1u32 << PROBABILITY_BITS) as f32) as u32;
        let bit = coder.code(value >= middle, set.clamp(1, (1 << PROBABILITY_BITS) - 1));
        if !B::TEACHES {
            *if bit { &mut self.low } else { &mut self.high } = at;
            return bit;
        }
        let error = if bit { 1.0 } else { 0.0 } - probability;
        let steps = sets.map(|set| FIRST_STEP / (1.0 + self.uses[set] * 0.02));
        for (set, step) in sets.into_iter().zip(steps) {
            self.uses[set] += 1.0;
            let gain = error * if step > LAST_STEP { step } else { LAST_STEP };
            for (weight, stated) in self.weights[set].iter_mut().zip(&stated) {
                *weight += gain * stated;
            }
        }
        let information = probability * (1.0 - probability);
        for bias in &mut biases {
            bias.precision += information;
            bias.value += error / bias.precision;
        }
        if step != Step::Search {
            self.nodes[node] = [biases[0], biases[1]];
            self.shared[shared] = biases[2];
        }
        for (k, (bias, &entry)) in biases[3..].iter().zip(&around).enumerate() {
            self.around[k * neighbours::ENTRIES + entry] = *bias;
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
