//! Weights for tests.

use crate::random::Random;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};

/// The module with noise added to every weight: some layers of a new network are zero and would
/// hide what they read.
pub(crate) fn with_noise<M: Module>(module: M, seed: u64, deviation: f32) -> M {
    module.map(&mut AddNoise { random: Random::new(seed), deviation })
}

struct AddNoise {
    random: Random,
    deviation: f32,
}

impl ModuleMapper for AddNoise {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims();
        let noise = (0..shape.iter().product()).map(|_| self.deviation * self.random.normal());
        let noise = TensorData::new(noise.collect::<Vec<f32>>(), shape);
        param.map(|old| {
            let noise = Tensor::from_data(noise, &old.device());
            old + noise
        })
    }
}
