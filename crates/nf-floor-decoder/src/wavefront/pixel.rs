//! format-floor.md, 8.7 to 8.11: what is known of a pixel before it is decoded.

use super::distribution::Edges;
use super::inputs;
use super::map::Place;
use super::residuals::RowSums;
use super::state::{LOCATION, SCALE, State};
use crate::functions::{LOG2E, exp};
use crate::notation::{clamp, trunc};

/// A pixel of a step.
pub(crate) struct Pixel {
    pub lane: usize,
    pub at: Place,
    /// 8.7: the centre.
    pub m: f32,
    /// 8.8.
    pub g: f32,
    /// 8.9: the inputs of the location, and the location.
    pub x: [f32; LOCATION],
    pub l: f32,
    /// 20.5: the shift.
    pub shift: f32,
    /// 8.10: the inputs of the scale, its logarithm and the scale.
    pub z: [f32; SCALE],
    pub h: f32,
    pub s: f32,
    /// 8.11: the location, less the shift, and the inverse of the scale.
    pub edges: Edges,
    pub context: usize,
    /// 8.15, once it is decoded, with `below` of this block and of the next.
    pub block: i64,
    pub below: [i64; 2],
    /// 8.16, once it is decoded.
    pub sample: u16,
}

impl Pixel {
    /// 8.7 to 8.11.
    pub(crate) fn predict(state: &State, sums: &RowSums, lane: usize, row: usize, column: usize) -> Self {
        let at = Place { row, column };
        let centre = inputs::centre(&state.v, at, state.head.least_range);
        let activity = inputs::activity(&state.e, at);
        let m = centre.m;
        let g = activity.g;

        // 8.9
        let x = inputs::location(state, sums, at, &centre, g);
        let mut s = [0.0; 4];
        for i in 0..LOCATION {
            s[i % 4] += x[i] * state.wl[i];
        }
        let l = clamp(m + ((s[0] + s[1]) + (s[2] + s[3])), 0.0, 65535.0);

        // 8.10
        let z = inputs::scale(state, at, &centre, &activity, l);
        let mut h = 0.0;
        for i in 0..SCALE {
            h += z[i] * state.ws[i];
        }
        let h = clamp(h, -2.5, 11.0);
        let s = exp(h);

        // 8.11
        let v = 1.0 / s;
        let octave = trunc(clamp(h * LOG2E + 4.0, 0.0, 15.0)) as usize;
        let context = 2 * octave + usize::from((l - m).abs() > s);
        // 20.5
        let shift = state.shift(at);
        let edges = Edges { l: l - shift, v };
        Self { lane, at, m, g, x, l, shift, z, h, s, edges, context, block: 0, below: [0; 2], sample: 0 }
    }

    /// 8.4 and 20.5: the number `V`, once the sample is decoded.
    pub(crate) fn value(&self) -> f32 {
        f32::from(self.sample) + self.shift
    }

    /// 8.18: the residual `d`.
    pub(crate) fn residual(&self) -> f32 {
        self.value() - self.l
    }
}
