//! The one loop over the pixels of a tile: encoder and decoder run the same code.

use super::binary::Binary;
use super::constants::Constants;
use super::density::{CONTEXTS, Density, EXPERTS, Expert};
use super::given::{Given, Glimpse};
use super::inputs::{ALONE, History};
use super::location::{GLOBAL, Location, SMALL};
use super::math::{bound, ln};
use super::neighbours::{COLUMN, LOOKED_AT, PLACES, SIMPLE, WWW};
use super::refine::Refine;
use super::scale::{Scale, followed};
use super::shapes::{HEAVY, NORMAL, TAILED};

/// What the encoder measures of a tile beforehand, and sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    /// Median of the samples (less what earlier planes foretell): the past of the first pixels.
    pub(super) median: f32,
    /// About the darkest level: the 0.5 % quantile.
    pub(super) floor: f32,
}

/// Codes `samples`, rows of `width`, in place: an encoder reads them, a decoder fills them in.
///
/// `N` inputs: [`ALONE`], or [`GIVEN`](super::inputs::GIVEN) with `given`.
#[inline(always)]
pub(super) fn traverse<B: Binary, const N: usize>(
    coder: &mut B,
    header: Header,
    width: usize,
    samples: &mut [u16],
    given: Option<&Given>,
    constants: &Constants,
) {
    let mut history = History::new(width, header.median, constants);
    let mut location = Location::<N>::new(width, constants);
    let mut refine = Refine::new(width, constants);
    let mut scale = Scale::new(width, header.floor, constants);
    let mut density = Density::new(constants);
    for (y, row) in samples.chunks_exact_mut(width).enumerate() {
        history.begin_row();
        refine.begin_row();
        scale.begin_row();
        for (x, sample) in row.iter_mut().enumerate() {
            location.begin(x);
            let activity = scale.activity(x);
            let glimpse = match given {
                Some(given) if N > ALONE => given.glimpse(y, x),
                _ => Glimpse::NONE,
            };
            let offset = glimpse.offset;
            let inputs = history.inputs::<N>(x, activity.scale, &glimpse);
            let first = location.predict(&inputs);
            let refined = refine.predict(y, x, &inputs, &first);
            let prediction = refined.prediction;
            let scales = scale.scales(x, &activity, &inputs, &first, prediction, &glimpse);

            let simple = followed(&first, &inputs);
            let law = |mean: f32, scale: f32, shape: usize| {
                let scale = if scale > 0.05 { scale } else { 0.05 };
                Expert { mean: mean + offset, inverse_scale: 1.0 / scale, shape }
            };
            let experts: [Expert; EXPERTS] = [
                law(prediction, scales.regression, NORMAL),
                law(prediction, scales.around, NORMAL),
                law(prediction, scales.regression, TAILED),
                law(prediction, scales.around, HEAVY),
                law(simple[0], scales.first[0], NORMAL),
                law(simple[1], scales.first[1], NORMAL),
                law(simple[2], scales.first[2], TAILED),
                law(simple[3], scales.first[3], TAILED),
                law(simple[4], scales.first[4], TAILED),
                law(simple[5], scales.first[5], HEAVY),
                law(prediction, scales.near, TAILED),
                law(prediction, scales.level, TAILED),
                law(prediction, scales.regression, HEAVY),
                law(simple[6], scales.first[6], HEAVY),
                law(simple[7], scales.first[7], HEAVY),
                law(prediction, scales.noise, NORMAL),
            ];
            let path_scale = if scales.regression > 0.3 { scales.regression } else { 0.3 };
            let context = |value: f32| bound(value, 0.0, (CONTEXTS - 1) as f32) as usize;
            // Where the pixels to the left and above lie around the prediction, in scales.
            let side = |value: f32| bound((value - prediction) / scales.regression + 2.5, 0.0, 4.0) as usize;
            let contexts = [
                context(scales.contrast * 4.0 + 6.0),
                context(ln(path_scale) * std::f32::consts::LOG2_E + 2.0),
                refine.outliers(x),
                side(inputs.nearest[0]) * 5 + side(inputs.nearest[1]),
            ];
            let code = |value: f32| bound(value + offset, 0.0, 65_535.0) as u32;
            let place = history.pixels.start + x;
            let mut near = [0; LOOKED_AT];
            for (near, (up, right)) in near.iter_mut().zip(PLACES) {
                let place = (place - up * history.pixels.stride).wrapping_add_signed(right);
                *near = code(history.pixels.values[place]);
            }
            near[COLUMN] = code(history.column_mean[x]);
            near[SIMPLE] = code(first[SMALL]);
            if N > ALONE {
                // The same pixel, as far above its surroundings as in the earlier plane.
                near[WWW] = code(inputs.reference + glimpse.helpers[0][0]);
            }
            let path = (prediction + offset, path_scale);
            coder.begin_pixel(|draw| density.code(draw, 0, experts, path, contexts, near));
            let coded = density.code(coder, u32::from(*sample), experts, path, contexts, near);
            *sample = coded as u16;

            let value = coded as f32 - offset;
            let residual = value - first[GLOBAL];
            let weight_root = Location::<N>::weight_root(&inputs, residual);
            history.learn(x, &inputs, value, first[GLOBAL], prediction);
            location.learn(x, &inputs, value, weight_root);
            refine.learn(x, &inputs, &refined, residual, weight_root);
            scale.learn(x, &activity, &scales, &simple, prediction, value);
        }
        history.end_row();
        refine.end_row();
        scale.end_row();
    }
}
