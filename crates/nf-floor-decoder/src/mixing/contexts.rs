//! format-floor-max.md, 15.1: the contexts of a pixel.

use super::inputs::{Inputs, Means};
use super::map::Maps;
use super::scales::Scale;
use super::{Here, code};
use crate::functions::{LOG2E, ln};
use crate::notation::{clamp, max, trunc};

/// 15.1: the places of `around[0..16]`.
#[rustfmt::skip]
const PLACES: [(isize, isize); 17] = [
    (0, -1), (1, 0), (1, 1), (1, -1), (0, -2), (2, 0), (1, 2), (0, -3), (0, -6), (2, 2), (2, -2),
    (2, 1), (2, -1), (1, -2), (3, 0), (4, 0), (0, -4),
];

/// 15.1.
pub(crate) struct Contexts {
    pub m: f32,
    pub s: f32,
    /// format-floor.md, 20.7.
    pub position: usize,
    pub k1: usize,
    pub k2: usize,
    pub k3: usize,
    pub k4: usize,
    pub around: [i64; 19],
}

/// 15.1, with the prediction `p` and `al` of 13.2.
#[allow(clippy::too_many_arguments)]
pub(crate) fn contexts(
    maps: &Maps,
    means: &Means,
    inputs: &Inputs,
    first: &[f32; 5],
    p: f32,
    al: f32,
    scale: &Scale,
    here: Here,
) -> Contexts {
    let s = max(scale.r, 0.3);
    let k1 = trunc(clamp((scale.log - al) * 4.0 + 6.0, 0.0, 15.0)) as usize;
    let k2 = trunc(clamp(ln(s) * LOG2E + 2.0, 0.0, 15.0)) as usize;
    let v = |u, r| {
        let z = maps.z.at(here, (u, r)).abs();
        [1.7, 2.9].iter().filter(|&&bound| bound <= z).count()
    };
    let k3 = 9 * v(0, -1) + 3 * v(1, 0) + v(1, 1).max(v(1, -1));
    let t = |u, r| {
        let a = maps.p.at(here, (u, r));
        trunc(clamp((a - p) / scale.r + 2.5, 0.0, 4.0)) as usize
    };
    let k4 = 5 * t(0, -1) + t(1, 0);
    let mut around = [0; 19];
    for (number, &place) in around.iter_mut().zip(&PLACES) {
        *number = code(maps.p.at(here, place), here);
    }
    around[17] = code(means.cm[here.x], here);
    around[18] = code(first[1], here);
    if let Some(helper) = inputs.helper {
        around[7] = code(inputs.reference + helper[0], here);
    }
    Contexts { m: p + here.o, s, position: here.position(), k1, k2, k3, k4, around }
}
