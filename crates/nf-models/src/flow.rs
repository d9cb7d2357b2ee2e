//! What a net's layers are applied to.
//!
//! A net writes its signal flow once, generic over [`Flow`]. Run on tensors it trains; run on a
//! [`Recorder`](crate::engine::Recorded) it becomes the graph that the coder evaluates in fixed-order arithmetic.

use crate::conv::Conv;
use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Distribution, Tensor};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A map of features, (N, C, H, W), and the operations that the nets are made of.
pub trait Flow: Clone {
    /// The convolution `layer`.
    fn conv(&self, layer: &Conv) -> Self;

    /// The transposed convolution `layer` of stride 2, to the extents of `like`.
    fn spread(&self, layer: &Conv, like: &Self) -> Self;

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

    /// `(N, 4 C, H, W)` to `(N, C, 2 H, 2 W)`: channel `4 c + 2 i + j` becomes pixel `(2 y + i, 2 x + j)` of `c`.
    fn depth_to_space(&self) -> Self;

    /// While training, zeroes elements with this probability; otherwise nothing.
    fn dropout(&self, _probability: f64) -> Self {
        self.clone()
    }
}

impl Flow for Tensor<4> {
    fn conv(&self, layer: &Conv) -> Self {
        layer.forward(self.clone())
    }

    fn spread(&self, layer: &Conv, like: &Self) -> Self {
        let [_, _, height, width] = like.dims();
        layer.spread(self.clone(), height, width)
    }

    fn concat_elu(&self) -> Self {
        Flow::elu(&Tensor::cat(vec![self.clone(), self.clone().neg()], 1))
    }

    fn elu(&self) -> Self {
        // Burn's own takes the exponential of positive numbers too, and where that overflows its gradient is 0 * inf.
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

    fn dropout(&self, probability: f64) -> Self {
        if probability == 0.0 || !self.device().is_autodiff() {
            return self.clone();
        }
        let kept = self.random_like(Distribution::Bernoulli(1.0 - probability));
        self.clone() * kept / (1.0 - probability)
    }
}

/// A map that notes the mean and deviation of what every weight-normalised layer gives, and goes on with the
/// normalised map: data-dependent initialisation (arXiv:1602.07868, section 3).
#[derive(Clone)]
pub(crate) struct Observed {
    map: Tensor<4>,
    notes: Rc<RefCell<Notes>>,
}

/// What was seen of the layers so far, (out) each.
#[derive(Default)]
struct Notes {
    /// By gain: one over the deviation.
    gains: HashMap<ParamId, Tensor<1>>,
    /// By bias: mean, and one over the deviation.
    biases: HashMap<ParamId, (Tensor<1>, Tensor<1>)>,
}

impl Observed {
    pub(crate) fn new(map: Tensor<4>) -> Self {
        Self { map, notes: Rc::default() }
    }

    /// Another map of the same net.
    pub(crate) fn with(&self, map: Tensor<4>) -> Self {
        Self { map, notes: Rc::clone(&self.notes) }
    }

    /// `module` with gains and biases changed such that every layer noted has outputs of mean 0 and deviation 1.
    pub(crate) fn initialise<M: Module>(self, module: M) -> M {
        module.map(&mut Initialise(self.notes.take()))
    }

    fn note(&self, layer: &Conv, map: Tensor<4>) -> Self {
        let Some(gain) = &layer.gain else { return self.with(map) };
        let channels = map.dims()[1];
        let mean = map.clone().mean_dims(&[0, 2, 3]);
        let centred = map - mean.clone();
        let inverse = (centred.clone().square().mean_dims(&[0, 2, 3]) + 1e-6).sqrt().recip();
        let normalised = centred * inverse.clone();
        let (mean, inverse) = (mean.reshape([channels]), inverse.reshape([channels]));
        let mut notes = self.notes.borrow_mut();
        notes.gains.insert(gain.id, inverse.clone());
        notes.biases.insert(layer.bias.id, (mean, inverse));
        drop(notes);
        self.with(normalised)
    }
}

impl Flow for Observed {
    fn conv(&self, layer: &Conv) -> Self {
        self.note(layer, self.map.conv(layer))
    }

    fn spread(&self, layer: &Conv, like: &Self) -> Self {
        self.note(layer, Flow::spread(&self.map, layer, &like.map))
    }

    fn concat_elu(&self) -> Self {
        self.with(self.map.concat_elu())
    }

    fn elu(&self) -> Self {
        self.with(self.map.elu())
    }

    fn relu(&self) -> Self {
        self.with(self.map.relu())
    }

    fn gate(&self) -> Self {
        self.with(self.map.gate())
    }

    fn plus(&self, other: &Self) -> Self {
        self.with(self.map.plus(&other.map))
    }

    fn concat(parts: &[Self]) -> Self {
        let maps: Vec<Tensor<4>> = parts.iter().map(|part| part.map.clone()).collect();
        parts[0].with(Flow::concat(&maps))
    }

    fn depth_to_space(&self) -> Self {
        self.with(self.map.depth_to_space())
    }
}

struct Initialise(Notes);

impl ModuleMapper for Initialise {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let change = if let Some(inverse) = self.0.gains.get(&param.id) {
            param.val() * spread_over(inverse)
        } else if let Some((mean, inverse)) = self.0.biases.get(&param.id) {
            (param.val() - spread_over(mean)) * spread_over(inverse)
        } else {
            return param;
        };
        // Through data, so that the parameter is a leaf of later graphs.
        let data = change.into_data();
        param.map(|old| Tensor::from_data(data, &old.device()).set_require_grad(old.is_require_grad()))
    }
}

/// A vector as a tensor of `D` axes; only vectors are noted, so `D` is 1.
fn spread_over<const D: usize>(vector: &Tensor<1>) -> Tensor<D> {
    vector.clone().reshape([-1; D])
}
