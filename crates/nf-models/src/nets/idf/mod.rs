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
//! Letters: N tiles, P planes, H rows, W columns, C channels of a level (4 P, 8 P, 16 P, ...), F flows per level, K components.
//!
//! Integers are residues modulo 2^16: a latent beyond the range of samples wraps, and nothing is lost.
//! Ours beside the published mapping: nets see latents in units of the tile's noise, compressed by asinh, and add a linear
//! layer on the uncompressed ones; the published mixture per pixel of a 32x32 patch is one per channel here, for tiles of any size.

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
        (self.planes * 4) << level
    }

    /// A net with random weights; equal seeds give equal nets.
    pub fn init(&self, device: &Device, seed: u64) -> Idf {
        let random = &mut Random::new(seed);
        let levels = (0..self.levels).map(|level| {
            let channels = self.channels(level);
            let moved = channels / 4;
            let flows = (0..self.flows).map(|_| {
                let order: Vec<i64> = random.permutation(channels).into_iter().map(|c| c as i64).collect();
                let order = Tensor::from_data(TensorData::new(order, [channels]), device);
                let net = Dense::new(self, channels - moved, moved, random, device);
                Coupling { order: Param::initialized(burn::module::ParamId::new(), order), net }
            });
            let flows = flows.collect();
            let split =
                (level + 1 < self.levels).then(|| Dense::new(self, channels / 2, channels, random, device));
            Level { flows, split }
        });
        let levels = levels.collect();
        let last = self.channels(self.levels - 1);
        // Means spread over -2..2 as published, in units of the noise where that is the unit.
        let k = self.mixtures;
        let spread = |i: usize| if k > 1 { 4.0 * i as f32 / (k - 1) as f32 - 2.0 } else { 0.0 };
        let mut prior = vec![0.0_f32; 3 * k * last];
        for (at, value) in prior[k * last..2 * k * last].iter_mut().enumerate() {
            *value = spread(at / last);
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
    fn new(config: &IdfConfig, inputs: usize, outputs: usize, random: &mut Random, device: &Device) -> Self {
        let mut channels = inputs;
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
        // Zero: the flow begins as a permutation, the priors at their unit.
        let last = Conv::plain(channels, outputs, three, 0.0, random, device);
        let linear = (config.inputs == Inputs::Robust)
            .then(|| Conv::plain(inputs, outputs, three, 0.0, random, device));
        Self { layers, last, linear }
    }

    /// # Shapes
    /// `x`, and the same latents uncompressed: (N, in, H, W); result: (N, out, H, W).
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

/// Flows at one resolution, and the prior of the half that leaves after them.
#[derive(Module, Debug)]
struct Level {
    flows: Vec<Coupling>,
    split: Option<Dense>,
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
        let mut bits = self.last_bits(last, &scaled).sum();
        for (level, (leaving, staying)) in self.levels.iter().zip(split) {
            let net = level.split.as_ref().expect("a level that splits has a prior");
            let numbers = net.forward(&scaled.shown(&staying), &scaled.divided(&staying));
            let channels = leaving.dims()[1];
            let means = scaled.times(numbers.clone().narrow(1, 0, channels));
            let log_scales = numbers.narrow(1, channels, channels) + scaled.log_scale();
            // A mixture of one component for every channel: channels take the place of tiles.
            let flat = |map: Tensor<4>| {
                let [n, c, h, w] = map.dims();
                map.reshape([n * c, 1, h, w])
            };
            let logits = flat(leaving.zeros_like());
            let centred = |map: Tensor<4>| flat(map) + CENTRE;
            bits = bits
                + mixture_bits(centred(leaving), logits, centred(means), flat(log_scales), 65_535.0).sum();
        }
        Ok(bits / samples as f64)
    }

    fn last_bits(&self, last: Tensor<4>, scaled: &Scaled) -> Tensor<4> {
        let [n, c, h, w] = last.dims();
        let k = self.config.mixtures;
        let part = |at: usize| {
            // (K, C) to (N, C, K, 1, 1), then over pixels.
            let numbers = self.prior.val().narrow(0, at, 1).reshape([k, c]).swap_dims(0, 1);
            numbers.reshape([1, c, k, 1]).expand([n as i64, c as i64, k as i64, (h * w) as i64])
        };
        let scale = scaled.scale().reshape([n, 1, 1, 1]);
        let flat = |map: Tensor<4>| map.reshape([n * c, k, h, w]);
        let means = flat(part(1) * scale.clone()) + CENTRE;
        let log_scales = flat(part(2) + scale.log());
        let x = last.reshape([n * c, 1, h, w]) + CENTRE;
        mixture_bits(x, flat(part(0)), means, log_scales, 65_535.0)
    }
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
