//! The codec on a device.

use super::{NetCodec, cut};
use crate::batch::{Whole, whole};
use crate::gpu::{Gpu, GpuError};
use crate::tile_model::{TilesOnGpu, Version};
use nf_codec::{Error, Result};
use nf_image::{Digest, Image16, TileBox};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The device that codecs of the registry take.
static CHOSEN: OnceLock<Chosen> = OnceLock::new();

struct Chosen {
    gpu: Gpu,
    /// The nets that are on it, by the digests of their weights.
    nets: Mutex<HashMap<Digest, Arc<dyn TilesOnGpu>>>,
}

/// Lets codecs that [`ENTRY`](super::ENTRY) builds from now on code on this device, where their
/// nets can: row nets. Streams are the same with and without. Only the first call counts.
pub fn code_on(gpu: Gpu) {
    CHOSEN.get_or_init(|| Chosen { gpu, nets: Mutex::default() });
}

/// The codec on the device that was chosen, if one was and its net can.
///
/// # Errors
/// If the device takes no such net.
pub(super) fn chosen(codec: NetCodec) -> std::result::Result<NetCodec, GpuError> {
    let (Some(Chosen { gpu, nets }), Some(_)) = (CHOSEN.get(), codec.model.bytes()) else { return Ok(codec) };
    let mut nets = nets.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(net) = nets.get(&codec.digest) {
        return Ok(NetCodec { gpu: Some(Arc::clone(net)), ..codec });
    }
    let codec = codec.on(gpu)?;
    nets.extend(codec.gpu.iter().map(|net| (codec.digest, Arc::clone(net))));
    Ok(codec)
}

impl NetCodec {
    /// The same codec, which codes on a device if its net can; the bytes are the same.
    ///
    /// # Errors
    /// If the device takes no such net.
    pub fn on(self, gpu: &Gpu) -> std::result::Result<Self, GpuError> {
        let on_gpu = self.model.bytes().map(|model| model.on_gpu(gpu)).transpose()?;
        Ok(Self { gpu: on_gpu.map(Arc::from), ..self })
    }

    /// Whether it codes on a device.
    pub fn is_on_gpu(&self) -> bool {
        self.gpu.is_some()
    }
}

fn failed(error: GpuError) -> Error {
    Error::backend("net", error.to_string())
}

/// The bytes of every batch, of one tile each.
pub(super) fn encode(
    gpu: &dyn TilesOnGpu,
    image: &Image16,
    batches: &[Vec<TileBox>],
) -> Result<Vec<Vec<u8>>> {
    let tiles: Vec<_> = batches.iter().flat_map(|boxes| cut(image, boxes)).collect();
    let coded = gpu.encode(&tiles).map_err(failed)?;
    Ok(tiles.iter().zip(coded).map(|(tile, coded)| whole(tile, coded)).collect())
}

/// The samples of the tiles of every batch, of one tile each.
pub(super) fn decode(
    gpu: &dyn TilesOnGpu,
    batches: &[Vec<TileBox>],
    parts: &[&[u8]],
    version: Version,
) -> Result<Vec<Vec<Vec<u16>>>> {
    let tiles = || batches.iter().flatten().zip(parts);
    let wholes: Vec<Result<Whole>> = tiles().map(|(tile, bytes)| Whole::of(bytes, tile)).collect();
    // Of tiles behind a fault nothing is asked: the first error in their order is told.
    let fine = wholes.iter().map_while(|whole| whole.as_ref().ok());
    let coded: Vec<(&[u8], usize, usize)> = fine
        .zip(tiles())
        .filter_map(|(whole, (tile, _))| match whole {
            Whole::Coded(bytes) => Some((*bytes, tile.rows.len(), tile.columns.len())),
            Whole::Raw(_) => None,
        })
        .collect();
    let mut decoded = gpu.decode(&coded, version).map_err(failed)?.into_iter();
    let samples = |whole: Result<Whole>| match whole? {
        Whole::Coded(_) => decoded.next().expect("every coded tile before a fault is decoded"),
        Whole::Raw(samples) => Ok(samples),
    };
    wholes.into_iter().map(samples).map(|tile| Ok(vec![tile?])).collect()
}
