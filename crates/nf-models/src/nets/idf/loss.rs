//! The information of latents on tensors, for training.

use super::flow::{Latents, forward};
use super::tensors::TensorArithmetic;
use super::{CENTRE, Dense, Idf, IdfConfig};
use crate::error::Result;
use crate::mixture::loss::mixture_bits;
use crate::network::{Trainable, TrainableNetwork};
use crate::tensor::{Conv, RandomParameters, total};
use burn::module::Param;
use burn::tensor::{Device, Int, Tensor};

/// The network as a module.
pub(crate) type Trained = Idf<Param<Tensor<1, Int>>, Dense<Conv>, Param<Tensor<3>>>;

impl TrainableNetwork for IdfConfig {
    type Module = Trained;

    const COPIES_OF_MAPS: f64 = 1.0;

    fn init(&self, device: &Device, seed: u64) -> Trained {
        RandomParameters::new(device, seed).give(|source| self.build(source))
    }
}

impl Trained {
    /// Its extents.
    pub fn config(&self) -> &IdfConfig {
        &self.config
    }
}

impl Trainable for Trained {
    /// H and W must be multiples of `2^levels`.
    fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        let samples: usize = tiles.dims().iter().product();
        let (arithmetic, x) = TensorArithmetic::new(&self.config, tiles)?;
        let Latents { levels, last } = forward(&arithmetic, &self.levels, x);
        let [n, c, h, w] = last.dims();
        let k = self.config.mixtures;
        let prior = self.prior.val().reshape([1, 3 * k * c, 1, 1]).expand([n, 3 * k * c, h, w]);
        let mut bits = latent_bits(last, prior, k, &arithmetic, None);
        for (level, z) in self.levels.iter().zip(levels) {
            let group = z.dims()[1] / (level.split.len() + 1);
            for (net, known) in level.split.iter().zip(1..) {
                let first = (level.split.len() + 1 - known) * group;
                let staying = z.clone().narrow(1, first, known * group);
                let leaving = z.clone().narrow(1, first - group, group);
                let local = arithmetic.local_log_scales(&staying, group);
                let outputs = arithmetic.outputs(net, &staying, local.as_ref());
                let k = self.config.split_mixtures();
                bits = bits + latent_bits(leaving, outputs, k, &arithmetic, local);
            }
        }
        Ok(bits / samples as f64)
    }
}

/// Information of latents (N, C, h, w), summed, in bits. Their outputs are (N, R * K * C, h, w), in
/// this order: weights, means and scales (R = 3), or means and scales (R = 2). Scales are relative
/// to `local`, (N, 1, h, w).
fn latent_bits(
    latents: Tensor<4>,
    outputs: Tensor<4>,
    k: usize,
    arithmetic: &TensorArithmetic,
    local: Option<Tensor<4>>,
) -> Tensor<1> {
    let [n, c, h, w] = latents.dims();
    let parts = outputs.dims()[1] / (k * c);
    let part = |at: usize| outputs.clone().narrow(1, at * k * c, k * c);
    // Channels take the place of tiles.
    let flat = |map: Tensor<4>| map.reshape([n, k, c, h * w]).swap_dims(1, 2).reshape([n * c, k, h, w]);
    let means = flat(arithmetic.times_scale(part(parts - 2))) + CENTRE;
    let unit = local.map_or_else(|| arithmetic.log_scale(), |local| local + arithmetic.log_scale());
    let log_scales = flat(part(parts - 1) + unit);
    let logits = if parts > 2 { flat(part(0)) } else { means.zeros_like() };
    let symbols = latents.reshape([n * c, 1, h, w]) + CENTRE;
    total(mixture_bits(symbols, logits, means, log_scales, 65_535.0))
}
