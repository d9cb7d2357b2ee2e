//! format-floor.md, 8.18: what a decoded pixel leaves.

use super::pixel::Pixel;
use super::state::State;
use crate::notation::clamp;

/// 8.5: the row sums of a lane.
#[derive(Clone, Copy, Default)]
pub(crate) struct RowSums {
    pub a: [f32; 3],
    pub b: [f32; 3],
}

/// 8.18.
pub(crate) fn update(state: &mut State, sums: &mut RowSums, pixel: &Pixel) {
    let at = pixel.at;
    let g = pixel.g;
    let d = pixel.residual();
    let b = clamp(d, -(3.0 * g), 3.0 * g);
    let c = state.c.at(at, 1, 0);
    state.c.set(at, c + (b - c) * (1.0 / 32.0));
    let w = 1.0 / (g * g);
    let rates = [1.0 / 128.0, 1.0 / 128.0, 1.0 / 12.0];
    for k in [at.column % 2, 2] {
        let rate = rates[k];
        sums.a[k] += b * w - rate * sums.a[k];
        sums.b[k] += w - rate * sums.b[k];
    }
    let e = clamp(d.abs(), 0.0, 6.0 * g + 2.0);
    state.e.set(at, e);
    let mean = state.d.at(at, 1, 0);
    state.d.set(at, mean + (e - mean) * (1.0 / 24.0));
    state.v.set(at, pixel.value());
    let index = state.index(at);
    state.samples[index] = pixel.sample;
}
