//! The networks that see earlier planes in full, and give features of every pixel.

use super::earlier::EARLIER_CHANNELS;
use super::transformer::{Transformer, TransformerSpec};
use super::{ContextForm, TecConfig};
use crate::parameters::{ConvSpec, ParameterSource, Part};
use crate::tensor_like::TensorLike;
use nf_engine::Geometry;

/// One of the two forms: its convolutions `C` and vectors `V`. The other one is empty.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub(super) struct ContextNet<C, V> {
    convolution: Option<Convolution<C>>,
    transformer: Option<Transformer<C, V>>,
}

/// Convolutions and gated residual blocks, all centred.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
struct Convolution<C> {
    first: C,
    blocks: Vec<[C; 2]>,
}

impl<C, V> ContextNet<C, V> {
    /// The network with parameters of this source.
    pub(super) fn build<S: ParameterSource<Conv = C, Array<1> = V>>(
        config: &TecConfig,
        source: &mut S,
    ) -> Result<Self, String> {
        Ok(match config.context {
            ContextForm::Convolution => {
                Self { convolution: Some(Convolution::build(config, source)?), transformer: None }
            }
            ContextForm::Transformer => {
                let spec = TransformerSpec {
                    inputs: EARLIER_CHANNELS,
                    filters: config.context_filters,
                    heads: config.context_heads(),
                    expansion: 2,
                    blocks: [config.context_blocks; 3],
                };
                let source = &mut Part { source, name: "transformer" };
                Self { convolution: None, transformer: Some(Transformer::build(&spec, source)?) }
            }
        })
    }

    /// # Shapes
    /// (N, [`EARLIER_CHANNELS`], H, W) to (N, C, H, W).
    pub(super) fn forward<T: TensorLike<Conv = C, Vector = V>>(&self, earlier: &T) -> T {
        match (&self.convolution, &self.transformer) {
            (Some(net), _) => net.forward(earlier),
            (None, Some(net)) => net.forward(earlier),
            (None, None) => unreachable!("a context net has one of the two forms"),
        }
    }
}

impl<C> Convolution<C> {
    fn build<S: ParameterSource<Conv = C>>(config: &TecConfig, source: &mut S) -> Result<Self, String> {
        let (f, three) = (config.context_filters, Geometry::centred(3));
        let mut conv = |path: &str, inputs, outputs| {
            source.conv(&format!("convolution.{path}"), ConvSpec::normalised(inputs, outputs, three))
        };
        let first = conv("first", EARLIER_CHANNELS, f)?;
        let block = |block: usize| {
            let first = conv(&format!("blocks.{block}.0"), 2 * f, f)?;
            Ok([first, conv(&format!("blocks.{block}.1"), 2 * f, 2 * f)?])
        };
        Ok(Self { first, blocks: (0..config.context_blocks).map(block).collect::<Result<_, String>>()? })
    }

    fn forward<T: TensorLike<Conv = C>>(&self, earlier: &T) -> T {
        let mut x = earlier.conv(&self.first);
        for [first, second] in &self.blocks {
            x = x.gated_residual(first, second);
        }
        x
    }
}
