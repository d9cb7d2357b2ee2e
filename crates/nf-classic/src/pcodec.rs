//! `pcodec`: pco, which sorts numbers into bins and sends the bin by ANS and the offset plainly.
//!
//! Source: M. Loncaric et al. (2025), "Pcodec: Better Compression for Numerical Sequences",
//! <https://arxiv.org/abs/2502.06112>; format: <https://github.com/pcodec/pcodec/blob/main/docs/format.md>. The library
//! chooses, for every chunk of 2^18 samples, between plain numbers, differences, and look-back. The
//! samples of all planes are one sequence, row by row: what stands above a pixel is not seen.

use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, PlaneTreatment, Result, Spec};
use nf_image::{Image16, Shape};
use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress_into};

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "pcodec",
    summary: "pco: binned numbers with ANS, differences where they help",
    source: "Loncaric et al. 2025, arXiv:2502.06112",
    options: &[OptionDoc { key: "level", values: "0..=12", default: "8", help: "2^level bins at most" }],
    build: |spec| {
        let mut options = spec.options();
        let level = options.take("level", DEFAULT_LEVEL, "0..=12", |l| (0..=12).contains(l))?;
        options.finish()?;
        Ok(Box::new(Pcodec { level }))
    },
};

/// What a stream can make the library hold at once, with a window or a dictionary of 2^25 samples.
const DECODER_BYTES: u64 = 64 << 20;
const DEFAULT_LEVEL: usize = pco::DEFAULT_COMPRESSION_LEVEL;

struct Pcodec {
    level: usize,
}

impl Codec for Pcodec {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("level", self.level, DEFAULT_LEVEL)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let config = ChunkConfig::default().with_compression_level(self.level);
        simple_compress(image.samples(), &config)
            .map_err(|error| Error::backend(ENTRY.name, error.to_string()))
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let pixels = limits.check_shape("pcodec stream", shape)?;
        limits.check_memory("pcodec stream", DECODER_BYTES)?;
        let mut image = Image16::zeros(shape);
        let progress = simple_decompress_into(bytes, image.samples_mut())
            .map_err(|error| Error::corrupt("pcodec stream", error.to_string()))?;
        if progress.n_processed != pixels || !progress.finished {
            let reason = format!("{} numbers, {pixels} were expected", progress.n_processed);
            return Err(Error::corrupt("pcodec stream", reason));
        }
        Ok(image)
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        pco::standalone::guarantee::file_size::<u16>(shape.pixels(), &pco::PagingSpec::default())
            .map_or(u64::MAX, |bytes| bytes as u64)
    }

    fn planes(&self) -> PlaneTreatment {
        PlaneTreatment::Concatenated
    }
}
