//! A pixel as a path of binary decisions, each mixed from experts and biases.

use super::arithmetic::{bound, dot, ln, squash};
use super::around;
use super::coder::Coder;
use super::mixing::{INPUTS, Mixer};
use super::shapes::Shapes;

/// A law of the pixel's value.
pub(super) struct Expert {
    pub(super) mean: f32,
    pub(super) inverse_scale: f32,
    pub(super) shape: usize,
}

const EXPERTS: usize = 16;
/// First weight sets: by position 0 to 127; by node; by contrast, scale, outliers, sides, four
/// each.
const BY_NODE: usize = 128;
const CHOSEN: [usize; 4] = [401, 401 + 64, 401 + 128, 401 + 128 + 108];
const SETS: usize = 401 + 128 + 108 + 100;
/// The shared bias that stands for searches.
const SEARCH: usize = 17 * 16;

#[derive(Clone, Copy)]
struct Bias {
    value: f32,
    precision: f32,
}

/// Of every expert at one edge: the signed tail, and 1 if the edge is not below the mean.
#[derive(Clone)]
struct Edge(Vec<(f32, f32)>);

pub(super) struct Density {
    shapes: Shapes,
    mixer: Mixer,
    timid: Vec<Bias>,
    bold: Vec<Bias>,
    shared: Vec<Bias>,
    around: Vec<Vec<Bias>>,
}

/// The decisions of one pixel.
struct Path<'a> {
    experts: &'a [Expert],
    mean: f32,
    inverse_scale: f32,
    contexts: [usize; 4],
    near: &'a [i64],
    low: Edge,
    high: Edge,
}

impl Density {
    pub(super) fn new() -> Self {
        let mut start = vec![1.0 / 16.0; EXPERTS];
        start.extend([0.5, 0.5, 1.0]);
        start.extend([0.15; 11]);
        start.resize(INPUTS, 0.0);
        let biases = |count, precision| vec![Bias { value: 0.0, precision }; count];
        Self {
            shapes: Shapes::new(),
            mixer: Mixer::new(SETS, &start),
            timid: biases(1 << 16, 100.0),
            bold: biases(1 << 16, 5.0),
            shared: biases(SEARCH + 1, 400.0),
            around: vec![biases(34 * 256, 10.0); 11],
        }
    }

    pub(super) fn decode(
        &mut self,
        coder: &mut Coder<'_>,
        experts: &[Expert],
        (mean, scale): (f32, f32),
        contexts: [usize; 4],
        near: &[i64],
    ) -> u16 {
        self.mixer.begin();
        let edge = |above| Edge(vec![(0.0, above); EXPERTS]);
        let inverse_scale = 1.0 / scale;
        let mut path = Path { experts, mean, inverse_scale, contexts, near, low: edge(0.0), high: edge(1.0) };
        let mut level = 2;
        while ((1_i64 << level) as f32) < 8.0 * scale && level < 15 {
            level += 1;
        }
        let side = 1_i64 << level;
        let base = bound(mean, 0.0, 65_535.0) / side as f32 - 0.5;
        let base = (base.max(0.0) as i64).min(65_536 / side - 2) * side;
        let (mut low, mut high) = (0, 65_536);
        if self.decide(coder, &mut path, (low, base + side, high), false) {
            low = base + side;
            let (mut middle, mut stride) = (low + side, 2 * side);
            while middle < 65_536 {
                if !self.decide(coder, &mut path, (low, middle, high), false) {
                    high = middle;
                    break;
                }
                low = middle;
                middle += stride;
                stride = (stride * 4).min(65_536);
            }
        } else {
            high = base + side;
            let (mut below, mut stride) = (base, 2 * side);
            while below > 0 {
                if self.decide(coder, &mut path, (low, below, high), false) {
                    low = below;
                    break;
                }
                high = below;
                below = (below - stride).max(0);
                stride = (stride * 4).min(65_536);
            }
        }
        let aligned = high - low == side && low % side == 0;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.decide(coder, &mut path, (low, middle, high), aligned) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low as u16
    }

    /// Whether the value, known to be in `low..high`, is at least `middle`.
    fn decide(
        &mut self,
        coder: &mut Coder<'_>,
        path: &mut Path<'_>,
        (low, middle, high): (i64, i64, i64),
        aligned: bool,
    ) -> bool {
        let edge = middle as f32 - 0.5;
        let uniform = 1.0 / 65_536.0 / 256.0_f32;
        let mut at = Edge(Vec::new());
        let mut stated = Vec::new();
        for (k, expert) in path.experts.iter().enumerate() {
            let z = (edge - expert.mean) * expert.inverse_scale;
            let (tail, side) = (self.shapes.signed_tail(expert.shape, z), if z < 0.0 { 0.0 } else { 1.0 });
            let (low_edge, high_edge) = (path.low.0[k], path.high.0[k]);
            let below = (tail - low_edge.0) + (side - low_edge.1);
            let above = (high_edge.0 - tail) + (high_edge.1 - side);
            let below = below.max(0.0) + uniform * (middle - low) as f32;
            let above = above.max(0.0) + uniform * (high - middle) as f32;
            stated.push(bound(ln(above / below), -12.0, 12.0));
            at.0.push((tail, side));
        }

        let bits = aligned.then(|| (high - low).ilog2());
        let prefix = bits.map_or(0, |bits| (low >> bits) as usize);
        let node = bits.map_or(0, |bits| (1 << (16 - bits)) + prefix);
        let shared = bits.map_or(SEARCH, |bits| bits as usize * 16 + prefix % 16);
        let entries = around::contexts((low, middle, high), bits, path.near, path.mean.max(0.0) as i64);
        let mut biases = vec![self.timid[node], self.bold[node], self.shared[shared]];
        biases.extend(entries.iter().enumerate().map(|(k, &entry)| self.around[k][entry]));
        stated.extend(biases.iter().map(|bias| bias.value));

        stated.resize(INPUTS, 0.0);

        let (position, coarse) = path.position(edge, (high - low) as f32, aligned);
        let chosen = |k: usize| CHOSEN[k] + path.contexts[k] * 4 + coarse;
        let sets = [position, chosen(0), chosen(1), BY_NODE + shared, chosen(2), chosen(3)];
        let weights = self.mixer.weights(sets);
        let probability = squash(bound(dot(&weights, &stated), -14.0, 14.0));
        let set = (probability * (1 << 22) as f32) as u32;
        let bit = coder.decide(set.clamp(1, (1 << 22) - 1));

        let error = if bit { 1.0 } else { 0.0 } - probability;
        let information = probability * (1.0 - probability);
        self.mixer.learn(sets, position % 8, &stated, error, information);
        for bias in &mut biases {
            bias.precision += information;
            bias.value += error / bias.precision;
        }
        if aligned {
            (self.timid[node], self.bold[node], self.shared[shared]) = (biases[0], biases[1], biases[2]);
        }
        for (k, &entry) in entries.iter().enumerate() {
            self.around[k][entry] = biases[3 + k];
        }
        *(if bit { &mut path.low } else { &mut path.high }) = at;
        bit
    }
}

impl Path<'_> {
    /// The first weight set of a decision at `edge` between `values` values, and a coarse width.
    fn position(&self, edge: f32, values: f32, aligned: bool) -> (usize, usize) {
        let z = (edge - self.mean) * self.inverse_scale;
        let values = values * self.inverse_scale;
        let class = |bounds: &[f32], value: f32| bounds.iter().filter(|&&bound| value >= bound).count();
        let distance = class(&[0.25, 0.5, 1.0, 1.5, 2.5, 4.0, 8.0], z.abs()) + if z < 0.0 { 0 } else { 8 };
        let (width, coarse) = match aligned {
            false => (7, 3),
            true => (class(&[0.25, 0.5, 1.0, 2.0, 4.0, 8.0], values), class(&[0.5, 2.0], values)),
        };
        (distance * 8 + width, coarse)
    }
}
