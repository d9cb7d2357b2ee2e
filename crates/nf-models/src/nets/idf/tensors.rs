//! Batches of tiles as tensors, for training: the flow with gradients.

use super::flow::Arithmetic;
use super::{Dense, IdfConfig};
use crate::error::{Error, Result};
use crate::tensor::Conv;
use crate::tensor::host_tiles::{HostTiles, tensor};
use crate::tile_stats::TileStats;
use burn::module::Param;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Int, Tensor};

/// Arithmetic on integers that tensors of f32 hold exactly, with gradients as if nothing were
/// rounded.
pub(super) struct TensorArithmetic {
    /// Per tile, in samples: (N, 1, 1, 1).
    scale: Tensor<4>,
    noise_normalised: bool,
}

impl TensorArithmetic {
    /// The arithmetic for tiles of raw samples, and these as integers around zero, (N, P, H, W).
    pub(super) fn new(config: &IdfConfig, samples: Tensor<4>) -> Result<(Self, Tensor<4>)> {
        let tiles = HostTiles::of(&samples, config.planes)?;
        let [n, planes, height, width] = tiles.extents;
        let step = 1 << config.levels;
        if height % step != 0 || width % step != 0 {
            let levels = config.levels;
            let expected = format!("heights and widths that are multiples of {step}, for {levels} levels");
            return Err(Error::Tiles { found: tiles.extents.to_vec(), expected });
        }
        let device = samples.device();
        let (mut locations, mut scales) = (vec![], vec![]);
        for tile in 0..n {
            let stats: Vec<TileStats> =
                (0..planes).map(|plane| TileStats::of(tiles.plane(tile, plane), width)).collect();
            locations.extend(stats.iter().map(|&stats| config.location(stats)));
            scales.push(config.scale(&stats));
        }
        let values = wrap(samples - tensor(locations, [n, planes, 1, 1], &device));
        let scale = tensor(scales, [n, 1, 1, 1], &device);
        Ok((Self { scale, noise_normalised: config.noise_normalised() }, values))
    }

    /// Natural logarithm of the scale of each tile.
    pub(super) fn log_scale(&self) -> Tensor<4> {
        self.scale.clone().log()
    }

    /// Latents in units of the scale.
    fn divided(&self, latents: &Tensor<4>) -> Tensor<4> {
        latents.clone() / self.scale.clone()
    }

    /// The same as networks see them, how far apart integers are in units of the scale, and the
    /// local scale where there is one.
    fn compressed(&self, latents: &Tensor<4>, local: Option<&Tensor<4>>) -> Tensor<4> {
        let divided = self.divided(latents);
        if !self.noise_normalised {
            return divided;
        }
        let [n, _, h, w] = latents.dims();
        let inverse = self.scale.clone().recip().expand([n, 1, h, w]);
        let compressed = asinh(divided.clone().abs()) * divided.sign();
        Tensor::cat([compressed, inverse].into_iter().chain(local.cloned()).collect(), 1)
    }

    /// What a network says of some latents.
    pub(super) fn outputs(
        &self,
        net: &Dense<Conv>,
        latents: &Tensor<4>,
        local: Option<&Tensor<4>>,
    ) -> Tensor<4> {
        net.forward(&self.compressed(latents, local), &self.divided(latents))
    }

    /// How much known latents vary around each place, as the logarithm of a scale in units of the
    /// tile's: the mean over 3x3 places of `asinh` of sizes, of the differences of neighbours in
    /// the last `smooth` channels and of the other channels themselves. (N, 1, h, w)
    pub(super) fn local_log_scales(&self, latents: &Tensor<4>, smooth: usize) -> Option<Tensor<4>> {
        if !self.noise_normalised {
            return None;
        }
        let divided = self.divided(latents).detach();
        let [n, c, h, w] = divided.dims();
        let last = divided.clone().narrow(1, c - smooth, smooth);
        let step = |axis: usize, extent: usize| {
            let zero = last.clone().narrow(axis, 0, 1).zeros_like();
            if extent == 1 {
                return zero;
            }
            let later = last.clone().narrow(axis, 1, extent - 1);
            Tensor::cat(vec![zero, later - last.clone().narrow(axis, 0, extent - 1)], axis)
        };
        let mut sizes = vec![step(2, h), step(3, w)];
        if c > smooth {
            sizes.push(divided.narrow(1, 0, c - smooth));
        }
        let sizes = asinh(Tensor::cat(sizes, 1).abs()).mean_dim(1);
        let around = |map: Tensor<4>| {
            let ones = Tensor::ones([1, 1, 3, 3], &map.device());
            conv2d(map, ones, None, ConvOptions::new([1, 1], [1, 1], [1, 1], 1))
        };
        let count = around(Tensor::ones([n, 1, h, w], &sizes.device()));
        Some(around(sizes) / count)
    }

    /// Outputs of a network, in samples.
    pub(super) fn times_scale(&self, outputs: Tensor<4>) -> Tensor<4> {
        outputs * self.scale.clone()
    }
}

/// `asinh` of numbers that are not negative, so that nothing cancels.
fn asinh(size: Tensor<4>) -> Tensor<4> {
    (size.clone() + (size.square() + 1.0).sqrt()).log()
}

/// Rounding whose gradient is that of the identity (section 3.2 of the paper).
fn round_straight_through(x: Tensor<4>) -> Tensor<4> {
    let rounded = (x.clone() + 0.5).floor();
    x.clone() + (rounded - x).detach()
}

/// Residues modulo 2^16 around zero, as the coder takes them.
fn wrap(x: Tensor<4>) -> Tensor<4> {
    let turns = ((x.clone() + 32_768.0) / 65_536.0).floor().detach();
    x - turns * 65_536.0
}

impl Arithmetic for TensorArithmetic {
    type Latents = Tensor<4>;
    type Order = Param<Tensor<1, Int>>;
    type Net = Dense<Conv>;

    fn channels(&self, latents: &Tensor<4>) -> usize {
        latents.dims()[1]
    }

    fn squeeze(&self, latents: Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = latents.dims();
        let parts = latents.reshape([n, c, h / 2, 2, w / 2, 2]);
        parts.permute([0, 1, 3, 5, 2, 4]).reshape([n, 4 * c, h / 2, w / 2])
    }

    fn permute(&self, latents: Tensor<4>, order: &Param<Tensor<1, Int>>) -> Tensor<4> {
        latents.select(1, order.val())
    }

    fn part(&self, latents: &Tensor<4>, first: usize, count: usize) -> Tensor<4> {
        latents.clone().narrow(1, first, count)
    }

    fn join(&self, first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
        Tensor::cat(vec![first, second], 1)
    }

    fn add_prediction(&self, moved: Tensor<4>, net: &Dense<Conv>, fixed: &Tensor<4>) -> Tensor<4> {
        let shift = self.times_scale(self.outputs(net, fixed, None));
        wrap(moved + round_straight_through(shift))
    }
}
