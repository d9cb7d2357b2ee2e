//! format-floor-max.md, 12: the second stage of the location.

use super::Here;
use super::map::Maps;
use crate::functions::dot;
use crate::least_squares::Moments;
use crate::notation::clamp;

/// 12.1: the number of inputs.
const INPUTS: usize = 24;

/// 12.1: the number of numbers of a filter.
const PAST: usize = 256;

/// 12.3: the places of `r[4..14]`.
#[rustfmt::skip]
const PLACES: [(isize, isize); 11] = [
    (0, -1), (1, 0), (1, 1), (1, -1), (0, -2), (2, 0), (1, 2), (1, -2), (0, -3), (2, -1), (2, 1),
];

/// 12.1: the state.
pub(crate) struct Second {
    h: [Vec<f32>; 2],
    wr: [f32; INPUTS],
    fresh: Moments,
    all: Moments,
}

/// 12.3: the prediction of a pixel and what it was made from.
pub(crate) struct Prediction {
    past: Vec<f32>,
    out: [f32; 2],
    r: [f32; INPUTS],
    pub p: f32,
}

impl Second {
    /// The state at first.
    pub(crate) fn new() -> Self {
        Self {
            h: [vec![0.0; PAST], vec![0.0; PAST]],
            wr: [0.0; INPUTS],
            fresh: Moments::new(INPUTS),
            all: Moments::new(INPUTS),
        }
    }

    /// format-floor.md, 19.9: before another tile.
    pub(crate) fn start_tile(&mut self) {
        self.fresh.clear();
        self.h = [vec![0.0; PAST], vec![0.0; PAST]];
    }

    /// 12.2: solves for the weights if they are due.
    pub(crate) fn solve(&mut self, here: Here) {
        if here.x.is_multiple_of(16) {
            self.all.solve(10.0, &[0.0; INPUTS], INPUTS, &mut self.wr);
        }
    }

    /// 12.3: the prediction, with `c` of 10.2.
    pub(crate) fn predict(&self, maps: &Maps, first: &[f32; 5], c: f32, g: f32, here: Here) -> Prediction {
        let f = first[0];
        let mut past = Vec::new();
        for r in -64..=-1 {
            past.push(maps.z.at(here, (0, r)));
        }
        for u in 1..=4 {
            for r in -24..=23 {
                past.push(maps.z.at(here, (u, r)));
            }
        }
        let out = [dot(&self.h[0], &past), dot(&self.h[1], &past)];
        let mut r = [0.0; INPUTS];
        for i in 1..=4 {
            r[i - 1] = clamp(first[i] - f, -c, c);
        }
        for (i, &place) in PLACES.iter().enumerate() {
            r[4 + i] = clamp(maps.q.at(here, place), -c, c);
        }
        r[15] = out[0] * g;
        r[16] = out[1] * g;
        let unit = g * 0.2;
        r[17] = if here.x % 2 == 1 { unit } else { -unit };
        r[18] = if here.y % 2 == 1 { unit } else { -unit };
        r[19] = if here.y % 2 == 1 { r[17] } else { -r[17] };
        r[20] = unit;
        let p = clamp(f + dot(&self.wr, &r), -here.o, 65535.0 - here.o);
        Prediction { past, out, r, p }
    }

    /// 12.4: the update, with the global prediction `f` and `root` of 11.5.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn update(
        &mut self,
        maps: &mut Maps,
        prediction: &Prediction,
        f: f32,
        value: f32,
        root: f32,
        g: f32,
        here: Here,
    ) {
        let e = value - f;
        let Prediction { past, out, r, .. } = prediction;
        self.fresh.take(&r.map(|input| input * root), e * root);
        if here.x % 16 == 15 {
            let n = self.fresh.samples();
            self.all.blend(1.0 - n / 5000.0, &self.fresh, 1.0);
            self.fresh.clear();
        }
        maps.q.set(here, clamp(e, -(4.0 * g), 4.0 * g));
        let z = clamp(e / g, -3.0, 3.0);
        maps.z.set(here, z);
        let power = 20.0 + dot(past, past);
        for (k, step) in [0.003, 0.012].into_iter().enumerate() {
            let gain = (step * (z - out[k])) / power;
            for (weight, past) in self.h[k].iter_mut().zip(past) {
                *weight += gain * past;
            }
        }
    }
}
