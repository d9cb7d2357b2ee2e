//! The published form of temporal context: a transformer over co-located windows (VCT,
//! arXiv:2206.07307, section 3; TerraCodec, arXiv:2510.12670), without a causal mask.
//!
//! ```text
//! plane t-1 ─ 8 x 8 windows ─ + positions ─ [encoder block]x L ─┐
//! plane t-2 ─ 8 x 8 windows ─ + positions ─ [encoder block]x L ─┴─ [joint block]x L ─► 128 tokens
//! plane t-1 ─ 4 x 4 windows ─ + positions ─────────────────────── [decoder block]x L ─► 16 pixels
//! block: x + attention(norm x), then x + 1x1 gelu 1x1 (norm x); a decoder block attends to the 128
//! ```
//!
//! Tokens are pixels here, since there are no latents. The published decoder's tokens are those of
//! the current plane, each of which sees the ones before it; here that is PixelCNN++'s task, so
//! that the decoder begins with the pixels of the previous plane, and every window is computed
//! once.

use crate::parameters::{ConvSpec, Initial, ParameterSource};
use crate::tensor_like::TensorLike;
use nf_engine::{Geometry, Windows};

/// Windows of the current plane, and co-located ones of earlier planes.
const CURRENT: Windows = Windows::tiling(4);
const EARLIER: Windows = Windows { size: 8, stride: 4 };

/// Extents of a transformer.
pub(crate) struct TransformerSpec {
    /// Channels of the map that the tokens of all three parts are embedded from.
    pub(crate) inputs: usize,
    /// Channels of a token.
    pub(crate) filters: usize,
    /// Heads of an attention, of which the filters are a multiple.
    pub(crate) heads: usize,
    /// Channels of the layer between, over those of a token.
    pub(crate) expansion: usize,
    /// Blocks of each encoder, of the joint encoder, and of the decoder.
    pub(crate) blocks: [usize; 3],
}

/// Attention and a perceptron, each added to what it sees the normalised form of.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
struct Block<C, V> {
    norms: [[V; 2]; 2],
    query: C,
    key: C,
    value: C,
    mix: C,
    widen: C,
    narrow: C,
    heads: usize,
}

/// The transformer.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub(crate) struct Transformer<C, V> {
    embed: [C; 3],
    positions: [V; 3],
    encoders: [Vec<Block<C, V>>; 2],
    joint: Vec<Block<C, V>>,
    decoder: Vec<Block<C, V>>,
    norms: [[V; 2]; 2],
}

impl<C, V> Block<C, V> {
    fn build<S: ParameterSource<Conv = C, Array<1> = V>>(
        spec: &TransformerSpec,
        source: &mut S,
        path: &str,
    ) -> Result<Self, String> {
        let (d, expansion) = (spec.filters, spec.expansion);
        let norms =
            [norm(source, &format!("{path}.norms.0"), d)?, norm(source, &format!("{path}.norms.1"), d)?];
        let mut conv = |name: &str, inputs, outputs, gain| {
            let conv = ConvSpec::plain(inputs, outputs, Geometry::centred(1), gain);
            source.conv(&format!("{path}.{name}"), conv)
        };
        Ok(Self {
            norms,
            query: conv("query", d, d, 1.0)?,
            key: conv("key", d, d, 1.0)?,
            value: conv("value", d, d, 1.0)?,
            mix: conv("mix", d, d, 0.5)?,
            widen: conv("widen", d, expansion * d, 1.0)?,
            narrow: conv("narrow", expansion * d, d, 0.5)?,
            heads: spec.heads,
        })
    }

    /// Tokens that have seen `memory`, or where there is none each other.
    fn forward<T: TensorLike<Conv = C, Vector = V>>(&self, x: &T, memory: Option<&T>) -> T {
        let own = x.layer_norm(&self.norms[0]);
        let seen = memory.unwrap_or(&own);
        let attended =
            own.conv(&self.query).attention(&seen.conv(&self.key), &seen.conv(&self.value), self.heads);
        let x = x.plus(&attended.conv(&self.mix));
        x.plus(&x.layer_norm(&self.norms[1]).conv(&self.widen).gelu().conv(&self.narrow))
    }
}

impl<C, V> Transformer<C, V> {
    /// The network with parameters of this source.
    pub(crate) fn build<S: ParameterSource<Conv = C, Array<1> = V>>(
        spec: &TransformerSpec,
        source: &mut S,
    ) -> Result<Self, String> {
        let d = spec.filters;
        let embed = |source: &mut S, index: usize| {
            let conv = ConvSpec::plain(spec.inputs, d, Geometry::centred(1), 1.0);
            source.conv(&format!("embed.{index}"), conv)
        };
        let embed = [embed(source, 0)?, embed(source, 1)?, embed(source, 2)?];
        let tokens = [EARLIER.size * EARLIER.size, EARLIER.size * EARLIER.size, CURRENT.size * CURRENT.size];
        let mut positions = |index: usize| {
            let initial = Initial::Normal { deviation: 0.3 };
            source.array(&format!("positions.{index}"), [tokens[index] * d], initial)
        };
        let positions = [positions(0)?, positions(1)?, positions(2)?];
        let mut blocks = |name: &str, count: usize| -> Result<Vec<_>, String> {
            let block = |index| Block::build(spec, source, &format!("{name}.{index}"));
            (0..count).map(block).collect()
        };
        let [each, joint, decoder] = spec.blocks;
        let encoders = [blocks("encoders.0", each)?, blocks("encoders.1", each)?];
        let [joint, decoder] = [blocks("joint", joint)?, blocks("decoder", decoder)?];
        let norms = [norm(source, "norms.0", d)?, norm(source, "norms.1", d)?];
        Ok(Self { embed, positions, encoders, joint, decoder, norms })
    }

    /// # Shapes
    /// (N, inputs, H, W) to (N, filters, H, W).
    pub(crate) fn forward<T: TensorLike<Conv = C, Vector = V>>(&self, earlier: &T) -> T {
        let encoded = [0, 1].map(|index| {
            let tokens = earlier.conv(&self.embed[index]).windows(EARLIER);
            let tokens = tokens.add_to_rows(&self.positions[index]);
            self.encoders[index].iter().fold(tokens, |x, block| block.forward(&x, None))
        });
        let both = encoded[0].beside(&encoded[1]);
        let both = self.joint.iter().fold(both, |x, block| block.forward(&x, None));
        let both = both.layer_norm(&self.norms[0]);
        let own = earlier.conv(&self.embed[2]).windows(CURRENT).add_to_rows(&self.positions[2]);
        let own = self.decoder.iter().fold(own, |x, block| block.forward(&x, Some(&both)));
        own.layer_norm(&self.norms[1]).join_windows(CURRENT, earlier)
    }
}

/// Gain and bias of a layer normalisation.
fn norm<S: ParameterSource>(source: &mut S, path: &str, channels: usize) -> Result<[S::Array<1>; 2], String> {
    let mut numbers = |index: usize, value: f32| {
        source.array(&format!("{path}.{index}"), [channels], Initial::Values(vec![value; channels]))
    };
    Ok([numbers(0, 1.0)?, numbers(1, 0.0)?])
}
