//! Rate and distortion on tensors, for training.

use super::plane_scale::PlaneScale;
use super::prior::{PHASES, is_known, is_of};
use super::{TecLossy, TecLossyConfig};
use crate::error::{Error, Result};
use crate::mixture::MAX_LEVELS;
use crate::mixture::loss::mixture_bits;
use crate::network::{Trainable, TrainableNetwork};
use crate::tensor::host_tiles::{HostTiles, tensor};
use crate::tensor::{Conv, RandomParameters};
use crate::tile::Tile;
use burn::module::Param;
use burn::tensor::{Device, Distribution, Tensor};

/// Beyond so many noise units an error counts linearly: stars that are brighter than anything else
/// would take all of the gradient.
const LINEAR_FROM: f64 = 6.0;

/// The network as a module.
pub(crate) type Trained = TecLossy<Conv, Param<Tensor<1>>>;

impl TrainableNetwork for TecLossyConfig {
    type Module = Trained;

    const COPIES_OF_MAPS: f64 = 4.0;

    fn init(&self, device: &Device, seed: u64) -> Trained {
        RandomParameters::new(device, seed).give(|source| self.build(source))
    }
}

/// What coding tiles gives.
pub(super) struct RateDistortion {
    /// Bits per pixel of every tile, (N).
    pub(super) rate: Tensor<1>,
    /// Mean square error of every tile in noise units, (N); large errors count linearly.
    pub(super) distortion: Tensor<1>,
}

/// The nearest integers, with the gradient of what they are nearest to.
fn rounded(x: Tensor<4>) -> Tensor<4> {
    let nearest = (x.clone() + 0.5).floor();
    x.clone() + (nearest - x).detach()
}

/// A map of ones where `is` holds, else zeros: (1, 1, h, w).
fn mask(h: usize, w: usize, is: impl Fn(usize, usize) -> bool, device: &Device) -> Tensor<4> {
    let values = (0..h * w).map(|at| f32::from(u8::from(is(at / w, at % w)))).collect();
    tensor(values, [1, 1, h, w], device)
}

/// Gains of the tiles of a batch, (N, C, 1, 1), and their qualities.
struct Gains {
    logarithms: Tensor<4>,
    quality: Tensor<4>,
}

impl Trained {
    /// Its extents.
    pub fn config(&self) -> &TecLossyConfig {
        &self.config
    }

    /// The quality of tile n: tiles take turns.
    fn quality_of(&self, n: usize) -> usize {
        n % self.config.qualities()
    }

    fn gains(&self, tiles: usize, device: &Device) -> Gains {
        let c = self.config.latents;
        let all = self.log_gains.val();
        let rows = (0..tiles).map(|n| all.clone().narrow(0, self.quality_of(n) * c, c));
        let logarithms = Tensor::cat(rows.collect(), 0).reshape([tiles, c, 1, 1]);
        let share = |n| self.config.quality_share(16 * self.quality_of(n));
        let quality = tensor((0..tiles).map(share).collect(), [tiles, 1, 1, 1], device);
        Gains { logarithms, quality }
    }

    /// Latents of a plane, and bits per tile (N), given those of earlier planes.
    fn code(&self, z: &Tensor<4>, earlier: &Tensor<4>, gains: &Gains) -> (Tensor<4>, Tensor<1>) {
        let ([n, c, h, w], device) = (z.dims(), z.device());
        let tokens = self.prior.tokens(earlier);
        let middle = (MAX_LEVELS / 2) as f64;
        let gain = gains.logarithms.clone().exp();
        let mut known = z.zeros_like();
        let mut bits = Tensor::zeros([n], &device);
        for phase in 0..PHASES.len() {
            let before = mask(h, w, |y, x| is_known(phase, y, x), &device).expand([n, 1, h, w]);
            let quality = gains.quality.clone().expand([n, 1, h, w]);
            let seen = Tensor::cat(vec![known.clone(), before, quality], 1);
            let distributions = self.prior.distributions(&seen, &tokens);
            let (means, log_scales) = (distributions.clone().narrow(1, 0, c), distributions.narrow(1, c, c));
            let exact = (z.clone() - means.clone()) * gain.clone();
            let integers = rounded(exact.clone());
            // As in Ballé et al. 2017 (arXiv:1611.01704), noise stands for rounding, so that rates
            // have gradients; the synthesis gets what is rounded.
            let coded = match z.device().is_autodiff() {
                true => exact.clone() + exact.random_like(Distribution::Uniform(-0.5, 0.5)),
                false => integers.clone(),
            };
            let flat = |map: Tensor<4>| map.reshape([n * c, 1, h, w]);
            let log_scales = log_scales + gains.logarithms.clone();
            let zeros = flat(z.zeros_like());
            let information = mixture_bits(
                flat(coded + middle),
                zeros.clone(),
                zeros + middle,
                flat(log_scales),
                (MAX_LEVELS - 1) as f32,
            );
            let own = mask(h, w, |y, x| is_of(phase, y, x), &device).expand([n, 1, h, w]);
            let information = information.reshape([n, c, h, w]) * own.clone();
            bits = bits + information.reshape([n, c * h * w]).sum_dim(1).reshape([n]);
            known = known + (means + integers / gain.clone()) * own;
        }
        (known, bits)
    }

    /// Rate and distortion of raw samples.
    pub(super) fn rate_distortion(&self, tiles: &Tensor<4>) -> Result<RateDistortion> {
        let host = HostTiles::of(tiles, self.config.planes)?;
        let [n, planes, h, w] = host.extents;
        let step = self.config.step();
        if !h.is_multiple_of(step) || !w.is_multiple_of(step) {
            let expected = format!("heights and widths that are multiples of {step}");
            return Err(Error::Tiles { found: host.extents.to_vec(), expected });
        }
        let mut values = Vec::with_capacity(host.samples.len());
        for samples in host.samples.chunks(planes * h * w) {
            let tile = Tile::known(h, w, samples.to_vec());
            for (plane, samples) in samples.chunks(h * w).enumerate() {
                let scale = PlaneScale::new(tile.stats[plane], self.config.shot_noise);
                values.extend(samples.iter().map(|&sample| scale.to_noise_units(sample)));
            }
        }
        let device = tiles.device();
        let x = tensor(values, [n * planes, 1, h, w], &device);
        let z = self.analysis.forward(&x);
        let c = self.config.latents;
        let (rows, columns) = (h / step, w / step);
        let z = z.reshape([n, planes * c, rows, columns]);
        let gains = self.gains(n, &device);
        let mut latents: Vec<Tensor<4>> = vec![];
        let mut bits = Tensor::zeros([n], &device);
        for plane in 0..planes {
            let own = z.clone().narrow(1, plane * c, c);
            let (last, before) = match &latents[..] {
                [] => (own.zeros_like(), own.zeros_like()),
                [only] => (only.clone(), only.clone()),
                [.., before, last] => (last.clone(), before.clone()),
            };
            let there = mask(rows, columns, |_, _| plane > 0, &device).expand([n, 1, rows, columns]);
            let earlier = Tensor::cat(vec![last, before, there], 1);
            let (coded, own_bits) = self.code(&own, &earlier, &gains);
            latents.push(coded);
            bits = bits + own_bits;
        }
        let latents = Tensor::cat(latents, 1).reshape([n * planes, c, rows, columns]);
        let error = (self.synthesis.forward(&latents) - x).abs();
        let square = error.clone().clamp_max(LINEAR_FROM).square();
        let beyond = (error - LINEAR_FROM).clamp_min(0.0) * (2.0 * LINEAR_FROM);
        let distortion = (square + beyond).reshape([n, planes * h * w]).mean_dim(1).reshape([n]);
        Ok(RateDistortion { rate: bits / (planes * h * w) as f64, distortion })
    }
}

impl Trainable for Trained {
    /// Not bits alone: bits per pixel plus what the distortion costs in the quality of each tile,
    /// which takes turns, averaged over tiles. A batch, or each part of it where a step is computed
    /// in parts, should have a tile of every quality.
    fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        let n = tiles.dims()[0];
        let RateDistortion { rate, distortion } = self.rate_distortion(&tiles)?;
        let weights: Vec<f32> =
            (0..n).map(|n| self.config.distortion_weights[self.quality_of(n)] as f32).collect();
        let weights = Tensor::<1>::from_data(&weights[..], &tiles.device());
        Ok((rate + weights * distortion).mean())
    }
}
