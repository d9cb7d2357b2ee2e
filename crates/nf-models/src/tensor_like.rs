//! What the layers of a network are applied to.

use nf_engine::{ConvLayer, SymbolicMap};
use std::sync::Arc;

/// A map of features, (N, C, H, W), and the operations that the networks are made of.
///
/// A network writes its forward pass once, generic over `TensorLike`. Run on tensors it trains; run
/// on a [`SymbolicMap`] it becomes the graph that the coder evaluates in fixed-order arithmetic.
pub(crate) trait TensorLike: Clone {
    /// A convolution that applies to such maps.
    type Conv;

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

    /// Elementwise sum.
    fn plus(&self, other: &Self) -> Self;

    /// Channels of all parts, in order.
    fn concat(parts: &[Self]) -> Self;

    /// `(N, 4 C, H, W)` to `(N, C, 2 H, 2 W)`: channel `4 c + 2 i + j` becomes pixel
    /// `(2 y + i, 2 x + j)` of `c`.
    fn depth_to_space(&self) -> Self;

    /// In training, sets elements to zero with this probability; otherwise does nothing.
    fn dropout(&self, _probability: f64) -> Self {
        self.clone()
    }
}

impl TensorLike for SymbolicMap {
    type Conv = Arc<ConvLayer>;

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
}
