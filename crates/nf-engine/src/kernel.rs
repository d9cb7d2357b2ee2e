//! The loops that take the time, compiled for several vector widths and chosen at run time.
//!
//! Every result is built by the same single additions and multiplications in the same order,
//! whatever the width: lanes are different results, never parts of one sum, and nothing is fused.

use crate::layer::padded;
use crate::math::{GELU_SLOPE, elu, sigmoid};
use nf_simd::{InstructionSet, NullaryFnOnce};

/// The part of a layer that reads one pixel of its kernel.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tap<'a> {
    /// Pixel n's inputs begin at `n * stride`.
    pub(crate) x: &'a [f32],
    /// (inputs, [`padded`] outputs)
    pub(crate) weights: &'a [f32],
}

/// `to[n, o] = bias[o] + sum over taps and i of x[n, i] * weights[i, o]`, terms in the order of
/// taps, and of i in each.
pub(crate) struct Accumulate<'a> {
    /// (pixels, outputs)
    pub(crate) to: &'a mut [f32],
    /// ([`padded`] outputs)
    pub(crate) bias: &'a [f32],
    pub(crate) taps: &'a [Tap<'a>],
    pub(crate) stride: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

/// Most lanes of a block.
const MOST_LANES: usize = 40;

impl Accumulate<'_> {
    pub(crate) fn run(self, instructions: InstructionSet) {
        let has_many_registers = instructions.register_bits() == 512;
        instructions.run(AccumulateIn { layer: self, has_many_registers });
    }
}

/// The same, told whether there are 32 registers of 512 bits; all others have 16.
struct AccumulateIn<'a> {
    layer: Accumulate<'a>,
    has_many_registers: bool,
}

impl NullaryFnOnce for AccumulateIn<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { mut layer, has_many_registers } = self;
        let pixels = layer.to.len() / layer.outputs;
        let mut n = 0;
        while n + 4 <= pixels {
            layer.pixels::<4>(n, has_many_registers);
            n += 4;
        }
        if n + 2 <= pixels {
            layer.pixels::<2>(n, false);
            n += 2;
        }
        if n < pixels {
            layer.pixels::<1>(n, false);
        }
    }
}

impl Accumulate<'_> {
    /// N pixels from `first` on, in blocks of outputs whose sums stay in registers: as many as
    /// there is room for, since an addition waits only for the one before of its own sum.
    #[inline(always)]
    fn pixels<const N: usize>(&mut self, first: usize, has_many_registers: bool) {
        let lanes = padded(self.outputs);
        let mut o = 0;
        macro_rules! blocks {
            ($($lanes:literal + $more:literal,)*) => {{
                $(while lanes - o >= $lanes + $more {
                    self.block::<N, $lanes, $more>(first, o);
                    o += $lanes + $more;
                })*
            }};
        }
        if has_many_registers {
            blocks!(16 + 16, 16 + 8, 16 + 4,);
        }
        match N {
            1 => blocks!(40 + 0, 24 + 0, 16 + 0, 8 + 0, 4 + 0,),
            2 => blocks!(24 + 0, 16 + 0, 8 + 0, 4 + 0,),
            _ => blocks!(16 + 0, 8 + 0, 4 + 0,),
        }
    }

    /// `A + B` outputs from `o` on, as far as there are so many: two numbers, so that either fills
    /// whole registers.
    #[inline(always)]
    fn block<const N: usize, const A: usize, const B: usize>(&mut self, first: usize, o: usize) {
        let (inputs, outputs, lanes) = (self.inputs, self.outputs, padded(self.outputs));
        let (bias_a, bias_b) = self.bias[o..o + A + B].split_at(A);
        let (mut a, mut b) = ([[0.0; A]; N], [[0.0; B]; N]);
        a.iter_mut().for_each(|a| a.copy_from_slice(bias_a));
        b.iter_mut().for_each(|b| b.copy_from_slice(bias_b));
        for tap in self.taps {
            let mut rows: [&[f32]; N] = [&[]; N];
            for (n, row) in rows.iter_mut().enumerate() {
                *row = &tap.x[(first + n) * self.stride..][..inputs];
            }
            let weights = &tap.weights[..inputs * lanes];
            for i in 0..inputs {
                let (of_a, of_b) = weights[i * lanes + o..][..A + B].split_at(A);
                for n in 0..N {
                    let x = rows[n][i];
                    for l in 0..A {
                        a[n][l] += x * of_a[l];
                    }
                    for l in 0..B {
                        b[n][l] += x * of_b[l];
                    }
                }
            }
        }
        for (n, (a, b)) in a.iter().zip(&b).enumerate() {
            let start = (first + n) * outputs;
            let to = &mut self.to[start + o..start + outputs.min(o + A + B)];
            if to.len() == A + B {
                to[..A].copy_from_slice(a);
                to[A..].copy_from_slice(b);
                continue;
            }
            // Copies of a length that is known at run time only would be calls.
            let mut whole = [0.0; MOST_LANES];
            whole[..A].copy_from_slice(a);
            whole[A..A + B].copy_from_slice(b);
            let (fours, rest) = to.as_chunks_mut::<4>();
            let (from, last) = whole.split_at(4 * fours.len());
            fours.iter_mut().zip(from.as_chunks::<4>().0).for_each(|(to, from)| *to = *from);
            rest.iter_mut().zip(last).for_each(|(to, from)| *to = *from);
        }
    }
}

/// `to[i] = a[i] + b[i]`.
pub(crate) struct Sum<'a> {
    pub(crate) to: &'a mut [f32],
    pub(crate) a: &'a [f32],
    pub(crate) b: &'a [f32],
}

impl Sum<'_> {
    pub(crate) fn run(self, instructions: InstructionSet) {
        instructions.run(self);
    }
}

impl NullaryFnOnce for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.to.iter_mut().zip(self.a.iter().zip(self.b)).for_each(|(to, (a, b))| *to = a + b);
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
        for (pixels, inputs, outputs, kernel) in [
            (1, 7, 3, 1),
            (9, 33, 45, 2),
            (4, 16, 16, 3),
            (6, 5, 1, 6),
            (7, 3, 93, 2),
            (1, 6, 69, 4),
            (5, 4, 20, 2),
        ] {
            let lanes = padded(outputs);
            let (x, mut bias) = (numbers(1, (pixels + kernel) * inputs), numbers(2, outputs));
            bias.resize(lanes, 0.0);
            let weights: Vec<Vec<f32>> =
                (0..kernel).map(|tap| numbers(3 + tap as u64, inputs * lanes)).collect();
            // Tap t of pixel n reads input pixel n + t.
            let taps: Vec<Tap<'_>> =
                weights.iter().enumerate().map(|(t, weights)| Tap { x: &x[t * inputs..], weights }).collect();
            let run = |instructions: InstructionSet| {
                let mut to = vec![f32::NAN; pixels * outputs];
                Accumulate { to: &mut to, bias: &bias, taps: &taps, stride: inputs, inputs, outputs }
                    .run(instructions);
                to
            };
            let wanted: Vec<f32> = (0..pixels * outputs)
                .map(|at| {
                    let (n, o) = (at / outputs, at % outputs);
                    let terms = taps.iter().flat_map(|tap| {
                        (0..inputs).map(move |i| tap.x[n * inputs + i] * tap.weights[i * lanes + o])
                    });
                    terms.fold(bias[o], |sum, term| sum + term)
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
