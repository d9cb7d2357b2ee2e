//! Clipping of gradients by their joint norm.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use nf_models::total;
use std::marker::PhantomData;

/// Scales all gradients of a network by one factor so that their joint Euclidean norm is at most
/// `limit` (Pascanu et al., arXiv 1211.5063, algorithm 1). Returns the norm before.
///
/// Burn clips each parameter by itself, which turns the direction of the step; this does not.
pub fn clip_by_norm<M: Module>(net: &M, gradients: &mut GradientsParams, limit: f64) -> f64 {
    let mut squares = Squares { gradients, sum: 0.0, net: PhantomData::<M> };
    net.visit(&mut squares);
    let norm = squares.sum.sqrt();
    if norm > limit {
        net.visit(&mut Scale { gradients, factor: limit / norm, net: PhantomData::<M> });
    }
    norm
}

struct Squares<'a, M> {
    gradients: &'a mut GradientsParams,
    sum: f64,
    net: PhantomData<M>,
}

impl<M: Module> ModuleVisitor for Squares<'_, M> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sum += f64::from(total(gradient.square()).into_scalar::<f32>());
        }
    }
}

struct Scale<'a, M> {
    gradients: &'a mut GradientsParams,
    factor: f64,
    net: PhantomData<M>,
}

impl<M: Module> ModuleVisitor for Scale<'_, M> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::LinearConfig;
    use burn::tensor::Device;

    #[test]
    fn only_gradients_above_the_limit_are_scaled() {
        let device = Device::flex().autodiff();
        let layer = LinearConfig::new(1, 1).init(&device);
        let gradients = |weight: f32, bias: f32| {
            let mut gradients = GradientsParams::new();
            let plain = Device::flex();
            gradients.register(layer.weight.id, Tensor::<2>::from_floats([[weight]], &plain));
            let id = layer.bias.as_ref().unwrap().id;
            gradients.register(id, Tensor::<1>::from_floats([bias], &plain));
            gradients
        };
        let read = |gradients: &GradientsParams| {
            let weight = gradients.get::<2>(layer.weight.id).unwrap().into_scalar::<f32>();
            (weight, gradients.get::<1>(layer.bias.as_ref().unwrap().id).unwrap().into_scalar::<f32>())
        };
        let mut long = gradients(3.0, -4.0);
        assert_eq!(clip_by_norm(&layer, &mut long, 1.0), 5.0);
        let (weight, bias) = read(&long);
        assert!((weight - 0.6).abs() < 1e-6 && (bias + 0.8).abs() < 1e-6);
        let mut short = gradients(0.3, -0.4);
        clip_by_norm(&layer, &mut short, 1.0);
        assert_eq!(read(&short), (0.3, -0.4));
    }
}
