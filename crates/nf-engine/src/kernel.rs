//! The loops that take the time, compiled for several vector widths and chosen at run time.
//!
//! Every result is built by the same single additions and multiplications in the same order,
//! whatever the width: lanes are different results, never parts of one sum, and nothing is fused.

use crate::math::{GELU_SLOPE, elu, sigmoid};
use nf_simd::{InstructionSet, NullaryFnOnce};

/// The part of a layer that reads one pixel of its kernel.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tap<'a> {
    /// Pixel n's inputs begin at `n * stride`.
    pub(crate) x: &'a [f32],
    /// (inputs, outputs)
    pub(crate) weights: &'a [f32],
}

/// `sums[n, o] += sum over taps and i of x[n, i] * weights[i, o]`, terms in the order of taps, and
/// of i in each.
pub(crate) struct Accumulate<'a> {
    /// (pixels, outputs)
    pub(crate) sums: &'a mut [f32],
    pub(crate) taps: &'a [Tap<'a>],
    pub(crate) stride: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

impl Accumulate<'_> {
    pub(crate) fn run(self, instructions: InstructionSet) {
        instructions.run(self);
    }
}

impl NullaryFnOnce for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let pixels = self.sums.len() / self.outputs;
        let mut n = 0;
        while n + 4 <= pixels {
            self.pixels::<4>(n);
            n += 4;
        }
        if n + 2 <= pixels {
            self.pixels::<2>(n);
            n += 2;
        }
        if n < pixels {
            self.pixels::<1>(n);
        }
    }
}

impl Accumulate<'_> {
    /// N pixels from `first` on, in blocks of outputs whose sums stay in registers: as many as
    /// there is room for, since an addition waits only for the one before of its own sum.
    #[inline(always)]
    fn pixels<const N: usize>(&mut self, first: usize) {
        let mut o = 0;
        macro_rules! blocks {
            ($($lanes:literal)*) => {{
                $(while self.outputs - o >= $lanes {
                    self.block::<N, $lanes>(first, o);
                    o += $lanes;
                })*
            }};
        }
        match N {
            1 => blocks!(40 24 16 8 4 1),
            2 => blocks!(24 16 8 4 1),
            _ => blocks!(16 8 4 1),
        }
    }

    #[inline(always)]
    fn block<const N: usize, const L: usize>(&mut self, first: usize, o: usize) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let mut totals: [[f32; L]; N] = std::array::from_fn(|n| {
            let start = (first + n) * outputs + o;
            std::array::from_fn(|l| self.sums[start + l])
        });
        for tap in self.taps {
            let rows: [&[f32]; N] = std::array::from_fn(|n| &tap.x[(first + n) * self.stride..][..inputs]);
            for (i, weights) in tap.weights.chunks_exact(outputs).take(inputs).enumerate() {
                let weights: &[f32; L] = weights[o..o + L].try_into().expect("L of them");
                for n in 0..N {
                    let x = rows[n][i];
                    for l in 0..L {
                        totals[n][l] += x * weights[l];
                    }
                }
            }
        }
        for (n, totals) in totals.iter().enumerate() {
            self.sums[(first + n) * outputs + o..][..L].copy_from_slice(totals);
        }
    }
}

/// An activation of pixels of `channels` values.
pub(crate) struct Activate<'a> {
    pub(crate) to: &'a mut [f32],
    pub(crate) from: &'a [f32],
    pub(crate) channels: usize,
    pub(crate) activation: Activation,
}

/// An elementwise function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    Elu,
    Relu,
    /// `x * sigmoid(1.702 x)`.
    Gelu,
    /// `channels` to twice as many.
    ConcatElu,
    /// `channels` to half as many.
    Gate,
}

impl Activation {
    /// Channels of the result for so many.
    pub(crate) fn channels(self, channels: usize) -> usize {
        match self {
            Self::Elu | Self::Relu | Self::Gelu => channels,
            Self::ConcatElu => 2 * channels,
            Self::Gate => channels / 2,
        }
    }
}

impl Activate<'_> {
    pub(crate) fn run(self, instructions: InstructionSet) {
        instructions.run(self);
    }
}

impl NullaryFnOnce for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { to, from, channels, activation } = self;
        match activation {
            Activation::Elu => to.iter_mut().zip(from).for_each(|(to, &x)| *to = elu(x)),
            Activation::Relu => to.iter_mut().zip(from).for_each(|(to, &x)| *to = x.max(0.0)),
            Activation::Gelu => {
                to.iter_mut().zip(from).for_each(|(to, &x)| *to = x * sigmoid(GELU_SLOPE * x));
            }
            Activation::ConcatElu => {
                for (to, from) in to.chunks_exact_mut(2 * channels).zip(from.chunks_exact(channels)) {
                    let (plus, minus) = to.split_at_mut(channels);
                    plus.iter_mut().zip(from).for_each(|(to, &x)| *to = elu(x));
                    minus.iter_mut().zip(from).for_each(|(to, &x)| *to = elu(-x));
                }
            }
            Activation::Gate => {
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
    use crate::tests::numbers;

    #[test]
    fn vector_width_does_not_change_results() {
        for (pixels, inputs, outputs, kernel) in
            [(1, 7, 3, 1), (9, 33, 45, 2), (4, 16, 16, 3), (6, 5, 1, 6), (7, 3, 93, 2), (1, 6, 69, 4)]
        {
            let (x, sums) = (numbers(1, (pixels + kernel) * inputs), numbers(2, pixels * outputs));
            let weights: Vec<Vec<f32>> =
                (0..kernel).map(|tap| numbers(3 + tap as u64, inputs * outputs)).collect();
            // Tap t of pixel n reads input pixel n + t.
            let taps: Vec<Tap<'_>> =
                weights.iter().enumerate().map(|(t, weights)| Tap { x: &x[t * inputs..], weights }).collect();
            let run = |instructions: InstructionSet| {
                let mut sums = sums.clone();
                Accumulate { sums: &mut sums, taps: &taps, stride: inputs, inputs, outputs }
                    .run(instructions);
                sums
            };
            let wanted: Vec<f32> = (0..pixels * outputs)
                .map(|at| {
                    let (n, o) = (at / outputs, at % outputs);
                    let terms = taps.iter().flat_map(|tap| {
                        (0..inputs).map(move |i| tap.x[n * inputs + i] * tap.weights[i * outputs + o])
                    });
                    terms.fold(sums[at], |sum, term| sum + term)
                })
                .collect();
            assert!(InstructionSet::available().all(|isa| run(isa) == wanted));
            for activation in
                [Activation::Elu, Activation::Relu, Activation::Gelu, Activation::ConcatElu, Activation::Gate]
            {
                let run = |instructions: InstructionSet| {
                    let x = &x[..x.len() / inputs * inputs];
                    let mut to = vec![0.0; x.len() / inputs * activation.channels(inputs)];
                    Activate { to: &mut to, from: x, channels: inputs, activation }.run(instructions);
                    to
                };
                let plain = run(InstructionSet::Baseline);
                assert!(InstructionSet::available().all(|isa| run(isa) == plain));
            }
        }
    }
}
