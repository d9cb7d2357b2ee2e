//! What the layers of a network are applied to.

use nf_engine::{ConvLayer, SymbolicMap, Windows};
use std::sync::Arc;

/// A map of features, (N, C, H, W), and the operations that the networks are made of.
///
/// A network writes its forward pass once, generic over `TensorLike`. Run on tensors it trains; run
/// on a [`SymbolicMap`] it becomes the graph that the coder evaluates in fixed-order arithmetic.
pub(crate) trait TensorLike: Clone {
    /// A convolution that applies to such maps.
    type Conv;

    /// Numbers in a row that apply to such maps.
    type Vector;

    /// The convolution `layer`.
    fn conv(&self, layer: &Self::Conv) -> Self;

    /// The transposed convolution `layer` of stride 2, with the extents of `like`.
    fn conv_transpose(&self, layer: &Self::Conv, like: &Self) -> Self;

    /// `[elu(x), elu(-x)]`, twice the channels.
    fn concat_elu(&self) -> Self;

    /// `x` where positive, else `exp(x) - 1`.
    fn elu(&self) -> Self;

    /// `max(x, 0)`.
    fn relu(&self) -> Self;

    /// `a * sigmoid(b)` for the two halves `[a, b]` of the channels.
    fn gate(&self) -> Self;

    /// A residual block: two convolutions behind concatenated ELUs, and a gate.
    fn gated_residual(&self, first: &Self::Conv, second: &Self::Conv) -> Self {
        self.plus(&self.concat_elu().conv(first).concat_elu().conv(second).gate())
    }

    /// Elementwise sum.
    fn plus(&self, other: &Self) -> Self;

    /// Channels of all parts, in order.
    fn concat(parts: &[Self]) -> Self;

    /// `(N, 4 C, H, W)` to `(N, C, 2 H, 2 W)`: channel `4 c + 2 i + j` becomes pixel
    /// `(2 y + i, 2 x + j)` of `c`.
    fn depth_to_space(&self) -> Self;

    /// Windows as rows of tokens: (N, C, H, W) to (N, C, windows, tokens).
    fn windows(&self, windows: Windows) -> Self;

    /// Rows of tokens as a map with the extents of `like`, which these windows tile.
    fn join_windows(&self, windows: Windows, like: &Self) -> Self;

    /// The columns of both maps side by side.
    fn beside(&self, other: &Self) -> Self;

    /// The same numbers (tokens, channels) added to every row.
    fn add_to_rows(&self, numbers: &Self::Vector) -> Self;

    /// Layer normalisation over the channels, with their gain and bias.
    fn layer_norm(&self, parameters: &[Self::Vector; 2]) -> Self;

    /// Attention of these tokens to the keys and values of their row, with so many heads.
    fn attention(&self, keys: &Self, values: &Self, heads: usize) -> Self;

    /// `x * sigmoid(1.702 x)`.
    fn gelu(&self) -> Self;

    /// In training, sets elements to zero with this probability; otherwise does nothing.
    fn dropout(&self, _probability: f64) -> Self {
        self.clone()
    }
}

impl TensorLike for SymbolicMap {
    type Conv = Arc<ConvLayer>;
    type Vector = Vec<f32>;

    fn conv(&self, layer: &Arc<ConvLayer>) -> Self {
        self.conv(layer)
    }

    fn conv_transpose(&self, layer: &Arc<ConvLayer>, like: &Self) -> Self {
        self.conv_transpose(layer, like)
    }

    fn concat_elu(&self) -> Self {
        self.concat_elu()
    }

    fn elu(&self) -> Self {
        self.elu()
    }

    fn relu(&self) -> Self {
        self.relu()
    }

    fn gate(&self) -> Self {
        self.gate()
    }

    fn plus(&self, other: &Self) -> Self {
        self.add(other)
    }

    fn concat(parts: &[Self]) -> Self {
        Self::concat(parts)
    }

    fn depth_to_space(&self) -> Self {
        self.depth_to_space()
    }

    fn windows(&self, windows: Windows) -> Self {
        self.windows(windows)
    }

    fn join_windows(&self, windows: Windows, like: &Self) -> Self {
        self.join_windows(windows, like)
    }

    fn beside(&self, other: &Self) -> Self {
        self.beside(other)
    }

    fn add_to_rows(&self, numbers: &Vec<f32>) -> Self {
        self.add_to_rows(numbers.clone())
    }

    fn layer_norm(&self, [gain, bias]: &[Vec<f32>; 2]) -> Self {
        self.layer_norm(gain.clone(), bias.clone())
    }

    fn attention(&self, keys: &Self, values: &Self, heads: usize) -> Self {
        self.attention(keys, values, heads)
    }

    fn gelu(&self) -> Self {
        self.gelu()
    }
}
