//! The loops that take the time, compiled for several vector widths and chosen at run time.
//!
//! Every result is built by the same single additions and multiplications in the same order whatever the width: lanes
//! are different results, never parts of one sum, and nothing is fused.

use super::width::Width;
use crate::math::{elu, sigmoid};
use pulp::{Simd, WithSimd};

/// Results per vector block, and pixels per block: their sums stay in registers.
const LANES: usize = 16;
const PIXELS: usize = 4;

/// `sums[n, o] += sum over i of x[n, i] * weights[i, o]`, terms in the order of i.
///
/// `sums`: (pixels, outputs); pixel n's inputs begin at `x[n * stride]`; `weights`: (inputs, outputs).
pub(super) struct Accumulate<'a> {
    pub(super) sums: &'a mut [f32],
    pub(super) x: &'a [f32],
    pub(super) stride: usize,
    pub(super) weights: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl Accumulate<'_> {
    pub(super) fn run(self, vectors: Width) {
        vectors.run(self);
    }
}

impl WithSimd for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { sums, x, stride, weights, inputs, outputs } = self;
        let pixels = sums.len() / outputs;
        let mut n = 0;
        while n < pixels {
            if n + PIXELS <= pixels {
                block::<PIXELS>(&mut sums[n * outputs..], &x[n * stride..], stride, weights, inputs, outputs);
                n += PIXELS;
            } else {
                block::<1>(&mut sums[n * outputs..], &x[n * stride..], stride, weights, inputs, outputs);
                n += 1;
            }
        }
    }
}

#[inline(always)]
fn block<const N: usize>(
    sums: &mut [f32],
    x: &[f32],
    stride: usize,
    weights: &[f32],
    inputs: usize,
    outputs: usize,
) {
    let rows: [&[f32]; N] = std::array::from_fn(|n| &x[n * stride..][..inputs]);
    let mut o = 0;
    while o + LANES <= outputs {
        lanes::<N, LANES>(sums, &rows, weights, outputs, o);
        o += LANES;
    }
    while o + 4 <= outputs {
        lanes::<N, 4>(sums, &rows, weights, outputs, o);
        o += 4;
    }
    while o < outputs {
        lanes::<N, 1>(sums, &rows, weights, outputs, o);
        o += 1;
    }
}

#[inline(always)]
fn lanes<const N: usize, const L: usize>(
    sums: &mut [f32],
    rows: &[&[f32]; N],
    weights: &[f32],
    outputs: usize,
    o: usize,
) {
    let mut totals: [[f32; L]; N] = std::array::from_fn(|n| {
        let start = n * outputs + o;
        std::array::from_fn(|l| sums[start + l])
    });
    for (i, weights) in weights.chunks_exact(outputs).enumerate() {
        let weights: &[f32; L] = weights[o..o + L].try_into().expect("L of them");
        for n in 0..N {
            let x = rows[n][i];
            for l in 0..L {
                totals[n][l] += x * weights[l];
            }
        }
    }
    for n in 0..N {
        sums[n * outputs + o..][..L].copy_from_slice(&totals[n]);
    }
}

/// An elementwise operation on pixels of `channels` values.
pub(super) struct Elementwise<'a> {
    pub(super) to: &'a mut [f32],
    pub(super) from: &'a [f32],
    pub(super) channels: usize,
    pub(super) what: What,
}

/// Which one.
#[derive(Clone, Copy)]
pub(super) enum What {
    Elu,
    Relu,
    /// `channels` to twice as many.
    ConcatElu,
    /// `channels` to half as many.
    Gate,
}

impl Elementwise<'_> {
    pub(super) fn run(self, vectors: Width) {
        vectors.run(self);
    }
}

impl WithSimd for Elementwise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { to, from, channels, what } = self;
        match what {
            What::Elu => to.iter_mut().zip(from).for_each(|(to, &x)| *to = elu(x)),
            What::Relu => to.iter_mut().zip(from).for_each(|(to, &x)| *to = x.max(0.0)),
            What::ConcatElu => {
                for (to, from) in to.chunks_exact_mut(2 * channels).zip(from.chunks_exact(channels)) {
                    let (plus, minus) = to.split_at_mut(channels);
                    plus.iter_mut().zip(from).for_each(|(to, &x)| *to = elu(x));
                    minus.iter_mut().zip(from).for_each(|(to, &x)| *to = elu(-x));
                }
            }
            What::Gate => {
                for (to, from) in to.chunks_exact_mut(channels / 2).zip(from.chunks_exact(channels)) {
                    let (a, b) = from.split_at(channels / 2);
                    to.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (&a, &b))| *to = a * sigmoid(b));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn every_width_gives_the_same_bits() {
        let mut random = Random::new(5);
        let mut numbers = |n: usize| -> Vec<f32> { (0..n).map(|_| 3.0 * random.normal()).collect() };
        for (pixels, inputs, outputs) in [(1, 7, 3), (9, 33, 45), (4, 16, 16), (6, 5, 1)] {
            let (x, weights, sums) =
                (numbers(pixels * inputs), numbers(inputs * outputs), numbers(pixels * outputs));
            let run = |vectors: Width| {
                let mut sums = sums.clone();
                let (x, weights) = (&x, &weights);
                Accumulate { sums: &mut sums, x, stride: inputs, weights, inputs, outputs }.run(vectors);
                sums
            };
            let wanted: Vec<f32> = (0..pixels * outputs)
                .map(|at| {
                    let (n, o) = (at / outputs, at % outputs);
                    (0..inputs).fold(sums[at], |sum, i| sum + x[n * inputs + i] * weights[i * outputs + o])
                })
                .collect();
            assert_eq!(run(Width::Base), wanted);
            assert_eq!(run(Width::of_this_machine()), wanted);
            for what in [What::Elu, What::Relu, What::ConcatElu] {
                let run = |vectors: Width| {
                    let mut to =
                        vec![0.0; if matches!(what, What::ConcatElu) { 2 * x.len() } else { x.len() }];
                    Elementwise { to: &mut to, from: &x, channels: inputs, what }.run(vectors);
                    to
                };
                assert_eq!(run(Width::Base), run(Width::of_this_machine()));
            }
        }
    }
}
