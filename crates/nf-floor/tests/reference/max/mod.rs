//! Modes 4 and 8: everything adapts backward, pixel by pixel.

pub(super) mod arithmetic;
mod around;
mod coder;
mod density;
mod given;
mod inputs;
mod location;
mod mixing;
mod noise_law;
mod refine;
mod rows;
mod scale;
mod shapes;
pub(super) mod squares;

use super::Wrong;
use arithmetic::{bound, ln};
use coder::Coder;
use density::{Density, Expert};
use given::Given;
use inputs::History;
use location::{GLOBAL, Location, SMALL};
use refine::Refine;
use scale::{Scale, followed};

/// Shapes of laws.
const NORMAL: usize = 0;
const TAILED: usize = 1;
const HEAVY: usize = 2;

/// The samples of a tile of mode 4.
pub(super) fn decode(payload: &[u8], height: usize, width: usize) -> Result<Vec<u16>, Wrong> {
    let [m0, m1, f0, f1, coded @ ..] = payload else { return Err("no room for two numbers".into()) };
    let (median, floor) = (u16::from_le_bytes([*m0, *m1]), u16::from_le_bytes([*f0, *f1]));
    pixels(f32::from(median), f32::from(floor), coded, (height, width), None)
}

/// The samples of a tile of mode 8, behind its weights.
pub(super) fn decode_given(
    payload: &[u8],
    (height, width): (usize, usize),
    earlier: &[Vec<u16>],
    weights: &[i64],
) -> Result<Vec<u16>, Wrong> {
    let [m0, m1, f0, f1, coded @ ..] = payload else { return Err("no room for two numbers".into()) };
    let (median, floor) = (i16::from_le_bytes([*m0, *m1]), u16::from_le_bytes([*f0, *f1]));
    let given = Given { height, width, earlier, weights };
    pixels(f32::from(median), f32::from(floor), coded, (height, width), Some(&given))
}

fn pixels(
    median: f32,
    floor: f32,
    coded: &[u8],
    (height, width): (usize, usize),
    given: Option<&Given<'_>>,
) -> Result<Vec<u16>, Wrong> {
    let mut coder = Coder::new(coded);
    let mut history = History::new(width, median);
    let mut location = Location::new(width, if given.is_some() { 72 } else { 56 });
    let mut refine = Refine::new(width);
    let mut scale = Scale::new(width, floor);
    let mut density = Density::new();
    let mut samples = Vec::new();
    for y in 0..height {
        history.begin_row();
        refine.begin_row();
        scale.begin_row();
        for x in 0..width {
            location.begin(x);
            let activity = scale.activity(x);
            let glimpse = given.map(|given| given.glimpse(y, x));
            let glimpse = glimpse.as_ref();
            let offset = glimpse.map_or(0.0, |glimpse| glimpse.offset);
            let inputs = history.inputs(x, activity.scale, glimpse);
            let first = location.predict(&inputs);
            let refined = refine.predict(y, x, &inputs, &first);
            let prediction = refined.prediction;
            let scales = scale.scales(x, &activity, &inputs, &first, prediction, glimpse);
            let simple = followed(&first, &inputs);

            let law = |mean: f32, scale: f32, shape: usize| {
                let scale = if scale > 0.05 { scale } else { 0.05 };
                Expert { mean: mean + offset, inverse_scale: 1.0 / scale, shape }
            };
            let experts = [
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
            let context = |value: f32| bound(value, 0.0, 15.0) as usize;
            let side = |value: f32| bound((value - prediction) / scales.regression + 2.5, 0.0, 4.0) as usize;
            let contexts = [
                context(scales.contrast * 4.0 + 6.0),
                context(ln(path_scale) * std::f32::consts::LOG2_E + 2.0),
                refine.outliers(x),
                side(inputs.west) * 5 + side(inputs.north),
            ];
            let code = |value: f32| bound(value + offset, 0.0, 65_535.0) as i64;
            let mut near: Vec<i64> = around::PLACES
                .iter()
                .map(|&(up, right)| code(history.pixels.at(up, x as i64 + right)))
                .collect();
            near.push(code(history.column_mean[x]));
            near.push(code(first[SMALL]));
            if let Some(glimpse) = glimpse {
                near[around::WWW] = code(inputs.reference + glimpse.helpers[0][0]);
            }
            let path = (prediction + offset, path_scale);
            let sample = density.decode(&mut coder, &experts, path, contexts, &near);
            samples.push(sample);

            let value = f32::from(sample) - offset;
            let residual = value - first[GLOBAL];
            let weight_root = Location::weight_root(&inputs, residual);
            history.learn(x, &inputs, value, first[GLOBAL], prediction);
            location.learn(x, &inputs, value, weight_root);
            refine.learn(x, &inputs, &refined, residual, weight_root);
            scale.learn(x, &activity, &scales, &simple, prediction, value);
        }
        history.end_row();
    }
    match coder.is_at_end() {
        true => Ok(samples),
        false => Err("coded bytes do not end with the last pixel".into()),
    }
}
