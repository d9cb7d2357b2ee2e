//! Integer discrete flows: Hoogeboom, Peters, van den Berg, Welling 2019, arXiv:1905.07376.
//!
//! An invertible map from integers to integers gives latents that are nearly independent; each is
//! coded under a logistic, the last ones under mixtures. Every step adds to some channels what a
//! network predicts from the others, rounded (eq. 6 and 7), so that the inverse subtracts the same
//! integers.
//!
//! ```text
//! x ─ squeeze ─[permute, couple]x F ─ split ─ squeeze ─[permute, couple]x F ─ split ─ ... ─► last
//!                                       └─► coded under distributions that a network computes
//!                                           from the part that goes on
//! ```
//!
//! Letters: N tiles, P planes, H rows, W columns, C channels of a level (4 P, 8 P, 16 P, ... as
//! published, always 4 P with `InputMode::NoiseNormalised`), F flows per level, K components.
//!
//! Integers are residues modulo 2^16: a latent beyond the range of samples wraps, and nothing is
//! lost. The published mixture per pixel of a 32x32 patch is one per channel here, for tiles of any
//! size. Ours beside the published mapping (`InputMode::NoiseNormalised`):
//!
//! - Networks see latents in units of the tile's noise, compressed by asinh, and how far apart
//!   integers are in these units, and add a linear layer on the uncompressed latents.
//! - Channels are not permuted at random but in turn, and the flow begins as a wavelet; see
//!   `IdfConfig::order`, `lifting`.
//! - Three quarters of the channels leave after every level, also the last: the differences. A half
//!   that stays would take differences along to a level where their neighbours are far.
//! - They leave one quarter after the other, each under mixtures that a network computes from what
//!   stays and the quarters before it. Scales are relative to the local scale of those around the
//!   place: noise is no single number in a tile.
//!
//! Names of fields are names of parameters in files of weights and must not change.

mod coder;
mod flow;
mod integers;
#[cfg(feature = "train")]
mod loss;
#[cfg(feature = "train")]
mod tensors;

use crate::error::Result;
use crate::input_mode::InputMode;
use crate::mixture::MAX_COMPONENTS;
use crate::nets::sample_head::MAX_PLANES;
use crate::network::{Network, check_extents, wrong};
use crate::parameters::{ConvSpec, Initial, Order, ParameterSource};
use crate::tensor_like::TensorLike;
use crate::tile_model::TileModel;
use crate::tile_stats::TileStats;
use crate::weights::Weights;
use flow::{Coupling, Level};
use nf_engine::Geometry;
use serde::{Deserialize, Serialize};

#[cfg(feature = "train")]
pub(super) use loss::Trained;

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
    pub inputs: InputMode,
}

/// The network: orders of channels `O`, dense blocks `N`, and a prior `P`.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub struct Idf<O, N, P> {
    levels: Vec<Level<O, N>>,
    /// Weights, means and scales of the last latents' mixtures: (3, K, C).
    prior: P,
    #[cfg_attr(feature = "train", module(skip))]
    config: IdfConfig,
}

/// The network with parameters of a source.
type Built<S> = Idf<
    <S as ParameterSource>::Permutation,
    Dense<<S as ParameterSource>::Conv>,
    <S as ParameterSource>::Array<3>,
>;

/// A dense block and a linear layer beside it: Huang et al. 2017, arXiv:1608.06993; appendix A of
/// the paper.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub struct Dense<C> {
    /// 1x1 and 3x3 convolutions.
    layers: Vec<[C; 2]>,
    last: C,
    linear: Option<C>,
}

impl<C> Dense<C> {
    /// # Shapes
    /// `x`: (N, in and conditions, H, W); the same latents uncompressed: (N, in, H, W); result:
    /// (N, out, H, W).
    fn forward<T: TensorLike<Conv = C>>(&self, x: &T, uncompressed: &T) -> T {
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

impl Network for IdfConfig {
    fn preset(size: &str) -> Option<Self> {
        use InputMode::{NoiseNormalised, Scaled};
        let (levels, flows, depth, growth, mixtures, inputs) = match size {
            "paper" => (3, 8, 12, 512, 5, Scaled),
            "small" => (4, 4, 3, 32, 3, NoiseNormalised),
            "tiny" => (3, 4, 2, 8, 2, NoiseNormalised),
            _ => return None,
        };
        Some(Self { planes: 1, levels, flows, depth, growth, mixtures, inputs })
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
            ("levels", self.levels, 1, 6),
            ("flows", self.flows, 1, 64),
            ("depth", self.depth, 1, 64),
            ("growth", self.growth, self.depth, 4096),
            ("mixtures", self.mixtures, 1, MAX_COMPONENTS),
        ];
        if matches!(self.inputs, InputMode::BytesMsb | InputMode::BytesLsb) {
            return Err(wrong("inputs", self.inputs.name(), "published or robust"));
        }
        check_extents(&checks)
    }

    fn tile_model(&self, weights: &mut Weights) -> Result<Box<dyn TileModel>, String> {
        Ok(Box::new(coder::IdfModel::new(self.build(weights)?)))
    }
}

impl IdfConfig {
    fn noise_normalised(&self) -> bool {
        self.inputs == InputMode::NoiseNormalised
    }

    /// Channels of level `level`, before its split.
    fn channels(&self, level: usize) -> usize {
        if self.noise_normalised() { 4 * self.planes } else { (4 * self.planes) << level }
    }

    /// Groups of channels of level `level` that leave after its couplings, each of as many channels
    /// as stay.
    fn groups(&self, level: usize) -> usize {
        if self.noise_normalised() { 3 } else { usize::from(level + 1 < self.levels) }
    }

    /// Channels of a level that go on, or that leave together.
    fn group(&self, level: usize) -> usize {
        self.channels(level) / (self.groups(level) + 1)
    }

    /// Channels of the last latents.
    fn last(&self) -> usize {
        self.group(self.levels - 1)
    }

    /// Channels that networks see beside those of latents: couplings one, priors two.
    fn conditions(&self, prior: bool) -> usize {
        if self.noise_normalised() { 1 + usize::from(prior) } else { 0 }
    }

    /// Components of the mixtures of latents that leave.
    fn split_mixtures(&self) -> usize {
        if self.noise_normalised() { self.mixtures } else { 1 }
    }

    /// What is subtracted from the samples of a plane.
    fn location(&self, stats: TileStats) -> f32 {
        if self.noise_normalised() { f32::from(stats.median) } else { 32_768.0 }
    }

    /// The scale at which networks see a tile: of its planes the noisiest.
    fn scale(&self, stats: &[TileStats]) -> f32 {
        if !self.noise_normalised() {
            return 65_536.0;
        }
        stats.iter().map(|stats| stats.noise_scale()).fold(1.0, f32::max)
    }

    /// Where the channels before coupling `flow` of a level come from.
    ///
    /// At random as published. With `InputMode::NoiseNormalised` the quarter that a coupling moves
    /// is one phase of the 2x2 squeeze, and the next coupling moves the next phase: after four of
    /// them, three phases are what could not be predicted from the rest, and the last one, which
    /// stays, is a mean of its surroundings. At random, some channels are moved twice, others
    /// never, and a channel that was never predicted from its neighbours costs more than the noise
    /// wherever a frame has structure.
    fn order(&self, flow: usize, channels: usize) -> Order {
        if !self.noise_normalised() {
            return Order::Random;
        }
        let quarter = channels / 4;
        let phases = |place: usize| 4 * (place % quarter) + place / quarter;
        let turned = (0..channels).map(|place| (place + quarter) % channels);
        Order::Given(if flow == 0 { turned.map(phases).collect() } else { turned.collect() })
    }

    /// First weights (moved, fixed, 3, 3) of the linear layer of coupling `flow`: a phase minus the
    /// mean of those of its eight neighbours that are not moved yet, and at last the remaining
    /// phase plus a quarter of each of these differences at its place, which makes it a mean of its
    /// surroundings. So the flow begins as an integer wavelet by lifting (Calderbank et al. 1998,
    /// Appl. Comput. Harmon. Anal. 5, 332) and learns from there.
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

    /// First weights, means and scales of the last latents' mixtures, (3, K, C).
    fn first_prior(&self) -> Vec<f32> {
        let (k, last) = (self.mixtures, self.last());
        // Means spread over -2..2 as published, in units of the noise where that is the unit.
        let mean = |i: usize| if k > 1 { 4.0 * i as f32 / (k - 1) as f32 - 2.0 } else { 0.0 };
        // Samples far apart differ by more than the noise.
        let scale = |i: usize| if self.noise_normalised() { 2.0 * i as f32 } else { 0.0 };
        let values = (0..3 * k * last).map(|at| match at / (k * last) {
            0 => 0.0,
            1 => mean(at / last % k),
            _ => scale(at / last % k),
        });
        values.collect()
    }

    /// The network with parameters of this source.
    fn build<S: ParameterSource>(&self, source: &mut S) -> Result<Built<S>, String> {
        let levels = (0..self.levels).map(|level| self.level(source, level));
        let levels = levels.collect::<Result<_, _>>()?;
        let initial = Initial::Values(self.first_prior());
        let prior = source.array("prior", [3, self.mixtures, self.last()], initial)?;
        Ok(Idf { levels, prior, config: self.clone() })
    }

    fn level<S: ParameterSource>(
        &self,
        source: &mut S,
        level: usize,
    ) -> Result<Level<S::Permutation, Dense<S::Conv>>, String> {
        let channels = self.channels(level);
        let moved = channels / 4;
        let coupling = |flow: usize| {
            let path = format!("levels.{level}.flows.{flow}");
            let order = self.order(flow, channels);
            let order = source.permutation(&format!("{path}.order"), channels, order)?;
            let linear = self.noise_normalised().then(|| self.lifting(flow, channels));
            let extents = [channels - moved, self.conditions(false), moved];
            let net = self.dense(source, &format!("{path}.net"), extents, linear, None)?;
            Ok(Coupling { order, net })
        };
        let flows = (0..self.flows).map(coupling).collect::<Result<_, String>>()?;
        let (leaving, k) = (self.group(level), self.split_mixtures());
        let split = (1..=self.groups(level)).map(|known| {
            let outputs = if k > 1 { 3 * k } else { 2 };
            // Scales an octave apart, so that the components part.
            let scale = |i: usize| std::f32::consts::LN_2 * (i as f32 - k as f32 / 2.0);
            let scales = (0..k * leaving).map(|at| scale(at / leaving));
            let bias = std::iter::repeat_n(0.0, 2 * k * leaving).chain(scales);
            let bias = (k > 1).then(|| bias.collect());
            let extents = [known * leaving, self.conditions(true), outputs * leaving];
            self.dense(source, &format!("levels.{level}.split.{}", known - 1), extents, None, bias)
        });
        let split = split.collect::<Result<_, String>>()?;
        Ok(Level { flows, split })
    }

    /// A dense block with first weights of its linear layer and first biases of its last one, where
    /// these are not zero.
    fn dense<S: ParameterSource>(
        &self,
        source: &mut S,
        path: &str,
        [inputs, conditions, outputs]: [usize; 3],
        linear_weights: Option<Vec<f32>>,
        last_bias: Option<Vec<f32>>,
    ) -> Result<Dense<S::Conv>, String> {
        let mut channels = inputs + conditions;
        let mut left = self.growth;
        let (one, three) = (Geometry::centred(1), Geometry::centred(3));
        let mut layers = vec![];
        for layer in 0..self.depth {
            let growth = left / (self.depth - layer);
            left -= growth;
            let narrow = ConvSpec::plain(channels, channels, one, 1.4);
            let wide = ConvSpec::plain(channels, growth, three, 1.4);
            layers.push([
                source.conv(&format!("{path}.layers.{layer}.0"), narrow)?,
                source.conv(&format!("{path}.layers.{layer}.1"), wide)?,
            ]);
            channels += growth;
        }
        // Zero: the flow begins as permutations and what the linear layers do, the priors at their
        // unit.
        let last = ConvSpec { bias: last_bias, ..ConvSpec::plain(channels, outputs, three, 0.0) };
        let last = source.conv(&format!("{path}.last"), last)?;
        let linear = match self.noise_normalised() {
            true => {
                let spec = ConvSpec::plain(inputs, outputs, three, 0.0);
                let spec = ConvSpec { weights: linear_weights, ..spec };
                Some(source.conv(&format!("{path}.linear"), spec)?)
            }
            false => None,
        };
        Ok(Dense { layers, last, linear })
    }
}

/// Where zero lies among the symbols `0..=65535` that latents are coded as.
const CENTRE: f32 = 32_768.0;

#[cfg(all(test, feature = "train"))]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
