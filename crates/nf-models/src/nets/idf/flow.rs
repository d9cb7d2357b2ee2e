//! The flow on tensors, for training.

use super::{Idf, IdfConfig};
use crate::error::{Error, Result};
use crate::nets::Inputs;
use crate::normal::Normal;
use crate::tiles::{Tiles, tensor};
use burn::tensor::Tensor;

/// Latents in the order of the flow.
pub(super) struct Levels {
    /// Of every level but the last: the half that leaves and the half that stays, (N, C / 2, h, w).
    pub(super) split: Vec<(Tensor<4>, Tensor<4>)>,
    /// (N, C, h, w)
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

    /// The same as nets see them.
    pub(super) fn shown(&self, latents: &Tensor<4>) -> Tensor<4> {
        let divided = self.divided(latents);
        if !self.compressed {
            return divided;
        }
        // asinh by its odd symmetry, so that large negative numbers do not cancel.
        let size = divided.clone().abs();
        let compressed = (size.clone() + (size.square() + 1.0).sqrt()).log();
        compressed * divided.sign()
    }

    /// Numbers in units of the scale, in samples.
    pub(super) fn times(&self, numbers: Tensor<4>) -> Tensor<4> {
        numbers * self.scale.clone()
    }
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
                let shift = scaled.times(flow.net.forward(&scaled.shown(&fixed), &scaled.divided(&fixed)));
                z = Tensor::cat(vec![fixed, wrap(moved + round_straight(shift))], 1);
            }
            if level.split.is_some() {
                let staying = z.clone().narrow(1, 0, channels / 2);
                split.push((z.narrow(1, channels / 2, channels / 2), staying.clone()));
                z = staying;
            }
        }
        Levels { split, last: z }
    }
}
