//! The scales of the pixels of a half row: their expected absolute errors, as weighted sums of
//! errors and differences around them.

use super::location::Centre;
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

#[inline(always)]
fn bounded(a: f32) -> f32 {
    if a < MOST_ERROR { a } else { MOST_ERROR }
}

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

/// Sets the inputs of the scale of the pixels `span` of a half row: what [`predict`] weighs.
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
    let n = span.len();
    let errors = |up, right| &window.errors(parity, (up, right))[span.clone()][..n];
    let values = |up, right| &window.values(parity, (up, right))[span.clone()][..n];
    let (range, median) = (&centre.range[span.clone()][..n], &centre.median[span.clone()][..n]);
    let locations = &locations[span.clone()][..n];
    let background = f32::from(background);
    for (k, (up, right)) in [(0, (1, 0)), (3, (2, 0))] {
        let errors = errors(up, right);
        let to = &mut part.input(k)[..n];
        for i in 0..n {
            to[i] = bounded(errors[i]);
        }
    }
    let mut pairs = vec![(1, (1, 1)), (2, (1, 2)), (4, (2, 1))];
    if parity == 1 {
        pairs.extend([(11, (0, 1)), (12, (0, 3))]);
    }
    for (k, (up, right)) in pairs {
        let (a, b) = (errors(up, -right), errors(up, right));
        let to = &mut part.input(k)[..n];
        for i in 0..n {
            to[i] = bounded(a[i]) + bounded(b[i]);
        }
    }
    let (a, b, c, d) = (errors(1, -3), errors(1, 3), errors(2, -2), errors(2, 2));
    let to = &mut part.input(5)[..n];
    for i in 0..n {
        to[i] = (bounded(a[i]) + bounded(b[i])) + (bounded(c[i]) + bounded(d[i]));
    }
    part.input(6).copy_from_slice(range);
    let (up, left, right) = (values(1, 0), values(1, -1), values(1, 1));
    let to = &mut part.input(7)[..n];
    for i in 0..n {
        to[i] = (up[i] - left[i]).abs() + (up[i] - right[i]).abs();
    }
    let to = &mut part.input(8)[..n];
    for i in 0..n {
        to[i] = (locations[i] - median[i]).abs();
    }
    part.input(9).fill(1.0);
    let to = &mut part.input(10)[..n];
    for i in 0..n {
        let height = locations[i] - background;
        to[i] = if height > 0.0 { height } else { 0.0 };
    }
    if parity == 1 {
        let (left, right) = (values(0, -1), values(0, 1));
        let to = &mut part.input(13)[..n];
        for i in 0..n {
            to[i] = (left[i] - right[i]).abs();
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
        let w = &predictor.weights;
        let n = window.padded();
        let errors = |up, right| &window.errors(parity, (up, right))[..n];
        let values = |up, right| &window.values(parity, (up, right))[..n];
        let (range, median) = (&centre.range[..n], &centre.median[..n]);
        let (locations, expected) = (&locations[..n], &mut expected[..n]);
        let (n0, n1, n2) = (errors(1, 0), errors(1, -1), errors(1, 1));
        let (n3, n4, nn) = (errors(1, -2), errors(1, 2), errors(2, 0));
        for i in 0..n {
            let near = w[0] * bounded(n0[i]) + w[1] * (bounded(n1[i]) + bounded(n2[i]));
            let wide = w[2] * (bounded(n3[i]) + bounded(n4[i])) + w[3] * bounded(nn[i]);
            expected[i] = near + wide;
        }
        let (a, b, c, d) = (errors(2, -1), errors(2, 1), errors(1, -3), errors(1, 3));
        let (e, f) = (errors(2, -2), errors(2, 2));
        for i in 0..n {
            let far = (bounded(c[i]) + bounded(d[i])) + (bounded(e[i]) + bounded(f[i]));
            expected[i] += w[4] * (bounded(a[i]) + bounded(b[i])) + w[5] * far;
        }
        let (up, left, right) = (values(1, 0), values(1, -1), values(1, 1));
        for i in 0..n {
            let steep = (up[i] - left[i]).abs() + (up[i] - right[i]).abs();
            let apart = (locations[i] - median[i]).abs();
            let height = locations[i] - predictor.background;
            let height = if height > 0.0 { height } else { 0.0 };
            expected[i] += (w[6] * range[i] + w[7] * steep) + ((w[8] * apart + w[9]) + w[10] * height);
        }
        if parity == 1 {
            let (a, b, c, d) = (errors(0, -1), errors(0, 1), errors(0, -3), errors(0, 3));
            let (left, right) = (values(0, -1), values(0, 1));
            for i in 0..n {
                let near = w[11] * (bounded(a[i]) + bounded(b[i])) + w[12] * (bounded(c[i]) + bounded(d[i]));
                expected[i] += near + w[13] * (left[i] - right[i]).abs();
            }
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
