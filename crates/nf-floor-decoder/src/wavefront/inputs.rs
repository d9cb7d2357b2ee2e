//! format-floor.md, 8.7 to 8.10: the inputs of a pixel.

use super::map::{Map, Place};
use super::residuals::RowSums;
use super::state::{LOCATION, SCALE, State};
use crate::functions::ln;
use crate::notation::{clamp, max};

/// 8.9: the places of the taps, `(u, r)`.
pub(crate) fn taps() -> Vec<(isize, isize)> {
    let mut places = Vec::new();
    for r in -8..=-1 {
        places.push((0, r));
    }
    for u in 1..=5 {
        for r in -8..=8 {
            if r < 3 * u {
                places.push((u, r));
            }
        }
    }
    places.sort_by_key(|&(u, r)| (u * u + r * r, u, -r));
    places.truncate(34);
    places
}

/// 8.7: the centre of a pixel.
pub(crate) struct Centre {
    pub m: f32,
    pub range: f32,
    pub c: f32,
}

/// 8.7.
pub(crate) fn centre(v: &Map, at: Place, least_range: f32) -> Centre {
    let places = [(0, -1), (0, -2), (1, 0), (1, -1), (1, 1), (2, 0), (1, 2)];
    let mut a = places.map(|(u, r)| v.at(at, u, r));
    a.sort_by(f32::total_cmp);
    let range = a[5] - a[1];
    Centre { m: a[3], range, c: 1.1 * max(range, least_range) }
}

/// 8.8: the activity around a pixel.
pub(crate) struct Activity {
    pub nl: f32,
    pub al: f32,
    pub g: f32,
}

/// 8.8.
pub(crate) fn activity(map: &Map, at: Place) -> Activity {
    let e = |u, r| map.at(at, u, r);
    let close = ((2.0 * e(0, -1) + 2.0 * e(1, 0)) + (e(1, 1) + e(1, -1))) + (e(0, -2) + e(2, 0));
    let far = ((e(1, 2) + e(1, -2)) + (e(0, -3) + e(2, -1))) + (e(2, 1) + e(3, 0));
    let near = (close + 0.5 * far) * (1.0 / 11.0);
    let mut sum = 0.0;
    for r in -6..=-1 {
        sum += e(0, r);
    }
    for r in -6..=2 {
        sum += e(1, r);
    }
    for r in -6..=5 {
        sum += e(2, r);
    }
    let around = sum * (1.0 / 27.0);
    Activity { nl: ln(near + 0.15), al: ln(around + 0.15), g: (0.6 * near + 0.6 * around) + 0.1 }
}

/// 8.9: the inputs `x` of the location.
pub(crate) fn location(state: &State, sums: &RowSums, at: Place, centre: &Centre, g: f32) -> [f32; LOCATION] {
    let &Centre { m, c, .. } = centre;
    let mut x = [0.0; LOCATION];
    for (i, &(u, r)) in state.taps.iter().enumerate() {
        x[i] = clamp(state.v.at(at, u, r) - m, -c, c);
    }
    for (i, &(u, r)) in state.taps.iter().take(8).enumerate() {
        x[34 + i] = clamp((state.v.at(at, u, r) - m) - x[i], -(100.0 * c), 100.0 * c);
    }
    x[42] = g * 0.2;
    x[43] = state.c.at(at, 1, 0);
    let w = 1.0 / (g * g);
    let prior = [8.0, 8.0, 3.0];
    let mean = |k: usize| sums.a[k] / (sums.b[k] + prior[k] * w);
    x[44] = mean(at.column % 2);
    x[45] = mean(1 - at.column % 2);
    x[46] = mean(2);
    x
}

/// 8.10: the inputs `z` of the scale, for the location `l`.
pub(crate) fn scale(state: &State, at: Place, centre: &Centre, activity: &Activity, l: f32) -> [f32; SCALE] {
    let &Centre { m, range, .. } = centre;
    let &Activity { nl, al, g } = activity;
    let e = |u, r| state.e.at(at, u, r);
    let v = |u, r| state.v.at(at, u, r);
    let log = |x| ln(x) - al;
    let steep = ((v(1, 0) - v(1, -1)).abs() + (v(1, 0) - v(1, 1)).abs()) + (v(0, -1) - v(1, -1)).abs();
    [
        1.0,
        nl - al,
        al,
        log((e(0, -1) + 0.5 * e(0, -2)) + 0.1),
        log((e(1, 0) + 0.25 * (e(1, 1) + e(1, -1))) + 0.1),
        log(state.d.at(at, 1, 0) + 0.1),
        log((max(l - state.head.floor, 0.0) + 4.0 * g) + 1.0),
        log(((l - m).abs() + 0.2) + 0.25 * g),
        log(range + 0.2),
        log((e(1, 1) + 0.5 * e(1, 2)) + 0.1),
        log((e(1, -1) + 0.5 * e(1, -2)) + 0.1),
        log((e(2, 0) + 0.5 * e(3, 0)) + 0.1),
        log(steep + 0.2),
        0.0,
        0.0,
    ]
}
