//! From experts to bits: a pixel as a path of binary decisions, each mixed from all experts.
//!
//! The path first finds the pixel's aligned block of 2^k values (k so that the block spans about
//! eight scales; two blocks are near the mean, those further away lie along a path of growing
//! steps), then its bits from the top. At a decision between `low..middle` and `middle..high` every
//! expert has a logit: the logarithm of the odds by the masses that its distribution, with a trace
//! of the uniform one, gives to both parts. Logits are mixed linearly (logistic mixing, a product
//! of experts). The weights are the sum of six sets, selected by the position of the decision in
//! the distribution, by the contrast of the scales, by the scale, by the low bits of the prefix, by
//! outliers around, and by the sides of the nearest pixels ([`mixer`](super::mixer)).
//!
//! Because decisions fall on aligned values, a bias per decision learns how often an
//! analogue-to-digital converter prefers one half (missing codes, unequal widths): a Bayesian
//! logistic regression each, with a slow and a fast prior, and one shared by all nodes with the
//! same low four bits of the prefix. Further biases of the same kind belong to the values of the
//! neighbourhood ([`contexts`](super::contexts)).

use super::contexts::{self, Split};
use super::experts::{EXPERTS, Experts, SHAPES};
use super::mixer::{CLASSES, GROUPS, INPUTS, Mixer};
use super::refine::OUTLIERS;
use super::tails::Tails;
use crate::maths::{clamp_or_low, dot, ln, sigmoid};
use nf_entropy::binary::{BinaryCoder, PROBABILITY_BITS};
use nf_simd::{InstructionSet, kernel};

/// Biases of a decision: of its node (slow and fast), shared, and by the neighbourhood.
const BIASES: usize = 3 + contexts::CONTEXTS;
/// Shared biases: levels and low four bits of the prefix.
const SHARED: usize = 17 * 16;
/// Weight sets of every selection: by the position of the decision, by the node of the shared bias
/// (and one for searches), and by the contexts of the pixel, each for four widths.
const POSITIONS: usize = 16 * CLASSES;
const SELECTIONS: [usize; 4] = [CONTEXTS * 4, CONTEXTS * 4, OUTLIERS * 4, SIDES * 4];
/// Their first sets.
const FIRST_NODE: usize = POSITIONS;
const FIRST_SELECTED: [usize; 4] = {
    let mut first = [FIRST_NODE + SHARED + 1; 4];
    let mut k = 1;
    while k < 4 {
        first[k] = first[k - 1] + SELECTIONS[k - 1];
        k += 1;
    }
    first
};
const SETS: usize = FIRST_SELECTED[3] + SELECTIONS[3];
/// First input of the biases by the neighbourhood.
const AROUND: usize = EXPERTS + 3;
/// Values of the contexts of a pixel: twice this many, then [`OUTLIERS`], then [`SIDES`].
pub(super) const CONTEXTS: usize = 16;
pub(super) const SIDES: usize = 25;
/// Share of the uniform distribution per value of the alphabet.
const UNIFORM: f32 = 1.0 / 65_536.0 / 256.0;
/// Bounds of the logits of experts and of mixtures.
const EXPERT_BOUND: f32 = 12.0;
const MIXTURE_BOUND: f32 = 14.0;
/// Precision (inverse variance) of the priors of the biases: slow, fast, shared, by the
/// neighbourhood.
const PRECISIONS: [f32; 3] = [100.0, 5.0, 400.0];
const AROUND_PRECISION: f32 = 10.0;
/// What is kept of a precision from one tile to another.
const WARM_PRECISION: f32 = 0.3;
/// Weights of the biases at the start.
const BIAS_START: [f32; 3] = [0.5, 0.5, 1.0];
const AROUND_START: f32 = 0.15;
/// Values of a sample.
const VALUES: u32 = 1 << 16;
/// Positions of a lattice that have biases of their own: what a converter prefers belongs to
/// values, not to indices, and an edge between two indices lies elsewhere at every position.
const POSITIONS_OF_LATTICE: usize = 8;

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

/// The experts' distribution functions at one edge: the signed tail, and whether the edge is above
/// the centre.
#[derive(Clone, Copy, Debug)]
struct Edge {
    tail: [f32; EXPERTS],
    above: [f32; EXPERTS],
}

/// Everything about a pixel that its decisions depend on.
#[derive(Debug)]
pub(super) struct Pixel {
    pub(super) experts: Experts,
    /// Where the path begins, and how wide its blocks are.
    pub(super) mean: f32,
    pub(super) scale: f32,
    /// Which [`POSITIONS_OF_LATTICE`] the lattice has.
    pub(super) position: usize,
    /// They select weights: below [`CONTEXTS`] twice, [`OUTLIERS`], [`SIDES`].
    pub(super) contexts: [usize; 4],
    /// The values of the neighbourhood.
    pub(super) around: [u32; contexts::VALUES],
}

impl Pixel {
    /// The position of a lattice whose values lie `offset` steps from whole ones, -1/2 to 1/2.
    pub(super) fn position(offset: f32) -> usize {
        clamp_or_low((offset + 0.5) * POSITIONS_OF_LATTICE as f32, 0.0, (POSITIONS_OF_LATTICE - 1) as f32)
            as usize
    }
}

/// A decision between its prediction and its outcome.
#[derive(Clone, Copy, Debug)]
struct Decision {
    /// Node of the block's tree, if the decision is in an aligned block, and its shared bias.
    node: Option<usize>,
    shared: usize,
    /// Entries of the biases by the neighbourhood.
    around: [usize; contexts::CONTEXTS],
    edge: Edge,
    logits: [f32; INPUTS],
    sets: [usize; GROUPS],
    /// Class of the width.
    class: usize,
    probability: f32,
}

/// The mixture of one tile.
#[derive(Debug)]
pub(super) struct Density {
    isa: InstructionSet,
    tails: &'static Tails,
    mixer: Mixer,
    nodes: Vec<[Bias; 2]>,
    shared: Vec<Bias>,
    /// Context after context.
    around: Vec<Bias>,
    /// Edges of the interval that is left.
    low: Edge,
    high: Edge,
    decision: Decision,
}

impl Density {
    pub(super) fn new(isa: InstructionSet, by_position: bool) -> Self {
        let mut start = [0.0; INPUTS];
        start[..EXPERTS].fill(1.0 / EXPERTS as f32);
        start[EXPERTS..AROUND].copy_from_slice(&BIAS_START);
        start[AROUND..EXPERTS + BIASES].fill(AROUND_START);
        let edge = Edge { tail: [0.0; EXPERTS], above: [0.0; EXPERTS] };
        let positions = if by_position { POSITIONS_OF_LATTICE } else { 1 };
        Self {
            isa,
            tails: Tails::get(),
            mixer: Mixer::new(isa, SETS, POSITIONS, start),
            nodes: vec![[Bias::new(PRECISIONS[0]), Bias::new(PRECISIONS[1])]; VALUES as usize * positions],
            shared: vec![Bias::new(PRECISIONS[2]); SHARED + 1],
            around: vec![Bias::new(AROUND_PRECISION); contexts::CONTEXTS * contexts::ENTRIES],
            low: edge,
            high: edge,
            decision: Decision {
                node: None,
                shared: 0,
                around: [0; contexts::CONTEXTS],
                edge,
                logits: [0.0; INPUTS],
                sets: [0; GROUPS],
                class: 0,
                probability: 0.0,
            },
        }
    }

    /// Begins another tile of the same detector: biases are known less precisely there.
    pub(super) fn restart(&mut self) {
        for bias in self.nodes.as_flattened_mut().iter_mut().chain(&mut self.shared).chain(&mut self.around) {
            bias.precision *= WARM_PRECISION;
        }
    }

    /// Codes a pixel of this value and updates the model; returns the value, which a decoder reads
    /// here.
    pub(super) fn code(&mut self, coder: &mut dyn BinaryCoder, pixel: &Pixel, value: u16) -> u16 {
        self.mixer.begin();
        let isa = self.isa;
        self.walk(pixel, |this, split| {
            let set = predict(isa, this, pixel, split);
            let bit = coder.code(u32::from(value) >= split.middle, set);
            update(isa, this, bit);
            bit
        })
    }

    /// Draws a value of a pixel without an update of the model: `decide` gets the probability of
    /// every decision, in units of 2^-22, and makes it.
    pub(super) fn draw(&mut self, pixel: &Pixel, mut decide: impl FnMut(u32) -> bool) -> u16 {
        let isa = self.isa;
        self.walk(pixel, |this, split| decide(predict(isa, this, pixel, split)))
    }

    /// Follows the path of a pixel; `decide` says whether the value is at least the middle of a
    /// split.
    fn walk(&mut self, pixel: &Pixel, mut decide: impl FnMut(&mut Self, Split) -> bool) -> u16 {
        self.low = Edge { tail: [0.0; EXPERTS], above: [0.0; EXPERTS] };
        self.high = Edge { tail: [0.0; EXPERTS], above: [1.0; EXPERTS] };
        let mut decide = |low, middle, high, bits| {
            let bit = decide(self, Split { low, middle, high, bits });
            *if bit { &mut self.low } else { &mut self.high } = self.decision.edge;
            bit
        };
        let mut level = 2;
        while ((1u32 << level) as f32) < 8.0 * pixel.scale && level < 15 {
            level += 1;
        }
        let side = 1u32 << level;
        let base = clamp_or_low(pixel.mean, 0.0, 65_535.0) / side as f32 - 0.5;
        let base = (base as u32).min(VALUES / side - 2) * side;
        let (mut low, mut high) = (0, VALUES);
        if decide(low, base + side, high, None) {
            low = base + side;
            let (mut middle, mut stride) = (low + side, 2 * side);
            while middle < VALUES {
                if !decide(low, middle, high, None) {
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
                if decide(low, below, high, None) {
                    low = below;
                    break;
                }
                high = below;
                below = below.saturating_sub(stride);
                stride = (stride * 4).min(VALUES);
            }
        }
        let is_block = high - low == side && low.is_multiple_of(side);
        while high - low > 1 {
            let bits = is_block.then(|| (high - low).trailing_zeros());
            let middle = low + (high - low) / 2;
            if decide(low, middle, high, bits) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low as u16
    }

    /// The first weight set of a decision at `edge` between `values` values, and its width,
    /// coarsely.
    #[inline(always)]
    fn position(pixel: &Pixel, edge: f32, values: f32, is_search: bool) -> (usize, usize) {
        /// Upper bounds of the classes of |z|, and of the width of the interval, in scales.
        const DISTANCES: [f32; 7] = [0.25, 0.5, 1.0, 1.5, 2.5, 4.0, 8.0];
        const WIDTHS: [f32; CLASSES - 2] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
        let inverse_scale = 1.0 / pixel.scale;
        let z = (edge - pixel.mean) * inverse_scale;
        let values = values * inverse_scale;
        let class =
            |bounds: &[f32], value: f32| bounds.iter().map(|&bound| usize::from(value >= bound)).sum();
        let distance: usize = class(&DISTANCES, z.abs());
        let side = if z < 0.0 { 0 } else { 8 };
        let (width, coarse) = match is_search {
            true => (CLASSES - 1, 3),
            false => (class(&WIDTHS, values), class(&[0.5, 2.0], values)),
        };
        ((side + distance) * CLASSES + width, coarse)
    }
}

kernel! {
    /// The probability that a pixel is at least the middle of the split, in units of 2^-22.
    fn predict<'a>(density: &'a mut Density, pixel: &'a Pixel, split: Split) -> u32 {
        let Split { low, middle, high, bits } = split;
        let decision = &mut density.decision;
        let edge = middle as f32 - 0.5;
        let at = &mut decision.edge;
        for (k, &shape) in SHAPES.iter().enumerate() {
            let z = (edge - pixel.experts.means[k]) * pixel.experts.inverse_scales[k];
            at.tail[k] = density.tails.signed(shape, z);
            at.above[k] = if z < 0.0 { 0.0 } else { 1.0 };
        }
        let (trace_low, trace_high) = (UNIFORM * (middle - low) as f32, UNIFORM * (high - middle) as f32);
        let mut logits = [0.0f32; INPUTS];
        for (k, logit) in logits[..EXPERTS].iter_mut().enumerate() {
            let below = (at.tail[k] - density.low.tail[k]) + (at.above[k] - density.low.above[k]);
            let above = (density.high.tail[k] - at.tail[k]) + (density.high.above[k] - at.above[k]);
            let below = if below > 0.0 { below } else { 0.0 } + trace_low;
            let above = if above > 0.0 { above } else { 0.0 } + trace_high;
            *logit = clamp_or_low(ln(above / below), -EXPERT_BOUND, EXPERT_BOUND);
        }
        (decision.node, decision.shared) = match bits {
            None => (None, SHARED),
            Some(level) => {
                let prefix = low >> level;
                let node = (1usize << (16 - level)) + prefix as usize + pixel.position * VALUES as usize;
                (Some(node), level as usize * 16 + (prefix & 15) as usize)
            }
        };
        decision.around = split.contexts(&pixel.around, pixel.mean as u32);
        let [slow, fast] = &density.nodes[decision.node.unwrap_or(0)];
        logits[EXPERTS..AROUND]
            .copy_from_slice(&[slow.value, fast.value, density.shared[decision.shared].value]);
        for (k, (logit, &entry)) in logits[AROUND..].iter_mut().zip(&decision.around).enumerate() {
            *logit = density.around[k * contexts::ENTRIES + entry].value;
        }
        let (position, coarse) = Density::position(pixel, edge, (high - low) as f32, bits.is_none());
        let selected = |k: usize| FIRST_SELECTED[k] + pixel.contexts[k] * 4 + coarse;
        decision.class = position % CLASSES;
        decision.sets =
            [position, selected(0), selected(1), FIRST_NODE + decision.shared, selected(2), selected(3)];
        decision.logits = logits;
        let weights = density.mixer.weights(&decision.sets);
        let mixed = dot(&weights, &logits);
        decision.probability = sigmoid(clamp_or_low(mixed, -MIXTURE_BOUND, MIXTURE_BOUND));
        let set = (decision.probability * (1u32 << PROBABILITY_BITS) as f32) as u32;
        set.clamp(1, (1 << PROBABILITY_BITS) - 1)
    }

    /// The decision that was predicted has this outcome.
    fn update<'a>(density: &'a mut Density, bit: bool) -> () {
        let decision = &density.decision;
        let error = if bit { 1.0 } else { 0.0 } - decision.probability;
        let information = decision.probability * (1.0 - decision.probability);
        density.mixer.update(&decision.sets, decision.class, &decision.logits, error, information);
        let adjust = |bias: &mut Bias| {
            bias.precision += information;
            bias.value += error / bias.precision;
        };
        // Searches have no node.
        if let Some(node) = decision.node {
            density.nodes[node].iter_mut().for_each(adjust);
            adjust(&mut density.shared[decision.shared]);
        }
        for (k, &entry) in decision.around.iter().enumerate() {
            adjust(&mut density.around[k * contexts::ENTRIES + entry]);
        }
    }
}
