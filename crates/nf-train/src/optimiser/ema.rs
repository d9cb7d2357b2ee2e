//! An exponential moving average of weights, the one that is validated and kept.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;

/// Moves `average` towards `net` by one step: `average = d average + (1 - d) net`, where `d` is
/// [`decay_at`] of the number of steps before. The average keeps no gradients.
///
/// # Panics
/// If the two are not modules of the same architecture.
pub fn average_weights<M: Module>(average: M, net: &M, decay: f64) -> M {
    let mut weights = Weights(TensorContainer::new());
    net.visit(&mut weights);
    average.map(&mut Average { weights: weights.0, decay })
}

/// Decay of the average after `steps` steps: `min(decay, (1 + steps) / (10 + steps))`, so that the
/// first weights, which mean nothing, are soon forgotten (the ramp of TensorFlow's moving average).
pub fn decay_at(decay: f64, steps: u64) -> f64 {
    decay.min((1.0 + steps as f64) / (10.0 + steps as f64))
}

struct Weights(TensorContainer<ParamId>);

impl ModuleVisitor for Weights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val().inner());
    }
}

struct Average {
    weights: TensorContainer<ParamId>,
    decay: f64,
}

impl ModuleMapper for Average {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let weights: Tensor<D> = self.weights.remove(&param.id).expect("both modules have the parameter");
        param.map(|average| average.mul_scalar(self.decay) + weights.mul_scalar(1.0 - self.decay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    fn weights(layer: &Linear) -> Vec<f32> {
        layer.weight.val().into_data().iter().collect()
    }

    #[test]
    fn decay_rises_to_its_limit() {
        assert_eq!(decay_at(0.999, 0), 0.1);
        assert_eq!(decay_at(0.999, 90), 0.91);
        assert_eq!(decay_at(0.999, 1_000_000), 0.999);
    }

    #[test]
    fn average_moves_towards_the_weights() {
        let net = LinearConfig::new(3, 2).init(&Device::flex().autodiff());
        let start = net.valid();
        let moved = net.clone().map(&mut Double);
        let average = average_weights(start.clone(), &moved, 0.75);
        for (average, start) in weights(&average).iter().zip(weights(&start)) {
            assert!((average - 1.25 * start).abs() < 1e-6);
        }
        assert_eq!(weights(&average_weights(start, &moved, 0.0)), weights(&moved.valid()));
    }

    struct Double;

    impl ModuleMapper for Double {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|weights| weights.inner().mul_scalar(2.0).autodiff())
        }
    }
}
