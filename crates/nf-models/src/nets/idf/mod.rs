//! Integer discrete flows: Hoogeboom, Peters, van den Berg, Welling 2019, arXiv:1905.07376.
//!
//! An invertible map from integers to integers makes latents that are nearly independent; each is coded under a logistic,
//! the last ones under mixtures. Every step adds to some channels what a net predicts from the others, rounded (eq. 6 and 7),
//! so that the inverse subtracts the same integers.
//!
//! ```text
//! x ─ squeeze ─[permute, couple]x F ─ split ─ squeeze ─[permute, couple]x F ─ split ─ ... ─[permute, couple]x F ─► last
//!                                       └─► coded under a logistic that a net computes from the half that goes on
//! ```
//!
//! Letters: N tiles, P planes, H rows, W columns, C channels of a level (4 P, 8 P, 16 P, ... as published, always 4 P with
//! `Inputs::Robust`), F flows per level, K components.
//!
//! Integers are residues modulo 2^16: a latent beyond the range of samples wraps, and nothing is lost.
//! The published mixture per pixel of a 32x32 patch is one per channel here, for tiles of any size. Ours beside the
//! published mapping (`Inputs::Robust`):
//!
//! - Nets see latents in units of the tile's noise, compressed by asinh, and how far apart integers are in these units, and
//!   add a linear layer on the uncompressed latents.
//! - Channels are not permuted at random but in turn, and the flow begins as a wavelet; see `IdfConfig::order`, `lifting`.
//! - Three quarters of the channels leave after every level, also the last: the differences. A half that stays would
//!   take differences along to a level where their neighbours are far.
//! - They leave one quarter after the other, each under mixtures that a net computes from what stays and the quarters before
//!   it. Scales are relative to the spread of those around the place (`Scaled::spread`): noise is no single number in a tile.

mod code;
mod flow;

pub(crate) use code::IdfCoder;

use crate::config::check_extents;
use crate::conv::{Conv, Geometry};
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::heads::{MAX_COMPONENTS, mixture_bits};
use crate::nets::Inputs;
use crate::random::Random;
use crate::sum::total;
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use flow::{Levels, Scaled};
use serde::{Deserialize, Serialize};

/// Extents of an integer discrete flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdfConfig {
    /// Planes of a tile.
    pub planes: usize,
    /// Resolutions; tiles are multiples of `2^levels` pixels.
    pub levels: usize,
    /// Couplings per level, F.
    pub flows: usize,
    /// Layers of each dense block.
    pub depth: usize,
    /// Channels that a dense block adds to its input.
    pub growth: usize,
    /// Components of the last latents' mixtures, K.
    pub mixtures: usize,
    /// How samples enter.
    pub inputs: Inputs,
}

impl IdfConfig {
    pub(crate) fn check(&self) -> Result<()> {
        let checks = [
            ("planes", self.planes, 1, 6),
            ("levels", self.levels, 1, 6),
            ("flows", self.flows, 1, 64),
            ("depth", self.depth, 1, 64),
            ("growth", self.growth, self.depth, 4096),
            ("mixtures", self.mixtures, 1, MAX_COMPONENTS),
        ];
        if matches!(self.inputs, Inputs::MsbFirst | Inputs::LsbFirst) {
            let expected = "published or robust".into();
            return Err(Error::Config { field: "inputs", found: format!("{:?}", self.inputs), expected });
        }
        check_extents(&checks)
    }

    /// Channels of level `level`, before its split.
    fn channels(&self, level: usize) -> usize {
        match self.inputs {
            Inputs::Robust => 4 * self.planes,
            _ => (4 * self.planes) << level,
        }
    }

    /// Groups of channels of level `level` that leave after its couplings, each of as many channels as stay.
    fn groups(&self, level: usize) -> usize {
        match self.inputs {
            Inputs::Robust => 3,
            _ => usize::from(level + 1 < self.levels),
        }
    }

    /// Channels of a level that go on, or that leave together.
    fn group(&self, level: usize) -> usize {
        self.channels(level) / (self.groups(level) + 1)
    }

    /// Channels of the last latents.
    fn last(&self) -> usize {
        self.group(self.levels - 1)
    }

    /// Channels that nets see beside those of latents: couplings one, priors two.
    fn conditions(&self, prior: bool) -> usize {
        if self.inputs == Inputs::Robust { 1 + usize::from(prior) } else { 0 }
    }

    /// Components of the mixtures of latents that leave.
    fn split_mixtures(&self) -> usize {
        if self.inputs == Inputs::Robust { self.mixtures } else { 1 }
    }

    /// Where the channels before coupling `flow` of a level come from.
    ///
    /// At random as published. With `Inputs::Robust` the quarter that a coupling moves is one phase of the 2x2 squeeze, and
    /// the next coupling moves the next phase: after four of them, three phases are what could not be told from the rest, and
    /// the last one, which stays, is a mean of its surroundings. At random, some channels are moved twice, others never, and a channel
    /// that was never told from its neighbours costs more than the noise wherever a frame has structure.
    fn order(&self, flow: usize, channels: usize, random: &mut Random) -> Vec<usize> {
        if self.inputs != Inputs::Robust {
            return random.permutation(channels);
        }
        let quarter = channels / 4;
        let phases = |place: usize| 4 * (place % quarter) + place / quarter;
        let turned = (0..channels).map(|place| (place + quarter) % channels);
        if flow == 0 { turned.map(phases).collect() } else { turned.collect() }
    }

    /// First weights (moved, fixed, 3, 3) of the linear layer of coupling `flow`: a phase minus the mean of those of its
    /// eight neighbours that are not moved yet, and at last the remaining phase plus a quarter of each of these
    /// differences at its place, which makes it a mean of its surroundings. So the flow begins as an integer wavelet by lifting
    /// (Calderbank et al. 1998, Appl. Comput. Harmon. Anal. 5, 332) and learns from there.
    fn lifting(&self, flow: usize, channels: usize) -> Vec<f32> {
        let quarter = channels / 4;
        let fixed = 3 * quarter;
        // Fixed phases and taps of the 3x3 layer with their weights.
        let mut taps = vec![];
        if flow < 3 {
            let near = |a: usize, tap: usize, b: usize| (2 * tap + a).abs_diff(2 + b) <= 1;
            for (phase, tap) in (flow + 1..4).flat_map(|phase| (0..9).map(move |tap| (phase, tap))) {
                if near(phase / 2, tap / 3, flow / 2) && near(phase % 2, tap % 3, flow % 2) {
                    taps.push((phase - flow - 1, tap));
                }
            }
        } else if flow == 3 {
            taps.extend((0..3).map(|phase| (phase, 4)));
        }
        let weight = if flow < 3 { -1.0 / taps.len() as f32 } else { 0.25 };
        let mut weights = vec![0.0; quarter * fixed * 9];
        for plane in 0..self.planes {
            for &(phase, tap) in &taps {
                weights[(plane * fixed + phase * quarter + plane) * 9 + tap] = weight;
            }
        }
        weights
    }

    /// A net with random weights; equal seeds give equal nets.
    pub fn init(&self, device: &Device, seed: u64) -> Idf {
        let random = &mut Random::new(seed);
        let levels = (0..self.levels).map(|level| {
            let channels = self.channels(level);
            let moved = channels / 4;
            let flows = (0..self.flows).map(|flow| {
                let order = self.order(flow, channels, random);
                let order: Vec<i64> = order.into_iter().map(|c| c as i64).collect();
                let order = Tensor::from_data(TensorData::new(order, [channels]), device);
                let mut net =
                    Dense::new(self, channels - moved, self.conditions(false), moved, random, device);
                if let Some(linear) = &mut net.linear {
                    let weights = TensorData::new(self.lifting(flow, channels), linear.direction.dims());
                    linear.direction = Param::from_tensor(Tensor::from_data(weights, device));
                }
                Coupling { order: Param::initialized(burn::module::ParamId::new(), order), net }
            });
            let flows = flows.collect();
            let (leaving, k) = (self.group(level), self.split_mixtures());
            let split = (1..=self.groups(level)).map(|known| {
                let numbers = if k > 1 { 3 * k } else { 2 };
                let mut net = Dense::new(
                    self,
                    known * leaving,
                    self.conditions(true),
                    numbers * leaving,
                    random,
                    device,
                );
                if k > 1 {
                    // Scales an octave apart, so that the components part.
                    let scale = |i: usize| std::f32::consts::LN_2 * (i as f32 - k as f32 / 2.0);
                    let scales = (0..k * leaving).map(|at| scale(at / leaving));
                    let bias: Vec<f32> = std::iter::repeat_n(0.0, 2 * k * leaving).chain(scales).collect();
                    let length = bias.len();
                    let bias = Tensor::from_data(TensorData::new(bias, [length]), device);
                    net.last.bias = Param::from_tensor(bias);
                }
                net
            });
            let split = split.collect();
            Level { flows, split }
        });
        let levels = levels.collect();
        let last = self.last();
        // Means spread over -2..2 as published, in units of the noise where that is the unit.
        let k = self.mixtures;
        let spread = |i: usize| if k > 1 { 4.0 * i as f32 / (k - 1) as f32 - 2.0 } else { 0.0 };
        let mut prior = vec![0.0_f32; 3 * k * last];
        for (at, value) in prior[k * last..2 * k * last].iter_mut().enumerate() {
            *value = spread(at / last);
        }
        if self.inputs == Inputs::Robust {
            // Samples far apart differ by more than the noise.
            for (at, value) in prior[2 * k * last..].iter_mut().enumerate() {
                *value = 2.0 * (at / last) as f32;
            }
        }
        let prior = Tensor::from_data(TensorData::new(prior, [3, k, last]), device);
        Idf { levels, prior: Param::from_tensor(prior), config: self.clone() }
    }
}

/// A dense block and a linear layer beside it: Huang et al. 2017, arXiv:1608.06993; appendix A of the paper.
#[derive(Module, Debug)]
struct Dense {
    /// 1x1 and 3x3 convolutions.
    layers: Vec<[Conv; 2]>,
    last: Conv,
    linear: Option<Conv>,
}

impl Dense {
    fn new(
        config: &IdfConfig,
        inputs: usize,
        conditions: usize,
        outputs: usize,
        random: &mut Random,
        device: &Device,
    ) -> Self {
        let mut channels = inputs + conditions;
        let mut left = config.growth;
        let (one, three) = (Geometry::centred(1), Geometry::centred(3));
        let layers = (0..config.depth).map(|layer| {
            let growth = left / (config.depth - layer);
            left -= growth;
            let pair = [
                Conv::plain(channels, channels, one, 1.4, random, device),
                Conv::plain(channels, growth, three, 1.4, random, device),
            ];
            channels += growth;
            pair
        });
        let layers = layers.collect();
        // Zero: the flow begins as permutations and what the linear layers do, the priors at their unit.
        let last = Conv::plain(channels, outputs, three, 0.0, random, device);
        let linear = (config.inputs == Inputs::Robust)
            .then(|| Conv::plain(inputs, outputs, three, 0.0, random, device));
        Self { layers, last, linear }
    }

    /// # Shapes
    /// `x`: (N, in and conditions, H, W); the same latents uncompressed: (N, in, H, W); result: (N, out, H, W).
    fn forward<T: Flow>(&self, x: &T, uncompressed: &T) -> T {
        let mut all = x.clone();
        for [narrow, wide] in &self.layers {
            let more = all.conv(narrow).relu().conv(wide).relu();
            all = T::concat(&[all, more]);
        }
        let result = all.conv(&self.last);
        match &self.linear {
            Some(layer) => result.plus(&uncompressed.conv(layer)),
            None => result,
        }
    }
}

/// A permutation of the channels, then a coupling that moves the last quarter.
#[derive(Module, Debug)]
struct Coupling {
    /// (C)
    order: Param<Tensor<1, Int>>,
    net: Dense,
}

/// Flows at one resolution, and the priors of the groups that leave after them, each given what stays and the groups
/// before it.
#[derive(Module, Debug)]
struct Level {
    flows: Vec<Coupling>,
    split: Vec<Dense>,
}

/// The net.
#[derive(Module, Debug)]
pub struct Idf {
    levels: Vec<Level>,
    /// Weights, means and scales of the last latents' mixtures: (3, K, C).
    prior: Param<Tensor<3>>,
    #[module(skip)]
    config: IdfConfig,
}

impl Idf {
    /// Its extents.
    pub fn config(&self) -> &IdfConfig {
        &self.config
    }

    /// Whether loaded permutations are permutations.
    ///
    /// # Errors
    /// What was found instead.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (level, flow) in self.levels.iter().flat_map(|level| &level.flows).enumerate() {
            let order = flow.order();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            if sorted.iter().enumerate().any(|(at, &channel)| at as i64 != channel) {
                return Err(format!("coupling {level}: {order:?} is no permutation"));
            }
        }
        Ok(())
    }

    /// Mean information per sample, in bits.
    ///
    /// # Shapes
    /// `tiles`: (N, P, H, W), raw samples, H and W multiples of `2^levels`; result: (1).
    ///
    /// # Errors
    /// [`Error::Tiles`] if the tiles have other extents.
    pub fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        let samples: usize = tiles.dims().iter().product();
        let scaled = Scaled::of(&self.config, tiles)?;
        let Levels { split, last } = self.latents(scaled.values.clone(), &scaled);
        let [n, c, h, w] = last.dims();
        let k = self.config.mixtures;
        let prior = self.prior.val().reshape([1, 3 * k * c, 1, 1]).expand([n, 3 * k * c, h, w]);
        let mut bits = latent_bits(last, prior, k, &scaled, None);
        for (level, z) in self.levels.iter().zip(split) {
            let group = z.dims()[1] / (level.split.len() + 1);
            for (net, known) in level.split.iter().zip(1..) {
                let first = (level.split.len() + 1 - known) * group;
                let staying = z.clone().narrow(1, first, known * group);
                let leaving = z.clone().narrow(1, first - group, group);
                let spread = scaled.spread(&staying, group);
                let shown = scaled.shown(&staying, spread.as_ref());
                let numbers = net.forward(&shown, &scaled.divided(&staying));
                let k = self.config.split_mixtures();
                bits = bits + latent_bits(leaving, numbers, k, &scaled, spread);
            }
        }
        Ok(bits / samples as f64)
    }
}

/// Information of latents (N, C, h, w), summed, in bits. Their numbers are (N, R * K * C, h, w), in this order: weights,
/// means and scales (R = 3), or means and scales (R = 2). Scales are relative to `spread`, (N, 1, h, w).
fn latent_bits(
    latents: Tensor<4>,
    numbers: Tensor<4>,
    k: usize,
    scaled: &Scaled,
    spread: Option<Tensor<4>>,
) -> Tensor<1> {
    let [n, c, h, w] = latents.dims();
    let parts = numbers.dims()[1] / (k * c);
    let part = |at: usize| numbers.clone().narrow(1, at * k * c, k * c);
    // Channels take the place of tiles.
    let flat = |map: Tensor<4>| map.reshape([n, k, c, h * w]).swap_dims(1, 2).reshape([n * c, k, h, w]);
    let means = flat(scaled.times(part(parts - 2))) + CENTRE;
    let unit = spread.map_or_else(|| scaled.log_scale(), |spread| spread + scaled.log_scale());
    let log_scales = flat(part(parts - 1) + unit);
    let logits = if parts > 2 { flat(part(0)) } else { means.zeros_like() };
    total(mixture_bits(latents.reshape([n * c, 1, h, w]) + CENTRE, logits, means, log_scales, 65_535.0))
}

impl Coupling {
    fn order(&self) -> Vec<i64> {
        self.order.val().into_data().try_to_vec_as::<i64>().expect("a permutation is of integers")
    }
}

/// Where zero lies among the symbols `0..=65535` that latents are coded as.
const CENTRE: f32 = 32_768.0;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
