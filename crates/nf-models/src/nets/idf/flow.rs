//! The flow on tensors, for training.

use super::{Idf, IdfConfig};
use crate::error::{Error, Result};
use crate::nets::Inputs;
use crate::normal::Normal;
use crate::tiles::{Tiles, tensor};
use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;

/// Latents in the order of the flow.
pub(super) struct Levels {
    /// Of every level that splits: the groups that leave, the last one first, then what stays, (N, C, h, w).
    pub(super) split: Vec<Tensor<4>>,
    /// What stays after the last one, (N, C, h, w).
    pub(super) last: Tensor<4>,
}

/// Tiles as integers around zero, with the scale at which nets see them.
pub(super) struct Scaled {
    /// (N, P, H, W)
    pub(super) values: Tensor<4>,
    /// Per tile, in samples: (N, 1, 1, 1).
    scale: Tensor<4>,
    compressed: bool,
}

impl Scaled {
    pub(super) fn of(config: &IdfConfig, samples: Tensor<4>) -> Result<Self> {
        let tiles = Tiles::of(&samples, config.planes)?;
        let [n, planes, height, width] = tiles.extents;
        let step = 1 << config.levels;
        if height % step != 0 || width % step != 0 {
            let expected =
                format!("heights and widths that are multiples of {step}, for {} levels", config.levels);
            return Err(Error::Tiles { found: tiles.extents.to_vec(), expected });
        }
        let device = samples.device();
        let compressed = config.inputs == Inputs::Robust;
        let (mut locations, mut scales) = (vec![], vec![]);
        for tile in 0..n {
            let normals: Vec<Normal> =
                (0..planes).map(|plane| Normal::of(tiles.plane(tile, plane), width)).collect();
            locations.extend(normals.iter().map(|&normal| location(config, normal)));
            scales.push(scale(config, &normals));
        }
        let values = wrap(samples - tensor(locations, [n, planes, 1, 1], &device));
        Ok(Self { values, scale: tensor(scales, [n, 1, 1, 1], &device), compressed })
    }

    pub(super) fn log_scale(&self) -> Tensor<4> {
        self.scale.clone().log()
    }

    /// Latents in units of the scale.
    pub(super) fn divided(&self, latents: &Tensor<4>) -> Tensor<4> {
        latents.clone() / self.scale.clone()
    }

    /// The same as nets see them, how far apart integers are in units of the scale, and the spread where there is one.
    pub(super) fn shown(&self, latents: &Tensor<4>, spread: Option<&Tensor<4>>) -> Tensor<4> {
        let divided = self.divided(latents);
        if !self.compressed {
            return divided;
        }
        let [n, _, h, w] = latents.dims();
        let inverse = self.scale.clone().recip().expand([n, 1, h, w]);
        let compressed = asinh(divided.clone().abs()) * divided.sign();
        Tensor::cat([compressed, inverse].into_iter().chain(spread.cloned()).collect(), 1)
    }

    /// How much known latents vary around each place, as the logarithm of a scale in units of the tile's: the mean
    /// over 3x3 places of `asinh` of sizes, of the differences of neighbours in the last `smooth` channels and of the other
    /// channels themselves. (N, 1, h, w)
    pub(super) fn spread(&self, latents: &Tensor<4>, smooth: usize) -> Option<Tensor<4>> {
        if !self.compressed {
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

    /// Numbers in units of the scale, in samples.
    pub(super) fn times(&self, numbers: Tensor<4>) -> Tensor<4> {
        numbers * self.scale.clone()
    }
}

/// `asinh` of numbers that are not negative, so that nothing cancels.
fn asinh(size: Tensor<4>) -> Tensor<4> {
    (size.clone() + (size.square() + 1.0).sqrt()).log()
}

/// What is subtracted from the samples of a plane.
pub(super) fn location(config: &IdfConfig, normal: Normal) -> f32 {
    match config.inputs {
        Inputs::Robust => f32::from(normal.location),
        _ => 32_768.0,
    }
}

/// The scale at which nets see a tile: of its planes the noisiest.
pub(super) fn scale(config: &IdfConfig, normals: &[Normal]) -> f32 {
    match config.inputs {
        Inputs::Robust => normals.iter().map(|normal| normal.scale()).fold(1.0, f32::max),
        _ => 65_536.0,
    }
}

/// `(N, C, 2 h, 2 w)` to `(N, 4 C, h, w)`: pixel `(2 y + i, 2 x + j)` of channel c becomes channel `4 c + 2 i + j`.
fn squeeze(map: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = map.dims();
    let parts = map.reshape([n, c, h / 2, 2, w / 2, 2]);
    parts.permute([0, 1, 3, 5, 2, 4]).reshape([n, 4 * c, h / 2, w / 2])
}

/// Rounding whose gradient is that of the identity (section 3.2 of the paper).
fn round_straight(x: Tensor<4>) -> Tensor<4> {
    let rounded = (x.clone() + 0.5).floor();
    x.clone() + (rounded - x).detach()
}

/// Residues modulo 2^16 around zero, as the coder takes them.
fn wrap(x: Tensor<4>) -> Tensor<4> {
    let turns = ((x.clone() + 32_768.0) / 65_536.0).floor().detach();
    x - turns * 65_536.0
}

impl Idf {
    /// The flow forth.
    pub(super) fn latents(&self, x: Tensor<4>, scaled: &Scaled) -> Levels {
        let mut z = x;
        let mut split = vec![];
        for level in &self.levels {
            z = squeeze(z);
            let channels = z.dims()[1];
            for flow in &level.flows {
                z = z.select(1, flow.order.val());
                let fixed = z.clone().narrow(1, 0, channels - channels / 4);
                let moved = z.narrow(1, channels - channels / 4, channels / 4);
                let shift =
                    scaled.times(flow.net.forward(&scaled.shown(&fixed, None), &scaled.divided(&fixed)));
                z = Tensor::cat(vec![fixed, wrap(moved + round_straight(shift))], 1);
            }
            if !level.split.is_empty() {
                let staying = channels / (level.split.len() + 1);
                split.push(z.clone());
                z = z.narrow(1, channels - staying, staying);
            }
        }
        Levels { split, last: z }
    }
}
