//! Parameters of new networks.

use super::Conv;
use crate::parameters::{ConvSpec, Initial, Order, ParameterSource};
use crate::random::Random;
use burn::module::{Param, ParamId};
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Random parameters on a device; equal seeds give equal ones on every device.
pub(crate) struct RandomParameters<'a> {
    random: Random,
    device: &'a Device,
}

impl<'a> RandomParameters<'a> {
    pub(crate) fn new(device: &'a Device, seed: u64) -> Self {
        Self { random: Random::new(seed), device }
    }

    /// What `build` makes of them.
    pub(crate) fn give<T>(mut self, build: impl FnOnce(&mut Self) -> Result<T, String>) -> T {
        build(&mut self).expect("there is a random parameter for every name and shape")
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), self.device)
    }
}

impl ParameterSource for RandomParameters<'_> {
    type Conv = Conv;
    type Array<const D: usize> = Param<Tensor<D>>;
    type Permutation = Param<Tensor<1, Int>>;

    fn conv(&mut self, _: &str, spec: ConvSpec) -> Result<Conv, String> {
        let ConvSpec { inputs, outputs, geometry, weight_normalised, gain, weights, bias } = spec;
        let [rows, columns] = geometry.kernel;
        let fan_in = inputs * rows * columns;
        let deviation = gain / (fan_in as f32).sqrt();
        // Drawn even where others are given: which numbers a layer gets depends on the seed and its
        // place alone.
        let drawn: Vec<f32> = (0..outputs * fan_in).map(|_| deviation * self.random.normal()).collect();
        let direction = self.tensor(weights.unwrap_or(drawn), [outputs, inputs, rows, columns]);
        let gain = weight_normalised.then(|| Tensor::ones([outputs], self.device));
        let bias = match bias {
            Some(bias) => self.tensor(bias, [outputs]),
            None => Tensor::zeros([outputs], self.device),
        };
        Ok(Conv::new(direction, gain, bias, geometry))
    }

    fn array<const D: usize>(
        &mut self,
        _: &str,
        shape: [usize; D],
        initial: Initial,
    ) -> Result<Param<Tensor<D>>, String> {
        let values = match initial {
            Initial::Values(values) => values,
            Initial::Normal { deviation } => {
                (0..shape.iter().product()).map(|_| deviation * self.random.normal()).collect()
            }
        };
        Ok(Param::from_tensor(self.tensor(values, shape)))
    }

    fn permutation(
        &mut self,
        _: &str,
        channels: usize,
        order: Order,
    ) -> Result<Param<Tensor<1, Int>>, String> {
        let order = match order {
            Order::Given(order) => order,
            Order::Random => self.random.permutation(channels),
        };
        let order: Vec<i64> = order.into_iter().map(|channel| channel as i64).collect();
        let order = Tensor::from_data(TensorData::new(order, [channels]), self.device);
        Ok(Param::initialized(ParamId::new(), order))
    }
}
