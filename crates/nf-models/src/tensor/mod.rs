//! What training adds: the layers on Burn's tensors.

mod conv;
pub(crate) mod host_tiles;
mod module_weights;
#[cfg(test)]
mod noise;
mod normalising;
mod random_parameters;
mod sum;
mod tokens;

pub(crate) use conv::Conv;
pub(crate) use module_weights::{weights_of, with_weights};
#[cfg(test)]
pub(crate) use noise::with_noise;
pub(crate) use normalising::Normalising;
pub(crate) use random_parameters::RandomParameters;
pub use sum::total;

use crate::tensor_like::TensorLike;
use burn::module::Param;
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Distribution, Tensor};
use nf_engine::Windows;
use nf_engine::math::GELU_SLOPE;

impl TensorLike for Tensor<4> {
    type Conv = Conv;
    type Vector = Param<Tensor<1>>;

    fn conv(&self, layer: &Conv) -> Self {
        layer.forward(self.clone())
    }

    fn conv_transpose(&self, layer: &Conv, like: &Self) -> Self {
        let [_, _, height, width] = like.dims();
        layer.transpose(self.clone(), height, width)
    }

    fn concat_elu(&self) -> Self {
        TensorLike::elu(&Tensor::cat(vec![self.clone(), self.clone().neg()], 1))
    }

    fn elu(&self) -> Self {
        // Burn's own takes the exponential of positive numbers too, and where that overflows its
        // gradient is 0 * inf.
        relu(self.clone()) + self.clone().clamp_max(0.0).exp() - 1.0
    }

    fn relu(&self) -> Self {
        relu(self.clone())
    }

    fn gate(&self) -> Self {
        let half = self.dims()[1] / 2;
        self.clone().narrow(1, 0, half) * sigmoid(self.clone().narrow(1, half, half))
    }

    fn plus(&self, other: &Self) -> Self {
        self.clone() + other.clone()
    }

    fn concat(parts: &[Self]) -> Self {
        Tensor::cat(parts.to_vec(), 1)
    }

    fn depth_to_space(&self) -> Self {
        let [n, c, h, w] = self.dims();
        let parts = self.clone().reshape([n, c / 4, 2, 2, h, w]);
        parts.permute([0, 1, 4, 2, 5, 3]).reshape([n, c / 4, 2 * h, 2 * w])
    }

    fn windows(&self, windows: Windows) -> Self {
        tokens::windows(self, windows)
    }

    fn join_windows(&self, windows: Windows, like: &Self) -> Self {
        tokens::join_windows(self, windows, like)
    }

    fn beside(&self, other: &Self) -> Self {
        Tensor::cat(vec![self.clone(), other.clone()], 3)
    }

    fn add_to_rows(&self, numbers: &Param<Tensor<1>>) -> Self {
        tokens::add_to_rows(self, numbers.val())
    }

    fn layer_norm(&self, [gain, bias]: &[Param<Tensor<1>>; 2]) -> Self {
        tokens::layer_norm(self, [gain.val(), bias.val()])
    }

    fn attention(&self, keys: &Self, values: &Self, heads: usize) -> Self {
        tokens::attention([self, keys, values], heads)
    }

    fn gelu(&self) -> Self {
        self.clone() * sigmoid(self.clone() * GELU_SLOPE)
    }

    fn dropout(&self, probability: f64) -> Self {
        if probability == 0.0 || !self.device().is_autodiff() {
            return self.clone();
        }
        let kept = self.random_like(Distribution::Bernoulli(1.0 - probability));
        self.clone() * kept / (1.0 - probability)
    }
}
