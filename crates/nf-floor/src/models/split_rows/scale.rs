//! The scales of the pixels of a half row: their expected absolute errors, as weighted sums of
//! errors and differences around them.

use super::location::Centre;
use super::register::{REGISTER, Register, registers};
use super::sample::Part;
use super::window::Window;
use nf_simd::{InstructionSet, kernel};
use std::ops::Range;

/// Inputs of the scale of either half; the odd half has three more.
pub(super) const EVEN_INPUTS: usize = 11;
pub(super) const ODD_INPUTS: usize = 14;

/// Number of inputs of a half.
pub(super) const fn inputs(parity: usize) -> usize {
    if parity == 0 { EVEN_INPUTS } else { ODD_INPUTS }
}

/// Fraction bits of a weight of the scale.
pub(super) const SCALE_WEIGHT_BITS: u32 = 10;

/// Largest weight of the scale.
pub(super) const MAX_SCALE_WEIGHT: u32 = (1 << 14) - 1;

/// Scales of an octave.
pub(super) const SCALES_PER_OCTAVE: usize = 8;

/// Scales, from 1/8 DN.
pub(super) const SCALES: usize = 16 * SCALES_PER_OCTAVE;

/// The first scale, and an upper bound of the last one, DN.
const FIRST: f32 = 0.125;
const BEYOND: f32 = 8191.0;

/// Bits of the mantissa that do not distinguish scales.
const DROPPED_BITS: u32 = 20;

/// The scale of an expected absolute error: the leading bits of the number.
#[inline(always)]
pub(super) fn scale_of(expected: f32) -> i32 {
    let at_least = if expected > FIRST { expected } else { FIRST };
    let clamped = if at_least < BEYOND { at_least } else { BEYOND };
    (clamped.to_bits() >> DROPPED_BITS) as i32 - (FIRST.to_bits() >> DROPPED_BITS) as i32
}

/// Errors are bounded to this many DN.
const MOST_ERROR: f32 = 16383.0;

/// The weights of the scale of one half, in units of `2^-SCALE_WEIGHT_BITS`.
pub(super) type ScaleWeights = Vec<u16>;

/// Weights that suit most tiles: means of the errors around, the near ones first.
pub(super) fn default_weights(parity: usize) -> ScaleWeights {
    const EVEN: [u16; EVEN_INPUTS] = [123, 102, 51, 82, 61, 31, 60, 0, 0, 0, 0];
    const ODD: [u16; ODD_INPUTS] = [80, 60, 30, 50, 40, 20, 60, 0, 0, 0, 0, 120, 60, 0];
    if parity == 0 { EVEN.to_vec() } else { ODD.to_vec() }
}

/// Weights ready for use; those that the even half does not have are zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct ErrorPredictor {
    weights: [f32; ODD_INPUTS],
    background: f32,
}

impl ErrorPredictor {
    pub(super) fn new(weights: &[u16], background: u16) -> Self {
        let mut ready = [0.0; ODD_INPUTS];
        for (to, &weight) in ready.iter_mut().zip(weights) {
            *to = f32::from(weight) / (1 << SCALE_WEIGHT_BITS) as f32;
        }
        Self { weights: ready, background: f32::from(background) }
    }

    /// The expected absolute errors of the pixels of a half row.
    pub(super) fn predict(
        &self,
        isa: InstructionSet,
        window: &Window,
        parity: usize,
        centre: &Centre,
        locations: &[f32],
        expected: &mut [f32],
    ) {
        predict(isa, self, window, parity, centre, locations, expected);
    }
}

#[inline(always)]
fn of(values: &[f32], i: usize) -> Register {
    Register(registers(values)[i])
}

/// Errors count as at most [`MOST_ERROR`].
#[inline(always)]
fn error(errors: &[f32], i: usize) -> Register {
    of(errors, i).min(Register::all(MOST_ERROR))
}

/// What the scale of some pixels is predicted from.
struct Inputs<'a> {
    parity: usize,
    /// Errors of the row above, from three columns to the left to three to the right.
    above: [&'a [f32]; 7],
    /// Errors two rows above, from two columns to the left to two to the right.
    far: [&'a [f32]; 5],
    /// Values above, above to the left and above to the right.
    values: [&'a [f32]; 3],
    /// Errors of the row itself at three columns and one to the left, one and three to the right.
    beside: [&'a [f32]; 4],
    /// Values to the left and to the right.
    sides: [&'a [f32]; 2],
    range: &'a [f32],
    median: &'a [f32],
    locations: &'a [f32],
    background: f32,
}

impl<'a> Inputs<'a> {
    #[inline(always)]
    fn new(
        window: &'a Window,
        parity: usize,
        centre: &'a Centre,
        locations: &'a [f32],
        background: f32,
        span: Range<usize>,
    ) -> Self {
        let errors = |up, right| &window.errors(parity, (up, right))[span.clone()];
        let values = |up, right| &window.values(parity, (up, right))[span.clone()];
        Self {
            parity,
            above: [
                errors(1, -3),
                errors(1, -2),
                errors(1, -1),
                errors(1, 0),
                errors(1, 1),
                errors(1, 2),
                errors(1, 3),
            ],
            far: [errors(2, -2), errors(2, -1), errors(2, 0), errors(2, 1), errors(2, 2)],
            values: [values(1, 0), values(1, -1), values(1, 1)],
            beside: [errors(0, -3), errors(0, -1), errors(0, 1), errors(0, 3)],
            sides: [values(0, -1), values(0, 1)],
            range: &centre.range[span.clone()],
            median: &centre.median[span.clone()],
            locations: &locations[span.clone()],
            background,
        }
    }

    /// Those of pixel `16 i` and the next ones; the last three are used in the odd half only.
    #[inline(always)]
    fn at(&self, i: usize) -> [Register; ODD_INPUTS] {
        let (l3, l2, l1) = (error(self.above[0], i), error(self.above[1], i), error(self.above[2], i));
        let (r1, r2, r3) = (error(self.above[4], i), error(self.above[5], i), error(self.above[6], i));
        let (fl2, fl1) = (error(self.far[0], i), error(self.far[1], i));
        let (fr1, fr2) = (error(self.far[3], i), error(self.far[4], i));
        let (value, left, right) = (of(self.values[0], i), of(self.values[1], i), of(self.values[2], i));
        let locations = of(self.locations, i);
        let height = locations - Register::all(self.background);
        let mut inputs = [
            error(self.above[3], i),
            l1 + r1,
            l2 + r2,
            error(self.far[2], i),
            fl1 + fr1,
            (l3 + r3) + (fl2 + fr2),
            of(self.range, i),
            (value - left).abs() + (value - right).abs(),
            (locations - of(self.median, i)).abs(),
            Register::all(1.0),
            height.max(Register::all(0.0)),
            Register::all(0.0),
            Register::all(0.0),
            Register::all(0.0),
        ];
        if self.parity == 1 {
            inputs[11] = error(self.beside[1], i) + error(self.beside[2], i);
            inputs[12] = error(self.beside[0], i) + error(self.beside[3], i);
            inputs[13] = (of(self.sides[0], i) - of(self.sides[1], i)).abs();
        }
        inputs
    }
}

/// Sets the inputs of the scale of the pixels `span` of a half row.
#[inline(always)]
pub(super) fn set_inputs(
    window: &Window,
    parity: usize,
    centre: &Centre,
    locations: &[f32],
    background: u16,
    span: Range<usize>,
    part: &mut Part,
) {
    let pixels = span.len();
    // Whole registers: half rows are padded, and more than the span is not kept.
    let start = span.start.min(window.padded() - pixels.next_multiple_of(REGISTER));
    let span_padded = start..start + pixels.next_multiple_of(REGISTER);
    let skipped = span.start - start;
    let all = Inputs::new(window, parity, centre, locations, f32::from(background), span_padded);
    for i in 0..pixels.next_multiple_of(REGISTER) / REGISTER {
        for (k, input) in all.at(i)[..inputs(parity)].iter().enumerate() {
            let to = part.input(k);
            for (lane, &value) in input.0.iter().enumerate() {
                if let Some(at) = (i * REGISTER + lane).checked_sub(skipped)
                    && at < pixels
                {
                    to[at] = value;
                }
            }
        }
    }
}

kernel! {
    fn predict<'a>(
        predictor: &'a ErrorPredictor,
        window: &'a Window,
        parity: usize,
        centre: &'a Centre,
        locations: &'a [f32],
        expected: &'a mut [f32],
    ) -> () {
        let mut w = [Register::all(0.0); ODD_INPUTS];
        for (w, &weight) in w.iter_mut().zip(&predictor.weights) {
            *w = Register::all(weight);
        }
        let n = window.padded();
        let inputs = Inputs::new(window, parity, centre, locations, predictor.background, 0..n);
        let expected = expected[..n].as_chunks_mut().0;
        for (i, expected) in expected.iter_mut().enumerate() {
            let x = inputs.at(i);
            let near = (w[0] * x[0] + w[1] * x[1]) + (w[2] * x[2] + w[3] * x[3]);
            let near = near + (w[4] * x[4] + w[5] * x[5]);
            let mut sum = near + ((w[6] * x[6] + w[7] * x[7]) + ((w[8] * x[8] + w[9]) + w[10] * x[10]));
            if parity == 1 {
                let beside = w[11] * x[11] + w[12] * x[12];
                sum = sum + (beside + w[13] * x[13]);
            }
            *expected = sum.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::split_rows::sample::Sample;
    use nf_image::testing::Rng;

    #[test]
    fn the_scale_is_the_weighted_sum_of_its_inputs() {
        let mut rng = Rng::new(4);
        let mut window = Window::new(90, 1000);
        let isa = InstructionSet::best();
        let locations = vec![1000.0; window.padded()];
        for _ in 0..6 {
            window.advance();
            for parity in 0..2 {
                let values: Vec<u16> = (0..45).map(|_| 990 + rng.below(20) as u16).collect();
                window.set(isa, parity, &values, &[], &locations);
            }
        }
        for parity in 0..2 {
            let mut centre = Centre::new(window.padded());
            centre.measure(isa, &window, parity, 1.0);
            let span = 13..45;
            let mut sample = Sample::new(inputs(parity), Vec::new());
            let (mut part, pixels) = sample.extend(span.len());
            assert_eq!(pixels, span.len());
            set_inputs(&window, parity, &centre, &locations, 997, span.clone(), &mut part);
            for k in 0..inputs(parity) {
                let mut weights = vec![0; inputs(parity)];
                weights[k] = 1 << SCALE_WEIGHT_BITS;
                let mut expected = vec![0.0; window.padded()];
                let predictor = ErrorPredictor::new(&weights, 997);
                predictor.predict(isa, &window, parity, &centre, &locations, &mut expected);
                assert_eq!(part.input(k), &expected[span.clone()], "input {k} of half {parity}");
            }
        }
    }
}
