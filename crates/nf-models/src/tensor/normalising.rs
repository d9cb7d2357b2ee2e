//! Data-dependent initialisation of weight-normalised layers.

use super::Conv;
use crate::tensor_like::TensorLike;
use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;
use nf_engine::Windows;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A map that notes the mean and deviation of the output of every weight-normalised layer, and goes
/// on with the normalised output: data-dependent initialisation (arXiv:1602.07868, section 3).
#[derive(Clone)]
pub(crate) struct Normalising {
    map: Tensor<4>,
    notes: Rc<RefCell<Notes>>,
}

/// Statistics of the layers so far, (out) each.
#[derive(Default)]
struct Notes {
    /// By gain: one over the deviation.
    gains: HashMap<ParamId, Tensor<1>>,
    /// By bias: mean, and one over the deviation.
    biases: HashMap<ParamId, (Tensor<1>, Tensor<1>)>,
}

impl Normalising {
    pub(crate) fn new(map: Tensor<4>) -> Self {
        Self { map, notes: Rc::default() }
    }

    /// Another map of the same network.
    pub(crate) fn with(&self, map: Tensor<4>) -> Self {
        Self { map, notes: Rc::clone(&self.notes) }
    }

    /// `module` with gains and biases changed such that every layer noted has outputs of mean 0 and
    /// deviation 1.
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

impl TensorLike for Normalising {
    type Conv = Conv;
    type Vector = Param<Tensor<1>>;

    fn conv(&self, layer: &Conv) -> Self {
        self.note(layer, self.map.conv(layer))
    }

    fn conv_transpose(&self, layer: &Conv, like: &Self) -> Self {
        self.note(layer, self.map.conv_transpose(layer, &like.map))
    }

    fn concat_elu(&self) -> Self {
        self.with(self.map.concat_elu())
    }

    fn elu(&self) -> Self {
        self.with(TensorLike::elu(&self.map))
    }

    fn relu(&self) -> Self {
        self.with(TensorLike::relu(&self.map))
    }

    fn gate(&self) -> Self {
        self.with(self.map.gate())
    }

    fn plus(&self, other: &Self) -> Self {
        self.with(self.map.plus(&other.map))
    }

    fn concat(parts: &[Self]) -> Self {
        let maps: Vec<Tensor<4>> = parts.iter().map(|part| part.map.clone()).collect();
        parts[0].with(Tensor::<4>::concat(&maps))
    }

    fn depth_to_space(&self) -> Self {
        self.with(self.map.depth_to_space())
    }

    fn windows(&self, windows: Windows) -> Self {
        self.with(self.map.windows(windows))
    }

    fn join_windows(&self, windows: Windows, like: &Self) -> Self {
        self.with(self.map.join_windows(windows, &like.map))
    }

    fn beside(&self, other: &Self) -> Self {
        self.with(self.map.beside(&other.map))
    }

    fn add_to_rows(&self, numbers: &Param<Tensor<1>>) -> Self {
        self.with(self.map.add_to_rows(numbers))
    }

    fn layer_norm(&self, parameters: &[Param<Tensor<1>>; 2]) -> Self {
        self.with(self.map.layer_norm(parameters))
    }

    fn attention(&self, keys: &Self, values: &Self, heads: usize) -> Self {
        self.with(self.map.attention(&keys.map, &values.map, heads))
    }

    fn gelu(&self) -> Self {
        self.with(self.map.gelu())
    }
}

struct Initialise(Notes);

impl ModuleMapper for Initialise {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let change = if let Some(inverse) = self.0.gains.get(&param.id) {
            param.val() * along(inverse)
        } else if let Some((mean, inverse)) = self.0.biases.get(&param.id) {
            (param.val() - along(mean)) * along(inverse)
        } else {
            return param;
        };
        // Through data, so that the parameter is a leaf of later graphs.
        let data = change.into_data();
        param.map(|old| Tensor::from_data(data, &old.device()).set_require_grad(old.is_require_grad()))
    }
}

/// A vector as a tensor of `D` axes; only vectors are noted, so `D` is 1.
fn along<const D: usize>(vector: &Tensor<1>) -> Tensor<D> {
    vector.clone().reshape([-1; D])
}
