//! The one loop over the pixels of a tile: encoder and decoder run the same code.

use super::contexts::{COLUMN, PIXELS, SIMPLE, VALUES, WWW};
use super::density::{CONTEXTS, Density, Pixel};
use super::experts::Experts;
use super::inputs::{ALONE, History, Inputs};
use super::location::{GLOBAL, Location, PREDICTIONS, SMALL};
use super::reference_planes::{CoLocated, ReferencePlanes};
use super::refine::{Refine, Refined};
use super::scale::{self, Activity, Scale, Scales};
use super::{CodePixel, Header};
use crate::maths::{clamp_or_low, ln};
use nf_entropy::binary::BinaryCoder;
use nf_simd::{InstructionSet, kernel};

/// Scales of paths are at least this.
const LEAST_PATH_SCALE: f32 = 0.3;

/// The predictors of one tile, with `N` inputs of the first stage.
struct Predictors<const N: usize> {
    history: History,
    location: Location<N>,
    refine: Refine,
    scale: Scale,
}

impl<const N: usize> Predictors<N> {
    /// Begins another tile of the same detector.
    fn restart(&mut self, width: usize, header: Header) {
        self.history = self.history.restarted(width, header.median);
        self.location.restart(width);
        self.refine.restart(width);
        self.scale.restart(width, header.floor);
    }
}

/// What the predictors say of a pixel, and what they need when it is known.
struct Predicted<const N: usize> {
    activity: Activity,
    inputs: Inputs<N>,
    first: [f32; PREDICTIONS],
    refined: Refined,
    scales: Scales,
    simple: [f32; scale::SIMPLE],
    pixel: Pixel,
}

/// What a tile is coded with beside its own pixels.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) header: Header,
    pub(super) references: Option<&'a ReferencePlanes>,
    /// Whether offsets are positions of lattices.
    pub(super) by_position: bool,
}

/// A piece of a frame that the model has seen before it meets the tile.
#[derive(Clone, Copy)]
pub(super) struct Warmup<'a> {
    pub(super) given: Given<'a>,
    pub(super) width: usize,
    pub(super) samples: &'a [u16],
}

/// Codes `samples`, rows of `width`, in place: an encoder reads them, a decoder fills them in.
///
/// `N` inputs: [`ALONE`], or [`WITH_REFERENCES`](super::inputs::WITH_REFERENCES) with reference
/// planes, which [`ALONE`] takes for their weighted sum only.
pub(super) fn traverse<const N: usize>(
    isa: InstructionSet,
    code_pixel: CodePixel,
    given: Given,
    width: usize,
    samples: &mut [u16],
    warmup: &[Warmup],
) {
    let (first, first_width) = warmup.first().map_or((given, width), |first| (first.given, first.width));
    let mut predictors = Predictors::<N> {
        history: History::new(first_width, first.header.median),
        location: Location::new(isa, first_width),
        refine: Refine::new(isa, first_width),
        scale: Scale::new(isa, first_width, first.header.floor),
    };
    let mut density = Density::new(isa, given.by_position);
    for (number, Warmup { given: seen, width: seen_width, samples }) in warmup.iter().enumerate() {
        if number > 0 {
            predictors.restart(*seen_width, seen.header);
        }
        let mut learn =
            |density: &mut Density, pixel: &Pixel, sample: u16| density.code(&mut Known, pixel, sample);
        walk(isa, &mut learn, (&mut predictors, &mut density), *seen, *seen_width, &mut samples.to_vec());
    }
    if !warmup.is_empty() {
        predictors.restart(width, given.header);
        density.restart();
    }
    walk(isa, code_pixel, (&mut predictors, &mut density), given, width, samples);
}

/// What codes decisions that are known.
struct Known;

impl BinaryCoder for Known {
    fn code(&mut self, bit: bool, _: u32) -> bool {
        bit
    }
}

fn walk<const N: usize>(
    isa: InstructionSet,
    code_pixel: CodePixel,
    (predictors, density): (&mut Predictors<N>, &mut Density),
    given: Given,
    width: usize,
    samples: &mut [u16],
) {
    for (y, row) in samples.chunks_exact_mut(width).enumerate() {
        predictors.history.begin_row();
        predictors.refine.begin_row();
        predictors.scale.begin_row();
        for (x, sample) in row.iter_mut().enumerate() {
            predictors.location.begin(x);
            predictors.refine.begin(x);
            predictors.scale.begin(x);
            let co_located = given
                .references
                .map_or(CoLocated::NONE, |planes| planes.co_located(y, x, predictors.history.reference(x)));
            let predicted = predict(isa, predictors, y, x, &co_located, given.by_position);
            *sample = code_pixel(density, &predicted.pixel, *sample);
            let value = f32::from(*sample) - co_located.offset;
            update(isa, predictors, x, &predicted, value);
        }
        predictors.history.end_row();
        predictors.refine.end_row();
        predictors.scale.end_row();
    }
}

kernel! {
    fn predict<'a, const N: usize>(
        predictors: &'a mut Predictors<N>,
        y: usize,
        x: usize,
        co_located: &'a CoLocated,
        by_position: bool,
    ) -> Predicted<N> {
        let Predictors { history, location, refine, scale } = predictors;
        let offset = co_located.offset;
        let activity = scale.activity(x);
        let inputs = history.inputs::<N>(x, activity.scale, co_located);
        let first = location.predict(&inputs);
        let refined = refine.predict(y, x, &inputs, &first);
        let prediction = refined.prediction;
        let scales = scale.scales(x, &activity, &inputs, &first, prediction, co_located);
        let simple = scale::simple_predictions(&first, &inputs);
        let path_scale =
            if scales.regression > LEAST_PATH_SCALE { scales.regression } else { LEAST_PATH_SCALE };
        let context = |value: f32| clamp_or_low(value, 0.0, (CONTEXTS - 1) as f32) as usize;
        // Where the pixels to the left and above lie around the prediction, in scales.
        let side =
            |value: f32| clamp_or_low((value - prediction) / scales.regression + 2.5, 0.0, 4.0) as usize;
        let contexts = [
            context(scales.contrast * 4.0 + 6.0),
            context(ln(path_scale) * std::f32::consts::LOG2_E + 2.0),
            refine.outliers(x),
            side(inputs.nearest[0]) * 5 + side(inputs.nearest[1]),
        ];
        // Values on the lattice of this pixel: to the nearest one, where its lattice has another
        // position than theirs.
        let half = if by_position { 0.5 } else { 0.0 };
        let code = |value: f32| clamp_or_low((value + offset) + half, 0.0, 65_535.0) as u32;
        let mut around = [0; VALUES];
        for (value, place) in around.iter_mut().zip(PIXELS) {
            *value = code(history.pixels.at(x, place));
        }
        around[COLUMN] = code(history.column_mean[x]);
        around[SIMPLE] = code(first[SMALL]);
        if N > ALONE {
            // The same pixel, as far above its surroundings as in the reference plane.
            around[WWW] = code(inputs.reference + co_located.helpers[0][0]);
        }
        let pixel = Pixel {
            experts: Experts::new(prediction, &simple, &scales, offset),
            mean: prediction + offset,
            position: if by_position { Pixel::position(offset) } else { 0 },
            scale: path_scale,
            contexts,
            around,
        };
        Predicted { activity, inputs, first, refined, scales, simple, pixel }
    }

    /// Column `x` has this value.
    fn update<'a, const N: usize>(
        predictors: &'a mut Predictors<N>,
        x: usize,
        predicted: &'a Predicted<N>,
        value: f32,
    ) -> () {
        let Predictors { history, location, refine, scale } = predictors;
        let Predicted { activity, inputs, first, refined, scales, simple, .. } = predicted;
        let prediction = refined.prediction;
        let residual = value - first[GLOBAL];
        let weight_root = Location::<N>::weight_root(inputs, residual);
        history.update(x, inputs, value, first[GLOBAL], prediction);
        location.update(x, inputs, value, weight_root);
        refine.update(x, inputs, refined, residual, weight_root);
        scale.update(x, activity, scales, simple, prediction, value);
    }
}
