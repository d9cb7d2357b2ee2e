//! format-floor-max.md, 16: a decision.

use super::biases::Biases;
use super::contexts::Contexts;
use super::experts::Expert;
use super::mixer::{Mixer, Place};
use super::shapes::Shapes;
use super::source::Source;
use crate::Error;
use crate::functions::ln;
use crate::notation::{clamp, max, trunc};

/// 16.1: an edge of the interval, with the tails and the sides of the experts.
#[derive(Clone, Copy)]
struct Edge {
    at: i64,
    t: [f32; 16],
    u: [f32; 16],
}

/// 15.2: the interval in which the sample is.
pub(crate) struct Interval {
    low: Edge,
    high: Edge,
}

impl Interval {
    /// The interval of all samples.
    pub(crate) fn new() -> Self {
        Self {
            low: Edge { at: 0, t: [0.0; 16], u: [0.0; 16] },
            high: Edge { at: 65536, t: [0.0; 16], u: [1.0; 16] },
        }
    }

    /// Its first sample.
    pub(crate) fn low(&self) -> i64 {
        self.low.at
    }

    /// Its number of samples.
    pub(crate) fn length(&self) -> i64 {
        self.high.at - self.low.at
    }
}

/// Everything that decisions learn.
pub(crate) struct Decider {
    shapes: Shapes,
    biases: Biases,
    mixer: Mixer,
}

/// 16.1: the edge at `middle`, and the logits of the experts.
fn ask_experts(
    shapes: &Shapes,
    experts: &[Expert; 16],
    interval: &Interval,
    middle: i64,
) -> (Edge, [f32; 16]) {
    let Interval { low, high } = interval;
    let mut edge = Edge { at: middle, t: [0.0; 16], u: [0.0; 16] };
    let mut logit = [0.0; 16];
    let unit = 1.0 / (1 << 24) as f32;
    for (k, expert) in experts.iter().enumerate() {
        let z = ((middle as f32 - 0.5) - expert.mean) * expert.iv;
        let t = shapes.signed(expert.shape, z);
        let u = if z < 0.0 { 0.0 } else { 1.0 };
        let below = max((t - low.t[k]) + (u - low.u[k]), 0.0) + unit * (middle - low.at) as f32;
        let above = max((high.t[k] - t) + (high.u[k] - u), 0.0) + unit * (high.at - middle) as f32;
        logit[k] = clamp(ln(above / below), -12.0, 12.0);
        edge.t[k] = t;
        edge.u[k] = u;
    }
    (edge, logit)
}

/// 16.4: `value[0..10]`.
fn local_values(contexts: &Contexts, interval: &Interval, middle: i64) -> [usize; 11] {
    let [low, high] = [interval.low.at, interval.high.at];
    let a = &contexts.around;
    let ih = 1.0 / ((high - low) / 2) as f32;
    let d = |v: i64| trunc(clamp((v - middle) as f32 * ih + 8.0, 0.0, 15.0)) as usize;
    let above = |v: i64| usize::from(v >= middle);
    let sides = |places: [usize; 4]| {
        let mut bits = 0;
        for (i, place) in places.into_iter().enumerate() {
            let v = a[place];
            bits |= above(v) << i;
            bits |= usize::from(low <= v && v < high) << (4 + i);
        }
        bits
    };
    let mut bits = 0;
    for (i, place) in [0, 1, 2, 3, 4, 5, 6, 13].into_iter().enumerate() {
        bits |= above(a[place]) << i;
    }
    let votes: usize = a[..15].iter().map(|&v| above(v)).sum();
    [
        16 * d(trunc(max(contexts.m, 0.0))) + votes,
        sides([0, 1, 2, 3]),
        sides([4, 1, 5, 6]),
        sides([2, 3, 4, 7]),
        16 * d(a[0]) + d(a[1]),
        16 * d(a[4]) + d(a[5]),
        16 * d(a[17]) + d(a[18]),
        16 * d(a[1]) + d(a[2]),
        sides([1, 5, 14, 15]),
        sides([4, 16, 8, 15]),
        bits,
    ]
}

impl Decider {
    /// The state at first.
    pub(crate) fn new() -> Self {
        Self { shapes: Shapes::new(), biases: Biases::new(), mixer: Mixer::new() }
    }

    /// format-floor.md, 19.9: before a tile that follows exposures.
    pub(crate) fn end_start(&mut self) {
        self.biases.multiply_precisions(0.3);
    }

    /// 17.3: before the first decision of a pixel.
    pub(crate) fn start_pixel(&mut self) {
        self.mixer.start_pixel();
    }

    /// 15.2 and 16: decides whether the sample is at least `middle`, and makes the interval
    /// smaller.
    pub(crate) fn decide(
        &mut self,
        source: &mut Source<'_>,
        experts: &[Expert; 16],
        contexts: &Contexts,
        interval: &mut Interval,
        middle: i64,
        search: bool,
    ) -> Result<bool, Error> {
        // 16.1
        let (edge, expert_logits) = ask_experts(&self.shapes, experts, interval, middle);

        // 16.3
        let bits = interval.length().ilog2() as usize;
        let (node, k5, depth) = if search {
            (0, 272, 17 + bits)
        } else {
            let prefix = (interval.low() >> bits) as usize;
            ((1 << (16 - bits)) + prefix + 65536 * contexts.position, 16 * bits + prefix % 16, bits)
        };

        // 16.4
        let entry = local_values(contexts, interval, middle).map(|value| 256 * depth + value);

        // 16.5
        let mut logit = [0.0; 32];
        logit[..16].copy_from_slice(&expert_logits);
        logit[16] = self.biases.slow[node].value;
        logit[17] = self.biases.fast[node].value;
        logit[18] = self.biases.shared[k5].value;
        for (c, entry) in entry.into_iter().enumerate() {
            logit[19 + c] = self.biases.local[c][entry].value;
        }

        // 17
        let place = Place::new(contexts, interval.length(), middle, search, k5);
        let q = self.mixer.probability(&place, &logit);
        let yes = source.decide(q, middle)?;
        let (e, info) = self.mixer.update(&place, &logit, q, yes);
        if !search {
            self.biases.slow[node].update(info, e);
            self.biases.fast[node].update(info, e);
            self.biases.shared[k5].update(info, e);
        }
        for (c, entry) in entry.into_iter().enumerate() {
            self.biases.local[c][entry].update(info, e);
        }

        if yes {
            interval.low = edge;
        } else {
            interval.high = edge;
        }
        Ok(yes)
    }
}
