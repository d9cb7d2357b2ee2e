//! From experts to bits: a pixel as a path of binary decisions, every one mixed from all experts.
//!
//! An expert is a law of the pixel's value: a mean, a scale, a shape, and a trace of the uniform law. The path
//! first finds the pixel's aligned block of 2^k values (k so that the block holds about eight scales; two
//! blocks are near the mean, further ones lie along a path of growing steps), then its bits from the top. At a
//! decision between `low..middle` and `middle..high` every expert states the logarithm of the odds by the
//! masses that its law gives to both parts. These are mixed in that domain (a product of experts): the
//! weights are the sum of six sets, chosen by the position of the decision in the law, by the contrast of the scales, by the
//! scale, by the low bits of the prefix, by outliers around, and by the sides of the nearest pixels
//! ([`mixing`](super::mixing)).
//!
//! Because decisions fall on aligned values, a bias per decision learns how often an analog-digital converter
//! prefers one half (missing codes, unequal widths): a Bayesian logistic regression each, with a timid and a
//! bold prior, and one shared by all nodes with the same low four bits of the prefix. Further biases of the same
//! kind belong to what the pixels around say ([`neighbours`](super::neighbours)).

use super::binary::{Binary, PROBABILITY_BITS};
use super::constants::Constants;
use super::math::{bound, dot, ln, squash};
use super::mixing::{CLASSES, INPUTS, Mixer};
use super::neighbours::{self, LOOKED_AT, Split};
use super::refine::OUTLIERS;
use super::shapes::Shapes;

/// Number of experts.
pub(super) const EXPERTS: usize = 16;
/// Biases of a decision: of its node (timid and bold), shared, and by the pixels around.
const BIASES: usize = 3 + neighbours::CONTEXTS;
/// Shared biases: levels and low four bits of the prefix.
const SHARED: usize = 17 * 16;
/// Weight sets of every choice: by the position of the decision, by the shared biases' nodes (and one for searches), and
/// by what a caller chooses, each for four widths.
const POSITIONS: usize = 16 * CLASSES;
const CHOICES: [usize; 4] = [CONTEXTS * 4, CONTEXTS * 4, OUTLIERS * 4, SIDES * 4];
/// Their first sets.
const FIRST_NODE: usize = POSITIONS;
const FIRST_CHOSEN: [usize; 4] = {
    let mut first = [FIRST_NODE + SHARED + 1; 4];
    let mut k = 1;
    while k < 4 {
        first[k] = first[k - 1] + CHOICES[k - 1];
        k += 1;
    }
    first
};
const SETS: usize = FIRST_CHOSEN[3] + CHOICES[3];
/// Place of the first bias by the pixels around.
const AROUND: usize = EXPERTS + 3;
/// Contexts that a caller may choose from: two choices of these, one of [`OUTLIERS`], one of [`SIDES`].
pub(super) const CONTEXTS: usize = 16;
pub(super) const SIDES: usize = 25;
/// Share of the uniform law per value of the alphabet.
const UNIFORM: f32 = 1.0 / 65_536.0 / 256.0;
/// Bounds of stated and mixed logarithms of odds.
const STATED_BOUND: f32 = 12.0;
const MIXED_BOUND: f32 = 14.0;
/// Precision (inverse variance) of the priors of the biases: timid, bold, shared.
const PRECISIONS: [f32; 3] = [100.0, 5.0, 400.0];
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
    mixer: Mixer,
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
    sets: [usize; 4],
    near: [u32; LOOKED_AT],
}

impl Density {
    pub(super) fn new(constants: &Constants) -> Self {
        let mut start = [0.0; INPUTS];
        start[..EXPERTS].fill(1.0 / EXPERTS as f32);
        start[EXPERTS..AROUND].copy_from_slice(&BIAS_START);
        start[AROUND..EXPERTS + BIASES].fill(AROUND_START);
        let edge = Edge { tail: [0.0; EXPERTS], above: [0.0; EXPERTS] };
        let around = Bias::new(constants.around_precision);
        Self {
            shapes: Shapes::new(),
            mixer: Mixer::new(SETS, POSITIONS, start, constants),
            nodes: vec![[Bias::new(PRECISIONS[0]), Bias::new(PRECISIONS[1])]; VALUES as usize],
            shared: vec![Bias::new(PRECISIONS[2]); SHARED + 1],
            around: vec![around; neighbours::CONTEXTS * neighbours::ENTRIES],
            low: edge,
            high: edge,
            means: [0.0; EXPERTS],
            inverse_scales: [1.0; EXPERTS],
            shapes_of: [0; EXPERTS],
            mean: 0.0,
            inverse_scale: 1.0,
            sets: [0; 4],
            near: [0; LOOKED_AT],
        }
    }

    /// Codes `value` under the `experts`; returns the value, which a decoder learns here.
    ///
    /// `mean` and `scale` place the path; `contexts` (below [`CONTEXTS`] twice, [`OUTLIERS`], [`SIDES`]) choose weights;
    /// `near` are the values that [`neighbours`] looks at.
    #[inline(always)]
    pub(super) fn code<B: Binary>(
        &mut self,
        coder: &mut B,
        value: u32,
        experts: [Expert; EXPERTS],
        (mean, scale): (f32, f32),
        contexts: [usize; 4],
        near: [u32; LOOKED_AT],
    ) -> u32 {
        self.near = near;
        if B::TEACHES {
            self.mixer.begin();
        }
        self.means = experts.map(|expert| expert.mean);
        self.inverse_scales = experts.map(|expert| expert.inverse_scale);
        self.shapes_of = experts.map(|expert| expert.shape);
        self.mean = mean;
        self.inverse_scale = 1.0 / scale;
        self.sets = std::array::from_fn(|k| FIRST_CHOSEN[k] + contexts[k] * 4);
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
        let (position, coarse) = self.position(edge, (high - low) as f32, step);
        let [a, b, c, d] = self.sets;
        let sets = [position, a + coarse, b + coarse, FIRST_NODE + shared, c + coarse, d + coarse];
        let weights = self.mixer.weights(&sets);
        let mixed = dot(&weights, &stated);
        let probability = squash(bound(mixed, -MIXED_BOUND, MIXED_BOUND));
        let set = (probability * (1u32 << PROBABILITY_BITS) as f32) as u32;
        let bit = coder.code(value >= middle, set.clamp(1, (1 << PROBABILITY_BITS) - 1));
        if !B::TEACHES {
            *if bit { &mut self.low } else { &mut self.high } = at;
            return bit;
        }
        let error = if bit { 1.0 } else { 0.0 } - probability;
        let information = probability * (1.0 - probability);
        self.mixer.learn(&sets, position % CLASSES, &stated, error, information);
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

    /// The first weight set of a decision at `edge` between `values` values, and its width, coarsely.
    #[inline(always)]
    fn position(&self, edge: f32, values: f32, step: Step) -> (usize, usize) {
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
            Step::Search => (CLASSES - 1, 3),
            Step::Bit(_) => (class(&WIDTHS, values), class(&[0.5, 2.0], values)),
        };
        ((side + distance) * CLASSES + width, coarse)
    }
}
