//! The net on tensors, for training: numbers that are integers, with the gradients of what they
//! round (straight through, Bengio et al. 2013, arXiv:1308.3432).
//!
//! Inputs are made by the code that codes, on the host. What the second stage sees of the first
//! one's residuals has no gradient.

use super::RowNetConfig;
use super::inputs::{FIRST_INPUTS, Level, SECOND_INPUTS, Surroundings, TAPS, taps};
use super::net::{HalfRow, NAMES, SECOND_RESULTS};
use super::tables::{SHAPES, WHOLE, WIDTHS};
use crate::error::Result;
use crate::network::{Trainable, TrainableNetwork};
use crate::parameters::{Initial, ParameterSource};
use crate::tensor::RandomParameters;
use crate::tensor::host_tiles::HostTiles;
use crate::tile_stats::TileStats;
use crate::weights::{Array, Values, Weights};
use burn::module::{Module, Param};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use nf_simd::InstructionSet;

/// Integers to one, by the end of a parameter's name; the order is that of [`NAMES`].
const SCALES: [f32; 5] = [64.0, 1024.0, 64.0, 256.0, 4096.0];

/// Largest integer of weights, and of biases.
const MAX_WEIGHT: f32 = 127.0;
const MAX_BIAS: f32 = 32_767.0;

/// Results to one.
const ONE: f64 = 4096.0;

/// Weights and biases of a hidden layer.
#[derive(Module, Debug)]
pub(super) struct Hidden {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

/// Weights of a layer without biases.
#[derive(Module, Debug)]
pub(super) struct Linear {
    weight: Param<Tensor<2>>,
}

/// See `net.rs`.
#[derive(Module, Debug)]
pub(super) struct Stage {
    hidden: Hidden,
    last: Linear,
    direct: Linear,
    bias: Param<Tensor<1>>,
}

/// The stages of one half of the rows.
#[derive(Module, Debug)]
pub(super) struct Half {
    first: Stage,
    second: Stage,
}

/// The network as a module.
#[derive(Module, Debug)]
pub struct Trained {
    even: Half,
    odd: Half,
    /// Logarithms of the weights of mixtures, (shapes, components).
    shapes: Param<Tensor<2>>,
    #[module(skip)]
    config: RowNetConfig,
}

/// `x` with the gradient of `of`.
fn straight_through<const D: usize>(of: Tensor<D>, x: Tensor<D>) -> Tensor<D> {
    of.clone() + (x - of).detach()
}

/// The integers of a parameter.
fn integers<const D: usize>(parameter: &Param<Tensor<D>>, scale: f32, most: f32) -> Tensor<D> {
    let x = parameter.val() * scale;
    straight_through(x.clone(), x.clamp(-most, most).round())
}

impl Stage {
    /// Results in 1/4096.
    ///
    /// # Shapes
    /// (pixels, inputs) to (pixels, results).
    fn forward(&self, x: &Tensor<2>) -> Tensor<2> {
        let weights = |parameter, scale| integers(parameter, scale, MAX_WEIGHT).transpose();
        let biases = |parameter, scale| integers(parameter, scale, MAX_BIAS).unsqueeze::<2>();
        let sum =
            x.clone().matmul(weights(&self.hidden.weight, SCALES[0])) + biases(&self.hidden.bias, SCALES[1]);
        let exact = (sum / 64.0).clamp(0.0, 127.0);
        let hidden = straight_through(exact.clone(), (exact + 0.5).floor().clamp(0.0, 127.0));
        let last = hidden.matmul(weights(&self.last.weight, SCALES[2])) * 4.0;
        last + x.clone().matmul(weights(&self.direct.weight, SCALES[3])) + biases(&self.bias, SCALES[4])
    }
}

/// Pixels of one half of the rows of all tiles.
#[derive(Default)]
struct Pixels {
    /// Sample less centre.
    deviations: Vec<f32>,
    activities: Vec<f32>,
    /// Binary logarithms of units.
    logs: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

/// Adds the inputs of `length` pixels, pixel by pixel.
fn append(inputs: &[i32], count: usize, padded: usize, length: usize, to: &mut Vec<f32>) {
    for i in 0..length {
        for pair in 0..count / 2 {
            let word = inputs[pair * padded + i];
            to.extend([f32::from(word as i16), (word >> 16) as f32]);
        }
    }
}

/// Goes over all half rows of the tiles with their surroundings; `each` is given the parity, the
/// maps with the first stage's inputs, and the samples less 2^15, and leaves the first stage's
/// results in the maps.
fn walk(tiles: &HostTiles, mut each: impl FnMut(usize, &mut HalfRow, &mut Surroundings, &[i16])) {
    let isa = InstructionSet::best();
    let [count, _, height, width] = tiles.extents;
    for n in 0..count {
        let samples = tiles.plane(n, 0);
        let stats = TileStats::of(samples, width);
        let mut around = Surroundings::new(width, Level::new(stats.median, stats.scale_step));
        let mut half_row = HalfRow::new(around.extents.padded, 2);
        for y in 0..height {
            around.advance();
            for parity in 0..2 {
                let row = samples[y * width..][..width].iter().skip(parity).step_by(2);
                let half: Vec<i16> = row.map(|&sample| (sample ^ 0x8000) as i16).collect();
                around.first_inputs(isa, parity, &mut half_row.first_inputs);
                each(parity, &mut half_row, &mut around, &half);
                around.set(isa, parity, &half, &half_row.locations);
            }
        }
    }
}

/// Divides the samples of every second tile by two or four: few detectors have noise of about one
/// sample, and the net should know it. Which tiles depends on their samples alone.
fn dim(tiles: &mut HostTiles) {
    let pixels = tiles.extents[2] * tiles.extents[3];
    for tile in tiles.samples.chunks_exact_mut(pixels) {
        let sum: u64 = tile.iter().map(|&sample| u64::from(sample)).sum();
        let shift = [0, 0, 1, 2][(sum % 4) as usize];
        tile.iter_mut().for_each(|sample| *sample >>= shift);
    }
}

fn matrix(values: &[f32], columns: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / columns;
    Tensor::from_data(TensorData::new(values.to_vec(), [rows, columns]), device)
}

impl Trained {
    /// Its extents.
    pub fn config(&self) -> &RowNetConfig {
        &self.config
    }

    fn halves(&self) -> [&Half; 2] {
        [&self.even, &self.odd]
    }

    /// Information of all samples of these pixels under results of both stages, in bits.
    fn bits(&self, pixels: &Pixels, offsets: Tensor<2>, results: Tensor<2>) -> Tensor<1> {
        let device = results.device();
        let column = |values: &[f32]| matrix(values, 1, &device);
        let result = |k: usize| results.clone().narrow(1, k, 1);
        let unit = column(&pixels.activities) / 16.0;
        let location = (offsets + result(0).clamp(-32_767.0, 32_767.0)) / ONE * unit;
        let deviation = column(&pixels.deviations) - location;
        let eighths = (column(&pixels.logs) + result(1) / ONE) * 8.0;
        let eighths = eighths.clamp(-24.0, 103.0);
        let eighths = straight_through(eighths.clone(), eighths.round());
        let inverse = (eighths * (-std::f64::consts::LN_2 / 8.0)).exp();
        let shape = (result(2) / ONE).clamp(0.0, (SHAPES - 1) as f64);
        // Between two shapes while training, so that there is a gradient.
        let shape = if device.is_autodiff() { shape } else { (shape + 0.5).floor() };
        let each: Vec<f32> = (0..SHAPES).map(|shape| shape as f32).collect();
        let near = relu((shape - matrix(&each, SHAPES, &device)).abs().neg() + 1.0);
        let weights = near.matmul(softmax(self.shapes.val(), 1));
        // Of the argument of the error function.
        let narrowness: Vec<f32> =
            WIDTHS.iter().map(|width| (std::f64::consts::FRAC_1_SQRT_2 / width) as f32).collect();
        let narrowness = matrix(&narrowness, WIDTHS.len(), &device);
        let edge = |at: f64| (((deviation.clone() + at) * inverse.clone()) * narrowness.clone()).erf();
        let mass = (edge(0.5) - edge(-0.5)) * 0.5;
        let probability = (mass * weights).sum_dim(1) + inverse * 1e-6 + 1e-9;
        probability.log().sum() / -std::f64::consts::LN_2
    }
}

impl Trainable for Trained {
    fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        let device = tiles.device();
        let mut host = HostTiles::of(&tiles, 1)?;
        if device.is_autodiff() {
            dim(&mut host);
        }
        let mut pixels: [Pixels; 2] = Default::default();
        walk(&host, |parity, half_row, around, half| {
            let (place, to) = (&around.place, &mut pixels[parity]);
            append(&half_row.first_inputs, FIRST_INPUTS, around.extents.padded, half.len(), &mut to.first);
            for (i, &sample) in half.iter().enumerate() {
                to.deviations.push(f32::from(sample) - f32::from(place.centre[i]));
                to.activities.push(f32::from(place.activity[i]));
                to.logs.push((f32::from(place.unit[3][i]) - 64.0) / 16.0);
            }
            half_row.offsets.fill(0);
            half_row.locate(InstructionSet::best(), around);
        });
        let parities = if pixels[1].logs.is_empty() { 1 } else { 2 };
        let mut offsets = vec![];
        let mut known = vec![];
        for (half, pixels) in self.halves().into_iter().zip(&pixels).take(parities) {
            let result = half.first.forward(&matrix(&pixels.first, FIRST_INPUTS, &device));
            let result = result.clamp(-32_767.0, 32_767.0);
            let numbers = result.to_data().try_to_vec_as::<f32>().expect("tensors hold f32");
            known.push(numbers.into_iter().map(|number| number as i32).collect::<Vec<_>>());
            offsets.push(result);
        }
        let mut at = [0; 2];
        walk(&host, |parity, half_row, around, half| {
            let isa = InstructionSet::best();
            if half.is_empty() {
                return;
            }
            let numbers = &known[parity][at[parity]..][..half.len()];
            at[parity] += half.len();
            half_row.offsets[..half.len()].copy_from_slice(numbers);
            half_row.locate(isa, around);
            let HalfRow { first_inputs, second_inputs, offsets, .. } = half_row;
            around.second_inputs(isa, parity, first_inputs, offsets, second_inputs);
            let padded = around.extents.padded;
            append(second_inputs, SECOND_INPUTS, padded, half.len(), &mut pixels[parity].second);
        });
        let mut sum = Tensor::<1>::zeros([1], &device);
        let mut count = 0;
        for ((half, pixels), offsets) in self.halves().into_iter().zip(&pixels).zip(offsets) {
            let results = half.second.forward(&matrix(&pixels.second, SECOND_INPUTS, &device));
            count += pixels.logs.len();
            sum = sum + self.bits(pixels, offsets, results);
        }
        Ok(sum / count as f64)
    }
}

impl TrainableNetwork for RowNetConfig {
    type Module = Trained;

    // The mixture's components, and what their gradients need.
    const COPIES_OF_MAPS: f64 = 4.0;

    fn init(&self, device: &Device, seed: u64) -> Trained {
        RandomParameters::new(device, seed).give(|source| {
            let half = |source: &mut RandomParameters<'_>, parity| {
                Ok::<_, String>(Half {
                    first: self.first(source, parity)?,
                    second: self.stage(source, SECOND_INPUTS, vec![0.0, 0.32, 1.0], None)?,
                })
            };
            let (even, odd) = (half(source, 0)?, half(source, 1)?);
            let shapes = source.array("shapes", [SHAPES, WIDTHS.len()], Initial::Values(new_shapes()))?;
            Ok(Trained { even, odd, shapes, config: self.clone() })
        })
    }
}

/// From normal noise to heavy tails: a power of the width.
fn new_shapes() -> Vec<f32> {
    let shape = |shape: usize| {
        WIDTHS.map(|width| {
            let octaves = width.log2() as f32;
            match octaves {
                ..0.0 => -2.0,
                0.0 => 0.0,
                _ => -0.7 - octaves * [8.0, 4.0, 2.5, 1.6, 1.0, 0.6][shape],
            }
        })
    };
    (0..SHAPES).flat_map(shape).collect()
}

impl RowNetConfig {
    /// A first stage that begins as a mean of neighbours, the near ones first.
    fn first(&self, source: &mut RandomParameters<'_>, parity: usize) -> Result<Stage, String> {
        let nearness = |(up, right): (usize, isize)| 1.0 / (up * up + (right * right) as usize) as f32;
        let mut direct: Vec<f32> = taps(parity, TAPS).into_iter().map(nearness).collect();
        let sum: f32 = direct.iter().sum();
        direct.iter_mut().for_each(|weight| *weight *= 0.9 / sum);
        direct.resize(FIRST_INPUTS, 0.0);
        self.stage(source, FIRST_INPUTS, vec![0.0], Some(direct))
    }

    fn stage(
        &self,
        source: &mut RandomParameters<'_>,
        inputs: usize,
        bias: Vec<f32>,
        direct: Option<Vec<f32>>,
    ) -> Result<Stage, String> {
        let (hidden, results) = (self.hidden, bias.len());
        debug_assert!(results == 1 || results == SECOND_RESULTS);
        let direct = direct.unwrap_or_else(|| vec![0.0; results * inputs]);
        let normal =
            |deviation: f32, fan_in: usize| Initial::Normal { deviation: deviation / (fan_in as f32).sqrt() };
        Ok(Stage {
            hidden: Hidden {
                weight: source.array("hidden.weight", [hidden, inputs], normal(1.0, inputs))?,
                bias: source.array("hidden.bias", [hidden], Initial::Values(vec![0.1; hidden]))?,
            },
            last: Linear { weight: source.array("last.weight", [results, hidden], normal(0.1, hidden))? },
            direct: Linear {
                weight: source.array("direct.weight", [results, inputs], Initial::Values(direct))?,
            },
            bias: source.array("bias", [results], Initial::Values(bias))?,
        })
    }
}

/// Integers to one, and the largest, by the name of a parameter; `None` for the shapes.
fn scale_of(name: &str) -> Option<(f32, f32)> {
    let end = |(end, &scale): (&&str, &f32)| {
        let most = if end.ends_with("weight") { MAX_WEIGHT } else { MAX_BIAS };
        name.ends_with(*end).then_some((scale, most))
    };
    NAMES.iter().zip(&SCALES).find_map(end)
}

/// Parameters of the module as integers.
pub(super) fn stored(weights: Weights) -> Weights {
    weights.map(|name, Array { shape, values }| {
        let Values::Float(floats) = &values else { return Array { shape, values } };
        let shorts = match scale_of(name) {
            Some((scale, most)) => {
                let integer = |&x: &f32| (x * scale).clamp(-most, most).round_ties_even() as i16;
                floats.iter().map(integer).collect()
            }
            None => floats.chunks(WIDTHS.len()).flat_map(mixture).collect(),
        };
        Array { shape, values: Values::Short(shorts) }
    })
}

/// Weights of a mixture from their logarithms.
fn mixture(logs: &[f32]) -> Vec<i16> {
    let most = logs.iter().copied().fold(f32::MIN, f32::max);
    let powers: Vec<f64> = logs.iter().map(|&log| f64::from(log - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (WHOLE * power / sum).round() as i16).collect()
}

/// Integers as parameters of the module.
pub(super) fn restored(weights: Weights) -> Weights {
    weights.map(|name, Array { shape, values }| {
        let Values::Short(shorts) = &values else { return Array { shape, values } };
        let floats = match scale_of(name) {
            Some((scale, _)) => shorts.iter().map(|&short| f32::from(short) / scale).collect(),
            None => shorts.iter().map(|&weight| (f32::from(weight).max(0.25) / WHOLE as f32).ln()).collect(),
        };
        Array { shape, values: Values::Float(floats) }
    })
}
