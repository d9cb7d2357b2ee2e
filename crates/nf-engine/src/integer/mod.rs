//! Dense layers of integers: weights of 8 bits, activations of 16, sums of 32, evaluated for many
//! pixels at once.
//!
//! Two activations of a pixel lie in one word of 32 bits, the even one in its low half: what
//! processors multiply and add in one instruction. Nothing can overflow: [`IntegerLayer::new`]
//! refuses weights whose sums could.
// Loops over several arrays at one index are what compilers keep in registers.
#![allow(clippy::needless_range_loop)]

mod lanes;

use lanes::{Lanes, Plain};
use nf_simd::InstructionSet;

/// Largest activation that enters a layer, and minus the smallest.
pub const MAX_ACTIVATION: i32 = 127;

/// Pixels come in groups of this many: four of the widest registers.
pub const PIXEL_GROUP: usize = 64;

/// A layer `y[j] = bias[j] + sum over k of weight[j][k] x[k]` for every pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegerLayer {
    inputs: usize,
    /// Two weights in a word like the activations, output by output.
    weights: Vec<i32>,
    biases: Vec<i32>,
}

/// Two numbers of 16 bits in a word: the first in the low half.
#[inline(always)]
pub fn pack(low: i16, high: i16) -> i32 {
    i32::from(low) & 0xffff | i32::from(high) << 16
}

impl IntegerLayer {
    /// The layer with these weights, output by output, and biases.
    ///
    /// # Errors
    /// If a weight is beyond `-127..=127`, a sum could come near 2^27, or the number of inputs is
    /// odd or does not fit the weights.
    pub fn new(inputs: usize, weights: &[i32], biases: &[i32]) -> Result<Self, String> {
        if inputs == 0 || !inputs.is_multiple_of(2) || weights.len() != inputs * biases.len() {
            let (weights, outputs) = (weights.len(), biases.len());
            return Err(format!("{weights} weights for {inputs} inputs and {outputs} outputs"));
        }
        for (row, &bias) in weights.chunks(inputs).zip(biases) {
            if let Some(weight) = row.iter().find(|weight| weight.unsigned_abs() > 127) {
                return Err(format!("a weight of {weight}, expected -127..=127"));
            }
            let most: i64 = row.iter().map(|weight| i64::from(weight.abs() * MAX_ACTIVATION)).sum();
            let bound = most + i64::from(bias).abs();
            if bound >= 1 << 27 {
                return Err(format!("a bias of {bias}: sums could reach {bound}, expected below 2^27"));
            }
        }
        let packed = weights.as_chunks().0.iter().map(|&[low, high]| pack(low as i16, high as i16));
        Ok(Self { inputs, weights: packed.collect(), biases: biases.to_vec() })
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.biases.len()
    }

    /// The weights, output by output.
    pub fn weights(&self) -> Vec<i32> {
        self.weights.iter().flat_map(|&word| [i32::from(word as i16), word >> 16]).collect()
    }

    /// The biases.
    pub fn biases(&self) -> &[i32] {
        &self.biases
    }

    /// Multiplications per pixel.
    pub fn macs(&self) -> usize {
        self.inputs * self.outputs()
    }

    /// The activations of a hidden layer, `clamp((y + 2^(shift - 1)) >> shift, 0, 127)`, for the
    /// first `pixels` pixels, a multiple of [`PIXEL_GROUP`].
    ///
    /// `inputs` holds a word of two activations for every pixel and pair of inputs, pair by pair in
    /// rows of `stride` words; `hidden` likewise for pairs of outputs, whose number is even.
    ///
    /// # Panics
    /// If a slice is too short.
    pub fn hidden(
        &self,
        isa: InstructionSet,
        inputs: &[i32],
        stride: usize,
        pixels: usize,
        shift: u32,
        hidden: &mut [i32],
    ) {
        assert!(self.outputs().is_multiple_of(2), "outputs come in pairs");
        Work { layer: self, inputs, stride, pixels, shift, outputs: hidden }.run(isa, Results::Hidden);
    }

    /// Adds `y << shift` to the sums of the first `pixels` pixels, a multiple of [`PIXEL_GROUP`];
    /// `sums` has a row of `stride` for every output.
    ///
    /// # Panics
    /// If a slice is too short.
    pub fn add(
        &self,
        isa: InstructionSet,
        inputs: &[i32],
        stride: usize,
        pixels: usize,
        shift: u32,
        sums: &mut [i32],
    ) {
        Work { layer: self, inputs, stride, pixels, shift, outputs: sums }.run(isa, Results::Sums);
    }
}

/// A layer about to be applied.
struct Work<'a> {
    layer: &'a IntegerLayer,
    inputs: &'a [i32],
    stride: usize,
    pixels: usize,
    shift: u32,
    outputs: &'a mut [i32],
}

/// Registers of pixels that are processed together, for as many outputs together: weights are
/// loaded once for all of them, and sums stay in registers.
const REGISTERS: usize = 2;
const TOGETHER: usize = 4;

impl Work<'_> {
    /// Sums of `N` outputs from `first` on for the registers of pixels that begin at `at`.
    #[inline(always)]
    fn sums<L: Lanes, const N: usize>(
        &self,
        lanes: L,
        first: usize,
        at: usize,
    ) -> [[L::Register; REGISTERS]; N] {
        let pairs = self.layer.inputs / 2;
        let weights: [&[i32]; N] =
            std::array::from_fn(|j| &self.layer.weights[(first + j) * pairs..][..pairs]);
        let mut sums: [[L::Register; REGISTERS]; N] =
            std::array::from_fn(|j| [lanes.splat(self.layer.biases[first + j]); REGISTERS]);
        for pair in 0..pairs {
            let words = &self.inputs[pair * self.stride + at..][..REGISTERS * L::WIDTH];
            let x: [L::Register; REGISTERS] = std::array::from_fn(|r| lanes.load(&words[r * L::WIDTH..]));
            for j in 0..N {
                let weight = lanes.splat(weights[j][pair]);
                for r in 0..REGISTERS {
                    sums[j][r] = lanes.add(sums[j][r], lanes.multiply_add(x[r], weight));
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn hidden<L: Lanes>(mut self, lanes: L) {
        let outputs = self.layer.outputs();
        for at in (0..self.pixels).step_by(REGISTERS * L::WIDTH) {
            let mut first = 0;
            while first + TOGETHER <= outputs {
                let sums = self.sums::<L, TOGETHER>(lanes, first, at);
                self.outputs_of_pairs(lanes, &sums, first, at);
                first += TOGETHER;
            }
            while first < outputs {
                let sums = self.sums::<L, 2>(lanes, first, at);
                self.outputs_of_pairs(lanes, &sums, first, at);
                first += 2;
            }
        }
    }

    #[inline(always)]
    fn add<L: Lanes>(self, lanes: L) {
        for at in (0..self.pixels).step_by(REGISTERS * L::WIDTH) {
            for output in 0..self.layer.outputs() {
                let [sums] = self.sums::<L, 1>(lanes, output, at);
                for (r, &sum) in sums.iter().enumerate() {
                    let to = &mut self.outputs[output * self.stride + at + r * L::WIDTH..];
                    let before = lanes.load(to);
                    lanes.store(lanes.add(before, lanes.shift_left(sum, self.shift)), to);
                }
            }
        }
    }

    /// Stores sums of pairs of outputs from `first` on as activations.
    #[inline(always)]
    fn outputs_of_pairs<L: Lanes>(
        &mut self,
        lanes: L,
        sums: &[[L::Register; REGISTERS]],
        first: usize,
        at: usize,
    ) {
        let half = lanes.splat((1 << self.shift) >> 1);
        for (pair, sums) in sums.chunks_exact(2).enumerate() {
            for r in 0..REGISTERS {
                let low = lanes.activate(lanes.add(sums[0][r], half), self.shift);
                let high = lanes.activate(lanes.add(sums[1][r], half), self.shift);
                let to = &mut self.outputs[(first / 2 + pair) * self.stride + at + r * L::WIDTH..];
                lanes.store(lanes.join(low, high), to);
            }
        }
    }

    fn run(self, isa: InstructionSet, results: Results) {
        match isa {
            InstructionSet::Baseline => self.apply(Plain, results),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2(avx2) => avx2.vectorize(WithLanes(self, avx2, results)),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512(avx512) => avx512.vectorize(WithLanes(self, avx512, results)),
        }
    }

    #[inline(always)]
    fn apply<L: Lanes>(self, lanes: L, results: Results) {
        match results {
            Results::Hidden => self.hidden(lanes),
            Results::Sums => self.add(lanes),
        }
    }
}

/// What becomes of the sums of a layer.
#[derive(Clone, Copy)]
enum Results {
    /// Activations, [`IntegerLayer::hidden`].
    Hidden,
    /// They are added to others, [`IntegerLayer::add`].
    Sums,
}

/// [`Work::apply`] as what `vectorize` takes.
struct WithLanes<'a, L>(Work<'a>, L, Results);

impl<L: Lanes> pulp::NullaryFnOnce for WithLanes<'_, L> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.apply(self.1, self.2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of -127..=127 that look random.
    fn numbers(count: usize, seed: u32) -> Vec<i32> {
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i32 % 128 * if state >> 15 & 1 == 1 { 1 } else { -1 }
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn every_instruction_set_computes_the_sums_of_the_definition() {
        for (inputs, outputs, pixels) in [(2, 2, 64), (40, 16, 128), (6, 10, 192)] {
            let (weights, biases) = (numbers(inputs * outputs, 1), numbers(outputs, 2));
            let layer = IntegerLayer::new(inputs, &weights, &biases).unwrap();
            let x = numbers(inputs * pixels, 3);
            let mut packed = vec![0; inputs / 2 * pixels];
            for pair in 0..inputs / 2 {
                for i in 0..pixels {
                    let value = |k: usize| x[k * pixels + i] as i16;
                    packed[pair * pixels + i] = pack(value(2 * pair), value(2 * pair + 1));
                }
            }
            let sum = |j: usize, i: usize| {
                let products = (0..inputs).map(|k| weights[j * inputs + k] * x[k * pixels + i]);
                biases[j] + products.sum::<i32>()
            };
            for isa in InstructionSet::available() {
                let mut hidden = vec![0; outputs / 2 * pixels];
                layer.hidden(isa, &packed, pixels, pixels, 6, &mut hidden);
                let mut sums = vec![5; outputs * pixels];
                layer.add(isa, &packed, pixels, pixels, 2, &mut sums);
                for j in 0..outputs {
                    for i in 0..pixels {
                        let word = hidden[j / 2 * pixels + i];
                        let activation = if j % 2 == 0 { i32::from(word as i16) } else { word >> 16 };
                        assert_eq!(activation, ((sum(j, i) + 32) >> 6).clamp(0, 127), "{isa:?}");
                        assert_eq!(sums[j * pixels + i], 5 + 4 * sum(j, i), "{isa:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn weights_whose_sums_could_overflow_are_refused() {
        let error = |weights: &[i32], biases: &[i32]| IntegerLayer::new(2, weights, biases).unwrap_err();
        assert!(error(&[128, 0], &[0]).contains("a weight of 128"));
        assert!(error(&[i32::MIN, 0], &[0]).contains("expected -127..=127"));
        assert!(
            error(&[127, 127], &[i32::MIN]).contains("2147515906"),
            "{}",
            error(&[127, 127], &[i32::MIN])
        );
        assert!(error(&[1, 2, 3], &[0]).contains("3 weights"));
        IntegerLayer::new(2, &[127, -127], &[(1 << 27) - 2 * 127 * 127 - 1]).unwrap();
        error(&[127, -127], &[(1 << 27) - 2 * 127 * 127]);
    }
}
