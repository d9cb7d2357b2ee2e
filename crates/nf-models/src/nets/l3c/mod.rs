//! L3C: Mentzer, Agustsson, Tschannen, Timofte, Van Gool 2019, arXiv:1811.12817. Written from the
//! paper.
//!
//! Three encoders compute ever coarser features, quantised to a few levels; three decoders turn the
//! features of one scale into the distributions of those of the next finer one, the finest into the
//! distributions of the samples (figure 2 of the paper).
//!
//! ```text
//! x ─ encoder 1 ─┬─ encoder 2 ─┬─ encoder 3 ─► z3: uniform, or a learned prior
//!                └─ quantise    └─ quantise        │
//!                      z1           z2             ▼
//!         p(x) ◄─ decoder 1 ◄─ decoder 2 ◄─ decoder 3
//!                    p(z1)        p(z2)  ◄────┘
//! encoder: 3x3 ─ 5x5 / 2 ─ [3x3 relu 3x3 +]x B ─ 3x3 ─ + ─► features ─ 1x1 ─► C channels
//! decoder: 1x1 ─ + features ─ [3x3 relu 3x3 +]x B ─ 3x3 ─ + ─ 3x3 ─ depth to space ─► features
//!          features ─ 3x3 dilated by 1, 2, 4 ─ 1x1 ─► distributions
//! ```
//!
//! Decoder s gets z_s and the features of decoder s + 1, and gives p(z_(s-1)).
//!
//! Letters: N tiles, P planes, H rows, W columns, F filters, B residual blocks, C channels of z, L
//! levels, K components.
//!
//! Differences: mixture weights are per plane; the published mapping has a map of ones beside the
//! samples. With `InputMode::NoiseNormalised`:
//!
//! - The head of the samples is that of our PixelCNN++, relative to a causal predictor, and its
//!   distributions also depend on the sample's causal context through a layer of their own, before
//!   the last ReLU. A decoder has the context, because it decodes samples one by one in any case;
//!   features would have to spend bits on what it says.
//! - The coarsest z has a learned prior per channel instead of the uniform one, which costs
//!   `C log2(L) / 4^S` bits a pixel (S scales) whatever z is: 0.36 in the published network, and
//!   0.87 in one of two scales and three channels.
//!
//! Names of fields are names of parameters in files of weights and must not change: `laws` gives
//! the parameters of distributions; `there` and `back` are the ways down and up.

mod coder;
#[cfg(feature = "train")]
mod loss;

use crate::error::Result;
use crate::input_mode::InputMode;
use crate::mixture::{MAX_COMPONENTS, MAX_LEVELS};
use crate::nets::SampleHead;
use crate::nets::sample_head::MAX_PLANES;
use crate::network::{Network, check_extents};
use crate::parameters::{ConvSpec, Initial, ParameterSource};
use crate::tensor_like::TensorLike;
use crate::tile_model::TileModel;
use crate::weights::Weights;
use nf_engine::{Geometry, math};
use serde::{Deserialize, Serialize};

#[cfg(feature = "train")]
pub(super) use loss::Trained;

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
    pub inputs: InputMode,
}

/// Residual blocks, a convolution, and a skip around them all.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
struct Tower<C> {
    blocks: Vec<[C; 2]>,
    after: C,
}

impl<C> Tower<C> {
    fn forward<T: TensorLike<Conv = C>>(&self, x: &T) -> T {
        let mut y = x.clone();
        for [first, second] in &self.blocks {
            y = y.plus(&y.conv(first).relu().conv(second));
        }
        x.plus(&y.conv(&self.after))
    }
}

/// Encoder and decoder of one scale.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
struct Scale<C> {
    head: C,
    down: C,
    there: Tower<C>,
    narrow: C,
    widen: C,
    back: Tower<C>,
    up: C,
    parallel: [C; 3],
    laws: C,
}

impl<C> Scale<C> {
    /// Features of half the extents, and z before it is quantised.
    fn encode<T: TensorLike<Conv = C>>(&self, x: &T) -> [T; 2] {
        let features = self.there.forward(&x.conv(&self.head).conv(&self.down));
        let z = features.conv(&self.narrow);
        [features, z]
    }

    /// Features of twice the extents, and what the distributions there are made of.
    fn decode<T: TensorLike<Conv = C>>(&self, z: &T, coarser: Option<&T>) -> [T; 2] {
        let mut x = z.conv(&self.widen);
        if let Some(coarser) = coarser {
            x = x.plus(coarser);
        }
        let features = self.back.forward(&x).conv(&self.up).depth_to_space();
        let parallel: Vec<T> = self.parallel.iter().map(|layer| features.conv(layer)).collect();
        [features, T::concat(&parallel)]
    }

    /// Parameters of distributions.
    fn outputs<T: TensorLike<Conv = C>>(&self, parallel: &T) -> T {
        parallel.relu().conv(&self.laws)
    }
}

/// The network: its convolutions `C` and its prior `P`.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub struct L3c<C, P> {
    scales: Vec<Scale<C>>,
    /// From a sample's causal context to what its distributions are made of.
    context: Option<C>,
    /// Parameters of the distributions of the coarsest levels, (C * 3 K); uniform distributions
    /// where there are none.
    prior: Option<P>,
    #[cfg_attr(feature = "train", module(skip))]
    config: L3cConfig,
}

impl<C, P> L3c<C, P> {
    /// Outputs for the samples.
    fn sample_outputs<T: TensorLike<Conv = C>>(&self, parallel: &T, context: Option<&T>) -> T {
        match (&self.context, context) {
            (Some(layer), Some(context)) => self.scales[0].outputs(&parallel.plus(&context.conv(layer))),
            _ => self.scales[0].outputs(parallel),
        }
    }
}

impl Network for L3cConfig {
    fn preset(size: &str) -> Option<Self> {
        use InputMode::{NoiseNormalised, Scaled};
        let (scales, filters, blocks, channels, levels, mixtures, inputs) = match size {
            "paper" => (3, 64, 8, 5, 25, 10, Scaled),
            "small" => (3, 24, 2, 3, 25, 4, NoiseNormalised),
            "tiny" => (2, 8, 1, 2, 9, 2, NoiseNormalised),
            _ => return None,
        };
        Some(Self { planes: 1, scales, filters, blocks, channels, levels, mixtures, inputs })
    }

    fn planes(&self) -> usize {
        self.planes
    }

    fn tiles_mut(&mut self) -> (&mut usize, &mut InputMode) {
        (&mut self.planes, &mut self.inputs)
    }

    fn check(&self) -> Result<()> {
        let checks = [
            ("planes", self.planes, 1, MAX_PLANES),
            ("scales", self.scales, 1, 6),
            ("filters", self.filters, 1, 4096),
            ("blocks", self.blocks, 1, 64),
            ("channels", self.channels, 1, 256),
            ("levels", self.levels, 2, MAX_LEVELS),
            ("mixtures", self.mixtures, 1, MAX_COMPONENTS),
        ];
        check_extents(&checks)
    }

    fn tile_model(&self, weights: &mut Weights) -> Result<Box<dyn TileModel>, String> {
        Ok(Box::new(coder::L3cModel::new(self.build(weights)?)))
    }
}

impl L3cConfig {
    fn head(&self) -> SampleHead {
        SampleHead { planes: self.planes, mixtures: self.mixtures, inputs: self.inputs }
    }

    /// Parameters of the distributions of one pixel's levels: C * 3 K.
    fn level_outputs(&self) -> usize {
        self.channels * 3 * self.mixtures
    }

    /// The middle level's index: levels lie at `index / middle - 1`.
    fn middle(&self) -> f32 {
        (self.levels - 1) as f32 / 2.0
    }

    /// Logarithm of the scale of a new network's distributions of the levels of one scale, in
    /// levels: half of their deviation.
    fn first_log_scale(&self, scale: usize) -> f32 {
        math::ln(f64::from(0.5 * first_deviation(scale) * self.middle())) as f32
    }

    /// The network with parameters of this source.
    fn build<S: ParameterSource>(&self, source: &mut S) -> Result<L3c<S::Conv, S::Array<1>>, String> {
        let scale = |scale| self.scale(source, scale);
        let scales = (0..self.scales).map(scale).collect::<Result<_, _>>()?;
        let channels = self.head().context_channels();
        let context = match channels {
            0 => None,
            _ => {
                let spec = ConvSpec::plain(channels, 3 * self.filters, Geometry::centred(1), 1.0);
                Some(source.conv("context", spec)?)
            }
        };
        let prior = match self.inputs {
            // Unequal, so that the components part.
            InputMode::NoiseNormalised => {
                let initial = Initial::Normal { deviation: 0.02 };
                Some(source.array("prior", [self.level_outputs()], initial)?)
            }
            _ => None,
        };
        Ok(L3c { scales, context, prior, config: self.clone() })
    }

    fn scale<S: ParameterSource>(&self, source: &mut S, scale: usize) -> Result<Scale<S::Conv>, String> {
        let f = self.filters;
        let (one, three) = (Geometry::centred(1), Geometry::centred(3));
        let mut conv = |name: &str, inputs, outputs, geometry, gain| {
            let spec = ConvSpec::plain(inputs, outputs, geometry, gain);
            source.conv(&format!("scales.{scale}.{name}"), spec)
        };
        let (inputs, outputs) = match scale {
            0 => (self.head().feature_channels(), self.head().channels()),
            _ => (f, self.level_outputs()),
        };
        Ok(Scale {
            head: conv("head", inputs, f, three, 1.0)?,
            down: conv("down", f, f, Geometry::centred(5).strided(2), 1.0)?,
            there: self.tower("there", &mut conv)?,
            narrow: conv("narrow", f, self.channels, one, first_deviation(scale))?,
            widen: conv("widen", self.channels, f, one, 1.0)?,
            back: self.tower("back", &mut conv)?,
            up: conv("up", f, 4 * f, three, 1.0)?,
            parallel: [
                conv("parallel.0", f, f, three.dilated(1), 1.0)?,
                conv("parallel.1", f, f, three.dilated(2), 1.0)?,
                conv("parallel.2", f, f, three.dilated(4), 1.0)?,
            ],
            laws: conv("laws", 3 * f, outputs, one, 0.1)?,
        })
    }

    fn tower<C>(
        &self,
        name: &str,
        conv: &mut impl FnMut(&str, usize, usize, Geometry, f32) -> Result<C, String>,
    ) -> Result<Tower<C>, String> {
        let (f, three) = (self.filters, Geometry::centred(3));
        let block = |block: usize| {
            let mut conv =
                |layer: usize, gain| conv(&format!("{name}.blocks.{block}.{layer}"), f, f, three, gain);
            Ok([conv(0, 1.4)?, conv(1, 0.3)?])
        };
        let blocks = (0..self.blocks).map(block).collect::<Result<_, String>>()?;
        Ok(Tower { blocks, after: conv(&format!("{name}.after"), f, f, three, 0.5)? })
    }
}

/// Deviation of a new network's z of one scale around its middle level, which a step away is
/// `1 / middle`.
///
/// Small where z is fine, so that what z tells is worth its bits from the start: a level of a
/// coarser scale serves four times as many pixels.
fn first_deviation(scale: usize) -> f32 {
    0.03 * (1 << (2 * scale.min(2))) as f32
}

/// What multiplies the parameters of the coarsest levels' distributions: an optimiser that moves
/// all parameters alike moves a number that is one parameter slower than one that a layer computes
/// from many.
const PRIOR_GAIN: f32 = 8.0;
