//! The net in integers: from the inputs of a half row to the coding of its samples.

use super::calibration;
use super::inputs::{FIRST_INPUTS, SECOND_INPUTS, Surroundings};
use super::symbols::{self, Coding, SCALES};
use super::tables::{self, SHAPES, WIDTHS};
use crate::weights::{Values, Weights};
use nf_engine::integer::IntegerLayer;
use nf_entropy::Frequencies;
use nf_entropy::table::{DecodeTables, EncodeTables};
use nf_simd::{InstructionSet, kernel};

/// Bits that activations lose against sums: weights of hidden and last layers are in 64ths.
pub(super) const HIDDEN_SHIFT: u32 = 6;

/// Results of the last layer are in 1/1024; those of the direct one, whose weights are in 256ths,
/// in 1/4096.
const LAST_SHIFT: u32 = 2;

/// Results of the second stage: a correction of the location, the scale, the shape.
pub(super) const SECOND_RESULTS: usize = 3;

/// A hidden layer, and two layers to the results: from it, and from the inputs.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) hidden: IntegerLayer,
    pub(super) last: IntegerLayer,
    pub(super) direct: IntegerLayer,
}

/// Names of a stage's parameters after its own.
pub(super) const NAMES: [&str; 5] = ["hidden.weight", "hidden.bias", "last.weight", "direct.weight", "bias"];

impl Stage {
    /// # Errors
    /// The parameter that is missing, of another type or shape, or too large.
    fn read(weights: &mut Weights, path: &str, sizes: [usize; 3]) -> Result<Self, String> {
        let [inputs, hidden, results] = sizes;
        let mut take = |name: &str, shape: &[usize]| integers(weights, &format!("{path}.{name}"), shape);
        let [a, b, c, d, e] = NAMES;
        let layer = |name: &str, inputs, weights: &[i32], biases: &[i32]| {
            IntegerLayer::new(inputs, weights, biases).map_err(|error| format!("'{path}.{name}': {error}"))
        };
        Ok(Self {
            hidden: layer("hidden", inputs, &take(a, &[hidden, inputs])?, &take(b, &[hidden])?)?,
            last: layer("last", hidden, &take(c, &[results, hidden])?, &vec![0; results])?,
            direct: layer("direct", inputs, &take(d, &[results, inputs])?, &take(e, &[results])?)?,
        })
    }

    fn macs(&self) -> usize {
        self.hidden.macs() + self.last.macs() + self.direct.macs()
    }

    /// Results in 1/4096, a row of `stride` for each.
    fn evaluate(
        &self,
        isa: InstructionSet,
        inputs: &[i32],
        stride: usize,
        hidden: &mut [i32],
        results: &mut [i32],
    ) {
        self.hidden.hidden(isa, inputs, stride, stride, HIDDEN_SHIFT, hidden);
        results.fill(0);
        self.direct.add(isa, inputs, stride, stride, 0, results);
        self.last.add(isa, hidden, stride, stride, LAST_SHIFT, results);
    }
}

fn integers(weights: &mut Weights, name: &str, shape: &[usize]) -> Result<Vec<i32>, String> {
    match weights.take(name, shape)? {
        Values::Short(values) => Ok(values.into_iter().map(i32::from).collect()),
        _ => Err(format!("'{name}' is of another type, expected I16")),
    }
}

/// The net, ready for coding.
#[derive(Clone, Debug)]
pub(super) struct RowNet {
    /// First and second stage of the even and of the odd half rows.
    pub(super) stages: [[Stage; 2]; 2],
    hidden: usize,
    pub(super) tables: Vec<Frequencies>,
    pub(super) encode_tables: EncodeTables,
    pub(super) decode_tables: DecodeTables,
    /// The class of every table, see [`calibration`].
    pub(super) classes: Vec<u8>,
}

/// Names of stages.
pub(super) const STAGES: [[&str; 2]; 2] = [["even.first", "even.second"], ["odd.first", "odd.second"]];

/// Extents of the stages: inputs, hidden, results.
pub(super) fn stage_sizes(hidden: usize) -> [[usize; 3]; 2] {
    [[FIRST_INPUTS, hidden, 1], [SECOND_INPUTS, hidden, SECOND_RESULTS]]
}

impl RowNet {
    /// # Errors
    /// The parameter that is missing, of another type or shape, or too large.
    pub(super) fn read(hidden: usize, weights: &mut Weights) -> Result<Self, String> {
        let [first, second] = stage_sizes(hidden);
        let mut pair = |[a, b]: [&str; 2]| {
            Ok::<_, String>([Stage::read(weights, a, first)?, Stage::read(weights, b, second)?])
        };
        let stages = [pair(STAGES[0])?, pair(STAGES[1])?];
        let shapes = integers(weights, "shapes", &[SHAPES, WIDTHS.len()])?;
        if shapes.iter().any(|weight| !(0..=4096).contains(weight)) {
            return Err("'shapes': a weight beyond 0..=4096".into());
        }
        let tables = tables::tables(&shapes);
        let ready = "tables of one scale";
        Ok(Self {
            stages,
            hidden,
            encode_tables: EncodeTables::new(&tables).expect(ready),
            decode_tables: DecodeTables::new(&tables).expect(ready),
            classes: calibration::classes(),
            tables,
        })
    }

    /// Multiplications per pixel.
    pub(super) fn macs(&self) -> f64 {
        self.stages.iter().flatten().map(|stage| stage.macs() as f64).sum::<f64>() / 2.0
    }

    pub(super) fn hidden(&self) -> usize {
        self.hidden
    }
}

/// The maps of a half row on its way through a net.
#[derive(Debug)]
pub(super) struct HalfRow {
    pub(super) first_inputs: Vec<i32>,
    pub(super) second_inputs: Vec<i32>,
    hidden: Vec<i32>,
    /// The first stage's result.
    pub(super) offsets: Vec<i32>,
    results: Vec<i32>,
    /// Locations of the first stage, in eighths.
    pub(super) locations: Vec<i32>,
    pub(super) bases: Vec<i32>,
    pub(super) lows: Vec<u32>,
    /// Tables.
    pub(super) tables: Vec<u16>,
}

impl HalfRow {
    pub(super) fn new(padded: usize, hidden: usize) -> Self {
        let numbers = |count: usize| vec![0; count * padded];
        Self {
            first_inputs: numbers(FIRST_INPUTS / 2),
            second_inputs: numbers(SECOND_INPUTS / 2),
            hidden: numbers(hidden / 2),
            offsets: numbers(1),
            results: numbers(SECOND_RESULTS),
            locations: numbers(1),
            bases: numbers(1),
            lows: vec![0; padded],
            tables: vec![0; padded],
        }
    }

    /// Finds bases, low bits and tables of a half row.
    pub(super) fn predict(
        &mut self,
        isa: InstructionSet,
        net: &RowNet,
        around: &mut Surroundings,
        parity: usize,
    ) {
        let stride = around.extents.padded;
        let [first, second] = &net.stages[parity];
        around.first_inputs(isa, parity, &mut self.first_inputs);
        first.evaluate(isa, &self.first_inputs, stride, &mut self.hidden, &mut self.offsets);
        self.locate(isa, around);
        around.second_inputs(isa, parity, &self.first_inputs, &self.offsets, &mut self.second_inputs);
        second.evaluate(isa, &self.second_inputs, stride, &mut self.hidden, &mut self.results);
        let (locations, results) = (&self.locations, &self.results);
        let (activity, logs) = (&around.place.activity, &around.place.unit[3]);
        decide(isa, locations, results, activity, logs, &mut self.bases, &mut self.lows, &mut self.tables);
    }

    /// Bounds the first stage's results and finds its locations.
    pub(super) fn locate(&mut self, isa: InstructionSet, around: &Surroundings) {
        let place = &around.place;
        locate(isa, &place.centre, &place.activity, &mut self.offsets, &mut self.locations);
    }
}

/// A result in units as eighths of a sample.
#[inline(always)]
fn eighths(result: i32, activity: i16) -> i32 {
    // result / 4096 units of activity / 16 samples.
    (result.max(-32767).min(32767) * i32::from(activity) + (1 << 12)) >> 13
}

#[inline(always)]
fn in_range(location: i32) -> i32 {
    location.max(0).min(8 * 65_535)
}

kernel! {
    fn locate<'a>(
        centre: &'a [i16],
        activity: &'a [i16],
        offsets: &'a mut [i32],
        locations: &'a mut [i32],
    ) -> () {
        let n = locations.len();
        let (centre, activity, offsets) = (&centre[..n], &activity[..n], &mut offsets[..n]);
        for i in 0..n {
            offsets[i] = offsets[i].max(-32767).min(32767);
            let location = 8 * (i32::from(centre[i]) + 32768) + eighths(offsets[i], activity[i]);
            locations[i] = in_range(location);
        }
    }

    fn decide<'a>(
        locations: &'a [i32],
        results: &'a [i32],
        activity: &'a [i16],
        logs: &'a [i16],
        bases: &'a mut [i32],
        lows: &'a mut [u32],
        tables: &'a mut [u16],
    ) -> () {
        let n = bases.len();
        let (corrections, rest) = results.split_at(n);
        let (scales, shapes) = rest.split_at(n);
        let (locations, activity, logs) = (&locations[..n], &activity[..n], &logs[..n]);
        let (shapes, lows, tables) = (&shapes[..n], &mut lows[..n], &mut tables[..n]);
        for i in 0..n {
            let location = in_range(locations[i] + eighths(corrections[i], activity[i]));
            let Coding { base, low, place } = symbols::coding(location, scale(scales[i], logs[i]));
            let shape = ((shapes[i] + (1 << 11)) >> 12).max(0).min(SHAPES as i32 - 1);
            bases[i] = base;
            lows[i] = low;
            tables[i] = (SHAPES as i32 * place + shape) as u16;
        }
    }
}

/// The index of a scale: a result in octaves beside the logarithm of the activity in 16ths.
#[inline(always)]
pub(super) fn scale(result: i32, log: i16) -> i32 {
    // A unit is a sixteenth of the activity, and the first scale an eighth of a sample.
    let sixteenths = i32::from(log) - 64 + 48 + ((result + (1 << 7)) >> 8);
    ((sixteenths + 1) >> 1).max(0).min(SCALES - 1)
}
