//! The one loop over the pixels of a tile: encoder and decoder run the same code.

use super::coder::{Known, StepCoder};
use super::distributions::{BLOCK, Distributions, Parameters};
use super::lanes::{LANES, Lanes, Plane, SKEW, active, steps};
use super::location::{BLOCK_STEPS, Centre, Location, Observed};
use super::scale::{Activity, Scale};
use super::value_weights::ValueWeights;
use super::{Beside, Header};
use nf_simd::{InstructionSet, kernel};
use std::ops::Range;

/// While fewer pixels are known, the equations are solved every few steps.
const EARLY_PX: usize = 8192;
const EARLY_STEPS: usize = 16;

/// The regressions use the first half of this many steps, the distributions one of this many. Of
/// two or six, it would always be the same colours of a colour sensor.
const FIT_STEPS: usize = 4;
const DISTRIBUTION_STEPS: usize = 5;

/// Residuals beyond this many scales weigh less (Huber).
const HUBER: f32 = 1.5;

/// The model of one tile.
struct Model {
    /// Clips assume at least this range of the nearest pixels.
    least_range: f32,
    pixels: Plane,
    location: Location,
    scale: Scale,
    distributions: Distributions,
    value_weights: ValueWeights,
    /// Pixels that it has seen.
    known_px: usize,
    /// The block of columns that it is in.
    block: usize,
}

/// What the model says of the pixels of a step.
struct Predicted {
    activity: Activity,
    centre: Centre,
    locations: Lanes,
    scales: Lanes,
    parameters: Parameters,
}

/// Codes `samples`, rows of `width`, in place: an encoder reads them, a decoder fills them in. The
/// model sees the tiles beside them first.
pub(super) fn traverse<C: StepCoder>(
    isa: InstructionSet,
    coder: &mut C,
    header: Header,
    width: usize,
    beside: Beside,
    samples: &mut [u16],
) {
    let mut model: Option<Model> = None;
    for seen in beside.seen {
        let header = header.of_seen(seen.samples);
        let model = begin(&mut model, isa, header, seen.width);
        run(isa, model, &mut Known, seen.width, &[], &mut seen.samples.to_vec());
    }
    run(isa, begin(&mut model, isa, header, width), coder, width, beside.shifts, samples);
}

/// The model at the start of a tile, which is its first if there is none yet.
fn begin(model: &mut Option<Model>, isa: InstructionSet, header: Header, width: usize) -> &mut Model {
    if let Some(model) = model {
        model.restart(header, width);
    }
    model.get_or_insert_with(|| Model::new(isa, header, width))
}

impl Model {
    fn new(isa: InstructionSet, header: Header, width: usize) -> Self {
        Self {
            least_range: f32::from(header.least_range),
            pixels: Plane::new(width, f32::from(header.median)),
            location: Location::new(isa, width),
            scale: Scale::new(isa, width, f32::from(header.floor)),
            distributions: Distributions::new(),
            value_weights: ValueWeights::new(),
            known_px: 0,
            block: 0,
        }
    }

    /// Begins another tile of the same detector: what was learnt stays.
    fn restart(&mut self, header: Header, width: usize) {
        self.pixels = Plane::new(width, f32::from(header.median));
        self.location.restart(self.block, width);
        self.scale.restart(width, f32::from(header.floor));
        self.block = 0;
    }
}

/// Codes the samples of one tile; `shifts` are what the lattices of a dithered one add to them, of
/// others there are none.
fn run<C: StepCoder>(
    isa: InstructionSet,
    model: &mut Model,
    coder: &mut C,
    width: usize,
    shifts: &[f32],
    samples: &mut [u16],
) {
    for (band, rows) in samples.chunks_mut(LANES * width).enumerate() {
        let band_shifts = shifts.get(band * LANES * width..).unwrap_or_default();
        let count = rows.len() / width;
        for t in 0..steps(width, count) {
            let begins = t % BLOCK_STEPS == 0;
            if model.known_px > 0 && (begins || model.known_px < EARLY_PX && t % EARLY_STEPS == 0) {
                model.location.join(model.block);
                model.scale.solve();
                model.distributions.refresh(isa);
                model.value_weights.refresh();
                if begins {
                    model.block = t / BLOCK_STEPS;
                    model.location.begin_block(model.block);
                }
                model.location.solve(model.block);
            }
            if t % SKEW == 0 && t / SKEW < count {
                model.pixels.begin_row(t / SKEW);
                model.scale.begin_row(t / SKEW);
            }
            let lanes = active(t, width, count);
            let (mut step, mut step_shifts) = ([0; LANES], [0.0; LANES]);
            for lane in lanes.clone() {
                step[lane] = rows[lane * width + t - SKEW * lane];
            }
            if !shifts.is_empty() {
                for lane in lanes.clone() {
                    step_shifts[lane] = band_shifts[lane * width + t - SKEW * lane];
                }
            }
            let predicted = predict(isa, model, t, &step_shifts);
            code(isa, model, coder, &predicted.parameters, lanes.clone(), &mut step);
            for lane in lanes.clone() {
                rows[lane * width + t - SKEW * lane] = step[lane];
            }
            update(isa, model, t, &predicted, lanes.clone(), &step, &step_shifts);
            model.known_px += lanes.len();
            for lane in lanes {
                if t + 1 == SKEW * lane + width {
                    model.pixels.end_row(t, lane);
                    model.scale.end_row(t, lane);
                }
            }
        }
        model.pixels.advance();
        model.location.begin_rows();
        model.scale.begin_rows();
    }
}

kernel! {
    fn predict<'a>(model: &'a mut Model, t: usize, shifts: &'a Lanes) -> Predicted {
        let activity = model.scale.activity(t);
        let centre = Centre::new(&model.pixels, t, model.least_range);
        let locations = model.location.predict(&model.pixels, t, &centre, &activity.scale);
        let (scales, logs) = model.scale.predict(&model.pixels, t, &activity, &centre, &locations);
        let parameters = Parameters::new(&locations, &scales, &logs, &centre.median, shifts);
        Predicted { activity, centre, locations, scales, parameters }
    }

    /// The pixels of step `t` are known; lanes that are not active have no pixel.
    fn update<'a>(
        model: &'a mut Model,
        t: usize,
        predicted: &'a Predicted,
        lanes: Range<usize>,
        step: &'a [u16; LANES],
        shifts: &'a Lanes,
    ) -> () {
        let Predicted { activity, centre, locations, scales, parameters } = predicted;
        let (mut values, mut active) = (*locations, [false; LANES]);
        for lane in lanes.clone() {
            values[lane] = f32::from(step[lane]);
            active[lane] = true;
        }
        if t % DISTRIBUTION_STEPS == 0 {
            for lane in lanes {
                model.distributions.update(parameters, lane, values[lane]);
            }
        }
        for k in 0..LANES {
            values[k] += shifts[k];
        }
        let fits = t % FIT_STEPS < FIT_STEPS / 2;
        let zero = [0.0; LANES];
        let mut observed = Observed { differences: zero, residuals: zero, weights: zero };
        for k in 0..LANES {
            let residual = values[k] - locations[k];
            observed.differences[k] = values[k] - centre.median[k];
            observed.residuals[k] = residual;
            let distance = residual.abs() / scales[k];
            let share = if distance > HUBER { HUBER / distance } else { 1.0 };
            observed.weights[k] = if active[k] { share / (scales[k] * scales[k]) } else { 0.0 };
        }
        model.pixels.set(t, &active, &values);
        model.location.update(t, fits, &active, &activity.scale, &observed);
        model.scale.update(t, fits, &active, activity, scales, &observed.residuals);
    }
}

/// Codes the samples of the active lanes of a step.
fn code<C: StepCoder>(
    isa: InstructionSet,
    model: &mut Model,
    coder: &mut C,
    parameters: &Parameters,
    lanes: Range<usize>,
    step: &mut [u16; LANES],
) {
    struct Kernel<'a, C> {
        distributions: &'a Distributions,
        value_weights: &'a mut ValueWeights,
        coder: &'a mut C,
        parameters: &'a Parameters,
        lanes: Range<usize>,
        step: &'a mut [u16; LANES],
    }
    impl<C: StepCoder> nf_simd::NullaryFnOnce for Kernel<'_, C> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let Self { distributions, value_weights, coder, parameters, lanes, step } = self;
            let [blocks, ends] = coder.code_blocks(lanes.clone(), step, distributions, parameters);
            let mut masses = [[0; BLOCK]; LANES];
            for lane in lanes.clone() {
                masses[lane] = distributions.within(parameters, lane, blocks[lane], ends[lane]);
            }
            for lane in lanes {
                let block = blocks[lane] as usize;
                let cdf = value_weights.cdf(block, &masses[lane]);
                let value = coder.code_value(lane, usize::from(step[lane]) % BLOCK, &cdf);
                value_weights.update(block, value, &cdf);
                step[lane] = (block * BLOCK + value) as u16;
            }
        }
    }
    let Model { distributions, value_weights, .. } = model;
    isa.run(Kernel { distributions, value_weights, coder, parameters, lanes, step });
}
