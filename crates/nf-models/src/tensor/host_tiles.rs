//! Tiles of raw samples between tensors and the host.

use crate::error::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};

/// Tiles on the host: samples of (N, P, H, W).
pub(crate) struct HostTiles {
    pub(crate) extents: [usize; 4],
    pub(crate) samples: Vec<u16>,
}

impl HostTiles {
    /// The tiles of a tensor of raw samples, which f32 holds exactly.
    ///
    /// # Errors
    /// [`Error::Tiles`] if there are not `planes` planes, an extent is zero, or a value is no
    /// sample.
    pub(crate) fn of(tensor: &Tensor<4>, planes: usize) -> Result<Self> {
        let extents = tensor.dims();
        let error = |expected: String| Error::Tiles { found: extents.to_vec(), expected };
        if extents[1] != planes {
            return Err(error(format!("(N, {planes}, H, W): the net codes {planes} planes")));
        }
        if extents.contains(&0) {
            return Err(error("at least one tile of at least one sample".into()));
        }
        let values =
            tensor.to_data().try_to_vec_as::<f32>().map_err(|e| error(format!("values of f32: {e:?}")))?;
        if let Some(value) =
            values.iter().find(|value| !(0.0..=65_535.0).contains(*value) || value.fract() != 0.0)
        {
            return Err(error(format!("samples of 0..=65535, found {value}")));
        }
        Ok(Self { extents, samples: values.into_iter().map(|value| value as u16).collect() })
    }

    /// Plane `p` of tile `n`.
    pub(crate) fn plane(&self, n: usize, p: usize) -> &[u16] {
        let [_, planes, height, width] = self.extents;
        let pixels = height * width;
        &self.samples[(n * planes + p) * pixels..][..pixels]
    }
}

/// Puts channels from `first` on at one pixel of item `n` of a map (N, channels, pixels).
pub(crate) fn put(map: &mut [f32], row: &[f32], [n, first, channels]: [usize; 3], [at, pixels]: [usize; 2]) {
    for (channel, &value) in row.iter().enumerate() {
        map[(n * channels + first + channel) * pixels + at] = value;
    }
}

/// A map built on the host, (N, C, H, W) in that order, on a device.
pub(crate) fn tensor(values: Vec<f32>, extents: [usize; 4], device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, extents), device)
}
