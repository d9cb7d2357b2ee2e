//! Bits-back streams as a codec, so that a benchmark decodes and compares them: an experiment.

use crate::checkpoint::Checkpoint;
use crate::named_weights;
use crate::nets::VdmBitsBack;
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, Reproducibility, Result, Spec};
use nf_image::{Image16, Shape};
use std::sync::Mutex;

const NAME: &str = "vdm-bits-back";

/// The line of the registry.
pub const BITS_BACK: Entry = Entry {
    name: NAME,
    summary: "an experiment: the bound of a vdm of the process 'gaussian' as bytes, one chain of bits over \
              a stack; decodes only where it was written",
    source: "arXiv:1901.04866, arXiv:2107.00630",
    options: &[
        named_weights::OPTION,
        OptionDoc { key: "steps", values: "1..=1000", default: "4", help: "steps of the diffusion" },
        OptionDoc { key: "tile", values: "1..=4096", default: "64", help: "height and width of the tiles" },
    ],
    build,
};

fn build(spec: &Spec) -> Result<Box<dyn Codec>> {
    let mut options = spec.options();
    let id = named_weights::take(&mut options)?;
    let steps = options.take("steps", 4, "1..=1000", |steps| (1..=1000).contains(steps))?;
    let tile_px = options.take("tile", 64, "1..=4096", |tile| (1..=4096).contains(tile))?;
    options.finish()?;
    let net = Checkpoint::load_vdm_gaussian(&named_weights::folder(spec, &id)?)
        .map_err(|error| spec.error(error.to_string()))?;
    let coder = VdmBitsBack::new(net, steps, tile_px).map_err(|reason| spec.error(reason))?;
    Ok(Box::new(BitsBackCodec { id, steps, tile_px, coder: Mutex::new(coder) }))
}

struct BitsBackCodec {
    id: String,
    steps: usize,
    tile_px: usize,
    /// Tensors are not shared between threads.
    coder: Mutex<VdmBitsBack>,
}

impl BitsBackCodec {
    fn with<T>(&self, work: impl FnOnce(&VdmBitsBack) -> nf_entropy::Result<T>) -> Result<T> {
        let coder = self.coder.lock().map_err(|error| Error::backend(NAME, error.to_string()))?;
        work(&coder).map_err(|error| Error::backend(NAME, error.to_string()))
    }
}

impl Codec for BitsBackCodec {
    fn spec(&self) -> Spec {
        named_weights::spec(NAME, &self.id).with("steps", self.steps, 4).with("tile", self.tile_px, 64)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        self.with(|coder| Ok(coder.encode(image)?.0))
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        limits.check_shape(NAME, shape)?;
        self.with(|coder| coder.decode(bytes, shape))
    }

    /// Every symbol costs at most 30 bits: a sample, and two for each latent.
    fn max_bytes(&self, shape: Shape) -> u64 {
        let symbols = 2 * self.steps as u64 + 2;
        64 + (shape.pixels() as u64).saturating_mul(4 * symbols + 3)
    }

    fn reproducibility(&self) -> Reproducibility {
        Reproducibility::SameBuild
    }
}
