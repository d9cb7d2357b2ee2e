//! PixelCNN++: Salimans, Karpathy, Chen, Kingma 2017, arXiv:1701.05517.
//!
//! Every sample is coded under a mixture of logistics whose parameters a network computes from the
//! samples above and to the left. Two streams of features run through the network: `u` at a pixel
//! depends on the rows above it, `ul` also on the pixels to the left. Both pass gated residual
//! blocks on the way down to coarser resolutions and back up (section 2.4, figure 2).
//!
//! ```text
//! features ─ 2x3, down ───────────► u ─[block u]x R ─ halve ─ ... ─ double ─[block u]x R+1
//!         ├─ 1x3, down ─┐                │ skip                              │ skip
//!         ├─ 2x1, right ┴ sum ───► ul ─[block ul]x R ─ halve ─ ... ─ double ─[block ul]x R+1
//! context ─ 1x1 ────────┘                                                    └─ elu ─ 1x1 ─► head
//! ```
//!
//! Every block on the way up also gets the output of the block on the way down.
//!
//! Letters: N tiles, P planes, H rows, W columns, F filters, K mixture components, R blocks per
//! stage.
//!
//! Ours beside the published mapping (`InputMode::NoiseNormalised`): the features of `context.rs`;
//! means are offsets from a weighted prediction, offsets and scales are in units of the local
//! scale.
//!
//! Names of fields are names of parameters in files of weights and must not change: `there` and
//! `back` are the ways down and up.

mod coder;
#[cfg(feature = "train")]
mod loss;

use crate::error::Result;
use crate::input_mode::InputMode;
use crate::mixture::MAX_COMPONENTS;
use crate::nets::SampleHead;
use crate::nets::sample_head::MAX_PLANES;
use crate::network::{Network, check_extents, wrong};
use crate::parameters::{ConvSpec, ParameterSource};
use crate::tensor_like::TensorLike;
use crate::tile_model::TileModel;
use crate::weights::Weights;
use nf_engine::Geometry;
use serde::{Deserialize, Serialize};

#[cfg(feature = "train")]
pub(super) use loss::Trained;

/// Extents of a PixelCNN++.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelCnnPpConfig {
    /// Planes of a tile, coded in order at every pixel.
    pub planes: usize,
    /// Features of each stream, F.
    pub filters: usize,
    /// Resolutions.
    pub stages: usize,
    /// Gated residual blocks per stage on the way down, R; on the way up one more after the first
    /// stage.
    pub blocks: usize,
    /// Components of each mixture, K.
    pub mixtures: usize,
    /// Probability that a feature is dropped in a block while training.
    pub dropout: f64,
    /// How samples enter.
    pub inputs: InputMode,
}

/// Channels of the maps that go into a network, and of the one that comes out.
#[derive(Clone, Copy, Debug)]
pub(in crate::nets) struct Channels {
    pub(in crate::nets) features: usize,
    /// 0 where there is no such map.
    pub(in crate::nets) context: usize,
    pub(in crate::nets) outputs: usize,
}

/// A gated residual block (section 2.4; van den Oord et al. 2016, arXiv:1606.05328):
/// `x + a * sigmoid(b)`.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
struct Block<C> {
    first: C,
    /// From the other stream, or from the way down.
    skip: Option<C>,
    second: C,
    dropout: f64,
}

impl<C> Block<C> {
    fn forward<T: TensorLike<Conv = C>>(&self, x: &T, other: Option<&T>) -> T {
        let mut inner = x.concat_elu().conv(&self.first);
        if let (Some(layer), Some(other)) = (&self.skip, other) {
            inner = inner.plus(&other.concat_elu().conv(layer));
        }
        x.plus(&inner.concat_elu().dropout(self.dropout).conv(&self.second).gate())
    }
}

/// The blocks of one stage, and the layers to the next.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
struct Stage<C> {
    u: Vec<Block<C>>,
    ul: Vec<Block<C>>,
    /// Halving on the way down, doubling on the way up; absent after the last stage.
    next: Option<[C; 2]>,
}

/// The network.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub struct PixelCnnPp<C> {
    u_first: C,
    ul_above: C,
    ul_left: C,
    ul_context: Option<C>,
    there: Vec<Stage<C>>,
    back: Vec<Stage<C>>,
    last: C,
    #[cfg_attr(feature = "train", module(skip))]
    config: PixelCnnPpConfig,
}

impl Network for PixelCnnPpConfig {
    fn preset(size: &str) -> Option<Self> {
        use InputMode::{NoiseNormalised, Scaled};
        let (filters, stages, blocks, mixtures, dropout, inputs) = match size {
            "paper" => (160, 3, 5, 11, 0.5, Scaled),
            "small" => (20, 1, 2, 4, 0.0, NoiseNormalised),
            "tiny" => (8, 2, 1, 2, 0.0, NoiseNormalised),
            _ => return None,
        };
        Some(Self { planes: 1, filters, stages, blocks, mixtures, dropout, inputs })
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
            ("filters", self.filters, 1, 4096),
            ("stages", self.stages, 1, 8),
            ("blocks", self.blocks, 1, 64),
            ("mixtures", self.mixtures, 1, MAX_COMPONENTS),
        ];
        check_extents(&checks)?;
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(wrong("dropout", self.dropout, "at least 0 and below 1"));
        }
        Ok(())
    }

    fn tile_model(&self, weights: &mut Weights) -> Result<Box<dyn TileModel>, String> {
        Ok(Box::new(coder::PixelCnnPpModel::new(&self.build(weights)?)))
    }
}

impl PixelCnnPpConfig {
    fn head(&self) -> SampleHead {
        SampleHead { planes: self.planes, mixtures: self.mixtures, inputs: self.inputs }
    }

    /// The network with parameters of this source.
    fn build<S: ParameterSource>(&self, source: &mut S) -> Result<PixelCnnPp<S::Conv>, String> {
        let head = self.head();
        let [features, context] = [head.feature_channels(), head.context_channels()];
        self.build_between(source, Channels { features, context, outputs: head.channels() })
    }

    /// The same between maps of so many channels.
    pub(in crate::nets) fn build_between<S: ParameterSource>(
        &self,
        source: &mut S,
        Channels { features, context, outputs }: Channels,
    ) -> Result<PixelCnnPp<S::Conv>, String> {
        let f = self.filters;
        let one = Geometry::centred(1);
        let there = self.stages(source, false)?;
        let back = self.stages(source, true)?;
        let last = match self.inputs {
            InputMode::NoiseNormalised => ConvSpec::plain(f, outputs, one, 0.1),
            _ => ConvSpec::normalised(f, outputs, one),
        };
        let last = source.conv("last", last)?;
        let mut first = |path, geometry| source.conv(path, ConvSpec::normalised(features, f, geometry));
        Ok(PixelCnnPp {
            u_first: first("u_first", Geometry::down(2, 3).shifted(1, 0))?,
            ul_above: first("ul_above", Geometry::down(1, 3).shifted(1, 0))?,
            ul_left: first("ul_left", Geometry::down_right(2, 1).shifted(0, 1))?,
            ul_context: match context {
                0 => None,
                _ => Some(source.conv("ul_context", ConvSpec::normalised(context, f, one))?),
            },
            there,
            back,
            last,
            config: self.clone(),
        })
    }

    /// The stages of the way down, or of the way up.
    fn stages<S: ParameterSource>(&self, source: &mut S, up: bool) -> Result<Vec<Stage<S::Conv>>, String> {
        let f = self.filters;
        let (down, right) = (Geometry::down(2, 3), Geometry::down_right(2, 2));
        let name = if up { "back" } else { "there" };
        // Streams that a block is skipped to from: on the way up one more.
        let skips = usize::from(up);
        let stage = |stage: usize| {
            let path = format!("{name}.{stage}");
            let blocks = self.blocks + usize::from(up && stage > 0);
            let mut column = |stream: &str, skips, geometry| {
                let block = |index| self.block(source, &format!("{path}.{stream}.{index}"), skips, geometry);
                (0..blocks).map(block).collect::<Result<Vec<_>, _>>()
            };
            let u = column("u", skips, down)?;
            let ul = column("ul", skips + 1, right)?;
            let mut next = None;
            if stage + 1 < self.stages {
                let mut layer = |index, geometry: Geometry| {
                    let spec = ConvSpec::normalised(f, f, geometry.strided(2));
                    source.conv(&format!("{path}.next.{index}"), spec)
                };
                next = Some([layer(0, down)?, layer(1, right)?]);
            }
            Ok(Stage { u, ul, next })
        };
        (0..self.stages).map(stage).collect()
    }

    fn block<S: ParameterSource>(
        &self,
        source: &mut S,
        path: &str,
        skips: usize,
        geometry: Geometry,
    ) -> Result<Block<S::Conv>, String> {
        let f = self.filters;
        let mut conv = |name, spec| source.conv(&format!("{path}.{name}"), spec);
        Ok(Block {
            first: conv("first", ConvSpec::normalised(2 * f, f, geometry))?,
            skip: match skips {
                0 => None,
                _ => {
                    let spec = ConvSpec::normalised(2 * skips * f, f, Geometry::centred(1));
                    Some(conv("skip", spec)?)
                }
            },
            second: conv("second", ConvSpec::normalised(2 * f, 2 * f, geometry))?,
            dropout: self.dropout,
        })
    }
}

impl<C> PixelCnnPp<C> {
    /// The forward pass.
    ///
    /// # Shapes
    /// `features`: (N, S, H, W), of which a pixel's own are never read for its result; `context`:
    /// (N, C, H, W), made of pixels before each; result: the head's outputs, (N, channels, H, W).
    pub(in crate::nets) fn forward<T: TensorLike<Conv = C>>(&self, features: &T, context: Option<&T>) -> T {
        let mut u = features.conv(&self.u_first);
        let mut ul = features.conv(&self.ul_above).plus(&features.conv(&self.ul_left));
        if let (Some(layer), Some(context)) = (&self.ul_context, context) {
            ul = ul.plus(&context.conv(layer));
        }
        let mut passed = vec![(u.clone(), ul.clone())];
        for stage in &self.there {
            for (block_u, block_ul) in stage.u.iter().zip(&stage.ul) {
                u = block_u.forward(&u, None);
                ul = block_ul.forward(&ul, Some(&u));
                passed.push((u.clone(), ul.clone()));
            }
            if let Some([halve_u, halve_ul]) = &stage.next {
                (u, ul) = (u.conv(halve_u), ul.conv(halve_ul));
                passed.push((u.clone(), ul.clone()));
            }
        }
        (u, ul) = passed.pop().expect("the first maps were passed");
        for stage in &self.back {
            for (block_u, block_ul) in stage.u.iter().zip(&stage.ul) {
                let (down_u, down_ul) = passed.pop().expect("as many blocks up as maps passed");
                u = block_u.forward(&u, Some(&down_u));
                ul = block_ul.forward(&ul, Some(&T::concat(&[u.clone(), down_ul])));
            }
            if let Some([double_u, double_ul]) = &stage.next {
                let like = &passed.last().expect("a finer stage was passed").0;
                (u, ul) = (u.conv_transpose(double_u, like), ul.conv_transpose(double_ul, like));
            }
        }
        debug_assert!(passed.is_empty());
        ul.elu().conv(&self.last)
    }
}

#[cfg(all(test, feature = "train"))]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
