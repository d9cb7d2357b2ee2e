//! L3C on tensors, for training.

use super::{L3c, L3cConfig, PRIOR_GAIN};
use crate::error::{Error, Result};
use crate::mixture::loss::mixture_bits;
use crate::network::{Trainable, TrainableNetwork};
use crate::tensor::{Conv, RandomParameters, total};
use burn::module::Param;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};

/// Steepness of the soft quantiser (section 3.3 of the paper).
const SOFTNESS: f64 = 2.0;

/// The network as a module.
pub(crate) type Trained = L3c<Conv, Param<Tensor<1>>>;

impl TrainableNetwork for L3cConfig {
    type Module = Trained;

    const COPIES_OF_MAPS: f64 = 1.5;

    fn init(&self, device: &Device, seed: u64) -> Trained {
        RandomParameters::new(device, seed).give(|source| self.build(source))
    }
}

impl Trained {
    /// Its extents.
    pub fn config(&self) -> &L3cConfig {
        &self.config
    }

    /// Nearest levels, with the gradient of a soft assignment (eq. 2 and 3).
    fn quantise(&self, z: Tensor<4>) -> Tensor<4> {
        let levels = self.config.levels;
        let middle = self.config.middle();
        let hard = ((z.clone().clamp(-1.0, 1.0) + 1.0) * middle + 0.5).floor() / middle - 1.0;
        let places: Vec<f32> = (0..levels).map(|level| level as f32 / middle - 1.0).collect();
        let places = Tensor::<1>::from_data(TensorData::new(places, [levels]), &z.device())
            .reshape([1, 1, 1, 1, levels]);
        let distances = z.unsqueeze_dim::<5>(4) - places.clone();
        let weights = softmax(distances.square() * -SOFTNESS, 4);
        let soft: Tensor<4> = (weights * places).sum_dim(4).squeeze_dim(4);
        soft.clone() + (hard - soft).detach()
    }

    /// Information of levels (N, C, h, w) of one scale under their outputs (N, C * 3 K, h, w).
    fn level_bits(&self, levels: Tensor<4>, outputs: Tensor<4>, scale: usize) -> Tensor<4> {
        let [n, c, h, w] = levels.dims();
        let k = self.config.mixtures;
        let middle = self.config.middle();
        let outputs = outputs.reshape([n * c, 3 * k, h, w]);
        let part = |at: usize| outputs.clone().narrow(1, at * k, k);
        let index = ((levels + 1.0) * middle).reshape([n * c, 1, h, w]);
        let means = (part(1) + 1.0) * middle;
        let log_scales = part(2) + self.config.first_log_scale(scale);
        mixture_bits(index, part(0), means, log_scales, (self.config.levels - 1) as f32)
    }
}

impl Trainable for Trained {
    /// That of all z included; H and W must be multiples of `2^scales`.
    fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        let [n, planes, height, width] = tiles.dims();
        let step = 1 << self.config.scales;
        if height % step != 0 || width % step != 0 {
            let scales = self.config.scales;
            let expected = format!("heights and widths that are multiples of {step}, for {scales} scales");
            return Err(Error::Tiles { found: vec![n, planes, height, width], expected });
        }
        let inputs = self.config.head().prepare(tiles)?;
        let mut x = inputs.features.clone();
        let mut quantised = vec![];
        for scale in &self.scales {
            let [features, z] = scale.encode(&x);
            quantised.push(self.quantise(z));
            x = features;
        }
        let coarsest = quantised.last().expect("at least one scale").clone();
        let mut bits = match &self.prior {
            Some(prior) => {
                let [n, _, h, w] = coarsest.dims();
                let count = self.config.level_outputs();
                let outputs = (prior.val() * PRIOR_GAIN).reshape([1, count, 1, 1]).expand([n, count, h, w]);
                total(self.level_bits(coarsest, outputs, self.scales.len() - 1))
            }
            None => total(coarsest.ones_like()) * (self.config.levels as f64).log2(),
        };
        let mut features: Option<Tensor<4>> = None;
        for (index, scale) in self.scales.iter().enumerate().rev() {
            let [finer, parallel] = scale.decode(&quantised[index], features.as_ref());
            features = Some(finer);
            if index > 0 {
                let outputs = scale.outputs(&parallel);
                bits = bits + total(self.level_bits(quantised[index - 1].clone(), outputs, index - 1));
            } else {
                let outputs = self.sample_outputs(&parallel, inputs.context.as_ref());
                bits = bits + total(self.config.head().bits(outputs, &inputs));
            }
        }
        Ok(bits / (n * planes * height * width) as f64)
    }
}
