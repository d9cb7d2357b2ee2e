//! L3C: Mentzer, Agustsson, Tschannen, Timofte, Van Gool 2019, arXiv:1811.12817. Written from the paper.
//!
//! Three encoders make ever coarser features, quantised to a few levels; three decoders turn the features of one scale into
//! the laws of those of the next finer one, the finest into the laws of the samples (figure 2 of the paper).
//!
//! ```text
//! x ─ encoder 1 ─┬─ encoder 2 ─┬─ encoder 3 ─► z3: uniform, or a learnt law
//!                └─ quantise    └─ quantise        │
//!                      z1           z2             ▼
//!      laws of x ◄─ decoder 1 ◄─ decoder 2 ◄─ decoder 3    (decoder s gets z_s and the features of decoder s + 1,
//!                   laws of z1    laws of z2  ◄────┘         and gives the laws of z_(s-1))
//! encoder: 3x3 ─ 5x5 / 2 ─ [3x3 relu 3x3 +]x B ─ 3x3 ─ + ─► features ─ 1x1 ─► C channels
//! decoder: 1x1 ─ + features ─ [3x3 relu 3x3 +]x B ─ 3x3 ─ + ─ 3x3 ─ depth to space ─► features
//!          features ─ 3x3 dilated by 1, 2, 4 ─ 1x1 ─► laws
//! ```
//!
//! Letters: N tiles, P planes, H rows, W columns, F filters, B residual blocks, C channels of z, L levels, K components.
//!
//! Differences: mixture weights are per plane; the published mapping has a map of ones beside the samples. With
//! `Inputs::Robust`:
//!
//! - The head of the samples is that of our PixelCNN++, relative to a causal guess, and its laws also see the sample's
//!   causal neighbours through a layer of their own, before the last ReLU. A decoder has them, because it decodes samples
//!   one by one in any case. Features would have to say again, for bits, what those neighbours say for nothing.
//! - The coarsest z has a learnt law per channel instead of the uniform one. The uniform law costs `C log2(L) / 4^S` bits a
//!   pixel (S scales) whether or not z says anything: 0.36 in the published net, and 0.87 in one of two scales and three
//!   channels.

mod code;

pub(crate) use code::L3cCoder;

use crate::config::check_extents;
use crate::conv::{Conv, Geometry};
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::heads::{MAX_COMPONENTS, mixture_bits};
use crate::math;
use crate::nets::{Inputs, SampleHead};
use crate::random::Random;
use crate::sum::total;
use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// Steepness of the soft quantiser (section 3.3 of the paper).
const SOFTNESS: f64 = 2.0;

/// Extents of an L3C.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct L3cConfig {
    /// Planes of a tile.
    pub planes: usize,
    /// Encoders and decoders; tiles are multiples of `2^scales` pixels.
    pub scales: usize,
    /// Features, F.
    pub filters: usize,
    /// Residual blocks of every encoder and decoder, B.
    pub blocks: usize,
    /// Channels of each z, C.
    pub channels: usize,
    /// Levels of each z, L.
    pub levels: usize,
    /// Components of each mixture, K.
    pub mixtures: usize,
    /// How samples enter.
    pub inputs: Inputs,
}

impl L3cConfig {
    pub(crate) fn check(&self) -> Result<()> {
        let checks = [
            ("planes", self.planes, 1, 6),
            ("scales", self.scales, 1, 6),
            ("filters", self.filters, 1, 4096),
            ("blocks", self.blocks, 1, 64),
            ("channels", self.channels, 1, 256),
            ("levels", self.levels, 2, 256),
            ("mixtures", self.mixtures, 1, MAX_COMPONENTS),
        ];
        check_extents(&checks)
    }

    fn head(&self) -> SampleHead {
        SampleHead { planes: self.planes, mixtures: self.mixtures, inputs: self.inputs }
    }

    /// Numbers of the laws of one pixel's levels: C * 3 K.
    fn level_numbers(&self) -> usize {
        self.channels * 3 * self.mixtures
    }

    /// The middle level's index: levels lie at `index / middle - 1`.
    fn middle(&self) -> f32 {
        (self.levels - 1) as f32 / 2.0
    }

    /// Logarithm of the scale of a new net's laws of the levels of one scale, in levels: half of their spread.
    fn first_log_scale(&self, scale: usize) -> f32 {
        math::ln(f64::from(0.5 * first_spread(scale) * self.middle())) as f32
    }

    /// A net with random weights; equal seeds give equal nets.
    pub fn init(&self, device: &Device, seed: u64) -> L3c {
        let random = &mut Random::new(seed);
        let f = self.filters;
        let (one, three) = (Geometry::centred(1), Geometry::centred(3));
        let scales = (0..self.scales).map(|scale| {
            let mut conv = |inputs, outputs, geometry, gain| {
                Conv::plain(inputs, outputs, geometry, gain, random, device)
            };
            let tower = |conv: &mut dyn FnMut(usize, usize, Geometry, f32) -> Conv| Tower {
                blocks: (0..self.blocks).map(|_| [conv(f, f, three, 1.4), conv(f, f, three, 0.3)]).collect(),
                after: conv(f, f, three, 0.5),
            };
            let inputs = if scale == 0 { self.head().seen_channels() } else { f };
            let laws = if scale == 0 { self.head().channels() } else { self.level_numbers() };
            Scale {
                head: conv(inputs, f, three, 1.0),
                down: conv(f, f, Geometry::centred(5).strided(2), 1.0),
                there: tower(&mut conv),
                narrow: conv(f, self.channels, one, first_spread(scale)),
                widen: conv(self.channels, f, one, 1.0),
                back: tower(&mut conv),
                up: conv(f, 4 * f, three, 1.0),
                parallel: [1, 2, 4].map(|dilation| conv(f, f, three.dilated(dilation), 1.0)),
                laws: conv(3 * f, laws, one, 0.1),
            }
        });
        let scales = scales.collect();
        let channels = self.head().context_channels();
        let context = (channels > 0).then(|| Conv::plain(channels, 3 * f, one, 1.0, random, device));
        let prior = (self.inputs == Inputs::Robust).then(|| {
            // Unequal, so that the components part.
            let numbers: Vec<f32> = (0..self.level_numbers()).map(|_| 0.02 * random.normal()).collect();
            Param::from_tensor(Tensor::from_data(TensorData::new(numbers, [self.level_numbers()]), device))
        });
        L3c { scales, context, prior, config: self.clone() }
    }
}

/// Residual blocks, a convolution, and a skip around them all.
#[derive(Module, Debug)]
struct Tower {
    blocks: Vec<[Conv; 2]>,
    after: Conv,
}

impl Tower {
    fn forward<T: Flow>(&self, x: &T) -> T {
        let mut y = x.clone();
        for [first, second] in &self.blocks {
            y = y.plus(&y.conv(first).relu().conv(second));
        }
        x.plus(&y.conv(&self.after))
    }
}

/// Encoder and decoder of one scale.
#[derive(Module, Debug)]
struct Scale {
    head: Conv,
    down: Conv,
    there: Tower,
    narrow: Conv,
    widen: Conv,
    back: Tower,
    up: Conv,
    parallel: [Conv; 3],
    laws: Conv,
}

impl Scale {
    /// Features of half the extents, and z before it is quantised.
    fn encode<T: Flow>(&self, x: &T) -> [T; 2] {
        let features = self.there.forward(&x.conv(&self.head).conv(&self.down));
        let z = features.conv(&self.narrow);
        [features, z]
    }

    /// Features of twice the extents, and what the laws there are made of.
    fn decode<T: Flow>(&self, z: &T, coarser: Option<&T>) -> [T; 2] {
        let mut x = z.conv(&self.widen);
        if let Some(coarser) = coarser {
            x = x.plus(coarser);
        }
        let features = self.back.forward(&x).conv(&self.up).depth_to_space();
        let parallel: Vec<T> = self.parallel.iter().map(|layer| features.conv(layer)).collect();
        [features, T::concat(&parallel)]
    }

    /// Numbers of laws.
    fn numbers<T: Flow>(&self, parallel: &T) -> T {
        parallel.relu().conv(&self.laws)
    }
}

/// The net.
#[derive(Module, Debug)]
pub struct L3c {
    scales: Vec<Scale>,
    /// From a sample's causal neighbours to what its laws are made of.
    context: Option<Conv>,
    /// Numbers of the laws of the coarsest levels, (C * 3 K); uniform laws where there are none.
    prior: Option<Param<Tensor<1>>>,
    #[module(skip)]
    config: L3cConfig,
}

impl L3c {
    /// Its extents.
    pub fn config(&self) -> &L3cConfig {
        &self.config
    }

    /// Mean information per sample in bits, that of all z included.
    ///
    /// # Shapes
    /// `tiles`: (N, P, H, W), raw samples, H and W multiples of `2^scales`; result: (1).
    ///
    /// # Errors
    /// [`Error::Tiles`] if the tiles have other extents.
    pub fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        let [n, planes, height, width] = tiles.dims();
        let step = 1 << self.config.scales;
        if height % step != 0 || width % step != 0 {
            let expected =
                format!("heights and widths that are multiples of {step}, for {} scales", self.config.scales);
            return Err(Error::Tiles { found: vec![n, planes, height, width], expected });
        }
        let shown = self.config.head().prepare(tiles)?;
        let mut x = shown.seen.clone();
        let mut quantised = vec![];
        for scale in &self.scales {
            let [features, z] = scale.encode(&x);
            quantised.push(self.quantise(z));
            x = features;
        }
        let coarsest = quantised.last().expect("at least one scale").clone();
        let mut bits = match &self.prior {
            Some(prior) => {
                let [n, _, h, w] = coarsest.dims();
                let count = self.config.level_numbers();
                let numbers = (prior.val() * PRIOR_GAIN).reshape([1, count, 1, 1]).expand([n, count, h, w]);
                total(self.level_bits(coarsest, numbers, self.scales.len() - 1))
            }
            None => total(coarsest.ones_like()) * (self.config.levels as f64).log2(),
        };
        let mut features: Option<Tensor<4>> = None;
        for (index, scale) in self.scales.iter().enumerate().rev() {
            let [finer, parallel] = scale.decode(&quantised[index], features.as_ref());
            features = Some(finer);
            if index > 0 {
                let numbers = scale.numbers(&parallel);
                bits = bits + total(self.level_bits(quantised[index - 1].clone(), numbers, index - 1));
            } else {
                let numbers = self.sample_numbers(&parallel, shown.context.as_ref());
                bits = bits + total(self.config.head().bits(numbers, &shown));
            }
        }
        Ok(bits / (n * planes * height * width) as f64)
    }

    /// Numbers of the laws of samples.
    fn sample_numbers<T: Flow>(&self, parallel: &T, context: Option<&T>) -> T {
        match (&self.context, context) {
            (Some(layer), Some(context)) => self.scales[0].numbers(&parallel.plus(&context.conv(layer))),
            _ => self.scales[0].numbers(parallel),
        }
    }

    /// Nearest levels, with the gradient of a soft assignment (eq. 2 and 3).
    fn quantise(&self, z: Tensor<4>) -> Tensor<4> {
        let levels = self.config.levels;
        let middle = self.config.middle();
        let hard = ((z.clone().clamp(-1.0, 1.0) + 1.0) * middle + 0.5).floor() / middle - 1.0;
        let places: Vec<f32> = (0..levels).map(|level| level as f32 / middle - 1.0).collect();
        let places = Tensor::<1>::from_data(TensorData::new(places, [levels]), &z.device())
            .reshape([1, 1, 1, 1, levels]);
        let distances = z.unsqueeze_dim::<5>(4) - places.clone();
        let soft: Tensor<4> = (softmax(distances.square() * -SOFTNESS, 4) * places).sum_dim(4).squeeze_dim(4);
        soft.clone() + (hard - soft).detach()
    }

    /// Information of levels (N, C, h, w) of one scale under their numbers (N, C * 3 K, h, w).
    fn level_bits(&self, levels: Tensor<4>, numbers: Tensor<4>, scale: usize) -> Tensor<4> {
        let [n, c, h, w] = levels.dims();
        let k = self.config.mixtures;
        let middle = self.config.middle();
        let numbers = numbers.reshape([n * c, 3 * k, h, w]);
        let part = |at: usize| numbers.clone().narrow(1, at * k, k);
        let index = ((levels + 1.0) * middle).reshape([n * c, 1, h, w]);
        let means = (part(1) + 1.0) * middle;
        let log_scales = part(2) + self.config.first_log_scale(scale);
        mixture_bits(index, part(0), means, log_scales, (self.config.levels - 1) as f32)
    }
}

/// Spread of a new net's z of one scale around its middle level, which a step away is `1 / middle`.
///
/// Small where z is fine, so that what z tells is worth its bits from the start: a level of a coarser scale serves four
/// times as many pixels.
fn first_spread(scale: usize) -> f32 {
    0.03 * (1 << (2 * scale.min(2))) as f32
}

/// What multiplies the parameters of the coarsest levels' laws: an optimiser that moves all parameters alike moves a number
/// that is one parameter slower than one that a layer makes of many.
const PRIOR_GAIN: f32 = 8.0;
