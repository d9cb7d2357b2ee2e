//! format-floor-max.md, 17: mixing.

use super::contexts::Contexts;
use super::curvature::Curvatures;
use crate::functions::{dot, sigmoid};
use crate::notation::{clamp, max};

/// 16.5: the number of logits.
pub(crate) const LOGITS: usize = 32;

/// 17.1: a weight set.
#[derive(Clone)]
struct Set {
    weights: [f32; LOGITS],
    uses: u64,
}

/// 17.1: which sets a decision uses.
pub(crate) struct Place {
    index: [usize; 6],
    width: usize,
}

impl Place {
    /// The sets of a decision at `middle` in an interval of `length` samples.
    pub(crate) fn new(contexts: &Contexts, length: i64, middle: i64, search: bool, k5: usize) -> Self {
        let is = 1.0 / contexts.s;
        let z = ((middle as f32 - 0.5) - contexts.m) * is;
        let wd = length as f32 * is;
        let not_above = |bounds: &[f32], v: f32| bounds.iter().filter(|&&b| b <= v).count();
        let distance = not_above(&[0.25, 0.5, 1.0, 1.5, 2.5, 4.0, 8.0], z.abs());
        let width = if search { 7 } else { not_above(&[0.25, 0.5, 1.0, 2.0, 4.0, 8.0], wd) };
        let coarse = if search { 3 } else { not_above(&[0.5, 2.0], wd) };
        let right = usize::from(z >= 0.0);
        let index = [
            8 * (8 * right + distance) + width,
            4 * contexts.k1 + coarse,
            4 * contexts.k2 + coarse,
            k5,
            4 * contexts.k3 + coarse,
            4 * contexts.k4 + coarse,
        ];
        Self { index, width }
    }
}

/// The weight sets and the curvatures.
pub(crate) struct Mixer {
    sets: [Vec<Set>; 6],
    curvatures: Curvatures,
}

impl Mixer {
    /// The state at first.
    pub(crate) fn new() -> Self {
        let mut first = [0.0; LOGITS];
        first[..16].fill(1.0 / 16.0);
        first[16..19].copy_from_slice(&[0.5, 0.5, 1.0]);
        first[19..30].fill(0.15);
        let sets = |count: usize, weights| vec![Set { weights, uses: 0 }; count];
        let zero = [0.0; LOGITS];
        Self {
            sets: [
                sets(128, first),
                sets(64, zero),
                sets(64, zero),
                sets(273, zero),
                sets(108, zero),
                sets(100, zero),
            ],
            curvatures: Curvatures::new(),
        }
    }

    /// 17.3: before the first decision of a pixel.
    pub(crate) fn start_pixel(&mut self) {
        self.curvatures.start_pixel();
    }

    /// 17.1 and 17.2: the probability `q` that the answer is yes.
    pub(crate) fn probability(&self, place: &Place, logit: &[f32; LOGITS]) -> f32 {
        let set = |k: usize| &self.sets[k][place.index[k]].weights;
        let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(set);
        let mut weights = [0.0; LOGITS];
        for i in 0..LOGITS {
            weights[i] = ((a[i] + b[i]) + (c[i] + d[i])) + (e[i] + f[i]);
        }
        sigmoid(clamp(dot(&weights, logit), -14.0, 14.0))
    }

    /// 17.5, steps 1 to 3: the update after a decision. The results are `e` and `info`.
    pub(crate) fn update(&mut self, place: &Place, logit: &[f32; LOGITS], q: f32, yes: bool) -> (f32, f32) {
        let e = if yes { 1.0 } else { 0.0 } - q;
        let info = q * (1.0 - q);
        self.curvatures.measure(place.width, logit, info);
        let natural = self.curvatures.natural(place.width, logit);
        for (sets, &index) in self.sets.iter_mut().zip(&place.index) {
            let set = &mut sets[index];
            let step = 0.17 / (1000 + set.uses) as f32;
            set.uses += 1;
            let gain = e * max(step, 0.00003);
            for (weight, natural) in set.weights.iter_mut().zip(&natural) {
                *weight += gain * natural;
            }
        }
        (e, info)
    }
}
