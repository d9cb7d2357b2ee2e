//! format-floor-max.md, 14.1 and 14.2: experts.

use super::Here;
use super::inputs::Inputs;
use super::map::Maps;
use super::scales::Scale;
use super::shapes::Shape::{self, Heavy, Normal, Tailed};
use crate::notation::max;

/// 14.2: an expert.
pub(crate) struct Expert {
    pub mean: f32,
    pub iv: f32,
    pub shape: Shape,
}

/// 14.1: the simple predictions `s[0..7]`.
pub(crate) fn simple_predictions(maps: &Maps, inputs: &Inputs, first: &[f32; 5], here: Here) -> [f32; 8] {
    [
        first[0],
        first[2],
        first[3],
        first[4],
        first[1],
        inputs.reference,
        maps.p.at(here, (0, -1)),
        maps.p.at(here, (1, 0)),
    ]
}

/// 14.2: the sixteen experts, for the prediction `p` and the simple predictions `s`.
pub(crate) fn experts(p: f32, o: f32, scale: &Scale, s: &[f32; 8]) -> [Expert; 16] {
    let &Scale { r, sn, sa, sv, sm, ref ss, .. } = scale;
    [
        (p, r, Normal),
        (p, sa, Normal),
        (p, r, Tailed),
        (p, sa, Heavy),
        (s[0], ss[0], Normal),
        (s[1], ss[1], Normal),
        (s[2], ss[2], Tailed),
        (s[3], ss[3], Tailed),
        (s[4], ss[4], Tailed),
        (s[5], ss[5], Heavy),
        (p, sn, Tailed),
        (p, sv, Tailed),
        (p, r, Heavy),
        (s[6], ss[6], Heavy),
        (s[7], ss[7], Heavy),
        (p, sm, Normal),
    ]
    .map(|(mean, scale, shape)| Expert { mean: mean + o, iv: 1.0 / max(scale, 0.05), shape })
}
